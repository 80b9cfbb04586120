//! The judge: a pure function from evidence to a verdict. This file is the table of contents of its checks.
//!
//! | check | fails when | certain when | needs |
//! |---|---|---|---|
//! | `lost` | a key was acknowledged and is absent | the listing is complete, at least of the key's topic, or has passed it (see [`passed`]), it is bracketed, and the key was looked for again | listing |
//! | `key-merged` | a lost key has a twin that is there: the target takes two keys for one | as `lost` | listing, `[traps]` |
//! | `stranger` | a listed id decodes but was never attempted, or does not decode and the unique count leaves it out | always; the second with a baseline listing | listing |
//! | `wrong-topic` | a listed id belongs to another topic | always | listing |
//! | `scope-leak` | asked for one topic, the target shows rows of another | it heeds the topic at all: not all pages are alike | listing that can be asked for a topic |
//! | `foreign-lost` | a row of others that was listed before the run is gone | both listings are complete, and nobody else writes | listing before the run |
//! | `stored-twice` | a key is listed more than once | the listing is bracketed, and its attempts lie within the promised window, see [`ages`] | listing |
//! | `rejected-but-stored` | only rejected attempts, yet present | always | listing |
//! | `payload-changed` | a stored event is not the one sent | always, under the promised equality | listing with contents |
//! | `wrong-winner` | of a key's two payloads, the stored one cannot have been the one to stay, see [`winner`] | one clock, nothing in between resends, acknowledged means committed (not for `conflict = "reject"`) | listing with contents, `[traps]` |
//! | `answer-order` | see [`order`] | one clock, nothing in between resends, acknowledged means committed | answers that tell |
//! | `answer-sum` | an answer's numbers do not add up, or are not what was sent | always | answers with counts |
//! | `batch-counts` | an answer counts more new events than can have been new | always | answers with counts alone |
//! | `torn-batch` | of a request without an answer, a part is stored | the listing is complete and bracketed, batches are atomic, and the keys have no other attempt | listing |
//! | `invalid-taken` | a request with an invalid event is acknowledged | batches are promised to be whole | `[traps] invalid` |
//! | `routes-disagree` | listing and database tell different things of a key, or rows and unique count different totals | the listing is complete and bracketed; of a key also if it is not | two of listing, database, counters |
//! | `counters` | see [`counters`] and, under load, [`under_load`] | the baseline was still, or the closing poll agrees | counters |
//! | `epochs` | a counter fell, or an uptime lies, see [`epochs`] | answers are snapshots, and counters persist or one process answered | counters read twice |
//! | `liveness` | something accepted waits, and nothing moves, beyond the promised time | the counters stood still at the end of it, nobody else writes, and less waited before the run | `[promises] drain`, counters of what waits |
//! | `stillness` | a key that a first look showed is gone at the second | both listings are complete and bracketed | `--resolve` or `--replay`, listing |
//! | `replay` | an acknowledged key that is sent again is told to be new, or counted as unique | the key was listed, or acknowledged where nothing is listed | `--replay`, answers that tell or counters |

pub mod again;
pub mod ages;
pub mod by_key;
pub mod by_request;
pub mod by_row;
pub mod by_total;
mod conclude;
pub mod counters;
pub mod coverage;
pub mod epochs;
pub mod history;
pub mod keys;
pub mod liveness;
pub mod order;
pub mod passed;
pub mod planted;
mod sums;
pub mod tally;
pub mod under_load;
pub mod walk;
pub mod winner;

use std::collections::{HashMap, HashSet};

use truth::scenario::promises::Counters as CounterPromise;

use self::conclude::conclude;
use self::epochs::{Epochs, Passage, Reading};
use self::tally::Tally;
use self::walk::{Setting, Walk, WalkError};
use crate::baseline::{ListedBaseline, chain};
use crate::evidence::Evidence;
use crate::observe::stats::Counters;
use crate::observed::{Route, Settled};
use crate::polls::Polled;
use crate::verdict::{Attempts, Check, CounterSlack, Finding, SHOWN_KEYS, Status, Verdict, Word};

/// Why what nobody is on record to have sent may have been sent all the same.
const OPEN_END: &str = "the ledger was not closed, and may lack what was sent last";

/// What all checks see: the evidence and what one pass over the ledger made of it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// The ledger, booked; its keys know what was seen.
    pub tally: Tally,
    /// Bytes of ledger frames that were never finished.
    pub torn_bytes: u64,
    /// For each run, what the counters said from the baseline to the last look.
    pub epochs: Vec<Epochs>,
}

/// All checks, made.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// In the order of [`examine`].
    pub checks: Vec<Check>,
    /// What makes the verdict UNKNOWN, beyond the checks.
    pub doubts: Vec<String>,
    /// What happened besides.
    pub observations: Vec<String>,
    /// How much room the counters leave.
    pub slack: Option<CounterSlack>,
}

/// Judges. An error on the way is a verdict too: UNKNOWN, never PASS.
pub fn judge(evidence: &Evidence) -> Verdict {
    let facts = match Facts::gather(evidence) {
        Ok(facts) => facts,
        Err(error) => return undecided(format!("the ledger cannot be judged: {}", chain(&error))),
    };
    let mut examined = examine(&facts);
    let planted = match planted::prove(&facts, &examined.checks) {
        Ok(planted) => planted,
        Err(error) => {
            examined.doubts.push(format!("the judge could not be proven: {}", chain(&error)));
            Vec::new()
        }
    };
    let mut verdict = conclude(&facts, examined, planted);
    if let Err(error) = tell_histories(evidence, &mut verdict.checks) {
        verdict.reasons.push(format!("the histories of keys cannot be told: {}", chain(&error)));
        verdict.verdict = verdict.verdict.max(Word::Unknown);
    }
    verdict
}

impl<'a> Facts<'a> {
    /// Books the ledger and takes over what was seen.
    pub fn gather(evidence: &'a Evidence) -> Result<Self, WalkError> {
        let (mut tally, torn_bytes) = book(evidence)?;
        tally.keys.see(&evidence.observed.presence);
        let epochs = evidence.polled.iter().map(|polled| to_the_end(evidence, polled)).collect();
        Ok(Self { evidence, tally, torn_bytes, epochs })
    }

    /// Whether the listing tells of every key whether it is there.
    pub fn tells_presence(&self) -> bool {
        self.evidence.observed.listing.tells_presence()
    }

    /// What was listed before the run, by the way by which it is listed now.
    pub fn listed_before(&self) -> Option<ListedBaseline> {
        let baseline = self.evidence.baseline.as_ref()?;
        match self.evidence.observed.listing.route {
            Route::Api => baseline.listed,
            Route::Database => baseline.stored,
        }
    }

    /// Whether all that the target took is done with: what is absent while something waits may still come.
    pub fn is_at_rest(&self) -> bool {
        let stats = &self.evidence.observed.stats;
        !matches!(stats.settled, Settled::Moving | Settled::Stalled)
            && stats.stats.as_ref().is_none_or(|stats| stats.backlog() == 0)
    }

    /// Whether the counters of before and of now count from one start. Those that do not survive a restart do so only
    /// where the target shows that one process answered all along.
    pub fn counts_on(&self) -> bool {
        let is_one = |epochs: &Epochs| epochs.compared > 0 && epochs.is_one();
        let was_restarted = self.evidence.faults.iter().any(|struck| struck.restart().is_some());
        self.evidence.promises.counters == CounterPromise::Persistent
            || (!was_restarted && !self.epochs.is_empty() && self.epochs.iter().all(is_one))
    }

    /// Why the counters do not count on, where they do not.
    pub fn why_not_counted_on(&self) -> &'static str {
        if self.evidence.faults.iter().any(|struck| struck.restart().is_some()) {
            return "the counters do not survive a restart, and the target was restarted";
        }
        match self.epochs.iter().find_map(|epochs| epochs.broken) {
            Some(Passage::Restarted) => "the counters do not survive a restart, and the target restarted",
            Some(Passage::Another) => "the counters are each process's own, and more than one answered",
            Some(Passage::Same | Passage::Untold) | None => {
                "the counters do not survive a restart, and there may have been one: nothing tells (`stats.uptime` or \
                 `stats.instance` would)"
            }
        }
    }

    /// Whether the ledger may lack what was sent last. A sender that was killed leaves all of it, but nothing tells that
    /// from a folder that was copied while it still sent, or from a machine that lost its power.
    pub fn may_lack_the_end(&self) -> bool {
        self.tally.is_open || self.torn_bytes > 0
    }

    /// A failure that rests on nothing having been sent but what is on record.
    fn if_all_is_known(&self, check: Check) -> Check {
        if check.status != Status::Fail || !self.may_lack_the_end() {
            return check;
        }
        Check::unknown(&check.name, check.count, format!("{}; but {OPEN_END}", check.summary))
    }

    /// What the target said right after the last answer, as if `verify` had sent by then what it sent later. None if
    /// the two looks around that leave room for another writer.
    pub fn closing(&self) -> Option<Counters> {
        let closing = self.evidence.closing.as_ref()?;
        let Some(earlier) = &self.evidence.earlier else { return Some(closing.clone()) };
        let (before, now) = (earlier.stats.stats.as_ref()?, self.evidence.observed.stats.stats.as_ref()?);
        let grown = |of: fn(&Counters) -> Option<u64>| of(now)?.checked_sub(of(before)?);
        let resent = self.tally.resent.resolve + self.tally.resent.replay;
        let (presence, was) = (&self.evidence.observed.presence, &earlier.presence);
        let appeared = |ordinal: &u64| presence.seen(*ordinal) > 0 && was.seen(*ordinal) == 0;
        let stored = self.evidence.keys.clone().filter(appeared).count() as u64;
        let ours_alone = resent.unknown == 0
            && earlier.listing.tells_presence()
            && self.tells_presence()
            && grown(|counters| counters.received) == Some(resent.acked)
            && grown(|counters| counters.unique) == Some(stored);
        let plus = |of: fn(&Counters) -> Option<u64>| of(closing)?.checked_add(grown(of)?);
        ours_alone.then(|| Counters {
            received: plus(|counters| counters.received),
            unique: plus(|counters| counters.unique),
            duplicates: plus(|counters| counters.duplicates),
            ..closing.clone()
        })
    }

    /// A finding on a key of the plan.
    pub fn finding(&self, ordinal: u64, detail: impl Into<String>) -> Finding {
        let events = &self.evidence.events;
        Finding {
            ordinal: Some(ordinal),
            topic: Some(events.topic(ordinal).to_owned()),
            event_id: Some(events.id_text(ordinal)),
            detail: detail.into(),
            history: Vec::new(),
        }
    }

    fn attempts(&self) -> Attempts {
        let resent = &self.tally.resent;
        let (sums, keys) = (self.tally.sums - resent.resolve - resent.replay, &self.tally.keys);
        let doubtful = |acked: u8, unknown: u8| acked == 0 && unknown > 0;
        Attempts {
            planned: self.evidence.plan.total.unwrap_or(0),
            sent: sums.sent(),
            acked: sums.acked,
            told_new: sums.told_new,
            told_duplicate: sums.told_duplicate,
            unknown: sums.unknown,
            rejected: sums.rejected,
            never_sent: sums.never_sent,
            acked_keys: keys.iter().filter(|(_, state)| state.acked() > 0).count() as u64,
            doubtful_keys: keys.iter().filter(|(_, state)| doubtful(state.acked(), state.unknown())).count()
                as u64,
        }
    }
}

/// What the counters said from the baseline on, until `verify` looked for the last time.
fn to_the_end(evidence: &Evidence, polled: &Polled) -> Epochs {
    let mut epochs = polled.epochs.clone();
    for look in evidence.earlier.iter().chain([&evidence.observed]) {
        let at_ns = look.stats.read_ns.filter(|_| evidence.one_clock);
        if let Some(counters) = look.stats.stats.clone() {
            epochs.take(Reading { asked_ns: at_ns, answered_ns: at_ns, counters });
        }
    }
    epochs
}

/// Books a ledger: one pass, without what was seen.
pub fn book(evidence: &Evidence) -> Result<(Tally, u64), WalkError> {
    if let Some(path) = &evidence.gone {
        return Err(WalkError::Gone { path: path.clone() });
    }
    let runs = evidence.frames.runs();
    let setting = Setting {
        plan: &evidence.plan,
        events: &evidence.events,
        can_race: evidence.can_race,
        batch: evidence.promises.batch,
        window: evidence.promises.window,
        ack: evidence.promises.ack,
        one_clock: evidence.one_clock,
        runs: &runs,
        ended: &evidence.ended,
    };
    let mut walk = Walk::new(setting, evidence.keys.clone());
    let torn_bytes = evidence.frames.for_each(|segment, frame| walk.take(segment, frame))?;
    let mut tally = walk.finish();
    if let Some(segment) = tally.cut_off {
        return Err(WalkError::CutOff { path: evidence.frames.path(segment) });
    }
    tally.coverage.take_keys(&evidence.events, &tally.keys);
    Ok((tally, torn_bytes))
}

/// Makes all checks.
pub fn examine(facts: &Facts<'_>) -> Examined {
    let mut examined = Examined::default();
    let (stranger, rejected) = by_key::unaccounted(facts, &mut examined);
    let torn = by_request::torn_batch(facts, &mut examined);
    let checks = vec![
        by_key::lost(facts),
        by_key::key_merged(facts),
        by_row::stranger(facts, stranger, &mut examined),
        by_row::wrong_topic(facts),
        by_row::scope_leak(facts),
        by_row::foreign_lost(facts),
        by_key::stored_twice(facts),
        facts.if_all_is_known(rejected),
        by_row::payload_changed(facts),
        facts.if_all_is_known(winner::wrong_winner(facts)),
        by_key::answer_order(facts),
        by_total::answer_sum(facts),
        by_request::batch_counts(facts),
        facts.if_all_is_known(torn),
        by_request::invalid_taken(facts),
        by_total::routes_disagree(facts),
        by_total::counters(facts, &mut examined),
        epochs::epochs(facts),
        liveness::liveness(facts),
        again::stillness(facts),
        again::replay(facts),
    ];
    examined.checks = checks;
    examined.observations.extend(by_row::rows_of_others(facts));
    examined.observations.extend(epochs::restarts(facts));
    examined.observations.extend(liveness::failures(facts));
    examined.observations.extend(liveness::poisoned(facts));
    examined
}

fn tell_histories(evidence: &Evidence, checks: &mut [Check]) -> Result<(), WalkError> {
    let shown = checks.iter().flat_map(|check| &check.findings).filter_map(|finding| finding.ordinal);
    let keys: HashSet<u64> = shown.collect();
    let histories: HashMap<_, _> = history::histories(evidence, &keys)?;
    for finding in checks.iter_mut().flat_map(|check| &mut check.findings) {
        if let Some(history) = finding.ordinal.and_then(|ordinal| histories.get(&ordinal)) {
            finding.history.clone_from(history);
        }
    }
    Ok(())
}

/// A verdict without a check: what kept the judge from looking.
pub fn undecided(reason: String) -> Verdict {
    Verdict { verdict: Word::Unknown, reasons: vec![reason], ..blank() }
}

fn blank() -> Verdict {
    Verdict {
        schema_version: 1,
        onceproof: env!("CARGO_PKG_VERSION").to_owned(),
        verdict: Word::Unknown,
        observation: 0,
        runs: Vec::new(),
        target: String::new(),
        reasons: Vec::new(),
        observations: Vec::new(),
        checks: Vec::new(),
        not_tested: Vec::new(),
        attempts: Attempts::default(),
        coverage: coverage::Coverage::default(),
        counters: None,
        resolved: None,
        replayed: None,
        planted: Vec::new(),
        rerun: String::new(),
    }
}

impl Check {
    fn pass(name: &str, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Pass, 0, summary, Vec::new())
    }

    fn unknown(name: &str, count: u64, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Unknown, count, summary, Vec::new())
    }

    fn not_tested(name: &str, summary: impl Into<String>) -> Self {
        Self::of(name, Status::NotTested, 0, summary, Vec::new())
    }

    fn fail(name: &str, count: u64, summary: impl Into<String>, mut findings: Vec<Finding>) -> Self {
        findings.truncate(SHOWN_KEYS);
        Self::of(name, Status::Fail, count, summary, findings)
    }

    fn of(
        name: &str,
        status: Status,
        count: u64,
        summary: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { name: name.to_owned(), status, count, summary: summary.into(), findings }
    }
}

impl Finding {
    /// A finding that is not on one key.
    fn plain(detail: String) -> Self {
        Self { ordinal: None, topic: None, event_id: None, detail, history: Vec::new() }
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 key`, `2 keys`.
pub(crate) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use truth::plan::event::Events;
    use truth::record::ledger::Frame;
    use truth::scenario::Scenario;
    use truth::scenario::promises::Promises;

    use super::*;
    use crate::evidence::Frames;
    use crate::observed::Observed;
    use crate::verdict::Planted;

    #[test]
    fn a_planted_defect_that_goes_unseen_makes_the_verdict_unknown() {
        let plan = Scenario::default().plan(1, 2).unwrap();
        let evidence = Evidence {
            events: Events::new(&plan),
            promises: Promises::default(),
            keys: 0..plan.keys().unwrap(),
            frames: Frames::Memory(vec![Frame::Closed { t: 0 }]),
            can_race: true,
            one_clock: true,
            gone: None,
            ended: vec![true],
            polls_end: true,
            ended_by_time: false,
            missing_shards: 0,
            baseline: None,
            baselines_differ: false,
            closing: None,
            polled: Vec::new(),
            faults: Vec::new(),
            observed: Observed::blank(&plan, "http://127.0.0.1:8080"),
            earlier: None,
            plan,
        };
        let facts = Facts::gather(&evidence).unwrap();
        let planted = |seen| {
            let (defect, check) = ("loss".to_owned(), "lost".to_owned());
            vec![Planted { defect, check, seen: Some(seen) }]
        };
        assert_eq!(conclude(&facts, Examined::default(), planted(true)).verdict, Word::Void);
        let blind = conclude(&facts, Examined::default(), planted(false));
        assert_eq!(blind.verdict, Word::Unknown);
        assert!(blind.reasons[0].contains("did not see a planted loss"), "{:?}", blind.reasons);
    }
}
