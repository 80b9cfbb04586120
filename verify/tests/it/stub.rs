//! A target to be read: a real listener on a port of its own, a scripted state behind it. No clock:
//! what changes, changes with the number of questions that were asked.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use truth::observed::counters::Counters;
use truth::observed::rows::Row;

/// Paging of the stub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pages {
    /// `Link: rel="next"`, the limit as asked, at most this.
    Link { at_most: usize },
    /// `Link`, twenty rows a page, through the newest rows alone, whatever there is.
    Newest { of: usize },
    /// The same, but each page begins with the last row of the page before.
    Inclusive { at_most: usize },
    /// `offset=`.
    Offset,
    /// The same, but behind the first page pairs of rows stand the other way round.
    Ties,
    /// The same, but no page begins here or beyond.
    OffsetBelow { end: usize },
    /// The limit is kept, and there is no way on.
    Capped { at: usize },
    /// Everything at once, whatever was asked.
    Whole,
    /// The first page again and again, whatever the offset.
    IgnoresOffset,
    /// A `Link` that leads round in a circle of three pages.
    Circle,
    /// `p=`, counted from this number, at most twenty rows a page, whatever was asked.
    Numbered { from: usize },
    /// `after=`, which stands in the body of the page before; rows of other names; 404 for a topic
    /// without rows.
    OtherNames,
}

/// Counters for the request of this number, instead of the true ones; none: an error
/// 500.
pub(crate) type OnStats = Box<dyn Fn(usize, &Counters) -> Option<Counters> + Send>;

/// State of the stub. A test may script it by the number of the request.
pub(crate) struct Script {
    pub(crate) rows: Vec<Row>,
    pub(crate) stats: Counters,
    pub(crate) pages: Pages,
    /// Set when `?topic=` is obeyed.
    pub(crate) by_topic: bool,
    /// Set when the last row is shown under every topic.
    pub(crate) leaks: bool,
    /// Rows that are not shown before this many first pages were asked for.
    pub(crate) late: (usize, Vec<Row>),
    /// Rows that are not shown any more once this many first pages were asked for.
    pub(crate) early: (usize, Vec<Row>),
    /// Rows that every second listing shows.
    pub(crate) flickering: Vec<Row>,
    /// Rows that are shown only to who asks for their topic.
    pub(crate) only_by_topic: Vec<Row>,
    /// Number of first requests, of any kind, that are answered with 503.
    pub(crate) busy_for: usize,
    /// Set when responses are packed, which nobody asked for.
    pub(crate) gzip: bool,
    /// Value of the `Age` header.
    pub(crate) age: Option<u64>,
    /// Rows that are not shown before events are published.
    pub(crate) hidden: Vec<Row>,
    /// Counters that are shown instead, by the number of the request from 0.
    pub(crate) on_stats: OnStats,
    /// Response of a listing, by the number of the request from 0.
    pub(crate) on_list: Box<dyn Fn(usize) -> Listed + Send>,
    /// Fate of the events, by the number of the request from 0.
    pub(crate) on_publish: Box<dyn Fn(usize) -> Published + Send>,
}

/// Fate of a request that sends events.
pub(crate) enum Published {
    /// Stored once, and told truly.
    Soundly,
    /// Stored again, whatever is there, and told to be new.
    Again,
    /// Nothing stored, and an answer that leaves it open.
    Unknown,
    /// Nothing stored, and a login asked for.
    Unauthorized,
}

/// Response to a request for a page.
pub(crate) enum Listed {
    Rows,
    Error,
    Rubbish,
}

impl Script {
    pub(crate) fn of(rows: Vec<Row>, stats: Counters) -> Self {
        Self {
            rows,
            stats,
            pages: Pages::Link { at_most: 10_000 },
            by_topic: true,
            leaks: false,
            late: (0, Vec::new()),
            early: (0, Vec::new()),
            flickering: Vec::new(),
            only_by_topic: Vec::new(),
            busy_for: 0,
            gzip: false,
            age: None,
            hidden: Vec::new(),
            on_stats: Box::new(|_, counters| Some(counters.clone())),
            on_list: Box::new(|_| Listed::Rows),
            on_publish: Box::new(|_| Published::Soundly),
        }
    }
}

struct Shared {
    script: Script,
    asked: usize,
    headers: Vec<HeaderMap>,
    posted: Vec<HeaderMap>,
    stats_asked: usize,
    pages_asked: usize,
    firsts_asked: usize,
    published: usize,
    logins: usize,
}

/// A running stub; it ends with the runtime of its test.
pub(crate) struct Stub {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

impl Stub {
    pub(crate) async fn start(script: Script) -> Self {
        let shared = Shared {
            script,
            asked: 0,
            headers: Vec::new(),
            posted: Vec::new(),
            stats_asked: 0,
            pages_asked: 0,
            firsts_asked: 0,
            published: 0,
            logins: 0,
        };
        let shared = Arc::new(Mutex::new(shared));
        let app = Router::new()
            .route("/stats", get(stats))
            .route("/events", get(events))
            .route("/publish", post(publish))
            .route("/login", post(login))
            .layer(from_fn_with_state(Arc::clone(&shared), around))
            .with_state(Arc::clone(&shared));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, shared }
    }

    /// Number of requests that sent events.
    pub(crate) fn published(&self) -> usize {
        self.shared.lock().expect("no test panics here").published
    }

    /// Headers of all reads.
    pub(crate) fn headers(&self) -> Vec<HeaderMap> {
        self.shared.lock().expect("no test panics here").headers.clone()
    }

    /// Headers of all requests that sent events.
    pub(crate) fn posted(&self) -> Vec<HeaderMap> {
        self.shared.lock().expect("no test panics here").posted.clone()
    }

    /// Numbers of requests for counters and for pages.
    pub(crate) fn asked(&self) -> (usize, usize) {
        let shared = self.shared.lock().expect("no test panics here");
        (shared.stats_asked, shared.pages_asked)
    }
}

/// What the stub does to every response.
async fn around(State(shared): State<Arc<Mutex<Shared>>>, request: Request, next: Next) -> Response {
    let (is_busy, gzip, age) = {
        let mut shared = shared.lock().expect("no test panics here");
        shared.asked += 1;
        let headers = request.headers().clone();
        match *request.method() {
            Method::GET => shared.headers.push(headers),
            _ => shared.posted.push(headers),
        }
        (shared.asked <= shared.script.busy_for, shared.script.gzip, shared.script.age)
    };
    if is_busy {
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "0")]).into_response();
    }
    let mut response = next.run(request).await;
    if let Some(age) = age {
        response.headers_mut().insert(header::AGE, age.into());
    }
    if !gzip {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.expect("a body");
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&body).expect("memory");
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(packed.finish().expect("memory")))
}

async fn stats(State(shared): State<Arc<Mutex<Shared>>>) -> Response {
    let mut shared = shared.lock().expect("no test panics here");
    let nth = shared.stats_asked;
    shared.stats_asked += 1;
    let Some(counters) = (shared.script.on_stats)(nth, &shared.script.stats) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let body = json!({
        "received": counters.received,
        "unique_processed": counters.unique,
        "duplicate_dropped": counters.duplicates,
        "queue": {"pending": counters.pending, "processing": counters.processing},
        "instance_id": counters.instance,
        "uptime": nth,
    });
    axum::Json(body).into_response()
}

async fn events(
    State(shared): State<Arc<Mutex<Shared>>>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut shared = shared.lock().expect("no test panics here");
    let nth = shared.pages_asked;
    shared.pages_asked += 1;
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    match (shared.script.on_list)(nth) {
        Listed::Error => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Listed::Rubbish => return "<html>not for you</html>".into_response(),
        Listed::Rows => {}
    }
    let is_first = !query.contains_key("cursor") && number("offset").unwrap_or(0) == 0;
    shared.firsts_asked += usize::from(is_first);
    let (hidden_for, late) = &shared.script.late;
    let late = if shared.firsts_asked > *hidden_for { late.as_slice() } else { &[] };
    let (shown_for, early) = &shared.script.early;
    let early = if shared.firsts_asked > *shown_for { &[] } else { early.as_slice() };
    let flickering =
        if shared.firsts_asked.is_multiple_of(2) { &[] } else { shared.script.flickering.as_slice() };
    let hidden = if shared.published > 0 { shared.script.hidden.as_slice() } else { &[] };
    let topic = query.get("topic").filter(|_| shared.script.by_topic);
    let leaked = shared.script.rows.last().filter(|_| shared.script.leaks);
    let is_leaked = |row: &Row| leaked.is_some_and(|leaked| leaked.event_id == row.event_id);
    let mut all: Vec<&Row> = shared
        .script
        .rows
        .iter()
        .chain(late)
        .chain(early)
        .chain(flickering)
        .chain(topic.iter().flat_map(|_| &shared.script.only_by_topic))
        .chain(hidden)
        .filter(|row| topic.is_none_or(|topic| row.topic == *topic || is_leaked(row)))
        .collect();
    if let Pages::Newest { of } = shared.script.pages {
        all.drain(..all.len().saturating_sub(of));
    }
    let limit = number("limit").unwrap_or(1000);
    if shared.script.pages == Pages::Ties && !is_first {
        all.chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
    }
    let cursor = number("cursor").unwrap_or(0);
    let (from, take) = match shared.script.pages {
        Pages::Link { at_most } | Pages::Inclusive { at_most } => (cursor, limit.min(at_most)),
        Pages::Newest { .. } => (cursor, limit.min(20)),
        Pages::OffsetBelow { end } => {
            let offset = number("offset").unwrap_or(0);
            (offset, if offset < end { limit } else { 0 })
        }
        Pages::Offset | Pages::Ties => (number("offset").unwrap_or(0), limit),
        Pages::Capped { at } => (0, limit.min(at)),
        Pages::IgnoresOffset | Pages::Circle => (0, limit),
        Pages::Numbered { from } => ((number("p").unwrap_or(from) - from) * 20, 20),
        Pages::OtherNames => (number("after").unwrap_or(0), limit),
        Pages::Whole => (0, usize::MAX),
    };
    if shared.script.pages == Pages::OtherNames {
        if all.is_empty() {
            return StatusCode::NOT_FOUND.into_response();
        }
        let page: Vec<Value> = all.iter().skip(from).take(take).map(|row| shown_otherwise(row)).collect();
        let next = (from + take < all.len()).then_some(from + take);
        return axum::Json(json!({"result": {"items": page}, "next": next})).into_response();
    }
    let page: Vec<Value> = all.iter().skip(from).take(take).map(|row| shown(row)).collect();
    let mut headers = HeaderMap::new();
    let next = match shared.script.pages {
        Pages::Link { .. } | Pages::Newest { .. } if from.saturating_add(take) < all.len() => {
            Some(from + take)
        }
        Pages::Inclusive { .. } if from + take < all.len() => Some(from + take - 1),
        Pages::Circle => Some((cursor + 1) % 3),
        _ => None,
    };
    if let Some(next) = next {
        let topic = topic.map_or_else(String::new, |topic| format!("&topic={topic}"));
        let link = format!("</events?limit={limit}&cursor={next}{topic}>; rel=\"next\"");
        headers.insert(header::LINK, HeaderValue::from_str(&link).expect("an ASCII header"));
    }
    (headers, axum::Json(page)).into_response()
}

/// Gives a token with the number of the login.
async fn login(State(shared): State<Arc<Mutex<Shared>>>) -> Response {
    let mut shared = shared.lock().expect("no test panics here");
    shared.logins += 1;
    axum::Json(json!({ "token": format!("token {}", shared.logins) })).into_response()
}

async fn publish(State(shared): State<Arc<Mutex<Shared>>>, body: String) -> Response {
    let mut shared = shared.lock().expect("no test panics here");
    let nth = shared.published;
    shared.published += 1;
    let becomes = (shared.script.on_publish)(nth);
    match becomes {
        Published::Unknown => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Published::Unauthorized => return StatusCode::UNAUTHORIZED.into_response(),
        Published::Soundly | Published::Again => {}
    }
    let events: Vec<&RawValue> = serde_json::from_str(&body).expect("a batch");
    if events.iter().any(|event| !event.get().contains("\"event_id\"")) {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    }
    let mut results = Vec::new();
    for event in events {
        let row = read(event);
        let script = &mut shared.script;
        let is_known =
            script.rows.iter().any(|known| (&known.topic, &known.event_id) == (&row.topic, &row.event_id));
        let is_stored = !is_known || matches!(becomes, Published::Again);
        let count = |counter: &mut Option<u64>| *counter.as_mut().expect("a counter") += 1;
        count(&mut script.stats.received);
        count(if is_stored { &mut script.stats.unique } else { &mut script.stats.duplicates });
        script.rows.extend(is_stored.then_some(row));
        results.push(if is_stored { "inserted" } else { "duplicate" });
    }
    let inserted = results.iter().filter(|result| **result == "inserted").count();
    let accepted = results.len();
    let duplicates = accepted - inserted;
    let body =
        json!({"accepted": accepted, "inserted": inserted, "duplicates": duplicates, "results": results});
    axum::Json(body).into_response()
}

/// An event as sent, its payload to the byte.
fn read(event: &RawValue) -> Row {
    let fields: HashMap<String, Box<RawValue>> = serde_json::from_str(event.get()).expect("an event");
    let text = |name: &str| serde_json::from_str::<String>(fields[name].get()).expect("a text");
    Row {
        topic: text("topic"),
        event_id: text("event_id"),
        timestamp: Some(text("timestamp")),
        source: Some(text("source")),
        payload: Some(fields["payload"].get().to_owned()),
    }
}

/// A row as another target might show it: the payload as a string, the timestamp as a number, no
/// source.
fn shown_otherwise(row: &Row) -> Value {
    let timestamp: jiff::Timestamp = row.timestamp.as_deref().expect("sent").parse().expect("a timestamp");
    json!({
        "stream": row.topic,
        "meta": {"id": row.event_id},
        "at": timestamp.as_millisecond(),
        "body": row.payload,
    })
}

fn shown(row: &Row) -> Value {
    let payload = row.payload.as_deref().map(|payload| serde_json::from_str::<Value>(payload).expect("JSON"));
    json!({
        "topic": row.topic,
        "event_id": row.event_id,
        "timestamp": row.timestamp,
        "source": row.source,
        "payload": payload,
        "processed_at": "2026-01-01T00:00:00Z",
    })
}
