//! Batches that one transaction stores, as the rows to insert.
//!
//! Every event of the group has a position: the requests one behind the other, each in its own
//! order. For example, in the requests `[a, b]` and `[b, c]` the positions of `b` are 1 and 2. The
//! rows are sorted by key, so that overlapping transactions lock in one order and never deadlock.
//! Of each key only the first position becomes a row. So the first request in the queue wins, and
//! within a request the first event.

use serde::Serialize;
use utoipa::ToSchema;

use crate::event::{Batch, Event};

/// Fate of one event of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Inserted,
    Duplicate,
}

/// Batches to store together.
#[derive(Debug)]
pub(crate) struct Group<'a> {
    rows: Vec<Row<'a>>,
    /// Number of events of each batch, in order.
    sizes: Vec<usize>,
}

/// First occurrence of a key in a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) position: usize,
    pub(crate) event: Event<'a>,
}

impl<'a> Group<'a> {
    pub(crate) fn new(batches: impl IntoIterator<Item = &'a Batch>) -> Self {
        let mut rows = Vec::new();
        let mut sizes = Vec::new();
        for batch in batches {
            sizes.push(batch.len());
            for event in batch.events() {
                rows.push(Row { position: rows.len(), event });
            }
        }
        rows.sort_unstable_by_key(|row| (row.event.event_id, row.event.topic, row.position));
        rows.dedup_by_key(|row| (row.event.event_id, row.event.topic));
        Self { rows, sizes }
    }

    /// Rows to insert, sorted by id and then by topic, no key twice.
    pub(crate) fn rows(&self) -> &[Row<'a>] {
        &self.rows
    }

    /// Number of events, duplicates included.
    pub(crate) fn len(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Turns the positions of the new events into the fates of each batch's events.
    pub(crate) fn attribute(&self, inserted: &[usize]) -> Vec<Vec<Kind>> {
        let mut kinds = vec![Kind::Duplicate; self.len()];
        for &position in inserted {
            kinds[position] = Kind::Inserted;
        }
        let mut rest = kinds.as_slice();
        let mut fates = Vec::with_capacity(self.sizes.len());
        for &size in &self.sizes {
            let (own, others) = rest.split_at(size);
            fates.push(own.to_vec());
            rest = others;
        }
        fates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(ids: &[&str]) -> Batch {
        let events: Vec<_> = ids
            .iter()
            .map(|id| {
                let (topic, id) = id.split_once('/').unwrap();
                format!(
                    r#"{{"topic":"{topic}","event_id":"{id}","timestamp":"2025-01-01T00:00:00Z","source":"test"}}"#
                )
            })
            .collect();
        Batch::parse(format!("[{}]", events.join(",")).into_bytes(), 100).unwrap()
    }

    #[test]
    fn rows_are_sorted_by_bytes_and_each_key_is_there_once() {
        let batches = [batch(&["b/1", "a/2", "a/10"]), batch(&["a/2", "B/9", "é/1"])];
        let group = Group::new(&batches);
        let keys: Vec<_> =
            group.rows().iter().map(|row| (row.event.topic, row.event.event_id, row.position)).collect();
        assert_eq!(keys, [("b", "1", 0), ("é", "1", 5), ("a", "10", 2), ("a", "2", 1), ("B", "9", 4)]);
        assert_eq!(group.len(), 6);
    }

    #[test]
    fn the_first_request_in_the_queue_wins_a_key() {
        let batches = [batch(&["t/1", "t/1", "t/2"]), batch(&["t/3", "t/1"])];
        let group = Group::new(&batches);
        let new: Vec<_> = group.rows().iter().map(|row| row.position).collect();
        assert_eq!(
            group.attribute(&new),
            [vec![Kind::Inserted, Kind::Duplicate, Kind::Inserted], vec![Kind::Inserted, Kind::Duplicate],]
        );
    }

    #[test]
    fn a_key_that_is_stored_already_is_a_duplicate() {
        let batches = [batch(&["t/1", "t/2"])];
        let group = Group::new(&batches);
        assert_eq!(group.attribute(&[1]), [vec![Kind::Duplicate, Kind::Inserted]]);
        assert_eq!(group.attribute(&[]), [vec![Kind::Duplicate; 2]]);
    }
}
