//! Twins: pairs of keys that a careless target takes for one. Off unless asked for, because they poison some targets.
//!
//! Keys 2j and 2j + 1 are a pair. Which pairs are twins is drawn by the seed; the second of such a pair has the id of the
//! first, under another topic or in another spelling. What is sent when is not touched by it.

use serde::{Deserialize, Serialize};

use crate::id::ID_LEN;
use crate::rng::{derived, mix, scale};

/// Composed and decomposed, the same letter to a reader and to Unicode's normal forms.
const COMPOSED: &str = "\u{e9}";
const DECOMPOSED: &str = "e\u{301}";

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
}

impl Twins {
    /// Whether no pair is a twin.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// The traps that are set, as a scenario names them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        let kinds = [
            (self.same_id, "same_id"),
            (self.case, "case"),
            (self.trailing_space, "trailing_space"),
            (self.normalisation, "normalisation"),
        ];
        kinds.into_iter().filter(|(one_in, _)| *one_in > 0).map(|(_, name)| name)
    }

    /// What a pair is, by a key of the plan's.
    pub fn of_pair(&self, key: u64, pair: u64) -> Option<Twin> {
        let kinds = [
            (self.same_id, Twin::SameId),
            (self.case, Twin::Case),
            (self.trailing_space, Twin::TrailingSpace),
            (self.normalisation, Twin::Normalisation),
        ];
        let drawn = |(index, (one_in, _)): &(u64, (u32, Twin))| {
            *one_in > 0 && scale(mix(pair ^ derived(key, *index)), u64::from(*one_in)) == 0
        };
        (0_u64..).zip(kinds).find(drawn).map(|(_, (_, twin))| twin)
    }
}

impl Twin {
    /// Appends the id of the first or second of a pair, made of the first's.
    pub fn spell(self, id: &[u8; ID_LEN], is_second: bool, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(id);
        match (self, is_second) {
            (Self::SameId, _) | (Self::Case | Self::TrailingSpace, false) => {}
            (Self::Case, true) => out[start..].make_ascii_uppercase(),
            (Self::TrailingSpace, true) => out.push(b' '),
            (Self::Normalisation, false) => out.extend_from_slice(COMPOSED.as_bytes()),
            (Self::Normalisation, true) => out.extend_from_slice(DECOMPOSED.as_bytes()),
        }
    }
}

/// The one spelling that an id decodes from, if it is one of those that twins have.
pub fn plain(id: &str) -> Option<String> {
    let (plain, rest) = id.split_at_checked(ID_LEN)?;
    ["", " ", COMPOSED, DECOMPOSED].contains(&rest).then(|| plain.to_ascii_lowercase())
}
