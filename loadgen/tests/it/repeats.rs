//! Repeats of whole requests: what leaves, and what a target comes to that knows only those again.

use std::collections::{HashMap, VecDeque};
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::program::{Loadgen, Ran};
use crate::raw::{Raw, read};
use crate::stub::{serve_each, with_length};

const SCENARIO: &str = r#"
    [events]
    topics = ["only"]
    [mix]
    request = 1
    [promises]
    unit = "request"
    ack = "committed"
    visible = "0s"
    merge = "0s"
    shared = false
    intermediary_resends = false
    [target.publish]
    path = "/insert"
    headers = { x-batch = "{{batch_id}}" }
    body = '{"list":[{{events}}]}'
    event = '{"id":"{{event_id}}"}'
    [target.listing]
    path = "/rows?l={{limit}}"
    limit = 5000
    next = "none"
    fields = { event_id = "id" }
    complete = true
    "#;

/// Starts a target that stores a request unless it is the same to the byte as one of the last ones.
fn blocks(window: usize) -> SocketAddr {
    #[derive(Default)]
    struct State {
        last: VecDeque<Vec<u8>>,
        rows: Vec<String>,
    }
    let state: Arc<Mutex<State>> = Arc::default();
    serve_each(move |mut stream: TcpStream| {
        let mut input = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = read(&mut input) {
            let mut state = state.lock().unwrap();
            let answer = if request.head.starts_with("GET ") {
                format!("[{}]", state.rows.join(","))
            } else {
                if !state.last.contains(&request.body) {
                    let body: Value = serde_json::from_slice(&request.body).unwrap();
                    state.rows.extend(body["list"].as_array().unwrap().iter().map(Value::to_string));
                    state.last.push_back(request.body);
                    let surplus = state.last.len().saturating_sub(window);
                    state.last.drain(..surplus);
                }
                "{}".to_owned()
            };
            drop(stream.write_all(with_length(200, &answer).as_bytes()));
        }
    })
}

fn judged(window: usize, scenario: &str) -> Ran {
    let arguments = format!("-n 2000 --batch 10 -c 4 --verify --settle 100ms --target {}", blocks(window));
    Loadgen::with(&arguments).scenario(scenario).run()
}

#[test]
fn copies_are_the_same_to_the_byte_and_nothing_else_is_repeated() {
    let raw = Raw::answering("{}");
    let arguments = format!("-n 1000 --batch 10 -c 4 --dup 0.3 --target {}", raw.address);
    let ran = Loadgen::with(&arguments).scenario(SCENARIO).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let requests = raw.requests("POST");
    let mut sent: HashMap<(&str, &[u8]), usize> = HashMap::new();
    for request in &requests {
        *sent.entry((&request.head, &request.body)).or_default() += 1;
    }
    assert_eq!((requests.len(), sent.len()), (100, 70));
    let mut ids: Vec<String> = Vec::new();
    for (_, body) in sent.keys() {
        let body: Value = serde_json::from_slice(body).unwrap();
        ids.extend(body["list"].as_array().unwrap().iter().map(|event| event["id"].to_string()));
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 700, "each key stands in one request and its copies");
}

#[test]
fn a_target_that_knows_whole_requests_again_passes() {
    let ran = judged(usize::MAX, SCENARIO);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("PASS"), "{}", ran.stdout);
}

#[test]
fn a_target_that_forgets_requests_and_one_that_is_sent_events_again_fail() {
    let forgets = judged(4, SCENARIO);
    assert_eq!(forgets.code, Some(1), "{}{}", forgets.stdout, forgets.stderr);
    let of_events = SCENARIO.replace("request = 1", "").replace("unit = \"request\"", "");
    let ran = judged(usize::MAX, &of_events);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
}
