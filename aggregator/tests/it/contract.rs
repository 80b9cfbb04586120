//! The contract, request by request: accepted requests and their effects.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::database::Database;
use crate::target::{Counters, Target, event};

on_both_databases! {
    every_envelope_is_understood_whatever_the_content_type,
    a_receipt_counts_events_and_on_request_lists_their_fates,
    the_receipt_of_a_large_batch_lists_every_event,
    repeats_within_a_batch_are_duplicates_of_its_first,
    keys_are_compared_byte_for_byte,
    the_largest_key_is_stored,
    events_are_listed_as_they_were_sent,
    the_first_copy_of_an_event_wins,
    stats_and_health_have_the_shape_of_the_contract,
    a_response_lists_a_thousand_topics_and_the_next_the_others,
    the_database_has_a_table_and_a_view_for_people,
    other_paths_and_methods_get_json,
}

const ONE: &str =
    r#"{"topic":"t","event_id":"1","timestamp":"2025-01-01T00:00:00Z","source":"s","payload":{}}"#;

async fn every_envelope_is_understood_whatever_the_content_type(database: &Database) {
    let target = Target::start(database).await;
    let bodies = [
        ONE.to_owned(),
        format!("[{ONE}]"),
        format!(r#"{{"events":[{ONE}]}}"#),
        format!(r#"{{"events":{ONE}}}"#),
        format!(" \r\n\t[ {ONE} , {ONE} ]\n "),
        format!(r#"{{"sent_at":[1,{{"a":2}}],"events":[{ONE}],"count":1}}"#),
        r#"{"\u0074opic":"\u0074","event_id":"1","timestamp":"2025-01-01","source":"s"}"#.to_owned(),
    ];
    let content_types =
        [None, Some("application/json"), Some("text/plain"), Some("application/x-www-form-urlencoded")];
    for body in &bodies {
        for content_type in content_types {
            let mut request = target.client.request(Method::POST, "/publish").body(body.clone());
            if let Some(content_type) = content_type {
                request = request.header("content-type", content_type);
            }
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{body} as {content_type:?}");
        }
    }
    assert_eq!(target.client.counters().await, Counters { received: 32, unique: 1, duplicates: 31 });
    target.stop().await;
}

async fn a_receipt_counts_events_and_on_request_lists_their_fates(database: &Database) {
    let target = Target::start(database).await;
    let batch = json!([event("t", "1"), event("t", "2"), event("t", "1")]).to_string();

    let response = target.client.post("/publish", batch.clone()).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt, json!({ "status": "accepted", "accepted": 3, "inserted": 2, "duplicates": 1 }));

    let receipt: Value = target.client.post("/publish?results=true", batch).await.json().await.unwrap();
    assert_eq!(
        receipt,
        json!({ "status": "accepted", "accepted": 3, "inserted": 0, "duplicates": 3,
                "results": ["duplicate", "duplicate", "duplicate"] })
    );
    target.stop().await;
}

/// The batch is larger than one statement of any store, and the receipt gives each event's fate by
/// its place.
async fn the_receipt_of_a_large_batch_lists_every_event(database: &Database) {
    let target = Target::start(database).await;
    let events = |ids: &[u32]| ids.iter().map(|id| event("t", &id.to_string())).collect::<Vec<_>>();
    let stored: Vec<u32> = (90..110).chain(990..1_010).collect();
    assert_eq!(
        target.client.post("/publish", json!(events(&stored)).to_string()).await.status(),
        StatusCode::OK
    );

    let mut ids: Vec<u32> = (0..2_150).collect();
    // Duplicates on both sides of every hundred and thousand.
    for place in [99, 101, 999, 1_001, 1_999, 2_001, 2_149] {
        ids[place] = 7;
    }
    let expected: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(place, id)| {
            let is_new = !stored.contains(id) && (*id != 7 || place == 7);
            if is_new { "inserted" } else { "duplicate" }
        })
        .collect();
    let response = target.client.post("/publish?results=true", json!(events(&ids)).to_string()).await;
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt["results"], json!(expected));
    target.stop().await;
}

async fn repeats_within_a_batch_are_duplicates_of_its_first(database: &Database) {
    let target = Target::start(database).await;
    let mut batch: Vec<_> = ["b", "a", "b", "c", "a", "b"].iter().map(|id| event("t", id)).collect();
    for (place, event) in batch.iter_mut().enumerate() {
        event["payload"] = json!({ "place": place });
    }
    let receipt = target.client.publish(&batch).await;
    assert_eq!(
        receipt["results"],
        json!(["inserted", "inserted", "duplicate", "inserted", "duplicate", "duplicate"])
    );
    let stored = target.client.list("", 10).await;
    let shown: Vec<_> = stored.iter().map(|row| (&row["event_id"], &row["payload"]["place"])).collect();
    assert_eq!(shown, [(&json!("c"), &json!(3)), (&json!("a"), &json!(1)), (&json!("b"), &json!(0))]);
    target.stop().await;
}

async fn keys_are_compared_byte_for_byte(database: &Database) {
    let target = Target::start(database).await;
    let ids = [
        "1",
        "01",
        "1.0",
        "1 ",
        " 1",
        "a",
        "A",
        "ä",
        "a\u{308}",
        "ß",
        "ss",
        "\u{200b}",
        "NULL",
        "'",
        "\\",
        "😀",
        "6f1c0000-0000-4000-8000-000000000001",
        "6F1C0000-0000-4000-8000-000000000001",
        "%31",
        "\u{1}",
        "{",
        "1\n",
    ];
    let batch: Vec<_> = ids.iter().flat_map(|id| [event("t", id), event("T", id)]).collect();
    assert_eq!(target.client.publish(&batch).await["inserted"], batch.len());
    assert_eq!(target.client.publish(&batch).await["duplicates"], batch.len());
    let mut listed = target.client.ids().await;
    listed.dedup();
    listed.reverse();
    assert_eq!(listed, ids);
    target.stop().await;
}

async fn the_largest_key_is_stored(database: &Database) {
    let target = Target::start(database).await;
    // Random letters, because an index compresses repeated text.
    let random = |bytes: usize| -> String {
        (0..bytes).map(|_| char::from(rand::random_range(b'!'..b'!' + 90))).collect()
    };
    let mut large = event(&random(255), &random(1024));
    large["source"] = json!(random(255));
    assert_eq!(target.client.publish(std::slice::from_ref(&large)).await["inserted"], 1);
    assert_eq!(target.client.publish(std::slice::from_ref(&large)).await["duplicates"], 1);
    let row = target.client.list("", 1).await.remove(0);
    for field in ["topic", "event_id", "source"] {
        assert_eq!(row[field], large[field]);
    }
    target.stop().await;
}

async fn events_are_listed_as_they_were_sent(database: &Database) {
    let target = Target::start(database).await;
    let payloads = [
        "{}",
        r#"{"z":1, "a":2.50, "z":3}"#,
        r#"{"n":1e400,"m":-0.0,"l":123456789012345678901234567890}"#,
        r#"{"nul":"\u0000","half":"\ud800","pair":"\ud83d\ude00","slash":"\/"}"#,
        "{\n  \"pretty\" : [ 1 , 2 ]\n}",
        r#"{"unicode":"é😀","quote":"\"","deep":{"a":[[[{}]]]}}"#,
    ];
    let timestamps =
        ["2025-01-01T00:00:00Z", "2025-01-01 00:00:00", "2025-01-01T00:00:00.123456+07:00", "2025-01-01"];
    for (place, payload) in payloads.iter().enumerate() {
        let timestamp = timestamps[place % timestamps.len()];
        let body = format!(
            r#"{{"payload":{payload},"topic":"t","event_id":"{place}","timestamp":"{timestamp}","source":"s \" é"}}"#
        );
        let response = target.client.post("/publish", body).await;
        assert_eq!(response.status(), StatusCode::OK, "{payload}");

        let shown = target.client.get("/events?limit=1").await.text().await.unwrap();
        let expected = format!(
            r#"[{{"topic":"t","event_id":"{place}","timestamp":"{timestamp}","source":"s \" é","payload":{payload},"processed_at":""#
        );
        assert!(shown.starts_with(&expected), "{shown}\n{expected}");
    }
    let without_payload = r#"{"topic":"t","event_id":"none","timestamp":"2025-01-01","source":"s"}"#;
    assert_eq!(target.client.post("/publish", without_payload).await.status(), StatusCode::OK);
    let shown = target.client.get("/events?limit=1").await.text().await.unwrap();
    assert!(shown.contains(r#","payload":{},"#), "{shown}");
    target.stop().await;
}

async fn the_first_copy_of_an_event_wins(database: &Database) {
    let target = Target::start(database).await;
    let first = event("t", "1");
    let mut second = first.clone();
    second["payload"] = json!({ "other": true });
    second["source"] = json!("other");
    target.client.publish(std::slice::from_ref(&first)).await;
    target.client.publish(&[second]).await;
    let rows = target.client.list("", 10).await;
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["payload"], &rows[0]["source"]), (&first["payload"], &first["source"]));
    target.stop().await;
}

async fn stats_and_health_have_the_shape_of_the_contract(database: &Database) {
    let target = Target::start(database).await;
    assert_eq!(target.client.stats().await["topics"], json!([]));
    target.client.publish(&[event("b", "1"), event("a", "1"), event("é", "1"), event("B", "1")]).await;
    let mut stats = target.client.stats().await;
    assert!(stats["uptime"].as_f64().unwrap() >= 0.0);
    assert!(!stats["instance_id"].as_str().unwrap().is_empty());
    assert_eq!(stats["uptime_seconds"], stats["uptime"]);
    for name in ["uptime", "uptime_seconds", "instance_id"] {
        stats.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(
        stats,
        json!({ "received": 4, "unique_processed": 4, "duplicate_dropped": 0, "topics": ["B", "a", "b", "é"],
                "topics_total": 4, "queue": { "pending": 0, "processing": 0 } })
    );

    let health = target.client.get("/health").await;
    assert_eq!(health.status(), StatusCode::OK);
    assert_eq!(health.json::<Value>().await.unwrap(), json!({ "ok": true, "status": "healthy" }));
    target.stop().await;
}

async fn a_response_lists_a_thousand_topics_and_the_next_the_others(database: &Database) {
    let target = Target::start(database).await;
    let topics: Vec<String> = (0..2_001).map(|topic| format!("topic {topic:04}")).collect();
    target.client.publish(&topics.iter().map(|topic| event(topic, "1")).collect::<Vec<_>>()).await;
    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    loop {
        let after = listed.last().map(|topic: &String| topic.replace(' ', "%20")).unwrap_or_default();
        let stats: Value =
            target.client.get(&format!("/stats?topics_after={after}")).await.json().await.unwrap();
        assert_eq!(stats["topics_total"], 2_001);
        let page = stats["topics"].as_array().unwrap();
        sizes.push(page.len());
        if page.is_empty() {
            break;
        }
        listed.extend(page.iter().map(|topic| topic.as_str().unwrap().to_owned()));
    }
    assert_eq!(sizes, [1_000, 1_000, 1, 0]);
    assert_eq!(listed, topics);
    let stats: Value = target.client.get("/stats?topics_after=topic%202000%00x").await.json().await.unwrap();
    assert_eq!(stats["topics"], json!([]));
    target.stop().await;
}

async fn the_database_has_a_table_and_a_view_for_people(database: &Database) {
    let target = Target::start(database).await;
    target.client.publish(&[event("t", "1"), event("t", "1")]).await;
    assert_eq!(database.number("SELECT count(*) FROM processed_events").await, 1);
    assert_eq!(database.number("SELECT received FROM stats WHERE id = 1").await, 2);
    assert_eq!(database.number("SELECT unique_processed FROM stats").await, 1);
    assert_eq!(database.number("SELECT duplicate_dropped + pending + processing FROM stats").await, 1);

    // No key is cached: a row that a person stores or deletes counts from the next request on.
    database
        .execute(
            "DELETE FROM processed_events WHERE event_id = '1';
             INSERT INTO processed_events (topic, event_id, timestamp, source, payload)
             VALUES ('t', 'by hand', '2025-01-01', 'person', '{}')",
        )
        .await;
    let receipt = target.client.publish(&[event("t", "1"), event("t", "by hand")]).await;
    assert_eq!(receipt["results"], json!(["inserted", "duplicate"]));
    assert_eq!(target.client.ids().await, ["1", "by hand"]);
    target.stop().await;
}

async fn other_paths_and_methods_get_json(database: &Database) {
    let target = Target::start(database).await;
    for (method, path, status) in [
        (Method::GET, "/nope", StatusCode::NOT_FOUND),
        (Method::POST, "/publish/", StatusCode::NOT_FOUND),
        (Method::GET, "/publish", StatusCode::METHOD_NOT_ALLOWED),
        (Method::DELETE, "/events", StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/stats", StatusCode::METHOD_NOT_ALLOWED),
    ] {
        let response = target.client.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers().contains_key("allow"), status == StatusCode::METHOD_NOT_ALLOWED);
        assert!(response.json::<Value>().await.unwrap()["detail"].is_string());
    }
    target.stop().await;
}
