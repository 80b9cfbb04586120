//! The duplicate share, parsed exactly.
//!
//! A share is a decimal fraction, never a float: in binary, 45 × 0.7 is 31.499…, and one duplicate
//! would be missing.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use thiserror::Error;

/// Most digits after the decimal point. More would not change any count that fits in 64 bits.
const MAX_DIGITS: usize = 18;

/// Share of attempts that are duplicates, as an exact fraction in `0..=1`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Share {
    numerator: u64,
    denominator: u64,
}

/// Error of a text that is not a duplicate share.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ShareError {
    /// The text is not a plain decimal number.
    #[error("`{text}` is not a share; write it as 0.3 or 30%")]
    NotANumber {
        /// Text that was given.
        text: String,
    },
    /// The share is above 1.
    #[error("`{text}` is above 1; write a share as 0.3 or 30%")]
    AboveOne {
        /// Text that was given.
        text: String,
    },
    /// The share is 1 in a run without a count, which would never send a first copy.
    #[error("1 needs a count: without one, no key would ever be new")]
    OneWithoutCount,
}

impl Share {
    /// Share of nothing.
    pub const ZERO: Share = Share { numerator: 0, denominator: 1 };

    /// Share of everything.
    pub const WHOLE: Share = Share { numerator: 1, denominator: 1 };

    /// True if this share of a sequence, spread evenly, holds member `index`, counted from zero.
    pub fn holds(self, index: u64) -> bool {
        let up_to = |members: u128| members * u128::from(self.numerator) / u128::from(self.denominator);
        up_to(u128::from(index) + 1) > up_to(u128::from(index))
    }

    /// Returns this share of a number, rounded down.
    pub fn of(self, number: u32) -> u32 {
        let share = u128::from(number) * u128::from(self.numerator) / u128::from(self.denominator);
        u32::try_from(share).expect("a share of at most one of a u32")
    }

    /// Returns the fraction `(numerator, denominator)` of duplicates, for a run of `total` attempts
    /// or an unbounded one.
    ///
    /// With a total it is `(R, total)` with `R = min(round-half-up(total · share), total - 1)`, so
    /// that it is exact at the end of the run. A total of zero has no duplicates.
    pub fn resolve(self, total: Option<u64>) -> Result<(u64, u64), ShareError> {
        match total {
            Some(total) => {
                let twice = 2 * u128::from(total) * u128::from(self.numerator);
                let repeats = (twice + u128::from(self.denominator)) / (2 * u128::from(self.denominator));
                let repeats = u64::try_from(repeats).expect("a share of at most one of a u64");
                Ok((repeats.min(total.saturating_sub(1)), total.max(1)))
            }
            None if self.numerator == self.denominator => Err(ShareError::OneWithoutCount),
            None => Ok((self.numerator, self.denominator)),
        }
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_number = || ShareError::NotANumber { text: text.to_owned() };
        let trimmed = text.trim();
        let (digits, percent) = match trimmed.strip_suffix('%') {
            Some(rest) => (rest.trim_end(), true),
            None => (trimmed, false),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fraction = fraction.trim_end_matches('0');
        if (whole.is_empty() && !digits.starts_with('.')) || digits == "." {
            return Err(not_a_number());
        }
        if !all_digits(whole) || !all_digits(fraction) || fraction.len() + 2 > MAX_DIGITS || whole.len() > 3 {
            return Err(not_a_number());
        }
        let scale = 10_u64.pow(u32::try_from(fraction.len()).expect("bounded above"));
        let parse = |part: &str| {
            if part.is_empty() { Ok(0) } else { part.parse::<u64>() }
        };
        let whole = parse(whole).map_err(|_| not_a_number())?;
        let fraction = parse(fraction).map_err(|_| not_a_number())?;
        let denominator = if percent { scale * 100 } else { scale };
        let numerator = whole * scale + fraction;
        if numerator > denominator {
            return Err(ShareError::AboveOne { text: text.to_owned() });
        }
        let divisor = gcd(numerator, denominator);
        Ok(Share { numerator: numerator / divisor, denominator: denominator / divisor })
    }
}

/// Reads the text of a share, for serde. A number gets an error that shows how to write it.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a share in quotes, such as \"0.3\" or \"30%\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }
    }

    deserializer.deserialize_str(Text)
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.numerator, self.denominator)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(share: &str, total: u64) -> u64 {
        share.parse::<Share>().unwrap().resolve(Some(total)).unwrap().0
    }

    #[test]
    fn counts_are_exact_where_binary_floats_are_not() {
        assert_eq!(repeats("0.3", 20_000), 6_000);
        assert_eq!(repeats("0.7", 45), 32, "31.5 rounds half up; f64 says 31.499999999999996");
        assert_eq!(repeats("30%", 20_000), 6_000);
        assert_eq!(repeats(".125", 20), 3, "2.5 rounds half up");
    }

    #[test]
    fn one_event_at_least_is_new() {
        assert_eq!(repeats("1", 10), 9);
        assert_eq!(repeats("0.999", 1), 0);
        assert_eq!("1".parse::<Share>().unwrap().resolve(None), Err(ShareError::OneWithoutCount));
    }

    #[test]
    fn a_share_is_spread_evenly_over_a_sequence() {
        let held = |share: &str, of: u64| {
            let share: Share = share.parse().unwrap();
            (0..of).filter(|index| share.holds(*index)).collect::<Vec<_>>()
        };
        assert_eq!(held("1", 3), [0, 1, 2]);
        assert_eq!(held("0", 3), [0; 0]);
        assert_eq!(held("0.25", 9), [3, 7]);
        assert_eq!(held("0.7", 45).len(), 31);
        assert!(Share::WHOLE.holds(u64::MAX));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", ".", "x", "-0.1", "1e-3", "0.3.1", "%", "0,3", "+0.1", "0.1234567890123456789"] {
            assert!(matches!(text.parse::<Share>(), Err(ShareError::NotANumber { .. })), "{text:?}");
        }
        for text in ["1.0000001", "2", "101%"] {
            assert!(matches!(text.parse::<Share>(), Err(ShareError::AboveOne { .. })), "{text:?}");
        }
    }
}
