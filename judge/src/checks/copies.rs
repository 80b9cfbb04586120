//! Check of keys that are listed more than once, and what decides if that is a fault: copies may
//! merge, stand on two pages alone, or be stored again after the promised window.

use truth::observed::Route;
use truth::observed::looks::CopyHistory;
use truth::scenario::promises::Refused;

use crate::books::ages::Age;
use crate::books::keys::{Class, Members};
use crate::books::region::{Deltas, Region};
use crate::facts::Facts;
use crate::numbers::counted;
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Finding, Ground, Premise, SHOWN_KEYS};

/// Looks for keys that are listed more than once, or more often than the promised window allows: see
/// [`crate::books::ages`]. The listing has to be bracketed.
pub(super) fn stored_twice(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::StoredTwice;
    let listing = &facts.evidence.observed.listing;
    if !listing.offered || listing.unread.is_some() {
        return Check::not_tested(ID, "the target shows no events");
    }
    let is_of = |ordinal: &u64, age: Age| {
        let rows = facts.tally.keys.get(*ordinal).seen();
        facts.tally.ages.age(*ordinal, rows) == age && !stands_at_a_border(facts, *ordinal)
    };
    let of_age = |age| {
        let repeated = move |ordinal: &u64| is_of(ordinal, age);
        (age, facts.tally.keys.of_class_where(Class::StoredTwice, SHOWN_KEYS, repeated))
    };
    let (age, repeated) = match of_age(Age::Known) {
        (_, none) if none.count == 0 => of_age(Age::KnownByResponses),
        known => known,
    };
    let is_known = |ordinal: &u64| is_of(ordinal, age);
    let count = repeated.count;
    if count == 0 {
        return beyond_the_third(facts).unwrap_or_else(|| none_twice(facts));
    }
    if !listing.bracketed {
        let sentence = format!(
            "{} more than once, but the target changed meanwhile",
            counted(count, "key was listed", "keys were listed")
        );
        return Check::unknown(ID, count, sentence);
    }
    let finding = |ordinal: &u64| finding(facts, *ordinal);
    let settled = settled(facts, &repeated.keys);
    // A store that merges copies later has no copies to merge of a key that came once, or that it
    // called new twice.
    let has_more = received_more(facts);
    let cannot_merge = |ordinal: &u64| {
        is_known(ordinal) && cannot_merge(facts, *ordinal, has_more) && stayed(facts, *ordinal)
    };
    let firm = facts.tally.keys.of_class_where(Class::StoredTwice, SHOWN_KEYS, cannot_merge);
    let (shown, ground) = match settled.holds() || firm.count == 0 {
        true => (repeated, settled),
        false => {
            let because = "the key was sent once, or reported as new twice, so nothing is left to merge";
            (firm, Ground::shown(Premise::CopiesSettled, because))
        }
    };
    let outgrown = |ordinal: &u64| facts.tally.ages.may_be_forgotten(*ordinal);
    let has_outgrown = shown.keys.iter().any(outgrown);
    let summary = told(facts, &shown, count, has_outgrown);
    let findings = shown.keys.iter().map(finding).collect();
    let mut grounds = vec![ground];
    grounds.extend(in_time(facts, age, has_outgrown));
    Check::fail(ID, shown.count, summary, findings).resting_on(grounds)
}

/// Looks for more rows than keys can have been stored in all. Of a key, three rows are told apart;
/// those beyond the third are counted together, where a window allows so many.
fn beyond_the_third(facts: &Facts<'_>) -> Option<Check> {
    let window = facts.evidence.promises.window?;
    let listing = &facts.evidence.observed.listing;
    if facts.evidence.missing_shards > 0 || !listing.bracketed {
        return None;
    }
    let keys = || facts.tally.keys.iter();
    let shown: u64 = keys().map(|(_, state)| u64::from(state.seen())).sum();
    let beyond = listing.ours.count.saturating_sub(shown + listing.sentinels.len() as u64);
    let full = || keys().filter(|(_, state)| state.seen() == 3).map(|(ordinal, _)| ordinal);
    let further = full().map(|ordinal| facts.tally.ages.times_stored(ordinal).saturating_sub(3));
    let surplus = beyond.saturating_sub(further.fold(0, u64::saturating_add));
    if surplus == 0 {
        return None;
    }
    let summary = format!(
        "{} than the promised window of {} allows",
        counted(surplus, "row is listed more", "rows are listed more"),
        truth::duration::format(window)
    );
    let findings = full().take(SHOWN_KEYS).map(|ordinal| finding(facts, ordinal)).collect();
    let mut grounds = vec![ground(facts, Premise::CopiesSettled)];
    grounds.extend(in_time(facts, Age::KnownByResponses, true));
    Some(Check::fail(CheckId::StoredTwice, surplus, summary, findings).resting_on(grounds))
}

/// Says how often a key is listed.
fn finding(facts: &Facts<'_>, ordinal: u64) -> Finding {
    let rows = facts.tally.keys.get(ordinal).seen();
    let or_more = if rows == 3 { " or more" } else { "" };
    let most = match facts.tally.ages.times_stored(ordinal) {
        1 => String::new(),
        most => format!(", and can rightly have been stored {most} times"),
    };
    facts.finding(ordinal, format!("listed {rows}{or_more} times{most}"))
}

/// Says how many keys are listed too often: those that are shown, of all.
fn told(facts: &Facts<'_>, shown: &Members, count: u64, has_outgrown: bool) -> String {
    let keys_are = counted(shown.count, "key is", "keys are");
    let how = match facts.evidence.observed.listing.route {
        Route::Api => "listed",
        Route::Database => "stored",
    };
    let often = if has_outgrown { "more often than the promised window allows" } else { "more than once" };
    let mut summary = format!("{keys_are} {how} {often}");
    if count > shown.count {
        let others = counted(count - shown.count, "other is", "others are");
        summary.push_str(&format!("; {others} {how} {often} too, and may merge"));
    }
    summary
}

/// Returns the check of a run in which no key is listed twice, or only keys that may have been
/// forgotten.
fn none_twice(facts: &Facts<'_>) -> Check {
    let rows = counted(facts.evidence.observed.listing.rows, "row", "rows");
    let mut summary = format!("no key is listed twice among {rows}");
    if let Some(window) = facts.evidence.promises.window {
        let keys = &facts.tally.keys;
        let all = keys.of_class(Class::StoredTwice, 0).count;
        let again = counted(all, "key was stored", "keys were stored");
        let window = truth::duration::format(window);
        summary.push_str(&format!(" within the promised {window}; {again} again after it"));
    }
    Check::pass(CheckId::StoredTwice, summary)
}

/// Grounds on which keys of this age were known when their copies came. None are needed where keys
/// are known for ever.
fn in_time(facts: &Facts<'_>, age: Age, has_outgrown: bool) -> Vec<Ground> {
    let Some(window) = facts.evidence.promises.window else { return Vec::new() };
    let mut grounds = vec![ground(facts, Premise::OneClock)];
    // Beside the rows of a key that are there rightly, a cursor may repeat one at a border.
    let listing = &facts.evidence.observed.listing;
    if has_outgrown && listing.route == Route::Api && listing.pages > 1 {
        grounds.push(in_order(facts));
    }
    if age == Age::Known {
        return grounds;
    }
    let window = truth::duration::format(window);
    let how = format!("a run and its looks that take less than the window of {window} decide");
    // A copy that was stored later, or that somebody else sent, may have come after the window.
    for premise in [Premise::Committed, Premise::NothingResends, Premise::NobodyElse] {
        let found = ground(facts, premise);
        grounds.push(match found.holds() {
            true => found,
            false => Ground { because: format!("{}; or {how}", found.because), ..found },
        });
    }
    grounds
}

/// Ground on which rows of a key that stand on two pages are two rows. Where nobody promised an order,
/// the rows may be too many, so this leaves the finding open.
fn in_order(facts: &Facts<'_>) -> Ground {
    let in_order = ground(facts, Premise::RowsInOrder);
    match in_order.holds() {
        true => in_order,
        false => Ground::assumed_though(
            Premise::CopiesSettled,
            "a cursor may repeat a row at a border of pages, unless `order` under `[target.listing]` says how rows \
             follow one another",
        ),
    }
}

/// Ground on which these copies are there to stay. Copies that a store merges within the promised
/// time were shown for longer. A cursor that leaves rows out may repeat others.
fn settled(facts: &Facts<'_>, repeated: &[u64]) -> Ground {
    const SETTLED: Premise = Premise::CopiesSettled;
    let looks = &facts.evidence.observed.looks;
    let stood =
        |ordinal: &u64, stands: &dyn Fn(&CopyHistory) -> bool| looks.copies(*ordinal).is_none_or(stands);
    if looks.missing_count > 0 && !repeated.iter().any(|key| stood(key, &|copies| copies.within > 0)) {
        return Ground::refuted(SETTLED, "the copies stand on different pages, and other rows are left out");
    }
    let Some(merge) = facts.evidence.promises.merge else { return ground(facts, SETTLED) };
    let outlasts = |copies: &CopyHistory| {
        u128::from(copies.last_ms - copies.first_ms) >= merge.as_millis() && !copies.vanished()
    };
    match repeated.iter().any(|key| stood(key, &outlasts)) {
        true => ground(facts, SETTLED),
        false => Ground::refuted(SETTLED, "no copy was shown for as long as `merge` promises"),
    }
}

/// Returns true if copies of a key were shown on neighbouring pages alone: one row, shown twice.
fn stands_at_a_border(facts: &Facts<'_>, ordinal: u64) -> bool {
    let copies = facts.evidence.observed.looks.copies(ordinal);
    copies.is_some_and(|copies| copies.within == 0 && copies.border_only == copies.looks)
}

/// Returns true if copies of a key stood within one page in more than one look. Without a record of
/// looks there was one.
fn stayed(facts: &Facts<'_>, ordinal: u64) -> bool {
    let copies = facts.evidence.observed.looks.copies(ordinal);
    copies.is_none_or(|copies| copies.within > 1 && !copies.vanished())
}

/// Returns true for a key of which a store cannot have copies that it merges later. An attempt that
/// was refused may have left one, and so may a copy that somebody else sent.
fn cannot_merge(facts: &Facts<'_>, ordinal: u64, has_more: bool) -> bool {
    let promises = &facts.evidence.promises;
    let key = facts.tally.keys.get(ordinal);
    let may_have_stored_refused =
        facts.tally.keys.is_rejected(ordinal) && promises.refused != Some(Refused::NoEffect);
    let may_be_copied = has_more || promises.may_resend();
    let came_once = key.acked() + key.unknown() == 1 && !may_have_stored_refused && !may_be_copied;
    // A key that was forgotten is rightly called new again.
    came_once || (key.reported_new() > 1 && !facts.tally.ages.may_be_new_again(ordinal))
}

/// Returns true if the target received more events than the run sent, where others may write.
fn received_more(facts: &Facts<'_>) -> bool {
    let evidence = facts.evidence;
    let before = evidence.baseline.as_ref().and_then(|baseline| baseline.stats.as_ref());
    let now = evidence.observed.stats.stats.as_ref();
    let received = before.zip(now).and_then(|(before, now)| Deltas::between(before, now).received);
    let sent = Region::of(&facts.tally.keys, &facts.tally.sums, false, evidence.promises.received).received;
    evidence.promises.shared != Some(false)
        && received.is_some_and(|received| received > i128::from(sent.high))
}
