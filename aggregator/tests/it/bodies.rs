//! Packed bodies, and bodies of lines.

use std::io::{Read as _, Write as _, repeat};

use flate2::Compression;
use flate2::read::GzEncoder;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::database::Database;
use crate::in_time;
use crate::target::{Client, Counters, Target, event};

on_both_databases! {
    a_packed_body_is_the_body_that_it_packs,
    lines_are_events_in_their_order,
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut packed).unwrap();
    packed
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 3).unwrap()
}

async fn publish(client: &Client, header: (&str, &str), body: Vec<u8>) -> Response {
    let request = client.request(Method::POST, "/publish?results=true");
    request.header(header.0, header.1).body(body).send().await.unwrap()
}

async fn publish_packed(client: &Client, encoding: &str, body: Vec<u8>) -> Response {
    publish(client, ("content-encoding", encoding), body).await
}

fn batch(name: &str, events: usize) -> Vec<u8> {
    let events: Vec<_> = (0..events).map(|place| event("t", &format!("{name}/{place}"))).collect();
    json!(events).to_string().into()
}

async fn a_packed_body_is_the_body_that_it_packs(database: &Database) {
    let target = Target::start(database).await;
    let half = |body: &[u8], pack: fn(&[u8]) -> Vec<u8>| {
        let (one, other) = body.split_at(body.len() / 2);
        [pack(one), pack(other)].concat()
    };
    // The larger ones are unpacked on a thread of their own.
    for events in [1, 3_000] {
        for (name, encoding, packed) in [
            ("plain", "identity", batch("plain", events)),
            ("gzip", "gzip", gzip(&batch("gzip", events))),
            ("x-gzip", "X-GZIP", gzip(&batch("x-gzip", events))),
            ("members", "gzip", half(&batch("members", events), gzip)),
            ("zstd", "zstd", zstd(&batch("zstd", events))),
            ("frames", "zstd", half(&batch("frames", events), zstd)),
        ] {
            let response = publish_packed(&target.client, encoding, packed).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            assert_eq!(response.json::<Value>().await.unwrap()["accepted"], events, "{name}");
            let last = format!("{name}/{}", events - 1);
            assert!(target.client.ids().await.contains(&last), "{name}");
        }
    }
    let counters = Counters { received: 6 * 3_001, unique: 6 * 3_000, duplicates: 6 };
    assert_eq!(target.client.counters().await, counters);
    target.stop().await;
}

/// Returns the only fault of a response: its place and its kind.
async fn fault(response: Response) -> (Value, String) {
    let answer: Value = response.json().await.unwrap();
    let [fault] = answer["detail"].as_array().unwrap().as_slice() else { panic!("{answer}") };
    (fault["loc"].clone(), fault["type"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_body_that_is_not_in_its_content_encoding_is_refused() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let gzip = gzip(&batch("t", 1_000));
        let zstd = zstd(&batch("t", 1_000));
        let mut flipped = gzip.clone();
        let checksum = flipped.len() - 8;
        flipped[checksum] ^= 1;
        for (encoding, body) in [
            ("gzip", Vec::new()),
            ("gzip", batch("t", 1)),
            ("gzip", zstd.clone()),
            ("gzip", gzip[..gzip.len() - 1].to_vec()),
            ("gzip", gzip[..gzip.len() / 2].to_vec()),
            ("gzip", [&gzip[..], b"trailing"].concat()),
            ("gzip", flipped),
            ("zstd", batch("t", 1)),
            ("zstd", gzip.clone()),
            ("zstd", zstd[..zstd.len() - 1].to_vec()),
            ("zstd", [&zstd[..], b"trailing"].concat()),
        ] {
            let shown = format!("{encoding}, {} bytes", body.len());
            let response = publish_packed(&target.client, encoding, body).await;
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY, "{shown}");
            assert_eq!(fault(response).await, (json!(["body"]), "content_encoding".to_owned()), "{shown}");
        }
        for encoding in ["br", "deflate", "gzip, gzip", "gzip, zstd"] {
            let response = publish_packed(&target.client, encoding, gzip.clone()).await;
            assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}");
            assert_eq!(response.headers()["accept-encoding"], "gzip, zstd");
        }
        assert_eq!(target.client.counters().await.received, 0);
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_body_that_unpacks_beyond_the_limit_is_too_large_and_at_the_limit_is_not() {
    const LIMIT: usize = 1024 * 1024;
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| settings.body_limit_mib = 1).await;
    in_time(async {
        let padded = |bytes: usize| {
            let mut body = event("t", "1").to_string().into_bytes();
            body.resize(bytes, b' ');
            body
        };
        for (encoding, pack) in [("gzip", gzip as fn(&[u8]) -> Vec<u8>), ("zstd", zstd)] {
            let response = publish_packed(&target.client, encoding, pack(&padded(LIMIT + 1))).await;
            assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE, "{encoding}");
            let response = publish_packed(&target.client, encoding, pack(&padded(LIMIT))).await;
            assert_eq!(response.status(), StatusCode::OK, "{encoding}");
        }
        // A thousand times the limit in one request.
        let mut bomb = zstd::Encoder::new(Vec::new(), 1).unwrap();
        std::io::copy(&mut repeat(b' ').take(1_000 * LIMIT as u64), &mut bomb).unwrap();
        bomb.flush().unwrap();
        let response = publish_packed(&target.client, "zstd", bomb.finish().unwrap()).await;
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_frame_that_asks_for_more_memory_than_a_body_may_have_is_refused() {
    let database = Database::sqlite();
    let target = Target::start_with(&database, |settings| settings.body_limit_mib = 1).await;
    in_time(async {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&batch("t", 1)).unwrap();
        let response = publish_packed(&target.client, "zstd", encoder.finish().unwrap()).await;
        assert_eq!(fault(response).await.1, "content_encoding");
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_body_of_many_faults_gets_a_short_response() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let repeated = format!("{{{}\"\":1}}", "\"\":1,".repeat(300_000));
        let response = publish_packed(&target.client, "gzip", gzip(repeated.as_bytes())).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let answer: Value = response.json().await.unwrap();
        let kinds: Vec<_> = answer["detail"].as_array().unwrap().iter().map(|fault| &fault["type"]).collect();
        assert_eq!(kinds, ["repeated_field", "missing", "missing", "missing", "missing"]);

        // As many faults as a batch can have, and names as long as a body can have.
        let events = format!("[{}{{}}]", "{},".repeat(9_999));
        let name = "x".repeat(10_000_000);
        let named = format!("{{\"{name}\":1,\"{name}\":1}}");
        let lines = "{\n".repeat(10_000);
        for (form, body) in [("json", &events), ("json", &named), ("x-ndjson", &lines)] {
            let content_type = format!("application/{form}");
            let request =
                target.client.request(Method::POST, "/publish").header("content-type", content_type);
            let request = request.header("content-encoding", "zstd").body(zstd(body.as_bytes()));
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let answer = response.text().await.unwrap();
            assert!(answer.len() < 20_000, "{} bytes", answer.len());
        }
        let answer = target.client.post("/publish", events).await.text().await.unwrap();
        assert!(
            answer.contains(r#"{"loc":["events"],"msg":"and 39900 more","type":"more_faults"}"#),
            "{answer}"
        );
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn a_body_of_members_that_yield_nothing_is_refused() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let body = |members: usize| [gzip(b"").repeat(members), gzip(&batch("t", 1))].concat();
        let response = publish_packed(&target.client, "gzip", body(9_999)).await;
        assert_eq!(response.status(), StatusCode::OK);
        let response = publish_packed(&target.client, "gzip", body(10_000)).await;
        assert_eq!(fault(response).await, (json!(["body"]), "content_encoding".to_owned()));
    })
    .await;
    target.stop().await;
}

async fn publish_lines(client: &Client, body: impl Into<Vec<u8>>) -> Response {
    publish(client, ("content-type", "application/x-ndjson"), body.into()).await
}

async fn lines_are_events_in_their_order(database: &Database) {
    let target = Target::start_with(database, |settings| settings.max_batch = 4).await;
    let a = event("t", "a").to_string();
    let b = event("t", "b").to_string();
    let escaped = b.replace(r#""t""#, r#""\u0074""#);
    let body = format!("\n{a}\r\n\n  {b}\t\n{a}\n \n{escaped}");
    let response = publish_lines(&target.client, body).await;
    assert_eq!(response.status(), StatusCode::OK);
    let receipt: Value = response.json().await.unwrap();
    assert_eq!(receipt["results"], json!(["inserted", "inserted", "duplicate", "duplicate"]));

    // The same bytes are not JSON, under any other content type.
    for content_type in ["text/plain", "application/json"] {
        let body = format!("{a}\n{b}").into();
        let response = publish(&target.client, ("content-type", content_type), body).await;
        assert_eq!(fault(response).await, (json!(["body"]), "json_invalid".to_owned()));
    }
    // Packed lines are lines.
    let request =
        target.client.request(Method::POST, "/publish").body(gzip(format!("{a}\n{b}\n").as_bytes()));
    let request = request.header("content-type", "application/jsonl").header("content-encoding", "gzip");
    assert_eq!(request.send().await.unwrap().json::<Value>().await.unwrap()["duplicates"], 2);

    let five = format!("{a}\n").repeat(5);
    assert_eq!(publish_lines(&target.client, five).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(target.client.counters().await, Counters { received: 6, unique: 2, duplicates: 4 });
    target.stop().await;
}

#[tokio::test]
async fn every_fault_of_lines_has_its_index() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let good = event("t", "1").to_string();
        let blank = good.replace("\"t\"", "\" \"");
        let body = format!("{good}\n\n{{\"topic\":\n[{good}]\n{blank}\n{good}{good}\nnull\n{good}\n");
        let response = publish_lines(&target.client, body).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        let answer: Value = response.json().await.unwrap();
        let faults: Vec<_> = answer["detail"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| json!([fault["loc"], fault["type"]]))
            .collect();
        assert_eq!(
            faults,
            [
                json!([["events", 1], "json_invalid"]),
                json!([["events", 2], "dict_type"]),
                json!([["events", 3, "topic"], "blank"]),
                json!([["events", 4], "json_invalid"]),
                json!([["events", 5], "dict_type"]),
            ]
        );
        let message = answer["detail"][0]["msg"].as_str().unwrap();
        assert!(message.starts_with("line 3 of the body is not JSON: EOF"), "{message}");

        for (body, place, kind) in [
            (&b""[..], json!(["events"]), "too_short"),
            (b"\n \r\n", json!(["events"]), "too_short"),
            (b"\xff\n", json!(["body"]), "invalid_utf8"),
        ] {
            assert_eq!(fault(publish_lines(&target.client, body).await).await, (place, kind.to_owned()));
        }
        assert_eq!(target.client.counters().await.received, 0);
    })
    .await;
    target.stop().await;
}

#[tokio::test]
async fn malformed_json_is_located_by_line_and_column_as_in_an_editor() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    in_time(async {
        let message = async |response: Response| {
            let answer: Value = response.json().await.unwrap();
            answer["detail"][0]["msg"].as_str().unwrap().to_owned()
        };
        for (body, place) in [
            ("\n\n  x", "line 3 of the body is not JSON: expected value, at its column 3"),
            (
                " \t{\"topic\": \r\n",
                "line 1 of the body is not JSON: EOF while parsing a value, at its column 11",
            ),
            ("{\"é😀\": x}", "line 1 of the body is not JSON: expected value, at its column 8"),
            ("é", "line 1 of the body is not JSON: expected value, at its column 1"),
        ] {
            assert_eq!(message(publish_lines(&target.client, body).await).await, place);
        }
        for (body, place) in [
            ("[\n  {\"é😀\": x}]", "the body is not JSON: expected value at line 2 column 10"),
            ("[\n", "the body is not JSON: EOF while parsing a list at line 2 column 1"),
            ("", "the body is not JSON: EOF while parsing a value at line 1 column 1"),
        ] {
            assert_eq!(message(target.client.post("/publish", body.to_owned()).await).await, place);
        }
    })
    .await;
    target.stop().await;
}
