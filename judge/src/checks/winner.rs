//! `wrong-winner`: which of the two payloads of a key (`[traps]`) a store can hold, if it keeps its promise on conflicts.
//!
//! Only strict order in time counts. The first of a key's attempts can have been any that began before the earliest
//! acknowledgement had ended, or, once an answer says `new`, the request that was told so; the last, any that ended after
//! the latest acknowledged one began, or any whose fate is unknown. Inside one request the order is the target's own
//! affair.

use truth::observed::Route;
use truth::plan::variant::{Side, Variant};
use truth::scenario::promises::{Ack, Conflict, PayloadEquality};

use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, CheckId, Finding, SHOWN_KEYS};

/// A key holds a payload that cannot have been the one to stay.
pub fn wrong_winner(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::WrongWinner;
    let (evidence, observed) = (facts.evidence, &facts.evidence.observed);
    if evidence.plan.variants.is_off() {
        return Check::not_tested(ID, "no key was sent with two payloads ([traps] in the scenario)");
    }
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the attempts of the missing shards are not known");
    }
    let conflict = evidence.promises.conflict;
    if evidence.promises.ack == Ack::Queued {
        return Check::not_tested(ID, "an acknowledgement only promises to store later");
    }
    if conflict != Conflict::Reject {
        if evidence.promises.intermediary_resends {
            return Check::not_tested(ID, "something between may send a request again");
        }
        if !evidence.one_clock {
            return Check::not_tested(ID, "order in time is not judged across machines");
        }
    }
    let Some(winners) = observed.winners.as_ref().filter(|_| observed.listing.compared > 0) else {
        return Check::not_tested(ID, "no payloads are shown, or the target does not promise to keep them");
    };
    if !observed.listing.bracketed || !facts.is_at_rest() {
        return Check::unknown(ID, 0, "the target was not at rest");
    }
    let (mut decided, mut wrong) = (0, Vec::new());
    for (ordinal, contest) in &facts.tally.contests.keys {
        let is_single = observed.presence.seen(*ordinal) == 1
            && !facts.tally.ages.may_be_forgotten(*ordinal)
            && is_told_apart(facts, *ordinal);
        let Some(held) = winners.side(*ordinal).filter(|_| is_single) else { continue };
        let possible = contest.possible(conflict);
        decided += u64::from(possible != [true, true]);
        if !possible[held as usize] {
            wrong.push((*ordinal, held));
        }
    }
    if decided == 0 {
        return Check::not_tested(ID, "the answers leave both payloads possible, for every key");
    }
    if wrong.is_empty() {
        let keys = counted(decided, "key whose two payloads", "keys whose two payloads");
        return Check::pass(ID, format!("{keys} leave but one possible hold that one"));
    }
    let why = match conflict {
        Conflict::FirstWins => "cannot have been the first",
        Conflict::LastWins => "cannot have been the last",
        Conflict::Reject => "differs from one that was acknowledged",
    };
    let found = |(ordinal, held): &(u64, Side)| {
        let payload = evidence.events.payload(*ordinal, *held);
        facts
            .finding(*ordinal, format!("holds `{}`, which {why}", truth::observed::rows::shortened(&payload)))
    };
    let count = wrong.len() as u64;
    let findings: Vec<Finding> = wrong.iter().take(SHOWN_KEYS).map(found).collect();
    let summary = format!(
        "{} a payload that {why}, of {} whose answers leave but one possible",
        counted(count, "key holds", "keys hold"),
        grouped(decided)
    );
    Check::fail(ID, count, summary, findings)
}

/// Whether the promised equality tells the two payloads of a key apart, however a store writes what it was sent.
fn is_told_apart(facts: &Facts<'_>, ordinal: u64) -> bool {
    let to_the_letter = facts.evidence.promises.payload == PayloadEquality::Exact
        && facts.evidence.observed.listing.route == Route::Api;
    match facts.evidence.events.variant(ordinal) {
        Some(Variant::OtherPayload) => true,
        // A target that takes one spelling for the other has nothing to refuse.
        Some(Variant::KeyOrder | Variant::NumberSpelling) => {
            to_the_letter && facts.evidence.promises.conflict != Conflict::Reject
        }
        None => false,
    }
}
