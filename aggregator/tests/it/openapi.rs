//! The OpenAPI document against the service's responses. The tests request every status of every
//! route, and no response is missing from the document.

use std::collections::BTreeSet;

use aggregator::{Ack, InvalidStatus};
use boon::{Compiler, Schemas};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::database::Database;
use crate::target::{Client, RawRequest, Target, event};

on_both_databases! {
    every_response_is_in_the_document,
    the_document_and_the_service_agree_on_valid_events,
}

/// Responses that no test here can reach on both databases, and the test of `outages` that does.
const ELSEWHERE: [(&str, &str); 2] = [
    ("get /health 503", "a_lost_postgres_means_503_until_it_is_back"),
    ("get /ready 503", "a_lost_postgres_means_503_until_it_is_back"),
];

/// Address of the document in the validator. Its references are relative to it.
const PLACE: &str = "https://onceproof.invalid/openapi.json";

/// The document that a service serves, and the responses that were seen.
struct Document {
    content: Value,
    seen: BTreeSet<String>,
}

impl Document {
    async fn of(client: &Client) -> Self {
        let response = client.get("/openapi.json").await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let content: Value = response.json().await.unwrap();
        assert_resolves(&content, &content);
        Self { content, seen: BTreeSet::new() }
    }

    /// Returns every response of the document, as `get /stats 200`.
    fn responses(&self) -> BTreeSet<String> {
        let mut responses = BTreeSet::new();
        for (path, methods) in self.content["paths"].as_object().unwrap() {
            for (method, operation) in methods.as_object().unwrap() {
                for status in operation["responses"].as_object().unwrap().keys() {
                    responses.insert(format!("{method} {path} {status}"));
                }
            }
        }
        responses
    }

    /// Checks a response against the document, and notes it as seen.
    fn check(&mut self, method: &str, path: &str, status: u16, headers: &[(&str, &str)], body: &Value) {
        let place = format!("/paths/{}/{method}/responses/{status}", path.replace('/', "~1"));
        let answer = self.content.pointer(&place).unwrap_or_else(|| panic!("not in the document: {place}"));
        let header = |name: &str| headers.iter().find(|header| header.0 == name).map(|header| header.1);
        // The part after a semicolon is a parameter.
        let content_type = header("content-type").and_then(|value| value.split(';').next()).unwrap();
        let known = answer["headers"].as_object();
        assert_eq!(
            header("retry-after").is_some(),
            known.is_some_and(|known| known.contains_key("Retry-After"))
        );
        assert!(header("link").is_none() || known.is_some_and(|known| known.contains_key("Link")), "{place}");
        let schema = format!("{place}/content/{}/schema", content_type.replace('/', "~1"));
        assert!(self.allows(&schema, body), "{place} is not {body}");
        self.seen.insert(format!("{method} {path} {status}"));
    }

    /// True if a value fits the schema at this place of the document.
    fn allows(&self, place: &str, value: &Value) -> bool {
        let mut schemas = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.add_resource(PLACE, self.content.clone()).unwrap();
        let index = compiler.compile(&format!("{PLACE}#{place}"), &mut schemas).unwrap();
        schemas.validate(value, index).is_ok()
    }

    async fn check_response(&mut self, method: &str, path: &str, response: Response) {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        let text = response.text().await.unwrap();
        // A body that is not JSON is a text.
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        self.check(method, path, status, &headers, &body);
    }

    /// Checks a response as it came over the wire.
    fn check_raw(&mut self, method: &str, path: &str, answer: &str) {
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<_> = lines.map(|line| line.split_once(": ").unwrap()).collect();
        self.check(method, path, status, &headers, &serde_json::from_str(body).unwrap());
    }

    async fn get(&mut self, client: &Client, path: &str) {
        let (route, _) = path.split_once('?').unwrap_or((path, ""));
        self.check_response("get", route, client.get(path).await).await;
    }

    /// Requests each route under a name that the service does not know.
    async fn check_foreign_hosts(&mut self, client: &Client) {
        for (method, path) in [
            ("get", "/events"),
            ("get", "/stats"),
            ("get", "/metrics"),
            ("get", "/health"),
            ("get", "/live"),
            ("get", "/ready"),
            ("post", "/publish"),
        ] {
            let named = if method == "get" { Method::GET } else { Method::POST };
            let foreign = client.request(named, path).header("host", "evil.example").send().await.unwrap();
            self.check_response(method, path, foreign).await;
        }
    }

    async fn publish(&mut self, client: &Client, query: &str, body: &str) {
        let response = client.post(&format!("/publish{query}"), body.to_owned()).await;
        self.check_response("post", "/publish", response).await;
    }
}

/// Checks every reference of a part of the document.
fn assert_resolves(document: &Value, part: &Value) {
    if let Some(reference) = part["$ref"].as_str() {
        let place = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    match part {
        Value::Object(fields) => fields.values().for_each(|part| assert_resolves(document, part)),
        Value::Array(items) => items.iter().for_each(|part| assert_resolves(document, part)),
        _ => {}
    }
}

async fn every_response_is_in_the_document(database: &Database) {
    let target = Target::start_with(database, |settings| {
        settings.max_batch = 3;
        settings.body_timeout_sec = 1;
        settings.store_timeout_sec = 1;
    })
    .await;
    let client = &target.client;
    let mut document = Document::of(client).await;

    let batch = json!([event("t", "1"), event("t", "2"), event("t", "1")]);
    for query in ["", "?results=true", "?results=0"] {
        document.publish(client, query, &batch.to_string()).await;
    }
    for query in ["", "?topic=t", "?limit=1", "?topic=nope&cursor=0"] {
        document.get(client, &format!("/events{query}")).await;
    }
    document.get(client, "/stats").await;
    for path in ["/health", "/live", "/ready", "/metrics"] {
        document.get(client, path).await;
    }
    document.check_foreign_hosts(client).await;
    let lines = client.get_accepting("/events", "application/x-ndjson").await;
    document.check_response("get", "/events", lines).await;

    for body in ["", "[]", "[{}, 7]", "{\"events\":1}", "\u{feff}"] {
        document.publish(client, "", body).await;
    }
    document.publish(client, "?results=perhaps", "[]").await;
    document.get(client, "/events?limit=0&cursor=x").await;
    document.publish(client, "", &json!([1, 2, 3, 4]).to_string()).await;

    let broken = RawRequest::publish_until(client, &[event("t", "late")], 100).await;
    document.check_raw("post", "/publish", &broken.response().await);

    let blockade = database.block_writers().await;
    document.publish(client, "", &event("t", "3").to_string()).await;
    blockade.release().await;
    database.execute("ALTER TABLE processed_events RENAME TO elsewhere").await;
    document.publish(client, "", &event("t", "4").to_string()).await;
    document.get(client, "/events").await;
    document.get(client, "/stats").await;
    database.execute("ALTER TABLE elsewhere RENAME TO processed_events").await;
    target.stop().await;

    let target = Target::start_with(database, |settings| {
        settings.ack = Ack::Queued;
        settings.invalid_status = InvalidStatus::BadRequest;
    })
    .await;
    assert_eq!(Document::of(&target.client).await.content, document.content, "settings do not change it");
    document.publish(&target.client, "?results=true", &batch.to_string()).await;
    document.publish(&target.client, "", "{").await;
    document.get(&target.client, "/events?limit=x").await;
    document.get(&target.client, "/stats").await;
    target.stop().await;

    let target =
        Target::start_with(database, |settings| settings.auth_token = Some("s3cret".parse().unwrap())).await;
    assert_eq!(Document::of(&target.client).await.content, document.content, "nor does a token");
    document.publish(&target.client, "", &batch.to_string()).await;
    for path in ["/events", "/stats", "/metrics", "/health", "/live", "/ready"] {
        document.get(&target.client, path).await;
    }
    let packed = target.client.request(Method::POST, "/publish").bearer_auth("s3cret").body("{}");
    let packed = packed.header("content-encoding", "br").send().await.unwrap();
    document.check_response("post", "/publish", packed).await;
    target.stop().await;

    for (answer, test) in ELSEWHERE {
        let source = include_str!("outages.rs");
        assert!(source.contains(&format!("async fn {test}()")), "{test} is gone");
        assert!(document.seen.insert(answer.to_owned()), "{answer} is reached here");
    }
    assert_eq!(document.seen, document.responses());
}

#[tokio::test]
async fn the_document_names_the_guarded_routes_and_the_scheme_of_the_token() {
    let database = Database::sqlite();
    let target = Target::start(&database).await;
    let document = Document::of(&target.client).await.content;
    let scheme = &document["components"]["securitySchemes"]["bearer"];
    assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
    assert!(document.get("security").is_none(), "it would be of every route");
    let mut guarded = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            // The test above checks that exactly these routes respond 401 without the token.
            let is_guarded = operation["responses"].get("401").is_some();
            let expected = is_guarded.then(|| json!([{}, { "bearer": [] }]));
            assert_eq!(operation.get("security"), expected.as_ref(), "{path}");
            guarded += usize::from(is_guarded);
        }
    }
    assert_eq!(guarded, 4);
    target.stop().await;
}

/// Changes of a valid event, as a field and its value; without a value the field is left out.
fn variants() -> Vec<(&'static str, Option<Value>)> {
    let long = |bytes: usize| Some(json!("x".repeat(bytes)));
    let mut variants = vec![
        ("payload", None),
        ("payload", Some(json!({}))),
        ("payload", Some(json!([]))),
        ("payload", Some(Value::Null)),
        ("further", Some(json!([1, null]))),
        ("topic", None),
        ("event_id", None),
        ("timestamp", None),
        ("source", None),
        ("topic", long(255)),
        ("topic", long(256)),
        ("source", long(255)),
        ("source", long(256)),
        ("event_id", long(1024)),
        ("event_id", long(1025)),
    ];
    for text in ["", " ", "\u{85}\u{a0}\u{2003}\n", "\u{feff}", "\u{1c}", "a\0b", "\0", " a ", "a\nb", "é😀"]
    {
        variants.extend(["topic", "event_id", "source"].map(|field| (field, Some(json!(text)))));
    }
    for value in [json!(7), json!(null), json!(["t"]), json!({})] {
        let all = ["topic", "event_id", "source", "timestamp"];
        variants.extend(all.map(|field| (field, Some(value.clone()))));
    }
    let timestamps = [
        "0000-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "2024-02-29",
        "2000-02-29T23:59:60Z",
        "2025-06-30t12:00:00.123456789z",
        "2025-01-01 00:00",
        "2025-01-01T00:00:00-0700",
        "",
        "1735689600",
        "2023-02-29",
        "1900-02-29T00:00:00Z",
        "2025-04-31T00:00:00Z",
        "2025-01-01T24:00:00Z",
        "2025-01-01T00:00:61Z",
        "2025-01-01T00:00:00Z\n",
        "2025-01-01T00:00:00+00:00[UTC]",
        "2025-01-01T00:00:00+26:00",
        "yesterday",
    ];
    variants.extend(timestamps.map(|text| ("timestamp", Some(json!(text)))));
    variants
}

async fn the_document_and_the_service_agree_on_valid_events(database: &Database) {
    let target = Target::start(database).await;
    let document = Document::of(&target.client).await;
    let mut bodies =
        vec![json!([]), json!({}), json!({ "events": [] }), json!({ "events": 1 }), json!("text")];
    bodies.extend([json!(null), json!(1), json!([[]])]);
    for (field, value) in variants() {
        let mut odd = event("t", "1");
        let fields = odd.as_object_mut().unwrap();
        match value {
            Some(value) => drop(fields.insert(field.to_owned(), value)),
            None => drop(fields.remove(field)),
        }
        bodies.extend([json!([event("t", "2"), odd]), json!({ "events": odd, "more": 1 }), odd]);
    }
    let schema = "/paths/~1publish/post/requestBody/content/application~1json/schema";
    for body in bodies {
        let response = target.client.request(Method::POST, "/publish").body(body.to_string()).send().await;
        let status = response.unwrap().status();
        let expected = if document.allows(schema, &body) { 200 } else { 422 };
        assert_eq!(status, expected, "{body}");
    }
    target.stop().await;
}
