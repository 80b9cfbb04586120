//! The store: a set of keys, the rows, the counters, and the file that they are made of.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use crate::defect::Defect;
use crate::event::{Event, Key};
use crate::journal::{Journal, Record};

/// Between two steps that ought to be one: long enough that others get in between on any machine.
const GAP: Duration = Duration::from_millis(5);

/// One event in so many is stored a second time.
const TWICE_EVERY: usize = 5_000;

/// What `/stats` counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Counters {
    pub(crate) received: u64,
    pub(crate) unique: u64,
    pub(crate) duplicates: u64,
}

impl Counters {
    fn of(results: &[bool]) -> Self {
        let unique = results.iter().filter(|is_new| **is_new).count() as u64;
        let received = results.len() as u64;
        Self { received, unique, duplicates: received - unique }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            received: self.received + other.received,
            unique: self.unique + other.unique,
            duplicates: self.duplicates + other.duplicates,
        }
    }
}

/// What is there.
#[derive(Debug)]
pub(crate) struct State {
    known: HashSet<Key>,
    pub(crate) rows: Vec<Event>,
    pub(crate) counters: Counters,
    journal: Journal,
}

/// The store, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: Arc<Mutex<State>>,
    defect: Defect,
    /// Names this process.
    pub(crate) instance: u32,
}

impl Store {
    /// Opens what an earlier process left.
    pub(crate) fn open(path: &Path, defect: Defect) -> Result<Self> {
        let (journal, records) = match defect {
            Defect::LostAtRestart => (Journal::nowhere(), Vec::new()),
            _ => Journal::open(path)?,
        };
        let mut state =
            State { known: HashSet::new(), rows: Vec::new(), counters: Counters::default(), journal };
        for record in records {
            state.known.extend(record.claimed);
            for text in record.stored {
                let event = Event::parse(text)?;
                state.known.insert(defect.key(&event));
                state.rows.push(event);
            }
            state.counters = state.counters.plus(record.counted);
        }
        Ok(Self { state: Arc::new(Mutex::new(state)), defect, instance: std::process::id() })
    }

    /// What is there at this moment.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    /// All topics, in order.
    pub(crate) fn topics(&self) -> BTreeSet<String> {
        self.look().rows.iter().map(|row| row.key.0.clone()).collect()
    }

    /// Takes a batch; tells of each event whether it was new.
    pub(crate) async fn publish(&self, events: Vec<Event>) -> Vec<bool> {
        match self.defect {
            Defect::CheckThenInsert => self.check_then_insert(events).await,
            Defect::ClaimBeforeWrite => self.claim_before_write(events).await,
            Defect::CounterOutsideTheInsert => self.count_outside(events).await,
            Defect::None | Defect::DedupById | Defect::LostAtRestart | Defect::StoredTwice => {
                self.store_at_once(events)
            }
        }
    }

    /// The sound way: look, insert, count and make durable in one step that nobody can come between.
    fn store_at_once(&self, events: Vec<Event>) -> Vec<bool> {
        let mut state = self.look();
        let (results, new) = state.claim(self.defect, events);
        let stored = self.defect.stored(new, state.rows.len());
        state.commit(Record { stored: texts(&stored), counted: Counters::of(&results), claimed: Vec::new() });
        state.rows.extend(stored);
        results
    }

    async fn check_then_insert(&self, events: Vec<Event>) -> Vec<bool> {
        let results: Vec<bool> = {
            let (state, mut here) = (self.look(), HashSet::new());
            let is_new = |event: &Event| !state.known.contains(&event.key) && here.insert(event.key.clone());
            events.iter().map(is_new).collect()
        };
        sleep(GAP).await;
        let mut state = self.look();
        let new = events.into_iter().zip(&results).filter(|(_, is_new)| **is_new);
        let new: Vec<Event> = new.map(|(event, _)| event).collect();
        state.known.extend(new.iter().map(|event| event.key.clone()));
        state.commit(Record { stored: texts(&new), counted: Counters::of(&results), claimed: Vec::new() });
        state.rows.extend(new);
        results
    }

    async fn claim_before_write(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, new) = {
            let mut state = self.look();
            let (results, new) = state.claim(self.defect, events);
            let claimed = new.iter().map(|event| event.key.clone()).collect();
            state.commit(Record { claimed, counted: Counters::of(&results), stored: Vec::new() });
            (results, new)
        };
        if !new.is_empty() {
            sleep(GAP).await;
            let mut state = self.look();
            state.commit(Record { stored: texts(&new), ..Record::default() });
            state.rows.extend(new);
        }
        results
    }

    async fn count_outside(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, before) = {
            let mut state = self.look();
            let before = state.counters;
            let (results, new) = state.claim(self.defect, events);
            state.commit(Record { stored: texts(&new), ..Record::default() });
            state.rows.extend(new);
            (results, before)
        };
        sleep(GAP).await;
        self.look().counters = before.plus(Counters::of(&results));
        results
    }
}

impl State {
    /// Marks the keys of these events as known: of each whether it was new, and those that were.
    fn claim(&mut self, defect: Defect, events: Vec<Event>) -> (Vec<bool>, Vec<Event>) {
        let (mut results, mut new) = (Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            let is_new = self.known.insert(defect.key(&event));
            results.push(is_new);
            new.extend(is_new.then_some(event));
        }
        (results, new)
    }

    fn commit(&mut self, record: Record) {
        self.journal.append(&record);
        self.counters = self.counters.plus(record.counted);
    }
}

impl Defect {
    /// What tells two events apart.
    fn key(self, event: &Event) -> Key {
        match self {
            Self::DedupById => (String::new(), event.key.1.clone()),
            _ => event.key.clone(),
        }
    }

    /// What is stored of new events, where so many rows are there already.
    fn stored(self, new: Vec<Event>, rows: usize) -> Vec<Event> {
        if self != Self::StoredTwice {
            return new;
        }
        let copies = |(nth, event): (usize, Event)| {
            let is_unlucky = (rows + nth + 1).is_multiple_of(TWICE_EVERY);
            std::iter::repeat_n(event, if is_unlucky { 2 } else { 1 })
        };
        new.into_iter().enumerate().flat_map(copies).collect()
    }
}

fn texts(events: &[Event]) -> Vec<Box<serde_json::value::RawValue>> {
    events.iter().map(|event| event.text.clone()).collect()
}
