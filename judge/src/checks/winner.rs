//! `wrong-winner`: of a key's two payloads (`[traps]`), the one that a store can hold if it keeps
//! its promise on conflicts.
//!
//! Only strict order in time counts. The first attempt of a key can be any that began before the
//! earliest acknowledgement ended. If a response reports the key as new, it is that request. The
//! last attempt can be any that ended after the latest acknowledged one began, or any whose fate is
//! unknown. Inside one request the order is the target's own affair.
//!
//! For example, payload A was sent from 1 to 3 ms and payload B from 2 to 5 ms, both acknowledged.
//! They overlap, so the store can hold either. Had B begun at 4 ms, first-wins would have to hold
//! A, and last-wins B.

use truth::observed::Route;
use truth::observed::presence::Winners;
use truth::plan::variant::{Side, Variant};
use truth::scenario::promises::{Conflict, PayloadEquality};

use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Finding, Premise, SHOWN_KEYS};

/// Looks for keys that hold a payload that cannot be the one to keep. It needs one clock and an
/// acknowledgement that means committed, except where conflicts are promised to be rejected.
pub fn wrong_winner(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::WrongWinner;
    let evidence = facts.evidence;
    let observed = &evidence.observed;
    if let Some(why) = untested(evidence) {
        return Check::not_tested(ID, why);
    }
    // Where nobody says which payload stays, the keys that do not hold the first are told.
    let conflict = evidence.promises.conflict.unwrap_or(Conflict::FirstWins);
    let Some(winners) = observed.winners.as_ref().filter(|_| observed.listing.compared > 0) else {
        return Check::not_tested(ID, "no payloads are shown, or the target does not promise to keep them");
    };
    if !observed.listing.bracketed || !facts.is_at_rest() {
        return Check::unknown(ID, 0, "the target was not at rest");
    }
    let Held { decided, wrong } = Held::of(facts, winners, conflict);
    if decided == 0 {
        let has_other = evidence.plan.variants.other_payload > 0;
        return match has_other || is_to_the_letter(facts) {
            true => Check::not_tested(ID, "every key may hold either of its payloads"),
            false => {
                Check::not_tested(ID, "two spellings of one payload differ only under `payload = \"exact\"`")
            }
        };
    }
    if wrong.is_empty() {
        let keys = counted(
            decided,
            "key that can hold only one of its payloads holds",
            "keys that can hold only one of their payloads hold",
        );
        return Check::pass(ID, format!("{keys} it"));
    }
    wrong_check(facts, conflict, decided, &wrong)
}

/// Payloads that keys hold, beside those that they can hold.
struct Held {
    /// Number of keys that can hold only one of their payloads.
    decided: u64,
    /// Keys that hold the other one.
    wrong: Vec<(u64, Side)>,
}

impl Held {
    fn of(facts: &Facts<'_>, winners: &Winners, conflict: Conflict) -> Self {
        let presence = &facts.evidence.observed.presence;
        let mut held_by = Self { decided: 0, wrong: Vec::new() };
        for (ordinal, contest) in &facts.tally.contests.keys {
            let is_single = presence.seen(*ordinal) == 1
                && !facts.tally.ages.may_be_forgotten(*ordinal)
                && is_told_apart(facts, *ordinal);
            let Some(held) = winners.side(*ordinal).filter(|_| is_single) else { continue };
            let possible = contest.possible(conflict);
            held_by.decided += u64::from(possible != [true, true]);
            if !possible[held as usize] {
                held_by.wrong.push((*ordinal, held));
            }
        }
        held_by
    }
}

/// Makes the check where keys hold a payload that cannot be the one to keep.
fn wrong_check(facts: &Facts<'_>, conflict: Conflict, decided: u64, wrong: &[(u64, Side)]) -> Check {
    let why = match conflict {
        Conflict::FirstWins => "cannot have been the first",
        Conflict::LastWins => "cannot have been the last",
        Conflict::Reject => "differs from one that was acknowledged",
    };
    let found = |(ordinal, held): &(u64, Side)| {
        let payload = facts.evidence.events.payload(*ordinal, *held);
        facts
            .finding(*ordinal, format!("holds `{}`, which {why}", truth::observed::rows::shortened(&payload)))
    };
    let count = wrong.len() as u64;
    let findings: Vec<Finding> = wrong.iter().take(SHOWN_KEYS).map(found).collect();
    let premises = match conflict {
        Conflict::Reject => &[Premise::Words][..],
        Conflict::FirstWins => {
            &[Premise::FirstStays, Premise::Committed, Premise::NothingResends, Premise::OneClock]
        }
        Conflict::LastWins => &[Premise::Committed, Premise::NothingResends, Premise::OneClock],
    };
    let grounds = premises.iter().map(|premise| ground(facts, *premise)).collect();
    let summary = format!(
        "{} a payload that {why}, of {} that can hold only one",
        counted(count, "key holds", "keys hold"),
        grouped(decided)
    );
    Check::fail(CheckId::WrongWinner, count, summary, findings).resting_on(grounds)
}

/// Returns why no order of the attempts can be judged, if none can.
fn untested(evidence: &Evidence) -> Option<&'static str> {
    let promises = &evidence.promises;
    if !evidence.plan.variants.has_two_payloads() {
        return Some("no key was sent with two payloads (`[traps]` in the scenario)");
    }
    if evidence.missing_shards > 0 {
        return Some("the attempts of the missing shards are unknown");
    }
    if promises.is_queued() {
        return Some("an acknowledgement only promises to store later");
    }
    if promises.conflict == Some(Conflict::Reject) {
        return None;
    }
    if promises.may_resend() {
        return Some("an intermediary may send a request again (`intermediary_resends`)");
    }
    (!evidence.one_clock).then_some("order in time is not judged across machines")
}

/// Returns true if the promised equality tells the two payloads of a key apart, in any spelling of
/// the store.
fn is_told_apart(facts: &Facts<'_>, ordinal: u64) -> bool {
    match facts.evidence.events.two_payloads(ordinal) {
        Some(Variant::OtherPayload) => true,
        // A target that takes one spelling for the other has nothing to refuse.
        Some(Variant::KeyOrder | Variant::NumberSpelling) => {
            is_to_the_letter(facts) && facts.evidence.promises.conflict != Some(Conflict::Reject)
        }
        Some(Variant::OtherTimestamp | Variant::OtherSource) | None => false,
    }
}

/// Returns true if payloads were compared as text.
fn is_to_the_letter(facts: &Facts<'_>) -> bool {
    facts.evidence.promises.payload == PayloadEquality::Exact
        && facts.evidence.observed.listing.route == Route::Api
}
