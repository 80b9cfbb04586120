//! The bytes of the plan, pinned by files that no test rewrites. A change of them needs a new plan
//! version.

use std::fmt::Write;
use std::sync::Arc;

use truth::plan::event::Events;
use truth::plan::id::IdSpec;
use truth::plan::twin::Twins;
use truth::plan::values::Values;
use truth::plan::variant::{Origin, Side, Variants};
use truth::plan::{PLAN_VERSION, Plan, PlanSpec, Weights};
use truth::target::Target;
use truth::target::wire::Renderer;

fn spec() -> PlanSpec {
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

fn default_plan() -> String {
    describe(spec(), &[0, 13, 24], &[0, 1, 2, 9_999, 13_999])
}

fn batch_of_one() -> String {
    let spec = PlanSpec { seed: 7, nonce: 1, share: [450, 1_500], total: Some(1_500), batch: 1, ..spec() };
    describe(spec, &[0, 3, 5], &[0, 1, 1_049])
}

fn nine_tenths_delayed() -> String {
    let spec = PlanSpec {
        seed: u32::MAX,
        nonce: u64::MAX,
        share: [4_500, 5_000],
        total: Some(5_000),
        batch: 7,
        group: 3,
        weights: Weights::from([0, 0, 0, 1]),
        ..spec()
    };
    describe(spec, &[0, 5, 18], &[0, 250, 499])
}

fn awkward_text_without_an_end() -> String {
    let spec = PlanSpec {
        seed: 42,
        nonce: 0,
        share: [1, 3],
        total: None,
        batch: 5,
        weights: Weights::from([2, 1, 3, 2]),
        topics: vec!["a\"b\\c/\u{8}".to_owned(), "naïve ☃\t\u{1}\u{7f}𝄞".to_owned()],
        source: "line\nfeed, \"quote\" and \u{c}".to_owned(),
        epoch_ms: -62_135_596_800_001,
        payload_bytes: [40, 41],
        ..spec()
    };
    describe(spec, &[0, 1, 1 << 40], &[0, 1, 2, 1 << 40, (1 << 48) - 1])
}

fn every_kind_of_twin() -> String {
    let twins = Twins { same_id: 3, case: 3, trailing_space: 2, normalisation: 1, ..Twins::default() };
    let keys: Vec<u64> = (0..16).collect();
    describe(
        PlanSpec { seed: 9, nonce: 3, total: Some(2_000), share: [600, 2_000], twins, ..spec() },
        &[],
        &keys,
    )
}

/// Returns a plan, some of its rounds and some of its keys as text.
fn describe(spec: PlanSpec, rounds: &[u64], keys: &[u64]) -> String {
    let plan = Plan::try_from(spec).expect("a plan");
    let events = Arc::new(Events::new(&plan));
    let mut text = String::new();
    let mut line = |parts: std::fmt::Arguments<'_>| writeln!(text, "{parts}").expect("a string takes all");
    line(format_args!("plan {}", serde_json::to_string(&plan).expect("a plan is JSON")));
    for index in rounds {
        let round = plan.round(*index);
        line(format_args!("round {index}, first key {}", plan.ordinals_of(*index).start));
        for release in round.releases() {
            line(format_args!("release"));
            for request in release {
                let ordinals: Vec<String> = round.request(request).iter().map(u64::to_string).collect();
                line(format_args!("  {request}: {}", ordinals.join(" ")));
            }
        }
    }
    for key in keys {
        line(format_args!("key {key} of round {}", plan.round_of(*key)));
        line(format_args!("  id {}", events.id_text(*key)));
        line(format_args!("  topic {}", serde_json::Value::from(events.topic(*key))));
        line(format_args!("  timestamp {}", events.timestamp(*key)));
        line(format_args!("  payload {}", events.payload(*key, Side::Plain)));
    }
    let mut body = Vec::new();
    Renderer::new(events, &Target::default()).body(keys, Origin::Later, &mut body);
    line(format_args!("body {}", String::from_utf8(body).expect("JSON is UTF-8")));
    text
}

/// Returns bodies of keys with two payloads, with the longest ids, and with ids that are numbers.
fn every_kind_of_variant() -> String {
    let variants = Variants { other_payload: 3, key_order: 2, number_spelling: 1, ..Variants::default() };
    let twins = Twins { long_id: 2, numeric_id: 1, ..Twins::default() };
    let spec = PlanSpec {
        seed: 5,
        nonce: 8,
        total: Some(400),
        share: [120, 400],
        batch: 6,
        variants,
        twins,
        ..spec()
    };
    let plan = Plan::try_from(spec).expect("a plan");
    let mut renderer = Renderer::new(Arc::new(Events::new(&plan)), &Target::default());
    let round = plan.round(1);
    let mut text = String::new();
    for request in [0, 1, 7] {
        let mut body = Vec::new();
        renderer.body(round.request(request), round.origin(request), &mut body);
        writeln!(text, "{}", String::from_utf8(body).expect("JSON is UTF-8")).expect("a string takes all");
    }
    text
}

fn assert_same(found: &str, golden: &str) {
    for (number, (found, golden)) in found.lines().zip(golden.lines()).enumerate() {
        assert_eq!(found, golden, "line {}: these bytes may only change with the plan's version", number + 1);
    }
    assert_eq!(found.len(), golden.len());
}

#[test]
fn the_default_plan_sends_the_bytes_that_it_always_sent() {
    assert_same(&default_plan(), include_str!("../golden/default.txt"));
}

#[test]
fn single_events_are_the_bytes_that_they_always_were() {
    assert_same(&batch_of_one(), include_str!("../golden/batch-of-one.txt"));
}

#[test]
fn nine_tenths_of_delayed_repeats_are_the_bytes_that_they_always_were() {
    assert_same(&nine_tenths_delayed(), include_str!("../golden/nine-tenths-delayed.txt"));
}

#[test]
fn awkward_text_is_escaped_as_it_always_was() {
    assert_same(&awkward_text_without_an_end(), include_str!("../golden/awkward-text.txt"));
}

#[test]
fn twins_are_spelt_as_they_always_were() {
    assert_same(&every_kind_of_twin(), include_str!("../golden/twins.txt"));
}

#[test]
fn keys_of_two_payloads_carry_what_they_always_carried() {
    assert_same(&every_kind_of_variant(), include_str!("../golden/variants.txt"));
}
