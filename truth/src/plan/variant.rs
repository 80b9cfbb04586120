//! Variants: keys whose copies carry one of two payloads, timestamps or sources. They show whether
//! a target keeps its promise about the payload that stays, and whether it takes such copies for
//! one event. Off unless asked for.
//!
//! The seed draws the side of each copy, as a pure function of the copy's place in the plan.
//! Variants do not change which key is sent when.

use serde::{Deserialize, Serialize};

use crate::plan::rng::{derived, mix, scale};

/// Frequencies of variants: one key in this many is of each kind; 0 for none. A key is of the first
/// kind that is drawn for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Variants {
    /// Two payloads of different data.
    pub other_payload: u32,
    /// One JSON with its names in two orders.
    pub key_order: u32,
    /// One number in two spellings.
    pub number_spelling: u32,
    /// Two timestamps.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_timestamp: u32,
    /// Two sources.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_source: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Difference between the copies of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// The data differ.
    OtherPayload,
    /// The order of the names differs.
    KeyOrder,
    /// The spelling of a number differs.
    NumberSpelling,
    /// The timestamps differ.
    OtherTimestamp,
    /// The sources differ.
    OtherSource,
}

impl Variant {
    /// True if the payloads differ.
    pub fn is_of_payload(self) -> bool {
        !matches!(self, Self::OtherTimestamp | Self::OtherSource)
    }
}

/// One of the two contents of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The contents that keys without a variant have too.
    Plain,
    /// The other contents.
    Other,
}

/// Origin of the copies of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A request of the plan.
    Planned {
        /// Round of the request.
        round: u64,
        /// Number of the request in its round.
        request: u32,
    },
    /// A list of keys that was sent after the run.
    Later,
}

impl Variants {
    /// True if all copies of every key are equal.
    pub fn is_off(&self) -> bool {
        *self == Self::default()
    }

    /// True if some keys have two payloads.
    pub fn has_two_payloads(&self) -> bool {
        self.kinds().into_iter().any(|(one_in, variant, _)| one_in > 0 && variant.is_of_payload())
    }

    fn kinds(&self) -> [(u32, Variant, &'static str); 5] {
        [
            (self.other_payload, Variant::OtherPayload, "other_payload"),
            (self.key_order, Variant::KeyOrder, "key_order"),
            (self.number_spelling, Variant::NumberSpelling, "number_spelling"),
            (self.other_timestamp, Variant::OtherTimestamp, "other_timestamp"),
            (self.other_source, Variant::OtherSource, "other_source"),
        ]
    }

    /// Returns the traps that are set, by their names in scenarios.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.kinds().into_iter().filter(|(one_in, ..)| *one_in > 0).map(|(_, _, name)| name)
    }

    /// Returns the kind of a key's variant; `key` is that of the plan.
    pub fn of_key(&self, key: u64, ordinal: u64) -> Option<Variant> {
        let drawn = |(index, (one_in, ..)): &(u64, (u32, Variant, _))| {
            *one_in > 0 && scale(mix(ordinal ^ derived(key, *index)), u64::from(*one_in)) == 0
        };
        (0_u64..).zip(self.kinds()).find(drawn).map(|(_, (_, variant, _))| variant)
    }
}

impl Origin {
    /// Returns the side of the copy at this place of the request; `key` is that of the plan.
    pub(crate) fn side(self, key: u64, place: usize) -> Side {
        let Self::Planned { round, request } = self else { return Side::Plain };
        let slot = (u64::from(request) << 32) | place as u64;
        if mix(key ^ mix(round) ^ slot) >> 63 == 0 { Side::Plain } else { Side::Other }
    }
}
