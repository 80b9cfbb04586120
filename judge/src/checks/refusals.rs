//! Refusals: repeats of acknowledged keys that a target does not take, though it takes first
//! copies, and first copies that it refuses in bulk.

use truth::scenario::promises::Repeat;

use crate::books::repeats::Answered;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, CheckId, Examined, Finding, Observation};

/// Refused requests from which on first copies are refused in bulk: this many, and one in
/// [`ONE_IN`].
const MANY: u64 = 10;
const ONE_IN: u64 = 100;

/// Looks for repeats of acknowledged keys that were refused while first copies were taken. It is an
/// observation unless the target promises to accept repeats.
pub fn repeat_refused(facts: &Facts<'_>, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::RepeatRefused;
    let books = &facts.tally.repeats;
    let repeats = &books.repeats;
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the requests of the missing shards are unknown");
    }
    if repeats.all() == 0 {
        return Check::not_tested(ID, "no repeat of an acknowledged key was taken or refused");
    }
    // Requests of first copies alone tell more than those with copies of one moment.
    let others = if books.first.all() > 0 { &books.first } else { &books.others };
    let is_certain = books.are_refused_for_certain();
    let summary = format!(
        "{} of {} refused{}, and {} of {} taken",
        grouped(repeats.refused()),
        counted(
            repeats.all(),
            "request that repeats an acknowledged key was",
            "requests that repeat an acknowledged key were"
        ),
        statuses(repeats),
        grouped(others.taken),
        counted(others.all(), "other request was", "other requests were"),
    );
    match (is_certain || books.are_refused(), facts.evidence.promises.repeat) {
        (false, _) => Check::pass(
            ID,
            format!(
                "{} of {} taken",
                grouped(repeats.taken),
                counted(
                    repeats.all(),
                    "request that repeats an acknowledged key was",
                    "requests that repeat an acknowledged key were"
                ),
            ),
        ),
        (true, None) => {
            examined.observations.push(Observation::RepeatsRefused { detail: summary });
            Check::not_tested(ID, "the target does not promise to accept repeats (`repeat`)")
        }
        (true, Some(Repeat::Accepted)) if is_certain => {
            Check::fail(ID, repeats.refused(), summary.clone(), vec![Finding::plain(summary)])
        }
        (true, Some(Repeat::Accepted)) => {
            let why = "too few first copies were taken in between to tell that from a bad time";
            Check::unknown(ID, repeats.refused(), format!("{summary}; {why}"))
        }
    }
}

/// Tells of first copies that were refused in bulk, and of acknowledged keys that were all refused
/// when they were sent again.
pub(super) fn in_bulk(facts: &Facts<'_>) -> Vec<Observation> {
    let books = &facts.tally.repeats;
    let mut told = Vec::new();
    let replays = &books.replays;
    if replays.refused() > 0 && replays.taken == 0 {
        let all = counted(replays.all(), "request", "requests");
        let detail =
            format!("after the run, all {all} with acknowledged keys were refused{}", statuses(replays));
        told.push(Observation::RepeatsRefused { detail });
    }
    let fresh = &books.fresh;
    let refused = fresh.refused();
    if refused >= MANY && refused * ONE_IN >= fresh.all() {
        let detail = format!(
            "{} of {} refused{}",
            grouped(refused),
            counted(fresh.all(), "request with first copies was", "requests with first copies were"),
            statuses(fresh)
        );
        told.push(Observation::FirstRefused { detail });
    }
    told
}

/// Statuses of the refused requests, in words.
fn statuses(answered: &Answered) -> String {
    let each = |(status, count): (&u16, &u64)| format!("{} with status {status}", grouped(*count));
    let each: Vec<String> = answered.refused.iter().map(each).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}
