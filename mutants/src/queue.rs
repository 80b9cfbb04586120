//! Inbox of a target that stores later: acknowledged batches, in order, each taken by one worker.

use std::time::Duration;

use tokio::time::sleep;

use crate::defect::Defect;
use crate::event::Event;
use crate::journal::Record;
use crate::store::{State, Store, texts};

/// Time that storing takes, so that some batches wait while others come.
const WORK: Duration = Duration::from_millis(1);

/// Pause between two steps that ought to be one.
const GAP: Duration = Duration::from_millis(2);

/// Pause between two looks at an empty inbox.
const LOOK: Duration = Duration::from_millis(2);

/// Batches that an inbox holds which drops what is too much.
const ROOM: usize = 4;

impl Store {
    /// Puts a batch into the inbox, durably, for the workers.
    pub(crate) fn enqueue(&self, events: Vec<Event>) {
        let mut state = self.look();
        if self.defect == Defect::QueueDropsWhenFull && state.inbox.len() >= ROOM {
            return;
        }
        if self.defect != Defect::QueueLostAtKill {
            state.journal.append(&Record { queued: vec![texts(&events)], ..Record::default() });
        }
        state.inbox.push_back(events);
    }

    /// Works until the process ends.
    pub(crate) async fn work(self) {
        loop {
            let is_idle = match self.defect {
                Defect::PoppedThenKilled => {
                    self.note_then_store(Record { taken: 1, ..Record::default() }, 0).await
                }
                // A batch that a killed process had begun is never begun again.
                Defect::NeverReclaimed => {
                    self.note_then_store(Record { begun: 1, ..Record::default() }, 1).await
                }
                Defect::TwoWorkersOnOne => self.look_then_store().await,
                _ => self.take_and_store().await,
            };
            if is_idle {
                sleep(LOOK).await;
            }
        }
    }

    /// Takes a batch out of the inbox in the step that stores and counts it: the sound way.
    async fn take_and_store(&self) -> bool {
        sleep(WORK).await;
        let mut state = self.look();
        let Some(events) = state.inbox.pop_front() else { return true };
        state.store_queued(events, 1);
        false
    }

    /// Notes that a batch is out of the inbox, or begun, and stores it later: in between, the
    /// process may be killed.
    async fn note_then_store(&self, noted: Record, taken_later: usize) -> bool {
        let events = {
            let mut state = self.look();
            let Some(events) = state.inbox.pop_front() else { return true };
            state.journal.append(&noted);
            state.processing += events.len() as u64;
            events
        };
        sleep(GAP).await;
        let mut state = self.look();
        state.processing -= events.len() as u64;
        state.store_queued(events, taken_later);
        false
    }

    /// Looks at the first batch, stores it later, and takes it out only then: another worker does
    /// the same.
    async fn look_then_store(&self) -> bool {
        let Some(events) = self.look().inbox.front().cloned() else { return true };
        sleep(GAP).await;
        let mut state = self.look();
        let is_first = state.inbox.front().is_some_and(|first| first[0].key == events[0].key);
        let taken = usize::from(is_first);
        state.inbox.drain(..taken);
        state.store_queued(events, taken);
        false
    }
}

impl State {
    /// Stores and counts a batch of the inbox, and notes that `taken` batches leave it, in one
    /// step.
    fn store_queued(&mut self, events: Vec<Event>, taken: usize) {
        let (results, new) = self.claim(events);
        let counted = self.defect.counted(&results);
        self.commit(Record { stored: texts(&new), counted, taken, ..Record::default() });
        self.rows.extend(new);
    }

    /// Events that wait.
    pub(crate) fn pending(&self) -> u64 {
        self.inbox.iter().map(|events| events.len() as u64).sum()
    }

    /// Takes over the inbox of an earlier process.
    pub(crate) fn resume(&mut self, record: &mut Record) -> serde_json::Result<()> {
        for texts in record.queued.drain(..) {
            let events: serde_json::Result<Vec<Event>> = texts.into_iter().map(Event::parse).collect();
            self.inbox.push_back(events?);
        }
        for _ in 0..record.begun {
            if let Some(events) = self.inbox.pop_front() {
                self.processing += events.len() as u64;
                self.begun.push_back(events);
            }
        }
        for _ in 0..record.taken {
            match self.begun.pop_front() {
                Some(events) => self.processing -= events.len() as u64,
                None => drop(self.inbox.pop_front()),
            }
        }
        Ok(())
    }
}
