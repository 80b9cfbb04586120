//! Checks of single keys: those that a key's byte decides, and the order of responses.

use truth::chain::chain;
use truth::observed::Route;

use crate::books::keys::{Class, KeyState};
use crate::books::walk::WalkError;
use crate::bracket::Absent;
use crate::checks::unaccounted::Unaccounted;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::{contradicted, ground, outlasted_lag};
use crate::total_loss;
use crate::verdict::{Check, CheckId, Doubt, Examined, Ground, Premise, SHOWN_KEYS, Standing};

/// Looks for acknowledged keys that are absent, by the last look. It needs a listing that stood
/// still.
///
/// Which absent keys the view would show is said by [`crate::bracket`], unless the view is promised
/// to show all.
pub(super) fn lost(facts: &Facts<'_>, absent: &Result<Absent, WalkError>) -> Check {
    const ID: CheckId = CheckId::Lost;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered {
        return Check::not_tested(ID, "the target shows no events");
    }
    if listing.unread.is_some() {
        return Check::unknown(ID, 0, "the listing could not be read");
    }
    let absent = match absent {
        Ok(absent) => absent,
        Err(error) => return Check::unknown(ID, 0, chain(error)),
    };
    let acked = facts.attempts().acked_keys;
    if acked == 0 {
        return Check::not_tested(ID, "no key was acknowledged");
    }
    if absent.count == 0 {
        return Check::pass(
            ID,
            format!("all {} are listed", counted(acked, "acknowledged key", "acknowledged keys")),
        );
    }
    if !listing.bracketed {
        let keys = counted(absent.count, "acknowledged key is", "acknowledged keys are");
        let sentence = format!("{keys} not listed, but the target changed while it was listed");
        return Check::unknown(ID, absent.count, sentence);
    }
    let firm = Firm::of(facts, absent);
    let count = firm.count;
    let absent_from = match listing.route {
        Route::Api => "the listing",
        Route::Database => "the database",
    };
    let looks = &facts.evidence.observed.looks;
    let finding = |ordinal: &u64| {
        let detail = match looks.is_gone(*ordinal) {
            true => format!("acknowledged, shown at first, and gone from {absent_from}"),
            false => format!("acknowledged, and absent from {absent_from}"),
        };
        facts.finding(*ordinal, detail)
    };
    let mut summary = format!(
        "{} of {} acknowledged keys {} absent; looked for {} ms",
        grouped(count),
        grouped(acked),
        if count == 1 { "is" } else { "are" },
        grouped(listing.looked_ms)
    );
    if absent.count > count {
        let others = counted(absent.count - count, "other is", "others are");
        summary.push_str(&format!("; {others} absent too, which the view may not show"));
    }
    let findings = firm.keys.iter().take(SHOWN_KEYS).map(finding).collect();
    Check::fail(ID, count, summary, findings).resting_on(firm.grounds)
}

/// Absent keys that stand on the same ground.
#[derive(Clone)]
pub(super) struct Firm {
    /// Number of them.
    pub(super) count: u64,
    /// The first of them.
    pub(super) keys: Vec<u64>,
    /// Premises of their absence.
    pub(super) grounds: Vec<Ground>,
}

impl Firm {
    /// Takes the keys that the view would show; all of them if there are none.
    pub(super) fn of(facts: &Facts<'_>, absent: &Absent) -> Self {
        if let Some(grounds) = total_loss::grounds(facts) {
            return Self { count: absent.count, keys: absent.keys.clone(), grounds };
        }
        let [whole, fresh, waits] =
            [Premise::Whole, Premise::Fresh, Premise::NothingWaits].map(|premise| ground(facts, premise));
        let all_hold = whole.holds() && fresh.holds();
        let denied = Self::denied(facts, absent, &fresh, &waits);
        if !all_hold && let Some(firm) = denied.as_ref().filter(|firm| firm.grounds.iter().all(Ground::holds))
        {
            return firm.clone();
        }
        if all_hold || absent.bracketed.is_empty() || contradicted(facts).is_some() {
            if let Some(firm) = denied.filter(|_| !whole.holds()) {
                return firm;
            }
            let keys = absent.keys.clone();
            return Self { count: absent.count, keys, grounds: vec![whole, fresh, waits] };
        }
        let within = absent.keys.iter().filter(|ordinal| absent.bracketed.contains(ordinal));
        let keys: Vec<u64> = within.copied().collect();
        let is_in_order = is_in_order(facts, &waits);
        let shown = |premise, because: &str| match is_in_order {
            true => Ground::shown(premise, because),
            false => Ground::assumed(premise),
        };
        let because = "its topic shows keys sent before and after it, and nearly all between";
        let whole = if whole.holds() { whole } else { shown(Premise::Whole, because) };
        let fresh = match fresh.standing {
            Standing::Assumed if outlasted_lag(facts) => {
                shown(Premise::Fresh, "keys of the same topic that were acknowledged later are shown")
            }
            _ => fresh,
        };
        Self { count: keys.len() as u64, keys, grounds: vec![whole, fresh, waits] }
    }

    /// Takes the keys that the target denies when it is asked for each by itself; none if there are
    /// none.
    fn denied(facts: &Facts<'_>, absent: &Absent, fresh: &Ground, waits: &Ground) -> Option<Self> {
        let denied = &absent.denied;
        if denied.keys.is_empty() {
            return None;
        }
        let whole = Ground::promised_by(
            Premise::Whole,
            "`listing.one`: the target denies the key, and finds keys that the listing shows",
        );
        let is_shown = fresh.standing == Standing::Assumed
            && !denied.with_later.is_empty()
            && outlasted_lag(facts)
            && is_in_order(facts, waits);
        let (among, fresh) = match is_shown {
            true => {
                let because =
                    "keys of the same topic that were acknowledged later are found by `listing.one`";
                (&denied.with_later, Ground::shown(Premise::Fresh, because))
            }
            false => (&denied.keys, fresh.clone()),
        };
        let keys: Vec<u64> = absent.keys.iter().filter(|ordinal| among.contains(ordinal)).copied().collect();
        Some(Self { count: keys.len() as u64, keys, grounds: vec![whole, fresh, waits.clone()] })
    }
}

/// True if the order of the acknowledgements is the order of storing: nothing was stored later. A
/// queue that has drained may have stored some of it later.
fn is_in_order(facts: &Facts<'_>, waits: &Ground) -> bool {
    let promises = &facts.evidence.promises;
    waits.holds() && (promises.is_committed() || promises.drain.is_none())
}

/// Looks for lost keys whose twin is present: the target takes two keys for one.
pub(super) fn key_merged(facts: &Facts<'_>, absent: &Result<Absent, WalkError>) -> Check {
    const ID: CheckId = CheckId::KeyMerged;
    let keys = &facts.tally.keys;
    let twins = facts.tally.coverage.twin_keys;
    if twins.planned == 0 {
        return Check::not_tested(ID, "no near-identical keys were sent (`[traps]` in the scenario)");
    }
    let listing = &facts.evidence.observed.listing;
    let absent = match absent {
        Ok(absent) if listing.offered && listing.is_sound() => absent,
        _ => return Check::not_tested(ID, "the listing could not be read, or did not stand still"),
    };
    let events = &facts.evidence.events;
    let is_merged = |ordinal: &&u64| {
        let twin = **ordinal ^ 1;
        events.twin(**ordinal).is_some() && keys.contains(twin) && keys.get(twin).seen() > 0
    };
    let Firm { keys: lost, grounds, .. } = Firm::of(facts, absent);
    let merged: Vec<u64> = lost.iter().filter(is_merged).copied().collect();
    if merged.is_empty() {
        let pairs =
            counted(twins.observed, "pair of near-identical keys is", "pairs of near-identical keys are");
        return Check::pass(ID, format!("{pairs} kept apart"));
    }
    let finding = |ordinal: &u64| {
        let twin = ordinal ^ 1;
        let topic = events.topic(twin);
        let id = events.id_text(twin);
        let detail = format!(
            "acknowledged and absent, while the near-identical key {twin} ({topic}, {id:?}) is stored: the target \
             takes the two for one"
        );
        facts.finding(*ordinal, detail)
    };
    let count = merged.len() as u64;
    let summary = counted(
        count,
        "key is absent, and taken for a near-identical one",
        "keys are absent, and each is taken for a near-identical one",
    );
    let findings = merged.iter().take(SHOWN_KEYS).map(finding).collect();
    Check::fail(ID, count, summary, findings).resting_on(grounds)
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
    if facts.evidence.promises.may_resend() {
        return Check::not_tested(ID, "an intermediary may send a request again (`intermediary_resends`)");
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
                let keys = &facts.tally.keys;
                let is_rejected = |ordinal: u64, state: KeyState| {
                    state.acked() == 0 && state.unknown() == 0 && keys.is_rejected(ordinal)
                };
                let alone = keys.iter().filter(|(ordinal, state)| is_rejected(*ordinal, *state)).count();
                match alone as u64 {
                    0 => {
                        format!("of {attempts}, each has a key with another attempt, so no effect would show")
                    }
                    alone => {
                        let keys = counted(alone, "key", "keys");
                        format!("none of {keys} is stored whose every attempt was rejected, of {attempts}")
                    }
                }
            }
        };
        return Check::pass(ID, summary);
    }
    let shown = unaccounted.rejected.iter().take(SHOWN_KEYS);
    let found = |ordinal: &u64| facts.finding(*ordinal, "every attempt was rejected, yet it is stored");
    let summary = counted(count, "rejected key is stored", "rejected keys are stored");
    Check::fail(ID, count, summary, shown.map(found).collect())
}

/// Looks for responses that contradict storing each key once: see [`crate::books::order`]. Only
/// their order needs an acknowledgement that means committed.
pub fn answer_order(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::AnswerOrder;
    let evidence = facts.evidence;
    let tally = &facts.tally;
    if evidence.missing_shards > 0 {
        return Check::not_tested(ID, "the responses of the missing shards are unknown");
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
        made.iter().map(|fault| format!("{} {}", counted(fault.count, "key", "keys"), fault.what)).collect();
    let found = |fault: &&OrderFault| {
        let shown = fault.keys.iter().take(SHOWN_KEYS);
        shown.map(|ordinal| facts.finding(*ordinal, fault.what)).collect::<Vec<_>>()
    };
    let findings = made.iter().flat_map(found).collect();
    let summary = format!("responses contradict each other: {}", parts.join(", "));
    let check = Check::fail(ID, count, summary, findings).resting_on(grounds_of(facts, &made));
    // A request that is not on record may have stored the key.
    match made.as_slice() {
        [only] if only.what == PHANTOM => facts.if_all_is_known(check),
        _ => check,
    }
}

/// Premises of contradictions between responses. That a key was new twice needs no order.
fn grounds_of(facts: &Facts<'_>, made: &[&OrderFault]) -> Vec<Ground> {
    let mut premises = vec![Premise::Words];
    if !made.iter().any(|fault| fault.what == DOUBLE_NEW) {
        premises.extend([Premise::Committed, Premise::NothingResends, Premise::OneClock]);
        // A refused request may have stored what is then reported as a duplicate.
        premises.extend((facts.tally.sums.rejected > 0).then_some(Premise::RefusedWithoutEffect));
    }
    premises.into_iter().map(|premise| ground(facts, premise)).collect()
}

/// Keys with one kind of contradiction between responses.
struct OrderFault {
    /// Contradiction, as a sentence about a key.
    what: &'static str,
    count: u64,
    keys: Vec<u64>,
}

const DOUBLE_NEW: &str = "reported as new more than once";
const LATE_NEW: &str = "reported as new after an acknowledgement";
const PHANTOM: &str = "reported as a duplicate before anything can have been stored";

/// Lists the kinds of contradictions that can be judged, each with its keys.
fn order_faults(facts: &Facts<'_>) -> Vec<OrderFault> {
    let tally = &facts.tally;
    let is_known = |ordinal: &u64| !tally.ages.may_be_new_again(*ordinal);
    let double_new = tally.keys.of_class_where(Class::DoubleNew, SHOWN_KEYS, is_known);
    let mut faults = vec![OrderFault { what: DOUBLE_NEW, count: double_new.count, keys: double_new.keys }];
    // Order in time needs one clock, and responses about what is stored by then. That a key was new
    // twice needs neither.
    if why_without_order(facts).is_some() {
        return faults;
    }
    // A key that may have been forgotten can be new again.
    if facts.evidence.promises.window.is_none() {
        faults.push(OrderFault {
            what: LATE_NEW,
            count: tally.order.late_new.count,
            keys: tally.order.late_new.keys.clone(),
        });
    }
    faults.push(OrderFault {
        what: PHANTOM,
        count: tally.order.phantom_duplicate.count,
        keys: tally.order.phantom_duplicate.keys.clone(),
    });
    faults
}

/// Reason why the order of responses says nothing.
fn why_without_order(facts: &Facts<'_>) -> Option<&'static str> {
    let promises = &facts.evidence.promises;
    if promises.is_queued() {
        Some("as an acknowledgement only promises to store later")
    } else if promises.may_resend() {
        Some("as an intermediary may send a request again")
    } else if !facts.evidence.one_clock {
        Some("across machines")
    } else {
        None
    }
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
    if let Some(why) = why_without_order(facts) {
        summary.push_str(&format!("; order in time is not judged {why}"));
    }
    summary
}
