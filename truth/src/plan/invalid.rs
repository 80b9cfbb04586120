//! Requests with an event that no target should take, beside those that the plan has: off unless asked for.
//!
//! Which requests are spoilt is a pure function of the plan. None of those that race is, and none of every other round,
//! so that rounds are left that can be answered whole.

use crate::plan::Plan;
use crate::plan::rng::{derived, mix, scale};
use crate::plan::round::Round;

/// An event that is none, and where in its request it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// Events before it.
    pub place: usize,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// What is wrong with an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It has no id.
    NoId,
    /// Its topic is blank.
    BlankTopic,
    /// Its id holds a NUL.
    NulInId,
    /// It is a number.
    NoObject,
}

impl Invalid {
    /// What spoils this request; nothing for almost all.
    pub fn of(plan: &Plan, round: &Round, request: u32) -> Option<Self> {
        if plan.invalid == 0 || round.index.is_multiple_of(2) || round.is_racing(request) {
            return None;
        }
        let drawn = mix(derived(u64::from(plan.seed), 3) ^ mix(round.index) ^ u64::from(request));
        if scale(drawn, u64::from(plan.invalid)) != 0 {
            return None;
        }
        let (events, further) = (round.request(request).len(), mix(drawn));
        let place = [0, events / 2, events][scale(further, 3) as usize];
        let flaws = [Flaw::NoId, Flaw::BlankTopic, Flaw::NulInId, Flaw::NoObject];
        Some(Self { place, flaw: flaws[scale(mix(further), 4) as usize] })
    }
}
