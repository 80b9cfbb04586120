//! Counters of the database, of one snapshot.

/// Topics of one response. There may be as many topics as events.
pub(crate) const MAX_TOPICS: i64 = 1_000;

/// Counters of the database. In every snapshot `received` is the sum of the other three.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) received: i64,
    pub(crate) unique_processed: i64,
    pub(crate) duplicate_dropped: i64,
    pub(crate) pending: i64,
    /// Number of topics of stored events.
    pub(crate) topics_total: i64,
    /// The first of the topics that were asked for, sorted.
    pub(crate) topics: Vec<String>,
}

/// Columns of the counters, in the order of the statements; `T` holds the topics.
pub(super) type CountColumns<T> = (i64, i64, i64, i64, i64, T);

impl Counts {
    /// Makes counters of one row.
    pub(super) fn new<T>(columns: CountColumns<T>, topics: impl FnOnce(T) -> Vec<String>) -> Self {
        let (received, unique_processed, duplicate_dropped, pending, topics_total, listed) = columns;
        let mut topics = topics(listed);
        topics.sort_unstable();
        Self { received, unique_processed, duplicate_dropped, pending, topics_total, topics }
    }
}
