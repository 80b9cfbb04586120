//! Repeats of whole requests: exact counts, the same bytes, and what is refused beside them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use truth::chain::chain;
use truth::plan::event::Events;
use truth::plan::variant::{Origin, Variants};
use truth::plan::{Plan, PlanSpec, Weights};
use truth::scenario::Scenario;
use truth::target::request::{Asked, RequestWriter};
use truth::target::secrets::Secrets;

use crate::plans::{rounds, spec};

fn weights(of_events: [u32; 4], request: u32) -> Weights {
    Weights { request, ..Weights::from(of_events) }
}

/// Place of a request: its round and its number.
type Place = (u64, u32);

/// Returns the copies of a plan's requests, each with the place of the request that it repeats.
fn copies(plan: &Plan) -> BTreeMap<Place, Place> {
    let mut copies = BTreeMap::new();
    for round in rounds(plan) {
        for request in 0..round.requests() {
            let Origin::Planned { round: of, request: nth } = round.origin(request) else {
                panic!("a request of a plan has a place in it")
            };
            if (of, nth) != (round.index, request) {
                copies.insert((round.index, request), (of, nth));
            }
        }
    }
    copies
}

fn of_requests() -> impl Strategy<Value = Plan> {
    let total = prop_oneof![1..500_u64, 1..20_000_u64];
    let share = prop_oneof![4 => 0..1_000_u64, 1 => Just(999_u64)];
    (total, share, 1..300_u32, 1..8_u32, any::<u32>()).prop_map(|(total, thousandths, batch, group, seed)| {
        let weights = weights([0; 4], 1);
        let share = [thousandths, 1_000];
        let spec = PlanSpec { seed, share, total: Some(total), batch, group, weights, ..spec() };
        Plan::try_from(spec).expect("a plan")
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn copies_of_requests_are_an_exact_share_of_the_full_ones(plan in of_requests()) {
        let total = plan.total.expect("a total");
        let batch = u64::from(plan.batch);
        let full = total / batch;
        let expected = full * plan.share[0] / 1_000;
        prop_assert_eq!(copies(&plan).len() as u64, expected);
        prop_assert_eq!(plan.keys(), Some(total - expected * batch));
        let mut next = 0;
        let mut slots = 0;
        for round in rounds(&plan) {
            for ordinal in round.ordinals() {
                prop_assert!(*ordinal <= next, "key {} stands before key {}", ordinal, next);
                if *ordinal == next {
                    prop_assert_eq!(plan.round_of(next), round.index);
                    next += 1;
                }
                slots += 1;
            }
            prop_assert_eq!(next, plan.firsts(slots), "first copies up to round {}", round.index);
        }
    }

    #[test]
    fn a_copy_carries_what_an_earlier_request_carries_and_keys_stand_in_one_request(plan in of_requests()) {
        let copies = copies(&plan);
        let all: Vec<_> = rounds(&plan);
        let mut homes: HashMap<u64, Place> = HashMap::new();
        for round in &all {
            for request in 0..round.requests() {
                let place = (round.index, request);
                match copies.get(&place) {
                    Some(of) => {
                        prop_assert!(*of < place && !copies.contains_key(of), "{:?} repeats {:?}", place, of);
                        prop_assert_eq!(round.request(request), all[of.0 as usize].request(of.1));
                    }
                    None => for ordinal in round.request(request) {
                        prop_assert_eq!(homes.insert(*ordinal, place), None, "key {}", ordinal);
                    }
                }
            }
        }
    }
}

#[test]
fn copies_race_follow_and_come_from_earlier_rounds() {
    let plan = Plan::try_from(PlanSpec { weights: weights([0; 4], 1), ..spec() }).unwrap();
    let copies = copies(&plan);
    assert_eq!(copies.len(), 60);
    let delayed = copies.iter().filter(|(copy, of)| of.0 < copy.0).count();
    let in_group = copies.iter().filter(|(copy, of)| of.0 == copy.0 && of.1 / 4 == copy.1 / 4).count();
    assert!(delayed > 10 && in_group > 10 && delayed + in_group < 60, "{delayed} {in_group}");
    let racing =
        rounds(&plan).iter().flat_map(|round| round.releases()).filter(|release| release.len() > 1).count();
    assert!(racing > 5, "{racing}");
}

#[test]
fn requests_and_events_are_repeated_side_by_side_by_their_weights() {
    let plan = Plan::try_from(PlanSpec { weights: weights([1, 1, 1, 1], 4), ..spec() }).unwrap();
    let requests = copies(&plan).len();
    // Half of the 6,000 repeats, in whole requests of each round: 240 a round are 120, so one request.
    assert_eq!(requests, 25);
    let sent: usize = rounds(&plan).iter().map(|round| round.ordinals().len()).sum();
    assert_eq!((sent, plan.keys()), (20_000, Some(14_000)));
}

#[test]
fn weights_without_requests_are_written_as_before_there_were_any() {
    let json =
        |weights| serde_json::to_value(Plan::try_from(PlanSpec { weights, ..spec() }).unwrap()).unwrap();
    assert_eq!(json(Weights::from([1, 2, 1, 1]))["weights"], serde_json::json!([1, 2, 1, 1]));
    let of_requests = json(weights([0, 0, 1, 0], 3));
    assert_eq!(of_requests["weights"], serde_json::json!([0, 0, 1, 0, 3]));
    assert_eq!(serde_json::from_value::<Plan>(of_requests).unwrap().weights, weights([0, 0, 1, 0], 3));
    let parts = PlanSpec { weights: weights([0; 4], 1), counts: vec![950], ..spec() };
    assert!(Plan::try_from(parts).unwrap_err().to_string().contains("a multiple of the batch, which is 100"));
}

const BULK: &str = r#"
    [load]
    count = 2000
    batch = 10
    [mix]
    request = 1
    [promises]
    unit = "request"
    [target.publish]
    path = "/{{batch_id}}"
    headers = { x-batch = "{{batch_id}}", x-trace = "{{traceparent}}" }
    body = "[{{events}}]"
    event = '{"id":"{{event_id}}","p":{{payload}}}'
    "#;

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, "test.toml").unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[test]
fn a_copy_is_the_same_to_the_byte_also_where_copies_of_a_key_differ() {
    let scenario = scenario(BULK);
    let plan = scenario.plan(1, 2).unwrap();
    assert_eq!((plan.weights, plan.dups(2_000)), (weights([0; 4], 1), 600));
    let plan = Plan::try_from(PlanSpec {
        variants: Variants { other_payload: 2, ..Variants::default() },
        ..PlanSpec::from(plan)
    });
    let plan = plan.unwrap();
    let events = Arc::new(Events::new(&plan));
    let mut writer = RequestWriter::new(events, &scenario.target, Arc::new(Secrets::none()));
    let mut written = |place: Place| {
        let round = plan.round(place.0);
        let asked = Asked::of(round.request(place.1), round.origin(place.1), 7);
        writer.whole(&Asked {
            traceparent: Some(truth::plan::trace::Traces::new(&plan).of_listed(0, 0, &[])),
            ..asked
        })
    };
    let copies = copies(&plan);
    assert_eq!(copies.len(), 60);
    for (copy, of) in copies {
        assert_eq!(written(copy), written(of), "{copy:?} {of:?}");
    }
}

#[test]
fn what_differs_between_copies_is_refused_with_its_place() {
    let fault = |text: &str| chain(&scenario(text).plan(1, 1).unwrap_err());
    for (part, by, expected) in [
        (
            "\"[{{events}}]\"",
            "\"[{{events}},{{now.epoch_s}}]\"",
            "target.publish.body, line 1, column 13 of the text: {{now.epoch_s}}",
        ),
        (
            "\"{{traceparent}}\"",
            "\"{{now}}\"",
            "target.publish.headers.x-trace, line 1, column 1 of the text: {{now}}",
        ),
        ("request = 1", "request = 0", "set request = 1 in [mix]"),
        (
            "[target.publish]",
            "[traps]\ninvalid = 5\n[target.publish]\ninvalid = ['{\"x\":1}']",
            "would repeat with it",
        ),
    ] {
        let fault = fault(&BULK.replace(part, by));
        assert!(fault.contains(expected), "{fault}");
    }
    let keyed = |body: &str, key: &str| {
        let text = format!(
            "[load]\nbatch = 1\n[target.publish]\nheaders = {{ Idempotency-Key = \"{key}\" }}\nbody = '{body}'\n\
             event = '{{\"id\":\"{{{{event_id}}}}\"}}'\n"
        );
        scenario(&text).plan(1, 1).map_err(|error| chain(&error))
    };
    for hole in ["now", "batch_id"] {
        let fault =
            keyed(&format!("{{\"e\":{{{{events}}}},\"b\":\"{{{{{hole}}}}}\"}}"), "{{event_id}}").unwrap_err();
        assert!(fault.contains(&format!("{{{{{hole}}}}} differs between the copies of an event")), "{fault}");
    }
    assert!(
        keyed("{\"e\":{{events}},\"b\":\"{{batch_id}}\"}", "{{batch_id}}").is_ok(),
        "the key of a request"
    );
    assert!(keyed("{\"e\":{{events}}}", "{{event_id}}").is_ok());
}

#[test]
fn what_a_new_login_changes_is_refused_outside_the_headers_of_copies() {
    const LOGIN: &str = "[target]\nbefore = [{ path = \"/login\", keep = { t = \"/t\" } }]\n[target.publish]";
    let planned = |text: &str| scenario(text).plan(1, 1).map(drop).map_err(|error| chain(&error));
    let bulk = BULK.replace("[target.publish]", LOGIN);
    assert_eq!(planned(&bulk), Ok(()));
    assert_eq!(planned(&bulk.replace("\"{{traceparent}}\"", "\"{{kept.t}}\"")), Ok(()), "a header");
    for (part, by, expected) in [
        (
            "\"[{{events}}]\"",
            "\"[{{events}},{{kept.t}}]\"",
            "target.publish.body, line 1, column 13 of the text: {{kept.t}} differs between the copies of a request",
        ),
        ("\"/{{batch_id}}\"", "\"/a?k={{kept.t}}\"", "target.publish.path, line 1, column 6"),
        ("\"/{{batch_id}}\"", "\"/{{kept.t}}/a\"", "target.publish.path, line 1, column 2"),
    ] {
        let fault = planned(&bulk.replace(part, by)).unwrap_err();
        assert!(fault.contains(expected) && fault.contains("write it in a header"), "{fault}");
    }
    let alone = bulk.replace("request = 1", "request = 0").replace("unit = \"request\"", "");
    let in_body = alone.replace("\"[{{events}}]\"", "\"[{{events}},{{kept.t}}]\"");
    assert_eq!(planned(&in_body), Ok(()), "no request is repeated");
    let keyed = |header: &str, body: &str| {
        planned(&format!(
            "[load]\nbatch = 1\n{LOGIN}\nheaders = {{ {header} }}\nbody = '{body}'\n\
             event = '{{\"id\":\"{{{{event_id}}}}\"}}'\n"
        ))
    };
    let key = "Idempotency-Key = \"{{event_id}}\"";
    let body = "{\"e\":{{events}},\"t\":\"{{kept.t}}\"}";
    let fault = keyed(key, body).unwrap_err();
    assert!(fault.contains("{{kept.t}} differs between the copies of an event"), "{fault}");
    assert_eq!(keyed("x-key = \"1\"", body), Ok(()), "no idempotency key");
    assert_eq!(keyed(&format!("{key}, x-t = \"{{{{kept.t}}}}\""), "{\"e\":{{events}}}"), Ok(()));
}
