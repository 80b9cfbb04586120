//! One page of stored events: the request for it, and its rows.

use sqlx::{FromRow, Row};

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
    pub(crate) rows: Vec<PageRow>,
    /// `None` on the last page.
    pub(crate) next: Option<i64>,
}

/// One stored event as the database shows it.
#[derive(Debug)]
pub(crate) struct PageRow {
    pub(crate) seq: i64,
    pub(crate) topic: String,
    pub(crate) event_id: String,
    pub(crate) timestamp: String,
    pub(crate) source: String,
    /// `None` if the page was full of bytes before this row.
    pub(crate) payload: Option<String>,
    pub(crate) processed_at_ms: i64,
}

/// Columns of a page, in the order of the statements.
type PageColumns = (i64, String, String, String, String, Option<String>, i64);

impl<'r, R: Row> FromRow<'r, R> for PageRow
where
    PageColumns: FromRow<'r, R>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        let (seq, topic, event_id, timestamp, source, payload, processed_at_ms) = PageColumns::from_row(row)?;
        Ok(Self { seq, topic, event_id, timestamp, source, payload, processed_at_ms })
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
    /// Ends the page at its limit, or at the first row without a payload.
    pub(crate) fn from_rows(mut rows: Vec<PageRow>, request: &PageRequest) -> Self {
        let complete =
            rows.iter().take_while(|row| row.payload.is_some()).take(request.limit() as usize).count();
        let has_more = rows.len() > complete;
        rows.truncate(complete);
        let next = rows.last().filter(|_| has_more).map(|row| row.seq);
        Self { rows, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(seq: i64, payload: Option<&str>) -> PageRow {
        let text = str::to_owned;
        PageRow {
            seq,
            topic: text("t"),
            event_id: text("id"),
            timestamp: text("2025-01-01"),
            source: text("test"),
            payload: payload.map(text),
            processed_at_ms: 0,
        }
    }

    #[test]
    fn a_page_ends_at_its_limit_or_where_payloads_end() {
        let two = PageRequest { topic: None, limit: Some(2), cursor: None };
        let full = Page::from_rows(vec![row(9, Some("{}")), row(8, Some("{}")), row(7, Some("{}"))], &two);
        assert_eq!((full.rows.len(), full.next), (2, Some(8)));
        let last = Page::from_rows(vec![row(9, Some("{}")), row(8, Some("{}"))], &two);
        assert_eq!((last.rows.len(), last.next), (2, None));
        let heavy = Page::from_rows(vec![row(9, Some("{}")), row(8, None)], &two);
        assert_eq!((heavy.rows.len(), heavy.next), (1, Some(9)));
    }
}
