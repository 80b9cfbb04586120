//! Listing of the stored events, as a scenario writes it.
//!
//! A listing is written in one of two forms. In the new one it is a request with holes. In the old
//! one it is a path, to which the parameters that `parameters` names are added. [`Reading`] is what
//! both come to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fields::EventFields;
use super::prelude::Prelude;
use super::publish::StatusPattern;
use super::reads::RequestForm;
use super::template::{HoleName, Template};

mod check;
mod next;
mod one;
mod reading;
mod row;

pub use next::Next;
pub use one::One;
pub use reading::{Format, Reading, Way};
pub use row::{Field, RowFields, RowPlaces};

/// Listing of the stored events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    /// Base URL, if it is another than the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Method; GET if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query; none if the target lists no events.
    pub path: Option<Template>,
    /// Headers beyond those of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// Body; none if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
    /// Requests before the first page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Prelude>,
    /// Requests after the last page.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<Prelude>,
    /// Cursor of the first page, or the number of the first page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    /// JSON pointer of the list of rows; empty for the whole body.
    pub rows: String,
    /// True if the list of rows is absent, or null, where there are no rows.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rows_may_be_absent: bool,
    /// Form of the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// Way to the next page.
    pub next: Option<Next>,
    /// Values in the body that end the listing, by their JSON pointers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub until: BTreeMap<String, Value>,
    /// True if each page begins with rows of the page before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub inclusive: bool,
    /// True if a row that was shown is not shown again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drains: bool,
    /// Request for a single key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one: Option<One>,
    /// Old form: topics that one listing shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topics: Option<ListedTopics>,
    /// Old form: way to the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paging: Option<Paging>,
    /// Number of rows to ask for in one page. If it cannot be asked for, and no page follows, the
    /// most rows that the target shows.
    pub limit: u32,
    /// Old form: names of the query parameters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Parameters>,
    /// Old form: number of the first page, where pages are numbered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_page: Option<u32>,
    /// Statuses that mean that there are no rows, for example of a topic that was never stored.
    pub empty: Vec<StatusPattern>,
    /// Places of a row's fields.
    pub fields: RowFields,
    /// Promise that the listing shows every event that is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete: Option<bool>,
    /// Promise that a listing of one topic shows the rows of that topic alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<bool>,
    /// Promise about the order of the rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<RowOrder>,
}

/// Order of the rows of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowOrder {
    /// What was stored last comes first.
    NewestFirst,
    /// What was stored last comes last.
    OldestFirst,
    /// By topic and id.
    Key,
    /// Any.
    None,
}

/// Names of the query parameters of a listing in the old form. A parameter without a name is not
/// sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Number of rows.
    pub limit: String,
    /// Topic of the rows.
    pub topic: String,
    /// Number of rows to skip.
    pub offset: String,
    /// Number of the page.
    pub page: String,
    /// Cursor to begin at.
    pub cursor: String,
}

impl Default for Parameters {
    fn default() -> Self {
        let name = str::to_owned;
        Self {
            limit: name("limit"),
            topic: name("topic"),
            offset: name("offset"),
            page: name("page"),
            cursor: name("cursor"),
        }
    }
}

/// Topics that one listing in the old form shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListedTopics {
    /// All topics, so that a row under a topic that nobody sent is seen too.
    All,
    /// The topic that is asked for.
    Each,
}

/// Way from one page of a listing to the next, in the old form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Paging {
    /// A `Link: <...>; rel="next"` header (RFC 8288).
    Link,
    /// An `offset` parameter.
    Offset,
    /// A `page` parameter.
    Page,
    /// A cursor in the body of each page, which is the `cursor` parameter of the next.
    Cursor,
    /// No next page: rows beyond the first page may be there and not be shown.
    None,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            url: None,
            method: None,
            path: None,
            headers: BTreeMap::new(),
            body: None,
            before: Vec::new(),
            after: Vec::new(),
            first: None,
            rows: String::new(),
            rows_may_be_absent: false,
            format: None,
            next: None,
            until: BTreeMap::new(),
            inclusive: false,
            drains: false,
            one: None,
            topics: None,
            paging: None,
            limit: 1000,
            parameters: None,
            first_page: None,
            empty: Vec::new(),
            fields: RowFields::default(),
            complete: None,
            filter: None,
            order: None,
        }
    }
}

impl Listing {
    /// Form of the request for a page, as it is written; none if the target lists no events.
    pub fn request(&self) -> Option<RequestForm<'_>> {
        Some(RequestForm::new("GET", self.path.as_ref()?, &self.headers).with(
            self.url.as_deref(),
            self.method.as_deref(),
            self.body.as_ref(),
        ))
    }

    /// True if the request for a page is written in the new form: it has a hole of a listing or a
    /// body, or `next` says more than the old form could.
    pub fn is_request(&self) -> bool {
        let has_hole = |request: RequestForm<'_>| {
            request.body.is_some()
                || request.templates().flat_map(Template::holes).any(|hole| of_listing(&hole.name))
        };
        let is_next = match &self.next {
            None => false,
            Some(Next::Pointer(_)) => self.paging.is_none(),
            Some(_) => true,
        };
        is_next || self.request().is_some_and(has_hole)
    }

    /// Returns it as it is saved: of the old form, with all its keys, as folders always held them.
    pub(super) fn saved(self) -> Self {
        if self.is_request() {
            return self;
        }
        Self {
            topics: self.topics.or(Some(ListedTopics::All)),
            paging: self.paging.or(Some(Paging::Link)),
            parameters: self.parameters.or_else(|| Some(Parameters::default())),
            first_page: self.first_page.or(Some(1)),
            ..self
        }
    }

    /// Returns what was written of it: of the old form, a key that has its default says nothing.
    pub(super) fn said(self) -> Self {
        if self.is_request() {
            return self;
        }
        // Beside a place in the body, the word alone says that the place is not used.
        let is_alone = self.next.is_none();
        Self {
            topics: self.topics.filter(|topics| *topics != ListedTopics::All),
            paging: self.paging.filter(|paging| *paging != Paging::Link || !is_alone),
            parameters: self.parameters.filter(|parameters| *parameters != Parameters::default()),
            first_page: self.first_page.filter(|first_page| *first_page != 1),
            ..self
        }
    }

    /// Returns what the reader makes of it. `requests` has the names of an event's fields in
    /// requests; none if only what `fields` names is read. The error is a sentence.
    pub fn reading(&self, requests: Option<&EventFields>) -> Result<Option<Reading>, String> {
        self.reading_beside(requests, &BTreeSet::new())
    }

    /// Returns the same, where requests before the run keep values under these names.
    pub(super) fn reading_beside(
        &self,
        requests: Option<&EventFields>,
        kept: &BTreeSet<&str>,
    ) -> Result<Option<Reading>, String> {
        if let Some(fault) = self.path.as_ref().and_then(|_| check::fault(self, kept)) {
            return Err(fault);
        }
        let reading = reading::of(self, requests)?;
        match reading.as_ref().and_then(check::reading_fault) {
            Some(fault) => Err(fault),
            None => Ok(reading),
        }
    }
}

/// True if the hole is one that only a listing has.
fn of_listing(name: &HoleName) -> bool {
    matches!(
        name,
        HoleName::Limit
            | HoleName::Offset
            | HoleName::Page
            | HoleName::Cursor
            | HoleName::Topic
            | HoleName::From(_)
            | HoleName::To(_)
            | HoleName::Kept(_)
    )
}
