//! Rules by which listed contents are compared with sent ones.

use super::json::{Agreement, is_same_payload};
use crate::scenario::promises::{PayloadEquality, Promises, TimestampEquality};
use crate::target::{Contained, RowPlaces, Target};

/// Rules by which listed contents are compared with sent ones.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Equality {
    /// Rule for timestamps.
    pub timestamp: TimestampEquality,
    /// True if sources are compared, which are equal as text. They are wherever payloads are.
    pub source: bool,
    /// Rule for payloads.
    pub payload: PayloadEquality,
    /// True if payloads were sent as text, so that a JSON string that holds the text is as sent.
    pub payload_is_text: bool,
    /// Precision of the timestamps that were sent, in milliseconds.
    pub precision_ms: u32,
}

impl Equality {
    /// Rules that compare nothing.
    pub const NONE: Self = Self {
        timestamp: TimestampEquality::None,
        source: false,
        payload: PayloadEquality::None,
        payload_is_text: false,
        precision_ms: 1,
    };

    /// Returns the rules for the columns of a database. The type of a column decides how a value is
    /// spelt, so an exact promise is held to the meaning alone.
    pub fn in_columns(promises: &Promises) -> Self {
        let promised = Self::from(promises);
        let payload = match promised.payload {
            PayloadEquality::Exact | PayloadEquality::Json => PayloadEquality::Json,
            other @ (PayloadEquality::Contains | PayloadEquality::None) => other,
        };
        let timestamp = match promised.timestamp {
            TimestampEquality::Exact | TimestampEquality::Instant => TimestampEquality::Instant,
            TimestampEquality::None => TimestampEquality::None,
        };
        Self { payload, timestamp, ..promised }
    }

    /// Returns the same rules for what the requests of a target carry. What is not sent is not
    /// compared, and timestamps only to the coarsest precision that was sent.
    pub fn of_target(self, target: &Target) -> Self {
        let Contained { timestamp, source, payload, payload_is_text } = target.contained();
        let is_spelt_so = timestamp.is_some_and(|sent| sent.is_rfc3339);
        let timestamp = match (self.timestamp, timestamp) {
            (_, None) => TimestampEquality::None,
            (TimestampEquality::Exact, Some(_)) if !is_spelt_so => TimestampEquality::Instant,
            (asked, Some(_)) => asked,
        };
        Self {
            timestamp,
            source: self.source && source,
            payload: if payload { self.payload } else { PayloadEquality::None },
            payload_is_text,
            precision_ms: target.contained().timestamp.map_or(1, |sent| sent.precision_ms),
        }
    }

    /// Returns the same rules for rows of which only these places are read.
    pub fn of_places(self, places: &RowPlaces) -> Self {
        Self {
            timestamp: if places.timestamp.is_some() { self.timestamp } else { TimestampEquality::None },
            source: self.source && places.source.is_some(),
            payload: if places.payload.is_some() { self.payload } else { PayloadEquality::None },
            ..self
        }
    }
}

impl From<&Promises> for Equality {
    fn from(promises: &Promises) -> Self {
        let source = promises.payload != PayloadEquality::None;
        let Promises { timestamp, payload, .. } = *promises;
        Self { timestamp, source, payload, payload_is_text: false, precision_ms: 1 }
    }
}

/// True if a listed payload equals the one that was sent.
pub fn equal_payload(equality: PayloadEquality, sent: &str, listed: &str) -> bool {
    sent == listed
        || match equality {
            PayloadEquality::Json => is_same_payload(sent, listed, Agreement::Same),
            PayloadEquality::Contains => is_same_payload(sent, listed, Agreement::Contained),
            PayloadEquality::Exact | PayloadEquality::None => false,
        }
}
