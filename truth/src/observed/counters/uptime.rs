//! Uptime of a process as targets write it: seconds as a number, or a text for people.

use jiff::{Span, SpanRelativeTo, Unit};
use serde_json::Value;

/// Returns the uptime in milliseconds; none if it is not a duration. A target owes no uptime with
/// its counters, so an unreadable one is absent, not an error.
pub(super) fn millis(value: &Value) -> Option<u64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => seconds(text.trim())?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let millis = (seconds * 1e3).round();
    // From 2^53 on a float no longer holds every whole number, and no process runs that long.
    (0.0..9e15).contains(&millis).then_some(millis as u64)
}

/// Reads `4.22`, `0:00:04`, `1:02:03.5`, `1 day, 0:00:04`, `4.22 seconds` or `5m4s`.
fn seconds(text: &str) -> Option<f64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let span: Span = text.parse().ok()?;
    span.total((Unit::Second, SpanRelativeTo::days_are_24_hours())).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_uptime_reads_as_targets_write_it() {
        for (value, expected) in [
            (json!(4), 4_000),
            (json!(0), 0),
            (json!(4.2204), 4_220),
            (json!("4.5"), 4_500),
            (json!("0:00:04"), 4_000),
            (json!("1:02:03.5"), 3_723_500),
            (json!("0:00:04.123456"), 4_123),
            (json!("1 day, 0:00:04"), 86_404_000),
            (json!("12 days, 3:00:00"), 1_047_600_000),
            (json!("4.22 seconds"), 4_220),
            (json!("5m4s"), 304_000),
            (json!("1h2m3.5s"), 3_723_500),
            (json!("PT5M4S"), 304_000),
        ] {
            assert_eq!(millis(&value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_length_of_time_is_absent() {
        for value in [
            json!(null),
            json!(true),
            json!(-1),
            json!(1e300),
            json!("soon"),
            json!(""),
            json!("NaN"),
            json!("-5s"),
        ] {
            assert_eq!(millis(&value), None, "{value}");
        }
    }
}
