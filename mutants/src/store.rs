//! Store: the known keys, the rows, the counters, and the file that they are made from.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use serde_json::value::RawValue;

use crate::counters::Counters;
use crate::defect::Defect;
use crate::error::MutantError;
use crate::event::{Event, Key};
use crate::journal::{Journal, Record};
use crate::mode::Mode;

/// Keys that a short memory holds.
const REMEMBERED: u64 = 10_000;

/// Length of a short window.
const WINDOW: Duration = Duration::from_secs(2);

/// Time without a batch after which an idle target forgets.
const IDLE: Duration = Duration::from_millis(250);

/// Rows that a ring of rows holds.
const RING: usize = 1_000;

/// Time for which a key is known in the windowed mode: the promised window and a little more, for a
/// repeat in the last moment.
const PROMISED_WINDOW: Duration = Duration::from_millis(510);

/// State of the store.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) defect: Defect,
    mode: Mode,
    /// Each known key, with the number of keys known before it and the moment.
    known: HashMap<Key, (u64, Instant)>,
    learnt: u64,
    refused: u64,
    pub(crate) batches: u64,
    /// Moment of the last batch.
    busy: Instant,
    pub(crate) rows: Vec<Event>,
    pub(crate) counters: Counters,
    /// Growth of the counters since they were made durable, and that moment.
    pub(crate) unflushed: Counters,
    pub(crate) flushed: Instant,
    pub(crate) journal: Journal,
    /// Batches that were acknowledged and are not stored.
    pub(crate) inbox: VecDeque<Vec<Event>>,
    /// Batches that an earlier process had begun.
    pub(crate) begun: VecDeque<Vec<Event>>,
    /// Events that are being stored.
    pub(crate) processing: u64,
}

/// The store, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: Arc<Mutex<State>>,
    pub(crate) defect: Defect,
    pub(crate) mode: Mode,
    /// Id of this process.
    pub(crate) instance: u32,
    /// Start of the uptime that the target reports.
    up_since: SystemTime,
}

impl Store {
    /// Opens the store of an earlier process.
    pub(crate) fn open(path: &Path, defect: Defect, mode: Mode) -> Result<Self, MutantError> {
        let (journal, records) = match defect {
            Defect::LostAtRestart => (Journal::nowhere(), Vec::new()),
            _ => Journal::open(path)?,
        };
        let mut state = State {
            defect,
            mode,
            known: HashMap::new(),
            learnt: 0,
            refused: 0,
            batches: 0,
            busy: Instant::now(),
            rows: Vec::new(),
            counters: Counters::default(),
            unflushed: Counters::default(),
            flushed: Instant::now(),
            journal,
            inbox: VecDeque::new(),
            begun: VecDeque::new(),
            processing: 0,
        };
        let unclear = MutantError::record(path);
        for mut record in records {
            state.resume(&mut record).map_err(&unclear)?;
            for key in record.claimed {
                state.remember(key);
            }
            for text in record.stored {
                let event = Event::parse(text).map_err(&unclear)?;
                state.remember(defect.key(&event));
                state.rows.push(event);
            }
            if mode != Mode::Volatile {
                state.counters = state.counters.plus(record.counted);
            }
        }
        let up_since = match defect {
            Defect::UptimeNotReset => first_start(path)?,
            _ => SystemTime::now(),
        };
        Ok(Self { state: Arc::new(Mutex::new(state)), defect, mode, instance: std::process::id(), up_since })
    }

    /// Returns the uptime that the target reports.
    pub(crate) fn uptime(&self) -> Duration {
        self.up_since.elapsed().unwrap_or_default()
    }

    /// Locks the state.
    pub(crate) fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("a panic ends the process")
    }

    /// Returns all topics, in order.
    pub(crate) fn topics(&self) -> BTreeSet<String> {
        self.look().rows.iter().map(|row| row.key.0.clone()).collect()
    }

    /// Takes a batch. Returns true for each event that was new.
    pub(crate) async fn publish(&self, events: Vec<Event>) -> Vec<bool> {
        match self.defect {
            Defect::CheckThenInsert => self.check_then_insert(events).await,
            Defect::ClaimBeforeWrite => self.claim_before_write(events).await,
            Defect::CounterOutsideTheInsert => self.count_outside(events).await,
            Defect::CountersFlushedLater => self.count_later(events),
            Defect::AckedBeforeStored => self.answer_first(events),
            Defect::StoresInParts => self.store_in_parts(events).await,
            Defect::FailureIsDuplicate => self.fail_quietly(events),
            Defect::DuplicateBeforeFirst => self.claim_in_memory(events).await,
            Defect::RepeatRollsBack => self.roll_back_repeats(events),
            Defect::RepeatDeletes => self.delete_repeats(events),
            Defect::VanishesLater => self.store_for_a_while(events),
            _ => self.store_at_once(events),
        }
    }

    /// Looks up, inserts, counts and makes durable in one step: the sound way.
    pub(crate) fn store_at_once(&self, events: Vec<Event>) -> Vec<bool> {
        let mut state = self.look();
        let keys: Vec<Key> = events.iter().map(|event| event.key.clone()).collect();
        let again = if self.defect == Defect::LastWriterWins { events.clone() } else { Vec::new() };
        let (mut results, new) = state.claim(events);
        state.store(new, self.defect.counted(&results));
        again.into_iter().for_each(|event| state.replace(event));
        if self.defect == Defect::InBatchRepeatIsNew {
            let new: HashSet<&Key> =
                keys.iter().zip(&results).filter(|(_, is_new)| **is_new).map(|(key, _)| key).collect();
            results = keys.iter().map(|key| new.contains(key)).collect();
        }
        results
    }
}

/// Returns the start of the first process on this file, kept in a file beside it.
fn first_start(path: &Path) -> Result<SystemTime, MutantError> {
    let kept = path.with_extension("started");
    if !kept.exists() {
        std::fs::write(&kept, "").map_err(MutantError::file("write", &kept))?;
    }
    let written = std::fs::metadata(&kept).and_then(|file| file.modified());
    written.map_err(MutantError::file("read", &kept))
}

impl State {
    pub(crate) fn knows(&self, key: &Key) -> bool {
        self.known.get(key).is_some_and(|(nth, since)| match self.defect {
            Defect::ShortMemory => self.learnt - nth <= REMEMBERED,
            Defect::ShortWindow => since.elapsed() < WINDOW,
            _ => self.mode != Mode::Windowed || since.elapsed() < PROMISED_WINDOW,
        })
    }

    /// Marks a key as known. Returns true if it was not.
    pub(crate) fn remember(&mut self, key: Key) -> bool {
        let is_new = !self.knows(&key);
        if is_new {
            self.known.insert(key, (self.learnt, Instant::now()));
            self.learnt += 1;
        }
        is_new
    }

    /// Marks the keys of these events as known. Returns true for each event that was new, and the
    /// new events.
    pub(crate) fn claim(&mut self, events: Vec<Event>) -> (Vec<bool>, Vec<Event>) {
        let mut results = Vec::with_capacity(events.len());
        let mut new = Vec::new();
        let mut has_stopped = false;
        self.take_turns();
        for event in events {
            let is_new = !has_stopped && self.is_new(self.known_as(&event));
            has_stopped |= self.defect == Defect::StopsAtConflict && !is_new;
            results.push(is_new);
            new.extend(is_new.then_some(event));
        }
        (results, new)
    }

    /// Begins a batch: it is another worker's turn, and an idle target has forgotten all keys.
    fn take_turns(&mut self) {
        self.batches += u64::from(self.defect == Defect::MemoryPerWorker);
        if self.defect == Defect::ForgetsWhenIdle && self.busy.elapsed() >= IDLE {
            self.known.clear();
        }
        self.busy = Instant::now();
    }

    /// Returns the key under which an event is known, in the memory of the worker whose turn it is
    /// if each has its own.
    fn known_as(&self, event: &Event) -> Key {
        let (topic, id) = self.defect.key(event);
        match self.defect {
            Defect::MemoryPerWorker => (topic, format!("{id}, worker {}", self.batches % 2)),
            _ => (topic, id),
        }
    }

    /// Forgets a key.
    pub(crate) fn forget(&mut self, key: &Key) {
        self.known.remove(key);
    }

    fn is_new(&mut self, key: Key) -> bool {
        let is_new = self.remember(key);
        self.refused += u64::from(!is_new);
        is_new || (self.defect == Defect::EverySecondDuplicate && self.refused.is_multiple_of(2))
    }

    /// Stores new events and counts, in one step.
    pub(crate) fn store(&mut self, new: Vec<Event>, counted: Counters) {
        let moment = self.rows.len() as u64;
        let sent = new.len();
        let mut stored = self.defect.stored(new, self.rows.len());
        let counted = self.defect.counted_with(stored.len().saturating_sub(sent), counted);
        stored.iter_mut().for_each(|event| event.moment = moment);
        self.commit(Record { stored: texts(&stored), counted, ..Record::default() });
        self.rows.extend(stored);
        if matches!(self.defect, Defect::RingOfRows | Defect::DeletesRowsOfOthers) {
            self.delete_old();
        }
    }

    /// Deletes the rows that a ring does not hold.
    fn delete_old(&mut self) {
        let old = self.rows.len().saturating_sub(RING);
        for row in self.rows.drain(..old) {
            self.known.remove(&row.key);
        }
        if self.defect == Defect::DeletesRowsOfOthers {
            self.counters.unique -= old as u64;
        }
    }

    /// Replaces the event that is stored under its key. This is not durable, as no such mutant is
    /// killed.
    fn replace(&mut self, event: Event) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.key == event.key) {
            *row = Event { moment: row.moment, ..event };
        }
    }

    /// Makes a record durable, and counts.
    pub(crate) fn commit(&mut self, record: Record) {
        self.journal.append(&record);
        self.counters = self.counters.plus(record.counted);
    }
}

pub(crate) fn texts(events: &[Event]) -> Vec<Box<RawValue>> {
    events.iter().map(|event| event.text.clone()).collect()
}
