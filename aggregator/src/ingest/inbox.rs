//! The inbox of the queued mode, as far as this process knows it.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// What the handlers and the workers of one process share.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Told when something was put in.
    pub(super) filled: Notify,
    /// Events that this process' workers are about to store.
    pub(super) in_hand: AtomicI64,
    /// Events that waited when somebody last looked.
    pub(super) waiting: AtomicI64,
}

impl Inbox {
    /// Wakes a worker.
    pub(crate) fn filled(&self) {
        self.filled.notify_one();
    }

    /// Whether so many events wait, or more.
    pub(crate) fn holds(&self, events: i64) -> bool {
        self.waiting.load(Ordering::Relaxed) >= events
    }

    /// How many of so many that wait are in a worker's hands.
    pub(crate) fn processing(&self, waiting: i64) -> i64 {
        self.in_hand.load(Ordering::Relaxed).clamp(0, waiting.max(0))
    }
}
