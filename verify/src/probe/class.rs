//! Classes of values: what a text looks like, and a fresh value of the same look.

use rand::TryRng;
use rand::rngs::SysRng;
use truth::clock::{monotonic_ns, utc_ms};
use truth::observed::rows::moment::is_moment;
use truth::target::template::TimeForm;

/// Earliest and latest second that is taken for a time since 1970: the years 2008 to 2052.
const SECONDS: std::ops::Range<u64> = 1_200_000_000..2_600_000_000;

/// Fewest digits of a text that is taken for hexadecimal.
const SHORTEST_HEX: usize = 16;

/// Digits of Crockford's base 32.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Class of a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    /// UUID of version 7.
    Uuid7,
    /// UUID of another version.
    Uuid,
    /// Hexadecimal digits, so many.
    Hex(usize),
    /// ULID.
    Ulid,
    /// Whole number of so many digits.
    Integer(usize),
    /// Time.
    Time(TimeForm),
    /// Any other text.
    Text,
}

impl Class {
    /// Returns the class of a value.
    pub(super) fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let parts: Vec<&str> = text.split('-').collect();
        if parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|part| is_hex(part)) {
            return if parts[2].starts_with('7') { Self::Uuid7 } else { Self::Uuid };
        }
        if let Some(form) = epoch(text) {
            return Self::Time(form);
        }
        if !bytes.is_empty() && bytes.len() <= 19 && bytes.iter().all(u8::is_ascii_digit) {
            return Self::Integer(bytes.len());
        }
        if bytes.len() >= SHORTEST_HEX && is_hex(text) && bytes.iter().any(u8::is_ascii_digit) {
            return Self::Hex(bytes.len());
        }
        let is_base32 = |byte: &u8| BASE32.contains(&byte.to_ascii_uppercase());
        if bytes.len() == 26 && matches!(bytes[0], b'0'..=b'7') && bytes.iter().all(is_base32) {
            return Self::Ulid;
        }
        match date_or_time(text) {
            Some(form) => Self::Time(form),
            None => Self::Text,
        }
    }

    /// True if nobody writes such a value by chance.
    pub(super) fn is_unique(self) -> bool {
        matches!(self, Self::Uuid7 | Self::Uuid | Self::Hex(_) | Self::Ulid)
    }

    /// Returns a fresh value of this class. A time is the present, `later` milliseconds on.
    pub(super) fn fresh(self, later: i64) -> String {
        match self {
            Self::Uuid7 | Self::Uuid | Self::Text => uuid(self == Self::Uuid7),
            Self::Hex(digits) => hex(digits),
            Self::Ulid => random(26)
                .iter()
                .map(|byte| char::from(BASE32[usize::from(byte % 32)]))
                .enumerate()
                .map(|(at, digit)| if at == 0 { '0' } else { digit })
                .collect(),
            Self::Integer(digits) => {
                let digit = |(at, byte): (usize, u8)| char::from(b'1' + byte % if at == 0 { 8 } else { 9 });
                random(digits.clamp(6, 15)).into_iter().enumerate().map(digit).collect()
            }
            Self::Time(form) => {
                let mut out = Vec::new();
                form.write(utc_ms() + later, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
        }
    }
}

/// Returns the form of a number that counts the time since 1970.
fn epoch(text: &str) -> Option<TimeForm> {
    let number: u64 = text.parse().ok()?;
    [
        (1, TimeForm::EpochS),
        (1_000, TimeForm::EpochMs),
        (1_000_000, TimeForm::EpochUs),
        (1_000_000_000, TimeForm::EpochNs),
    ]
    .into_iter()
    .find(|(unit, _)| SECONDS.contains(&(number / unit)))
    .map(|(_, form)| form)
}

fn date_or_time(text: &str) -> Option<TimeForm> {
    let bytes = text.as_bytes();
    let is_date = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    match bytes.len() {
        _ if !is_date => None,
        10 => Some(TimeForm::Date),
        _ => is_moment(text, utc_ms()).map(|_| TimeForm::Rfc3339),
    }
}

fn random(count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    // Without random numbers the clock serves: ids of a probe have to be new, not secret.
    if SysRng.try_fill_bytes(&mut bytes).is_err() {
        let now = monotonic_ns().to_le_bytes();
        bytes.iter_mut().zip(now.iter().cycle()).for_each(|(byte, own)| *byte = *own);
    }
    bytes
}

/// Returns a random number for the plan of a probe.
pub(super) fn nonce() -> u64 {
    random(8).into_iter().fold(0, |number, byte| number << 8 | u64::from(byte))
}

fn hex(digits: usize) -> String {
    let text: String = random(digits.div_ceil(2)).iter().map(|byte| format!("{byte:02x}")).collect();
    text[..digits].to_owned()
}

fn uuid(is_of_time: bool) -> String {
    let digits = hex(32);
    let start = if is_of_time { format!("{:012x}", utc_ms()) } else { digits[..12].to_owned() };
    let version = if is_of_time { 7 } else { 4 };
    format!(
        "{}-{}-{version}{}-a{}-{}",
        &start[..8],
        &start[8..12],
        &digits[13..16],
        &digits[17..20],
        &digits[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_their_looks() {
        for (text, class) in [
            ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", Class::Uuid),
            ("01890a5d-ac96-774b-bcce-b302099a8057", Class::Uuid7),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", Class::Ulid),
            ("d41d8cd98f00b204e9800998ecf8427e", Class::Hex(32)),
            ("4711", Class::Integer(4)),
            ("1735689600", Class::Time(TimeForm::EpochS)),
            ("1735689600250", Class::Time(TimeForm::EpochMs)),
            ("1735689600250000", Class::Time(TimeForm::EpochUs)),
            ("1735689600250000000", Class::Time(TimeForm::EpochNs)),
            ("2025-01-01", Class::Time(TimeForm::Date)),
            ("2025-01-01T00:00:00Z", Class::Time(TimeForm::Rfc3339)),
            ("2025-01-01T00:00:00.250+01:00", Class::Time(TimeForm::Rfc3339)),
            ("order.created", Class::Text),
            ("deadbeef", Class::Text),
            ("2025-01-01-order", Class::Text),
            ("", Class::Text),
        ] {
            assert_eq!(Class::of(text), class, "{text}");
            let fresh = class.fresh(0);
            assert_ne!(fresh, text);
            if class != Class::Text && !matches!(class, Class::Integer(_)) {
                assert_eq!(Class::of(&fresh), class, "{fresh}");
            }
        }
    }
}
