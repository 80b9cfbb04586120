//! A second pass over the ledger, for the few keys that are to be shown.

use std::collections::{HashMap, HashSet};

use truth::answer::{Answer, Kind, Outcome};
use truth::ledger::{Frame, Scope};

use super::walk::WalkError;
use crate::evidence::Evidence;
use crate::verdict::Attempt;

/// How many attempts of a key are shown.
const SHOWN_ATTEMPTS: usize = 20;

/// A request that is looked at: which wanted keys it carries, and where.
type Wanted = Vec<(u32, u32, u64)>;

/// Every attempt of these keys, in the order of ends.
pub fn histories(
    evidence: &Evidence,
    wanted: &HashSet<u64>,
) -> Result<HashMap<u64, Vec<Attempt>>, WalkError> {
    let mut histories: HashMap<u64, Vec<Attempt>> = HashMap::new();
    let mut open: HashMap<(usize, Scope), (Wanted, u64)> = HashMap::new();
    let mut origin = None;
    if wanted.is_empty() {
        return Ok(histories);
    }
    let runs = evidence.frames.runs();
    evidence.frames.for_each(|segment, frame| {
        let run = runs[segment];
        let start = *origin.get_or_insert(frame.t().unwrap_or(0));
        let batch = evidence.plan.batch as usize;
        match frame {
            Frame::Open { round, t } => {
                let round_index = *round;
                let round = evidence.plan.round(round_index);
                open.insert((run, Scope::Round(round_index)), (places(round.ordinals(), batch, wanted), *t));
            }
            Frame::Extra { id, ordinals, .. } => {
                open.insert((run, Scope::Extra(*id)), (places(ordinals, batch, wanted), start));
            }
            Frame::Done(done) => {
                let Some((held, _)) = open.get_mut(&(run, done.scope)) else {
                    return Ok(());
                };
                for (request, place, ordinal) in held.iter().filter(|(request, ..)| *request == done.request)
                {
                    let attempt = Attempt {
                        scope: scope_text(done.scope),
                        request: *request,
                        place: *place,
                        try_number: done.try_number,
                        connection: done.connection,
                        start_us: since(start, done.t_start),
                        end_us: Some(since(start, done.t_end)),
                        status: done.status,
                        outcome: outcome_text(&done.answer, *place as usize).to_owned(),
                    };
                    keep(&mut histories, *ordinal, attempt);
                }
                if done.is_final {
                    held.retain(|(request, ..)| *request != done.request);
                }
            }
            Frame::Header(_) | Frame::Closed { .. } => {}
        }
        Ok(())
    })?;
    let start = origin.unwrap_or(0);
    let mut open: Vec<_> = open.into_iter().collect();
    open.sort_by_key(|(key, _)| *key);
    for ((_, scope), (held, t)) in open {
        for (request, place, ordinal) in held {
            let attempt = Attempt {
                scope: scope_text(scope),
                request,
                place,
                try_number: 0,
                connection: 0,
                start_us: since(start, t),
                end_us: None,
                status: 0,
                outcome: "unknown (never ended)".to_owned(),
            };
            keep(&mut histories, ordinal, attempt);
        }
    }
    Ok(histories)
}

/// Those of these keys that have an attempt that was refused.
pub fn rejected_among(evidence: &Evidence, keys: &HashSet<u64>) -> Result<HashSet<u64>, WalkError> {
    let histories = histories(evidence, keys)?;
    let refused = |attempts: &Vec<Attempt>| attempts.iter().any(|attempt| attempt.outcome == "rejected");
    Ok(histories.into_iter().filter(|(_, attempts)| refused(attempts)).map(|(ordinal, _)| ordinal).collect())
}

fn keep(histories: &mut HashMap<u64, Vec<Attempt>>, ordinal: u64, attempt: Attempt) {
    let attempts = histories.entry(ordinal).or_default();
    if attempts.len() < SHOWN_ATTEMPTS {
        attempts.push(attempt);
    }
}

fn places(ordinals: &[u64], batch: usize, wanted: &HashSet<u64>) -> Wanted {
    let all = ordinals.iter().enumerate().filter(|(_, ordinal)| wanted.contains(ordinal));
    all.map(|(slot, ordinal)| ((slot / batch) as u32, (slot % batch) as u32, *ordinal)).collect()
}

fn scope_text(scope: Scope) -> String {
    match scope {
        Scope::Round(round) => format!("round {round}"),
        Scope::Extra(id) => format!("list {id}"),
    }
}

fn outcome_text(answer: &Answer, place: usize) -> &'static str {
    match answer.outcome {
        Outcome::NeverSent => "never-sent",
        Outcome::Rejected => "rejected",
        Outcome::Unknown => "unknown",
        Outcome::Acked => match answer.kinds.of(place) {
            Kind::New => "new",
            Kind::Duplicate => "duplicate",
            Kind::Accepted => "accepted",
            Kind::Rejected => "rejected",
        },
    }
}

/// Microseconds.
fn since(start: u64, t: u64) -> u64 {
    t.saturating_sub(start) / 1000
}
