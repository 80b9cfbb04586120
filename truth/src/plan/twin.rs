//! Twins: pairs of keys that a careless target mistakes for one key. Off unless asked for, because
//! they poison some targets.
//!
//! Keys 2j and 2j + 1 are a pair. The seed draws the pairs that are twins. The second key of such a
//! pair has the id of the first, under another topic or in another spelling, or it has its own id
//! and the timestamp or the payload of the first. Twins do not change which key is sent when.

use serde::{Deserialize, Serialize};

use crate::plan::rng::{derived, mix, scale};

/// The letter é, composed and decomposed: one letter to a reader and to Unicode's normal forms.
pub(super) const COMPOSED: &str = "\u{e9}";
pub(super) const DECOMPOSED: &str = "e\u{301}";

/// Longest id that the contract allows.
pub(super) const LONGEST_ID: usize = 255;

/// Frequencies of twins: one pair of keys in this many is of each kind; 0 for none. A pair is of
/// the first kind that is drawn for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twins {
    /// The same id under two topics.
    pub same_id: u32,
    /// The same letters, lower case and upper case.
    pub case: u32,
    /// The same id, without and with a space at its end.
    pub trailing_space: u32,
    /// The letter é at the end, composed and decomposed.
    pub normalisation: u32,
    /// Ids of 255 bytes that differ in the last.
    #[serde(skip_serializing_if = "is_zero")]
    pub long_id: u32,
    /// Ids that are numbers, without and with a zero before them.
    #[serde(skip_serializing_if = "is_zero")]
    pub numeric_id: u32,
    /// Different ids with one timestamp.
    #[serde(skip_serializing_if = "is_zero")]
    pub same_timestamp: u32,
    /// Different ids with one payload.
    #[serde(skip_serializing_if = "is_zero")]
    pub same_payload: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Common part of the two keys of a pair.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twin {
    /// The ids are equal; the topics differ.
    SameId,
    /// The ids differ in the case of letters alone.
    Case,
    /// The ids differ in a space at the end.
    TrailingSpace,
    /// The ids differ in the normal form of a letter.
    Normalisation,
    /// The ids differ in the last of 255 bytes.
    LongId,
    /// The ids are one number, spelt in two ways.
    NumericId,
    /// The timestamps are equal; the ids differ.
    SameTimestamp,
    /// The payloads are equal; the ids differ.
    SamePayload,
}

/// Id without the text around it, to be spelt in two ways.
#[derive(Clone, Copy, Debug)]
pub struct Core<'a> {
    /// Plain spelling.
    pub text: &'a str,
    /// Number that its digits spell.
    pub number: u128,
    /// True if its letters are capitals.
    pub is_upper: bool,
    /// Length of the longest spelling, in bytes.
    pub longest: usize,
}

impl Twins {
    /// True if no pair is a twin.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    fn kinds(&self) -> [(u32, Twin, &'static str); 8] {
        [
            (self.same_id, Twin::SameId, "same_id"),
            (self.case, Twin::Case, "case"),
            (self.trailing_space, Twin::TrailingSpace, "trailing_space"),
            (self.normalisation, Twin::Normalisation, "normalisation"),
            (self.long_id, Twin::LongId, "long_id"),
            (self.numeric_id, Twin::NumericId, "numeric_id"),
            (self.same_timestamp, Twin::SameTimestamp, "same_timestamp"),
            (self.same_payload, Twin::SamePayload, "same_payload"),
        ]
    }

    /// Returns the traps that are set, by their names in scenarios.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds().into_iter().filter(|(one_in, ..)| *one_in > 0).map(|(_, _, name)| name)
    }

    /// Returns the kind of a pair; `key` is that of the plan.
    pub fn of_pair(&self, key: u64, pair: u64) -> Option<Twin> {
        let drawn = |(index, (one_in, ..)): &(u64, (u32, Twin, _))| {
            *one_in > 0 && scale(mix(pair ^ derived(key, *index)), u64::from(*one_in)) == 0
        };
        (0_u64..).zip(self.kinds()).find(drawn).map(|(_, (_, twin, _))| twin)
    }
}

impl Twin {
    /// True if the id of the second key is made from that of the first.
    pub fn shares_id(self) -> bool {
        !matches!(self, Self::SameTimestamp | Self::SamePayload)
    }

    /// Appends the id of the first or second key of a pair that shares it; `core` is that of the
    /// first.
    pub fn spell(self, core: &Core<'_>, is_second: bool, out: &mut Vec<u8>) {
        let start = out.len();
        if self == Self::NumericId {
            out.extend_from_slice(if is_second { b"0" } else { b"" });
            out.extend_from_slice(core.number.to_string().as_bytes());
            return;
        }
        out.extend_from_slice(core.text.as_bytes());
        match (self, is_second) {
            (Self::SameId | Self::NumericId | Self::SameTimestamp | Self::SamePayload, _)
            | (Self::Case | Self::TrailingSpace, false) => {}
            (Self::Case, true) if core.is_upper => out[start..].make_ascii_lowercase(),
            (Self::Case, true) => out[start..].make_ascii_uppercase(),
            (Self::TrailingSpace, true) => out.push(b' '),
            (Self::Normalisation, false) => out.extend_from_slice(COMPOSED.as_bytes()),
            (Self::Normalisation, true) => out.extend_from_slice(DECOMPOSED.as_bytes()),
            (Self::LongId, _) => {
                lengthen(core.number, core.longest - core.text.len() - 1, out);
                out.push(if is_second { b'b' } else { b'a' });
            }
        }
    }
}

/// Appends `count` characters that look random.
fn lengthen(number: u128, count: usize, out: &mut Vec<u8>) {
    let mut state = number as u64;
    for _ in 0..count {
        state = mix(state);
        out.push(b'a' + scale(state, 26) as u8);
    }
}
