//! Values of flags, as people write them.

use std::time::Duration;

use jiff::Timestamp;
use truth::plan::shard::Shard;

/// Reads `20000`, `20_000`, `20k`, `1m` and `1.5m`.
pub(super) fn parse_count(text: &str) -> Result<u64, String> {
    let refuse = || format!("`{text}` is not a count; write it as 20000, 20k or 1m");
    let plain = text.trim().replace('_', "").to_ascii_lowercase();
    let (digits, zeros) = match plain.as_bytes().last() {
        Some(b'k') => (&plain[..plain.len() - 1], 3),
        Some(b'm') => (&plain[..plain.len() - 1], 6),
        Some(b'g') => (&plain[..plain.len() - 1], 9),
        _ => (plain.as_str(), 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || fraction.len() > zeros {
        return Err(refuse());
    }
    format!("{whole}{fraction:0<zeros$}").parse().map_err(|_| refuse())
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    truth::duration::parse(text).map_err(|error| error.to_string())
}

pub(super) fn parse_seed(text: &str) -> Result<u32, String> {
    let refuse = |_| format!("`{text}` is not a seed; write a whole number from 0 to {}", u32::MAX);
    text.trim().parse().map_err(refuse)
}

pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    truth::time::parse(text).map_err(|error| error.to_string())
}

pub(super) fn parse_shard(text: &str) -> Result<Shard, String> {
    let refuse =
        || format!("`{text}` is not a shard; write it as 1/4 to 4/4, for the first to the last of four");
    let (index, of) = text.split_once('/').ok_or_else(refuse)?;
    let number = |part: &str| part.trim().parse::<u32>().map_err(|_| refuse());
    let shard = Shard { index: number(index)?, of: number(of)? };
    if shard.index == 0 || shard.index > shard.of {
        return Err(refuse());
    }
    Ok(shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_as_people_write_them() {
        for (text, count) in [
            ("20000", 20_000),
            ("20_000", 20_000),
            ("20k", 20_000),
            ("1m", 1_000_000),
            ("1.5M", 1_500_000),
            ("0.25k", 250),
        ] {
            assert_eq!(parse_count(text), Ok(count), "{text}");
        }
        for text in ["", "k", "-1", "1.5", "1.2345k", "1e6", "20 k", "99999999999999999999"] {
            assert!(parse_count(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn shards_are_counted_from_one() {
        assert_eq!(parse_shard("1/4"), Ok(Shard { index: 1, of: 4 }));
        for text in ["0/4", "5/4", "4", "a/b", "1/0"] {
            assert!(parse_shard(text).is_err(), "{text:?}");
        }
    }
}
