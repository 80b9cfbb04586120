//! `answer-order`: the order of responses about a key that is stored once.
//!
//! Let e be the earliest end of an acknowledged attempt of a key. At most one attempt was reported
//! as new, and it began at or before e. If none was reported as new, then an unknown attempt or one
//! that does not report which of the two began at or before e.
//!
//! One pass in the order of ends decides that. A key whose first acknowledgement reports a
//! duplicate waits, with its e, until an attempt appears that can have stored it. Few keys wait at
//! a time: a duplicate before its new needs two requests that overlap.
//!
//! For example, attempt A lasts from 10 to 30 ms and B from 15 to 20 ms. B ends first and reports a
//! duplicate: the key waits with e = 20 ms. Then A reports new. It began at 10 ms, before e, so it
//! can have stored the key. Had A begun at 25 ms, it would be a late new.

use foldhash::HashMap;

use super::interval::Interval;
use super::keys::KeyState;

/// Number of keys of each fault that are kept for show.
const EXAMPLES: usize = 64;

/// Part of a response that concerns one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Stored by this attempt.
    New,
    /// Known before.
    Duplicate,
    /// Acknowledged, without reporting which of the two.
    Unreported,
    /// No response: the attempt may have stored the key at any moment after its start.
    Nothing,
}

/// An attempt of a key, ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Response to it.
    pub said: Said,
    /// Time from its start to its end.
    pub interval: Interval,
}

/// A key whose first acknowledgement reports a duplicate.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    first_ack: u64,
    /// True if an attempt that reports nothing can have stored the key in time.
    explained: bool,
}

/// Keys with one kind of fault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// Number of keys.
    pub count: u64,
    /// The first keys.
    pub keys: Vec<u64>,
}

impl Faults {
    pub(crate) fn note(&mut self, ordinal: u64) {
        self.count += 1;
        if self.keys.len() < EXAMPLES {
            self.keys.push(ordinal);
        }
    }
}

/// Faults in the order of responses. Keys that were reported as new twice are read off their bytes
/// instead.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrderFaults {
    /// Keys reported as new by an attempt that began after an acknowledgement.
    pub late_new: Faults,
    /// Keys reported as duplicates when nothing can have stored them yet: claimed before written.
    pub phantom_duplicate: Faults,
}

/// The pass.
#[derive(Clone, Debug, Default)]
pub struct Order {
    waiting: HashMap<u64, Waiting>,
    faults: OrderFaults,
}

impl Order {
    /// Takes the next attempt in the order of ends, and the state of its key before it.
    pub fn take(&mut self, ordinal: u64, before: KeyState, attempt: Attempt) {
        let Interval { start, end } = attempt.interval;
        match attempt.said {
            Said::Duplicate if before.acked() == 0 => {
                let explained = before.unknown() > 0;
                self.waiting.insert(ordinal, Waiting { first_ack: end, explained });
            }
            Said::Duplicate => {}
            Said::New => {
                if let Some(waiting) = self.waiting.remove(&ordinal)
                    && start > waiting.first_ack
                {
                    self.faults.late_new.note(ordinal);
                }
            }
            Said::Unreported | Said::Nothing => {
                if let Some(waiting) = self.waiting.get_mut(&ordinal) {
                    waiting.explained |= start <= waiting.first_ack;
                }
            }
        }
    }

    /// Ends the pass.
    pub fn finish(mut self) -> OrderFaults {
        let mut left: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| !waiting.explained)
            .map(|(ordinal, _)| *ordinal)
            .collect();
        left.sort_unstable();
        for ordinal in left {
            self.faults.phantom_duplicate.note(ordinal);
        }
        self.faults
    }
}
