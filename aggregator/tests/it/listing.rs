//! The listing: complete, in order and without repeated rows, for any page size.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::database::Database;
use crate::in_time;
use crate::target::{Client, Target, event, next_page};

on_both_databases! {
    pages_of_every_size_show_every_row_once_newest_first,
    an_unknown_topic_is_an_empty_list,
    topics_of_any_spelling_can_be_listed,
    a_page_of_heavy_payloads_ends_early_and_leads_on,
    responses_that_nobody_takes_share_a_bounded_memory,
    a_client_that_accepts_lines_gets_a_whole_topic_while_events_are_stored,
}

async fn pages_of_every_size_show_every_row_once_newest_first(database: &Database) {
    let target = Target::start(database).await;
    // Batches of several sizes, with duplicates, so that the places have gaps.
    let ids: Vec<String> = (0..40).map(|id| format!("{:02}", (id * 7) % 40)).collect();
    for batch in ids.chunks(7) {
        let repeats = ids[..5].iter().map(|id| event("other", id));
        let events: Vec<_> = batch.iter().map(|id| event("t", id)).chain(repeats).collect();
        target.client.publish(&events).await;
    }
    let newest_first: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
    let whole = target.client.list("", 10_000).await;
    assert_eq!(whole.len(), 45);
    for limit in 1..=46 {
        let rows = target.client.list("topic=t", limit).await;
        let listed: Vec<_> = rows.iter().map(|row| row["event_id"].as_str().unwrap()).collect();
        assert_eq!(listed, newest_first, "limit {limit}");
        assert!(rows.iter().all(|row| row["topic"] == "t"));
        assert_eq!(target.client.list("", limit).await, whole, "limit {limit}");
    }
    // The default limit is 1,000, and the last page has no link.
    let response = target.client.get("/events").await;
    assert!(!response.headers().contains_key("link"));
    assert_eq!(response.json::<Vec<Value>>().await.unwrap(), whole);
    target.stop().await;
}

async fn an_unknown_topic_is_an_empty_list(database: &Database) {
    let target = Target::start(database).await;
    target.client.publish(&[event("t", "1")]).await;
    for path in [
        "/events?topic=nope",
        "/events?topic=",
        "/events?topic=T",
        "/events?topic=a%00b",
        "/events?topic=%ff",
    ] {
        let response = target.client.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.text().await.unwrap(), "[]", "{path}");
    }
    target.stop().await;
}

async fn topics_of_any_spelling_can_be_listed(database: &Database) {
    let target = Target::start(database).await;
    let topics = ["a b", "a&b=c", "a/b?c#d", "é😀", "100%", "<x>; rel=\"next\"", "a+b", "'; --"];
    for topic in topics {
        target.client.publish(&[event(topic, "1"), event(topic, "2"), event(topic, "3")]).await;
    }
    for topic in topics {
        let encoded: String = topic.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let rows = target.client.list(&format!("topic={encoded}"), 1).await;
        assert_eq!(rows.len(), 3, "{topic}");
        assert!(rows.iter().all(|row| row["topic"] == topic));
    }
    target.stop().await;
}

async fn a_page_of_heavy_payloads_ends_early_and_leads_on(database: &Database) {
    let target = Target::start(database).await;
    // Stored by SQL: sending 45 MB through every layer would take long and show nothing more.
    let weight = if database.is_sqlite() { "printf('%.9000000c', 'x')" } else { "repeat('x', 9000000)" };
    for id in 0..5 {
        let row = format!("'t', '{id}', '2025-01-01', 'person', '{{\"weight\":\"' || {weight} || '\"}}'");
        let columns = "topic, event_id, timestamp, source, payload";
        database.execute(&format!("INSERT INTO processed_events ({columns}) VALUES ({row})")).await;
    }
    // 32 MiB are reached with the fourth row.
    let page = target.client.get("/events?topic=t").await;
    let next = next_page(&page).unwrap();
    assert_eq!(ids(&page.text().await.unwrap()), ["4", "3", "2", "1"]);
    let page = target.client.get(&next).await;
    assert!(next_page(&page).is_none());
    assert_eq!(ids(&page.text().await.unwrap()), ["0"]);
    target.stop().await;
}

async fn responses_that_nobody_takes_share_a_bounded_memory(database: &Database) {
    let target = Target::start_with(database, |settings| settings.responses_mib = 2).await;
    let client = &target.client;
    let weight = if database.is_sqlite() { "printf('%.1000000c', 'x')" } else { "repeat('x', 1000000)" };
    for id in 0..9 {
        let row = format!("'t', '{id}', '2025-01-01', 'person', '{{\"weight\":\"' || {weight} || '\"}}'");
        let columns = "topic, event_id, timestamp, source, payload";
        database.execute(&format!("INSERT INTO processed_events ({columns}) VALUES ({row})")).await;
    }
    // The first part of the page is 2 MB of 2 MiB. Its client takes nothing, so no other part is read.
    let mut idle = Vec::new();
    for _ in 0..3 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut connection = socket.connect(client.address).await.unwrap();
        connection.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        connection.readable().await.unwrap();
        idle.push(connection);
    }
    let mut statuses = BTreeMap::new();
    for connection in &mut idle {
        let mut head = [0; 12];
        connection.read_exact(&mut head).await.unwrap();
        *statuses.entry(String::from_utf8(head.to_vec()).unwrap()).or_insert(0) += 1;
    }
    let expected = [("HTTP/1.1 200".to_owned(), 1), ("HTTP/1.1 503".to_owned(), 2)];
    assert_eq!(statuses, BTreeMap::from(expected));

    let response = client.get("/events").await;
    assert_eq!(
        (response.status(), &response.headers()["retry-after"]),
        (StatusCode::SERVICE_UNAVAILABLE, &"1".parse().unwrap())
    );
    // Small responses pass. A receipt is refused before its events are stored.
    assert_eq!(client.get("/events?topic=nope").await.status(), StatusCode::OK);
    let events: Vec<_> = (0..10_000).map(|id| event("u", &id.to_string())).collect();
    let response = client.post("/publish?results=true", json!(events).to_string()).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(client.counters().await.received, 0);
    drop(idle);
    // The service notices by and by.
    while outgoing_bytes(client).await > 0 {}
    let page = client.get("/events").await.text().await.unwrap();
    assert_eq!(ids(&page), ["8", "7", "6", "5", "4", "3", "2", "1", "0"]);
    assert_eq!(
        client.post("/publish?results=true", json!(events).to_string()).await.status(),
        StatusCode::OK
    );
    target.stop().await;
}

async fn outgoing_bytes(client: &Client) -> usize {
    let metrics = client.get("/metrics").await.text().await.unwrap();
    let value = metrics.lines().find_map(|line| line.strip_prefix("onceproof_outgoing_bytes ")).unwrap();
    value.parse().unwrap()
}

#[tokio::test]
async fn a_heavy_row_on_a_later_page_of_a_stream_is_counted() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let row =
            "'t', 'heavy', '2025-01-01', 'person', '{\"weight\":\"' || printf('%.9000000c', 'x') || '\"}'";
        let columns = "topic, event_id, timestamp, source, payload";
        database.execute(&format!("INSERT INTO processed_events ({columns}) VALUES ({row})")).await;
        target.client.publish(&(0..1_000).map(|id| event("t", &id.to_string())).collect::<Vec<_>>()).await;
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut connection = BufReader::new(socket.connect(target.client.address).await.unwrap());
        let request = b"GET /events HTTP/1.1\r\nhost: localhost\r\naccept: application/x-ndjson\r\n\r\n";
        connection.get_mut().write_all(request).await.unwrap();
        // The first page has a thousand light rows. After it the client takes nothing more.
        let mut line = String::new();
        while !line.contains("\"event_id\":\"0\"") {
            line.clear();
            connection.read_line(&mut line).await.unwrap();
        }
        while outgoing_bytes(&target.client).await < 8_900_000 {}
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_a_page_that_is_whole() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    for id in 0..5 {
        let weight = "printf('%.900000c', 'x')";
        let row = format!("'t', '{id}', '2025-01-01', 'person', '{{\"weight\":\"' || {weight} || '\"}}'");
        let columns = "topic, event_id, timestamp, source, payload";
        database.execute(&format!("INSERT INTO processed_events ({columns}) VALUES ({row})")).await;
    }
    let mut connection = TcpStream::connect(target.client.address).await.unwrap();
    connection.write_all(b"GET /events HTTP/1.0\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    // Its length is known from the start, and the link leads on.
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", page.len())), "{head}");
    assert!(head.contains("rel=\"next\""), "{head}");
    assert_eq!(ids(page), ["4", "3"]);
    target.stop().await;
}

async fn a_client_that_accepts_lines_gets_a_whole_topic_while_events_are_stored(database: &Database) {
    let target = Target::start(database).await;
    let ids: Vec<String> = (0..3_500).map(|id| format!("{id:04}")).collect();
    for batch in ids.chunks(500) {
        target.client.publish(&batch.iter().map(|id| event("t", id)).collect::<Vec<_>>()).await;
        target.client.publish(&[event("other", &batch[0])]).await;
    }
    // Several pages long. Events stored meanwhile are newer than all of it, and no row is shown
    // twice.
    let mut response =
        target.client.get_accepting("/events?topic=t", "text/html, application/x-ndjson;q=0.9").await;
    assert_eq!(response.headers()["content-type"], "application/x-ndjson");
    let mut lines = Vec::new();
    let mut newer = 0;
    while let Some(part) = response.chunk().await.unwrap() {
        lines.extend(part);
        newer += 1;
        target.client.publish(&[event("t", &format!("newer {newer}"))]).await;
    }
    let listed: Vec<Value> = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let expected: Vec<&str> = ids.iter().rev().map(String::as_str).collect();
    assert_eq!(listed.iter().map(|row| row["event_id"].as_str().unwrap()).collect::<Vec<_>>(), expected);
    // With a limit the response is one page of lines, with a link.
    let page = target.client.get_accepting("/events?topic=other&limit=3", "application/x-ndjson").await;
    assert!(next_page(&page).is_some());
    assert_eq!(page.text().await.unwrap().lines().count(), 3);
    // An unknown topic is an empty body, and not an array.
    let nothing = target.client.get_accepting("/events?topic=nope", "application/x-ndjson").await;
    assert_eq!((nothing.status(), nothing.text().await.unwrap()), (StatusCode::OK, String::new()));
    target.stop().await;
}

/// Returns the ids in a page that is too heavy to be parsed.
fn ids(page: &str) -> Vec<&str> {
    page.split("\"event_id\":\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}
