//! Durations as people write them: `500ms`, `30s`, `5m`, `0`.

use std::time::Duration;

use jiff::SignedDuration;
use serde::de::{Error, Visitor};
use serde::{Deserializer, Serializer};
use thiserror::Error;

/// Error of a text that is not a duration.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a duration; write it as 500ms, 30s or 5m")]
pub struct DurationError {
    text: String,
}

/// Parses `500ms`, `30s`, `1m30s` or a bare `0`.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    let parsed =
        text.trim().parse::<SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    parsed.ok_or_else(|| DurationError { text: text.to_owned() })
}

/// Formats a duration so that [`parse`] reads it back.
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos.is_multiple_of(1_000_000_000) {
        format!("{}s", duration.as_secs())
    } else if nanos.is_multiple_of(1_000_000) {
        format!("{}ms", duration.as_millis())
    } else {
        format!("{nanos}ns")
    }
}

/// For `#[serde(with = "truth::duration")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Text)
}

/// Visitor of a text; a number has no unit.
struct Text;

impl Text {
    fn refuse<E: Error>(number: impl std::fmt::Display) -> Result<Duration, E> {
        Err(E::custom(format!("a duration is a text with its unit: write \"{number}s\" or \"{number}ms\"")))
    }
}

impl Visitor<'_> for Text {
    type Value = Duration;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a duration in quotes, such as \"5s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Duration, E> {
        Self::refuse(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Duration, E> {
        Self::refuse(number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Duration, E> {
        Self::refuse(number)
    }
}

/// For `#[serde(with = "truth::duration")]`.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(with = "truth::duration::optional")]`: a missing key is `None`.
pub mod optional {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    /// Reads a duration that is given.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }

    /// Writes the duration, if there is one.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_read_as_written() {
        for (text, millis) in [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1m30s", 90_000), ("0", 0)]
        {
            let duration = parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(millis), "{text}");
            assert_eq!(parse(&format(duration)), Ok(duration));
        }
        for text in ["", "30", "-1s", "soon"] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }
}
