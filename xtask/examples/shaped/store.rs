//! Store of all shapes: each key is stored once, durably before the response.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// An event as it came.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) topic: String,
    #[serde(alias = "eventId")]
    pub(crate) event_id: String,
    pub(crate) timestamp: String,
    #[serde(default)]
    pub(crate) source: String,
    pub(crate) payload: Box<RawValue>,
}

/// State of the store.
#[derive(Debug)]
pub(crate) struct State {
    keys: HashSet<(String, String)>,
    pub(crate) rows: Vec<Event>,
    /// Accepted and not yet stored.
    pub(crate) waiting: Vec<Event>,
    /// Counted by this process alone.
    pub(crate) received: u64,
    pub(crate) stored: u64,
    file: File,
}

/// The store, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: Arc<Mutex<State>>,
    pub(crate) begun: Instant,
}

impl Store {
    /// Opens the store of an earlier process: a line for each event.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path);
        let file = file.with_context(|| format!("cannot open {}", path.display()))?;
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        file.set_len(whole as u64).context("cannot cut what was not finished")?;
        let rows: serde_json::Result<Vec<Event>> = text[..whole].lines().map(serde_json::from_str).collect();
        let rows = rows.context("cannot understand what an earlier process left")?;
        let keys = rows.iter().map(key).collect();
        let state = State { keys, rows, waiting: Vec::new(), received: 0, stored: 0, file };
        Ok(Self { state: Arc::new(Mutex::new(state)), begun: Instant::now() })
    }

    /// Locks the state.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }
}

impl State {
    /// Stores the new events in one write. Returns true for each event that was new.
    pub(crate) fn store(&mut self, events: Vec<Event>) -> Vec<bool> {
        let mut lines = Vec::new();
        let mut results = Vec::new();
        for event in events {
            let is_new = self.keys.insert(key(&event));
            results.push(is_new);
            if is_new {
                serde_json::to_writer(&mut lines, &event).expect("an event is JSON");
                lines.push(b'\n');
                self.rows.push(event);
                self.stored += 1;
            }
        }
        self.file.write_all(&lines).expect("a service whose disk fails has to end");
        results
    }
}

fn key(event: &Event) -> (String, String) {
    (event.topic.clone(), event.event_id.clone())
}
