//! Events that `verify` sent after the run: a list in the ledger, and its responses.

use judge::evidence::{Evidence, Frames};
use judge::facts::Facts;
use judge::resend::Lists;
use truth::plan::shard::Shard;
use truth::record::ledger::{Done, Frame, Purpose, Scope};
use truth::target::answer::{Answer, Kinds, Outcome};

/// Events of a request.
const BATCH: usize = 20;

/// The frames of the ledger, to be damaged.
pub(crate) fn frames(evidence: &mut Evidence) -> &mut Vec<Frame> {
    match &mut evidence.frames {
        Frames::Memory(frames) => frames,
        Frames::Files(_) => unreachable!("forged frames are in memory"),
    }
}

/// Adds a list of events to the ledger, in requests of 20, each with its response.
pub(crate) fn resend(
    evidence: &mut Evidence,
    purpose: Purpose,
    ordinals: &[u64],
    answer: impl Fn(&[u64]) -> Answer,
) {
    let frames = frames(evidence);
    let id = frames.iter().filter(|frame| matches!(frame, Frame::Resend { .. })).count() as u32;
    let t = frames.iter().filter_map(Frame::t).filter(|t| *t < u64::MAX).max().expect("a run") + 1_000;
    frames.push(Frame::Resend { id, purpose, ordinals: ordinals.to_vec() });
    for (request, events) in (0..).zip(ordinals.chunks(BATCH)) {
        frames.push(Frame::Done(Done {
            scope: Scope::Resend(id),
            request,
            try_number: 0,
            is_final: true,
            connection: 0,
            t_planned: t,
            t_start: t,
            t_end: t + 500,
            status: 200,
            answer: answer(events),
        }));
    }
}

/// The lists of sentinels that `verify` would send now.
pub(crate) fn lists(evidence: &Evidence) -> Lists {
    Lists::of_sentinels(&Facts::gather(evidence).expect("a good ledger"), Shard::WHOLE)
}

/// The response to sentinels: all of them are new if they are acknowledged.
pub(crate) fn told(outcome: Outcome) -> impl Fn(&[u64]) -> Answer {
    move |events| Answer {
        kinds: if outcome == Outcome::Acked { Kinds::AllNew } else { Kinds::Unreported },
        accepted: (outcome == Outcome::Acked).then_some(events.len() as u32),
        ..Answer::bare(outcome)
    }
}
