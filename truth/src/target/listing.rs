//! How a target lists what it stored.

use serde::{Deserialize, Serialize};

use super::fields::EventFields;
use super::publish::StatusPattern;

/// How the stored events are listed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    /// Path of the GET; without it the target shows no events.
    pub path: Option<String>,
    /// Whether one listing shows all topics, or each is asked for by `?topic=`.
    pub topics: ListedTopics,
    /// JSON pointer of the array of rows; empty for the whole body.
    pub rows: String,
    /// How to get what does not fit one page.
    pub paging: Paging,
    /// Rows to ask for in one page; where nobody can ask, and no page follows, the most that the target shows.
    pub limit: u32,
    /// Names of the parameters of a question.
    pub parameters: Parameters,
    /// The number of the first page, where pages are numbered.
    pub first_page: u32,
    /// JSON pointer of the cursor of the next page, where cursors stand in the body.
    pub next: Option<String>,
    /// Statuses that mean that there are no rows, of a topic that was never stored for example.
    pub empty: Vec<StatusPattern>,
    /// The names of a row's fields, where they are not those of requests.
    pub fields: RowFields,
}

/// Names of the parameters of a question for rows. One without a name is not asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// How many rows.
    pub limit: String,
    /// Of which topic.
    pub topic: String,
    /// After how many rows.
    pub offset: String,
    /// Which page.
    pub page: String,
    /// From which cursor on.
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

/// The names of a row's fields; one that begins with `/` is a JSON pointer into the row. What is not given is named as
/// in requests; an empty name says that rows do not show it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RowFields {
    /// First part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// Second part of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    /// When it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// Who says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The object that is carried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

impl RowFields {
    /// All names, those of requests where no other is given.
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
        }
    }
}

/// What one listing shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListedTopics {
    /// The events of all topics, so that a row under a topic that nobody sent is seen too.
    All,
    /// The events of the topic that is asked for.
    Each,
}

/// How a listing goes on.
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
    /// One page is all that there is; what lies beyond is unseen, not lost.
    None,
}
