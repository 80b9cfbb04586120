//! Keys whose copies do not all carry the same payload: which one a store keeps is then a promise that can be judged. Off
//! unless asked for.
//!
//! Such a key has two payloads, and each copy of it carries one of them, as the seed draws: a pure function of where the
//! copy stands in the plan. What is sent when is not touched by it.

use serde::{Deserialize, Serialize};

use crate::plan::rng::{derived, mix, scale};

/// One key in so many is of each kind; 0 for none. The first kind that is drawn for a key is its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Variants {
    /// Two payloads of different data.
    pub other_payload: u32,
    /// One JSON, its names in two orders.
    pub key_order: u32,
    /// One number, spelt in two ways.
    pub number_spelling: u32,
}

/// How the two payloads of a key differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// In what they say.
    OtherPayload,
    /// In the order of their names.
    KeyOrder,
    /// In the spelling of a number.
    NumberSpelling,
}

/// Which of the two payloads of a key a copy carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one that keys without a variant have as well.
    Plain,
    /// The other.
    Other,
}

/// Where the copies of one request come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A request of the plan.
    Planned {
        /// Its round.
        round: u64,
        /// Its number in the round.
        request: u32,
    },
    /// A list that was sent after the run.
    Later,
}

impl Variants {
    /// Whether every key has one payload.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    fn kinds(&self) -> [(u32, Variant, &'static str); 3] {
        [
            (self.other_payload, Variant::OtherPayload, "other_payload"),
            (self.key_order, Variant::KeyOrder, "key_order"),
            (self.number_spelling, Variant::NumberSpelling, "number_spelling"),
        ]
    }

    /// The traps that are set, as a scenario names them.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds().into_iter().filter(|(one_in, ..)| *one_in > 0).map(|(_, _, name)| name)
    }

    /// How the payloads of a key differ, by a key of the plan's.
    pub fn of_key(&self, key: u64, ordinal: u64) -> Option<Variant> {
        let drawn = |(index, (one_in, ..)): &(u64, (u32, Variant, _))| {
            *one_in > 0 && scale(mix(ordinal ^ derived(key, *index)), u64::from(*one_in)) == 0
        };
        (0_u64..).zip(self.kinds()).find(drawn).map(|(_, (_, variant, _))| variant)
    }
}

impl Origin {
    /// Which payload the copy at this place of the request carries, by a key of the plan's.
    pub(crate) fn side(self, key: u64, place: usize) -> Side {
        let Self::Planned { round, request } = self else { return Side::Plain };
        let slot = (u64::from(request) << 32) | place as u64;
        if mix(key ^ mix(round) ^ slot) >> 63 == 0 { Side::Plain } else { Side::Other }
    }
}
