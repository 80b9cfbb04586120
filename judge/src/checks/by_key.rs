//! Checks of single keys: those that a key's byte decides, and the order of responses.

use truth::chain::chain;
use truth::observed::Route;
use truth::scenario::promises::Ack;

use crate::books::keys::Class;
use crate::checks::passed::passed;
use crate::checks::unaccounted::Unaccounted;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::verdict::{Check, CheckId, Doubt, Examined, SHOWN_KEYS};

/// Looks for acknowledged keys that are absent. It is certain if the listing is complete and
/// bracketed, and the key was looked for again.
///
/// Of an incomplete listing it is enough that the key's topic is complete, or that the listing
/// shows earlier and later rows: see `checks::passed`.
pub fn lost(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Lost;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered {
        return Check::not_tested(ID, "the target shows no events");
    }
    if listing.unread.is_some() {
        return Check::unknown(ID, 0, "the listing could not be read");
    }
    let passed = match passed(facts) {
        Ok(passed) => passed,
        Err(error) => return Check::unknown(ID, 0, chain(&error)),
    };
    let is_told = |ordinal: &u64| {
        listing.tells_topic(facts.evidence.events.topic(*ordinal)) || passed.contains(ordinal)
    };
    let all = facts.tally.keys.of_class(Class::Lost, 0).count;
    let lost = facts.tally.keys.of_class_where(Class::Lost, SHOWN_KEYS, is_told);
    let count = lost.count;
    if all > 0 && !(count > 0 && facts.is_at_rest()) {
        let why = match listing.behind {
            Some(behind) => behind.why(),
            None if count > 0 => "the target is not at rest",
            None => "the listing is incomplete",
        };
        let absent = counted(all, "acknowledged key is", "acknowledged keys are");
        return Check::unknown(ID, all, format!("{absent} not listed, but {why}"));
    }
    let acked = facts.attempts().acked_keys;
    if acked == 0 {
        return Check::not_tested(ID, "no key was acknowledged");
    }
    if count == 0 {
        return Check::pass(
            ID,
            format!("all {} are listed", counted(acked, "acknowledged key", "acknowledged keys")),
        );
    }
    let absent_from = match listing.route {
        Route::Api => "the listing",
        Route::Database => "the database",
    };
    let finding =
        |ordinal: &u64| facts.finding(*ordinal, format!("acknowledged, and absent from {absent_from}"));
    let summary = format!(
        "{} of {} acknowledged keys {} absent; looked for {} ms",
        grouped(count),
        grouped(acked),
        if count == 1 { "is" } else { "are" },
        grouped(listing.looked_ms)
    );
    Check::fail(ID, count, summary, lost.keys.iter().map(finding).collect())
}

/// Looks for lost keys whose twin is present: the target takes two keys for one.
pub fn key_merged(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::KeyMerged;
    let keys = &facts.tally.keys;
    let twins = facts.tally.coverage.twin_keys;
    if twins.planned == 0 {
        return Check::not_tested(ID, "no near-identical keys were sent (`[traps]` in the scenario)");
    }
    if !(facts.tells_presence() && facts.is_at_rest()) {
        return Check::not_tested(ID, "the listing does not show every key");
    }
    let events = &facts.evidence.events;
    let is_merged = |ordinal: u64| {
        let twin = ordinal ^ 1;
        events.twin(ordinal).is_some() && keys.contains(twin) && keys.get(twin).seen() > 0
    };
    let lost = keys.iter().filter(|(_, state)| state.is(Class::Lost)).map(|(ordinal, _)| ordinal);
    let merged: Vec<u64> = lost.filter(|ordinal| is_merged(*ordinal)).collect();
    if merged.is_empty() {
        let pairs =
            counted(twins.observed, "pair of near-identical keys is", "pairs of near-identical keys are");
        return Check::pass(ID, format!("{pairs} kept apart"));
    }
    let finding = |ordinal: &u64| {
        let twin = ordinal ^ 1;
        let topic = events.topic(twin);
        let id = events.id_text(twin);
        facts.finding(*ordinal, format!("acknowledged and absent, taken for key {twin} ({topic}, {id:?})"))
    };
    let count = merged.len() as u64;
    let summary = counted(count, "key is taken for another", "keys are taken for others");
    Check::fail(ID, count, summary, merged.iter().take(SHOWN_KEYS).map(finding).collect())
}

/// Looks for keys that are listed more than once. The listing has to be bracketed, and the attempts
/// of the key have to lie within the promised window: see [`crate::books::ages`].
pub fn stored_twice(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::StoredTwice;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    let all = facts.tally.keys.of_class(Class::StoredTwice, 0).count;
    let is_known = |ordinal: &u64| !facts.tally.ages.may_be_forgotten(*ordinal);
    let repeated = facts.tally.keys.of_class_where(Class::StoredTwice, SHOWN_KEYS, is_known);
    let count = repeated.count;
    if count == 0 {
        let mut summary = format!("no key is listed twice among {}", counted(listing.rows, "row", "rows"));
        if let Some(window) = facts.evidence.promises.window {
            let again = counted(all, "key was stored", "keys were stored");
            let window = truth::duration::format(window);
            summary.push_str(&format!(" within the promised {window}; {again} again after it"));
        }
        return Check::pass(ID, summary);
    }
    if !listing.bracketed {
        let sentence = format!(
            "{} more than once, but the target changed meanwhile",
            counted(count, "key was listed", "keys were listed")
        );
        return Check::unknown(ID, count, sentence);
    }
    let finding = |ordinal: &u64| {
        let rows = facts.tally.keys.get(*ordinal).seen();
        facts.finding(*ordinal, format!("listed {rows}{} times", if rows == 3 { " or more" } else { "" }))
    };
    let keys_are = counted(count, "key is", "keys are");
    let how = match listing.route {
        Route::Api => "listed",
        Route::Database => "stored",
    };
    Check::fail(
        ID,
        count,
        format!("{keys_are} {how} more than once"),
        repeated.keys.iter().map(finding).collect(),
    )
}

/// Looks for stored keys all of whose attempts were rejected.
pub(super) fn rejected_but_stored(
    facts: &Facts<'_>,
    unaccounted: &Unaccounted,
    examined: &mut Examined,
) -> Check {
    const ID: CheckId = CheckId::RejectedButStored;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the keys of the missing shards are unknown");
    }
    if let Some(reason) = &unaccounted.unread {
        examined.doubts.push(Doubt::RejectedUnread { reason: reason.clone() });
    }
    let count = unaccounted.rejected.len() as u64;
    if count == 0 {
        let summary = match facts.tally.sums.rejected {
            0 => "nothing was rejected".to_owned(),
            rejected => {
                let attempts = counted(rejected, "rejected attempt", "rejected attempts");
                format!("none of {attempts} had an effect")
            }
        };
        return Check::pass(ID, summary);
    }
    let shown = unaccounted.rejected.iter().take(SHOWN_KEYS);
    let found = |ordinal: &u64| facts.finding(*ordinal, "every attempt was rejected, yet it is stored");
    let summary = counted(count, "rejected key is stored", "rejected keys are stored");
    Check::fail(ID, count, summary, shown.map(found).collect())
}

/// Looks for responses that contradict storing each key once: see [`crate::books::order`]. It needs
/// an acknowledgement that means committed.
pub fn answer_order(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::AnswerOrder;
    let evidence = facts.evidence;
    let tally = &facts.tally;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the responses of the missing shards are unknown");
    }
    if evidence.promises.ack == Ack::Queued {
        return Check::not_tested(ID, "an acknowledgement only promises to store later");
    }
    if evidence.promises.intermediary_resends {
        return Check::not_tested(ID, "an intermediary may send a request again (`intermediary_resends`)");
    }
    let reported = tally.sums.reported_new + tally.sums.reported_duplicate;
    if reported == 0 {
        return Check::not_tested(ID, "no response reports new or duplicate");
    }
    let faults = order_faults(facts);
    let count: u64 = faults.iter().map(|fault| fault.count).sum();
    if count == 0 {
        return Check::pass(ID, consistent(facts, reported));
    }
    let made: Vec<&OrderFault> = faults.iter().filter(|fault| fault.count > 0).collect();
    let parts: Vec<String> =
        made.iter().map(|fault| format!("{} {}", fault.name, grouped(fault.count))).collect();
    let found = |fault: &&OrderFault| {
        let detail = format!("{}: {}", fault.name, fault.detail);
        let shown = fault.keys.iter().take(SHOWN_KEYS);
        shown.map(|ordinal| facts.finding(*ordinal, detail.clone())).collect::<Vec<_>>()
    };
    let findings = made.iter().flat_map(found).collect();
    let check =
        Check::fail(ID, count, format!("responses contradict each other: {}", parts.join(", ")), findings);
    // A request that is not on record may have stored the key.
    match made.as_slice() {
        [only] if only.name == PHANTOM => facts.if_all_is_known(check),
        _ => check,
    }
}

/// Keys with one kind of contradiction between responses.
struct OrderFault {
    name: &'static str,
    detail: &'static str,
    count: u64,
    keys: Vec<u64>,
}

const PHANTOM: &str = "phantom-duplicate";

/// Lists the kinds of contradictions that can be judged, each with its keys.
fn order_faults(facts: &Facts<'_>) -> Vec<OrderFault> {
    let tally = &facts.tally;
    let is_known = |ordinal: &u64| !tally.ages.may_be_forgotten(*ordinal);
    let double_new = tally.keys.of_class_where(Class::DoubleNew, SHOWN_KEYS, is_known);
    let mut faults = vec![OrderFault {
        name: "double-new",
        detail: "reported as new more than once",
        count: double_new.count,
        keys: double_new.keys,
    }];
    // Order in time needs one clock. That a key was new twice does not.
    if !facts.evidence.one_clock {
        return faults;
    }
    // A key that may have been forgotten can be new again.
    if facts.evidence.promises.window.is_none() {
        faults.push(OrderFault {
            name: "late-new",
            detail: "reported as new after it had been acknowledged",
            count: tally.order.late_new.count,
            keys: tally.order.late_new.keys.clone(),
        });
    }
    faults.push(OrderFault {
        name: PHANTOM,
        detail: "reported as a duplicate before any request can have stored it",
        count: tally.order.phantom_duplicate.count,
        keys: tally.order.phantom_duplicate.keys.clone(),
    });
    faults
}

/// Summary where no response contradicts another.
fn consistent(facts: &Facts<'_>, reported: u64) -> String {
    let acked = facts.tally.sums.acked;
    let mut summary = format!(
        "{} consistent with storing each key once",
        counted(reported, "new/duplicate response is", "new/duplicate responses are")
    );
    if acked > reported {
        summary.push_str(&format!("; {} report neither", grouped(acked - reported)));
    }
    if !facts.evidence.one_clock {
        summary.push_str("; order in time is not judged across machines");
    }
    summary
}
