//! Wrong ways to store a batch, each of which does in several steps what has to be one.

use std::collections::HashSet;
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::sleep;

use crate::counters::Counters;
use crate::defect::Defect;
use crate::event::{Event, Key};
use crate::journal::Record;
use crate::store::{Store, texts};

/// Pause between two steps that ought to be one: long enough for another request on any machine.
const GAP: Duration = Duration::from_millis(5);

/// Distance of batches that fail.
const FAILS_EVERY: u64 = 50;

/// Distance of batches that are dropped.
const DROPS_EVERY: u64 = 20;

/// Distance of batches of which a row is deleted later.
const VANISHES_EVERY: u64 = 10;

/// Time for which such a row is there.
const A_WHILE: Duration = Duration::from_millis(200);

impl Store {
    /// Looks up, and inserts later.
    pub(crate) async fn check_then_insert(&self, events: Vec<Event>) -> Vec<bool> {
        let results: Vec<bool> = {
            let state = self.look();
            let mut here = HashSet::new();
            let is_new = |event: &Event| !state.knows(&event.key) && here.insert(event.key.clone());
            events.iter().map(is_new).collect()
        };
        sleep(GAP).await;
        let mut state = self.look();
        let new = events.into_iter().zip(&results).filter(|(_, is_new)| **is_new);
        let new: Vec<Event> = new.map(|(event, _)| event).collect();
        for event in &new {
            state.remember(event.key.clone());
        }
        state.store(new, Counters::of(&results));
        results
    }

    /// Claims, durably, and writes later.
    pub(crate) async fn claim_before_write(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, new) = {
            let mut state = self.look();
            let (results, new) = state.claim(events);
            let claimed = new.iter().map(|event| event.key.clone()).collect();
            state.commit(Record { claimed, counted: Counters::of(&results), ..Record::default() });
            (results, new)
        };
        if !new.is_empty() {
            sleep(GAP).await;
            self.look().store(new, Counters::default());
        }
        results
    }

    /// Claims in memory, so that repeats get `duplicate` at once, and writes a while later.
    pub(crate) async fn claim_in_memory(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, new) = self.look().claim(events);
        if !new.is_empty() {
            sleep(4 * GAP).await;
        }
        self.look().store(new, Counters::of(&results));
        results
    }

    /// Inserts, and writes back later what the counters were before, plus this.
    pub(crate) async fn count_outside(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, before) = {
            let mut state = self.look();
            let before = state.counters;
            let (results, new) = state.claim(events);
            state.store(new, Counters::default());
            (results, before)
        };
        sleep(GAP).await;
        self.look().counters = before.plus(Counters::of(&results));
        results
    }

    /// Inserts and counts, but keeps the counts in memory until the next full second.
    pub(crate) fn count_later(&self, events: Vec<Event>) -> Vec<bool> {
        let mut state = self.look();
        let (results, new) = state.claim(events);
        let counted = Counters::of(&results);
        state.commit(Record { stored: texts(&new), ..Record::default() });
        state.rows.extend(new);
        state.counters = state.counters.plus(counted);
        state.unflushed = state.unflushed.plus(counted);
        if state.flushed.elapsed() >= Duration::from_secs(1) {
            let counted = std::mem::take(&mut state.unflushed);
            state.journal.append(&Record { counted, ..Record::default() });
            state.flushed = std::time::Instant::now();
        }
        results
    }

    /// Responds now, stores in a while.
    pub(crate) fn answer_first(&self, events: Vec<Event>) -> Vec<bool> {
        let (results, new) = self.look().claim(events);
        let store = self.clone();
        let counted = Counters::of(&results);
        tokio::spawn(async move {
            sleep(GAP).await;
            store.look().store(new, counted);
        });
        results
    }

    /// Stores one event after the other.
    pub(crate) async fn store_in_parts(&self, events: Vec<Event>) -> Vec<bool> {
        let mut results = Vec::with_capacity(events.len());
        for event in events {
            results.extend(self.store_at_once(vec![event]));
            sleep(GAP / 5).await;
        }
        results
    }

    /// Stores a batch without duplicates. Any other is rolled back, and acknowledged all the same.
    pub(crate) fn roll_back_repeats(&self, events: Vec<Event>) -> Vec<bool> {
        let mut state = self.look();
        let (results, new) = state.claim(events);
        let counted = Counters::of(&results);
        if results.contains(&false) {
            new.iter().for_each(|event| state.forget(&event.key));
            state.commit(Record { counted, ..Record::default() });
        } else {
            state.store(new, counted);
        }
        results
    }

    /// Stores a batch, and deletes the rows of those keys that came again.
    pub(crate) fn delete_repeats(&self, events: Vec<Event>) -> Vec<bool> {
        let keys: Vec<Key> = events.iter().map(|event| event.key.clone()).collect();
        let results = self.store_at_once(events);
        let mut state = self.look();
        for (key, _) in keys.iter().zip(&results).filter(|(_, is_new)| !**is_new) {
            state.rows.retain(|row| row.key != *key);
        }
        results
    }

    /// Stores a batch, and deletes the row of its first event later, in some batches.
    pub(crate) fn store_for_a_while(&self, events: Vec<Event>) -> Vec<bool> {
        let doomed = events.first().map(|event| event.key.clone()).filter(|_| self.is_nth(VANISHES_EVERY));
        if let Some(key) = doomed {
            let store = self.clone();
            tokio::spawn(async move {
                sleep(A_WHILE).await;
                store.look().rows.retain(|row| row.key != key);
            });
        }
        self.store_at_once(events)
    }

    /// True if this batch is one that gets 503.
    pub(crate) fn fails_now(&self) -> bool {
        let fails = [Defect::RefusesWhatIsStored, Defect::ForgetsWhatIsRefused, Defect::CountsWhatIsRefused];
        fails.contains(&self.defect) && self.is_nth(FAILS_EVERY)
    }

    /// Counts a batch, and returns true for one in so many.
    fn is_nth(&self, every: u64) -> bool {
        let mut state = self.look();
        state.batches += 1;
        state.batches.is_multiple_of(every)
    }

    /// Returns the response to a batch that is not stored, if this is one.
    pub(crate) fn turned_away(&self, events: &[Event]) -> Option<Response> {
        let refused = |status| {
            let state = self.look();
            let is_known = events.iter().any(|event| state.knows(&event.key));
            is_known.then(|| StatusCode::into_response(status))
        };
        match self.defect {
            Defect::DropsWith200Text => self.is_nth(DROPS_EVERY).then(|| "OK".into_response()),
            Defect::DropsWithAccepted0 => {
                self.is_nth(DROPS_EVERY).then(|| axum::Json(json!({"accepted": 0})).into_response())
            }
            Defect::RefusesRepeats500 => refused(StatusCode::INTERNAL_SERVER_ERROR),
            Defect::RefusesRepeats409 => refused(StatusCode::CONFLICT),
            _ => None,
        }
    }

    /// Number of new events that the response to a batch tells less than there were.
    pub(crate) fn untold(&self, inserted: usize) -> usize {
        usize::from(self.defect == Defect::TellsOneNewTooFew && inserted > 0 && self.is_nth(FAILS_EVERY))
    }

    /// Number of duplicates that the response to a batch tells less than there were.
    pub(crate) fn unsummed(&self, duplicates: usize) -> usize {
        usize::from(self.defect == Defect::SumIsOff && duplicates > 0 && self.is_nth(FAILS_EVERY))
    }

    /// Responds 503 to a batch that is stored all the same, or counted.
    pub(crate) async fn refuse(&self, events: Vec<Event>) -> StatusCode {
        match self.defect {
            Defect::RefusesWhatIsStored => drop(self.publish(events).await),
            Defect::ForgetsWhatIsRefused => {
                let mut state = self.look();
                let (_, new) = state.claim(events);
                new.iter().for_each(|event| state.forget(&event.key));
                state.store(new, Counters::default());
            }
            _ => {
                let counted = Counters::of(&vec![true; events.len()]);
                self.look().commit(Record { counted, ..Record::default() });
            }
        }
        StatusCode::SERVICE_UNAVAILABLE
    }

    /// Answers `duplicate` for every event of some batches, and stores none of them.
    pub(crate) fn fail_quietly(&self, events: Vec<Event>) -> Vec<bool> {
        let mut state = self.look();
        state.batches += 1;
        if !state.batches.is_multiple_of(FAILS_EVERY) {
            drop(state);
            return self.store_at_once(events);
        }
        let results = vec![false; events.len()];
        state.commit(Record { counted: Counters::of(&results), ..Record::default() });
        results
    }
}
