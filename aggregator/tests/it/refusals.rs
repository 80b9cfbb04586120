//! The contract's other half: refused requests, with their statuses and the places of their faults.

use aggregator::InvalidStatus;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::target::{Counters, Target, event};

on_both_databases! {
    every_fault_has_its_index_and_field,
    one_invalid_event_rejects_its_whole_batch,
    bodies_that_are_not_batches_are_rejected,
    an_event_has_at_most_a_thousand_unknown_fields,
    queries_are_checked_as_bodies_are,
    the_status_of_invalid_input_can_be_400,
    a_request_beyond_a_limit_is_refused_and_at_the_limit_is_not,
    a_body_that_does_not_arrive_is_not_waited_for,
}

/// Returns the place and the kind of every fault of a response.
async fn faults(response: reqwest::Response) -> Vec<(Value, String)> {
    let answer: Value = response.json().await.unwrap();
    let fault = |fault: &Value| {
        assert!(fault["msg"].is_string());
        (fault["loc"].clone(), fault["type"].as_str().unwrap().to_owned())
    };
    answer["detail"].as_array().unwrap().iter().map(fault).collect()
}

async fn every_fault_has_its_index_and_field(database: &Database) {
    let target = Target::start(database).await;
    for (field, value, kind) in odd_fields() {
        let odd = event_text(field, &value);
        let shown: String = odd.chars().take(200).collect();

        let batch = format!("[{},{odd}]", event("t", "2"));
        let response = target.client.post("/publish", batch).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{shown}");
        assert_eq!(faults(response).await, [(json!(["events", 1, field]), kind.to_owned())], "{shown}");

        let response = target.client.post("/publish", odd).await;
        assert_eq!(faults(response).await, [(json!(["events", 0, field]), kind.to_owned())], "{shown}");
    }
    assert_eq!(target.client.counters().await, Counters { received: 0, unique: 0, duplicates: 0 });

    let deepest = event_text("payload", &levels(127));
    assert_eq!(target.client.post("/publish", deepest).await.status(), StatusCode::OK);
    target.stop().await;
}

/// Fields, each with a JSON text that it must not have and the kind of its fault.
fn odd_fields() -> Vec<(&'static str, String, &'static str)> {
    let long = |bytes: usize| format!("\"{}\"", "x".repeat(bytes));
    [
        ("topic", "\"\"", "blank"),
        ("topic", "\" \\t\\u2003\"", "blank"),
        ("topic", "\"a\\u0000b\"", "nul_character"),
        ("topic", "\"\\ud800\"", "string_unicode"),
        ("topic", "null", "string_type"),
        ("topic", "7", "string_type"),
        ("topic", "[\"t\"]", "string_type"),
        ("event_id", "\"\\udc00x\"", "string_unicode"),
        ("event_id", "\"\\u0000\"", "nul_character"),
        ("event_id", "\"  \"", "blank"),
        ("event_id", "12", "string_type"),
        ("source", "\"\"", "blank"),
        ("source", "{}", "string_type"),
        ("source", "\"\\u0000\"", "nul_character"),
        ("timestamp", "1735689600", "string_type"),
        ("timestamp", "1735689600.25", "string_type"),
        ("timestamp", "\"1735689600\"", "datetime_parsing"),
        ("timestamp", "\"yesterday\"", "datetime_parsing"),
        ("timestamp", "\"2025-02-30T00:00:00Z\"", "datetime_parsing"),
        ("timestamp", "null", "string_type"),
        ("payload", "null", "dict_type"),
        ("payload", "[]", "dict_type"),
        ("payload", "\"{}\"", "dict_type"),
        ("payload", "1", "dict_type"),
    ]
    .into_iter()
    .map(|(field, value, kind)| (field, value.to_owned(), kind))
    .chain([
        ("topic", long(256), "string_too_long"),
        ("topic", format!("\"{}\"", "é".repeat(128)), "string_too_long"),
        ("source", long(256), "string_too_long"),
        ("event_id", long(1025), "string_too_long"),
        ("payload", levels(128), "nesting"),
        ("payload", levels(100_000), "nesting"),
        ("ignored", levels(128), "nesting"),
    ])
    .collect()
}

/// Returns an event that is valid except for one field.
fn event_text(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("topic", "\"t\""),
        ("event_id", "\"1\""),
        ("timestamp", "\"2025-01-01\""),
        ("source", "\"s\""),
        ("payload", "{}"),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value));
    let members: Vec<_> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

/// Returns an object with this many levels.
fn levels(levels: usize) -> String {
    format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1))
}

async fn one_invalid_event_rejects_its_whole_batch(database: &Database) {
    let target = Target::start(database).await;
    let mut odd = event("t", "3");
    odd["topic"] = json!("  ");
    odd.as_object_mut().unwrap().remove("source");
    let batch = json!([event("t", "1"), event("t", "2"), odd, 7, {}]);
    let response = target.client.post("/publish", batch.to_string()).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let missing = |index: usize, field: &str| (json!(["events", index, field]), "missing".to_owned());
    assert_eq!(
        faults(response).await,
        [
            (json!(["events", 2, "topic"]), "blank".to_owned()),
            missing(2, "source"),
            (json!(["events", 3]), "dict_type".to_owned()),
            missing(4, "topic"),
            missing(4, "event_id"),
            missing(4, "timestamp"),
            missing(4, "source"),
        ]
    );
    assert_eq!(target.client.counters().await, Counters { received: 0, unique: 0, duplicates: 0 });
    assert!(target.client.ids().await.is_empty());
    target.stop().await;
}

async fn bodies_that_are_not_batches_are_rejected(database: &Database) {
    let target = Target::start(database).await;
    let one = event("t", "1").to_string();
    let body = json!(["body"]);
    let events = json!(["events"]);
    let cases: Vec<(Vec<u8>, Value, &str)> = vec![
        (b"".to_vec(), body.clone(), "json_invalid"),
        (b"   ".to_vec(), body.clone(), "json_invalid"),
        (b"{".to_vec(), body.clone(), "json_invalid"),
        (b"nonsense".to_vec(), body.clone(), "json_invalid"),
        (format!("[{one}").into(), body.clone(), "json_invalid"),
        (format!("[{one},]").into(), body.clone(), "json_invalid"),
        (format!("[{one}] trailing").into(), body.clone(), "json_invalid"),
        (format!("{one}{one}").into(), body.clone(), "json_invalid"),
        (b"[{'topic':1}]".to_vec(), body.clone(), "json_invalid"),
        (b"[\"\x01\"]".to_vec(), body.clone(), "json_invalid"),
        (b"[NaN]".to_vec(), body.clone(), "json_invalid"),
        (b"\xef\xbb\xbf[]".to_vec(), body.clone(), "json_invalid"),
        (b"[\"\xff\"]".to_vec(), body.clone(), "invalid_utf8"),
        (b"[\"\xed\xa0\x80\"]".to_vec(), body.clone(), "invalid_utf8"),
        (b"null".to_vec(), body.clone(), "model_type"),
        (b"\"text\"".to_vec(), body.clone(), "model_type"),
        (b"12".to_vec(), body.clone(), "model_type"),
        (b"[]".to_vec(), events.clone(), "too_short"),
        (b"{\"events\":[]}".to_vec(), events.clone(), "too_short"),
        (b"{\"events\":null}".to_vec(), events.clone(), "list_type"),
        (b"{\"events\":\"x\"}".to_vec(), events.clone(), "list_type"),
        (format!("{{\"events\":[{one}],\"events\":[{one}]}}").into(), events, "repeated_field"),
        (one.replacen('{', "{\"topic\":\"u\",", 1).into(), json!(["events", 0, "topic"]), "repeated_field"),
        (
            format!("[{}]", one.replacen('{', "{\"x\":1,\"x\":2,", 1)).into(),
            json!(["events", 0, "x"]),
            "repeated_field",
        ),
        (
            format!("[{}]", one.replacen('{', "{\"\\ud800\":1,", 1)).into(),
            json!(["events", 0]),
            "string_unicode",
        ),
        (b"[[]]".to_vec(), json!(["events", 0]), "dict_type"),
        ("[".repeat(100_000).into(), body.clone(), "json_invalid"),
        (format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)).into(), json!(["events", 0]), "dict_type"),
    ];
    for (bytes, place, kind) in cases {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let response = target.client.post("/publish", bytes).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{shown}");
        assert_eq!(faults(response).await, [(place, kind.to_owned())], "{shown}");
    }
    assert_eq!(target.client.counters().await, Counters { received: 0, unique: 0, duplicates: 0 });
    target.stop().await;
}

async fn an_event_has_at_most_a_thousand_unknown_fields(database: &Database) {
    let target = Target::start(database).await;
    let wide = |fields: usize| {
        let unknown: String = (0..fields).map(|field| format!("\"{field}\":1,")).collect();
        event("t", &fields.to_string()).to_string().replacen('{', &format!("{{{unknown}"), 1)
    };
    assert_eq!(target.client.post("/publish", wide(1_000)).await.status(), StatusCode::OK);
    let response = target.client.post("/publish", format!("[{},{}]", wide(1), wide(1_001))).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(faults(response).await, [(json!(["events", 1]), "too_many_fields".to_owned())]);
    // A wrapper is no event, and its other fields are ignored.
    let wrapper = wide(2_000).replacen('{', &format!("{{\"events\":{},", event("t", "w")), 1);
    assert_eq!(target.client.post("/publish", wrapper).await.status(), StatusCode::OK);
    assert_eq!(target.client.counters().await.unique, 2);
    target.stop().await;
}

async fn queries_are_checked_as_bodies_are(database: &Database) {
    let target = Target::start(database).await;
    for (path, parameter) in [
        ("/events?limit=0", "limit"),
        ("/events?limit=10001", "limit"),
        ("/events?limit=-5", "limit"),
        ("/events?limit=abc", "limit"),
        ("/events?limit=", "limit"),
        ("/events?topic=t&cursor=abc", "cursor"),
    ] {
        let response = target.client.get(path).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{path}");
        assert_eq!(faults(response).await[0].0, json!(["query", parameter]), "{path}");
    }
    let response = target.client.post("/publish?results=perhaps", event("t", "1").to_string()).await;
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(target.client.counters().await.received, 0);
    target.stop().await;
}

async fn the_status_of_invalid_input_can_be_400(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.invalid_status = InvalidStatus::BadRequest;
    })
    .await;
    for body in ["[]", "{", "[{}]"] {
        assert_eq!(target.client.post("/publish", body).await.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(target.client.get("/events?limit=0").await.status(), StatusCode::BAD_REQUEST);
    target.stop().await;
}

async fn a_request_beyond_a_limit_is_refused_and_at_the_limit_is_not(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.max_batch = 3;
        settings.body_limit_mib = 1;
    })
    .await;
    let batch = |size: usize| {
        let events: Vec<_> = (0..size).map(|id| event("t", &id.to_string())).collect();
        json!(events).to_string()
    };
    assert_eq!(target.client.post("/publish", batch(4)).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(target.client.counters().await.received, 0);
    assert_eq!(target.client.post("/publish", batch(3)).await.status(), StatusCode::OK);

    let padded = |bytes: usize| {
        let one = event("t", "padded").to_string();
        format!("{one}{}", " ".repeat(bytes - one.len()))
    };
    let limit = 1024 * 1024;
    let response = target.client.post("/publish", padded(limit + 1)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(target.client.post("/publish", padded(limit)).await.status(), StatusCode::OK);
    target.stop().await;
}

async fn a_body_that_does_not_arrive_is_not_waited_for(database: &Database) {
    let target = Target::start_with(database, |settings| settings.body_timeout_sec = 1).await;
    let mut connection = TcpStream::connect(target.client.address).await.unwrap();
    connection
        .write_all(b"POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n{")
        .await
        .unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    drop(connection);
    target.stop().await;
}
