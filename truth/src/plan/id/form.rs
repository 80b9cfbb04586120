//! Forms of ids other than the plain UUID, and text around them.
//!
//! Each form holds a permuted ordinal, so that `verify` decodes it, and a tag, so that an id of
//! another origin is not taken for one of the run:
//!
//! | form | bits of the ordinal | bits of the tag | besides |
//! |---|---|---|---|
//! | `uuid7` | 52 | 22 | the key's timestamp, which is checked too |
//! | `ulid` | 52 | 28 | the key's timestamp, which is checked too |
//! | `hex` | 64 | 64 | |
//! | `integer` | 32 | 21 | |

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ID_LEN, IdScheme};
use crate::plan::rng::{derived, mix};
use crate::plan::twin::{COMPOSED, Core, DECOMPOSED, LONGEST_ID, Twin};

/// Digits of Crockford's base 32.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Most bytes of text around an id, so that long ids have room.
const MOST_AROUND: usize = 64;

/// Form of an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum IdForm {
    /// UUID of version 4.
    #[default]
    Uuid,
    /// UUID of version 7.
    Uuid7,
    /// ULID.
    Ulid,
    /// 32 hexadecimal digits.
    Hex,
    /// Whole number below 2^53.
    Integer,
}

const FORMS: [(&str, IdForm); 5] = [
    ("uuid", IdForm::Uuid),
    ("uuid7", IdForm::Uuid7),
    ("ulid", IdForm::Ulid),
    ("hex", IdForm::Hex),
    ("integer", IdForm::Integer),
];

/// Ids of a scenario: a form, and the text around it. It is written `ulid` or `ord-{{ulid}}`;
/// `{{id}}` is the UUID.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IdSpec {
    /// Form of the core.
    pub form: IdForm,
    before: String,
    after: String,
}

/// Error of a text that describes no ids.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error(
    "id = \"{text}\" describes no ids: write uuid, uuid7, ulid, hex or integer, or one of them with text around it, \
     such as \"ord-{{{{ulid}}}}\", of at most {MOST_AROUND} visible ASCII characters without quotes and backslashes"
)]
pub struct IdError {
    text: String,
}

impl IdSpec {
    /// True if ids are plain UUIDs.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// True if ids are JSON numbers.
    pub fn is_number(&self) -> bool {
        self.form == IdForm::Integer && self.before.is_empty() && self.after.is_empty()
    }
}

impl FromStr for IdSpec {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let refuse = || IdError { text: text.to_owned() };
        let form = |word: &str| {
            let word = if word == "id" { "uuid" } else { word };
            FORMS.iter().find(|(name, _)| *name == word).map(|(_, form)| *form).ok_or_else(refuse)
        };
        let Some((before, rest)) = text.split_once("{{") else {
            return Ok(Self { form: form(text)?, ..Self::default() });
        };
        let (word, after) = rest.split_once("}}").ok_or_else(refuse)?;
        let around = before.bytes().chain(after.bytes());
        let is_usable = |byte: u8| byte.is_ascii_graphic() && !b"\"\\{}".contains(&byte);
        if before.len() + after.len() > MOST_AROUND || !around.into_iter().all(is_usable) {
            return Err(refuse());
        }
        Ok(Self { form: form(word.trim())?, before: before.to_owned(), after: after.to_owned() })
    }
}

impl TryFrom<String> for IdSpec {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<IdSpec> for String {
    fn from(spec: IdSpec) -> Self {
        spec.to_string()
    }
}

impl fmt::Display for IdSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = FORMS.iter().find(|(_, form)| *form == self.form).map_or("uuid", |(name, _)| name);
        if self.before.is_empty() && self.after.is_empty() {
            f.write_str(form)
        } else {
            write!(f, "{}{{{{{form}}}}}{}", self.before, self.after)
        }
    }
}

/// Ids of one run.
#[derive(Clone, Debug)]
pub struct Ids {
    scheme: IdScheme,
    spec: IdSpec,
    /// True if ids are plain UUIDs, which is usual.
    is_plain: bool,
    feistel: [u64; 4],
    tag: u64,
}

impl Ids {
    /// Returns the ids of the run with this nonce.
    pub fn new(nonce: u64, spec: &IdSpec) -> Self {
        let key = |index: u64| derived(nonce, 16 + index);
        Self {
            scheme: IdScheme::new(nonce),
            spec: spec.clone(),
            is_plain: spec.is_plain(),
            feistel: [key(0), key(1), key(2), key(3)],
            tag: key(4),
        }
    }

    /// Appends the id of a key, whose timestamp `ms` returns.
    pub fn write(&self, ordinal: u64, ms: impl FnOnce() -> i64, out: &mut Vec<u8>) {
        if self.is_plain {
            return self.scheme.write(ordinal, out);
        }
        out.extend_from_slice(self.spec.before.as_bytes());
        match self.spec.form {
            IdForm::Uuid => self.scheme.write(ordinal, out),
            form => out.extend_from_slice(text(form, self.value(ordinal, ms())).as_bytes()),
        }
        out.extend_from_slice(self.spec.after.as_bytes());
    }

    /// Appends the id of the first or second key of a pair that shares it; `ordinal` is that of the
    /// first.
    pub fn write_twin(&self, twin: Twin, ordinal: u64, ms: i64, is_second: bool, out: &mut Vec<u8>) {
        let core = self.core(ordinal, ms);
        out.extend_from_slice(self.spec.before.as_bytes());
        twin.spell(
            &Core {
                text: &core,
                number: number(self.spec.form, &core),
                is_upper: self.spec.form == IdForm::Ulid,
                longest: LONGEST_ID - self.spec.before.len() - self.spec.after.len(),
            },
            is_second,
            out,
        );
        out.extend_from_slice(self.spec.after.as_bytes());
    }

    /// True if the id of a key has letters, and so two cases.
    pub fn has_case(&self, ordinal: u64, ms: i64) -> bool {
        self.core(ordinal, ms).bytes().any(|byte| byte.is_ascii_alphabetic())
    }

    /// Returns the ordinal of an id, whose timestamp `ms` returns; none if this run did not make
    /// it. Only the canonical spelling decodes.
    pub fn decode(&self, id: &str, ms: impl Fn(u64) -> i64) -> Option<u64> {
        if self.is_plain {
            return self.scheme.decode(id);
        }
        self.decode_core(self.within(id)?, ms)
    }

    /// Returns the ordinal of the first key of a pair that an id may be of, however it is spelt.
    /// Spelling the id again shows if it is.
    pub fn decode_twin(&self, id: &str, ms: impl Fn(u64) -> i64) -> Option<u64> {
        let core = self.within(id)?;
        self.plain(core).into_iter().find_map(|plain| self.decode_core(&plain, &ms))
    }

    fn within<'a>(&self, id: &'a str) -> Option<&'a str> {
        id.strip_prefix(self.spec.before.as_str())?.strip_suffix(self.spec.after.as_str())
    }

    fn decode_core(&self, core: &str, ms: impl Fn(u64) -> i64) -> Option<u64> {
        if self.spec.form == IdForm::Uuid {
            return self.scheme.decode(core);
        }
        let value = parse(self.spec.form, core)?;
        let ordinal = self.ordinal(value);
        (self.value(ordinal, ms(ordinal)) == value).then_some(ordinal)
    }

    fn core(&self, ordinal: u64, ms: i64) -> String {
        match self.spec.form {
            IdForm::Uuid => String::from_utf8_lossy(&self.scheme.encode(ordinal)).into_owned(),
            form => text(form, self.value(ordinal, ms)),
        }
    }

    /// Returns the plain spellings that the core of an id may have.
    fn plain(&self, core: &str) -> Vec<String> {
        let form = self.spec.form;
        let is_digits = !core.is_empty() && core.bytes().all(|byte| byte.is_ascii_digit());
        let length = match form {
            IdForm::Uuid | IdForm::Uuid7 => ID_LEN,
            IdForm::Ulid => 26,
            IdForm::Hex => 32,
            IdForm::Integer => core.bytes().take_while(u8::is_ascii_digit).count(),
        };
        let longest = LONGEST_ID - self.spec.before.len() - self.spec.after.len();
        let is_known = |rest: &str| ["", " ", COMPOSED, DECOMPOSED].contains(&rest) || core.len() == longest;
        let whole = core.split_at_checked(length).filter(|(_, rest)| is_known(rest)).map(|(whole, _)| {
            if form == IdForm::Ulid { whole.to_ascii_uppercase() } else { whole.to_ascii_lowercase() }
        });
        let number = core.parse::<u128>().ok().filter(|_| is_digits).map(|number| text(form, number));
        whole.into_iter().chain(number).collect()
    }

    /// Returns the bits of a key's id.
    fn value(&self, ordinal: u64, ms: i64) -> u128 {
        let Bits { ordinal: bits, tag } = bits(self.spec.form);
        let free = u128::from(self.permute(ordinal, bits)) << tag | u128::from(self.tag(ordinal, tag));
        let time = u128::from(ms as u64 & 0xffff_ffff_ffff);
        match self.spec.form {
            IdForm::Uuid7 => {
                let high = time << 16 | 0x7000 | (free >> 62);
                let low = 0b10 << 62 | (free & ((1 << 62) - 1));
                high << 64 | low
            }
            IdForm::Ulid => time << 80 | free,
            IdForm::Uuid | IdForm::Hex | IdForm::Integer => free,
        }
    }

    /// Returns the ordinal that the bits of an id hold, whatever the rest of them is.
    fn ordinal(&self, value: u128) -> u64 {
        let Bits { ordinal: bits, tag } = bits(self.spec.form);
        let free = match self.spec.form {
            IdForm::Uuid7 => (value >> 64 & 0xfff) << 62 | (value & ((1 << 62) - 1)),
            IdForm::Ulid => value & ((1 << 80) - 1),
            IdForm::Uuid | IdForm::Hex | IdForm::Integer => value,
        };
        self.invert((free >> tag) as u64, bits)
    }

    fn tag(&self, ordinal: u64, bits: u32) -> u64 {
        mix(mix(ordinal ^ self.tag) ^ self.feistel[0]) >> (64 - bits)
    }

    /// Permutes a number of this many bits, an even count, by a balanced Feistel network.
    fn permute(&self, number: u64, bits: u32) -> u64 {
        let half = bits / 2;
        let mask = (1 << half) - 1;
        let mut left = number >> half & mask;
        let mut right = number & mask;
        for key in self.feistel {
            (left, right) = (right, left ^ (mix(right ^ key) >> (64 - half)));
        }
        left << half | right
    }

    fn invert(&self, number: u64, bits: u32) -> u64 {
        let half = bits / 2;
        let mask = (1 << half) - 1;
        let mut left = number >> half & mask;
        let mut right = number & mask;
        for key in self.feistel.into_iter().rev() {
            (left, right) = (right ^ (mix(left ^ key) >> (64 - half)), left);
        }
        left << half | right
    }
}

/// Bits of an id that are free.
struct Bits {
    ordinal: u32,
    tag: u32,
}

fn bits(form: IdForm) -> Bits {
    match form {
        IdForm::Uuid7 => Bits { ordinal: 52, tag: 22 },
        IdForm::Ulid => Bits { ordinal: 52, tag: 28 },
        IdForm::Uuid | IdForm::Hex => Bits { ordinal: 64, tag: 64 },
        IdForm::Integer => Bits { ordinal: 32, tag: 21 },
    }
}

/// Returns the text of an id's bits.
fn text(form: IdForm, value: u128) -> String {
    match form {
        IdForm::Hex => format!("{value:032x}"),
        IdForm::Integer => value.to_string(),
        IdForm::Ulid => {
            let digit = |place: u32| char::from(BASE32[(value >> (5 * place)) as usize & 31]);
            (0..26).rev().map(digit).collect()
        }
        IdForm::Uuid | IdForm::Uuid7 => {
            let digits = format!("{value:032x}");
            [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]).join("-")
        }
    }
}

/// Returns the bits of an id that is spelt as [`text`] spells it.
fn parse(form: IdForm, core: &str) -> Option<u128> {
    let value = match form {
        IdForm::Integer => core.parse::<u64>().ok().filter(|value| *value < 1 << 53)?.into(),
        IdForm::Hex => u128::from_str_radix(core, 16).ok()?,
        IdForm::Uuid | IdForm::Uuid7 => u128::from_str_radix(&core.replace('-', ""), 16).ok()?,
        IdForm::Ulid => number(form, core),
    };
    (text(form, value) == core).then_some(value)
}

/// Returns the number that the digits of an id spell.
fn number(form: IdForm, core: &str) -> u128 {
    match form {
        IdForm::Integer => core.parse().unwrap_or(0),
        IdForm::Ulid => core.bytes().fold(0, |number: u128, byte| {
            let digit = BASE32.iter().position(|digit| *digit == byte).unwrap_or(0);
            number << 5 | digit as u128
        }),
        IdForm::Uuid | IdForm::Uuid7 | IdForm::Hex => {
            let digits = core.chars().filter_map(|digit| digit.to_digit(16));
            digits.fold(0, |number: u128, digit| number << 4 | u128::from(digit))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXTS: [&str; 8] =
        ["uuid", "uuid7", "ulid", "hex", "integer", "ord-{{id}}", "{{ulid}}-x", "no-{{integer}}/9"];

    fn ids(nonce: u64, text: &str) -> Ids {
        Ids::new(nonce, &text.parse().unwrap())
    }

    /// Timestamp of a key.
    fn ms(ordinal: u64) -> i64 {
        1_735_689_600_000 + i64::from(ordinal as u32)
    }

    fn id(ids: &Ids, ordinal: u64) -> String {
        let mut out = Vec::new();
        ids.write(ordinal, || ms(ordinal), &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn an_id_decodes_in_its_own_spelling_alone(nonce: u64, ordinal: u32, form in 0..TEXTS.len(), place: usize, byte in 32_u8..127) {
            let ids = ids(nonce, TEXTS[form]);
            let ordinal = u64::from(ordinal);
            let text = id(&ids, ordinal);
            prop_assert_eq!(ids.decode(&text, ms), Some(ordinal), "{}", text);
            let mut other = text.into_bytes();
            let place = place % other.len();
            prop_assume!(other[place] != byte);
            other[place] = byte;
            let other = String::from_utf8(other).unwrap();
            let decoded = ids.decode(&other, ms);
            // Of 2^21 other numbers, one passes for an id.
            prop_assert!(decoded.is_none() || TEXTS[form].contains("integer"), "{other}");
        }

        #[test]
        fn an_id_of_another_run_is_foreign(nonce: u64, other: u64, ordinal: u32, form in 0..TEXTS.len()) {
            prop_assume!(nonce != other && !TEXTS[form].contains("integer"));
            let text = id(&ids(other, TEXTS[form]), ordinal.into());
            prop_assert_eq!(ids(nonce, TEXTS[form]).decode(&text, ms), None);
        }

        #[test]
        fn a_pair_that_shares_an_id_is_found_in_each_spelling(nonce: u64, ordinal: u32, form in 0..TEXTS.len(), second: bool) {
            let ids = ids(nonce, TEXTS[form]);
            let ordinal = u64::from(ordinal) & !1;
            for twin in [Twin::Case, Twin::TrailingSpace, Twin::Normalisation, Twin::LongId, Twin::NumericId] {
                let mut out = Vec::new();
                ids.write_twin(twin, ordinal, ms(ordinal), second, &mut out);
                let text = String::from_utf8(out).unwrap();
                if twin == Twin::LongId {
                    prop_assert_eq!(text.len(), LONGEST_ID);
                }
                prop_assert_eq!(ids.decode_twin(&text, ms), Some(ordinal), "{:?} {}", twin, text);
            }
        }
    }

    #[test]
    fn ids_have_the_form_that_is_asked_for() {
        let of = |text: &str| id(&ids(7, text), 3);
        let uuid7 = of("uuid7");
        assert!(uuid7.starts_with("01941f29-7c03-7") && "89ab".contains(&uuid7[19..20]), "{uuid7}");
        let ulid = of("ulid");
        assert!(ulid.len() == 26 && ulid.starts_with("01JGFJJZ03"), "{ulid}");
        assert_eq!((of("hex").len(), of("uuid").len()), (32, 36));
        assert!(of("integer").parse::<u64>().unwrap() < 1 << 53);
        assert_eq!(of("ord-{{id}}"), format!("ord-{}", of("uuid")));
        assert_eq!(of("uuid").as_bytes(), IdScheme::new(7).encode(3));
    }

    #[test]
    fn a_text_that_describes_no_ids_is_refused() {
        for text in ["", "uid", "a{{id", "{{topic}}", "a b{{id}}", "\"{{id}}", "{{id}}{{id}}"] {
            assert!(text.parse::<IdSpec>().is_err(), "{text}");
        }
        for text in TEXTS {
            let shown = text.replace("{{id}}", "{{uuid}}");
            assert_eq!(text.parse::<IdSpec>().unwrap().to_string(), shown);
        }
    }
}
