//! Form of the requests with events, and meaning of statuses.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::error::TargetError;
use super::sign::Sign;
use super::template::Template;

/// Form of the requests with events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Publish {
    /// Base URL, if it is another than the target's.
    pub url: Option<String>,
    /// Method of the requests, in capitals.
    pub method: String,
    /// Path and query.
    pub path: Template,
    /// Header fields of these requests, by their names.
    pub headers: BTreeMap<String, Template>,
    /// Envelope around the events of a request, in the short form.
    pub envelope: Envelope,
    /// Text of the requests; none in the short form.
    pub text: Option<RequestText>,
    /// Flaws of the requests of the trap `invalid`, beside a text.
    pub invalid: Vec<Flawed>,
    /// Signature of the requests.
    pub sign: Option<Sign>,
    /// True to compress bodies, with `Content-Encoding: gzip`.
    pub gzip: bool,
    /// Statuses that acknowledge.
    pub ack: Vec<StatusPattern>,
    /// Statuses that promise that the request had no effect.
    pub rejected: Vec<StatusPattern>,
}

/// Text of requests with events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestText {
    /// Body; `{{events}}` stands for the events.
    pub body: Template,
    /// One event; none if the body holds no `{{events}}`.
    pub event: Option<Template>,
    /// Text between two events.
    pub separator: String,
}

/// Flaw of a request that a target should reject.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged, expecting = "a flaw is the text of an invalid event, or { without = \"header-name\" }")]
pub enum Flawed {
    /// An event of this text beside the others.
    Event(Template),
    /// This header field is missing.
    Without {
        /// Name of the header field.
        without: String,
    },
}

/// Text between two events, unless the scenario has another.
const SEPARATOR: &str = ",";

impl Publish {
    /// Returns the requests of a target whose scenario says nothing of them, and which does not
    /// speak the reference contract.
    pub(super) fn nothing() -> Self {
        Self { path: Template::literal("/"), ..Self::default() }
    }

    /// Returns the template of a header field of these requests.
    pub fn header(&self, name: &str) -> Option<&Template> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl Default for Publish {
    fn default() -> Self {
        Self {
            url: None,
            method: "POST".to_owned(),
            path: Template::literal("/publish?results=true"),
            headers: BTreeMap::new(),
            envelope: Envelope::Array,
            text: None,
            invalid: Vec::new(),
            sign: None,
            gzip: false,
            ack: vec![StatusPattern::Class(2)],
            rejected: vec![StatusPattern::Class(3), StatusPattern::Class(4), StatusPattern::Exact(503)],
        }
    }
}

/// Requests as people write them. A missing key has a default, which depends on the others.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenPublish {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Template>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    separator: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    invalid: Vec<Flawed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<Sign>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) envelope: Option<Envelope>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    gzip: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ack: Option<Vec<StatusPattern>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rejected: Option<Vec<StatusPattern>>,
}

impl WrittenPublish {
    /// Returns the requests, with what is missing as in `defaults`.
    pub(super) fn over(self, defaults: Publish) -> Result<Publish, TargetError> {
        if self.body.is_none() && (self.event.is_some() || self.separator.is_some()) {
            let key = if self.event.is_some() { "publish.event" } else { "publish.separator" };
            return Err(TargetError::NoBody { key });
        }
        if self.body.is_some() && self.envelope.is_some() {
            return Err(TargetError::BothForms { short: "publish.envelope", new: "publish.body" });
        }
        let text = self.body.map(|body| RequestText {
            body,
            event: self.event,
            separator: self.separator.unwrap_or_else(|| SEPARATOR.to_owned()),
        });
        Ok(Publish {
            url: self.url,
            method: self.method.unwrap_or(defaults.method),
            path: self.path.unwrap_or(defaults.path),
            headers: self.headers,
            envelope: self.envelope.unwrap_or(defaults.envelope),
            text,
            invalid: self.invalid,
            sign: self.sign,
            gzip: self.gzip,
            ack: self.ack.unwrap_or(defaults.ack),
            rejected: self.rejected.unwrap_or(defaults.rejected),
        })
    }
}

impl From<Publish> for WrittenPublish {
    fn from(publish: Publish) -> Self {
        let is_short = publish.text.is_none();
        let text = publish.text;
        let separator = text.as_ref().map(|text| text.separator.clone());
        let (body, event) = text.map_or((None, None), |text| (Some(text.body), text.event));
        Self {
            url: publish.url,
            method: (publish.method != "POST").then_some(publish.method),
            path: Some(publish.path),
            headers: publish.headers,
            body,
            event,
            separator: separator.filter(|separator| separator != SEPARATOR),
            invalid: publish.invalid,
            sign: publish.sign,
            envelope: is_short.then_some(publish.envelope),
            gzip: publish.gzip,
            ack: Some(publish.ack),
            rejected: Some(publish.rejected),
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
