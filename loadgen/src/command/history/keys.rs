//! `loadgen history --keys`: the keys of a run with what became of each, so that a store can be
//! compared with the ledger by any tool.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use reader::console::Output;
use serde::Serialize;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::round::Round;
use truth::printable::printable_json;
use truth::record::folder::RunFolder;
use truth::record::ledger::merge::Merge;
use truth::record::ledger::{Done, Frame, Purpose, Scope};
use truth::target::answer::{Kind, Outcome};

use crate::error::Failure;

/// Line of a key.
#[derive(Serialize)]
struct Line<'a> {
    topic: &'a str,
    id: String,
    /// Strongest outcome of the key's attempts.
    outcome: &'static str,
}

/// Outcome of a key, weaker ones first: one acknowledgement is enough to owe a key, and one unknown
/// attempt is enough to doubt a rejection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Fate {
    /// The key is in no round that was opened.
    #[default]
    Unused,
    NeverSent,
    Rejected,
    Unknown,
    Unclear,
    Acked,
}

impl Fate {
    /// Returns the fate that one attempt gives to a key; `place` is its place in the request.
    fn of(done: &Done, place: usize) -> Self {
        match done.answer.outcome {
            Outcome::Acked => match done.answer.kinds.of(place) {
                Kind::New | Kind::Duplicate | Kind::Accepted => Self::Acked,
                Kind::Rejected => Self::Rejected,
                Kind::Unknown => Self::Unknown,
            },
            Outcome::Rejected => Self::Rejected,
            Outcome::Unknown => Self::Unknown,
            Outcome::Unclear => Self::Unclear,
            Outcome::NeverSent => Self::NeverSent,
        }
    }

    fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Unused => None,
            Self::NeverSent => Some(Outcome::NeverSent),
            Self::Rejected => Some(Outcome::Rejected),
            Self::Unknown => Some(Outcome::Unknown),
            Self::Unclear => Some(Outcome::Unclear),
            Self::Acked => Some(Outcome::Acked),
        }
    }
}

/// Writes a line for each key of the rounds that the ledger opens, in the order of the plan.
pub(super) fn write(folder: &RunFolder, plan: &Plan, output: &mut Output) -> Result<(), Failure> {
    let mut keys = Keys::new(plan);
    for merged in Merge::open(&folder.segments()?)? {
        keys.take(merged?.frame);
    }
    let events = Events::new(plan);
    for (ordinal, fate) in (0..).zip(keys.finish()) {
        let Some(outcome) = fate.outcome() else { continue };
        let line =
            Line { topic: events.topic(ordinal), id: events.id_text(ordinal), outcome: outcome.text() };
        let json = serde_json::to_string(&line).expect("a line is made of text");
        output.write(&(printable_json(&json) + "\n"))?;
    }
    Ok(())
}

/// Fates of all keys: a byte for each.
struct Keys<'a> {
    plan: &'a Plan,
    fates: Vec<Fate>,
    /// Rounds of which a request has no final end.
    open: HashMap<u64, Opened>,
    /// Keys that `verify` sent again, by list. They are few.
    lists: BTreeMap<u32, Vec<u64>>,
}

/// Round under way.
struct Opened {
    round: Round,
    /// Requests without a final end.
    pending: BTreeSet<u32>,
}

impl<'a> Keys<'a> {
    fn new(plan: &'a Plan) -> Self {
        Self { plan, fates: Vec::new(), open: HashMap::new(), lists: BTreeMap::new() }
    }

    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Open { round: index, .. } => {
                let round = self.plan.round(index);
                let pending = (0..round.requests()).collect();
                self.open.insert(index, Opened { round, pending });
            }
            Frame::Resend { id, purpose: Purpose::Resolve | Purpose::Replay, ordinals } => {
                self.lists.entry(id).or_default().extend(ordinals);
            }
            Frame::Done(done) => self.done(&done),
            // Sentinels are no keys of the plan.
            Frame::Resend { purpose: Purpose::Sentinel, .. } | Frame::Header(_) | Frame::Closed { .. } => {}
        }
    }

    fn done(&mut self, done: &Done) {
        match done.scope {
            Scope::Round(index) => {
                let Some(mut opened) = self.open.remove(&index) else { return };
                if done.request < opened.round.requests() {
                    note(&mut self.fates, opened.round.request(done.request), |place| Fate::of(done, place));
                }
                if done.is_final {
                    opened.pending.remove(&done.request);
                }
                if !opened.pending.is_empty() {
                    self.open.insert(index, opened);
                }
            }
            Scope::Resend(list) => {
                let batch = self.plan.batch as usize;
                let ordinals = self.lists.get(&list).map(Vec::as_slice).unwrap_or_default();
                let request = ordinals.chunks(batch.max(1)).nth(done.request as usize).unwrap_or_default();
                note(&mut self.fates, request, |place| Fate::of(done, place));
            }
        }
    }

    /// Returns the fates by ordinal. A request without a final end may have been executed.
    fn finish(mut self) -> Vec<Fate> {
        for opened in self.open.values() {
            for request in &opened.pending {
                note(&mut self.fates, opened.round.request(*request), |_| Fate::Unknown);
            }
        }
        self.fates
    }
}

/// Notes the fate of one attempt for each key of a request.
fn note(fates: &mut Vec<Fate>, ordinals: &[u64], fate: impl Fn(usize) -> Fate) {
    for (place, ordinal) in ordinals.iter().enumerate() {
        let index = *ordinal as usize;
        if fates.len() <= index {
            fates.resize(index + 1, Fate::Unused);
        }
        fates[index] = fates[index].max(fate(place));
    }
}
