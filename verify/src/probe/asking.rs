//! Requests of a probe, each sent once on a connection of its own.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use reader::client::{Posted, TargetClient};
use reader::listing::next_link;
use serde_json::Value;
use tokio::time::{sleep, timeout};
use truth::chain::chain;

/// Names of the fields of an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    pub(super) topic: String,
    pub(super) event_id: String,
    pub(super) timestamp: String,
    pub(super) payload: String,
}

/// Longest time to the response to an event: some targets store the event first, which may take
/// long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest time to read a page or the counters.
const READING: Duration = Duration::from_secs(10);

/// Most times that an event is sent to a target that answers that it failed.
const MOST_TRIES: u32 = 5;

/// Pause before it is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// Source of every event of a probe.
pub(super) const SOURCE: &str = "verify-probe";

/// Timestamp of every event of a probe. Its milliseconds show if it is kept as sent.
pub(super) const TIMESTAMP: &str = "2025-01-01T00:00:00.250Z";

/// The same moment, in milliseconds since 1970.
pub(super) const TIMESTAMP_MS: i64 = 1_735_689_600_250;

/// Response to a request of a probe.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) json: Option<Value>,
    /// URL of its `Link` to a next page.
    pub(super) next: Option<String>,
}

impl Response {
    /// True if its status is a success.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Status and body in one line, shortened.
    pub(super) fn in_one_line(&self) -> String {
        let text: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = text.chars().take(160).collect();
        let rest = if shown.len() < text.len() { "…" } else { "" };
        format!("{} {shown}{rest}", self.status).trim_end().to_owned()
    }
}

/// Event that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) payload: String,
}

/// Sender of requests to one target.
#[derive(Debug)]
pub(super) struct Asker {
    client: TargetClient,
    pub(super) topic: String,
    made: u64,
}

impl Asker {
    pub(super) fn new(client: TargetClient, topic: String) -> Self {
        Self { client, topic, made: 0 }
    }

    /// Returns the reason if the target cannot be reached.
    pub(super) async fn unreachable_because(&self) -> Option<String> {
        match timeout(READING, self.client.get(&self.client.url("/"), "*/*")).await {
            Ok(Err(error)) if error.is_unreachable() => Some(chain(&error)),
            _ => None,
        }
    }

    /// Makes an event that nobody sent before.
    pub(super) fn event(&mut self) -> Sent {
        self.made += 1;
        let mut random = [0_u8; 16];
        // Without random numbers the clock serves: ids of a probe have to be new, not secret.
        if SysRng.try_fill_bytes(&mut random).is_err() {
            random[..8].copy_from_slice(&truth::clock::monotonic_ns().to_le_bytes());
        }
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
        // Numbers and names are written so that a store that parses numbers, or sorts names, shows
        // it.
        Sent { id, payload: format!("{{\"z\":{0}.50,\"n\":{0},\"a\":\"probe\"}}", self.made) }
    }

    /// Returns an event as JSON, with these names.
    pub(super) fn text(&self, event: &Sent, names: &Names) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        format!(
            "{{{}:{},{}:{},{}:{},\"source\":{},{}:{}}}",
            quoted(&names.topic),
            quoted(&self.topic),
            quoted(&names.event_id),
            quoted(&event.id),
            quoted(&names.timestamp),
            quoted(TIMESTAMP),
            quoted(SOURCE),
            quoted(&names.payload),
            event.payload
        )
    }

    /// POSTs a body. None if no complete response came.
    pub(super) async fn post(&self, path: &str, body: String) -> Option<Response> {
        match self.client.post(path, body.into_bytes(), PATIENCE).await {
            Posted::Answered { status, body, .. } => Some(understood(status, &body, None)),
            Posted::NotConnected | Posted::Lost => None,
        }
    }

    /// Posts a body to a path that takes events, again while the target answers that it failed.
    pub(super) async fn post_again(&self, path: &str, body: String) -> Option<Response> {
        let mut tries = 1;
        loop {
            let response = self.post(path, body.clone()).await;
            let has_failed = response.as_ref().is_none_or(|response| response.status >= 500);
            if !has_failed || tries >= MOST_TRIES {
                return response;
            }
            tries += 1;
            sleep(PAUSE).await;
        }
    }

    /// GETs a path with its query. None if no complete response came.
    pub(super) async fn get(&self, path: &str) -> Option<Response> {
        self.get_url(&self.client.url(path)).await
    }

    /// GETs a URL. None if no complete response came.
    pub(super) async fn get_url(&self, url: &str) -> Option<Response> {
        timeout(READING, self.read(url)).await.ok()?
    }

    async fn read(&self, url: &str) -> Option<Response> {
        let response = self.client.get(url, "application/json").await.ok()?;
        let status = response.status().as_u16();
        let next = next_link(url, response.headers()).ok().flatten();
        Some(understood(status, &response.bytes().await.ok()?, next))
    }
}

fn understood(status: u16, body: &[u8], next: Option<String>) -> Response {
    let text = String::from_utf8_lossy(body).into_owned();
    Response { status, json: serde_json::from_str(&text).ok(), text, next }
}
