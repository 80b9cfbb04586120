//! Copies of whole requests in a round: which requests are copies, and of which others.
//!
//! A copy carries the same keys in the same order, and has the place in the plan of the request that
//! it repeats, so that it is the same to the byte. It stands behind that request: in the same group,
//! where both may race, or later in the round, or in a later round.
//!
//! An example: 20,000 events, a share of 0.3, 100 events a request and the weight of whole requests
//! alone. Of 200 requests, 60 are copies. Round 7 has 8 requests. Before it, floor(56 × 0.3) = 16
//! were copies, and floor(64 × 0.3) = 19 are with it, so 3 of its requests are copies: 2, 3 and 6 by
//! the draw. Request 2 repeats request 0 of the same group, request 3 repeats request 1 of round 5,
//! and request 6 repeats request 4. The other 5 requests are filled as in every plan.

use crate::plan::Plan;
use crate::plan::rng::{Draw, derived};

/// One copy in so many repeats a request of an earlier round.
const DELAYED_ONE_IN: u64 = 3;

/// One of the other copies in so many repeats a request of its own group, if one is before it.
const CONCURRENT_ONE_IN: u64 = 2;

/// Place of a request in a plan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct RequestPlace {
    pub(super) round: u64,
    pub(super) request: u32,
}

/// Copies among the requests of a round.
#[derive(Debug)]
pub(super) struct Copies {
    index: u64,
    /// Numbers of the requests that are copies, in order.
    copies: Vec<u32>,
    /// Number of full requests.
    full: u32,
    draw: Draw,
}

impl Copies {
    /// Returns the copies of a round; none in a plan that repeats events alone.
    pub(super) fn of(plan: &Plan, index: u64) -> Self {
        let slots = plan.slots_of(index);
        let full = ((slots.end - slots.start) / u64::from(plan.batch)) as u32;
        let mut draw = Draw::stream(derived(u64::from(plan.seed), 6), index);
        let number = plan.copies_of(index);
        let mut copies = Vec::new();
        if number > 0 {
            // Nothing stands before the first request of a plan.
            let mut order: Vec<u32> = (u32::from(index == 0)..full).collect();
            draw.shuffle(&mut order);
            copies = order.into_iter().take(number as usize).collect();
            copies.sort_unstable();
        }
        Self { index, copies, full, draw }
    }

    /// Numbers of the requests that are copies.
    pub(super) fn requests(&self) -> &[u32] {
        &self.copies
    }

    /// Returns the full requests that are no copies.
    fn originals(&self) -> Vec<u32> {
        (0..self.full).filter(|request| self.copies.binary_search(request).is_err()).collect()
    }

    /// Returns the request that each copy repeats, in the order of the copies.
    pub(super) fn repeated(mut self, plan: &Plan) -> Vec<RequestPlace> {
        if self.copies.is_empty() {
            return Vec::new();
        }
        let own = self.originals();
        let copies = std::mem::take(&mut self.copies);
        copies.into_iter().map(|copy| self.one(plan, copy, &own)).collect()
    }

    /// Draws the request that one copy repeats. `own` are the requests of this round that are no
    /// copies.
    fn one(&mut self, plan: &Plan, copy: u32, own: &[u32]) -> RequestPlace {
        let before = &own[..own.partition_point(|request| *request < copy)];
        let is_delayed = self.index > 0 && (before.is_empty() || self.draw.below(DELAYED_ONE_IN) == 0);
        if is_delayed {
            return self.earlier(plan);
        }
        let group = copy - copy % plan.group;
        let in_group = &before[before.partition_point(|request| *request < group)..];
        let races = !in_group.is_empty() && self.draw.below(CONCURRENT_ONE_IN) == 0;
        let among = if races { in_group } else { before };
        let request = among[self.draw.below(among.len() as u64) as usize];
        RequestPlace { round: self.index, request }
    }

    /// Draws a request of the round `lag` before this one. The lag is log-uniform, as that of single
    /// keys is.
    fn earlier(&mut self, plan: &Plan) -> RequestPlace {
        let octaves = u64::from(self.index.ilog2()) + 1;
        let octave = 1_u64 << self.draw.below(octaves);
        let lag = octave + self.draw.below(octave.min(self.index - octave + 1));
        let mut round = self.index - lag;
        let mut originals = Self::of(plan, round).originals();
        if originals.is_empty() {
            // At shares near 1 a round may have copies alone. Take the round of the newest key before
            // it.
            round = plan.round_of(plan.ordinals_of(round).start - 1);
            originals = Self::of(plan, round).originals();
        }
        let request = originals[self.draw.below(originals.len() as u64) as usize];
        RequestPlace { round, request }
    }
}
