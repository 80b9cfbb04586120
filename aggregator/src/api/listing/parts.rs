//! Body of a listing, made part by part.

use std::mem;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;

use super::form::Form;
use crate::api::app::App;
use crate::api::error::ApiError;
use crate::api::outgoing::Held;
use crate::store::{Page, PageRequest, Place, next_part};

/// Memory that is taken for the first part of a page, before its size is known. It is enough unless
/// a row is larger than a part.
const FIRST_PART_BYTES: usize = 2 * 1024 * 1024;

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
        let mut expected = FIRST_PART_BYTES;
        loop {
            let held = self.hold(expected).await?;
            let page = page(&self.app, &self.request).await?;
            let bytes = self.form.further_part(&page.rows, page.rest.is_empty());
            if bytes.len() <= expected {
                self.rest = page.rest;
                self.next = page.next.filter(|_| self.is_all);
                return Ok(ended(held, bytes));
            }
            // Read again with enough memory: those who wait for it hold nothing.
            expected = bytes.len();
        }
    }

    async fn hold(&self, bytes: usize) -> Result<Held, ApiError> {
        self.app.outgoing.hold_within(self.app.settings.store_timeout(), bytes).await
    }
}

/// Reads a page.
pub(super) async fn page(app: &App, request: &PageRequest) -> Result<Page, sqlx::Error> {
    // No stored topic holds a NUL, and PostgreSQL would refuse the parameter.
    if request.topic.as_ref().is_some_and(|topic| topic.contains('\0')) {
        return Ok(Page::empty());
    }
    app.store.page(request).await
}

/// Ties the bytes to their share, which was taken for at least as many.
fn ended(mut held: Held, mut bytes: Vec<u8>) -> Bytes {
    bytes.shrink_to_fit();
    held.shrink(bytes.len());
    held.around(bytes)
}
