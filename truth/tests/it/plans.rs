//! Properties of whole plans: exact shares, dense ordinals, random access, shards.

use std::collections::HashSet;

use proptest::prelude::*;
use truth::plan::id::IdSpec;
use truth::plan::round::Round;
use truth::plan::shard::Shard;
use truth::plan::twin::Twins;
use truth::plan::values::Values;
use truth::plan::variant::Variants;
use truth::plan::{PLAN_VERSION, Plan, PlanError, PlanSpec, Weights};
use truth::scenario::share::Share;

/// Returns numbers that make a plan. Each test changes the ones that it is about.
pub(crate) fn spec() -> PlanSpec {
    PlanSpec {
        version: PLAN_VERSION,
        seed: 1,
        nonce: 0x9f3c_61d2_a4b0_7e55,
        share: [6_000, 20_000],
        total: Some(20_000),
        counts: Vec::new(),
        batch: 100,
        group: 4,
        weights: Weights::from([1, 2, 1, 1]),
        topics: ["auth", "payment", "orders"].map(str::to_owned).to_vec(),
        source: "loadgen".to_owned(),
        epoch_ms: 1_735_689_600_000,
        payload_bytes: [64, 256],
        payload_template: None,
        twins: Twins::default(),
        variants: Variants::default(),
        invalid: 0,
        id: IdSpec::default(),
        values: Values::default(),
    }
}

/// Returns all rounds of a plan that ends.
pub(crate) fn rounds(plan: &Plan) -> Vec<Round> {
    let count = plan.rounds().expect("a plan with a total");
    (0..count).map(|index| plan.round(index)).collect()
}

/// Numbers of a test case. Thousandths give the share without the code under test.
#[derive(Clone, Debug)]
struct Case {
    total: u64,
    thousandths: u64,
    spec: PlanSpec,
}

impl Case {
    fn repeats(&self) -> u64 {
        ((self.total * self.thousandths + 500) / 1_000).min(self.total - 1)
    }
}

fn cases() -> impl Strategy<Value = Case> {
    let total = prop_oneof![1..400_u64, 1..20_000_u64];
    let thousandths = prop_oneof![4 => 0..1_000_u64, 1 => Just(900_u64), 1 => Just(999_u64)];
    let batch = prop_oneof![1..12_u32, 1..1_000_u32];
    let group = prop_oneof![9 => 1..8_u32, 1 => Just(64_u32)];
    let weights = prop_oneof![prop::array::uniform4(0..2_u32), prop::array::uniform4(0..6_u32)];
    let parts = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(1..5_000_u64, 1..4)];
    (total, thousandths, batch, group, weights, parts, any::<u32>()).prop_map(
        |(total, thousandths, batch, group, weights, parts, seed)| {
            let mut left = total;
            let counts = parts.into_iter().map(|part| {
                let count = part.min(left);
                left -= count;
                count
            });
            let share: Share = format!("0.{thousandths:03}").parse().expect("a decimal fraction");
            let (repeats, of) = share.resolve(Some(total)).expect("a count makes any share possible");
            let spec = PlanSpec {
                seed,
                share: [repeats, of],
                total: Some(total),
                counts: counts.filter(|count| *count > 0).collect(),
                batch,
                group,
                weights: Weights::from(weights),
                ..spec()
            };
            Case { total, thousandths, spec }
        },
    )
}

/// Generates cases that are plans.
fn plans() -> impl Strategy<Value = (Case, Plan)> {
    cases().prop_filter_map("repeats without a mode", |case| match Plan::try_from(case.spec.clone()) {
        Ok(plan) => Some((case, plan)),
        Err(PlanError::NoMode) => None,
        Err(error) => panic!("{case:?}: {error}"),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_plan_has_exactly_its_keys_and_its_repeats((case, plan) in plans()) {
        let mut attempts = 0;
        let mut next = 0;
        for (index, round) in rounds(&plan).iter().enumerate() {
            prop_assert_eq!(round.index, index as u64);
            for ordinal in round.ordinals() {
                prop_assert!(*ordinal <= next, "key {} stands before key {}", ordinal, next);
                next += u64::from(*ordinal == next);
                attempts += 1;
            }
            prop_assert_eq!(next, plan.firsts(attempts), "first copies of the first {} rounds", index + 1);
            prop_assert_eq!(attempts - next, plan.dups(attempts), "repeats of the first {} rounds", index + 1);
        }
        prop_assert_eq!(attempts, case.total);
        prop_assert_eq!(attempts - next, case.repeats());
        prop_assert_eq!(Some(next), plan.keys());
    }

    #[test]
    fn round_of_names_the_round_that_sends_a_key_first((_, plan) in plans()) {
        let mut next = 0;
        for round in rounds(&plan) {
            for ordinal in round.ordinals() {
                if *ordinal == next {
                    prop_assert_eq!(plan.round_of(*ordinal), round.index, "key {}", ordinal);
                    next += 1;
                }
            }
            prop_assert_eq!(plan.ordinals_of(round.index).end, next);
        }
    }

    #[test]
    fn requests_are_full_but_for_the_last_of_each_count((case, plan) in plans()) {
        let batch = u64::from(case.spec.batch);
        let rest = case.total - case.spec.counts.iter().sum::<u64>();
        let counts: Vec<u64> = case.spec.counts.iter().copied().chain([rest]).collect();
        let ranges: Vec<_> = plan.rounds_by_count().collect();
        prop_assert_eq!(ranges.len(), counts.len());
        for (range, count) in ranges.into_iter().zip(counts) {
            let sizes: Vec<u64> = range
                .flat_map(|index| {
                    let round = plan.round(index);
                    (0..round.requests()).map(|request| round.request(request).len() as u64).collect::<Vec<_>>()
                })
                .collect();
            let Some((last, full)) = sizes.split_last() else {
                prop_assert_eq!(count, 0);
                continue;
            };
            prop_assert!(full.iter().all(|size| *size == batch));
            prop_assert_eq!(*last, (count - 1) % batch + 1);
        }
        let requests = plan.requests_per_round();
        prop_assert_eq!(requests % case.spec.group, 0);
        prop_assert!(requests >= 2 * case.spec.group && plan.slots_per_round() >= 256);
        let fewer = requests - case.spec.group;
        prop_assert!(fewer < 2 * case.spec.group || u64::from(fewer) * batch < 256, "the smallest such number");
    }

    #[test]
    fn releases_cover_a_round_once_and_race_only_where_a_key_crosses((case, plan) in plans()) {
        for round in rounds(&plan) {
            let group = case.spec.group;
            let crosses = |group_start: u32| {
                let requests = group_start..(group_start + group).min(round.requests());
                let mut seen = HashSet::new();
                requests.into_iter().any(|request| {
                    let keys: HashSet<u64> = round.request(request).iter().copied().collect();
                    let again = keys.iter().any(|key| seen.contains(key));
                    seen.extend(keys);
                    again
                })
            };
            let mut next = 0;
            for release in round.releases() {
                prop_assert_eq!(release.start, next);
                prop_assert!(release.end > release.start);
                let start = release.start - release.start % group;
                let races = start / group < plan.racing_groups() && crosses(start);
                let expected = if races { start..(start + group).min(round.requests()) } else { next..next + 1 };
                prop_assert_eq!(&release, &expected, "group at request {} of round {}", start, round.index);
                next = release.end;
            }
            prop_assert_eq!(next, round.requests());
        }
    }

    #[test]
    fn new_keys_are_those_that_no_request_before_holds((_, plan) in plans()) {
        let mut sent = HashSet::new();
        for round in rounds(&plan) {
            for (request, new) in (0..).zip(round.new_keys()) {
                let mut first: Vec<u64> =
                    round.request(request).iter().copied().filter(|ordinal| sent.insert(*ordinal)).collect();
                first.sort_unstable();
                prop_assert_eq!(first, new.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn rounds_are_the_same_in_any_order_and_after_a_trip_through_json(
        (_, plan) in plans(),
        turn in any::<prop::sample::Index>(),
    ) {
        let forwards = rounds(&plan);
        let text = serde_json::to_string(&plan).expect("a plan is JSON");
        let again: Plan = serde_json::from_str(&text).expect("what was written reads back");
        let turn = turn.index(forwards.len());
        let mut order: Vec<usize> = (0..forwards.len()).rev().collect();
        order.rotate_left(turn);
        for index in order {
            prop_assert_eq!(&again.round(index as u64), &forwards[index]);
        }
    }

    #[test]
    fn shards_part_the_rounds((_, plan) in plans(), of in 1..9_u32) {
        let count = plan.rounds().expect("a plan with a total");
        let mut owned: Vec<u64> = (1..=of)
            .flat_map(|index| {
                let shard = Shard { index, of };
                (0..).map(move |nth| shard.round(nth)).take_while(|round| *round < count)
            })
            .collect();
        owned.sort_unstable();
        prop_assert!(owned.into_iter().eq(0..count));
    }

    #[test]
    fn a_key_repeated_in_a_later_round_comes_from_an_earlier_one((case, plan) in plans()) {
        for round in rounds(&plan) {
            let own = plan.ordinals_of(round.index);
            let earlier = round.ordinals().iter().filter(|ordinal| **ordinal < own.start).count() as u64;
            let repeats = round.ordinals().len() as u64 - (own.end - own.start);
            let weights = plan.possible_weights();
            let expected = match (round.index, own.is_empty()) {
                (0, _) => 0,
                (_, true) => repeats,
                _ => repeats * u64::from(weights.delayed) / weights.total().max(1),
            };
            prop_assert_eq!(earlier, expected, "round {} of {:?}", round.index, case.spec);
            prop_assert!(round.ordinals().iter().all(|ordinal| *ordinal < own.end));
        }
    }

    #[test]
    fn a_run_without_an_end_is_exact_in_any_round(
        thousandths in 0..1_000_u64,
        batch in 1..200_u32,
        group in 1..8_u32,
        index in prop_oneof![0..50_u64, 0..1_u64 << 40],
    ) {
        let share: Share = format!("0.{thousandths:03}").parse().expect("a decimal fraction");
        let (repeats, of) = share.resolve(None).expect("less than one");
        let spec = PlanSpec { share: [repeats, of], total: None, batch, group, ..spec() };
        let plan = Plan::try_from(spec).expect("a plan");
        let slots = plan.slots_of(index);
        let own = plan.ordinals_of(index);
        let before = |slots: u64| slots - (u128::from(slots) * u128::from(thousandths) / 1_000) as u64;
        prop_assert_eq!(&own, &(before(slots.start)..before(slots.end)));
        let round = plan.round(index);
        let mut next = own.start;
        for ordinal in round.ordinals() {
            prop_assert!(*ordinal <= next);
            next += u64::from(*ordinal == next);
        }
        prop_assert_eq!(next, own.end);
        for ordinal in [own.start, own.end.saturating_sub(1)] {
            prop_assert!(!own.contains(&ordinal) || plan.round_of(ordinal) == index);
        }
    }
}

#[test]
fn repeats_need_a_mode_that_is_possible() {
    let plan = |weights: [u32; 4], batch, group, share| {
        let weights = Weights::from(weights);
        Plan::try_from(PlanSpec { weights, batch, group, share, ..spec() })
            .map(|plan| plan.impossible_modes().len())
    };
    assert_eq!(plan([0; 4], 100, 4, [1, 10]), Err(PlanError::NoMode));
    assert_eq!(plan([0; 4], 100, 4, [0, 10]), Ok(0));
    assert_eq!(plan([1, 0, 0, 0], 1, 4, [1, 10]), Err(PlanError::NoMode));
    assert_eq!(plan([0, 1, 0, 0], 100, 1, [1, 10]), Err(PlanError::NoMode));
    assert_eq!(plan([1, 1, 1, 0], 1, 1, [1, 10]), Ok(2));
    let short = Plan::try_from(PlanSpec { total: Some(800), ..spec() }).unwrap();
    assert_eq!(
        short.impossible_modes(),
        ["no delayed duplicates are sent: they need a run of more than one round"]
    );
}

#[test]
fn numbers_outside_their_range_are_no_plan() {
    type Change = fn(&mut PlanSpec);
    let refused = |change: Change| {
        let mut changed = spec();
        change(&mut changed);
        Plan::try_from(changed).unwrap_err().to_string()
    };
    let table: [(Change, &str); 17] = [
        (|spec| spec.version = 2, "the plan has version 2"),
        (|spec| spec.batch = 0, "batch is 0"),
        (|spec| spec.batch = 10_001, "batch is 10001"),
        (|spec| spec.group = 0, "group is 0"),
        (|spec| spec.group = 65, "group is 65"),
        (|spec| spec.total = Some(0), "count is 0"),
        (|spec| spec.counts = vec![9_000, 0], "each must be at least 1"),
        (|spec| spec.counts = vec![9_000, 11_001], "their sum at most its count"),
        (|spec| spec.payload_bytes = [39, 64], "payload bytes (smallest) is 39"),
        (|spec| spec.payload_bytes = [64, 63], "payload bytes (largest) is 63"),
        (|spec| spec.share = [1, 1], "duplicates of the duplicate share is 1"),
        (|spec| spec.share = [0, 0], "slots of the duplicate share is 0"),
        (|spec| spec.topics.clear(), "there are no topics"),
        (|spec| spec.topics.push(" ".to_owned()), "topic ` `"),
        (|spec| spec.topics.push("auth".to_owned()), "topic `auth` is listed twice"),
        (|spec| spec.topics.push("a\0".to_owned()), "it must be 1 to 255 bytes"),
        (|spec| spec.source = "x".repeat(256), "it must be 1 to 255 bytes"),
    ];
    for (change, says) in table {
        let message = refused(change);
        assert!(message.contains(says), "{message}");
    }
    let largest = PlanSpec { batch: 10_000, group: 64, total: None, ..spec() };
    let round = Plan::try_from(largest).unwrap().round(0);
    assert_eq!(round.requests(), 128, "the largest round is still a round");
}

#[test]
fn behind_the_counts_is_room_for_whatever_only_time_ends() {
    let plan = Plan::try_from(PlanSpec { total: None, counts: vec![1_000, 801], ..spec() }).unwrap();
    let ranges: Vec<_> = plan.rounds_by_count().collect();
    assert_eq!(ranges[..2], [0..2, 2..4]);
    assert_eq!((ranges[2].start, plan.rounds()), (4, None));
    let slots: Vec<_> = (0..6).map(|round| plan.slots_of(round)).collect();
    assert_eq!(slots, [0..800, 800..1_000, 1_000..1_800, 1_800..1_801, 1_801..2_601, 2_601..3_401]);
    for (rounds, total) in [(0, 0), (1, 800), (3, 1_800), (4, 1_801), (6, 3_401)] {
        let ended = plan.ended_after(rounds);
        assert_eq!((ended.total, ended.rounds()), (Some(total), Some(rounds)));
        assert_eq!(ended.keys(), Some(plan.firsts(total)));
    }
}

#[test]
fn a_run_id_stands_for_one_nonce_and_one_seed() {
    // The first eight bytes of SHA-256("abc"), from FIPS 180-2, appendix B.1.
    assert_eq!(truth::plan::shard::nonce_of_run_id("abc"), 0xba78_16bf_8f01_cfea);
    assert_ne!(truth::plan::shard::seed_of_run_id("abc"), truth::plan::shard::seed_of_run_id("abd"));
}

#[test]
fn the_same_id_under_two_topics_needs_two() {
    let twins = Twins { same_id: 1, ..Twins::default() };
    let one = PlanSpec { topics: vec!["only".to_owned()], twins, ..spec() };
    assert_eq!(Plan::try_from(one), Err(PlanError::OneTopic));
}

#[test]
fn a_plan_without_twins_is_written_as_before_there_were_any() {
    let json = |twins| serde_json::to_value(Plan::try_from(PlanSpec { twins, ..spec() }).unwrap()).unwrap();
    assert!(json(Twins::default()).get("twins").is_none());
    let twins = Twins { case: 5, ..Twins::default() };
    assert_eq!(serde_json::from_value::<Plan>(json(twins)).unwrap().twins, twins);
}
