//! Refusals: repeats of acknowledged keys that a target does not take, though it takes first
//! copies, and first copies that it refuses in bulk.

use truth::scenario::promises::Repeat;

use crate::books::repeats::{Answered, Repeats};
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, CheckId, Examined, Finding, Observation};

/// Refused requests from which on first copies are refused in bulk: this many, and one in
/// [`ONE_IN`].
const MANY: u64 = 10;
const ONE_IN: u64 = 100;

/// Looks for repeats of acknowledged keys that were refused while first copies were taken.
pub fn repeat_refused(facts: &Facts<'_>, examined: &mut Examined) -> Check {
    const ID: CheckId = CheckId::RepeatRefused;
    let books = &facts.tally.repeats;
    let repeats = &books.repeats;
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the requests of the missing shards are unknown");
    }
    let is_promised = facts.evidence.promises.repeat == Some(Repeat::Accepted);
    if books.are_refused_for_certain() {
        let summary = refused(books);
        return Check::fail(ID, repeats.refused(), summary.clone(), vec![Finding::plain(summary)]);
    }
    if books.are_refused() && is_promised {
        return Check::unknown(ID, repeats.refused(), refused_in_doubt(facts));
    }
    if let Some(detail) = replays_refused(&books.replays) {
        if is_promised {
            let remedy =
                "a run with repeats among first copies (`loadgen --dup 0.3`) tells that from a bad time";
            return Check::unknown(ID, books.replays.refused(), format!("{detail}; {remedy}"));
        }
        examined.observations.push(Observation::RepeatsRefused { detail });
    }
    if books.are_refused() {
        examined.observations.push(Observation::RepeatsRefused { detail: refused_in_doubt(facts) });
        return Check::not_tested(ID, "the target does not promise to accept repeats (`repeat`)");
    }
    if repeats.all() == 0 {
        return Check::not_tested(ID, "no repeat of an acknowledged key was taken or refused");
    }
    let taken = grouped(repeats.taken);
    Check::pass(ID, format!("{taken} of {} taken", requests_that_repeat(repeats)))
}

/// Says that repeats were refused, and how other requests fared.
fn refused(books: &Repeats) -> String {
    let repeats = &books.repeats;
    // Requests of first copies alone tell more than those with copies of one moment.
    let others = if books.first.all() > 0 { &books.first } else { &books.others };
    format!(
        "{} of {} refused{}, and {} of {} taken",
        grouped(repeats.refused()),
        requests_that_repeat(repeats),
        statuses(repeats),
        grouped(others.taken),
        counted(others.all(), "other request was", "other requests were"),
    )
}

/// Says that repeats were refused, and why that may have been a bad time.
fn refused_in_doubt(facts: &Facts<'_>) -> String {
    let refused = refused(&facts.tally.repeats);
    let why = "too few first copies were taken in between to tell that from a bad time";
    // A request of many events mostly holds a repeat beside its first copies.
    let remedy = if facts.evidence.plan.batch > 1 { "; single events (`--batch 1`) would tell" } else { "" };
    format!("{refused}; {why}{remedy}")
}

fn requests_that_repeat(repeats: &Answered) -> String {
    counted(
        repeats.all(),
        "request that repeats an acknowledged key was",
        "requests that repeat an acknowledged key were",
    )
}

/// Says that all acknowledged keys were refused that `verify` sent again, if they were.
fn replays_refused(replays: &Answered) -> Option<String> {
    let all = counted(replays.all(), "request", "requests");
    let are_refused = replays.refused() > 0 && replays.taken == 0;
    let statuses = statuses(replays);
    are_refused.then(|| format!("after the run, all {all} with acknowledged keys were refused{statuses}"))
}

/// Tells of first copies that were refused in bulk.
pub(super) fn first_copies(facts: &Facts<'_>) -> Option<Observation> {
    let fresh = &facts.tally.repeats.fresh;
    let refused = fresh.refused();
    let detail = format!(
        "{} of {} refused{}",
        grouped(refused),
        counted(fresh.all(), "request with first copies was", "requests with first copies were"),
        statuses(fresh)
    );
    (refused >= MANY && refused * ONE_IN >= fresh.all()).then_some(Observation::FirstRefused { detail })
}

/// Statuses of the refused requests, in words.
fn statuses(answered: &Answered) -> String {
    let each = |(status, count): (&u16, &u64)| format!("{} with status {status}", grouped(*count));
    let each: Vec<String> = answered.refused.iter().map(each).collect();
    if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) }
}
