//! Modes of a sound target: the same store behind other promises.

use clap::ValueEnum;

/// A way to keep the contract, or as much of it as is promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// Stores before it responds; a batch is stored completely or not at all, and everything is
    /// shown.
    Strict,
    /// Responds once the batch is in a durable inbox, and stores it later.
    Queued,
    /// Rejects some events, and says which.
    Partial,
    /// Forgets a key half a second after it was stored.
    Windowed,
    /// Counters start again with each process.
    Volatile,
    /// Shows the newest 200 events of a topic, and no further page.
    Capped,
}

impl Mode {
    /// True if an event of this id is rejected: one in 128, the same ones always.
    pub(crate) fn refuses(self, id: &str) -> bool {
        self == Self::Partial && id.len() == 36 && (id.ends_with("00") || id.ends_with("80"))
    }
}
