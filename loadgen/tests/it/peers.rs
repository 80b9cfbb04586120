//! Servers as they really respond: axum, uvicorn, Node and nginx, each with the habits that matter
//! here. Responses that a script can send are in `answers.rs`.
//!
//! | peer | what it does | what becomes of the attempts | connections |
//! |---|---|---|---|
//! | axum | answers with a length, or in chunks | acknowledged | kept |
//! | axum | `Connection: close` on every answer | acknowledged | one a request |
//! | uvicorn | answers with a length, or in chunks of seven bytes | acknowledged | kept |
//! | uvicorn | `Connection: close` on every answer | acknowledged | one a request |
//! | uvicorn | unpacks bodies, and takes no others | acknowledged with `--gzip` | kept |
//! | uvicorn | raises after the commit: 500 | unknown, and stored | kept |
//! | uvicorn | never answers in time | unknown, and stored | one a request |
//! | uvicorn | ends by itself after so many requests | what it took acknowledged, the rest never sent | broken or refused |
//! | Node | answers with a length, or after 103 Early Hints | acknowledged | kept |
//! | Node | closes a connection that was idle for a second | acknowledged | one a request |
//! | Node | ends in the middle of an answer | unknown, and stored | one a request |
//! | nginx before axum | `keepalive_requests 3` | acknowledged | one for three requests |
//! | nginx before axum | passes chunks on; `gzip on`, which nobody asked for | acknowledged | kept |
//! | nginx before nothing | 502 with a page for people | unknown, and nothing stored | kept |
//! | nginx before silence | 504 after its own time-out | unknown | kept |
//! | nginx | 413 for a body that is too large | rejected | one a request |
//! | nginx | answers by itself, `return 200` | acknowledged | kept |
//!
//! Over all of them: nothing is sent twice beneath the ledger.

mod backend;
pub(crate) mod process;

use std::collections::HashSet;
use std::net::SocketAddr;

use backend::{Backend, Habit};
use process::Peer;
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran};

/// Requests of one event each, over two connections.
const REQUESTS: u64 = 12;

/// Returns the attempts by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    acked: u64,
    unknown: u64,
    rejected: u64,
    never_sent: u64,
}

fn load(address: SocketAddr, arguments: &str) -> (Ran, Counts) {
    load_with(REQUESTS, address, arguments)
}

fn load_with(requests: u64, address: SocketAddr, arguments: &str) -> (Ran, Counts) {
    let ran = begin(requests, address, arguments).run();
    let counts = counts(&ran);
    (ran, counts)
}

fn begin(requests: u64, address: SocketAddr, arguments: &str) -> Loadgen {
    let fixed = format!("--target {address} -n {requests} --dup 0 --batch 1 -c 2");
    Loadgen::with(&fixed).with_arguments(arguments)
}

fn counts(ran: &Ran) -> Counts {
    ran.tries().iter().fold(Counts::default(), |mut counts, done| {
        *match done.answer.outcome {
            Outcome::Acked => &mut counts.acked,
            Outcome::Unknown | Outcome::Unclear => &mut counts.unknown,
            Outcome::Rejected => &mut counts.rejected,
            Outcome::NeverSent => &mut counts.never_sent,
        } += 1;
        counts
    })
}

/// Returns the number of connections that carried a request; one more may have been opened for
/// nothing.
fn carriers(ran: &Ran) -> u64 {
    let connections: HashSet<u32> = ran.tries().iter().map(|done| done.connection).collect();
    connections.len() as u64
}

fn all_acked() -> Counts {
    Counts { acked: REQUESTS, ..Counts::default() }
}

fn all_unknown() -> Counts {
    Counts { unknown: REQUESTS, ..Counts::default() }
}

#[test]
fn axum_answers_with_a_length_or_in_chunks_on_connections_that_stay() {
    for habit in [Habit::Length, Habit::Chunks] {
        let backend = Backend::start(habit);
        let (ran, counts) = load(backend.address, "");
        assert_eq!((counts, carriers(&ran) <= 2), (all_acked(), true), "{habit:?}: {}", ran.stderr);
        assert_eq!(backend.seen(), REQUESTS, "{habit:?}");
    }
}

#[test]
fn axum_may_close_after_each_answer() {
    let backend = Backend::start(Habit::Close);
    let (ran, counts) = load(backend.address, "");
    assert_eq!((counts, carriers(&ran), backend.seen()), (all_acked(), REQUESTS, REQUESTS), "{}", ran.stderr);
}

#[test]
fn uvicorn_answers_with_a_length_or_in_chunks_on_connections_that_stay() {
    for mode in ["lengths", "chunks"] {
        let peer = Peer::uvicorn(mode, &[]);
        let (ran, counts) = load(peer.address, "");
        assert_eq!((counts, carriers(&ran) <= 2), (all_acked(), true), "{mode}: {}", ran.stderr);
        assert_eq!(backend::received(peer.address), REQUESTS, "{mode}");
    }
}

#[test]
fn uvicorn_unpacks_what_was_packed() {
    let peer = Peer::uvicorn("packed", &[]);
    let (ran, counts) = load(peer.address, "--gzip");
    assert_eq!((counts, carriers(&ran) <= 2), (all_acked(), true), "{}", ran.stderr);
    assert_eq!(backend::received(peer.address), REQUESTS);
    let (_, counts) = load(peer.address, "");
    assert_eq!(counts, all_unknown(), "what is not packed is an error of the server's");
    let size = |rest: &str| {
        let arguments = format!("--target {} -n 2k --dup 0 --batch 100 -c 2 {rest}", peer.address);
        Loadgen::with(&arguments).run().summary()["sent_bytes"].as_u64().unwrap()
    };
    assert!(size("--gzip") < size("") * 3 / 4);
}

#[test]
fn uvicorn_may_close_after_each_answer() {
    let peer = Peer::uvicorn("closes", &[]);
    let (ran, counts) = load(peer.address, "");
    assert_eq!((counts, carriers(&ran)), (all_acked(), REQUESTS), "{}", ran.stderr);
    assert_eq!(backend::received(peer.address), REQUESTS);
}

#[test]
fn what_uvicorn_stored_before_it_raised_or_hung_is_unknown_and_sent_once() {
    for (mode, arguments) in [("raises", ""), ("slow", "--timeout 200ms")] {
        let peer = Peer::uvicorn(mode, &[]);
        let (ran, counts) = load(peer.address, arguments);
        assert_eq!(ran.code, Some(4), "{mode}: nothing was acknowledged: {}", ran.stderr);
        assert_eq!(counts, all_unknown(), "{mode}");
        // A slow server may find a client gone before it has read the request.
        let received = backend::received(peer.address);
        assert!(received == REQUESTS || mode == "slow" && received < REQUESTS, "{mode}: {received}");
        let statuses = &ran.summary()["requests"]["statuses"];
        let expected =
            if mode == "raises" { serde_json::json!({"500": REQUESTS}) } else { serde_json::json!({}) };
        assert_eq!(*statuses, expected, "{mode}");
    }
}

#[test]
fn a_uvicorn_that_ends_midway_leaves_nothing_in_doubt_that_it_answered() {
    // uvicorn looks at its limit ten times a second.
    const MANY: u64 = 20_000;
    let mut peer = Peer::uvicorn("lengths", &["--limit-max-requests", "8"]);
    let running = begin(MANY, peer.address, "").start();
    peer.wait();
    running.signal(rustix::process::Signal::INT);
    let ran = running.end();
    assert_eq!(ran.code, Some(130), "{}", ran.stdout);
    let counts = counts(&ran);
    assert!((1..MANY).contains(&counts.acked), "{counts:?}: {}", ran.stderr);
    // Rounds that were never opened hold the rest.
    assert!(counts.acked + counts.unknown + counts.never_sent <= MANY, "{counts:?}");
    // A connection that it closes during a request leaves that request unknown, and no other.
    assert!(counts.unknown <= 2, "{counts:?}: {}", ran.stdout);
    assert!(counts.never_sent > 0, "{counts:?}");
}

#[test]
fn node_answers_at_once_or_after_hints_on_connections_that_stay() {
    for mode in ["plain", "hints"] {
        let peer = Peer::node(mode);
        let (ran, counts) = load(peer.address, "");
        assert_eq!((counts, carriers(&ran) <= 2), (all_acked(), true), "{mode}: {}", ran.stderr);
        assert_eq!(backend::received(peer.address), REQUESTS, "{mode}");
    }
}

#[test]
fn node_may_close_what_was_idle_for_a_moment() {
    let peer = Peer::node("impatient");
    // A server that closes just as a request comes leaves that request unknown; there is time
    // between two requests here.
    let (ran, counts) = load_with(4, peer.address, "--rate 80/m");
    assert_eq!((counts.acked, backend::received(peer.address)), (4, 4), "{}", ran.stderr);
    assert!(carriers(&ran) > 2, "{}", ran.stdout);
}

#[test]
fn what_node_stored_before_it_broke_off_is_unknown_and_sent_once() {
    let peer = Peer::node("breaks");
    let (ran, counts) = load(peer.address, "");
    assert_eq!((counts, carriers(&ran)), (all_unknown(), REQUESTS), "{}", ran.stderr);
    assert_eq!(backend::received(peer.address), REQUESTS);
}

#[test]
fn nginx_may_close_a_connection_after_a_few_requests() {
    let backend = Backend::start(Habit::Length);
    let server = format!(
        "keepalive_requests 3; location / {{ proxy_pass http://{}; proxy_http_version 1.1; \
         proxy_set_header Connection ''; }}",
        backend.address
    );
    let peer = Peer::nginx(&server);
    let (ran, counts) = load(peer.address, "");
    assert_eq!((counts, backend.seen()), (all_acked(), REQUESTS), "{}", ran.stderr);
    assert!((REQUESTS / 3..REQUESTS).contains(&carriers(&ran)), "{}", carriers(&ran));
}

#[test]
fn nginx_passes_chunks_on_and_compresses_nothing_that_nobody_asked_to_be() {
    let backend = Backend::start(Habit::Chunks);
    let server = format!(
        "gzip on; gzip_min_length 1; gzip_types *; location / {{ proxy_pass http://{}; proxy_http_version 1.1; }}",
        backend.address
    );
    let peer = Peer::nginx(&server);
    let (ran, counts) = load(peer.address, "");
    assert_eq!(
        (counts, backend.seen(), carriers(&ran) <= 2),
        (all_acked(), REQUESTS, true),
        "{}",
        ran.stderr
    );
}

#[test]
fn nginx_before_nothing_or_before_silence_leaves_attempts_unknown() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = Backend::start(Habit::Silence);
    let gone = format!("location / {{ proxy_pass http://{nobody}; }}");
    let hung = format!("location / {{ proxy_pass http://{}; proxy_read_timeout 1s; }}", silent.address);
    for (server, status) in [(gone, "502"), (hung, "504")] {
        let peer = Peer::nginx(&server);
        let (ran, counts) = load(peer.address, "");
        assert_eq!((counts, carriers(&ran) <= 2), (all_unknown(), true), "{status}: {}", ran.stderr);
        assert_eq!(ran.summary()["requests"]["statuses"][status], REQUESTS, "{status}");
    }
    assert_eq!(silent.seen(), REQUESTS, "nginx asked once for each, and so did we");
}

#[test]
fn nginx_refuses_what_is_too_large_and_may_answer_by_itself() {
    let peer = Peer::nginx("client_max_body_size 1; location / { return 404; }");
    let (ran, counts) = load(peer.address, "");
    assert_eq!(counts, Counts { rejected: REQUESTS, ..Counts::default() }, "{}", ran.stderr);
    assert_eq!(ran.summary()["requests"]["statuses"]["413"], REQUESTS);

    let peer = Peer::nginx(r#"location / { return 200 '{"accepted":1,"inserted":1,"duplicates":0}'; }"#);
    assert!(peer.folder().join("nginx.conf").exists());
    let (ran, counts) = load(peer.address, "");
    assert_eq!((counts, carriers(&ran) <= 2), (all_acked(), true), "{}", ran.stderr);
}
