//! The region of counters against brute force: every subset of unknown attempts that may have been
//! executed.

use std::collections::BTreeSet;

use judge::books::keys::Keys;
use judge::books::region::{Deltas, Region};
use judge::books::tally::Sums;
use proptest::prelude::*;
use truth::observed::presence::Presence;
use truth::scenario::promises::Received;

/// Acknowledged and unknown attempts of one key.
type Attempts = (u64, u64);

/// The counters that a correct target may show, each with the set of keys that it then stores.
fn reachable(keys: &[Attempts]) -> BTreeSet<([i128; 3], u32)> {
    let mut reached = BTreeSet::from([([0; 3], 0)]);
    for (key, (acked, unknown)) in keys.iter().enumerate() {
        let mut next = BTreeSet::new();
        for ([received, unique, duplicates], present) in reached {
            for executed in 0..=*unknown {
                let arrived = i128::from(acked + executed);
                let stored = i128::from(arrived > 0);
                let counted = [received + arrived, unique + stored, duplicates + arrived - stored];
                next.insert((counted, present | ((stored as u32) << key)));
            }
        }
        reached = next;
    }
    reached
}

fn region(keys: &[Attempts], present: Option<u32>) -> Region {
    let mut states = Keys::new(0..keys.len() as u64);
    let mut seen = Presence::new(keys.len() as u64);
    let mut sums = Sums::default();
    for (key, (acked, unknown)) in (0_u64..).zip(keys) {
        (0..*acked).for_each(|nth| states.book_acked(key, nth == 0));
        (0..*unknown).for_each(|_| states.book_unknown(key));
        sums.acked += acked;
        sums.unknown += unknown;
        if present.is_some_and(|present| present & (1 << key) != 0) {
            seen.note(key);
        }
    }
    states.see(&seen);
    Region::of(&states, &sums, present.is_some(), Some(Received::Accepted))
}

fn is_inside(region: &Region, [received, unique, duplicates]: [i128; 3]) -> bool {
    let deltas = Deltas { received: Some(received), unique: Some(unique), duplicates: Some(duplicates) };
    region.breaks(&deltas, Some(Received::Accepted)).is_empty()
}

/// A box around all that is reachable, and a little more.
fn around(keys: &[Attempts]) -> impl Iterator<Item = [i128; 3]> {
    let most: i128 = keys.iter().map(|(acked, unknown)| i128::from(acked + unknown)).sum();
    let stored = keys.len() as i128;
    (-1..=most + 1).flat_map(move |received| {
        (-1..=stored + 1).flat_map(move |unique| {
            // On the plane of the sum, and just beside it.
            (-1..=1).map(move |off| [received, unique, received - unique + off])
        })
    })
}

fn keys() -> impl Strategy<Value = Vec<Attempts>> {
    prop::collection::vec((0..4_u64, 0..5_u64), 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_region_is_what_can_be_reached_and_nothing_else(keys in keys()) {
        let reached: BTreeSet<[i128; 3]> = reachable(&keys).into_iter().map(|(counters, _)| counters).collect();
        let region = region(&keys, None);
        for counters in around(&keys) {
            prop_assert_eq!(is_inside(&region, counters), reached.contains(&counters), "{:?} at {:?}", keys, counters);
        }
    }

    #[test]
    fn with_a_listing_it_is_what_can_be_reached_with_these_keys(keys in keys(), chosen: prop::sample::Index) {
        let reached = reachable(&keys);
        let sets: BTreeSet<u32> = reached.iter().map(|(_, present)| *present).collect();
        let present = *sets.iter().nth(chosen.index(sets.len())).unwrap();
        let region = region(&keys, Some(present));
        for counters in around(&keys) {
            let expected = reached.contains(&(counters, present));
            prop_assert_eq!(is_inside(&region, counters), expected, "{:?} of {:#b} at {:?}", keys, present, counters);
        }
    }

    #[test]
    fn without_a_count_of_duplicates_the_other_two_are_held_to_each_other(keys in keys()) {
        let reached: BTreeSet<(i128, i128)> = reachable(&keys).into_iter().map(|([r, u, _], _)| (r, u)).collect();
        let region = region(&keys, None);
        for [received, unique, _] in around(&keys) {
            let deltas = Deltas { received: Some(received), unique: Some(unique), duplicates: None };
            let is_inside = region.breaks(&deltas, Some(Received::Accepted)).is_empty();
            prop_assert_eq!(is_inside, reached.contains(&(received, unique)), "{:?} at {} {}", keys, received, unique);
        }
    }

    #[test]
    fn a_counter_that_is_not_told_never_makes_a_failure(keys in keys(), told in 0..8_u8) {
        let region = region(&keys, None);
        for ([received, unique, duplicates], _) in reachable(&keys) {
            let only = |bit: u8, count: i128| (told & bit != 0).then_some(count);
            let deltas = Deltas { received: only(1, received), unique: only(2, unique), duplicates: only(4, duplicates) };
            prop_assert!(region.breaks(&deltas, Some(Received::Accepted)).is_empty());
        }
    }
}
