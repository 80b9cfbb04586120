//! Requests by the scenario's text: how they leave, and what is never shown of them.

use std::collections::HashSet;

use serde_json::Value;

use crate::peers::process::Peer;
use crate::program::{Loadgen, Ran};
use crate::raw::Raw;
use crate::stub::{Stub, with_length};

const SECRET: &str = "s3cret/of+this=test";

fn value<'a>(head: &'a str, name: &str) -> &'a str {
    let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or_else(|| panic!("no {name}: {head}"))
}

#[test]
fn a_request_leaves_with_the_method_path_headers_and_body_of_the_scenario() {
    let raw = Raw::answering("{}");
    let scenario = r#"
        [load]
        batch = 1
        [target]
        headers = { authorization = "Bearer {{env:REQUEST_KEY}}" }
        [target.publish]
        method = "PUT"
        path = "/v1/{{topic}}/{{event_id}}?at={{timestamp.date}}"
        headers = { idempotency-key = '"{{event_id}}"', x-signature = "{{signature}}", x-trace = "{{traceparent}}" }
        body = '{"data":{{events}}}'
        event = '{"id":"{{event_id}}","n":{{n}}}'
        sign = { algorithm = "hmac-sha1", secret = "{{env:REQUEST_KEY}}", over = "{{body}}", as = "base64" }"#;
    let load = Loadgen::with(&format!("-n 40 --dup 0.3 -c 3 --target {}", raw.address)).scenario(scenario);
    let mut command = load.command();
    let output = command.env("REQUEST_KEY", SECRET).output().unwrap();
    let ran = load.ran(output);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let requests = raw.requests("PUT");
    assert_eq!(requests.len(), 40);
    let mut ids = HashSet::new();
    for request in &requests {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let id = body["data"]["id"].as_str().unwrap();
        let line = request.head.lines().next().unwrap();
        assert!(line.starts_with("PUT /v1/") && line.contains(&format!("/{id}?at=2025-01-01 ")), "{line}");
        assert_eq!(value(&request.head, "idempotency-key"), format!("\"{id}\""));
        assert_eq!(value(&request.head, "authorization"), format!("Bearer {SECRET}"));
        assert_eq!(value(&request.head, "x-signature").len(), 28);
        assert_eq!(value(&request.head, "x-trace").len(), 55);
        ids.insert(id.to_owned());
    }
    assert_eq!(ids.len(), 28);
}

#[test]
fn a_request_by_text_leaves_over_http2_too() {
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&format!("location / {{ proxy_pass http://{}; }}", stub.address));
    let scenario = r#"
        [target.publish]
        path = "/{{batch_id}}"
        body = "[{{events}}]"
        event = '{"topic":"{{topic}}","event_id":"{{event_id}}","payload":{{payload}}}'
        headers.x-count = "{{count}}""#;
    let ran = Loadgen::with(&format!("-n 200 --batch 10 -c 2 --http2 --target http://{}", peer.address))
        .scenario(scenario)
        .run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(stub.look(|seen| seen.requests.iter().map(Vec::len).sum::<usize>()), 200);
}

#[test]
fn a_retry_has_the_same_id_of_its_request_and_a_packed_body_has_its_signature() {
    let raw = Raw::answering("{}");
    let scenario = r#"
        [target.publish]
        body = "[{{events}}]"
        event = '{"id":"{{event_id}}","batch":"{{batch_id}}"}'
        headers = { x-batch = "{{batch_id}}" }
        gzip = true"#;
    let ran =
        Loadgen::with(&format!("-n 100 --batch 10 -c 2 --target {}", raw.address)).scenario(scenario).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let heads = raw.heads("POST");
    let ids: HashSet<&str> = heads.iter().map(|head| value(head, "x-batch")).collect();
    assert_eq!((heads.len(), ids.len()), (10, 10));
    assert!(heads.iter().all(|head| value(head, "content-encoding") == "gzip"));
}

#[test]
fn a_variable_that_is_missing_or_empty_is_named_with_its_line() {
    let raw = Raw::answering("{}");
    let scenario = "[target.publish]\nbody = '[{{events}}]'\nevent = '{\"id\":\"{{event_id}}\"}'\n\
                    headers.authorization = \"Bearer {{env:NO_SUCH_VARIABLE}}\"";
    for value in [None, Some("")] {
        let load = Loadgen::with(&format!("-n 10 --target {}", raw.address)).scenario(scenario);
        let mut command = load.command();
        value.map(|value| command.env("NO_SUCH_VARIABLE", value));
        let output = command.output().unwrap();
        let ran = load.ran(output);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        let says = if value.is_some() { "is empty" } else { "is not set" };
        let place = "scenario.toml, line 4, column 33: target.publish.headers.authorization";
        for part in [says, place, "NO_SUCH_VARIABLE"] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
    assert!(raw.requests("POST").is_empty());
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Texts in which the secret of these tests stands in each of its forms.
fn echoes() -> String {
    let encoded = "s3cret%2Fof%2Bthis%3Dtest";
    format!("{SECRET} {encoded} {} {}", base64(SECRET), base64(&format!("user:{SECRET}")))
}

/// Parts of these texts that tell the secret.
fn forms() -> [String; 4] {
    [
        SECRET.to_owned(),
        "s3cret%2Fof%2Bthis%3Dtest".to_owned(),
        base64(SECRET)[..16].to_owned(),
        base64(&format!("user:{SECRET}"))[8..24].to_owned(),
    ]
}

/// Asserts that no file of a run and nothing that it printed holds the secret.
fn shows_no_secret(ran: &Ran) {
    let mut waiting = vec![ran.results().to_path_buf()];
    let mut files = 0;
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        files += 1;
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        let shown = forms().into_iter().find(|form| text.contains(form));
        assert_eq!(shown, None, "{}: {text}", path.display());
    }
    assert!(files > 3, "{files}");
    let printed = format!("{}{}", ran.stdout, ran.stderr);
    let shown = forms().into_iter().find(|form| printed.contains(form));
    assert_eq!(shown, None, "{printed}");
}

#[test]
fn a_target_that_echoes_secrets_puts_them_in_no_file_and_on_no_screen() {
    let scenario = r#"
        [target]
        headers = { authorization = "Basic {{env:REQUEST_KEY | base64}}" }
        [target.publish]
        path = "/?key={{env:REQUEST_KEY}}"
        body = "[{{events}}]"
        event = '{"topic":"{{topic}}","event_id":"{{event_id}}","key":"{{env:REQUEST_KEY}}","payload":{{payload}}}'
        [target.answer]
        accepted = "/accepted"
        [target.stats]
        path = "/stats"
        received = "/received""#;
    for status in [200, 302, 403, 500] {
        let said = echoes();
        let body = format!("{{\"error\":\"{said}\"}}");
        let stub = Stub::scripted(move |it| {
            let moved = with_length(status, &body);
            it.say(moved.replacen("\r\n", &format!("\r\nlocation: /login?key={said}\r\n"), 1));
        });
        let load = Loadgen::against(&stub, "-n 20 --batch 10 -c 1 --dup 0 --verify").scenario(scenario);
        let mut command = load.command();
        let output = command.env("REQUEST_KEY", SECRET).output().unwrap();
        let ran = load.ran(output);
        assert_ne!(ran.code, None, "{}", ran.stderr);
        shows_no_secret(&ran);
    }
}

#[test]
fn the_first_request_is_shown_as_it_will_leave_with_secrets_by_their_names() {
    let scenario = "[target.publish]\nbody = '{\"batch\":[{{events}}]}'\nevent = '{\"id\":\"{{event_id}}\"}'\n\
                    path = \"/in?key={{env:NO_SUCH_VARIABLE}}\"\n\
                    headers.authorization = \"Bearer {{env:NO_SUCH_VARIABLE}}\"\n\
                    headers.x-key = \"Basic {{env:NO_SUCH_VARIABLE | base64}}\"";
    let load = Loadgen::with("").scenario(scenario);
    let file = load.results().parent().unwrap().join("scenario.toml");
    for arguments in
        [vec!["check", file.to_str().unwrap()], vec!["plan", "--scenario", file.to_str().unwrap()]]
    {
        let output =
            std::process::Command::new(env!("CARGO_BIN_EXE_loadgen")).args(&arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        for part in [
            "POST /in?key={{env:NO_SUCH_VARIABLE}} HTTP/1.1",
            "authorization: Bearer {{env:NO_SUCH_VARIABLE}}",
            "x-key: Basic {{env:NO_SUCH_VARIABLE|base64}}",
            "{\"batch\":[{\"id\":\"",
        ] {
            assert!(text.contains(part), "{arguments:?} {part}: {text}");
        }
    }
}
