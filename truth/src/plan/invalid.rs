//! Requests with an invalid event, which a target should reject, beside the events of the plan. Off
//! unless asked for.
//!
//! The plan alone decides which requests have one. Requests that race have none, and neither has
//! any of every other round, so that some rounds can be acknowledged as a whole.

use crate::plan::Plan;
use crate::plan::rng::{derived, mix, scale};
use crate::plan::round::Round;

/// Invalid event, and its place in the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Invalid {
    /// Number of events before it.
    pub place: usize,
    /// Flaw of the event, in the short form.
    pub flaw: Flaw,
    /// Number that draws the flaw, where the scenario has a list of its own.
    pub drawn: u64,
}

/// Flaw of an invalid event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The event has no id.
    NoId,
    /// The topic is blank.
    BlankTopic,
    /// The id holds a NUL.
    NulInId,
    /// The event is a number.
    NoObject,
}

impl Invalid {
    /// Returns the invalid event of a request; none for almost all.
    pub fn of(plan: &Plan, round: &Round, request: u32) -> Option<Self> {
        if plan.invalid == 0 || round.index.is_multiple_of(2) || round.is_racing(request) {
            return None;
        }
        let drawn = mix(derived(u64::from(plan.seed), 3) ^ mix(round.index) ^ u64::from(request));
        if scale(drawn, u64::from(plan.invalid)) != 0 {
            return None;
        }
        let events = round.request(request).len();
        let further = mix(drawn);
        let place = [0, events / 2, events][scale(further, 3) as usize];
        let flaws = [Flaw::NoId, Flaw::BlankTopic, Flaw::NulInId, Flaw::NoObject];
        let drawn = mix(further);
        Some(Self { place, flaw: flaws[scale(drawn, 4) as usize], drawn })
    }
}
