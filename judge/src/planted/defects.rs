//! Defects that the judge plants, and the check that has to find each.

use truth::observed::Settled;
use truth::observed::rows::Row;
use truth::plan::event::timestamp_text;
use truth::plan::variant::Side;
use truth::record::ledger::Frame;
use truth::scenario::promises::StatsPromise;
use truth::target::answer::{Kind, Kinds, Outcome};

use super::slice::{Forced, Place, Slice, acks, dones, row};
use crate::books::sums::fault_in_sums;
use crate::evidence::Evidence;
use crate::verdict::CheckId;

/// One defect.
pub(super) struct Defect {
    pub(super) name: &'static str,
    /// Check that has to find it.
    pub(super) check: CheckId,
    /// Plants it. Returns none if the slice has no suitable evidence.
    pub(super) plant: fn(&Evidence, &mut Slice) -> Option<()>,
}

/// Defect for runs with keys of two payloads (`[traps]`).
pub(super) const OF_TWO_PAYLOADS: Defect =
    Defect { name: "second payload that stays", check: CheckId::WrongWinner, plant: keep_the_other };

/// Defects for all runs.
pub(super) const DEFECTS: [Defect; 17] = [
    Defect { name: "loss", check: CheckId::Lost, plant: lose },
    Defect { name: "stranger that decodes", check: CheckId::Stranger, plant: add_unattempted },
    Defect { name: "stranger that does not decode", check: CheckId::Stranger, plant: add_foreign },
    Defect { name: "wrong topic", check: CheckId::WrongTopic, plant: move_topic },
    Defect { name: "second copy", check: CheckId::StoredTwice, plant: store_twice },
    Defect { name: "stored rejection", check: CheckId::RejectedButStored, plant: reject },
    Defect { name: "changed payload", check: CheckId::PayloadChanged, plant: change_payload },
    Defect { name: "missing payload", check: CheckId::PayloadChanged, plant: drop_payload },
    Defect { name: "changed timestamp", check: CheckId::PayloadChanged, plant: change_timestamp },
    Defect { name: "double-new", check: CheckId::AnswerOrder, plant: report_new_twice },
    Defect { name: "late-new", check: CheckId::AnswerOrder, plant: report_new_late },
    Defect { name: "phantom-duplicate", check: CheckId::AnswerOrder, plant: report_duplicates_only },
    Defect { name: "wrong sum", check: CheckId::AnswerSum, plant: raise_accepted },
    Defect { name: "counter too high", check: CheckId::Counters, plant: raise_received },
    Defect { name: "counter ahead of the load", check: CheckId::Counters, plant: run_ahead },
    Defect { name: "counter that falls", check: CheckId::Epochs, plant: fall },
    Defect { name: "event that waits for ever", check: CheckId::Liveness, plant: stall },
];

fn lose(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let topic = evidence.events.topic(slice.target);
    let id = evidence.events.id_text(slice.target);
    slice.rows.retain(|row| (row.topic.as_str(), &row.event_id) != (topic, &id));
    Some(())
}

fn add_unattempted(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    slice.rows.push(row(evidence, evidence.plan.keys()?));
    Some(())
}

fn add_foreign(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let row = Row { event_id: "not-one-of-ours".to_owned(), ..row(evidence, slice.target) };
    slice.rows.push(row);
    Some(())
}

fn move_topic(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let topic = format!("not-{}", evidence.events.topic(slice.target));
    slice.rows.push(Row { topic, ..row(evidence, slice.target) });
    Some(())
}

fn store_twice(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    slice.rows.push(row(evidence, slice.target));
    Some(())
}

fn change_payload(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    shows(evidence.observed.listing.shown().payload)?;
    slice.stored(evidence, slice.target)?.payload = Some("{\"n\":-1}".to_owned());
    Some(())
}

/// Takes the payload out of one row. Others have to show theirs.
fn drop_payload(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    shows(evidence.observed.listing.shown().payload)?;
    (slice.rows.len() > 1).then_some(())?;
    slice.stored(evidence, slice.target)?.payload = None;
    Some(())
}

/// Moves a timestamp by a second.
fn change_timestamp(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    shows(evidence.observed.listing.shown().timestamp)?;
    let moved = timestamp_text(evidence.events.timestamp_ms(slice.target).saturating_sub(1000));
    slice.stored(evidence, slice.target)?.timestamp = Some(moved);
    Some(())
}

/// Returns none if the target does not show a content, by the number of rows in which it was
/// compared.
fn shows(rows: Option<u64>) -> Option<()> {
    rows.filter(|rows| *rows > 0).map(drop)
}

/// Stores the payload that cannot be the one to keep.
fn keep_the_other(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let Forced { ordinal, kept } = slice.forced?;
    let other = if kept == Side::Plain { Side::Other } else { Side::Plain };
    slice.stored(evidence, ordinal)?.payload = Some(evidence.events.payload(ordinal, other));
    Some(())
}

fn reject(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let target = slice.attempts.clone();
    report_as(slice, &target, Kind::Rejected);
    Some(())
}

fn report_new_twice(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let attempts = slice.attempts.clone();
    // A request without a response reports nothing.
    (acks(&slice.frames, &attempts).count() >= 2).then_some(())?;
    report_as(slice, &attempts, Kind::New);
    Some(())
}

fn report_duplicates_only(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    tells_order(evidence).then_some(())?;
    let attempts = slice.attempts.clone();
    report_as(slice, &attempts, Kind::Duplicate);
    Some(())
}

/// Returns true if the order of responses says something.
fn tells_order(evidence: &Evidence) -> bool {
    !evidence.promises.is_queued() && !evidence.promises.may_resend()
}

/// Reports the attempt that ended last as new and all others as duplicates. The last begins after
/// the first ended.
fn report_new_late(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    tells_order(evidence).then_some(())?;
    let attempts = slice.attempts.clone();
    let last = acks(&slice.frames, &attempts).max_by_key(|(done, _)| done.t_end)?.0.request;
    let others = acks(&slice.frames, &attempts).filter(|(done, _)| done.request != last);
    let earliest = others.map(|(done, _)| done.t_end).min()?;
    let place = attempts.iter().copied().find(|at| at.request == last)?;
    report_as(slice, &attempts, Kind::Duplicate);
    report_as(slice, &[place], Kind::New);
    for frame in &mut slice.frames {
        if let Frame::Done(done) = frame
            && done.request == last
        {
            done.t_start = done.t_start.max(earliest + 1);
            done.t_end = done.t_end.max(done.t_start);
        }
    }
    Some(())
}

/// Adds one event to the numbers of a response that adds up.
fn raise_accepted(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    let lengths = &slice.lengths;
    slice.frames.iter_mut().find_map(|frame| {
        let Frame::Done(done) = frame else { return None };
        let sent = lengths[done.request as usize];
        let adds_up = done.answer.outcome == Outcome::Acked
            && fault_in_sums(&done.answer, sent as u64, evidence.promises.batch).is_none();
        let answer = &mut done.answer;
        let more = sent as u32 + 1;
        if !adds_up {
            return None;
        }
        match (answer.accepted, answer.inserted, answer.duplicates) {
            (Some(_), ..) => answer.accepted = Some(more),
            (None, Some(_), Some(_)) => answer.inserted = Some(more),
            _ => return None,
        }
        Some(())
    })
}

/// Raises `received` above the number of all attempts of the slice, rejected ones included.
fn raise_received(_: &Evidence, slice: &mut Slice) -> Option<()> {
    let tries: usize = dones(&slice.frames).map(|done| slice.lengths[done.request as usize]).sum();
    slice.counters.received = Some(tries as u64 + 1);
    Some(())
}

/// Lets the counters under load be one ahead of the started events. Something that sends again
/// could do that too.
fn run_ahead(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    (!evidence.promises.may_resend()).then_some(())?;
    let poll = slice.polls.first_mut()?;
    poll.started = slice.counters.received?.checked_sub(1)?;
    Some(())
}

/// Lets the counters under load be higher than in the end. Only promised snapshots rule that out.
fn fall(evidence: &Evidence, slice: &mut Slice) -> Option<()> {
    (evidence.promises.stats != Some(StatsPromise::Eventual)).then_some(())?;
    let poll = slice.polls.first_mut()?;
    let counters = poll.stats.as_mut()?;
    counters.received = Some(counters.received? + 1);
    counters.duplicates = Some(counters.duplicates? + 1);
    poll.started += 1;
    Some(())
}

/// Lets one event wait, while nothing moves.
fn stall(_: &Evidence, slice: &mut Slice) -> Option<()> {
    slice.settled = Settled::Stalled;
    slice.counters.pending = Some(1);
    Some(())
}

/// Changes the kind that is reported at these places, in every try.
fn report_as(slice: &mut Slice, attempts: &[Place], kind: Kind) {
    let frames = slice.frames.iter_mut().filter_map(|frame| match frame {
        Frame::Done(done) => Some(done),
        Frame::Header(_) | Frame::Open { .. } | Frame::Resend { .. } | Frame::Closed { .. } => None,
    });
    for done in frames {
        for at in attempts.iter().filter(|at| at.request == done.request) {
            let length = slice.lengths[done.request as usize];
            let mut kinds: Vec<Kind> = (0..length).map(|place| done.answer.kinds.of(place)).collect();
            kinds[at.place] = kind;
            done.answer.kinds = Kinds::Each(kinds);
        }
    }
}
