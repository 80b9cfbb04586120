//! One page of stored events: which rows a client asks for, and which of them the database has.

use sqlx::FromRow;

const DEFAULT_LIMIT: u32 = 1_000;

/// Which page is wanted.
#[derive(Debug, Clone)]
pub(crate) struct PageRequest {
    pub(crate) topic: Option<String>,
    /// None where the client did not say.
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<i64>,
}

/// One page, and whether there is more.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<PageRow>,
    /// The place where the next page goes on.
    pub(crate) next: Option<i64>,
}

/// One stored event as the database tells it.
#[derive(Debug, FromRow)]
pub(crate) struct PageRow {
    pub(crate) seq: i64,
    pub(crate) topic: String,
    pub(crate) event_id: String,
    pub(crate) timestamp: String,
    pub(crate) source: String,
    /// None where the page was full of bytes before this row.
    pub(crate) payload: Option<String>,
    pub(crate) processed_at_ms: i64,
}

impl PageRequest {
    /// Rows below this place are wanted.
    pub(super) fn before(&self) -> i64 {
        self.cursor.unwrap_or(i64::MAX)
    }

    /// One row more than the page holds tells whether there is more.
    pub(super) fn rows_to_read(&self) -> i64 {
        i64::from(self.limit()) + 1
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

impl Page {
    /// Ends the page at its limit, or where the store left payloads out because the page was full of bytes.
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
