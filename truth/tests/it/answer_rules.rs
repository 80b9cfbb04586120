//! Responses of public APIs, read by rules, and what no response may do.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use truth::plan::event::Events;
use truth::scenario::Scenario;
use truth::target::Target;
use truth::target::answer::{Answer, Kind, Kinds, Outcome, ReadAnswer, Response, Sent};

/// `_bulk` of a search engine: each item has the status of its event.
const BULK: &str = r#"
[[target.answers]]
status = "200"
each = "/items/*/create"
word = "/status"
words = { 201 = "new", 409 = "duplicate", 4xx = "rejected", 5xx = "unknown" }
[[target.answers]]
status = ["4xx", "503"]
means = "rejected"
"#;

/// REST proxy of a log: an error code for each record, null if it was written.
const RECORDS: &str = r#"
[[target.answers]]
status = "200"
each = "/offsets/*"
word = "/error_code"
words = { null = "accepted", 1 = "rejected", 2 = "unknown" }
[[target.answers]]
status = "4xx"
means = "rejected"
"#;

/// Queue that names the entries it has taken by the places that were sent as their ids.
const QUEUE: &str = r#"
[[target.answers]]
status = "200"
each = "/Successful/*"
index = "/Id"
means = "accepted"
rest = "rejected"
[[target.answers]]
status = "400"
means = "rejected"
"#;

/// Collector whose code says the same of all, and which may have taken those before an invalid one.
const COLLECTOR: &str = r#"
[[target.answers]]
status = "200"
where = { "/code" = 0 }
means = "accepted"
[[target.answers]]
status = "400"
where = { "/invalid-event-number" = { exists = true } }
means = "unknown"
[[target.answers]]
status = ["400", "401", "403", "503"]
means = "rejected"
"#;

/// Billing: a known id refuses its request, and the reason is in the error's details.
const BILLING: &str = r#"
[[target.answers]]
status = "200"
means = "new"
[[target.answers]]
status = "422"
where = { "/error_details/0/transaction_id" = { has = "value_already_exist" } }
means = "duplicate"
[[target.answers]]
status = "4xx"
means = "rejected"
"#;

/// Broker that says if it put the message anywhere.
const BROKER: &str = r#"
[[target.answers]]
status = "200"
where = { "/routed" = true }
means = "accepted"
[[target.answers]]
status = "200"
where = { "/routed" = false }
means = "rejected"
"#;

/// Records: 201 for a new one, 200 for a known one.
const STORE: &str = r#"
[[target.answers]]
status = "201"
means = "new"
[[target.answers]]
status = "200"
means = "duplicate"
[[target.answers]]
status = "4xx"
means = "rejected"
"#;

/// Webhooks: 202 for a new message, 409 for a known one.
const WEBHOOKS: &str = r#"
[[target.answers]]
status = "202"
means = "new"
[[target.answers]]
status = "409"
means = "duplicate"
[[target.answers]]
status = "4xx"
means = "rejected"
"#;

/// Rows by id: those that are named are new.
const ROWS: &str = r#"
[[target.answers]]
status = [200, 201]
each = "/*"
id = "/event_id"
means = "new"
rest = "duplicate"
"#;

const ALL: [&str; 9] = [BULK, RECORDS, QUEUE, COLLECTOR, BILLING, BROKER, STORE, WEBHOOKS, ROWS];

fn target(rules: &str) -> Target {
    Scenario::parse(rules, "test.toml").unwrap_or_else(|error| panic!("{rules}\n{error:?}")).target
}

/// Events of the default scenario.
static EVENTS: LazyLock<Events> =
    LazyLock::new(|| Events::new(&Scenario::default().plan(1, 2).expect("a plan")));

/// Targets of all rules above.
static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| ALL.into_iter().map(target).collect());

fn read(target: &Target, status: u16, body: &[u8], ordinals: &[u64], invalid: Option<usize>) -> ReadAnswer {
    let response = Response { status, field: &|_| None, body };
    Answer::read(target, &response, Sent { ordinals, events: &EVENTS, invalid })
}

/// Returns the kinds of an acknowledgement of two events, or the outcome.
fn of_two(rules: &str, status: u16, body: &Value) -> Result<[Kind; 2], Outcome> {
    let read = read(&target(rules), status, body.to_string().as_bytes(), &[0, 1], None);
    match read.answer.outcome {
        Outcome::Acked => Ok([0, 1].map(|place| read.answer.kinds.of(place))),
        outcome => Err(outcome),
    }
}

#[test]
fn the_responses_of_public_apis_mean_what_their_documents_say() {
    use Kind::{Accepted, Duplicate, New, Rejected, Unknown};
    let item = |status: u16| json!({ "create": { "_index": "a", "_id": "1", "status": status } });
    let bulk = |one, other| json!({ "took": 1, "errors": true, "items": [item(one), item(other)] });
    let record = |code: Value| json!({ "partition": 0, "offset": 1, "error_code": code, "error": null });
    let records = |one, other| json!({ "offsets": [record(one), record(other)], "key_schema_id": null });
    let queue = json!({
        "Successful": [{ "Id": "1", "MessageId": "x" }],
        "Failed": [{ "Id": "0", "SenderFault": false, "Code": "InternalError" }],
    });
    let known =
        json!({ "status": 422, "error_details": { "0": { "transaction_id": ["value_already_exist"] } } });
    let missing = json!({ "status": 422, "error_details": { "0": { "code": ["value_is_mandatory"] } } });
    let nothing = json!({});
    for (rules, status, body, expected) in [
        (BULK, 200, &bulk(201, 409), Ok([New, Duplicate])),
        (BULK, 200, &bulk(429, 201), Ok([Rejected, New])),
        (BULK, 200, &bulk(201, 503), Ok([New, Unknown])),
        (BULK, 200, &bulk(400, 429), Err(Outcome::Rejected)),
        (BULK, 200, &json!({ "errors": false }), Err(Outcome::Unclear)),
        (BULK, 429, &nothing, Err(Outcome::Rejected)),
        (BULK, 500, &nothing, Err(Outcome::Unknown)),
        (RECORDS, 200, &records(Value::Null, json!(1)), Ok([Accepted, Rejected])),
        (RECORDS, 200, &records(json!(2), Value::Null), Ok([Unknown, Accepted])),
        (RECORDS, 200, &records(json!(50002), Value::Null), Err(Outcome::Unclear)),
        (QUEUE, 200, &queue, Ok([Rejected, Accepted])),
        (QUEUE, 200, &json!({ "Failed": [] }), Err(Outcome::Unclear)),
        (COLLECTOR, 200, &json!({ "text": "Success", "code": 0 }), Ok([Accepted; 2])),
        (COLLECTOR, 200, &json!({ "text": "Odd", "code": 9 }), Err(Outcome::Unknown)),
        (COLLECTOR, 400, &json!({ "code": 6, "invalid-event-number": 1 }), Err(Outcome::Unknown)),
        (COLLECTOR, 400, &json!({ "code": 5 }), Err(Outcome::Rejected)),
        (BILLING, 200, &json!({ "events": [] }), Ok([New; 2])),
        (BILLING, 422, &known, Ok([Duplicate; 2])),
        (BILLING, 422, &missing, Err(Outcome::Rejected)),
        (BROKER, 200, &json!({ "routed": true }), Ok([Accepted; 2])),
        (BROKER, 200, &json!({ "routed": false }), Err(Outcome::Rejected)),
        (BROKER, 200, &nothing, Err(Outcome::Unknown)),
        (STORE, 201, &nothing, Ok([New; 2])),
        (STORE, 200, &nothing, Ok([Duplicate; 2])),
        (WEBHOOKS, 409, &nothing, Ok([Duplicate; 2])),
        (WEBHOOKS, 408, &nothing, Err(Outcome::Unknown)),
    ] {
        assert_eq!(of_two(rules, status, body), expected, "{status} {body}\n{rules}");
    }
}

#[test]
fn a_failure_inside_a_success_is_not_acknowledged() {
    let rules = "[[target.answers]]\nstatus = 200\nword = \"/status\"\nwords = { ok = \"accepted\", failed = \"rejected\" }";
    assert_eq!(of_two(rules, 200, &json!({ "status": "ok" })), Ok([Kind::Accepted; 2]));
    assert_eq!(of_two(rules, 200, &json!({ "status": "failed" })), Err(Outcome::Rejected));
    assert_eq!(of_two(rules, 200, &json!({ "status": "unheard of" })), Err(Outcome::Unclear));
}

#[test]
fn a_target_with_rules_starts_from_nothing() {
    let target = target(STORE);
    assert!(!target.stats.are_offered() && target.listing.path.is_none());
    assert!(!target.answer.any());
    let json = serde_json::to_string(&target).unwrap();
    assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), target, "{json}");
}

#[test]
fn the_short_form_beside_rules_is_an_error_that_names_both() {
    for (short, key) in [
        ("[target.publish]\nack = [\"2xx\"]\n", "target.publish.ack"),
        ("[target.publish]\nrejected = [\"4xx\"]\n", "target.publish.rejected"),
        ("[target.answer]\naccepted = \"/accepted\"\n", "target.answer"),
    ] {
        let error = Scenario::parse(&format!("{short}{STORE}"), "test.toml").unwrap_err();
        let error = truth::chain::chain(&error);
        assert!(error.contains(key) && error.contains("target.answers"), "{error}");
    }
}

#[test]
fn a_wrong_rule_is_told_with_its_number_and_line() {
    let error = Scenario::parse(&format!("{STORE}each = \"/items\"\n"), "test.toml").unwrap_err();
    let error = truth::chain::chain(&error);
    assert!(error.contains(", line 8, column") && error.contains("rule 3 of [[target.answers]]"), "{error}");
    assert!(error.contains("write it as \"/items/*\""), "{error}");
}

#[test]
fn rules_are_told_in_words() {
    let lines = |rules: &str| target(rules).answers_in_words();
    let last = "any other response: unknown".to_owned();
    let bulk = "1. 200: each entry at /items/*/create is for the next event of the request, and says by its word \
                at /status: 201 is new, 409 is duplicate, 4xx is rejected, 5xx is unknown";
    assert_eq!(lines(BULK), [bulk.to_owned(), "2. 4xx or 503: rejected".to_owned(), last.clone()]);
    let queue = "1. 200: each entry at /Successful/* is for the event with the number at /Id, from 0 on, and says \
                 accepted; those without an entry are rejected";
    assert_eq!(lines(QUEUE)[0], queue);
    assert_eq!(lines(COLLECTOR)[0], "1. 200 where /code is 0: accepted");
    assert_eq!(lines(COLLECTOR)[1], "2. 400 where /invalid-event-number exists: unknown");
    assert_eq!(lines(COLLECTOR)[2], "3. 400, 401, 403 or 503: rejected");
    let short = lines("");
    assert_eq!(
        short[0],
        "2xx: acknowledged, as the body says at /accepted, /inserted, /duplicates, /results"
    );
    assert_eq!(short[1..], ["3xx, 4xx or 503: rejected".to_owned(), last]);
}

#[test]
fn bodies_that_nobody_described_are_told_of() {
    for (rules, leaves) in [
        ("", false),
        ("[target]\nanswer = {}", true),
        (STORE, true),
        (WEBHOOKS, true),
        (BULK, false),
        (BROKER, false),
        ("[[target.answers]]\nmeans = \"accepted\"", true),
        ("[[target.answers]]\nstatus = 204\nmeans = \"accepted\"", false),
        ("[[target.answers]]\nmeans = \"accepted\"\ncounts = { accepted = \"/n\" }", false),
    ] {
        assert_eq!(target(rules).leaves_bodies_aside(), leaves, "{rules}");
    }
}

/// Generates JSON that is nearly what the rules above expect.
fn body() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        select(vec![
            json!(200),
            json!(201),
            json!(409),
            json!(429),
            json!(500),
            json!(0),
            json!(1),
            json!(2),
            json!("201"),
            json!("1"),
            json!("0"),
            json!(true),
            json!(false),
            json!(null),
            json!("null"),
            json!("[{\"create\":{\"status\":201}}]"),
            json!(201.0),
            json!(""),
        ]),
        any::<i64>().prop_map(|number| json!(number)),
    ];
    let name = select(vec![
        "items",
        "create",
        "status",
        "offsets",
        "error_code",
        "Successful",
        "Id",
        "code",
        "routed",
        "index",
        "event_id",
        "0",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

/// Generates bodies of `_bulk` for so many events, most of them sound.
fn bulk() -> impl Strategy<Value = Value> {
    let status = prop_oneof![
        30 => select(vec![json!(201), json!(409), json!(400), json!(429), json!(503), json!("201")]),
        1 => body(),
    ];
    let item = prop_oneof![
        30 => status.prop_map(|status| json!({ "create": { "status": status } })),
        1 => body(),
    ];
    prop::collection::vec(item, 0..5).prop_map(|items| json!({ "items": items }))
}

fn requests() -> impl Strategy<Value = (Vec<u64>, Option<usize>)> {
    let ordinals = prop::collection::vec(0..6_u64, 1..5);
    ordinals.prop_flat_map(|ordinals| {
        let places = ordinals.len();
        (Just(ordinals), prop::option::weighted(0.2, 0..=places))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_response_makes_the_reader_panic_and_only_an_acknowledgement_tells_anything(
        target in 0..ALL.len(),
        status in select(vec![200, 201, 202, 400, 404, 408, 409, 422, 429, 500, 503]),
        body in prop_oneof![
            body().prop_map(|body| body.to_string().into_bytes()),
            bulk().prop_map(|body| body.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..60),
        ],
        cut in any::<prop::sample::Index>(),
        request in requests(),
    ) {
        let (ordinals, invalid) = request;
        let target = &TARGETS[target];
        for body in [&body[..], &body[..cut.index(body.len() + 1)]] {
            let ReadAnswer { answer, .. } = read(target, status, body, &ordinals, invalid);
            prop_assert!(answer.outcome != Outcome::NeverSent);
            prop_assert!(answer.excerpt.is_none() || answer.outcome == Outcome::Unclear);
            if let Kinds::Each(kinds) = &answer.kinds {
                prop_assert_eq!(kinds.len(), ordinals.len());
            }
            if answer.outcome != Outcome::Acked {
                let bare = Answer { excerpt: answer.excerpt.clone(), ..Answer::bare(answer.outcome) };
                prop_assert_eq!(&answer, &bare);
            }
        }
    }

    #[test]
    fn no_event_is_acknowledged_whose_item_does_not_say_so(
        body in bulk(),
        ordinals in prop::collection::vec(0..6_u64, 0..4),
        invalid in prop::option::weighted(0.2, 0..4_usize),
    ) {
        // As many events as there are items, the invalid one among them.
        let items = body["items"].as_array().map_or(0, Vec::len);
        let invalid = invalid.filter(|place| *place < items);
        let events = items - usize::from(invalid.is_some());
        let ordinals: Vec<u64> = ordinals.into_iter().chain(10..20).take(events).collect();
        let text = body.to_string();
        let read = read(&TARGETS[0], 200, text.as_bytes(), &ordinals, invalid);
        if read.answer.outcome != Outcome::Acked {
            return Ok(());
        }
        // The whole document, as a second opinion.
        let said = |place: usize| {
            let place = place + usize::from(invalid.is_some_and(|invalid| invalid <= place));
            let status = body.pointer(&format!("/items/{place}/create/status"));
            status.map(|status| status.to_string().trim_matches('"').to_owned()).unwrap_or_default()
        };
        for place in 0..ordinals.len() {
            let expected = match &*said(place) {
                "201" => Kind::New,
                "409" => Kind::Duplicate,
                "400" | "429" => Kind::Rejected,
                _ => Kind::Unknown,
            };
            prop_assert_eq!(read.answer.kinds.of(place), expected, "{} of {}", place, text);
        }
    }

    #[test]
    fn only_named_events_are_acknowledged(
        taken in prop::collection::vec(0..5_usize, 0..5),
        events in 1..5_usize,
    ) {
        let successful: Vec<Value> = taken.iter().map(|place| json!({ "Id": place.to_string() })).collect();
        let body = json!({ "Successful": successful }).to_string();
        let ordinals: Vec<u64> = (0..events as u64).collect();
        let read = read(&TARGETS[2], 200, body.as_bytes(), &ordinals, None);
        let mut sorted = taken.clone();
        sorted.sort_unstable();
        sorted.dedup();
        let is_sound = sorted.len() == taken.len() && taken.iter().all(|place| *place < events);
        if !is_sound {
            prop_assert_eq!(read.answer.outcome, Outcome::Unclear);
        } else if taken.is_empty() {
            prop_assert_eq!(read.answer.outcome, Outcome::Rejected);
        } else {
            for place in 0..events {
                prop_assert_eq!(read.answer.kinds.of(place).is_taken(), taken.contains(&place));
            }
        }
    }
}
