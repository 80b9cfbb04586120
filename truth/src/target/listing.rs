//! Listing of the stored events.

use serde::{Deserialize, Serialize};

use super::fields::EventFields;
use super::publish::StatusPattern;

/// Listing of the stored events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    /// Path of the GET; none if the target lists no events.
    pub path: Option<String>,
    /// Topics that one listing shows: all, or the one that is asked for by `?topic=`.
    pub topics: ListedTopics,
    /// JSON pointer of the array of rows; empty for the whole body.
    pub rows: String,
    /// Way to the next page.
    pub paging: Paging,
    /// Number of rows to ask for in one page. If it cannot be asked for, and no page follows, the
    /// most rows that the target shows.
    pub limit: u32,
    /// Names of the query parameters.
    pub parameters: Parameters,
    /// Number of the first page, where pages are numbered.
    pub first_page: u32,
    /// JSON pointer of the next page's cursor, where cursors stand in the body.
    pub next: Option<String>,
    /// Statuses that mean that there are no rows, for example of a topic that was never stored.
    pub empty: Vec<StatusPattern>,
    /// Names of a row's fields, where they differ from those of requests.
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

/// Names of the query parameters of a listing. A parameter without a name is not sent.
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

/// Names of a row's fields; a name that begins with `/` is a JSON pointer into the row. A missing
/// key has the name that requests have; an empty name says that rows do not show the field.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowFields {
    /// First part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Second part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// Time of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Source of the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Object that the event carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

impl RowFields {
    /// Returns all names: those of requests where no other is given.
    pub fn over(&self, requests: &EventFields) -> EventFields {
        let name = |own: &Option<String>, request: &String| own.as_ref().unwrap_or(request).clone();
        EventFields {
            topic: name(&self.topic, &requests.topic),
            event_id: name(&self.event_id, &requests.event_id),
            timestamp: name(&self.timestamp, &requests.timestamp),
            source: name(&self.source, &requests.source),
            payload: name(&self.payload, &requests.payload),
            extra: requests.extra.clone(),
        }
    }
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            path: None,
            topics: ListedTopics::All,
            rows: String::new(),
            paging: Paging::Link,
            limit: 1000,
            parameters: Parameters::default(),
            first_page: 1,
            next: None,
            empty: Vec::new(),
            fields: RowFields::default(),
            complete: None,
            filter: None,
            order: None,
        }
    }
}

/// Topics that one listing shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListedTopics {
    /// All topics, so that a row under a topic that nobody sent is seen too.
    All,
    /// The topic that is asked for.
    Each,
}

/// Way from one page of a listing to the next.
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
