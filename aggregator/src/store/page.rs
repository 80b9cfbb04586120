//! One page of stored events: the request for it, and its rows.

use sqlx::{FromRow, Row};

use super::fate::{PAGE_BYTES, PART_BYTES};

const DEFAULT_LIMIT: u32 = 1_000;

/// Page that a client asks for.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    pub(crate) topic: Option<String>,
    /// `None` if the client set no limit.
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<i64>,
}

/// One page, and the cursor of the next one.
#[derive(Debug)]
pub(crate) struct Page {
    /// The first rows, as many as fit into a part.
    pub(crate) rows: Vec<PageRow>,
    /// The others, in their order, which `Store::rows` reads.
    pub(crate) rest: Vec<Place>,
    /// `None` on the last page.
    pub(crate) next: Option<i64>,
}

/// A row that was left for later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) seq: i64,
    /// Upper bound of the bytes that it needs in a response.
    pub(crate) size: i64,
}

/// One stored event as the database shows it.
#[derive(Debug)]
pub(crate) struct PageRow {
    pub(crate) seq: i64,
    pub(crate) topic: String,
    pub(crate) event_id: String,
    pub(crate) timestamp: String,
    pub(crate) source: String,
    pub(crate) payload: String,
    pub(crate) processed_at_ms: i64,
}

/// A row of a page, with its content if it is among the first.
#[derive(Debug)]
pub(super) struct PlacedRow {
    place: Place,
    row: Option<PageRow>,
}

/// Columns of a page, in the order of the statements. All are NULL behind the first part, but the
/// first two.
type PageColumns =
    (i64, i64, Option<String>, Option<String>, Option<String>, Option<String>, Option<String>, i64);

/// Columns of a row, in the order of the statements.
type RowColumns = (i64, String, String, String, String, String, i64);

impl<'r, R: Row> FromRow<'r, R> for PageRow
where
    RowColumns: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (seq, topic, event_id, timestamp, source, payload, processed_at_ms) = RowColumns::from_row(row)?;
        Ok(Self { seq, topic, event_id, timestamp, source, payload, processed_at_ms })
    }
}

impl<'r, R: Row> FromRow<'r, R> for PlacedRow
where
    PageColumns: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (seq, size, topic, event_id, timestamp, source, payload, processed_at_ms) =
            PageColumns::from_row(row)?;
        let texts = topic.zip(event_id).zip(timestamp).zip(source).zip(payload);
        let row = texts.map(|((((topic, event_id), timestamp), source), payload)| PageRow {
            seq,
            topic,
            event_id,
            timestamp,
            source,
            payload,
            processed_at_ms,
        });
        Ok(Self { place: Place { seq, size }, row })
    }
}

impl PageRequest {
    /// Rows below this place belong to the page.
    pub(super) fn before(&self) -> i64 {
        self.cursor.unwrap_or(i64::MAX)
    }

    /// One row more than the page holds, which shows whether another page follows.
    pub(super) fn rows_to_read(&self) -> i64 {
        i64::from(self.limit()) + 1
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

impl Page {
    pub(crate) fn empty() -> Self {
        Self { rows: Vec::new(), rest: Vec::new(), next: None }
    }

    /// Ends the page at its limit, or once its rows reach [`PAGE_BYTES`].
    pub(super) fn from_rows(mut rows: Vec<PlacedRow>, request: &PageRequest) -> Self {
        let sizes = rows.iter().map(|row| row.place.size).take(request.limit() as usize);
        let complete = fitting(sizes, PAGE_BYTES);
        let has_more = rows.len() > complete;
        rows.truncate(complete);
        let next = rows.last().filter(|_| has_more).map(|row| row.place.seq);
        let mut page = Self { next, ..Self::empty() };
        for PlacedRow { place, row } in rows {
            match row {
                Some(row) => page.rows.push(row),
                None => page.rest.push(place),
            }
        }
        page
    }

    /// Leaves the rest for the next page.
    pub(crate) fn end_after_first_part(&mut self) {
        if !self.rest.is_empty() {
            self.rest.clear();
            self.next = self.rows.last().map(|row| row.seq);
        }
    }
}

/// Returns the first of these places that make one part, at least one.
pub(crate) fn next_part(places: &[Place]) -> &[Place] {
    &places[..fitting(places.iter().map(|place| place.size), PART_BYTES)]
}

/// Number of sizes until their sum reaches `most`.
fn fitting(sizes: impl Iterator<Item = i64>, most: i64) -> usize {
    let mut before = 0;
    let fits = |size: &i64| {
        let fits = before < most;
        before += size;
        fits
    };
    sizes.take_while(fits).count()
}

/// Keeps the rows of these places. On PostgreSQL a row may have come in between meanwhile.
pub(super) fn placed(mut rows: Vec<PageRow>, places: &[Place]) -> Vec<PageRow> {
    // Both go from the newest to the oldest.
    let is_there = |seq: i64| places.binary_search_by(|place| seq.cmp(&place.seq)).is_ok();
    rows.retain(|row| is_there(row.seq));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: i64, size: i64, is_read: bool) -> PlacedRow {
        let text = str::to_owned;
        let row = PageRow {
            seq,
            topic: text("t"),
            event_id: text("id"),
            timestamp: text("2025-01-01"),
            source: text("test"),
            payload: text("{}"),
            processed_at_ms: 0,
        };
        PlacedRow { place: Place { seq, size }, row: is_read.then_some(row) }
    }

    #[test]
    fn a_page_ends_at_its_limit_or_where_it_is_full() {
        let two = PageRequest { topic: None, limit: Some(2), cursor: None };
        let full = Page::from_rows(vec![row(9, 1, true), row(8, 1, true), row(7, 1, true)], &two);
        assert_eq!((full.rows.len(), full.next), (2, Some(8)));
        let last = Page::from_rows(vec![row(9, 1, true), row(8, 1, true)], &two);
        assert_eq!((last.rows.len(), last.next), (2, None));
        let heavy = Page::from_rows(vec![row(9, PAGE_BYTES, true), row(8, 1, false)], &two);
        assert_eq!((heavy.rows.len(), heavy.rest.len(), heavy.next), (1, 0, Some(9)));
    }

    #[test]
    fn the_rest_of_a_page_is_read_in_parts_or_left_for_the_next_page() {
        let all = PageRequest { topic: None, limit: None, cursor: None };
        let half = PART_BYTES / 2;
        let rows = [row(9, half, true), row(8, half, true), row(7, half, false), row(6, half, false)];
        let mut page = Page::from_rows(rows.into_iter().chain([row(5, 1, false)]).collect(), &all);
        assert_eq!((page.rows.len(), page.rest.len(), page.next), (2, 3, None));
        let part = next_part(&page.rest);
        assert_eq!(part.iter().map(|place| place.seq).collect::<Vec<_>>(), [7, 6]);
        // Row 8 is read again with those beside it, and belongs to another part.
        let read = [8, 7, 6, 5].map(|seq| row(seq, 1, true).row.unwrap());
        let kept = placed(read.into(), part);
        assert_eq!(kept.iter().map(|row| row.seq).collect::<Vec<_>>(), [7, 6]);
        page.end_after_first_part();
        assert_eq!((page.rest.len(), page.next), (0, Some(8)));
    }
}
