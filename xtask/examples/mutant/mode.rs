//! What a sound target can be like: the same store behind other promises.

use clap::ValueEnum;

/// A way to keep the contract, or as much of it as is promised.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Mode {
    /// Stored before the answer; a batch whole or not at all; all told and all shown.
    Strict,
    /// Answered once the batch is in a durable inbox, and stored later.
    Queued,
    /// Refuses some events, and tells which.
    Partial,
    /// Forgets a key half a second after it was stored.
    Windowed,
    /// Counters that begin anew with each process.
    Volatile,
    /// Shows the newest 200 events of a topic, and no way to more.
    Capped,
}

impl Mode {
    /// Whether an event of this id is refused: one in 128, the same ones always.
    pub(crate) fn refuses(self, id: &str) -> bool {
        self == Self::Partial && id.len() == 36 && (id.ends_with("00") || id.ends_with("80"))
    }
}
