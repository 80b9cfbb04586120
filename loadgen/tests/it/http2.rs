//! HTTP/2: nginx as a real server, before a stub that keeps what it receives, and servers of a few
//! frames for what nginx cannot be told to do.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use truth::target::answer::Outcome;

use crate::peers::process::Peer;
use crate::program::{Loadgen, Ran};
use crate::reach::{NAME, Papers, assert_whole, load, pass_on};
use crate::stub::{Stub, serve_each};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// Index of `:status: 200` in HPACK's table.
const STATUS_200: u8 = 0x88;

/// Longest frame that every receiver accepts.
const MAX_FRAME: usize = 16 << 10;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Returns the head of a response, with its length if there is one.
fn head(stream: u32, length: Option<u8>) -> Vec<u8> {
    let mut block = vec![STATUS_200];
    if let Some(length) = length {
        // A literal that is kept in no table, under the name `content-length`.
        block.extend([0x0f, 0x0d, 1, b'0' + length]);
    }
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// Starts a server that sends this to each request, given its stream, and then reads on or hangs
/// up.
fn server(said: impl Fn(u32) -> (Vec<u8>, After) + Send + Clone + 'static) -> SocketAddr {
    serve_each(move |stream| {
        // A client that hangs up ends the loop.
        serve(stream, &said).ok();
    })
}

#[derive(PartialEq, Eq)]
enum After {
    ReadsOn,
    HangsUp,
}

fn serve(mut stream: TcpStream, said: &impl Fn(u32) -> (Vec<u8>, After)) -> io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        assert!(length <= MAX_FRAME, "a frame of {length} bytes");
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload)?;
        let number = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match (head[3], head[4]) {
            (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, ACK, 0, &[]))?,
            (PING, 0) => stream.write_all(&frame(PING, ACK, 0, &payload))?,
            (HEADERS | DATA, flags) if flags & END_STREAM != 0 => {
                let (bytes, after) = said(number);
                stream.write_all(&bytes)?;
                if after == After::HangsUp {
                    return Ok(());
                }
            }
            _ => {}
        }
    }
}

/// Sends twelve requests with a body over two connections.
fn ask(address: SocketAddr) -> Ran {
    Loadgen::with(&format!("http http://{address}/publish --http2 -d {{}} -n 12 -c 2 --timeout 2s")).run()
}

fn assert_all(ran: &Ran, outcome: Outcome) {
    let tries = ran.tries();
    assert_eq!(tries.len(), 12, "{}", ran.stderr);
    assert!(tries.iter().all(|done| done.answer.outcome == outcome), "{tries:?}");
}

#[test]
fn a_target_that_speaks_http2_alone_is_loaded_and_judged() {
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&pass_on(&stub));
    // Larger than the server's window, so that the client has to wait for more.
    let large = format!("-n 4k -c 2 --batch 2000 --target http://{} --http2", peer.address);
    assert_eq!(Loadgen::with(&large).run().summary()["events"]["acked"], 4000);
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&pass_on(&stub));
    let ran = load(&format!("--target http://{} --http2 --verify", peer.address));
    assert_whole(&ran, &stub);
    let manifest = std::fs::read_to_string(ran.folder().file("run.json")).unwrap();
    assert!(manifest.contains("\"http2\": true"), "`verify` finds its way alone: {manifest}");
}

#[test]
fn answers_that_tell_of_no_events_have_any_length_and_those_to_head_none() {
    let peer = Peer::nginx_with_http2("location = /large { root .; }");
    let large = std::fs::File::create(peer.folder().join("large")).unwrap();
    large.set_len(40 << 20).unwrap();
    for (more, at_least) in [("", 2 * (40 << 20)), ("-X HEAD", 1)] {
        let ran =
            Loadgen::with(&format!("http http://{}/large -n 2 -c 1 --http2 {more}", peer.address)).run();
        assert_eq!((ran.code, ran.last_line()), (Some(0), "done requests=2 failed=0"), "{}", ran.stderr);
        let summary = ran.summary();
        let received = summary["received_bytes"].as_u64().unwrap();
        assert!(received >= at_least && (at_least > 1 || received < 1 << 20), "{summary:#}");
        assert_eq!(summary["connections"]["opened"], 1, "{summary:#}");
    }
}

#[test]
fn what_a_response_says_besides_its_status_is_told_over_http2_too() {
    let peer = Peer::nginx_with_http2(
        "location = /busy { add_header Retry-After 1 always; return 503 busy; } \
         location / { return 302 /there; }",
    );
    let ran = Loadgen::with(&format!("http http://{}/busy -n 1 -c 1 --http2", peer.address)).run();
    let summary = ran.summary();
    assert_eq!(summary["trouble"]["first_unexpected"]["body"], "busy", "{summary:#}");
    assert_eq!(summary["retry_after"]["responses"], 1);
    let ran = Loadgen::with(&format!("http http://{}/ -n 2 -c 1 --http2", peer.address)).run();
    let trouble = &ran.summary()["trouble"];
    let location = trouble["first_redirect"]["location"].as_str().unwrap();
    assert!(trouble["redirects"] == 2 && location.ends_with("/there"), "{trouble:#}");
}

#[test]
fn a_target_agrees_to_http2_over_tls_or_is_not_loaded() {
    let papers = Papers::new();
    let stub = Stub::sound();
    let peer = papers.nginx_with_http2("", &stub);
    let cacert = format!("--cacert {} --http2", papers.path("ca.pem").display());
    let ran = load(&format!("--target https://{NAME}:444 --connect-to {} {cacert} --verify", peer.address));
    assert_whole(&ran, &stub);
    let peer = papers.nginx("", &stub);
    let ran = load(&format!("--target https://{} {cacert}", peer.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("does not support the protocol") && ran.stderr.contains("--http2 out"),
        "{}",
        ran.stderr
    );
}

#[test]
fn the_names_of_the_url_are_kept_elsewhere_too() {
    let stub = Stub::sound();
    let only = format!("if ($host != {NAME}) {{ return 421; }}");
    let peer = Peer::nginx_with_http2(&format!("{only} {}", pass_on(&stub)));
    let ran = load(&format!("--target http://{NAME} --connect-to {} --http2 --verify", peer.address));
    assert_whole(&ran, &stub);
}

#[test]
fn a_server_that_goes_away_between_requests_leaves_nothing_in_doubt() {
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&format!("keepalive_requests 3; {}", pass_on(&stub)));
    let ran = load(&format!("--target http://{} --http2 --verify", peer.address));
    assert_whole(&ran, &stub);
    assert_eq!(ran.summary()["events"]["unknown"], 0);
    let address = server(|stream| {
        let gone = frame(GOAWAY, 0, 0, &[&stream.to_be_bytes()[..], &[0; 4]].concat());
        ([head(stream, None), gone, frame(DATA, END_STREAM, stream, b"{}")].concat(), After::ReadsOn)
    });
    let ran = ask(address);
    assert_all(&ran, Outcome::Acked);
    let carriers: HashSet<u32> = ran.tries().iter().map(|done| done.connection).collect();
    assert_eq!(carriers.len(), 12, "each said that it would be the last");
}

#[test]
fn a_server_that_closes_what_was_idle_for_a_moment_leaves_nothing_in_doubt() {
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&format!("keepalive_timeout 1s; {}", pass_on(&stub)));
    // There is time for that between two requests.
    let arguments =
        format!("--target http://{} --http2 -n 4 --dup 0 --batch 1 -c 2 --rate 80/m", peer.address);
    let ran = Loadgen::with(&arguments).run();
    let tries = ran.tries();
    assert!(tries.iter().all(|done| done.answer.outcome == Outcome::Acked), "{tries:?}");
    assert_eq!(stub.look(|seen| seen.requests.len()), 4);
    let carriers: HashSet<u32> = tries.iter().map(|done| done.connection).collect();
    assert!(carriers.len() > 2, "{}", ran.stdout);
}

#[test]
fn connections_carry_one_request_after_another() {
    // Between hints and trailers, and beside a frame that concerns the connection alone.
    let address = server(|stream| {
        let hints = frame(HEADERS, END_HEADERS, stream, b"\x08\x03103");
        let ping = frame(PING, 0, 0, &[7; 8]);
        let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, b"\x00\x01a\x01b");
        let whole = [hints, head(stream, Some(2)), ping, frame(DATA, 0, stream, b"{}"), trailers];
        (whole.concat(), After::ReadsOn)
    });
    let ran = ask(address);
    assert_all(&ran, Outcome::Acked);
    assert!(ran.summary()["connections"]["opened"].as_u64().unwrap() <= 2, "{}", ran.stdout);
    assert!(ran.summary()["received_bytes"].as_u64().unwrap() >= 12 * 20, "{}", ran.stdout);
}

#[test]
fn an_attempt_without_a_whole_answer_is_unknown() {
    let reset = |stream| (frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]), After::ReadsOn);
    assert_all(&ask(server(reset)), Outcome::Unknown);
    let larger =
        |stream| ([head(stream, Some(2)), frame(DATA, END_STREAM, stream, b"{  }")].concat(), After::ReadsOn);
    assert_all(&ask(server(larger)), Outcome::Unknown);
    let smaller =
        |stream| ([head(stream, Some(3)), frame(DATA, END_STREAM, stream, b"{}")].concat(), After::ReadsOn);
    assert_all(&ask(server(smaller)), Outcome::Unknown);
    let cut = |stream| ([head(stream, None), frame(DATA, 0, stream, b"{}")].concat(), After::HangsUp);
    assert_all(&ask(server(cut)), Outcome::Unknown);
    let gone = |_| (frame(GOAWAY, 0, 0, &[0; 8]), After::ReadsOn);
    assert_all(&ask(server(gone)), Outcome::Unknown);
    let silent = |_| (Vec::new(), After::HangsUp);
    assert_all(&ask(server(silent)), Outcome::Unknown);
}

#[test]
fn an_answer_before_the_whole_request_may_end_with_leave_to_stop() {
    let stopped = |stream| {
        let whole = [head(stream, Some(2)), frame(DATA, END_STREAM, stream, b"{}")].concat();
        ([whole, frame(RST_STREAM, 0, stream, &[0; 4])].concat(), After::ReadsOn)
    };
    assert_all(&ask(server(stopped)), Outcome::Acked);
    let peer = Peer::nginx_with_http2("client_max_body_size 1; location / { return 404; }");
    let ran = load(&format!("--target http://{} --http2", peer.address));
    assert_eq!(ran.summary()["requests"]["statuses"]["413"], 20, "{}", ran.stdout);
    assert_eq!(ran.summary()["events"]["unknown"], 0);
}

#[test]
fn a_server_of_http1_alone_is_not_loaded() {
    let peer = Peer::nginx("location / { return 200; }");
    let ran = load(&format!("--target http://{} --http2", peer.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("not HTTP/2") && ran.stderr.contains("--http2 out"), "{}", ran.stderr);
}

#[test]
fn http2_goes_through_a_proxy_as_any_bytes_do() {
    let stub = Stub::sound();
    let peer = Peer::nginx_with_http2(&pass_on(&stub));
    let proxy = crate::proxies::Proxy::passing(peer.address);
    let way = format!("--target http://{NAME} --proxy http://{}", proxy.address);
    assert_whole(&load(&format!("{way} --http2 --verify")), &stub);
}
