//! The inbox of the queued mode, as this process knows it.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// State that the handlers and the workers of one process share.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    /// Notified when events were put in.
    pub(super) filled: Notify,
    /// Events that this process's workers are about to store.
    pub(super) in_hand: AtomicI64,
    /// Events that waited at the last look.
    pub(super) waiting: AtomicI64,
}

impl Inbox {
    /// Wakes a worker.
    pub(crate) fn filled(&self) {
        self.filled.notify_one();
    }

    /// True if this many events wait, or more.
    pub(crate) fn holds(&self, events: i64) -> bool {
        self.waiting.load(Ordering::Relaxed) >= events
    }

    /// Number of waiting events that a worker of this process is storing.
    pub(crate) fn processing(&self, waiting: i64) -> i64 {
        self.in_hand.load(Ordering::Relaxed).clamp(0, waiting.max(0))
    }
}
