//! Times as people write them: `2026-01-31T12:00:00Z`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};
use thiserror::Error;

/// Error of a text that is not a time.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a time; write it as 2026-01-31T12:00:00Z")]
pub struct TimeError {
    text: String,
}

/// Parses a time with its zone.
pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
    text.parse().map_err(|_| TimeError { text: text.to_owned() })
}

/// A moment on the wall clock, to the millisecond: `2026-01-31T12:00:00.000Z`. None beyond the
/// years that a calendar has.
pub fn of_utc_ms(utc_ms: i64) -> Option<String> {
    let moment = Timestamp::from_millisecond(utc_ms).ok()?;
    Some(format!("{moment:.3}"))
}

/// For `#[serde(with = "truth::time")]`.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(serde::de::Error::custom)
}

/// For `#[serde(with = "truth::time")]`.
pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_to_the_millisecond() {
        assert_eq!(of_utc_ms(1_769_860_800_007).as_deref(), Some("2026-01-31T12:00:00.007Z"));
        assert_eq!(of_utc_ms(i64::MAX), None);
    }

    #[test]
    fn a_time_without_a_zone_is_refused_with_an_example() {
        assert_eq!(parse("2026-01-31T12:00:00Z").unwrap().as_second(), 1_769_860_800);
        for text in ["tomorrow", "2026-01-31T12:00:00", ""] {
            let error = parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("`{text}` is not a time; write it as 2026-01-31T12:00:00Z"));
        }
    }
}
