//! Rules by which listed contents are compared with sent ones.

use super::json::is_same_payload;
use crate::scenario::promises::{PayloadEquality, Promises, TimestampEquality};
use crate::target::EventFields;

/// Rules by which listed contents are compared with sent ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Equality {
    /// Rule for timestamps.
    pub timestamp: TimestampEquality,
    /// True if sources are compared, which are equal as text. They are wherever payloads are.
    pub source: bool,
    /// Rule for payloads.
    pub payload: PayloadEquality,
}

impl Equality {
    /// Rules that compare nothing.
    pub const NONE: Self =
        Self { timestamp: TimestampEquality::None, source: false, payload: PayloadEquality::None };

    /// Returns the rules for the columns of a database. The type of a column decides how a value is
    /// spelt, so an exact promise is held to the meaning alone.
    pub fn in_columns(promises: &Promises) -> Self {
        let promised = Self::from(promises);
        let payload = match promised.payload {
            PayloadEquality::Exact | PayloadEquality::Json => PayloadEquality::Json,
            PayloadEquality::None => PayloadEquality::None,
        };
        let timestamp = match promised.timestamp {
            TimestampEquality::Exact | TimestampEquality::Instant => TimestampEquality::Instant,
            TimestampEquality::None => TimestampEquality::None,
        };
        Self { payload, timestamp, ..promised }
    }

    /// Returns the same rules for a target whose events have these fields. A field without a name is
    /// not sent, so it is not compared.
    pub fn of_fields(self, fields: &EventFields) -> Self {
        let is_sent = |name: &String| !name.is_empty();
        Self {
            timestamp: if is_sent(&fields.timestamp) { self.timestamp } else { TimestampEquality::None },
            source: self.source && is_sent(&fields.source),
            payload: if is_sent(&fields.payload) { self.payload } else { PayloadEquality::None },
        }
    }
}

impl From<&Promises> for Equality {
    fn from(promises: &Promises) -> Self {
        let source = promises.payload != PayloadEquality::None;
        Self { timestamp: promises.timestamp, source, payload: promises.payload }
    }
}

/// True if a listed payload equals the one that was sent.
pub fn equal_payload(equality: PayloadEquality, sent: &str, listed: &str) -> bool {
    sent == listed || (equality == PayloadEquality::Json && is_same_payload(sent, listed))
}
