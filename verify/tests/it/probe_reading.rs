//! `verify probe --from` and the reads that it makes: which header fields they have, and what is said
//! of a listing that is not read.

use std::net::SocketAddr;
use std::process::Output;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::binary::{command, stderr, stdout};

/// Rows of a store, by their ids.
type Rows = Arc<Mutex<Vec<(String, Value)>>>;

/// Answer of a listing to a request with these header fields: a refusal, or none.
type Gate = fn(&HeaderMap) -> Option<Response>;

/// Row of an event with this id; none if the listing leaves it out.
type Form = fn(&str, &Value) -> Option<Value>;

/// Store of single events under `/e`, which lists them there.
struct Store {
    gate: Gate,
    form: Form,
    takes: fn(&Value) -> bool,
}

impl Default for Store {
    fn default() -> Self {
        Self { gate: |_| None, form: plain, takes: anything }
    }
}

const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

/// Event of the curl line.
const EVENT: &str = "{\"id\":\"ID\",\"payload\":{\"a\":1}}";

fn plain(id: &str, event: &Value) -> Option<Value> {
    Some(json!({"key": id, "payload": event["payload"]}))
}

fn with_topic(id: &str, event: &Value) -> Value {
    json!({"key": id, "of": event["topic"], "payload": event["payload"]})
}

fn anything(event: &Value) -> bool {
    event.is_object()
}

async fn started(store: Store) -> SocketAddr {
    let rows = Rows::default();
    let Store { gate, form, takes } = store;
    let publish = async move |State(rows): State<Rows>, body: String| {
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let id = event["id"].as_str().map(str::to_owned).filter(|_| takes(&event));
        let Some(id) = id else { return StatusCode::BAD_REQUEST };
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = rows.iter().all(|(own, _)| *own != id);
        rows.extend(is_new.then_some((id, event)));
        if is_new { StatusCode::CREATED } else { StatusCode::OK }
    };
    let list = async move |State(rows): State<Rows>, headers: HeaderMap| {
        if let Some(refusal) = gate(&headers) {
            return refusal;
        }
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let shown: Vec<Value> = rows.iter().filter_map(|(id, event)| form(id, event)).collect();
        axum::Json(json!({"rows": shown})).into_response()
    };
    let routes = Router::new().route("/e", get(list).post(publish)).with_state(rows);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// Probes a store with a curl line. Returns what was said and the file that was written.
async fn probe(store: Store, flags: &str) -> (Output, String) {
    probe_with(store, flags, EVENT, "").await
}

/// Probes a store with a curl line that sends this event, and a listing with this query.
async fn probe_with(store: Store, flags: &str, event: &str, query: &str) -> (Output, String) {
    let address = started(store).await;
    let folder = tempfile::tempdir().expect("a folder");
    let line = format!("curl http://{address}/e {flags} --json '{}'", event.replace("ID", UUID));
    std::fs::write(folder.path().join("request.txt"), line).expect("it is written");
    let url = format!("http://{address}/e{query}");
    let arguments = ["probe", "--from", "request.txt", "--listing", &url, "--out", "probed.toml"];
    let mut probing = command(&arguments, folder.path());
    let probing = tokio::task::spawn_blocking(move || probing.output().expect("the program runs"));
    let output = probing.await.expect("it does not panic");
    let written = std::fs::read_to_string(folder.path().join("probed.toml"));
    (output, written.unwrap_or_default())
}

fn table<'t>(written: &'t str, name: &str) -> &'t str {
    let (_, rest) = written.split_once(&format!("\n[{name}]\n")).unwrap_or_default();
    rest.split("\n[").next().unwrap_or_default()
}

fn refused(status: StatusCode, text: &'static str) -> Option<Response> {
    Some((status, text).into_response())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_of_the_request_is_no_header_of_a_read() {
    let gate: Gate = |headers| match headers.contains_key("if-none-match") {
        true => refused(StatusCode::PRECONDITION_FAILED, "it is there"),
        false => None,
    };
    let (output, written) =
        probe(Store { gate, ..Store::default() }, "-H 'If-None-Match: *' -H 'X-Api-Key: k-1'").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(table(&written, "target.publish").contains("\nheaders.if-none-match = \"*\"\n"), "{written}");
    assert!(table(&written, "target").contains("headers.x-api-key = \"{{env:"), "{written}");
    assert!(written.contains("\nevent_id = \"key\"\n"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_the_listing_needs_goes_with_every_request() {
    let gate: Gate = |headers| match headers.contains_key("x-region") {
        true => None,
        false => refused(StatusCode::BAD_REQUEST, "which region?"),
    };
    let (output, written) =
        probe(Store { gate, ..Store::default() }, "-H 'X-Region: eu' -H 'If-None-Match: *'").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let target = table(&written, "target");
    assert!(
        target.contains("refused without it") && target.contains("headers.x-region = \"eu\""),
        "{written}"
    );
    assert!(!target.contains("if-none-match"), "{written}");
    assert!(!table(&written, "target.publish").contains("x-region"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_of_a_listing_that_is_not_read_is_said_with_the_remedy() {
    let gate: Gate = |_| refused(StatusCode::PRECONDITION_REQUIRED, "which view?");
    let (output, written) = probe(Store { gate, ..Store::default() }, "").await;
    let told = stderr(&output);
    for text in [told.as_str(), &written.replace("\n# ", " ")] {
        assert!(text.contains("GET /e answered 428 which view?"), "{text}");
        assert!(text.contains("describe the listing under [target.listing]"), "{text}");
    }
    assert!(!written.contains("\nack = "), "no look was made: {written}");
    assert!(
        written.replace("\n# ", " ").contains("nothing was found that shows what is stored"),
        "{written}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_in_a_list_of_a_row_is_found() {
    let form: Form = |id, event| Some(json!({"tags": ["event", id], "payload": event["payload"]}));
    let (output, written) = probe(Store { form, ..Store::default() }, "").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(written.contains("\nevent_id = \"/tags/1\"\n"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_login_of_a_curl_line_is_encoded_by_the_file() {
    let (output, written) = probe(Store::default(), "-u me:hunter22").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let line = "headers.authorization = \"Basic {{env:INGEST_AUTHORIZATION | base64}}\"";
    assert!(table(&written, "target").contains(line), "{written}");
    let told = stderr(&output);
    assert!(told.contains("export INGEST_AUTHORIZATION=user:password, which the file encodes"), "{told}");
    assert!(!told.contains("hunter22") && !written.contains("hunter22"), "{told}{written}");
}

/// Event whose contents have a name of their own, beside a secret that is a number.
const PURCHASE: &str = r#"{"id":"ID","pin":1234567,"purchase":{"amount":5,"currency":"eur"}}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_of_any_name_are_the_payload_and_a_secret_number_is_a_variable() {
    let form: Form = |id, event| Some(json!({"key": id, "bought": event["purchase"]}));
    let (output, written) = probe_with(Store { form, ..Store::default() }, "", PURCHASE, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let body = r#"body = '{"id":"{{event_id}}","pin":{{env:INGEST_PIN}},"purchase":{{payload}}}'"#;
    assert!(table(&written, "target.publish").contains(body), "{written}");
    assert!(table(&written, "target.listing.fields").contains("payload = \"bought\""), "{written}");
    assert!(!written.contains("1234567") && !stderr(&output).contains("1234567"), "{written}");
    assert_eq!(stdout(&output), "", "the file that was named is not printed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_that_cannot_be_others_are_said_not_to_be_found() {
    let takes = |event: &Value| event["purchase"]["currency"] == "eur";
    let (output, written) = probe_with(Store { takes, ..Store::default() }, "", PURCHASE, "").await;
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let publish = table(&written, "target.publish").replace("\n# ", " ");
    assert!(publish.contains(r#""purchase":{"amount":5,"currency":"eur"}}"#), "{written}");
    assert!(publish.contains("an event with another payload was answered 400"), "{written}");
    assert!(publish.contains("not found: payload; "), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_one_topic_makes_a_scenario_of_that_topic() {
    const EVENT: &str = r#"{"id":"ID","topic":"orders","payload":{"a":1}}"#;
    let all: Form = |id, event| Some(with_topic(id, event));
    let one: Form = |id, event| (event["topic"] == "orders").then(|| with_topic(id, event));
    for (form, topics) in [(all, r#"["orders", "orders-2"]"#), (one, r#"["orders"]"#)] {
        let (output, written) = probe_with(Store { form, ..Store::default() }, "", EVENT, "?view=7").await;
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        assert!(written.contains(&format!("\ntopics = {topics}\n")), "{written}");
        let listing = table(&written, "target.listing").replace("\n# ", " ");
        assert!(listing.contains("requests with the query of the URL show the events"), "{written}");
    }
}
