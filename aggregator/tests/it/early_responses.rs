//! Responses to clients that have not sent all yet. A client that goes on sending gets its response
//! all the same.

use reqwest::StatusCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::database::Database;
use crate::in_time;
use crate::target::{Client, Target, event};

/// Bytes sent behind a head that is refused: more than the sockets of both ends hold together.
const REST_BYTES: usize = 16 * 1024 * 1024;
/// A reset overtakes a response only now and then.
const ROUNDS: usize = 15;
const TOKEN: &str = "s3cret";

async fn target(database: &Database) -> Target {
    Target::start_with(database, |settings| {
        settings.auth_token = Some(TOKEN.parse().unwrap());
        settings.body_limit_mib = 1;
    })
    .await
}

/// Heads whose response does not depend on the rest, and the beginning of that response.
fn refused() -> [(String, &'static str); 5] {
    let post = "POST /publish HTTP/1.1\r\nhost: localhost\r\n";
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let length = format!("content-length: {REST_BYTES}\r\n\r\n");
    [
        (format!("{post}{length}"), "HTTP/1.1 401 "),
        (format!("{post}transfer-encoding: chunked\r\n\r\n{REST_BYTES:x}\r\n"), "HTTP/1.1 401 "),
        (format!("{post}{token}{length}"), "HTTP/1.1 413 "),
        (format!("{post}{token}content-encoding: br\r\n{length}"), "HTTP/1.1 415 "),
        // A head without an end.
        (format!("{post}x-large: "), "HTTP/1.1 431 "),
    ]
}

async fn send_head(client: &Client, head: &str) -> TcpStream {
    let mut connection = TcpStream::connect(client.address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
}

/// Returns the response, up to the end of the connection.
async fn response(mut connection: TcpStream) -> String {
    let mut response = String::new();
    connection.read_to_string(&mut response).await.unwrap();
    response
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_all_before_it_reads_gets_its_response() {
    let database = Database::sqlite();
    let target = target(&database).await;
    in_time(async {
        let rest = vec![b'x'; REST_BYTES];
        for _ in 0..ROUNDS {
            for (head, expected) in refused() {
                let mut connection = send_head(&target.client, &head).await;
                connection.write_all(&rest).await.unwrap();
                let response = response(connection).await;
                assert!(response.starts_with(expected), "{response}");
                assert!(response.contains("\r\nconnection: close\r\n"), "{response}");
            }
        }
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_head_may_be_large_but_not_huge() {
    let database = Database::sqlite();
    let target = target(&database).await;
    for (length, expected) in [(60_000, "HTTP/1.1 200 "), (200_000, "HTTP/1.1 431 ")] {
        let large = "x".repeat(length);
        let head = format!(
            "GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nx-large: {large}\r\n\r\n"
        );
        let response = in_time(response(send_head(&target.client, &head).await)).await;
        assert!(response.starts_with(expected), "{length}: {response}");
    }
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_still_sends_gets_the_whole_response() {
    let database = Database::sqlite();
    let target = target(&database).await;
    in_time(async {
        for _ in 0..ROUNDS {
            // The last one gets its response only once much of it has come.
            for (head, expected) in &refused()[..4] {
                let mut connection = send_head(&target.client, head).await;
                connection.readable().await.unwrap();
                for _ in 0..8 {
                    connection.write_all(&[b'x'; 4096]).await.unwrap();
                    // A reset arrives at once on this machine, in the next turn of the event loop.
                    tokio::task::yield_now().await;
                }
                let response = response(connection).await;
                assert!(response.starts_with(expected), "{response}");
                assert!(response.ends_with("\"}"), "{response}");
            }
        }
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_client_that_neither_sends_nor_closes_loses_its_place() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| {
        settings.max_connections = 1;
        settings.body_limit_mib = 1;
    })
    .await;
    in_time(async {
        let head =
            format!("POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: {REST_BYTES}\r\n\r\n");
        let mut refused = send_head(&target.client, &head).await;
        let mut response = String::new();
        refused.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
        let next = target.client.get("/health").await;
        assert_eq!(next.status(), StatusCode::OK);
        drop(refused);
    })
    .await;
    target.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_arrive_share_a_bounded_memory() {
    const LARGE_BYTES: usize = 900 * 1024;
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| {
        settings.queue_mib = 1;
        settings.body_limit_mib = 1;
    })
    .await;
    in_time(async {
        let padded = |id: &str, bytes: usize| {
            let one = event("t", id).to_string();
            format!("{one}{}", " ".repeat(bytes - one.len()))
        };
        let large = padded("large", LARGE_BYTES);
        let (first, last) = large.split_at(LARGE_BYTES - 1);
        let head = format!(
            "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-length: {LARGE_BYTES}\r\nconnection: close\r\n\r\n"
        );
        let mut slow = send_head(&target.client, &head).await;
        slow.write_all(first.as_bytes()).await.unwrap();
        while arriving_bytes(&target.client).await < LARGE_BYTES / 2 {}

        let refused = target.client.post("/publish", padded("other", LARGE_BYTES / 2)).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(refused.headers().contains_key("retry-after"));
        target.client.publish(&[event("t", "small")]).await;

        slow.write_all(last.as_bytes()).await.unwrap();
        let response = response(slow).await;
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
        let other = target.client.post("/publish", padded("other", LARGE_BYTES / 2)).await;
        assert_eq!(other.status(), StatusCode::OK);
        assert_eq!(arriving_bytes(&target.client).await, 0);
    })
    .await;
    target.stop().await;
}

/// Returns the memory of bodies that arrive.
async fn arriving_bytes(client: &Client) -> usize {
    let metrics = client.get("/metrics").await.text().await.unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix("onceproof_arriving_bytes ")).unwrap();
    value.parse().unwrap()
}
