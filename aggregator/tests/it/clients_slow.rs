//! Clients that keep a connection and do little with it, and very many clients.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::time::sleep;

use crate::database::Database;
use crate::in_time;
use crate::program::{Program, command};
use crate::target::{Client, RawRequest, Target, event};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
/// Longest time that a limit of one second may take on a busy machine.
const SOON: Duration = Duration::from_secs(30);
/// More than the client's window and the service's socket hold.
const PAYLOADS: usize = 24;
const PAYLOAD_BYTES: usize = 512 * 1024;

async fn target(database: &Database) -> Target {
    Target::start_with(database, |settings| {
        settings.header_timeout_sec = 1;
        settings.idle_timeout_sec = 1;
    })
    .await
}

/// Returns the bytes that come until the service closes the connection.
async fn rest(connection: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    // The service may also reset a connection with unread bytes.
    drop(connection.read_to_end(&mut bytes).await);
    bytes
}

/// Checks the service's health on a connection that stays open.
async fn is_served(connection: &mut TcpStream) {
    connection.write_all(HEALTH).await.unwrap();
    read_health(connection).await;
}

async fn read_health(connection: &mut TcpStream) {
    let mut response = Vec::new();
    while !response.ends_with(b"\"healthy\"}") {
        assert_ne!(connection.read_buf(&mut response).await.unwrap(), 0, "closed without a response");
    }
    assert!(response.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// Stores the events of one page of several MiB. The service that stores them has no short limits,
/// which would close the client's connection between two requests.
async fn fill(database: &Database) {
    let target = Target::start(database).await;
    let data = "x".repeat(PAYLOAD_BYTES);
    for id in 0..PAYLOADS {
        let mut large = event("t", &id.to_string());
        large["payload"] = json!({ "data": data });
        target.client.publish(&[large]).await;
    }
    target.stop().await;
}

/// Requests the page with a small window, so that little is in flight.
async fn ask_for_a_large_page(client: &Client) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(32 * 1024).unwrap();
    let mut connection = socket.connect(client.address).await.unwrap();
    let request = b"GET /events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    connection.write_all(request).await.unwrap();
    connection
}

#[tokio::test]
async fn a_head_that_drips_is_cut_off() {
    let database = Database::sqlite();
    let target = target(&database).await;
    in_time(async {
        let mut connection = TcpStream::connect(target.client.address).await.unwrap();
        let began = Instant::now();
        // Each byte comes well within the limit; all of them together do not.
        let mut head =
            b"GET /health HTTP/1.1\r\nhost: localhost\r\nx-slow: ".iter().chain(std::iter::repeat(&b'x'));
        while connection.write_all(&[*head.next().unwrap()]).await.is_ok() {
            assert!(began.elapsed() < SOON, "it is still read");
            sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn an_idle_connection_is_closed_before_and_after_its_first_request() {
    let database = Database::sqlite();
    let target = target(&database).await;
    in_time(async {
        let mut fresh = TcpStream::connect(target.client.address).await.unwrap();
        let mut used = TcpStream::connect(target.client.address).await.unwrap();
        is_served(&mut used).await;
        assert_eq!(rest(&mut fresh).await, b"");
        assert_eq!(rest(&mut used).await, b"");
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_response_is_cut_off() {
    let database = Database::sqlite();
    in_time(fill(&database)).await;
    let target = target(&database).await;
    in_time(async {
        let mut connection = ask_for_a_large_page(&target.client).await;
        connection.readable().await.unwrap();
        // The connection stays open until the service gives it up.
        let began = Instant::now();
        while !is_given_up(&connection) {
            assert!(began.elapsed() < SOON, "it is still served");
            sleep(Duration::from_millis(50)).await;
        }
        let taken = rest(&mut connection).await;
        assert!(
            taken.len() < PAYLOADS * PAYLOAD_BYTES,
            "{} bytes of a response that no client reads",
            taken.len()
        );
    })
    .await;
    target.stop().await;
}

/// True if the other end has closed the connection, though unread bytes wait here.
fn is_given_up(connection: &TcpStream) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut events = [PollFd::new(connection, PollFlags::RDHUP)];
    poll(&mut events, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
    events[0].revents().intersects(PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR)
}

#[tokio::test]
async fn a_client_that_reads_slowly_gets_its_whole_response() {
    let database = Database::sqlite();
    in_time(fill(&database)).await;
    let target = Target::start_with(&database, |settings| settings.idle_timeout_sec = 3).await;
    in_time(async {
        let mut connection = ask_for_a_large_page(&target.client).await;
        let mut taken = 0;
        let mut part = vec![0; 64 * 1024];
        let began = Instant::now();
        loop {
            let bytes = connection.read(&mut part).await.unwrap();
            if bytes == 0 {
                break;
            }
            taken += bytes;
            // The whole response takes several limits, and each read a small part of one.
            if began.elapsed() < Duration::from_secs(8) {
                sleep(Duration::from_millis(100)).await;
            }
        }
        assert!(taken > PAYLOADS * PAYLOAD_BYTES, "cut off after {taken} bytes");
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_request_that_waits_for_the_database_is_not_cut_off() {
    let database = Database::sqlite();
    let target = target(&database).await;
    in_time(async {
        let blockade = database.block_writers().await;
        let request = RawRequest::publish(&target.client, &[event("t", "1")]).await;
        // Idle connections reach their limit meanwhile.
        let mut idle = TcpStream::connect(target.client.address).await.unwrap();
        assert_eq!(rest(&mut idle).await, b"");
        let mut idle = TcpStream::connect(target.client.address).await.unwrap();
        assert_eq!(rest(&mut idle).await, b"");
        blockade.release().await;
        let response = request.response().await;
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_and_are_served_when_others_end() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| settings.max_connections = 2).await;
    in_time(async {
        let connect = async || TcpStream::connect(target.client.address).await.unwrap();
        let mut first = connect().await;
        let mut second = connect().await;
        is_served(&mut first).await;
        is_served(&mut second).await;
        let mut waiting = Vec::new();
        for _ in 0..5 {
            let mut connection = connect().await;
            connection.write_all(HEALTH).await.unwrap();
            waiting.push(connection);
        }
        for _ in 0..10 {
            is_served(&mut first).await;
        }
        for connection in &waiting {
            assert!(connection.try_read(&mut [0]).is_err(), "served beyond the limit");
        }
        drop((first, second));
        for mut connection in waiting {
            read_health(&mut connection).await;
        }
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_thousand_connections_are_served_at_once_whatever_the_soft_limit_on_files() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let database = Database::sqlite();
    let mut program = Program::spawn(&mut with_files(&database, "-S -n 128")).await;
    in_time(async {
        let mut connections = Vec::new();
        for _ in 0..1_000 {
            connections.push(TcpStream::connect(program.client.address).await.unwrap());
        }
        for connection in &mut connections {
            connection.write_all(HEALTH).await.unwrap();
        }
        for connection in &mut connections {
            read_health(connection).await;
        }
        for connection in &mut connections {
            is_served(connection).await;
        }
        program.signal(Signal::TERM);
        for connection in &mut connections {
            assert_eq!(rest(connection).await, b"");
        }
        assert_eq!(program.child.wait().await.unwrap().code(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn with_few_files_the_limit_is_logged_and_connections_take_turns() {
    let database = Database::sqlite();
    let mut program = Program::spawn(&mut with_files(&database, "-n 80")).await;
    in_time(async {
        program.wait_for_log("at most 8 connections at a time instead of 10000").await;
        let mut connections = Vec::new();
        for _ in 0..100 {
            let mut connection = TcpStream::connect(program.client.address).await.unwrap();
            connection.write_all(HEALTH).await.unwrap();
            connections.push(connection);
        }
        for mut connection in connections {
            read_health(&mut connection).await;
        }
    })
    .await;
}

/// Returns the program with a limit on open files, given as arguments of the shell's `ulimit`.
fn with_files(database: &Database, limit: &str) -> Command {
    let program = command(&database.url());
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("ulimit {limit} && exec \"$0\"")).arg(program.as_std().get_program());
    shell.env_clear().envs(program.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.stdin(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).kill_on_drop(true);
    shell
}
