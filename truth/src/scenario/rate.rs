//! Rates as people write them: `1000` events a second, `10k`, `500req/s`, `90/m`.

use std::fmt;
use std::str::FromStr;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// Parts of one event or request a second. Rates are whole numbers of parts, so that what was
/// written is what is computed with.
const PARTS: u64 = 1_000_000;

/// Highest rate a second.
const HIGHEST: u64 = 1_000_000_000;

/// A rate over all shards.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// Millionths a second.
    parts: u64,
    /// Unit that a rate counts.
    unit: Unit,
}

/// Unit that a rate counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unit {
    /// No unit is written; a rate then counts events a second.
    Bare,
    Events,
    Requests,
}

/// Error of a text that is not a rate.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a rate; write it as 1000 (events a second), 10k, 90/m, or 500req/s for requests")]
pub struct RateError {
    text: String,
}

impl Rate {
    /// Rate of nothing.
    pub const ZERO: Self = Self { parts: 0, unit: Unit::Bare };

    /// Returns the rate in requests a second, with `batch` events in a request.
    pub fn requests_per_s(self, batch: u32) -> f64 {
        let per_s = self.parts as f64 / PARTS as f64;
        match self.unit {
            Unit::Requests => per_s,
            Unit::Bare | Unit::Events => per_s / f64::from(batch),
        }
    }

    /// True if a unit or a time is written.
    pub fn has_unit(self) -> bool {
        self.unit != Unit::Bare
    }

    /// Returns the plain number that is written; none if it has a unit or is not whole.
    pub fn whole(self) -> Option<u32> {
        let is_whole = !self.has_unit() && self.parts.is_multiple_of(PARTS);
        is_whole.then(|| u32::try_from(self.parts / PARTS).ok()).flatten()
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let refuse = || RateError { text: text.to_owned() };
        let plain = text.trim().to_ascii_lowercase().replace('_', "");
        let (number, seconds, unit) = match plain.split_once('/') {
            None => (plain.as_str(), 1, Unit::Bare),
            Some((number, "s")) => (number, 1, Unit::Events),
            Some((number, "m")) => (number, 60, Unit::Events),
            Some((number, "h")) => (number, 3600, Unit::Events),
            Some(_) => return Err(refuse()),
        };
        let (number, unit) = match number.strip_suffix("req") {
            Some(number) => (number, Unit::Requests),
            None => (number, unit),
        };
        let (number, times) = match number.strip_suffix('k') {
            Some(number) => (number, 1_000),
            None => (number, 1),
        };
        let whole_and_parts = number.split_once('.').unwrap_or((number, ""));
        let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, fraction) = whole_and_parts;
        if whole.is_empty() || fraction.len() > 6 || !is_digits(whole) || !is_digits(fraction) {
            return Err(refuse());
        }
        let digits: u64 = format!("{whole}{fraction:0<6}").parse().map_err(|_| refuse())?;
        let parts = digits.checked_mul(times).ok_or_else(refuse)? / seconds;
        if parts == 0 && digits > 0 || parts > HIGHEST * PARTS {
            return Err(refuse());
        }
        Ok(Self { parts, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.parts / PARTS;
        let fraction = self.parts % PARTS;
        write!(formatter, "{whole}")?;
        if fraction > 0 {
            write!(formatter, ".{}", format!("{fraction:06}").trim_end_matches('0'))?;
        }
        match self.unit {
            Unit::Bare => Ok(()),
            Unit::Events => write!(formatter, "/s"),
            Unit::Requests => write!(formatter, "req/s"),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_read_as_people_write_them() {
        for (text, requests, shown) in [
            ("1000", 10.0, "1000"),
            (" 10k/s ", 100.0, "10000/s"),
            ("2_500", 25.0, "2500"),
            ("0.5", 0.005, "0.5"),
            ("90/m", 0.015, "1.5/s"),
            ("500req/s", 500.0, "500req/s"),
            ("1.5kreq", 1500.0, "1500req/s"),
            ("3600req/h", 1.0, "1req/s"),
            ("0", 0.0, "0"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.requests_per_s(100), requests, "{text}");
            assert_eq!(rate.to_string(), shown, "{text}");
            assert_eq!(shown.parse(), Ok(rate), "{text}");
        }
        let whole = |text: &str| text.parse::<Rate>().unwrap().whole();
        assert_eq!(
            (whole("50"), whole("2k"), whole("1.5"), whole("50/s")),
            (Some(50), Some(2_000), None, None)
        );
        for text in
            ["", "fast", "-1", "1e3", ".5", "1/d", "1.0000001", "0.000001/h", "2000000000", "k", "req/s"]
        {
            assert!(text.parse::<Rate>().is_err(), "{text:?}");
        }
    }
}
