//! `answer-order`: whether the answers about a key can have been given by a store that stores it once.
//!
//! Per key with an acknowledgement, let e be the earliest end of any. At most one attempt was told `new`, and it (or,
//! with none, some unknown attempt or some acknowledgement that does not tell) must have begun at or before e. In one
//! pass over the ledger in the order of ends: a key whose first acknowledgement says `duplicate` is kept, with its e,
//! until an attempt that can have stored it appears. The map is small: a `duplicate` before its `new` needs two
//! requests under way at once.

use std::collections::HashMap;

/// How many keys of each fault are kept for show.
const EXAMPLES: usize = 64;

/// What a booked attempt says about its key's order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// Stored by this attempt.
    New,
    /// Known before.
    Duplicate,
    /// Acknowledged; which of the two is not told.
    Unreported,
    /// No answer: it may have stored the key at any moment after its start.
    Nothing,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    first_ack: u64,
    /// Whether an attempt that does not tell can have stored the key in time.
    explained: bool,
}

/// Keys with one kind of fault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// The first of them.
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

/// What is wrong with the order of answers; `double-new` is read off the keys' bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OrderFaults {
    /// Told `new` by an attempt that began after the key had been acknowledged.
    pub late_new: Faults,
    /// Told `duplicate` when nothing can have stored it yet: claimed before written.
    pub phantom_duplicate: Faults,
}

/// The pass.
#[derive(Clone, Debug, Default)]
pub struct Order {
    waiting: HashMap<u64, Waiting>,
    faults: OrderFaults,
}

impl Order {
    /// Takes an attempt, in the order of ends; `acked_before` is whether the key had an acknowledgement already.
    pub fn take(
        &mut self,
        ordinal: u64,
        said: Said,
        acked_before: bool,
        t_start: u64,
        t_end: u64,
        unknown_before: bool,
    ) {
        match said {
            Said::Duplicate if !acked_before => {
                self.waiting.insert(ordinal, Waiting { first_ack: t_end, explained: unknown_before });
            }
            Said::Duplicate => {}
            Said::New => {
                if let Some(waiting) = self.waiting.remove(&ordinal)
                    && t_start > waiting.first_ack
                {
                    self.faults.late_new.note(ordinal);
                }
            }
            Said::Unreported | Said::Nothing => {
                if let Some(waiting) = self.waiting.get_mut(&ordinal) {
                    waiting.explained |= t_start <= waiting.first_ack;
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
