//! Timestamps in the forms that targets show them in, compared with the moment that was sent.
//!
//! Requests carry milliseconds, or less. A listed time is rounded to milliseconds: further digits do
//! not count. A time that was cut to whole seconds differs, unless no more than these were sent.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;

/// Milliseconds of the units in which a number may count the time since 1970: seconds, milli-,
/// micro- and nanoseconds.
const UNITS_MS: [f64; 4] = [1e3, 1.0, 1e-3, 1e-6];

/// Distance from the sent moment within which a number is taken for a time since 1970. Numbers of
/// other calendars are further away: days since 1900, seconds since 2001, ticks since the year 1.
const TEN_YEARS_MS: f64 = 315_576_000_000.0;

/// Offsets of time zones are multiples of a quarter of an hour.
const QUARTER_MS: i64 = 900_000;

/// Largest offset of a time zone, that of Kiribati.
const LARGEST_OFFSET_MS: u64 = 50_400_000;

/// True if a listed timestamp names the moment that was sent, to the millisecond. None if its form
/// is not understood.
pub fn is_moment(listed: &str, sent_ms: i64) -> Option<bool> {
    is_moment_to(listed, sent_ms, 1)
}

/// True if a listed timestamp names the moment that was sent, to a precision in milliseconds: both
/// are rounded down. None if its form is not understood.
pub fn is_moment_to(listed: &str, sent_ms: i64, precision_ms: u32) -> Option<bool> {
    let cut = |ms: i64| ms.div_euclid(precision_ms.into()) * i64::from(precision_ms);
    let sent_ms = cut(sent_ms);
    let listed = listed.trim();
    if let Some(number) = listed.parse().ok().filter(|number: &f64| number.is_finite()) {
        return is_count(number, sent_ms, cut);
    }
    if let Some(instant) = instant(listed) {
        return Some(cut(in_ms(instant)) == sent_ms);
    }
    let as_utc: DateTime = listed.parse().ok()?;
    let ahead_ms = cut(in_ms(TimeZone::UTC.to_timestamp(as_utc).ok()?)).saturating_sub(sent_ms);
    match ahead_ms {
        0 => Some(true),
        // Local time of a zone that is not said.
        zone if zone % QUARTER_MS == 0 && zone.unsigned_abs() <= LARGEST_OFFSET_MS => None,
        _ => Some(false),
    }
}

/// Reads a number as a time since 1970, in any unit.
fn is_count(number: f64, sent_ms: i64, cut: impl Fn(i64) -> i64) -> Option<bool> {
    // A number beyond the calendar becomes the largest one, and stays as far away.
    let ahead_ms = UNITS_MS.map(|unit| cut((number * unit).round() as i64) as f64 - sent_ms as f64);
    if ahead_ms.contains(&0.0) {
        return Some(true);
    }
    ahead_ms.iter().any(|ahead| ahead.abs() < TEN_YEARS_MS).then_some(false)
}

/// Reads a time that says its offset from UTC.
fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    // Go prints a space before the offset and the name of the zone after it. Others print the name
    // alone.
    let last_word = text.rsplit_once(' ').filter(|(_, word)| word.chars().all(char::is_alphabetic));
    let (time, zone) = last_word.unwrap_or((text, ""));
    let time = time.replace(" +", "+").replace(" -", "-");
    let of_zone = || matches!(zone, "UTC" | "GMT").then(|| format!("{time}Z").parse().ok()).flatten();
    let of_mail = || rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    time.parse().ok().or_else(of_zone).or_else(of_mail)
}

/// Returns a moment in milliseconds since 1970, rounded.
fn in_ms(instant: Timestamp) -> i64 {
    let ns = instant.as_nanosecond();
    i64::try_from((ns + 500_000).div_euclid(1_000_000)).expect("the calendar's milliseconds fit")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT_MS: i64 = 1_735_689_600_250;

    #[test]
    fn one_moment_is_written_in_many_ways() {
        for text in [
            "2025-01-01T00:00:00.250Z",
            "2025-01-01t00:00:00.250z",
            "2025-01-01T00:00:00.25+00:00",
            "2025-01-01T01:00:00.250+01:00",
            "2025-01-01T00:00:00.250Z[UTC]",
            "2025-01-01 00:00:00.250",
            "2025-01-01 00:00:00.25+00",
            "2025-01-01 05:30:00.25+05:30",
            "2025-01-01T00:00:00.250000",
            "2025-01-01T00:00:00.250000000Z",
            "2025-01-01T00:00:00.250400Z",
            "2025-01-01T00:00:00.249999Z",
            "1735689600.25",
            "1735689600.2499999",
            "1735689600250",
            "1735689600250.0",
            "1735689600250000",
            "1735689600250000000",
            "1.73568960025e9",
            "2025-01-01 00:00:00.25 +0000 UTC",
            "2025-01-01 01:00:00.25 +0100",
            "2025-01-01 01:00:00.25 +0100 CET",
            "2025-01-01 00:00:00.25 UTC",
            " 2025-01-01T00:00:00.250Z ",
        ] {
            assert_eq!(is_moment(text, SENT_MS), Some(true), "{text}");
        }
        for text in ["Wed, 01 Jan 2025 00:00:00 GMT", "1 Jan 2025 01:00:00 +0100"] {
            assert_eq!(is_moment(text, SENT_MS - 250), Some(true), "{text}");
        }
        for text in ["2025-01-01T00:00:00Z", "2025-01-01T00:00Z", "20250101T000000Z", "2025-01-01 00:00:00"] {
            assert_eq!(is_moment(text, SENT_MS - 250), Some(true), "{text}");
        }
        assert_eq!(is_moment("250", 250), Some(true));
        assert_eq!(is_moment("0.25", 250), Some(true));
        assert_eq!(is_moment("-250", -250), Some(true));
    }

    #[test]
    fn another_moment_is_a_change_however_near_it_is() {
        for text in [
            "2025-01-01T00:00:00Z",
            "2025-01-01T00:00:00.000Z",
            "2025-01-01T00:00:00.251Z",
            "2025-01-01T00:00:00.2506Z",
            "2025-01-01T01:00:00.250Z",
            "2025-01-01T00:00:00.250+01:00",
            "2025-01-01 00:00:00",
            "2025-01-01",
            "2026-11-30 05:11:24.811",
            "1970-01-01T00:00:00Z",
            "1735689600",
            "1735689600251",
            "1764479484.811",
            "Wed, 01 Jan 2025 00:00:00 GMT",
        ] {
            assert_eq!(is_moment(text, SENT_MS), Some(false), "{text}");
        }
    }

    #[test]
    fn a_form_without_a_zone_a_unit_or_a_meaning_is_not_understood() {
        for text in [
            "yesterday",
            "",
            "null",
            "NaN",
            "infinity",
            "2025-01-01T00:00:00.250X",
            "01/02/2025 00:00:00.250",
            "2025-01-01 12:00:00.250 AM",
            "2025-01-01 01:00:00.250 CET",
            "Wed Jan  1 00:00:00 2025",
            // Local time of another zone.
            "2025-01-01 05:45:00.250",
            "2024-12-31T16:00:00.250",
            // Days, seconds since 2001, ticks of 100 ns, digits of a calendar.
            "45658.0000029",
            "2460676.500002894",
            "757382400.25",
            "638712864002500000",
            "133801632002500000",
            "20250101000000.250",
            "0",
            r#"{"$date":"2025-01-01T00:00:00.250Z"}"#,
        ] {
            assert_eq!(is_moment(text, SENT_MS), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_compared_to_the_precision_that_was_sent() {
        for (text, precision_ms, expected) in [
            ("1735689600", 1_000, Some(true)),
            ("1735689600", 1, Some(false)),
            ("2025-01-01T00:00:00Z", 1_000, Some(true)),
            ("2025-01-01T00:00:00.9Z", 1_000, Some(true)),
            ("2025-01-01T00:00:01Z", 1_000, Some(false)),
            ("2025-01-01 00:00:00", 1_000, Some(true)),
            ("2025-01-01", 86_400_000, Some(true)),
            ("2025-01-02", 86_400_000, Some(false)),
            ("2025-01-01T23:59:59Z", 86_400_000, Some(true)),
        ] {
            assert_eq!(is_moment_to(text, SENT_MS, precision_ms), expected, "{text} to {precision_ms} ms");
        }
    }
}
