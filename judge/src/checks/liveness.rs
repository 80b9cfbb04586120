//! `liveness`: accepted events are stored within the promised time. Server errors are observations.
//!
//! Events that wait while counters move may still be stored. Events that wait while nothing moves,
//! for longer than `[promises] drain` after the last response, break a promise. Without that
//! promise no time is too long.

use foldhash::HashSet;
use truth::duration;
use truth::observed::Settled;
use truth::record::ledger::Frame;
use truth::target::answer::Outcome;

use crate::books::interval::Interval;
use crate::facts::Facts;
use crate::history::histories;
use crate::numbers::{counted, grouped};
use crate::verdict::{Attempt, Check, CheckId, Finding, Observation};

/// Number of failed attempts from which on a key is shown.
const POISONED_ATTEMPTS: usize = 3;

/// Number of such keys that are looked at.
const POISONED_KEYS: usize = 64;

/// Looks for accepted events that still wait. It is certain if the counters stood still at the end,
/// nobody else writes, and fewer events waited before the run.
pub fn liveness(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Liveness;
    let evidence = facts.evidence;
    let observed = &evidence.observed.stats;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "shards of this run are missing");
    }
    let reported =
        observed.stats.as_ref().filter(|stats| stats.pending.is_some() || stats.processing.is_some());
    let Some(now) = reported else {
        return Check::not_tested(ID, "the target does not report waiting events");
    };
    let waiting = now.backlog();
    if waiting == 0 {
        return Check::pass(ID, "no accepted event is still waiting");
    }
    let what = format!("{} still waiting", counted(waiting, "event is", "events are"));
    let waited = grouped(observed.waited_ms);
    if observed.settled != Settled::Stalled {
        let detail =
            format!("{what} after {waited} ms, and the counters still move; give it more time with --settle");
        return Check::unknown(ID, waiting, detail);
    }
    let Some(drain) = evidence.promises.drain else {
        let detail = format!(
            "{what} after {waited} ms, and nothing moves; give it more time with --settle, or set `[promises] drain` \
             to the time that it may take"
        );
        return Check::unknown(ID, waiting, detail);
    };
    if u128::from(observed.waited_ms) < drain.as_millis() {
        return Check::unknown(ID, waiting, format!("{what} after {waited} ms, within the promised time"));
    }
    let before = evidence.baseline.as_ref().filter(|baseline| !baseline.moving);
    let before = before.and_then(|baseline| baseline.stats.as_ref()).map(|stats| stats.backlog());
    let detail = format!("{what} {} after the last response, and nothing moves", duration::format(drain));
    match before {
        // What waited before the run may be what waits now.
        Some(before) if before < waiting && !evidence.promises.is_shared() => {
            Check::fail(ID, waiting - before, detail.clone(), vec![Finding::plain(detail)])
        }
        _ => Check::unknown(ID, waiting, format!("{detail}; they may be others' events")),
    }
}

/// Counts the responses that report a server error, by status.
pub(super) fn failures(facts: &Facts<'_>) -> Option<Observation> {
    let failures = facts.tally.statuses.iter().filter(|(status, _)| **status >= 500);
    let responses: Vec<(u16, u64)> = failures.map(|(status, count)| (*status, *count)).collect();
    (!responses.is_empty()).then_some(Observation::ServerErrors { responses })
}

/// Finds keys that failed with a server error each time, while others were acknowledged: something
/// about them makes the target fail.
pub(super) fn poisoned(facts: &Facts<'_>) -> Option<Observation> {
    let evidence = facts.evidence;
    let keys = &facts.tally.keys;
    let tried = |ordinal: u64| keys.unknown(ordinal) >= POISONED_ATTEMPTS as u64;
    let suspects = keys.iter().filter(|(ordinal, state)| state.acked() == 0 && tried(*ordinal));
    let suspects: HashSet<u64> = suspects.map(|(ordinal, _)| ordinal).take(POISONED_KEYS).collect();
    // A ledger that cannot be read a second time leaves nothing to tell here, and its verdict says
    // so.
    let mut attempts = histories(evidence, &suspects).ok()?;
    let failed = |attempt: &Attempt| (500..600).contains(&attempt.status);
    attempts.retain(|_, attempts| attempts.len() >= POISONED_ATTEMPTS && attempts.iter().all(failed));
    let span = |attempts: &Vec<Attempt>| {
        let start = attempts.iter().map(|attempt| attempt.start_us).min()?;
        let end = attempts.iter().filter_map(|attempt| attempt.end_us).max()?;
        Some(Interval { start, end })
    };
    let spans: Vec<(u64, Interval)> =
        attempts.iter().filter_map(|(ordinal, attempts)| Some((*ordinal, span(attempts)?))).collect();
    let mut poisoned: Vec<u64> = alive_meanwhile(facts, &spans)?.into_iter().collect();
    poisoned.sort_unstable();
    let first = *poisoned.first()?;
    Some(Observation::Poisoned {
        keys: poisoned.len() as u64,
        attempts: POISONED_ATTEMPTS,
        first,
        topic: evidence.events.topic(first).to_owned(),
        event_id: evidence.events.id_text(first),
    })
}

/// Finds those of these keys during whose attempts some request was acknowledged.
fn alive_meanwhile(facts: &Facts<'_>, spans: &[(u64, Interval)]) -> Option<HashSet<u64>> {
    let mut alive = HashSet::default();
    let mut origin = None;
    if spans.is_empty() {
        return None;
    }
    let read = facts.evidence.for_each_frame(|_, frame| {
        let origin = *origin.get_or_insert(frame.t().unwrap_or(0));
        if let Frame::Done(done) = frame
            && done.answer.outcome == Outcome::Acked
        {
            let end = done.t_end.saturating_sub(origin) / 1_000;
            let within = spans.iter().filter(|(_, span)| span.overlaps(Interval { start: end, end }));
            alive.extend(within.map(|(ordinal, _)| *ordinal));
        }
        Ok(())
    });
    read.ok().map(|_| alive)
}
