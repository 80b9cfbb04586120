//! Checks of whole requests: a batch that is stored in part, counts of new events, and invalid
//! events.

use foldhash::HashMap;
use truth::chain::chain;
use truth::plan::round::Round;
use truth::record::ledger::{Frame, Scope};
use truth::scenario::promises::Batch;
use truth::target::answer::Outcome;

use crate::books::keys::KeyState;
use crate::books::walk::WalkError;
use crate::checks::by_total::of_answers;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Doubt, Examined, Finding, Premise, SHOWN_KEYS};

/// Looks for unanswered requests of which a part is stored, though the target promises all or
/// nothing. Only keys without another attempt count.
pub fn torn_batch(facts: &Facts<'_>, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::TornBatch;
    if facts.evidence.promises.batch == Some(Batch::Partial) {
        return Check::not_tested(ID, "the target may store a part of a request (`batch = \"partial\"`)");
    }
    if facts.evidence.missing_shards > 0 || !facts.tells_presence() || !facts.is_at_rest() {
        return Check::not_tested(ID, "the listing does not show every key, or the target was not at rest");
    }
    if facts.tally.sums.unknown == 0 {
        return Check::not_tested(ID, "no request was left unanswered");
    }
    let unanswered = match Unanswered::of(facts) {
        Ok(unanswered) => unanswered,
        Err(error) => {
            examined.doubts.push(Doubt::RequestsUnread { reason: chain(&error) });
            return Check::unknown(ID, 0, "the ledger could not be read again");
        }
    };
    let requests = counted(unanswered.whole, "unanswered request", "unanswered requests");
    match unanswered.torn {
        0 if unanswered.whole == 0 => {
            Check::not_tested(ID, "no unanswered request had two keys that it alone carried")
        }
        0 => Check::pass(ID, format!("{requests}: each is stored completely or not at all")),
        torn => {
            let summary = counted(torn, "request is stored in part", "requests are stored in part");
            Check::fail(ID, torn, summary, unanswered.findings)
        }
    }
}

/// Requests whose fate is unknown, by the keys that no other attempt can have stored.
#[derive(Default)]
struct Unanswered {
    whole: u64,
    torn: u64,
    findings: Vec<Finding>,
}

impl Unanswered {
    /// Reads the ledger once more.
    fn of(facts: &Facts<'_>) -> Result<Self, WalkError> {
        let evidence = facts.evidence;
        let runs = evidence.frames.runs();
        let mut unanswered = Self::default();
        let mut open: HashMap<(usize, u64), (Round, Vec<bool>)> = HashMap::default();
        evidence.for_each_frame(|segment, frame| {
            match frame {
                Frame::Open { round, .. } => {
                    let round = evidence.plan.round(*round);
                    let ended = vec![false; round.requests() as usize];
                    open.insert((runs[segment], round.index), (round, ended));
                }
                Frame::Done(done) if done.is_final => {
                    let Scope::Round(index) = done.scope else { return Ok(()) };
                    let Some((round, ended)) = open.get_mut(&(runs[segment], index)) else { return Ok(()) };
                    ended[done.request as usize] = true;
                    if done.answer.outcome == Outcome::Unknown {
                        unanswered.take(facts, round, done.request);
                    }
                    if ended.iter().all(|ended| *ended) {
                        open.remove(&(runs[segment], index));
                    }
                }
                Frame::Header(_) | Frame::Resend { .. } | Frame::Done(_) | Frame::Closed { .. } => {}
            }
            Ok(())
        })?;
        let mut left: Vec<_> = open.into_values().collect();
        left.sort_by_key(|(round, _)| round.index);
        for (round, ended) in &left {
            let silent = (0_u32..).zip(ended).filter(|(_, ended)| !**ended);
            silent.for_each(|(request, _)| unanswered.take(facts, round, request));
        }
        Ok(unanswered)
    }

    /// Looks at the keys of a request whose only attempt that may have stored them is this one.
    fn take(&mut self, facts: &Facts<'_>, round: &Round, request: u32) {
        let keys = &facts.tally.keys;
        let is_its_own = |ordinal: &&u64| {
            if !keys.contains(**ordinal) {
                return false;
            }
            let state = keys.get(**ordinal);
            state.acked() == 0 && state.unknown() == 1
        };
        let own = round.request(request).iter().filter(is_its_own);
        let (stored, absent): (Vec<u64>, Vec<u64>) = own.partition(|ordinal| keys.get(**ordinal).seen() > 0);
        if stored.is_empty() || absent.is_empty() {
            self.whole += u64::from(stored.len() + absent.len() > 1);
            return;
        }
        self.torn += 1;
        if self.findings.len() < SHOWN_KEYS {
            let detail = format!(
                "its request is stored in part: of {} that no other request can have stored, {} stored and {} \
                 absent, this one among them",
                counted((stored.len() + absent.len()) as u64, "key", "keys"),
                counted(stored.len() as u64, "is", "are"),
                counted(absent.len() as u64, "is", "are"),
            );
            self.findings.push(facts.finding(absent[0], detail));
        }
    }
}

/// Looks for responses that count more new events than can have been new, each by itself or all
/// together, or fewer than must have been: each key is new once.
pub fn batch_counts(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::BatchCounts;
    let counts = &facts.tally.responses.counts;
    let evidence = facts.evidence;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the responses of the missing shards are unknown");
    }
    if evidence.promises.may_resend() {
        return Check::not_tested(ID, "an intermediary may send a request again (`intermediary_resends`)");
    }
    if counts.compared == 0 {
        return Check::not_tested(ID, "no response counts new events without naming them");
    }
    if counts.faulty == 0 {
        let answers = counted(counts.compared, "response counts", "responses count");
        return match new_in_all(facts) {
            NewInAll::Fit => Check::pass(ID, format!("{answers} no more new events than can have been new")),
            NewInAll::EachKeyOnce => Check::pass(
                ID,
                format!(
                    "{answers} new events without naming them; all responses together count each key once"
                ),
            ),
            NewInAll::TooMany { by, detail } => {
                Check::fail(ID, by, detail.clone(), vec![Finding::plain(detail)])
            }
            // A request that is not on record may have stored a key.
            NewInAll::TooFew { by, detail } => {
                let grounds = [Premise::Words, Premise::NothingResends, Premise::IdsUnused]
                    .map(|premise| ground(facts, premise));
                let check = Check::fail(ID, by, detail.clone(), vec![Finding::plain(detail)]);
                facts.if_all_is_known(check.resting_on(grounds.to_vec()))
            }
        };
    }
    let summary = counted(
        counts.faulty,
        "response counts more new events than can have been new",
        "responses count more new events than can have been new",
    );
    Check::fail(ID, counts.faulty, summary, of_answers(facts, counts))
}

/// New events that all responses count together, beside the keys.
enum NewInAll {
    /// No more than there are keys, and no fewer than must have been new.
    Fit,
    /// As many as there are keys.
    EachKeyOnce,
    /// More than there are keys.
    TooMany { by: u64, detail: String },
    /// Fewer than there are acknowledged keys, also if every other attempt has stored one.
    TooFew { by: u64, detail: String },
}

/// For example, 14,000 keys are acknowledged, three attempts are unknown, and all responses
/// together count 13,996 new events. The unknown attempts have stored three keys at most, so one
/// new event was not counted.
fn new_in_all(facts: &Facts<'_>) -> NewInAll {
    let tally = &facts.tally;
    let promises = &facts.evidence.promises;
    let new = tally.responses.new_in_all;
    // What is stored later may be new later, and what was forgotten may be new again.
    if promises.window.is_some() || promises.is_queued() || tally.statuses.contains_key(&202) {
        return NewInAll::Fit;
    }
    let count = |is_counted: fn(KeyState) -> bool| {
        tally.keys.iter().filter(|(_, state)| is_counted(*state)).count() as u64
    };
    let acked = count(|state| state.acked() > 0);
    let attempted = count(|state| state.acked() > 0 || state.unknown() > 0);
    let others = tally.sums.uncertain() + tally.sums.rejected;
    let sum = grouped(new.sum);
    if new.sum > attempted {
        let keys = counted(attempted, "key was sent", "keys were sent");
        let detail = format!("all responses together count {sum} new events, but {keys}");
        return NewInAll::TooMany { by: new.sum - attempted, detail };
    }
    if new.silent == 0 && new.sum + others < acked {
        let keys = counted(acked, "key was acknowledged", "keys were acknowledged");
        let besides = match others {
            0 => String::new(),
            others => format!(
                ", and {} cannot make up for that",
                counted(others, "other attempt", "other attempts")
            ),
        };
        let detail = format!("all responses together count {sum} new events, but {keys}{besides}");
        return NewInAll::TooFew { by: acked - others - new.sum, detail };
    }
    if new.silent == 0 && new.sum == acked { NewInAll::EachKeyOnce } else { NewInAll::Fit }
}

/// Looks for acknowledged requests with an invalid event, though batches are promised to be atomic.
pub fn invalid_taken(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::InvalidTaken;
    let invalid = &facts.tally.responses.invalid;
    if invalid.compared == 0 {
        return Check::not_tested(
            ID,
            "no request with an invalid event was sent (`[traps]` in the scenario)",
        );
    }
    let sent = counted(invalid.compared, "request", "requests");
    if facts.evidence.promises.batch == Some(Batch::Partial) {
        return Check::not_tested(ID, "the target may store a part of a request (`batch = \"partial\"`)");
    }
    if invalid.faulty == 0 {
        return Check::pass(ID, format!("none of {sent} with an invalid event was acknowledged"));
    }
    let taken = invalid.faulty;
    let summary = counted(taken, "request with an invalid event is", "requests with an invalid event are");
    let findings = of_answers(facts, invalid);
    Check::fail(ID, taken, format!("{summary} acknowledged, of {sent}"), findings)
}
