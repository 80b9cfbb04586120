//! Counters of the database, of one snapshot.

use sqlx::FromRow;

/// Counters of the database. In every snapshot `received` is the sum of the other three.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: i64,
    pub(crate) unique_processed: i64,
    pub(crate) duplicate_dropped: i64,
    pub(crate) pending: i64,
    pub(crate) topics: Vec<String>,
}

/// The counters beside one topic, or without one if nothing is stored.
#[derive(Debug, FromRow)]
pub(super) struct CountRow {
    received: i64,
    unique_processed: i64,
    duplicate_dropped: i64,
    pending: i64,
    topic: Option<String>,
}

impl Counts {
    /// Takes the counters from any row and a topic from each.
    pub(super) fn from_rows(rows: Vec<CountRow>) -> Self {
        let mut counts = Self::default();
        for CountRow { received, unique_processed, duplicate_dropped, pending, topic } in rows {
            counts = Self { received, unique_processed, duplicate_dropped, pending, ..counts };
            counts.topics.extend(topic);
        }
        counts.topics.sort_unstable();
        counts
    }
}
