//! Histories: a second pass over the ledger, for the few keys that are shown.

use foldhash::{HashMap, HashSet};
use truth::record::clocks::Clocks;
use truth::record::ledger::{Done, Frame, Scope};
use truth::target::answer::{Answer, Kind, Outcome};

use crate::books::walk::WalkError;
use crate::evidence::Evidence;
use crate::verdict::{Attempt, Fate};

/// Number of attempts of a key that are shown at most.
pub const SHOWN_ATTEMPTS: usize = 20;

/// Reads the attempts of these keys, in the order of ends. Of a key with more than
/// [`SHOWN_ATTEMPTS`], duplicates are left out from the end.
pub fn histories(
    evidence: &Evidence,
    wanted: &HashSet<u64>,
) -> Result<HashMap<u64, Vec<Attempt>>, WalkError> {
    if wanted.is_empty() {
        return Ok(HashMap::default());
    }
    let mut pass = Pass::new(evidence, wanted);
    evidence.for_each_frame(|segment, frame| {
        pass.take(segment, frame);
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
    /// For each segment, the index of its run.
    runs: Vec<usize>,
    clocks: Clocks,
}

/// The wanted keys in a round or list that is under way.
#[derive(Default)]
struct Held {
    /// Copies in requests that have not ended.
    places: Vec<HeldCopy>,
    slots: usize,
    /// Beginning, in microseconds since the first frame of the ledger.
    began_us: u64,
}

/// One copy of a wanted key.
#[derive(Clone, Copy)]
struct HeldCopy {
    request: u32,
    place: u32,
    ordinal: u64,
}

impl<'a> Pass<'a> {
    fn new(evidence: &'a Evidence, wanted: &'a HashSet<u64>) -> Self {
        let frames = &evidence.frames;
        let histories = HashMap::default();
        let open = HashMap::default();
        Self { evidence, wanted, histories, open, runs: frames.runs(), clocks: frames.clocks() }
    }

    fn take(&mut self, segment: usize, frame: &Frame) {
        let run = self.runs[segment];
        match frame {
            Frame::Open { round, t } => {
                let ordinals = self.evidence.plan.round(*round);
                let began_us = self.clocks.since_us(segment, *t);
                self.hold((run, Scope::Round(*round)), ordinals.ordinals(), began_us);
            }
            Frame::Resend { id, ordinals, .. } => self.hold((run, Scope::Resend(*id)), ordinals, 0),
            Frame::Done(done) => self.done(segment, done),
            Frame::Header(_) | Frame::Closed { .. } => {}
        }
    }

    /// Notes the copies of the wanted keys. A long list comes in parts.
    fn hold(&mut self, scope: (usize, Scope), ordinals: &[u64], began_us: u64) {
        let batch = self.evidence.plan.batch as usize;
        let held = self.open.entry(scope).or_default();
        held.began_us = began_us;
        for (slot, ordinal) in (held.slots..).zip(ordinals) {
            if self.wanted.contains(ordinal) {
                let request = (slot / batch) as u32;
                let place = (slot % batch) as u32;
                held.places.push(HeldCopy { request, place, ordinal: *ordinal });
            }
        }
        held.slots += ordinals.len();
    }

    fn done(&mut self, segment: usize, done: &Done) {
        let run = self.runs[segment];
        let shard = shard_of(self.evidence, run);
        let Some(held) = self.open.get_mut(&(run, done.scope)) else { return };
        for copy in held.places.iter().filter(|copy| copy.request == done.request) {
            let attempt = Attempt {
                scope: done.scope.to_string(),
                request: copy.request,
                place: copy.place,
                try_number: done.try_number,
                connection: done.connection,
                start_us: self.clocks.since_us(segment, done.t_start),
                end_us: Some(self.clocks.since_us(segment, done.t_end)),
                status: done.status,
                outcome: fate(&done.answer, copy.place as usize),
                traceparent: self.evidence.traceparent(
                    done.scope,
                    copy.request,
                    done.try_number,
                    &[copy.ordinal],
                ),
                planned_us: Some(self.clocks.since_us(segment, done.t_planned)),
                shard,
            };
            keep(&mut self.histories, copy.ordinal, attempt);
        }
        if done.is_final {
            held.places.retain(|copy| copy.request != done.request);
        }
    }

    /// Adds the attempts that never ended.
    fn finish(mut self) -> HashMap<u64, Vec<Attempt>> {
        let mut open: Vec<_> = self.open.drain().collect();
        open.sort_by_key(|(key, _)| *key);
        for ((run, scope), held) in open {
            for HeldCopy { request, place, ordinal } in held.places {
                let attempt = Attempt {
                    scope: scope.to_string(),
                    request,
                    place,
                    try_number: 0,
                    connection: 0,
                    start_us: held.began_us,
                    end_us: None,
                    status: 0,
                    outcome: Fate::NeverEnded,
                    traceparent: self.evidence.traceparent(scope, request, 0, &[ordinal]),
                    planned_us: None,
                    shard: shard_of(self.evidence, run),
                };
                keep(&mut self.histories, ordinal, attempt);
            }
        }
        self.histories
    }
}

/// Returns the number of a run's shard; none where one shard sends all.
fn shard_of(evidence: &Evidence, run: usize) -> Option<u32> {
    evidence.shards.get(run).copied().flatten()
}

/// Finds those of these keys that have a rejected attempt.
pub fn rejected_among(evidence: &Evidence, keys: &HashSet<u64>) -> Result<HashSet<u64>, WalkError> {
    let histories = histories(evidence, keys)?;
    let is_rejected =
        |attempts: &Vec<Attempt>| attempts.iter().any(|attempt| attempt.outcome == Fate::Rejected);
    Ok(histories
        .into_iter()
        .filter(|(_, attempts)| is_rejected(attempts))
        .map(|(ordinal, _)| ordinal)
        .collect())
}

fn keep(histories: &mut HashMap<u64, Vec<Attempt>>, ordinal: u64, attempt: Attempt) {
    let attempts = histories.entry(ordinal).or_default();
    if attempts.len() == SHOWN_ATTEMPTS {
        // What a response called a duplicate proves the least.
        let is_duplicate = |one: &Attempt| one.outcome == Fate::Duplicate;
        let last = attempts.iter().rposition(is_duplicate).filter(|_| !is_duplicate(&attempt));
        let Some(last) = last else { return };
        attempts.remove(last);
    }
    attempts.push(attempt);
}

fn fate(answer: &Answer, place: usize) -> Fate {
    match answer.outcome {
        Outcome::NeverSent => Fate::NeverSent,
        Outcome::Rejected => Fate::Rejected,
        Outcome::Unknown => Fate::Unknown,
        Outcome::Unclear => Fate::Unclear,
        Outcome::Acked => match answer.kinds.of(place) {
            Kind::New => Fate::New,
            Kind::Duplicate => Fate::Duplicate,
            Kind::Accepted => Fate::Accepted,
            Kind::Rejected => Fate::Rejected,
            Kind::Unknown => Fate::Unknown,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(request: u32, outcome: Fate) -> Attempt {
        Attempt {
            scope: "round 0".to_owned(),
            request,
            place: 0,
            try_number: 0,
            connection: 0,
            start_us: 0,
            end_us: Some(1),
            status: 200,
            outcome,
            traceparent: None,
            planned_us: None,
            shard: None,
        }
    }

    #[test]
    fn of_many_attempts_those_that_prove_something_are_kept() {
        let mut histories = HashMap::default();
        for request in 0..60 {
            let outcome = if matches!(request, 0 | 40 | 55) { Fate::New } else { Fate::Duplicate };
            keep(&mut histories, 7, attempt(request, outcome));
        }
        let kept: Vec<u32> = histories[&7].iter().map(|attempt| attempt.request).collect();
        let expected: Vec<u32> = (0..18).chain([40, 55]).collect();
        assert_eq!(kept, expected);
    }
}
