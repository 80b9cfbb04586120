//! The questions themselves: each on a connection of its own, each sent once.

use std::time::Duration;

use rand::TryRng;
use rand::rngs::SysRng;
use reader::client::{Posted, TargetClient};
use reader::listing::next_link;
use serde_json::Value;
use tokio::time::timeout;
use truth::chain::chain;

/// The names of an event's fields.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Names {
    pub(super) topic: String,
    pub(super) event_id: String,
    pub(super) timestamp: String,
    pub(super) payload: String,
}

/// How long an answer to an event may take: some store before they answer, and take their time.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long anything that is only read may take.
const READING: Duration = Duration::from_secs(10);

/// The source of every event of a probe.
pub(super) const SOURCE: &str = "verify-probe";

/// Their timestamp: milliseconds show whether it is kept as sent.
pub(super) const TIMESTAMP: &str = "2025-01-01T00:00:00.250Z";

/// An answer to a question.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
    pub(super) json: Option<Value>,
    /// Where its `Link` to a next page leads.
    pub(super) next: Option<String>,
}

impl Answer {
    /// Whether it says that something was taken.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// In one line.
    pub(super) fn told(&self) -> String {
        let text: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown: String = text.chars().take(160).collect();
        let rest = if shown.len() < text.len() { "…" } else { "" };
        format!("{} {shown}{rest}", self.status).trim_end().to_owned()
    }
}

/// An event that was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) payload: String,
}

/// Asks one target.
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

    /// Why nothing answers at all, if that is so.
    pub(super) async fn unreachable_because(&self) -> Option<String> {
        match timeout(READING, self.client.get(&self.client.url("/"), "*/*")).await {
            Ok(Err(error)) if error.is_unreachable() => Some(chain(&error)),
            _ => None,
        }
    }

    /// An event that nobody sent before.
    pub(super) fn event(&mut self) -> Sent {
        self.made += 1;
        let mut random = [0_u8; 16];
        // Without entropy the clock has to do: ids of a probe need to be new, not secret.
        if SysRng.try_fill_bytes(&mut random).is_err() {
            random[..8].copy_from_slice(&truth::clock::monotonic_ns().to_le_bytes());
        }
        let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let id = format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..]);
        // Spelt so that a store that reads numbers, or sorts names, shows it.
        Sent { id, payload: format!("{{\"z\":{0}.50,\"n\":{0},\"a\":\"probe\"}}", self.made) }
    }

    /// The text of an event under these names.
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

    /// POSTs a body; none if no whole answer came.
    pub(super) async fn post(&self, path: &str, body: String) -> Option<Answer> {
        match self.client.post(path, body.into_bytes(), PATIENCE).await {
            Posted::Answered { status, body } => Some(understood(status, &body, None)),
            Posted::NotConnected | Posted::Lost => None,
        }
    }

    /// GETs a path with its query; none if no whole answer came.
    pub(super) async fn get(&self, path: &str) -> Option<Answer> {
        self.get_url(&self.client.url(path)).await
    }

    /// The same of a whole URL.
    pub(super) async fn get_url(&self, url: &str) -> Option<Answer> {
        timeout(READING, self.read(url)).await.ok()?
    }

    async fn read(&self, url: &str) -> Option<Answer> {
        let response = self.client.get(url, "application/json").await.ok()?;
        let status = response.status().as_u16();
        let next = next_link(url, response.headers()).ok().flatten();
        Some(understood(status, &response.bytes().await.ok()?, next))
    }
}

fn understood(status: u16, body: &[u8], next: Option<String>) -> Answer {
    let text = String::from_utf8_lossy(body).into_owned();
    Answer { status, json: serde_json::from_str(&text).ok(), text, next }
}
