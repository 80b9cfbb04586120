//! How a target speaks: the `[target]` of a scenario, as values.
//!
//! The defaults are the reference contract. A table that is given replaces the default table whole. What it leaves
//! out is absent where a target may lack it (`stats = {}` says that the target has no counters to read), and the
//! reference's where it may not (statuses, the envelope, the names of fields).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// Everything about a target's wire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    /// Base URL, without the publish path.
    pub url: String,
    /// How events are sent.
    pub publish: Publish,
    /// What an answer to a publish tells.
    pub answer: AnswerFields,
    /// Where the counters are.
    pub stats: StatsFields,
    /// How the stored events are listed.
    pub listing: Listing,
    /// The names of an event's fields.
    pub fields: EventFields,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".to_owned(),
            publish: Publish::default(),
            answer: AnswerFields {
                accepted: Some("/accepted".to_owned()),
                inserted: Some("/inserted".to_owned()),
                duplicates: Some("/duplicates".to_owned()),
                results: Some("/results".to_owned()),
                new: vec!["inserted".to_owned()],
                duplicate: vec!["duplicate".to_owned()],
                taken: Vec::new(),
                rejected: Vec::new(),
            },
            stats: StatsFields {
                path: Some("/stats".to_owned()),
                received: Some("/received".to_owned()),
                unique: Some("/unique_processed".to_owned()),
                duplicates: Some("/duplicate_dropped".to_owned()),
                pending: Some("/queue/pending".to_owned()),
                processing: Some("/queue/processing".to_owned()),
                instance: Some("/instance_id".to_owned()),
            },
            listing: Listing { path: Some("/events".to_owned()), ..Listing::default() },
            fields: EventFields::default(),
        }
    }
}

impl Target {
    /// Takes a base URL as people write it: with or without the scheme, a slash at the end, or the publish path.
    pub fn set_url(&mut self, text: &str) -> Result<(), MappingError> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let publish = self.publish.path.split('?').next().unwrap_or_default();
        let trimmed = full.trim_end_matches('/');
        let base = trimmed.strip_suffix(publish).unwrap_or(trimmed).trim_end_matches('/');
        Endpoint::parse(base)?;
        self.url = base.to_owned();
        Ok(())
    }

    /// Where to connect to.
    pub fn endpoint(&self) -> Result<Endpoint, MappingError> {
        Endpoint::parse(&self.url)
    }
}

/// Where a target listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What the `Host` header says.
    pub authority: String,
    /// Stands before every path; empty or `/something`.
    pub prefix: String,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, MappingError> {
        let refuse = |reason| MappingError::Url { text: text.to_owned(), reason };
        // Where a secret may stand before an @, the text is not repeated.
        let url = Url::parse(text).map_err(|_| {
            if text.contains('@') {
                MappingError::Credentials
            } else {
                refuse("it is not a URL; write it as http://127.0.0.1:8080")
            }
        })?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(MappingError::Credentials);
        }
        if url.scheme() != "http" {
            return Err(refuse("only http:// is supported"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(refuse("a base URL has no query; the publish path of the scenario may have one"));
        }
        let host = url.host_str().ok_or_else(|| refuse("it names no host"))?;
        let port = url.port_or_known_default().ok_or_else(|| refuse("it names no port"))?;
        let authority = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let plain = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let prefix = url.path().trim_end_matches('/').to_owned();
        Ok(Self { host: plain, port, authority, prefix })
    }
}

/// How events are sent.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// Path and query of the POST.
    pub path: String,
    /// What stands around the events of a request.
    pub envelope: Envelope,
    /// Statuses that acknowledge.
    pub ack: Vec<StatusPattern>,
    /// Statuses that promise to have had no effect.
    pub rejected: Vec<StatusPattern>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            path: "/publish?results=true".to_owned(),
            envelope: Envelope::Array,
            ack: vec![StatusPattern::Class(2)],
            rejected: vec![StatusPattern::Class(3), StatusPattern::Class(4), StatusPattern::Exact(503)],
        }
    }
}

/// What stands around the events of a request.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Envelope {
    /// A bare JSON array: `array`.
    Array,
    /// One bare object, so a batch of one: `object`.
    Object,
    /// An object with the array under this name: `{"events":[...]}` is written `events`.
    Under(String),
}

impl TryFrom<String> for Envelope {
    type Error = MappingError;

    fn try_from(text: String) -> Result<Self, MappingError> {
        match text.as_str() {
            "array" => Ok(Self::Array),
            "object" => Ok(Self::Object),
            "" => Err(MappingError::Envelope),
            _ => Ok(Self::Under(text)),
        }
    }
}

impl From<Envelope> for String {
    fn from(envelope: Envelope) -> Self {
        match envelope {
            Envelope::Array => "array".to_owned(),
            Envelope::Object => "object".to_owned(),
            Envelope::Under(name) => name,
        }
    }
}

/// `2xx` or `503`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StatusPattern {
    /// All statuses with this first digit.
    Class(u8),
    /// One status; it outranks every class.
    Exact(u16),
}

impl StatusPattern {
    /// Whether this pattern is an exact one for `status`.
    pub fn is_exactly(self, status: u16) -> bool {
        self == Self::Exact(status)
    }

    /// Whether this pattern is the class of `status`.
    pub fn is_class_of(self, status: u16) -> bool {
        matches!(self, Self::Class(class) if u16::from(class) == status / 100)
    }
}

impl FromStr for StatusPattern {
    type Err = MappingError;

    fn from_str(text: &str) -> Result<Self, MappingError> {
        let refuse = || MappingError::Status { text: text.to_owned() };
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok().filter(|class| (1..=5).contains(class));
            return class.map(Self::Class).ok_or_else(refuse);
        }
        let exact = text.parse().ok().filter(|status| (100..=599).contains(status));
        exact.map(Self::Exact).ok_or_else(refuse)
    }
}

impl TryFrom<String> for StatusPattern {
    type Error = MappingError;

    fn try_from(text: String) -> Result<Self, MappingError> {
        text.parse()
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Class(class) => write!(f, "{class}xx"),
            Self::Exact(status) => write!(f, "{status}"),
        }
    }
}

impl From<StatusPattern> for String {
    fn from(pattern: StatusPattern) -> Self {
        pattern.to_string()
    }
}

/// Where an answer tells what became of the events: JSON pointers, any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnswerFields {
    /// How many were taken.
    pub accepted: Option<String>,
    /// How many of them were new.
    pub inserted: Option<String>,
    /// How many of them were known.
    pub duplicates: Option<String>,
    /// A list with one entry an event, in request order.
    pub results: Option<String>,
    /// Entries of that list that say new.
    pub new: Vec<String>,
    /// Entries of that list that say known.
    pub duplicate: Vec<String>,
    /// Entries of that list that say taken, without saying which of the two.
    pub taken: Vec<String>,
    /// Entries of that list that say refused. An entry that none of these lists has makes the request unknown.
    pub rejected: Vec<String>,
}

impl AnswerFields {
    /// Whether an acknowledging answer is expected to have a JSON body.
    pub fn any(&self) -> bool {
        [&self.accepted, &self.inserted, &self.duplicates, &self.results].into_iter().any(Option::is_some)
    }
}

/// Where the counters are: a path and JSON pointers, any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatsFields {
    /// Path of the GET; without it the target has no counters.
    pub path: Option<String>,
    /// Attempts that arrived.
    pub received: Option<String>,
    /// Events stored.
    pub unique: Option<String>,
    /// Repeats dropped.
    pub duplicates: Option<String>,
    /// Accepted and waiting.
    pub pending: Option<String>,
    /// Accepted and being worked on.
    pub processing: Option<String>,
    /// Names the answering process.
    pub instance: Option<String>,
}

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

/// The names of an event's fields, in requests and in listed rows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventFields {
    /// First part of the key.
    pub topic: String,
    /// Second part of the key.
    pub event_id: String,
    /// When it happened.
    pub timestamp: String,
    /// Who says so.
    pub source: String,
    /// The object that is carried.
    pub payload: String,
}

impl Default for EventFields {
    fn default() -> Self {
        Self {
            topic: "topic".to_owned(),
            event_id: "event_id".to_owned(),
            timestamp: "timestamp".to_owned(),
            source: "source".to_owned(),
            payload: "payload".to_owned(),
        }
    }
}

/// Why a text does not describe a target.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MappingError {
    /// Not a status or a class of them.
    #[error("`{text}` is not a status; write it as 2xx or 503")]
    Status {
        /// The text as given.
        text: String,
    },
    /// Not a base URL that can be reached.
    #[error("target `{text}` cannot be used: {reason}")]
    Url {
        /// The text as given.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A secret in a URL would end up in files.
    #[error("the target's URL carries credentials; give them as a header: -H 'Authorization: ...'")]
    Credentials,
    /// No name to put the events under.
    #[error("an envelope is `array`, `object` or the name that the events stand under")]
    Envelope,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_as_people_write_it() {
        for text in [
            "http://localhost:8080",
            "http://localhost:8080/",
            "localhost:8080",
            "http://localhost:8080/publish",
            " http://localhost:8080/publish/",
        ] {
            let mut target = Target::default();
            target.set_url(text).unwrap();
            assert_eq!(target.url, "http://localhost:8080", "{text:?}");
        }
        let mut target = Target::default();
        target.set_url("http://[::1]:9000/api/publish").unwrap();
        let endpoint = target.endpoint().unwrap();
        assert_eq!((endpoint.host.as_str(), endpoint.port, endpoint.prefix.as_str()), ("::1", 9000, "/api"));
        assert_eq!(endpoint.authority, "[::1]:9000");
    }

    #[test]
    fn a_target_that_cannot_be_used_is_refused_without_repeating_a_secret() {
        let mut target = Target::default();
        for text in ["https://localhost", "http://", "http://localhost/?a=1", "ftp://localhost"] {
            assert!(target.set_url(text).is_err(), "{text:?}");
        }
        for text in [
            "http://user:hunter2@localhost",
            "https://user:hunter2@localhost",
            "user:hunter2@localhost:99999",
        ] {
            let error = target.set_url(text).unwrap_err();
            assert_eq!(error, MappingError::Credentials);
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(target, Target::default(), "a refused URL changes nothing");
    }
}
