//! Twins: pairs of keys that a careless target takes for one. Off unless asked for, because they poison some targets.
//!
//! Keys 2j and 2j + 1 are a pair. Which pairs are twins is drawn by the seed; the second of such a pair has the id of the
//! first, under another topic or in another spelling. What is sent when is not touched by it.

use serde::{Deserialize, Serialize};

use crate::plan::id::ID_LEN;
use crate::plan::rng::{derived, mix, scale};

/// Composed and decomposed, the same letter to a reader and to Unicode's normal forms.
const COMPOSED: &str = "\u{e9}";
const DECOMPOSED: &str = "e\u{301}";

/// As long as the contract allows an id to be.
const LONGEST_ID: usize = 255;

/// One pair of keys in so many is of each kind; 0 for none. The first kind that is drawn for a pair is its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Twins {
    /// The same id under two topics.
    pub same_id: u32,
    /// The same letters, lower case and upper case.
    pub case: u32,
    /// The same id, without and with a space at its end.
    pub trailing_space: u32,
    /// The same letter é at the end, composed and decomposed.
    pub normalisation: u32,
    /// Ids of 255 bytes that differ in the last.
    #[serde(skip_serializing_if = "is_zero")]
    pub long_id: u32,
    /// Ids that are numbers, without and with a zero before them.
    #[serde(skip_serializing_if = "is_zero")]
    pub numeric_id: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What the keys of a pair have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Twin {
    /// Their id; their topics differ.
    SameId,
    /// All but the case of letters.
    Case,
    /// All but a space at the end.
    TrailingSpace,
    /// All but the normal form of a letter.
    Normalisation,
    /// All but the last of 255 bytes.
    LongId,
    /// The number that their ids are.
    NumericId,
}

impl Twins {
    /// Whether no pair is a twin.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    fn kinds(&self) -> [(u32, Twin, &'static str); 6] {
        [
            (self.same_id, Twin::SameId, "same_id"),
            (self.case, Twin::Case, "case"),
            (self.trailing_space, Twin::TrailingSpace, "trailing_space"),
            (self.normalisation, Twin::Normalisation, "normalisation"),
            (self.long_id, Twin::LongId, "long_id"),
            (self.numeric_id, Twin::NumericId, "numeric_id"),
        ]
    }

    /// The traps that are set, as a scenario names them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds().into_iter().filter(|(one_in, ..)| *one_in > 0).map(|(_, _, name)| name)
    }

    /// What a pair is, by a key of the plan's.
    pub fn of_pair(&self, key: u64, pair: u64) -> Option<Twin> {
        let drawn = |(index, (one_in, ..)): &(u64, (u32, Twin, _))| {
            *one_in > 0 && scale(mix(pair ^ derived(key, *index)), u64::from(*one_in)) == 0
        };
        (0_u64..).zip(self.kinds()).find(drawn).map(|(_, (_, twin, _))| twin)
    }
}

impl Twin {
    /// Appends the id of the first or second of a pair, made of the first's.
    pub fn spell(self, id: &[u8; ID_LEN], is_second: bool, out: &mut Vec<u8>) {
        let start = out.len();
        if self == Self::NumericId {
            out.extend_from_slice(if is_second { b"0" } else { b"" });
            out.extend_from_slice(number_of(id).to_string().as_bytes());
            return;
        }
        out.extend_from_slice(id);
        match (self, is_second) {
            (Self::SameId | Self::NumericId, _) | (Self::Case | Self::TrailingSpace, false) => {}
            (Self::Case, true) => out[start..].make_ascii_uppercase(),
            (Self::TrailingSpace, true) => out.push(b' '),
            (Self::Normalisation, false) => out.extend_from_slice(COMPOSED.as_bytes()),
            (Self::Normalisation, true) => out.extend_from_slice(DECOMPOSED.as_bytes()),
            (Self::LongId, _) => {
                lengthen(number_of(id), LONGEST_ID - ID_LEN - 1, out);
                out.push(if is_second { b'b' } else { b'a' });
            }
        }
    }
}

/// The 128 bits that an id spells.
fn number_of(id: &[u8; ID_LEN]) -> u128 {
    let digits = id.iter().filter_map(|byte| char::from(*byte).to_digit(16));
    digits.fold(0, |number, digit| (number << 4) | u128::from(digit))
}

/// Appends so many characters that look random.
fn lengthen(number: u128, count: usize, out: &mut Vec<u8>) {
    let mut state = number as u64;
    for _ in 0..count {
        state = mix(state);
        out.push(b'a' + scale(state, 26) as u8);
    }
}

/// The one spelling that an id decodes from, if it may be one of those that twins have. Whether it is one is seen by
/// spelling it again.
pub fn plain(id: &str) -> Option<String> {
    if id.bytes().all(|byte| byte.is_ascii_digit()) {
        let digits = format!("{:032x}", id.parse::<u128>().ok()?);
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| &digits[group]);
        return Some(groups.join("-"));
    }
    let (plain, rest) = id.split_at_checked(ID_LEN)?;
    let is_known = ["", " ", COMPOSED, DECOMPOSED].contains(&rest) || id.len() == LONGEST_ID;
    is_known.then(|| plain.to_ascii_lowercase())
}
