//! The checks that whole requests decide: a batch that is stored in part, and answers that tell how many events were new
//! without telling which.

use std::collections::HashMap;

use truth::chain::chain;
use truth::plan::round::Round;
use truth::record::ledger::{Frame, Scope};
use truth::scenario::promises::Batch;
use truth::target::answer::Outcome;

use crate::books::walk::WalkError;
use crate::facts::Facts;
use crate::numbers::counted;
use crate::verdict::{Check, CheckId, Doubt, Examined, Finding, SHOWN_KEYS};

/// A request without an answer of which a part is stored, though the target promises all or nothing.
pub fn torn_batch(facts: &Facts<'_>, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::TornBatch;
    if facts.evidence.promises.batch == Batch::Partial {
        return Check::not_tested(ID, "the target takes parts of a request");
    }
    if facts.evidence.missing_shards > 0 || !facts.tells_presence() || !facts.is_at_rest() {
        return Check::not_tested(ID, "it cannot be told of every key whether it is there");
    }
    if facts.tally.sums.unknown == 0 {
        return Check::not_tested(ID, "no request is in doubt");
    }
    let doubts = match Doubts::of(facts) {
        Ok(doubts) => doubts,
        Err(error) => {
            examined.doubts.push(Doubt::RequestsUnread { reason: chain(&error) });
            return Check::unknown(ID, 0, "the ledger could not be read again");
        }
    };
    let requests = counted(doubts.whole, "request in doubt is", "requests in doubt are");
    match doubts.torn {
        0 if doubts.whole == 0 => Check::not_tested(ID, "no request in doubt had two keys of its own"),
        0 => Check::pass(ID, format!("{requests} there as a whole, or not at all")),
        torn => {
            let summary = counted(torn, "request is stored in part", "requests are stored in part");
            Check::fail(ID, torn, summary, doubts.findings)
        }
    }
}

/// The requests whose fate is unknown, as far as keys tell of them that nobody else can have stored.
#[derive(Default)]
struct Doubts {
    whole: u64,
    torn: u64,
    findings: Vec<Finding>,
}

impl Doubts {
    /// One more pass over the ledger.
    fn of(facts: &Facts<'_>) -> Result<Self, WalkError> {
        let evidence = facts.evidence;
        let (runs, mut doubts) = (evidence.frames.runs(), Self::default());
        let mut open: HashMap<(usize, u64), (Round, Vec<bool>)> = HashMap::new();
        evidence.frames.for_each(|segment, frame| {
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
                        doubts.take(facts, round, done.request);
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
            silent.for_each(|(request, _)| doubts.take(facts, round, request));
        }
        Ok(doubts)
    }

    /// Looks at the keys of a request that had one unknown attempt, this one, and no acknowledgement.
    fn take(&mut self, facts: &Facts<'_>, round: &Round, request: u32) {
        let keys = &facts.tally.keys;
        let is_its_own = |ordinal: &&u64| {
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
            let (stored, all) = (stored.len(), stored.len() + absent.len());
            let detail =
                format!("absent, though {stored} of the {all} keys that its request alone carried are there");
            self.findings.push(facts.finding(absent[0], detail));
        }
    }
}

/// Answers that count more new events than can have been new.
pub fn batch_counts(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::BatchCounts;
    let counts = &facts.tally.responses.counts;
    let evidence = facts.evidence;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the answers of the missing shards are not known");
    }
    if evidence.promises.intermediary_resends {
        return Check::not_tested(ID, "something between may send a request again");
    }
    if counts.compared == 0 {
        return Check::not_tested(ID, "no answer counts new events without telling which");
    }
    if counts.faulty == 0 {
        let answers = counted(counts.compared, "answer counts", "answers count");
        return Check::pass(ID, format!("{answers} no more new events than can have been new"));
    }
    let summary = counted(
        counts.faulty,
        "answer counts more new events than can have been new",
        "answers count more new events than can have been new",
    );
    let findings = counts.examples.iter().map(crate::checks::by_total::of_answer).collect();
    Check::fail(ID, counts.faulty, summary, findings)
}

/// A request with an event that is none, acknowledged though batches are promised to be whole.
pub fn invalid_taken(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::InvalidTaken;
    let invalid = &facts.tally.responses.invalid;
    if invalid.compared == 0 {
        return Check::not_tested(ID, "no request with an invalid event was sent ([traps] in the scenario)");
    }
    let sent = counted(invalid.compared, "request", "requests");
    if facts.evidence.promises.batch == Batch::Partial {
        return Check::not_tested(ID, "the target takes parts of a request");
    }
    if invalid.faulty == 0 {
        return Check::pass(ID, format!("none of {sent} with an invalid event was acknowledged"));
    }
    let taken = invalid.faulty;
    let summary = counted(taken, "request with an invalid event is", "requests with an invalid event are");
    let findings = invalid.examples.iter().map(crate::checks::by_total::of_answer).collect();
    Check::fail(ID, taken, format!("{summary} acknowledged, of {sent}"), findings)
}
