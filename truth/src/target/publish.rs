//! Form of the requests with events, and meaning of statuses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::TargetError;

/// Form of the requests with events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Publish {
    /// Path and query of the POST.
    pub path: String,
    /// Envelope around the events of a request.
    pub envelope: Envelope,
    /// True to compress bodies, with `Content-Encoding: gzip`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gzip: bool,
    /// Statuses that acknowledge.
    pub ack: Vec<StatusPattern>,
    /// Statuses that promise that the request had no effect.
    pub rejected: Vec<StatusPattern>,
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            path: "/publish?results=true".to_owned(),
            envelope: Envelope::Array,
            gzip: false,
            ack: vec![StatusPattern::Class(2)],
            rejected: vec![StatusPattern::Class(3), StatusPattern::Class(4), StatusPattern::Exact(503)],
        }
    }
}

/// Envelope around the events of a request.
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
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        match text.as_str() {
            "array" => Ok(Self::Array),
            "object" => Ok(Self::Object),
            "" => Err(TargetError::Envelope),
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

/// Pattern of statuses: `2xx` or `503`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum StatusPattern {
    /// All statuses with this first digit.
    Class(u8),
    /// One status; it outranks every class.
    Exact(u16),
}

impl StatusPattern {
    /// True if this pattern is exactly `status`.
    pub fn is_exactly(self, status: u16) -> bool {
        self == Self::Exact(status)
    }

    /// True if this pattern is the class of `status`.
    pub fn is_class_of(self, status: u16) -> bool {
        matches!(self, Self::Class(class) if u16::from(class) == status / 100)
    }
}

impl FromStr for StatusPattern {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let refuse = || TargetError::Status { text: text.to_owned() };
        if let Some(class) = text.strip_suffix("xx") {
            let class = class.parse().ok().filter(|class| (1..=5).contains(class));
            return class.map(Self::Class).ok_or_else(refuse);
        }
        let exact = text.parse().ok().filter(|status| (100..=599).contains(status));
        exact.map(Self::Exact).ok_or_else(refuse)
    }
}

impl TryFrom<String> for StatusPattern {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
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
