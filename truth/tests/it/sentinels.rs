//! Sentinels: events beyond the keys of a plan, which a listing shows apart from them.

use std::collections::HashSet;

use truth::observed::rows::{AnomalyClass, Equality, Row, RowTally};
use truth::observed::sentinels::{SentSentinel, Sentinels};
use truth::observed::{ListingObservation, Observed};
use truth::plan::event::{Decoded, Events};
use truth::plan::sentinel::{MAX_KEYS, Sender};
use truth::plan::twin::Twins;
use truth::plan::variant::{Side, Variants};
use truth::plan::{Plan, PlanError, PlanSpec};
use truth::scenario::{FixedRequest, Scenario, ScenarioError};

use crate::plans::spec;

fn plan(change: impl FnOnce(&mut PlanSpec)) -> Plan {
    let mut spec = spec();
    change(&mut spec);
    Plan::try_from(spec).expect("a plan")
}

fn sentinels(plan: &Plan) -> Vec<u64> {
    let in_question = [plan.topics.len() - 1];
    Sender { invocation: 0, shard: 0 }.sentinels(plan.topics.len(), &in_question).expect("ordinals are left")
}

fn row(events: &Events, ordinal: u64) -> Row {
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: None,
        source: None,
        payload: None,
    }
}

#[test]
fn a_sentinel_has_an_id_and_a_payload_of_its_own_and_no_trap() {
    let twins = Twins { same_id: 1, case: 1, ..Twins::default() };
    let variants = Variants { other_payload: 1, ..Variants::default() };
    for plan in [
        plan(|_| {}),
        plan(|spec| (spec.twins, spec.variants) = (twins, variants)),
        plan(|spec| spec.topics = (0..1_000).map(|topic| format!("t{topic}")).collect()),
    ] {
        let events = Events::new(&plan);
        let mut seen = HashSet::new();
        for ordinal in sentinels(&plan) {
            assert!(events.is_sentinel(ordinal));
            assert_eq!((events.twin(ordinal), events.variant(ordinal)), (None, None));
            let id = events.id_text(ordinal);
            assert_eq!(events.decode(events.topic(ordinal), &id), Decoded::Ours(ordinal));
            assert_eq!(events.decode("another", &id), Decoded::WrongTopic(ordinal));
            assert!(seen.insert(id) && seen.insert(events.payload(ordinal, Side::Plain)));
        }
    }
}

#[test]
fn sentinels_are_later_than_the_keys_and_not_far_in_the_future() {
    let plan = plan(|_| {});
    let events = Events::new(&plan);
    let last_key = events.timestamp_ms(plan.keys().expect("a plan with a total") - 1);
    for ordinal in sentinels(&plan) {
        let after = events.timestamp_ms(ordinal) - last_key;
        assert!((1..=24).contains(&after), "{after} ms");
    }
}

#[test]
fn a_listing_shows_sentinels_apart_from_keys_and_strangers() {
    let plan = plan(|_| {});
    let events = Events::new(&plan);
    let mut tally = RowTally::new(&events, plan.nonce, plan.keys().expect("a total"), Equality::NONE);
    let ordinals = sentinels(&plan);
    tally.take(&row(&events, 5));
    ordinals.iter().for_each(|ordinal| tally.take(&row(&events, *ordinal)));
    assert_eq!(tally.sentinels, ordinals.iter().copied().collect());
    assert_eq!((tally.rows, tally.ours.count, tally.never_planned), (25, 25, 0));
    assert_eq!((tally.foreign.count, tally.wrong_topic), (0, 0));
    // A sentinel under another topic is in the wrong place, and other ordinals were never planned.
    let astray = Row { topic: "another".to_owned(), ..row(&events, ordinals[0]) };
    tally.take(&astray);
    tally.take(&row(&events, MAX_KEYS - 1));
    tally.take(&row(&events, 1 << 32));
    assert_eq!((tally.wrong_topic, tally.never_planned), (1, 2));
    let classes: Vec<AnomalyClass> = tally.anomalies().iter().map(|anomaly| anomaly.class).collect();
    let never = AnomalyClass::NeverPlanned;
    assert_eq!(classes, [AnomalyClass::WrongTopic, never, never]);
}

#[test]
fn another_way_of_reading_adds_the_sentinels_that_it_shows() {
    let plan = plan(|_| {});
    let events = Events::new(&plan);
    let tally = |ordinals: &[u64]| {
        let mut tally = RowTally::new(&events, plan.nonce, 14_000, Equality::NONE);
        ordinals.iter().for_each(|ordinal| tally.take(&row(&events, *ordinal)));
        tally
    };
    let all = sentinels(&plan);
    let mut listed = tally(&all[..3]);
    listed.fill(&tally(&all[2..]));
    assert_eq!(listed.sentinels.len(), 24);
}

#[test]
fn what_is_known_of_sentinels_is_saved_with_the_observation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let plan = plan(|_| {});
    let mut observed = Observed::blank(&plan, "http://127.0.0.1:8080");
    observed.save(&folder.path().join("1")).expect("a folder that can be written");
    assert_eq!(Observed::load(&folder.path().join("1")).expect("saved before"), observed);
    let sentinel = SentSentinel {
        ordinal: 4_294_967_295,
        topic: "auth".to_owned(),
        sent_ms: 0,
        acked_ms: Some(3),
        seen_ms: None,
    };
    observed.sentinels = Some(Sentinels {
        schema_version: 1,
        sent: vec![sentinel],
        looks: 4,
        looked_ms: 90_000,
        fallen_out: 1,
        fallen_out_keys: vec![7],
    });
    observed.listing = ListingObservation { sentinels: vec![4_294_967_295], ..observed.listing };
    observed.save(&folder.path().join("2")).expect("a folder that can be written");
    assert_eq!(Observed::load(&folder.path().join("2")).expect("saved before"), observed);
}

#[test]
fn a_run_has_no_more_keys_than_ordinals_are_left_for_them() {
    let mut scenario = Scenario::default();
    scenario.load.dup = "0".to_owned();
    scenario.load.count = Some(MAX_KEYS);
    assert_eq!(scenario.plan(1, 2).expect("as many as there can be").keys(), Some(MAX_KEYS));
    scenario.load.count = Some(MAX_KEYS + 1);
    let refused = scenario.plan(1, 2).expect_err("one key too many");
    assert!(matches!(refused, ScenarioError::Plan(PlanError::TooManyKeys { keys }) if keys == MAX_KEYS + 1));
    assert!(refused.to_string().contains("2147483648 (2^31) at most"), "{refused}");
    // Repeats are no keys, and neither is one request that is sent over and over.
    scenario.load.dup = "50%".to_owned();
    assert!(scenario.plan(1, 2).is_ok());
    scenario.load.dup = "0".to_owned();
    scenario.load.batch = 1;
    scenario.request = Some(FixedRequest::new(None, None));
    assert!(scenario.plan(1, 2).is_ok());
}

#[test]
fn a_plan_of_an_older_release_that_has_more_keys_has_no_sentinels() {
    let plan = plan(|spec| spec.total = Some(1 << 40));
    let events = Events::new(&plan);
    let ordinal = sentinels(&plan)[0];
    assert!(!events.is_sentinel(ordinal));
    assert_eq!(events.timestamp_ms(ordinal) - events.timestamp_ms(0), i64::from(u32::MAX));
}
