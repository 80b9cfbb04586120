//! What can be wrong with a target.

use clap::ValueEnum;

/// One defect, each somebody's.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Defect {
    /// None: each event is stored once, counted once, and answered after that.
    None,
    /// Looks whether a key is there, and inserts it later, without a constraint that would refuse the second.
    CheckThenInsert,
    /// Marks a key as known, durably, and writes the event later: what dies in between is never stored.
    ClaimBeforeWrite,
    /// Takes two events with one id for one, whatever their topics.
    DedupById,
    /// Keeps everything in memory alone.
    LostAtRestart,
    /// Reads a counter, and writes it back later.
    CounterOutsideTheInsert,
    /// Stores one event in 5,000 a second time.
    StoredTwice,
}
