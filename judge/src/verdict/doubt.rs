//! Doubts: what keeps the evidence as a whole from being enough for a PASS.

use std::fmt;

use crate::books::tally::UnclearResponse;
use crate::numbers::{counted, grouped};

/// End of sentences about something that is not on record, and may have been sent all the same.
pub(crate) const OPEN_END: &str = "the ledger was not closed, and may lack the last requests";

/// A cause for UNKNOWN that no single check stands for. [`fmt::Display`] writes the sentence of the
/// report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The listing could not be read.
    ListingUnread {
        /// Error of the reader.
        reason: String,
    },
    /// The target changed while it was listed, each time.
    NeverAtRest {
        /// Number of listings made.
        listings: u32,
    },
    /// The database could not be read.
    DatabaseUnread {
        /// Error of the reader.
        reason: String,
    },
    /// The counters could not be read.
    CountersUnread {
        /// Error of the reader.
        reason: String,
    },
    /// The target was not at rest when the time was up.
    NotAtRest {
        /// Events that still waited; 0 if the counters moved.
        waiting: u64,
        /// Time given, in milliseconds.
        waited_ms: u64,
    },
    /// The target shows no events, and there is no baseline to compare its counters with.
    NothingToCompare,
    /// Folders of shards were not given.
    MissingShards(u32),
    /// Keys are not shown to be stored, and a response to each is unclear.
    Unclear {
        /// Number of keys.
        keys: u64,
        /// The first unclear response of the run.
        response: UnclearResponse,
        /// True if the target is described by rules.
        by_rules: bool,
    },
    /// The ledger could not be read a second time to find rejected attempts.
    RejectedUnread {
        /// Error of the reader.
        reason: String,
    },
    /// The ledger could not be read a second time to find unanswered requests.
    RequestsUnread {
        /// Error of the reader.
        reason: String,
    },
    /// Keys are listed without an attempt, and the ledger may lack one.
    Unattempted {
        /// Number of keys.
        keys: u64,
    },
    /// Foreign rows appeared since the run began, and the target counts them.
    OtherWriter {
        /// Number of rows.
        rows: u64,
    },
    /// Foreign rows are listed that may be older than the run.
    ForeignUndated {
        /// Number of rows, beyond those that were counted before the run.
        rows: u64,
    },
    /// Foreign rows appeared in a table, though nobody else writes.
    OthersInTable {
        /// Number of rows.
        rows: u64,
    },
    /// Foreign rows appeared that may be later than the run, though nobody else writes.
    ForeignLater {
        /// Number of rows.
        rows: u64,
    },
    /// The self-test of the judge could not read the ledger.
    SelfTestUnread {
        /// Error of the reader.
        reason: String,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListingUnread { reason } => write!(out, "the listing could not be read: {reason}"),
            Self::NeverAtRest { listings } => write!(
                out,
                "the target changed while it was listed, {listings} times in a row: it never came to rest"
            ),
            Self::DatabaseUnread { reason } => write!(out, "the database could not be read: {reason}"),
            Self::CountersUnread { reason } => write!(
                out,
                "the counters could not be read: {reason}; set `stats = {{}}` under `[target]` if it has none"
            ),
            Self::NotAtRest { waiting, waited_ms } => {
                match waiting {
                    0 => out.write_str("the counters still moved")?,
                    waiting => write!(out, "{} still waited", counted(*waiting, "event", "events"))?,
                }
                write!(out, " after {} ms; give it more time with --settle", grouped(*waited_ms))
            }
            Self::NothingToCompare => {
                out.write_str("the target shows no events, and there are no counters of before to compare")
            }
            Self::MissingShards(shards) => {
                let missing = counted(u64::from(*shards), "shard of this run is", "shards of this run are");
                let theirs = if *shards == 1 { "its folder" } else { "their folders" };
                write!(out, "{missing} missing; name {theirs} too")
            }
            Self::Unclear { keys, response, by_rules } => write_unclear(out, *keys, response, *by_rules),
            Self::RejectedUnread { reason } => write!(out, "rejected attempts cannot be read: {reason}"),
            Self::RequestsUnread { reason } => write!(out, "unanswered requests cannot be read: {reason}"),
            Self::Unattempted { keys } => {
                let keys = counted(*keys, "key is", "keys are");
                write!(out, "{keys} listed though no attempt is on record; but {OPEN_END}")
            }
            Self::OtherWriter { rows } => write!(
                out,
                "{} appeared since the run began: another writer; set `shared = true` under `[promises]` if others \
                 may write",
                counted(*rows, "foreign row that the target counts", "foreign rows that the target counts")
            ),
            Self::ForeignUndated { rows } => write!(
                out,
                "{} that may be older than the run; a whole listing before it would tell: run again on an empty \
                 target, or with `complete = true` under `[target.listing]` if it shows every row",
                counted(*rows, "foreign row is listed", "foreign rows are listed")
            ),
            Self::OthersInTable { rows } => write!(
                out,
                "{} that this run did not send, though `shared = false` says that nobody else writes; if they are no \
                 events, leave them out of the `query` of `[database]`",
                counted(*rows, "row appeared in the database", "rows appeared in the database")
            ),
            Self::ForeignLater { rows } => write!(
                out,
                "{} appeared since the run began, though `shared = false` says that nobody else writes; the run may \
                 have ended before (`unique` under `[target.stats]` would tell): run again, and verify at once",
                counted(*rows, "foreign row", "foreign rows")
            ),
            Self::SelfTestUnread { reason } => {
                write!(out, "the self-test could not read the ledger: {reason}")
            }
        }
    }
}

/// Writes how many keys hang on unclear responses, and which line of the scenario would make them
/// clear.
fn write_unclear(
    out: &mut fmt::Formatter<'_>,
    keys: u64,
    response: &UnclearResponse,
    by_rules: bool,
) -> fmt::Result {
    let keys = counted(keys, "key is", "keys are");
    let body = match &*response.excerpt {
        "" => "an empty body".to_owned(),
        excerpt => format!("the body `{excerpt}`"),
    };
    let status = response.status;
    match by_rules {
        true => write!(
            out,
            "{keys} not shown to be stored, though each had a response; it contradicts the rule of \
             `[[target.answers]]` that decides on it, as status {status} with {body} does: describe in that \
             rule what such a response means"
        ),
        false => write!(
            out,
            "{keys} not shown to be stored, though a response to each has a status that acknowledges; its \
             body contradicts the description of the target, as status {status} with {body} does: set \
             `answer = {{}}` under `[target]` if the status alone acknowledges"
        ),
    }
}
