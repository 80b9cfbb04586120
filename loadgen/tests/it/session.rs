//! Requests before the run, and other hosts: what leaves, when it leaves again, and what no file
//! keeps.

use std::collections::BTreeSet;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use truth::record::ledger::Done;
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran};
use crate::raw::{Raw, Request, read};
use crate::stub::{serve_each, with_length};

/// Target that wants a token for each request. A token is good for a number of requests.
struct Guarded {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    logins: u32,
    /// Number of requests that the token of now was good for.
    served: u32,
    refused: u32,
    requests: Vec<Request>,
}

impl Guarded {
    fn good_for(most: u32) -> Self {
        let state: Arc<Mutex<State>> = Arc::default();
        let kept = Arc::clone(&state);
        let address = serve_each(move |mut stream: TcpStream| {
            let mut input = BufReader::new(stream.try_clone().unwrap());
            while let Some(request) = read(&mut input) {
                let answer = kept.lock().unwrap().answer(request, most);
                drop(stream.write_all(answer.as_bytes()));
            }
        });
        Self { address, state }
    }

    fn scenario(&self, load: &str) -> String {
        format!(
            r#"{load}
            [target]
            url = "http://{}"
            headers = {{ authorization = "Bearer {{{{kept.token}}}}" }}
            before = [{{ path = "/login", body = '{{"user":"{{{{env:GUARDED_USER}}}}"}}', keep = {{ token = "/access_token" }} }}]
            [target.publish]
            body = '{{"token":"{{{{kept.token}}}}","list":[{{{{events}}}}]}}'
            event = '{{"id":"{{{{event_id}}}}"}}'
            [target.listing]
            path = "/rows?of={{{{kept.token}}}}&l={{{{limit}}}}"
            limit = 5000
            next = "none"
            fields = {{ event_id = "id" }}
            complete = true
            [events]
            topics = ["only"]"#,
            self.address
        )
    }
}

impl State {
    fn token(&self) -> String {
        format!("kept-secret-{}", self.logins)
    }

    /// Returns each event that came, once.
    fn rows(&self) -> String {
        let sent = self.requests.iter().filter(|request| request.head.starts_with("POST "));
        let bodies = sent.map(|request| serde_json::from_slice::<serde_json::Value>(&request.body).unwrap());
        let events = bodies.flat_map(|body| body["list"].as_array().unwrap().clone());
        let ids: BTreeSet<String> = events.map(|event| event["id"].to_string()).collect();
        let rows: Vec<String> = ids.iter().map(|id| format!("{{\"id\":{id}}}")).collect();
        format!("[{}]", rows.join(","))
    }

    fn answer(&mut self, request: Request, most: u32) -> String {
        if request.head.starts_with("POST /login ") {
            assert!(!request.head.contains("authorization"), "{}", request.head);
            assert_eq!(request.body, br#"{"user":"guarded-user"}"#);
            self.logins += 1;
            self.served = 0;
            return with_length(200, &format!(r#"{{"access_token":"{}"}}"#, self.token()));
        }
        let is_good = request.head.contains(&format!("authorization: Bearer {}\r\n", self.token()));
        if !is_good || self.served >= most {
            self.refused += 1;
            // A careless target repeats what it got.
            return with_length(401, &format!("no longer good: {}", self.token()));
        }
        self.served += 1;
        let is_read = request.head.starts_with("GET /rows?of=kept-secret-");
        self.requests.push(request);
        with_length(200, &if is_read { self.rows() } else { "{}".to_owned() })
    }
}

fn run(guarded: &Guarded, load: &str, arguments: &str) -> Ran {
    let load = Loadgen::with(arguments).scenario(&guarded.scenario(load));
    let mut command = load.command();
    let output = command.env("GUARDED_USER", "guarded-user").output().unwrap();
    load.ran(output)
}

/// Returns the files below a folder that hold a text.
fn holding(folder: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(holding(&path, text)),
            false if std::fs::read(&path).unwrap().windows(text.len()).any(|part| part == text) => {
                found.push(path.display().to_string());
            }
            false => {}
        }
    }
    found
}

#[test]
fn what_a_login_keeps_is_in_every_request_and_in_no_file() {
    let guarded = Guarded::good_for(u32::MAX);
    let ran = run(&guarded, "", "-n 300 --batch 10 -c 3");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let state = guarded.state.lock().unwrap();
    let sent: Vec<&Request> =
        state.requests.iter().filter(|request| request.head.starts_with("POST ")).collect();
    assert_eq!((state.logins, state.refused, sent.len()), (1, 0, 30));
    for request in sent {
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(body.starts_with(r#"{"token":"kept-secret-1","list":[{"id":""#), "{body}");
    }
    assert_eq!(holding(ran.results(), b"kept-secret"), Vec::<String>::new());
    assert!(!ran.stdout.contains("kept-secret") && !ran.stderr.contains("kept-secret"));
}

#[test]
fn a_session_that_ends_is_opened_again_once_and_the_refused_requests_are_sent_once_more() {
    let guarded = Guarded::good_for(20);
    let ran = run(&guarded, "", "-n 1000 --batch 10 -c 4");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let state = guarded.state.lock().unwrap();
    // 100 requests with tokens that are good for 20; the last one may end with the run.
    assert!((5..=6).contains(&state.logins), "{} logins", state.logins);
    let tries = ran.tries();
    let refused = tries.iter().filter(|done| done.status == 401).count();
    assert!(refused >= 4 && refused as u32 == state.refused, "{refused} of {}", state.refused);
    assert_eq!(tries.iter().filter(|done| done.is_final).count(), 100);
    // While a connection waits for its turn, others may use the new token up.
    let is_due =
        |done: &&Done| done.answer.outcome == Outcome::Acked || (done.status == 401 && done.try_number == 1);
    assert!(tries.iter().filter(|done| done.is_final).all(|done| is_due(&done)));
    assert!(
        tries.iter().filter(|done| done.status == 401 && done.try_number == 0).all(|done| !done.is_final)
    );
    assert_eq!(holding(ran.results(), b"kept-secret"), Vec::<String>::new());
}

#[test]
fn a_token_that_is_never_good_does_not_make_a_flood_of_logins() {
    let guarded = Guarded::good_for(0);
    let ran = run(&guarded, "", "-n 400 --batch 10 -c 4");
    let state = guarded.state.lock().unwrap();
    let seconds = ran.summary()["duration_s"].as_f64().unwrap();
    assert!(f64::from(state.logins) <= 2.0 + seconds, "{} logins in {seconds} s", state.logins);
    assert_eq!(state.refused, 80, "each request is sent once more");
    assert_eq!(ran.summary()["events"]["acked"], 0);
}

#[test]
fn reads_log_in_as_well_and_again_when_their_session_ends() {
    for most in [u32::MAX, 25] {
        let guarded = Guarded::good_for(most);
        let ran = run(&guarded, "", "-n 400 --batch 10 -c 2 --verify --settle 100ms");
        assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("PASS"), "{}", ran.stdout);
        let state = guarded.state.lock().unwrap();
        let reads = state.requests.iter().filter(|request| request.head.starts_with("GET ")).count();
        assert!(reads >= 2, "{reads}");
        assert!(state.logins >= if most == 25 { 3 } else { 2 }, "{} logins", state.logins);
        assert_eq!(holding(ran.results(), b"kept-secret"), Vec::<String>::new());
        assert!(!ran.stdout.contains("kept-secret") && !ran.stderr.contains("kept-secret"));
    }
}

#[test]
fn a_login_that_fails_ends_the_run_before_it_begins() {
    let raw = Raw::answering("{}");
    let scenario = format!(
        "[target]\nurl = \"http://{}\"\nbefore = [{{ path = \"/login\", keep = {{ token = \"/access_token\" }} }}]\n\
         headers = {{ x-token = \"{{{{kept.token}}}}\" }}\n",
        raw.address
    );
    let ran = Loadgen::with("-n 100").scenario(&scenario).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("target.before failed"), "{}", ran.stderr);
    assert!(ran.stderr.contains("there is no `/access_token`, which is kept as token"), "{}", ran.stderr);
    assert_eq!(raw.heads("POST").len(), 1);
}

#[test]
fn a_login_without_a_usable_token_ends_the_run_before_it_begins() {
    for (body, found) in [
        (r#"{"t":""}"#, "an empty text"),
        (r#"{"t":null}"#, "null"),
        (r#"{"t":{"a":1}}"#, "an object"),
        (r#"{"t":["a"]}"#, "an array"),
    ] {
        let raw = Raw::answering(body);
        let scenario = format!(
            "[target]\nurl = \"http://{}\"\nbefore = [{{ path = \"/login\", keep = {{ token = \"/t\" }} }}]\n\
             headers = {{ x-token = \"{{{{kept.token}}}}\" }}\n",
            raw.address
        );
        let ran = Loadgen::with("-n 100").scenario(&scenario).run();
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let expected = format!(
            "`/t`, which is kept as token, is {found}; expected a text that is not empty, a number or a boolean"
        );
        assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
        assert_eq!(raw.heads("POST").len(), 1, "{body}");
    }
}

#[test]
fn a_token_that_is_a_number_or_a_boolean_is_sent_as_its_text() {
    for (body, value) in [(r#"{"t":7}"#, "7"), (r#"{"t":false}"#, "false")] {
        let raw = Raw::answering(body);
        let scenario = format!(
            "[target]\nurl = \"http://{}\"\nbefore = [{{ path = \"/login\", keep = {{ token = \"/t\" }} }}]\n\
             [target.publish]\nheaders = {{ x-token = \"{{{{kept.token}}}}\" }}\n",
            raw.address
        );
        let ran = Loadgen::with("-n 100 --batch 100").scenario(&scenario).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let sent = raw.heads("POST");
        let with_token = sent.iter().filter(|head| head.contains(&format!("\r\nx-token: {value}\r\n")));
        assert_eq!(with_token.count(), sent.len() - 1, "{sent:?}");
        assert!(sent.len() > 1, "{sent:?}");
    }
}

#[test]
fn events_go_to_their_own_host_and_reads_to_the_targets() {
    let ingest = Raw::answering("{}");
    let query = Raw::answering("[]");
    let scenario = format!(
        "[target]\nurl = \"http://{}\"\nheaders = {{ x-both = \"1\" }}\nlisting = {{ path = \"/events\" }}\n\
         [target.publish]\nurl = \"http://{}/v1/\"\npath = \"/in\"\n",
        query.address, ingest.address
    );
    let ran = Loadgen::with("-n 100 --batch 10 -c 2 -H x-own:2").scenario(&scenario).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let sent = ingest.heads("POST");
    assert_eq!((sent.len(), query.heads("POST").len(), ingest.heads("GET").len()), (10, 0, 0));
    assert!(sent.iter().all(|head| head.starts_with("POST /v1/in HTTP/1.1\r\n")), "{}", sent[0]);
    let host = format!("\r\nhost: {}\r\n", ingest.address);
    assert!(sent.iter().all(|head| head.contains(&host) && head.contains("\r\nx-own: 2\r\n")), "{}", sent[0]);
    let read = query.heads("GET");
    assert!(!read.is_empty() && read.iter().all(|head| head.contains("x-both: 1")), "{read:?}");
    let printed = format!("to http://{}/v1 over", ingest.address);
    assert!(ran.stderr.contains(&printed), "{}", ran.stderr);
}

#[test]
fn check_and_plan_show_requests_before_and_beside_without_their_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let scenario =
        Guarded::good_for(1).scenario("[[load.beside]]\nname = \"search\"\npath = \"/s\"\nshare = \"10%\"");
    std::fs::write(&file, &scenario).unwrap();
    let file = file.to_str().unwrap();
    for arguments in [vec!["check", file], vec!["plan", "--scenario", file]] {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_loadgen")).args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("/login, keeps token\n"), "{said}");
        assert!(said.contains("search: GET http://") && said.contains("/s over 5 connections"), "{said}");
        assert!(said.contains("authorization: Bearer {{kept.token}}"), "{said}");
        assert!(said.contains("{\"token\":\"{{kept.token}}\""), "{said}");
    }
}

#[test]
fn another_url_for_a_target_of_two_hosts_is_refused() {
    let scenario = "[target]\nurl = \"http://127.0.0.1:1\"\n[target.publish]\nurl = \"http://127.0.0.1:2\"\n";
    let ran = Loadgen::with("-n 100 --target http://127.0.0.1:3").scenario(scenario).run();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("target.publish.url"), "{}", ran.stderr);
}
