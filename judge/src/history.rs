//! A second pass over the ledger, for the few keys that are to be shown.

use std::collections::{HashMap, HashSet};

use truth::record::ledger::{Done, Frame, Scope};
use truth::target::answer::{Answer, Kind, Outcome};

use crate::books::walk::WalkError;
use crate::evidence::Evidence;
use crate::verdict::{Attempt, Fate};

/// How many attempts of a key are shown.
pub(super) const SHOWN_ATTEMPTS: usize = 20;

/// Every attempt of these keys, in the order of ends.
pub fn histories(
    evidence: &Evidence,
    wanted: &HashSet<u64>,
) -> Result<HashMap<u64, Vec<Attempt>>, WalkError> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let runs = evidence.frames.runs();
    let mut pass = Pass::new(evidence, wanted);
    evidence.frames.for_each(|segment, frame| {
        pass.take(runs[segment], frame);
        Ok(())
    })?;
    Ok(pass.finish())
}

/// The pass.
struct Pass<'a> {
    evidence: &'a Evidence,
    wanted: &'a HashSet<u64>,
    histories: HashMap<u64, Vec<Attempt>>,
    open: HashMap<(usize, Scope), Held>,
    origin: Option<u64>,
}

/// What a round or list that is under way holds of the wanted keys.
#[derive(Default)]
struct Held {
    /// Request, place in it, and key, of what has not ended.
    places: Vec<(u32, u32, u64)>,
    slots: usize,
    t: u64,
}

impl<'a> Pass<'a> {
    fn new(evidence: &'a Evidence, wanted: &'a HashSet<u64>) -> Self {
        Self { evidence, wanted, histories: HashMap::new(), open: HashMap::new(), origin: None }
    }

    fn take(&mut self, run: usize, frame: &Frame) {
        let origin = *self.origin.get_or_insert(frame.t().unwrap_or(0));
        match frame {
            Frame::Open { round, t } => {
                let ordinals = self.evidence.plan.round(*round);
                self.hold((run, Scope::Round(*round)), ordinals.ordinals(), *t);
            }
            Frame::Resend { id, ordinals, .. } => self.hold((run, Scope::Resend(*id)), ordinals, origin),
            Frame::Done(done) => self.done(run, done, origin),
            Frame::Header(_) | Frame::Closed { .. } => {}
        }
    }

    /// Notes where the wanted keys are; a long list comes in parts.
    fn hold(&mut self, scope: (usize, Scope), ordinals: &[u64], t: u64) {
        let batch = self.evidence.plan.batch as usize;
        let held = self.open.entry(scope).or_default();
        held.t = t;
        for (slot, ordinal) in (held.slots..).zip(ordinals) {
            if self.wanted.contains(ordinal) {
                held.places.push(((slot / batch) as u32, (slot % batch) as u32, *ordinal));
            }
        }
        held.slots += ordinals.len();
    }

    fn done(&mut self, run: usize, done: &Done, origin: u64) {
        let Some(held) = self.open.get_mut(&(run, done.scope)) else { return };
        for (request, place, ordinal) in held.places.iter().filter(|(request, ..)| *request == done.request) {
            let attempt = Attempt {
                scope: scope_text(done.scope),
                request: *request,
                place: *place,
                try_number: done.try_number,
                connection: done.connection,
                start_us: since(origin, done.t_start),
                end_us: Some(since(origin, done.t_end)),
                status: done.status,
                outcome: fate(&done.answer, *place as usize),
            };
            keep(&mut self.histories, *ordinal, attempt);
        }
        if done.is_final {
            held.places.retain(|(request, ..)| *request != done.request);
        }
    }

    /// Adds the attempts that never ended.
    fn finish(mut self) -> HashMap<u64, Vec<Attempt>> {
        let origin = self.origin.unwrap_or(0);
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_by_key(|(key, _)| *key);
        for ((_, scope), held) in open {
            for (request, place, ordinal) in held.places {
                let attempt = Attempt {
                    scope: scope_text(scope),
                    request,
                    place,
                    try_number: 0,
                    connection: 0,
                    start_us: since(origin, held.t),
                    end_us: None,
                    status: 0,
                    outcome: Fate::NeverEnded,
                };
                keep(&mut self.histories, ordinal, attempt);
            }
        }
        self.histories
    }
}

/// Those of these keys that have an attempt that was refused.
pub fn rejected_among(evidence: &Evidence, keys: &HashSet<u64>) -> Result<HashSet<u64>, WalkError> {
    let histories = histories(evidence, keys)?;
    let refused = |attempts: &Vec<Attempt>| attempts.iter().any(|attempt| attempt.outcome == Fate::Rejected);
    Ok(histories.into_iter().filter(|(_, attempts)| refused(attempts)).map(|(ordinal, _)| ordinal).collect())
}

fn keep(histories: &mut HashMap<u64, Vec<Attempt>>, ordinal: u64, attempt: Attempt) {
    let attempts = histories.entry(ordinal).or_default();
    if attempts.len() < SHOWN_ATTEMPTS {
        attempts.push(attempt);
    }
}

fn scope_text(scope: Scope) -> String {
    match scope {
        Scope::Round(round) => format!("round {round}"),
        Scope::Resend(id) => format!("list {id}"),
    }
}

fn fate(answer: &Answer, place: usize) -> Fate {
    match answer.outcome {
        Outcome::NeverSent => Fate::NeverSent,
        Outcome::Rejected => Fate::Rejected,
        Outcome::Unknown => Fate::Unknown,
        Outcome::Acked => match answer.kinds.of(place) {
            Kind::New => Fate::New,
            Kind::Duplicate => Fate::Duplicate,
            Kind::Accepted => Fate::Accepted,
            Kind::Rejected => Fate::Rejected,
        },
    }
}

/// Microseconds.
fn since(start: u64, t: u64) -> u64 {
    t.saturating_sub(start) / 1000
}
