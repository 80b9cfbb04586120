//! A running service and a client of it.

use std::net::SocketAddr;

use aggregator::{RunError, Settings, Store};
use clap::Parser as _;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::database::Database;

/// The service, in this process, on a port of its own.
pub(crate) struct Target {
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<(), RunError>>,
}

/// Speaks HTTP with a service in this process or another.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    http: reqwest::Client,
}

/// The counters of one response of `/stats`.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
}

impl Target {
    pub(crate) async fn start(database: &Database) -> Self {
        Self::start_with(database, |_| {}).await
    }

    pub(crate) async fn start_with(database: &Database, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::parse_from(["aggregator", "--database-url", &database.url()]);
        change(&mut settings);
        let store = Store::open(&settings.database_url, settings.store_timeout()).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::new(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async {
            // A target that is dropped without being stopped stops as well.
            drop(stopped.await);
        };
        let served = tokio::spawn(aggregator::serve(listener, store, settings, shutdown));
        Self { client, stop, served }
    }

    /// Stops as SIGTERM does, and waits until all accepted events are stored.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        // The service would close idle connections; closing them here saves the test's time.
        drop(self.client);
        self.served.await.unwrap().unwrap();
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        // The workspace builds the library with TLS, which needs a provider even if it is not used.
        rustls::crypto::ring::default_provider().install_default().ok();
        Self { address, http: reqwest::Client::new() }
    }

    /// Returns a client with connections of its own.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.address)
    }

    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.http.post(self.url(path)).body(body).send().await.unwrap()
    }

    /// As [`Client::post`], for a connection that may break.
    pub(crate) async fn try_post(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> reqwest::Result<Response> {
        self.http.post(self.url(path)).body(body).send().await
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(self.url(path)).send().await.unwrap()
    }

    /// Sends a GET that accepts these media types.
    pub(crate) async fn get_accepting(&self, path: &str, accepted: &str) -> Response {
        let request = self.request(reqwest::Method::GET, path).header("accept", accepted);
        request.send().await.unwrap()
    }

    pub(crate) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Publishes, expects success and returns the receipt.
    pub(crate) async fn publish(&self, events: &[Value]) -> Value {
        let response = self.post("/publish?results=true", json!(events).to_string()).await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    pub(crate) async fn stats(&self) -> Value {
        let response = self.get("/stats").await;
        assert_eq!(response.status(), StatusCode::OK);
        response.json().await.unwrap()
    }

    /// Returns the counters, checked against each other. Nothing may wait in the inbox.
    pub(crate) async fn counters(&self) -> Counters {
        let (counters, waiting) = self.counters_and_waiting().await;
        assert_eq!(waiting, 0);
        counters
    }

    /// Returns the counters and the number of events in the inbox, of one response, checked against
    /// each other.
    pub(crate) async fn counters_and_waiting(&self) -> (Counters, u64) {
        let stats = self.stats().await;
        let number = |pointer: &str| stats.pointer(pointer).and_then(Value::as_u64).unwrap();
        let waiting = number("/queue/pending") + number("/queue/processing");
        let counters = Counters {
            received: number("/received"),
            unique: number("/unique_processed"),
            duplicates: number("/duplicate_dropped"),
        };
        assert_eq!(counters.received, counters.unique + counters.duplicates + waiting, "{stats}");
        (counters, waiting)
    }

    /// Returns the counters once nothing waits any more.
    pub(crate) async fn rested(&self) -> Counters {
        loop {
            let (counters, waiting) = self.counters_and_waiting().await;
            if waiting == 0 {
                return counters;
            }
        }
    }

    /// Returns every row, by following the links of pages with `limit` rows; `topic` is a ready
    /// query parameter or empty.
    pub(crate) async fn list(&self, topic: &str, limit: usize) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = Some(format!("/events?limit={limit}&{topic}"));
        while let Some(path) = next {
            let response = self.get(&path).await;
            assert_eq!(response.status(), StatusCode::OK);
            next = next_page(&response);
            assert_ne!(next.as_ref(), Some(&path), "a page leads to itself");
            let page: Vec<Value> = response.json().await.unwrap();
            assert!(next.is_none() || page.len() == limit, "only the last page is short");
            rows.extend(page);
        }
        rows
    }

    /// Returns the ids of all rows, in the order of the listing.
    pub(crate) async fn ids(&self) -> Vec<String> {
        let text = |row: &Value| row["event_id"].as_str().unwrap().to_owned();
        self.list("", 10_000).await.iter().map(text).collect()
    }
}

/// One request on a connection of its own, which the test sends byte by byte.
pub(crate) struct RawRequest {
    connection: TcpStream,
}

impl RawRequest {
    /// Sends a `POST /publish` of `events` up to its byte `end`.
    pub(crate) async fn publish_until(client: &Client, events: &[Value], end: usize) -> Self {
        let mut connection = TcpStream::connect(client.address).await.unwrap();
        connection.write_all(&raw_publish(events).as_bytes()[..end]).await.unwrap();
        Self { connection }
    }

    /// Sends a whole `POST /publish` of `events`.
    pub(crate) async fn publish(client: &Client, events: &[Value]) -> Self {
        Self::publish_until(client, events, raw_publish(events).len()).await
    }

    /// Waits for the response to begin.
    pub(crate) async fn response_begins(&mut self) {
        self.connection.readable().await.unwrap();
    }

    /// Waits for the whole response.
    pub(crate) async fn response(mut self) -> String {
        let mut answer = String::new();
        self.connection.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Hangs up, waits until the service has noticed, and returns the bytes that it still sent.
    pub(crate) async fn hang_up(mut self) -> String {
        let mut answer = Vec::new();
        // A service that leaves bytes unread resets the connection.
        drop(self.connection.shutdown().await);
        drop(self.connection.read_to_end(&mut answer).await);
        String::from_utf8(answer).unwrap()
    }
}

/// Returns the bytes of a `POST /publish`.
pub(crate) fn raw_publish(events: &[Value]) -> String {
    let body = json!(events).to_string();
    format!(
        "POST /publish HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Returns the target of the `Link` header.
pub(crate) fn next_page(response: &Response) -> Option<String> {
    let link = response.headers().get("link")?.to_str().unwrap();
    let (path, relation) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
    assert_eq!(relation, "; rel=\"next\"");
    Some(path.to_owned())
}

/// A valid event.
pub(crate) fn event(topic: &str, id: &str) -> Value {
    json!({
        "topic": topic,
        "event_id": id,
        "timestamp": "2025-01-01T00:00:00Z",
        "source": "test",
        "payload": { "id": id },
    })
}
