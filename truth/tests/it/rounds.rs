//! Placement of the duplicates of a round: each mode does what its name says.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use truth::plan::round::Round;
use truth::plan::{Plan, PlanSpec, Weights};

use crate::plans::{rounds, spec};

/// Possible sizes of a family.
const SIZES: [usize; 4] = [2, 3, 4, 7];

/// Returns a plan with a tenth of duplicates, which leaves every family the room that it wants.
fn roomy(weights: [u32; 4], seed: u32, batch: u32, group: u32) -> Plan {
    let weights = Weights::from(weights);
    let share = [2_000, 20_000];
    Plan::try_from(PlanSpec { seed, weights, batch, group, share, ..spec() }).expect("a plan")
}

/// Returns the requests of each key's copies, for keys with more than one copy in the round.
fn families(round: &Round) -> BTreeMap<u64, Vec<u32>> {
    let mut requests: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for request in 0..round.requests() {
        for ordinal in round.request(request) {
            requests.entry(*ordinal).or_default().push(request);
        }
    }
    requests.retain(|_, copies| copies.len() > 1);
    requests
}

fn distinct(requests: &[u32]) -> usize {
    requests.iter().collect::<BTreeSet<_>>().len()
}

/// True if a round has as many events as it can have.
fn is_whole(plan: &Plan, round: &Round) -> bool {
    round.ordinals().len() as u32 == plan.requests_per_round() * plan.batch
}

#[test]
fn the_example_in_the_documentation_of_rounds_has_the_right_numbers() {
    let plan = Plan::try_from(spec()).expect("a plan");
    let round = plan.round(7);
    assert_eq!((round.requests(), plan.slots_of(7)), (8, 5_600..6_400));
    assert_eq!((plan.ordinals_of(7), plan.racing_groups()), (3_920..4_480, 1));
    assert_eq!(round.ordinals().iter().filter(|ordinal| **ordinal < 3_920).count(), 48);
    let families = families(&round).into_keys().filter(|ordinal| *ordinal >= 3_920).count();
    assert!((75..95).contains(&families), "{families}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn in_batch_repeats_stay_in_their_request(seed: u32, batch in 50..150_u32, group in 1..6_u32) {
        for round in rounds(&roomy([1, 0, 0, 0], seed, batch, group)) {
            for (key, requests) in families(&round) {
                prop_assert_eq!(distinct(&requests), 1, "key {} in {:?}", key, requests);
            }
        }
    }

    #[test]
    fn concurrent_repeats_cross_the_requests_of_one_racing_group(seed: u32, batch in 50..150_u32, group in 2..6_u32) {
        let plan = roomy([0, 1, 0, 0], seed, batch, group);
        for round in rounds(&plan) {
            if !is_whole(&plan, &round) {
                continue; // The last round may have no group to race in.
            }
            let releases = round.releases();
            for (key, requests) in families(&round) {
                prop_assert!(distinct(&requests) > 1, "key {} in {:?}", key, requests);
                let together = releases.iter().any(|release| requests.iter().all(|request| release.contains(request)));
                prop_assert!(together, "key {} in {:?} of {:?}", key, requests, releases);
                let copies = |request: &u32| requests.iter().filter(|other| *other == request).count();
                let bases = requests.iter().filter(|request| copies(request) == 1);
                prop_assert!(bases.count() >= 1, "the base shares its request with no copy: {:?}", requests);
            }
        }
    }

    #[test]
    fn next_repeats_follow_in_the_three_requests_after_the_group(seed: u32, batch in 50..150_u32, group in 1..6_u32) {
        let plan = roomy([0, 0, 1, 0], seed, batch, group);
        for round in rounds(&plan) {
            if !is_whole(&plan, &round) {
                continue; // The last round may have no room in a request that follows.
            }
            for (key, requests) in families(&round) {
                let (base, copies) = requests.split_first().expect("two copies at least");
                let group_end = (base / group + 1) * group;
                let follow = copies.iter().all(|request| (group_end..group_end + 3).contains(request));
                prop_assert!(follow, "key {} in {:?}, groups of {}", key, requests, group);
            }
        }
    }

    #[test]
    fn delayed_repeats_copy_keys_of_earlier_rounds(seed: u32, batch in 1..150_u32, group in 1..6_u32) {
        let plan = roomy([0, 0, 0, 1], seed, batch, group);
        let mut lags = BTreeSet::new();
        for round in rounds(&plan).into_iter().skip(1) {
            let own = plan.ordinals_of(round.index);
            let mut once = BTreeSet::new();
            for ordinal in round.ordinals() {
                if own.contains(ordinal) {
                    prop_assert!(once.insert(*ordinal), "key {} of round {} is no repeat", ordinal, round.index);
                } else {
                    lags.insert(round.index - plan.round_of(*ordinal));
                }
            }
        }
        let farthest = plan.rounds().expect("a total") - 1;
        prop_assert!(lags.contains(&1), "{:?}", lags);
        prop_assert!(lags.last().is_some_and(|lag| *lag * 2 >= farthest), "{:?} of {}", lags, farthest);
    }

    #[test]
    fn families_have_two_three_four_or_seven_members(seed: u32) {
        let plan = roomy([1, 0, 0, 0], seed, 100, 4);
        let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
        for round in rounds(&plan) {
            let cut = families(&round).values().filter(|requests| !SIZES.contains(&requests.len())).count();
            prop_assert!(cut <= 1, "only the round's last family is cut to what is left");
            for requests in families(&round).values() {
                *sizes.entry(requests.len()).or_default() += 1;
            }
        }
        for size in SIZES {
            prop_assert!(sizes.get(&size).is_some_and(|count| *count > 30), "{:?}", sizes);
        }
        prop_assert!(sizes[&2] > sizes[&3] && sizes[&3] > sizes[&4], "three to two to one of seven: {:?}", sizes);
    }
}

/// Pairs of neighbouring copies of a key, by the place of the second.
#[derive(Debug, Default)]
struct Pairs {
    in_request: usize,
    in_release: usize,
    in_round: usize,
    across_rounds: usize,
}

fn pairs(plan: &Plan) -> Pairs {
    let mut pairs = Pairs::default();
    for round in rounds(plan) {
        let own = plan.ordinals_of(round.index);
        pairs.across_rounds += round.ordinals().iter().filter(|ordinal| **ordinal < own.start).count();
        let releases = round.releases();
        for (_, requests) in families(&round).range(own) {
            for pair in requests.windows(2) {
                if pair[0] == pair[1] {
                    pairs.in_request += 1;
                } else if releases
                    .iter()
                    .any(|release| release.contains(&pair[0]) && release.contains(&pair[1]))
                {
                    pairs.in_release += 1;
                } else {
                    pairs.in_round += 1;
                }
            }
        }
    }
    pairs
}

#[test]
fn the_default_plan_repeats_keys_in_every_way() {
    let plan = Plan::try_from(spec()).unwrap();
    let pairs = pairs(&plan);
    let sum = pairs.in_request + pairs.in_release + pairs.in_round + pairs.across_rounds;
    assert_eq!(sum, 6_000, "{pairs:?}");
    assert_eq!(
        pairs.across_rounds,
        24 * 48,
        "a fifth of the 240 repeats of all rounds but the first: {pairs:?}"
    );
    assert!((1_500..2_100).contains(&pairs.in_request), "{pairs:?}");
    assert!((1_700..2_200).contains(&pairs.in_release), "{pairs:?}");
    assert!((950..1_300).contains(&pairs.in_round), "{pairs:?}");
}

#[test]
fn from_ten_events_a_request_a_quarter_of_the_groups_races() {
    for (batch, group, groups, racing) in
        [(1, 4, 64, 64), (9, 4, 8, 8), (10, 4, 7, 2), (10, 1, 26, 7), (100, 4, 2, 1)]
    {
        let plan = Plan::try_from(PlanSpec { batch, group, ..spec() }).unwrap();
        assert_eq!(plan.requests_per_round(), groups * group, "batch {batch}");
        assert_eq!(plan.racing_groups(), racing, "batch {batch}");
    }
}

#[test]
fn at_batch_one_all_repeats_race_if_asked() {
    let plan = Plan::try_from(PlanSpec { batch: 1, weights: Weights::from([0, 1, 0, 0]), ..spec() }).unwrap();
    let pairs = pairs(&plan);
    assert_eq!(pairs.in_release, 6_000, "{pairs:?}");
}

#[test]
fn repeats_of_one_key_in_ten_do_not_stand_at_fixed_places() {
    let plan = Plan::try_from(PlanSpec { batch: 10, share: [2_000, 20_000], ..spec() }).unwrap();
    let mut places = [0; 10];
    for round in rounds(&plan) {
        let mut next = plan.ordinals_of(round.index).start;
        for (slot, ordinal) in round.ordinals().iter().enumerate() {
            if *ordinal == next {
                next += 1;
            } else {
                places[slot % 10] += 1;
            }
        }
    }
    assert!(places.iter().all(|count| (100..300).contains(count)), "{places:?}");
}

#[test]
fn shares_near_one_need_more_copies_than_a_family_has() {
    for share in [[18_000, 20_000], [19_980, 20_000], [19_999, 20_000]] {
        for batch in [1, 10, 100] {
            let plan = Plan::try_from(PlanSpec { share, batch, ..spec() }).unwrap();
            let mut copies: BTreeMap<u64, usize> = BTreeMap::new();
            for ordinal in rounds(&plan).iter().flat_map(Round::ordinals) {
                *copies.entry(*ordinal).or_default() += 1;
            }
            assert_eq!(copies.len() as u64, share[1] - share[0]);
            assert!(copies.values().max() > Some(&7));
        }
    }
}
