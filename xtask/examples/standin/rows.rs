//! Rows of an API, each under the key by which its documents say that it is known again.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

/// Rows in the order in which they were stored.
#[derive(Debug)]
pub(crate) struct Rows {
    rows: Vec<Value>,
    places: HashMap<String, usize>,
    /// Keys from the oldest to the newest.
    recent: VecDeque<String>,
    /// Number of keys that are known again.
    memory: usize,
}

impl Rows {
    /// Returns an empty store that knows so many keys again.
    pub(crate) fn knowing(memory: usize) -> Self {
        Self { rows: Vec::new(), places: HashMap::new(), recent: VecDeque::new(), memory }
    }

    /// Returns an empty store that knows every key again.
    pub(crate) fn new() -> Self {
        Self::knowing(usize::MAX)
    }

    /// Returns the row of a key.
    pub(crate) fn of(&self, key: &str) -> Option<&Value> {
        self.places.get(key).map(|place| &self.rows[*place])
    }

    /// Stores a row unless its key is known. Returns true if it is new.
    pub(crate) fn add(&mut self, key: &str, row: Value) -> bool {
        if self.places.contains_key(key) {
            return false;
        }
        self.places.insert(key.to_owned(), self.rows.len());
        self.rows.push(row);
        self.recent.push_back(key.to_owned());
        if self.recent.len() > self.memory {
            let forgotten = self.recent.pop_front();
            forgotten.map(|key| self.places.remove(&key));
        }
        true
    }

    /// Stores a row in place of the one with its key. Returns true if it is new.
    pub(crate) fn put(&mut self, key: &str, row: Value) -> bool {
        match self.places.get(key) {
            Some(place) => {
                self.rows[*place] = row;
                false
            }
            None => self.add(key, row),
        }
    }

    /// Stores a row that is not known again.
    pub(crate) fn push(&mut self, row: Value) {
        self.rows.push(row);
    }

    /// Returns all rows, from the oldest to the newest.
    pub(crate) fn all(&self) -> &[Value] {
        &self.rows
    }

    /// Returns so many rows from a place on.
    pub(crate) fn page(&self, from: usize, limit: usize) -> &[Value] {
        let from = from.min(self.rows.len());
        &self.rows[from..from.saturating_add(limit).min(self.rows.len())]
    }
}
