//! Body of a listing, made part by part.

use std::mem;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;

use super::{Form, Row, page};
use crate::api::app::App;
use crate::api::error::ApiError;
use crate::api::outgoing::Held;
use crate::store::{Page, PageRequest, PageRow, Place, next_part};

/// Memory that is taken for the first part of a page, before its size is known.
const FIRST_PART_BYTES: usize = 1024 * 1024;

/// A listing whose first part is made.
struct Listing {
    app: Arc<App>,
    request: PageRequest,
    form: Form,
    /// True if the next page follows in the same body.
    is_all: bool,
    /// Rows of the page that are not read yet.
    rest: Vec<Place>,
    next: Option<i64>,
    /// Share of the memory for `rest`.
    _held: Held,
}

/// Makes the body of a page, and of all that follow if `is_all`. If the database is lost on the
/// way, the body breaks off, which no client mistakes for its end.
pub(super) fn body(
    app: Arc<App>,
    request: PageRequest,
    form: Form,
    is_all: bool,
    mut page: Page,
) -> Result<Body, ApiError> {
    let rest = mem::take(&mut page.rest);
    let next = page.next.filter(|_| is_all);
    let is_whole = rest.is_empty() && next.is_none();
    let mut bytes = form.first_part(&page.rows, rest.is_empty());
    bytes.shrink_to_fit();
    let first = app.outgoing.hold(bytes.capacity())?.around(bytes);
    if is_whole {
        return Ok(first.into());
    }
    let held = app.outgoing.hold(rest.capacity() * size_of::<Place>())?;
    let listing = Listing { app, request, form, is_all, rest, next, _held: held };
    let parts = stream::try_unfold((Some(first), listing), async |(first, mut listing)| {
        let part = match first {
            Some(first) => Some(first),
            None => listing
                .next_part()
                .await
                .inspect_err(|error| tracing::error!("a listing broke off: {error}"))?,
        };
        Ok::<_, ApiError>(part.map(|part| (part, (None, listing))))
    });
    Ok(Body::from_stream(parts))
}

impl Listing {
    /// Reads and makes the next part. Returns `None` at the end.
    async fn next_part(&mut self) -> Result<Option<Bytes>, ApiError> {
        if !self.rest.is_empty() {
            return self.rest_of_page().await.map(Some);
        }
        match self.next.take() {
            Some(cursor) => self.next_page(cursor).await.map(Some),
            None => Ok(None),
        }
    }

    async fn rest_of_page(&mut self) -> Result<Bytes, ApiError> {
        let part = next_part(&self.rest);
        let bytes = part.iter().map(|place| usize::try_from(place.size).unwrap_or(0)).sum();
        // Before the rows are read: those who wait hold nothing.
        let held = self.hold(bytes).await?;
        let rows = self.app.store.rows(self.request.topic.as_deref(), part).await?;
        let read = part.len();
        self.rest.drain(..read);
        Ok(ended(held, self.form.further_part(&rows, self.rest.is_empty())))
    }

    async fn next_page(&mut self, cursor: i64) -> Result<Bytes, ApiError> {
        self.request.cursor = Some(cursor);
        let held = self.hold(FIRST_PART_BYTES).await?;
        let page = page(&self.app, &self.request).await?;
        self.rest = page.rest;
        self.next = page.next.filter(|_| self.is_all);
        Ok(ended(held, self.form.further_part(&page.rows, self.rest.is_empty())))
    }

    async fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        self.app.outgoing.hold_within(self.app.settings.store_timeout(), bytes).await
    }
}

/// Ties the bytes to their share, which was taken for at least as many.
fn ended(mut held: Held, mut bytes: Vec<u8>) -> Bytes {
    bytes.shrink_to_fit();
    held.shrink(bytes.len());
    held.around(bytes)
}

impl Form {
    fn first_part(self, rows: &[PageRow], is_last: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Self::Lines => self.add(rows, &mut bytes),
            Self::Array => {
                bytes.push(b'[');
                let (first, others) = rows.split_at(rows.len().min(1));
                first.iter().for_each(|row| add_row(row, &mut bytes));
                self.add(others, &mut bytes);
            }
        }
        self.end(is_last, bytes)
    }

    fn further_part(self, rows: &[PageRow], is_last: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.add(rows, &mut bytes);
        self.end(is_last, bytes)
    }

    fn add(self, rows: &[PageRow], bytes: &mut Vec<u8>) {
        for row in rows {
            match self {
                Self::Array => {
                    bytes.push(b',');
                    add_row(row, bytes);
                }
                Self::Lines => {
                    add_row(row, bytes);
                    bytes.push(b'\n');
                }
            }
        }
    }

    fn end(self, is_last: bool, mut bytes: Vec<u8>) -> Vec<u8> {
        if is_last && self == Self::Array {
            bytes.push(b']');
        }
        bytes
    }
}

fn add_row(row: &PageRow, bytes: &mut Vec<u8>) {
    serde_json::to_writer(bytes, &Row::of(row)).expect("texts and numbers are always JSON");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(payload: &str) -> PageRow {
        let text = str::to_owned;
        PageRow {
            seq: 1,
            topic: text("t"),
            event_id: text("id"),
            timestamp: text("2025-01-01"),
            source: text("test"),
            payload: text(payload),
            processed_at_ms: 0,
        }
    }

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_payload_is_shown_as_it_was_sent_and_a_spoiled_one_as_text() {
        let sent = r#"{ "b":1e400, "a":"\ud800", "b":1.0 }"#;
        let json = text(Form::Array.first_part(&[row(sent), row("{oops")], true));
        assert!(json.contains(sent), "{json}");
        assert!(json.contains(r#""payload":"{oops","processed_at":"1970-01-01T00:00:00.000Z""#), "{json}");
    }

    #[test]
    fn parts_make_one_array_or_lines() {
        let whole = text(Form::Array.first_part(&[row("{}"), row("{}"), row("{}")], true));
        let first = text(Form::Array.first_part(&[row("{}")], false));
        let middle = text(Form::Array.further_part(&[row("{}"), row("{}")], false));
        // Somebody has deleted the last rows meanwhile.
        let last = text(Form::Array.further_part(&[], true));
        assert_eq!(whole, first + &middle + &last);
        assert_eq!(text(Form::Array.first_part(&[], true)), "[]");
        let lines = text(Form::Lines.first_part(&[row("{}")], false));
        assert_eq!(lines, text(Form::Lines.further_part(&[row("{}")], true)));
        assert!(lines.ends_with("}\n"), "{lines}");
    }
}
