//! Store: it keeps each (topic, id) once, in memory and in the file.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::sleep;

use crate::counters::Counters;
use crate::defect;
use crate::disk::{Change, Disk, StoredRow, Waiting};
use crate::event::{Event, Key};
use crate::settings::{Batch, Conflict, Defect, Others, Settings, Stats, View};

/// Pause between two events that are stored in steps of their own.
const STEP: Duration = Duration::from_millis(1);

/// Time until a copy is merged away.
const MERGED_AFTER: Duration = Duration::from_secs(30);

/// Number of events that others have stored before.
const OTHERS_BEFORE: u64 = 300;

/// Fate of an event that was taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    New,
    Duplicate,
}

/// A known key came with other content, and the request was rejected.
#[derive(Debug)]
pub(crate) struct Conflicting;

/// Row of the store.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) seq: u64,
    pub(crate) event: Event,
    /// None for a row of an earlier process.
    pub(crate) stored: Option<Instant>,
    /// Number of the request that brought it.
    pub(crate) request: u64,
    /// Moment at which a copy is merged away; none for a row that stays.
    pub(crate) merged: Option<Instant>,
    pub(crate) is_deleted: bool,
}

/// State of the store.
#[derive(Debug)]
pub(crate) struct State {
    settings: Settings,
    disk: Disk,
    /// Known keys, with the place of the row.
    known: HashMap<Key, Option<usize>>,
    pub(crate) rows: Vec<Row>,
    pub(crate) counters: Counters,
    /// Counters at the start of this process.
    pub(crate) at_start: Counters,
    /// Moment of the first start on this file, in milliseconds since 1970.
    pub(crate) first_start_ms: u64,
    /// Counters of two instances, each of which sees every second request.
    pub(crate) of_instances: [Counters; 2],
    pub(crate) queue: VecDeque<Waiting>,
    pub(crate) next_waiting: u64,
    /// Requests that reached the store.
    requests: u64,
    /// New events of this process.
    new: u64,
}

/// The store, shared by all connections.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    state: Arc<Mutex<State>>,
    pub(crate) settings: Arc<Settings>,
}

/// Returns the time in milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Store {
    /// Opens the store of an earlier process, or makes one.
    pub(crate) async fn open(settings: Settings) -> Result<Self> {
        let (disk, kept) = Disk::open(&settings.file, now_ms()).await?;
        let mut state = State {
            disk,
            known: HashMap::new(),
            rows: Vec::new(),
            counters: kept.counters,
            at_start: kept.counters,
            first_start_ms: kept.first_start_ms,
            of_instances: [Counters::default(); 2],
            next_waiting: kept.queue.last().map_or(1, |last| last.seq + 1),
            queue: kept.queue.into(),
            requests: 0,
            new: 0,
            settings,
        };
        let is_fresh = kept.rows.is_empty();
        for StoredRow { seq, event } in kept.rows {
            if state.settings.defect != Defect::ForgetsKeys {
                state.known.insert(state.key(&event), Some(state.rows.len()));
            }
            state.rows.push(Row { seq, event, stored: None, request: 0, merged: None, is_deleted: false });
        }
        if is_fresh && matches!(state.settings.others, Others::Before | Others::Retention) {
            let events = (0..OTHERS_BEFORE).map(|n| Event::of_others(format!("before-{n}")));
            state.take(events.collect(), Receipt::Counted).await?;
        }
        let settings = Arc::new(state.settings.clone());
        Ok(Self { state: Arc::new(Mutex::new(state)), settings })
    }

    /// Locks the state.
    pub(crate) async fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().await
    }

    /// Stores the events of a request, and counts them.
    pub(crate) async fn take(&self, events: Vec<Event>) -> Result<Result<Vec<Fate>, Conflicting>> {
        {
            let mut state = self.look().await;
            if self.settings.conflict == Conflict::Rejected && state.conflicts(&events) {
                return Ok(Err(Conflicting));
            }
            state.requests += 1;
            if self.settings.defect == Defect::Drops && state.requests.is_multiple_of(defect::DROPS_ONE_IN) {
                return Ok(Ok(events.iter().map(|event| state.fate(event)).collect()));
            }
            if self.settings.batch != Batch::EachAlone {
                return state.take(events, Receipt::Counted).await.map(Ok);
            }
        }
        let mut fates = Vec::with_capacity(events.len());
        for event in events {
            fates.extend(self.look().await.take(vec![event], Receipt::Counted).await?);
            sleep(STEP).await;
        }
        Ok(Ok(fates))
    }

    /// Puts the events of a request into the queue, and counts them as received.
    pub(crate) async fn enqueue(&self, events: Vec<Event>) -> Result<()> {
        self.look().await.enqueue(events).await
    }

    /// Counts events that were rejected, if such events are counted.
    pub(crate) async fn count_rejected(&self, events: usize) -> Result<()> {
        if self.settings.stats != Stats::Offered {
            return Ok(());
        }
        let received = events as u64;
        self.look().await.count(Counters { received, ..Counters::default() }).await
    }

    /// Counts an event of somebody whose events the listing does not show.
    pub(crate) async fn count_tenant(&self) -> Result<()> {
        self.look().await.count(Counters { received: 1, unique: 1, duplicates: 0 }).await
    }
}

/// Changes that a request makes.
#[derive(Debug, Default)]
struct Changed {
    insert: Vec<StoredRow>,
    /// Rows whose event is another from now on.
    replace: Vec<StoredRow>,
    /// Copies that are shown until they are merged away.
    copies: Vec<Event>,
}

/// Count of the received events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Receipt {
    /// They are counted now.
    Counted,
    /// They were counted when they came into the queue, under this number.
    Queued(u64),
}

impl State {
    /// Events that wait in the queue.
    pub(crate) fn waiting(&self) -> u64 {
        self.queue.iter().map(|waiting| waiting.events.len() as u64).sum()
    }

    /// Rows that are there, without copies.
    pub(crate) fn rows_there(&self) -> u64 {
        self.rows.iter().filter(|row| !row.is_deleted && row.merged.is_none()).count() as u64
    }

    /// True if a row with this key is there.
    pub(crate) fn has(&self, topic: &str, event_id: &str) -> bool {
        let is_it = |row: &&Row| row.event.topic == topic && row.event.event_id == event_id;
        self.rows.iter().any(|row| is_it(&row) && !row.is_deleted)
    }

    fn key(&self, event: &Event) -> Key {
        defect::key(self.settings.defect, event)
    }

    fn fate(&self, event: &Event) -> Fate {
        if self.known.contains_key(&self.key(event)) { Fate::Duplicate } else { Fate::New }
    }

    /// True if a known key comes with another payload, or one key twice with two of them.
    fn conflicts(&self, events: &[Event]) -> bool {
        let mut here: HashMap<Key, &Event> = HashMap::new();
        events.iter().any(|event| {
            let place = self.known.get(&self.key(event)).copied().flatten();
            let first =
                place.map_or_else(|| here.get(&self.key(event)).copied(), |at| Some(&self.rows[at].event));
            here.entry(self.key(event)).or_insert(event);
            first.is_some_and(|first| !first.has_payload_of(event))
        })
    }

    /// Stores the new ones among these events, and counts all, in one step.
    pub(crate) async fn take(&mut self, events: Vec<Event>, receipt: Receipt) -> Result<Vec<Fate>> {
        let mut fates = Vec::with_capacity(events.len());
        let mut changed = Changed::default();
        let first_seq = self.next_seq();
        for event in events {
            let fate = self.fate(&event);
            fates.push(fate);
            if fate == Fate::Duplicate {
                self.repeat(event, &mut changed);
                continue;
            }
            self.new += 1;
            let stored = defect::stored(self.settings.defect, &event, self.new);
            let place = (!stored.is_empty()).then_some(self.rows.len() + changed.insert.len());
            self.known.insert(self.key(&event), place);
            for event in stored {
                let seq = first_seq + changed.insert.len() as u64;
                changed.insert.push(StoredRow { seq, event });
            }
        }
        let counted = counted(&fates, receipt, &self.settings);
        let dequeue = match receipt {
            Receipt::Counted => None,
            Receipt::Queued(seq) => Some(seq),
        };
        let counters = self.counters.plus(counted);
        let Changed { insert, replace, .. } = &changed;
        self.disk.commit(Change { insert, replace, dequeue, counters, ..Change::default() }).await?;
        self.counters = counters;
        let instance = &mut self.of_instances[(self.requests % 2) as usize];
        *instance = instance.plus(counted);
        self.keep(changed);
        Ok(fates)
    }

    fn next_seq(&self) -> u64 {
        self.rows.last().map_or(1, |row| row.seq + 1)
    }

    /// Takes an event whose key is known: it may replace the first, or be shown for a while.
    fn repeat(&self, event: Event, changed: &mut Changed) {
        if self.settings.view == View::Merging {
            changed.copies.push(event);
            return;
        }
        let place = self.known.get(&self.key(&event)).copied().flatten();
        let Some(place) = place.filter(|_| self.settings.conflict == Conflict::LastWins) else { return };
        match self.rows.get(place) {
            Some(row) => changed.replace.push(StoredRow { seq: row.seq, event }),
            None => changed.insert[place - self.rows.len()].event = event,
        }
    }

    /// Takes what is durable into memory.
    fn keep(&mut self, changed: Changed) {
        let request = self.requests;
        let stored = Some(Instant::now());
        for StoredRow { seq, event } in changed.insert {
            self.rows.push(Row { seq, event, stored, request, merged: None, is_deleted: false });
        }
        for StoredRow { seq, event } in changed.replace {
            if let Some(row) = self.rows.iter_mut().find(|row| row.seq == seq) {
                row.event = event;
            }
        }
        let merged = Some(Instant::now() + self.settings.delay(MERGED_AFTER));
        for event in changed.copies {
            let seq = self.next_seq();
            self.rows.push(Row { seq, event, stored, request, merged, is_deleted: false });
        }
    }

    async fn enqueue(&mut self, events: Vec<Event>) -> Result<()> {
        self.requests += 1;
        if self.settings.defect == Defect::Drops && self.requests.is_multiple_of(defect::DROPS_ONE_IN) {
            return Ok(());
        }
        let received = events.len() as u64;
        let waiting = Waiting { seq: self.next_waiting, events, claimed_ms: None };
        let counters = self.counters.plus(Counters { received, ..Counters::default() });
        self.disk.commit(Change { enqueue: Some(&waiting), counters, ..Change::default() }).await?;
        self.counters = counters;
        self.next_waiting += 1;
        self.queue.push_back(waiting);
        Ok(())
    }

    /// Claims a request of the queue for a consumer.
    pub(crate) async fn claim(&mut self, place: usize, now_ms: u64) -> Result<Waiting> {
        self.queue[place].claimed_ms = Some(now_ms);
        let waiting = self.queue[place].clone();
        let counters = self.counters;
        self.disk.commit(Change { enqueue: Some(&waiting), counters, ..Change::default() }).await?;
        Ok(waiting)
    }

    /// Stores a request of the queue, and takes it out.
    pub(crate) async fn finish(&mut self, waiting: Waiting) -> Result<()> {
        self.queue.retain(|other| other.seq != waiting.seq);
        self.take(waiting.events, Receipt::Queued(waiting.seq)).await?;
        Ok(())
    }

    async fn count(&mut self, counted: Counters) -> Result<()> {
        let counters = self.counters.plus(counted);
        self.disk.commit(Change { counters, ..Change::default() }).await?;
        self.counters = counters;
        Ok(())
    }

    /// Deletes the oldest row of others. Returns false if there is none.
    pub(crate) async fn delete_oldest_of_others(&mut self) -> Result<bool> {
        let is_there = |row: &&mut Row| !row.is_deleted && row.event.source == "others";
        let Some(row) = self.rows.iter_mut().find(is_there) else { return Ok(false) };
        row.is_deleted = true;
        let delete = Some(row.seq);
        let counters = self.counters;
        self.disk.commit(Change { delete, counters, ..Change::default() }).await?;
        Ok(true)
    }

    /// True if an event came from a run.
    pub(crate) fn has_ours(&self) -> bool {
        self.requests > 0
    }
}

/// Returns what a request adds to the counters.
fn counted(fates: &[Fate], receipt: Receipt, settings: &Settings) -> Counters {
    let all = fates.len() as u64;
    let unique = fates.iter().filter(|fate| **fate == Fate::New).count() as u64;
    let received = match receipt {
        Receipt::Queued(_) => 0,
        Receipt::Counted if settings.stats == Stats::Requests => 1,
        Receipt::Counted => all,
    };
    Counters { received, unique, duplicates: all - unique }
}
