//! Counters of the database, of one snapshot.

use sqlx::{FromRow, Row};

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
#[derive(Debug)]
pub(super) struct CountRow {
    received: i64,
    unique_processed: i64,
    duplicate_dropped: i64,
    pending: i64,
    topic: Option<String>,
}

/// Columns of the counters, in the order of the statements.
type CountColumns = (i64, i64, i64, i64, Option<String>);

impl<'r, R: Row> FromRow<'r, R> for CountRow
where
    CountColumns: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (received, unique_processed, duplicate_dropped, pending, topic) = CountColumns::from_row(row)?;
        Ok(Self { received, unique_processed, duplicate_dropped, pending, topic })
    }
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
