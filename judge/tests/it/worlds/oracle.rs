//! Oracle: what is true of a case, by brute force over its history and its looks.

use std::collections::HashMap;

use judge::evidence::Evidence;
use truth::plan::Plan;
use truth::target::answer::Kind;

use super::case::{Case, Declared};
use super::sender::{Fate, Try};
use super::world::{Counts, World};

/// Attempts of one key.
#[derive(Clone, Copy, Default)]
struct Attempts {
    acked: u64,
    unknown: u64,
    refused: u64,
    reported_new: u64,
}

/// Whether a FAIL would be wrong: the store did what it promised, with or without a word.
pub(super) fn is_sound(world: &World, case: &Case, declared: Declared) -> bool {
    let is_broken = match world.defect {
        None => false,
        Some(defect) => {
            case.history.is_broken && (declared != Declared::Nothing || defect.breaks_the_unsaid())
        }
    };
    // Each event was counted several times, and nobody else is said to have sent it.
    let is_counted_over =
        matches!(world.counting.kind, Counts::Multiple(_)) && case.evidence.promises.shared == Some(false);
    // What is stored after a response that says that it is stored was not stored by then.
    let is_late = declared != Declared::All && !world.storing.keeps_its_word();
    let is_forgetful = case.history.has_forgotten && case.evidence.promises.window.is_none();
    !is_broken && !is_counted_over && !is_late && !is_forgetful
}

/// A finding that the looks hold, so that a PASS would be wrong.
pub(super) fn finding(world: &World, case: &Case) -> Option<String> {
    let Case { plan, history, evidence, .. } = case;
    let presence = &evidence.observed.presence;
    let attempts = attempts(plan, &history.tries, evidence);
    let is_missing = |(key, of): &(&u64, &Attempts)| of.acked > 0 && presence.seen(**key) == 0;
    if let Some((key, _)) = attempts.iter().find(is_missing) {
        return Some(format!("key {key} was acknowledged, and no look shows it"));
    }
    if let Some(key) = (0..presence.keys()).find(|key| {
        presence.seen(*key) > 1 && stands_apart(evidence, *key) && is_known(case, *key, Until::Shown)
    }) {
        return Some(format!("key {key} is listed twice"));
    }
    let is_single = case.evidence.observed.listing.pages <= 1;
    let has_too_many = |key: &u64| u64::from(presence.seen(*key)) > times_stored(case, *key);
    if let Some(key) = (0..presence.keys()).filter(|_| is_single).find(has_too_many) {
        return Some(format!("key {key} is listed more often than it came"));
    }
    let is_new_again =
        |(key, of): &(&u64, &Attempts)| of.reported_new > 1 && is_known(case, **key, Until::Told);
    if let Some((key, _)) = attempts.iter().find(is_new_again) {
        return Some(format!("key {key} was reported as new twice"));
    }
    let listing = &evidence.observed.listing;
    if listing.payload_changed + listing.wrong_topic + listing.never_planned > 0 {
        return Some("a row has another content, another topic or an id that is not planned".to_owned());
    }
    promised(world, case, &attempts)
}

/// A finding against a promise.
fn promised(world: &World, case: &Case, attempts: &HashMap<u64, Attempts>) -> Option<String> {
    let Case { evidence, .. } = case;
    let listing = &evidence.observed.listing;
    let presence = &evidence.observed.presence;
    let promises = &evidence.promises;
    let is_stored_refused = |(key, of): &(&u64, &Attempts)| {
        of.acked + of.unknown == 0 && of.refused > 0 && presence.seen(**key) > 0
    };
    if promises.refused.is_some()
        && !promises.may_resend()
        && let Some((key, _)) = attempts.iter().find(is_stored_refused)
    {
        return Some(format!("key {key} was refused, and is listed"));
    }
    if promises.is_atomic() && evidence.listing_is_complete && is_torn(case, attempts) {
        return Some("a part of an unanswered request is listed".to_owned());
    }
    let before = evidence.baseline.as_ref().and_then(|baseline| baseline.listed);
    let has_unique = evidence.observed.stats.stats.as_ref().is_some_and(|counters| counters.unique.is_some());
    // An estimate may tell of rows that others stored after the run.
    let has_unique = has_unique && !matches!(world.counting.kind, Counts::Estimated(_));
    if promises.shared == Some(false)
        && world.has_order()
        && listing.all_topics
        && evidence.listing_is_complete
        && has_unique
        && before.is_some_and(|before| listing.foreign.count > before.rows)
    {
        return Some("a row that nobody sent is listed".to_owned());
    }
    miscounted(evidence, attempts)
}

/// Moment until which a key has to be known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// Last response to it.
    Told,
    /// The same, and the last look if an attempt has no response.
    Shown,
}

/// Whether a key has to be known when its last attempt is executed, by the promised window.
fn is_known(case: &Case, key: u64, until: Until) -> bool {
    let Some(window) = case.evidence.promises.window else { return true };
    let of_key = case.history.tries.iter().filter(|made| made.keys.contains(&key));
    let made: Vec<&Try> = of_key.filter(|made| may_store(case, made, until)).collect();
    let Some(first) = made.iter().map(|made| made.start).min() else { return true };
    let last = made.iter().filter(|made| made.fate == Fate::Acked).map(|made| made.end).max();
    let is_open = made.iter().any(|made| made.fate != Fate::Acked) || has_silent(case, key);
    let last = match until {
        Until::Shown if is_open => case.evidence.looked.map(|looked| looked.ended_ns / 1_000),
        Until::Shown | Until::Told => last,
    };
    last.is_none_or(|last| u128::from(last - first) <= window.as_micros())
}

/// Whether a try may have stored its keys, or told that they are new.
fn may_store(case: &Case, made: &Try, until: Until) -> bool {
    match made.fate {
        Fate::Acked => true,
        Fate::Unknown | Fate::Silent => until == Until::Shown,
        Fate::Refused => until == Until::Shown && case.evidence.promises.refused.is_none(),
        Fate::NeverSent => false,
    }
}

/// Number of times that a key can rightly have been stored: once for each attempt, and for a key that
/// is known for ever, once.
fn times_stored(case: &Case, key: u64) -> u64 {
    if case.evidence.promises.window.is_none() {
        return 1;
    }
    let attempts = attempts(&case.plan, &case.history.tries, &case.evidence);
    let of = attempts.get(&key).copied().unwrap_or_default();
    let refused = if case.evidence.promises.refused.is_none() { of.refused } else { 0 };
    (of.acked + of.unknown + refused).max(1)
}

/// Whether a request with this key was opened, and has no end on record.
fn has_silent(case: &Case, key: u64) -> bool {
    attempts(&case.plan, &case.history.tries, &case.evidence).get(&key).is_some_and(|of| of.unknown > 0)
}

/// Whether a row beside another of its key is no cursor's doing.
fn stands_apart(evidence: &Evidence, key: u64) -> bool {
    let copies = evidence.observed.looks.copies(key);
    copies.is_none_or(|copies| copies.within > 0 || copies.border_only < copies.looks)
}

/// Counts the attempts of each key. A request of an opened round without an end counts as unknown.
fn attempts(plan: &Plan, tries: &[Try], evidence: &Evidence) -> HashMap<u64, Attempts> {
    let mut attempts: HashMap<u64, Attempts> = HashMap::new();
    for made in tries {
        for (place, key) in made.keys.iter().copied().enumerate() {
            let of = attempts.entry(key).or_default();
            match made.fate {
                Fate::Acked => of.acked += 1,
                Fate::Unknown => of.unknown += 1,
                Fate::Refused => of.refused += 1,
                Fate::NeverSent | Fate::Silent => {}
            }
            let is_new = made.fate == Fate::Acked && made.answer.kinds.of(place) == Kind::New;
            of.reported_new += u64::from(is_new);
        }
    }
    let is_opened = |round: u64| tries.iter().any(|made| made.round == round);
    for round in (0..plan.rounds().unwrap_or(0)).filter(|round| is_opened(*round)) {
        let planned = plan.round(round);
        for request in 0..planned.requests() {
            let is_of_it = |made: &&Try| (made.round, made.request) == (round, request);
            let has_end =
                tries.iter().filter(is_of_it).any(|made| made.is_final && made.fate != Fate::Silent);
            if !has_end {
                planned
                    .request(request)
                    .iter()
                    .for_each(|key| attempts.entry(*key).or_default().unknown += 1);
            }
        }
    }
    debug_assert!(attempts.len() as u64 <= evidence.keys.end);
    attempts
}

/// Whether of the keys that only one unanswered request carried, a part is listed.
fn is_torn(case: &Case, attempts: &HashMap<u64, Attempts>) -> bool {
    let presence = &case.evidence.observed.presence;
    let tries = case.history.tries.iter();
    let mut open = tries.filter(|made| made.is_final && made.fate == Fate::Unknown);
    open.any(|made| {
        let keys = &made.keys;
        let own: Vec<&u64> =
            keys.iter().filter(|key| attempts[*key].acked == 0 && attempts[*key].unknown == 1).collect();
        let shown = own.iter().filter(|key| presence.seen(***key) > 0).count();
        shown > 0 && shown < own.len()
    })
}

/// Counters at the last reading outside what the attempts allow, where they are promised.
fn miscounted(evidence: &Evidence, attempts: &HashMap<u64, Attempts>) -> Option<String> {
    let promises = &evidence.promises;
    let is_promised = promises.stats.is_some()
        && promises.refused.is_some()
        && promises.received.is_some()
        && promises.counts_on()
        && promises.shared == Some(false);
    // What was forgotten is counted again.
    let is_promised = is_promised && promises.window.is_none();
    let before = evidence.baseline.as_ref()?.stats.as_ref().filter(|_| is_promised)?;
    let now = evidence.observed.stats.stats.as_ref()?;
    let sentinels = evidence.observed.sentinels.as_ref().map_or(0, |sent| sent.sent.len()) as u64;
    let sum = |of: fn(&Attempts) -> u64| attempts.values().map(of).sum::<u64>();
    let acked = sum(|of| of.acked) + sentinels;
    let all = acked + sum(|of| of.unknown);
    let keys = sum(|of| u64::from(of.acked > 0)) + sentinels;
    let all_keys = keys + sum(|of| u64::from(of.acked == 0 && of.unknown > 0));
    let bounds = [
        ("received", before.received, now.received, acked, all),
        ("unique", before.unique, now.unique, keys, all_keys),
        ("duplicates", before.duplicates, now.duplicates, acked - keys, all - all_keys),
    ];
    bounds.into_iter().find_map(|(name, before, now, low, high)| {
        let grown = i128::from(now?) - i128::from(before?);
        let is_within = (i128::from(low)..=i128::from(high)).contains(&grown);
        (!is_within).then(|| format!("{name} grew by {grown}, and may have grown by {low} to {high}"))
    })
}
