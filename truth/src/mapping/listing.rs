//! How a target lists what it stored.

use serde::{Deserialize, Serialize};

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
    /// Rows to ask for in one page.
    pub limit: u32,
}

impl Default for Listing {
    fn default() -> Self {
        Self { path: None, topics: ListedTopics::All, rows: String::new(), paging: Paging::Link, limit: 1000 }
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
    /// One page is all that there is; what lies beyond is unseen, not lost.
    None,
}
