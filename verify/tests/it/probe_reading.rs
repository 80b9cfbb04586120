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

/// Form of a row.
type Form = fn(&str, &Value) -> Value;

/// Store of single events under `/e`, which lists them there.
struct Store {
    gate: Gate,
    form: Form,
}

const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

fn plain(id: &str, payload: &Value) -> Value {
    json!({"key": id, "payload": payload})
}

async fn started(store: Store) -> SocketAddr {
    let rows = Rows::default();
    let publish = async |State(rows): State<Rows>, body: String| {
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let Some(id) = event["id"].as_str().map(str::to_owned) else { return StatusCode::BAD_REQUEST };
        let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = rows.iter().all(|(own, _)| *own != id);
        rows.extend(is_new.then(|| (id, event["payload"].clone())));
        if is_new { StatusCode::CREATED } else { StatusCode::OK }
    };
    let Store { gate, form } = store;
    let list = async move |State(rows): State<Rows>, headers: HeaderMap| {
        if let Some(refusal) = gate(&headers) {
            return refusal;
        }
        let rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
        let shown: Vec<Value> = rows.iter().map(|(id, payload)| form(id, payload)).collect();
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
    let address = started(store).await;
    let folder = tempfile::tempdir().expect("a folder");
    let line =
        format!("curl http://{address}/e {flags} --json '{{\"id\":\"{UUID}\",\"payload\":{{\"a\":1}}}}'");
    std::fs::write(folder.path().join("request.txt"), line).expect("it is written");
    let url = format!("http://{address}/e");
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
        probe(Store { gate, form: plain }, "-H 'If-None-Match: *' -H 'X-Api-Key: k-1'").await;
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
        probe(Store { gate, form: plain }, "-H 'X-Region: eu' -H 'If-None-Match: *'").await;
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
    let (output, written) = probe(Store { gate, form: plain }, "").await;
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
    let form: Form = |id, payload| json!({"tags": ["event", id], "payload": payload});
    let (output, written) = probe(Store { gate: |_| None, form }, "").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(written.contains("\nevent_id = \"/tags/1\"\n"), "{written}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_login_of_a_curl_line_is_encoded_by_the_file() {
    let (output, written) = probe(Store { gate: |_| None, form: plain }, "-u me:hunter22").await;
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let line = "headers.authorization = \"Basic {{env:INGEST_AUTHORIZATION | base64}}\"";
    assert!(table(&written, "target").contains(line), "{written}");
    let told = stderr(&output);
    assert!(told.contains("export INGEST_AUTHORIZATION=user:password, which the file encodes"), "{told}");
    assert!(!told.contains("hunter22") && !written.contains("hunter22"), "{told}{written}");
}
