//! Filling of one round: the key of each slot, and the requests that leave together.
//!
//! Duplicates are drawn, not placed at fixed distances: with 10 events a request and a share of
//! 0.1, the duplicate would always be the last event of its request. Some copy keys of earlier
//! rounds. The others form families of two to seven copies, in one request, in requests that race,
//! or in requests that follow. Two copies of a key are not enough, because some systems let every
//! second duplicate through.
//!
//! An example: 20,000 events, a share of 0.3, 100 events a request, 4 requests a group, and the
//! weights 1 in-batch, 2 concurrent, 1 next, 1 delayed. Round 7 has 8 requests, which are 800
//! slots: 240 duplicates, and first copies of 560 keys. It is filled in this order:
//!
//! 1. A shuffle of 0 to 799 gives the order in which slots are taken.
//! 2. The weight of delayed copies is 1 of 5, so 48 of the 240 duplicates copy keys of rounds 0 to
//!    6, and take the next 48 slots.
//! 3. The other 192 duplicates are placed as families, until none is left. One family might draw
//!    size 4 and the mode concurrent. Its first copy takes a free slot of request 1, say. Its 3
//!    copies then take free slots of the requests 2, 3 and 0, which are of the same group, turn by
//!    turn. A family has 2.3 copies on average beside the first, so there are about 84 families.
//! 4. The other 476 keys or so have no duplicate in this round. They take the slots that are left.
//! 5. The keys get their ordinals, 3,920 to 4,479, in the order in which they first occur in the
//!    round.
//!
//! Group 0 leaves together if one of its keys stands in two of its requests. With 100 events a
//! request, one group of two may race ([`Plan::racing_groups`]).

use std::ops::Range;

use crate::plan::rng::Draw;
use crate::plan::variant::Origin;
use crate::plan::{Plan, Weights};

mod copies;
mod crossings;

use copies::{Copies, RequestPlace};
use crossings::Crossings;

/// Sizes of families; each entry is equally likely.
const FAMILY_SIZES: [u32; 7] = [2, 2, 2, 3, 3, 4, 7];

/// Number of requests after its own group over which a `next` family is spread.
const NEXT_REACH: usize = 3;

/// One round of a plan: the keys of its slots, cut into requests and releases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Round {
    /// Index of the round.
    pub index: u64,
    /// Keys that are new in this round.
    own: Range<u64>,
    ordinals: Vec<u64>,
    /// Requests that are copies, in order, and the places of those that they repeat.
    copies: Vec<(u32, RequestPlace)>,
    batch: usize,
    group: usize,
    /// For each group, true if its requests leave in one turn.
    together: Vec<bool>,
}

impl Plan {
    /// Computes a round. The result is the same on every machine, and in any order of calls.
    pub fn round(&self, round: u64) -> Round {
        Round::fill(self, round)
    }
}

impl Round {
    /// Returns the number of requests; the last one may be short.
    pub fn requests(&self) -> u32 {
        self.ordinals.len().div_ceil(self.batch) as u32
    }

    /// Returns the keys of a request, in the order of its body.
    pub fn request(&self, request: u32) -> &[u64] {
        let low = request as usize * self.batch;
        &self.ordinals[low..(low + self.batch).min(self.ordinals.len())]
    }

    /// Returns the place of a request's copies in the plan: for a copy of a whole request, that of
    /// the request.
    pub fn origin(&self, request: u32) -> Origin {
        let copy = self.copies.binary_search_by_key(&request, |(copy, _)| *copy);
        match copy.map(|at| self.copies[at].1) {
            Ok(RequestPlace { round, request }) => Origin::Planned { round, request },
            Err(_) => Origin::Planned { round: self.index, request },
        }
    }

    /// Returns the keys of all slots, in order.
    pub fn ordinals(&self) -> &[u64] {
        &self.ordinals
    }

    /// Returns the releases in order: requests that leave in one turn of the event loop, on as many
    /// connections.
    pub fn releases(&self) -> Vec<Range<u32>> {
        let mut releases = Vec::new();
        for (group, together) in self.together.iter().enumerate() {
            let low = (group * self.group) as u32;
            let high = (low + self.group as u32).min(self.requests());
            if *together {
                releases.push(low..high);
            } else {
                releases.extend((low..high).map(|request| request..request + 1));
            }
        }
        releases
    }

    /// Returns, for each request, the keys that no earlier request of the plan holds. Keys are
    /// numbered by their first occurrence, so those of a request follow one another.
    pub fn new_keys(&self) -> Vec<Range<u64>> {
        let mut next = self.own.start;
        let of_request = |request| {
            let start = next;
            for ordinal in self.request(request) {
                next = next.max(ordinal + 1);
            }
            start..next
        };
        (0..self.requests()).map(of_request).collect()
    }

    /// Returns, for each key that stands in several of these requests of one group, a bit for each
    /// request that holds it. Bit 0 is the first request.
    pub fn crossings(&self, requests: Range<u32>) -> impl Iterator<Item = u64> {
        let mut own = vec![0_u64; (self.own.end - self.own.start) as usize];
        let mut earlier: Vec<(u64, u64)> = Vec::new();
        for (place, request) in requests.enumerate() {
            let bit = 1 << place;
            for ordinal in self.request(request) {
                match ordinal.checked_sub(self.own.start).and_then(|place| own.get_mut(place as usize)) {
                    Some(places) => *places |= bit,
                    None => earlier.push((*ordinal, bit)),
                }
            }
        }
        earlier.sort_unstable();
        let earlier: Vec<u64> = earlier
            .chunk_by(|one, other| one.0 == other.0)
            .map(|copies| copies.iter().fold(0, |places, (_, bit)| places | bit))
            .collect();
        own.into_iter().chain(earlier).filter(|places| places.count_ones() > 1)
    }

    /// True if a request leaves together with others.
    pub fn is_racing(&self, request: u32) -> bool {
        self.together[request as usize / self.group]
    }

    pub(crate) fn fill(plan: &Plan, index: u64) -> Self {
        let slots = plan.slots_of(index);
        let copies = Copies::of(plan, index);
        let mut ordinals = Filling::new(plan, index, copies.requests()).run();
        debug_assert_eq!(ordinals.len() as u64, slots.end - slots.start);
        let copies = repeat(plan, index, copies, &mut ordinals);
        let batch = plan.batch as usize;
        let group = plan.group as usize;
        let own = plan.ordinals_of(index);
        let mut crossings = Crossings::new(own.clone());
        let mut round = Self { index, own, ordinals, copies, batch, group, together: Vec::new() };
        let groups = round.requests().div_ceil(plan.group);
        let requests = |group: u32| {
            let low = group * plan.group;
            low..(low + plan.group).min(round.requests())
        };
        let mut races = |group| crossings.are_in(requests(group), |request| round.request(request));
        let together = (0..groups).map(|group| group < plan.racing_groups() && races(group)).collect();
        round.together = together;
        round
    }
}

/// Writes the keys of the requests that copies repeat into the slots of the copies.
fn repeat(plan: &Plan, index: u64, copies: Copies, ordinals: &mut [u64]) -> Vec<(u32, RequestPlace)> {
    let batch = plan.batch as usize;
    let keys = |request: u32| request as usize * batch..(request as usize + 1) * batch;
    let numbers = copies.requests().to_vec();
    let repeated = copies.repeated(plan);
    for (copy, place) in numbers.iter().zip(&repeated) {
        if place.round == index {
            ordinals.copy_within(keys(place.request), keys(*copy).start);
        } else {
            // The requests of a round that are no copies do not depend on those that are.
            let there = Copies::of(plan, place.round);
            let earlier = Filling::new(plan, place.round, there.requests()).run();
            ordinals[keys(*copy)].copy_from_slice(&earlier[keys(place.request)]);
        }
    }
    numbers.into_iter().zip(repeated).collect()
}

#[derive(Clone, Copy)]
enum Mode {
    InBatch,
    Concurrent,
    Next,
}

const MODES: [Mode; 3] = [Mode::InBatch, Mode::Concurrent, Mode::Next];

/// Content of a slot while the round is being filled.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Free,
    /// Key of this round, by a number that is not yet its ordinal.
    Local(u32),
    /// Key of an earlier round.
    Earlier(u64),
    /// Part of a copy of a whole request, whose keys are not known here.
    Copied,
}

/// State of filling one round.
struct Filling<'a> {
    plan: &'a Plan,
    weights: Weights,
    index: u64,
    draw: Draw,
    slots: Vec<Slot>,
    /// All slots in drawn order. A slot of any request is taken from the front; those before
    /// `front` are taken. A slot that has to stand in certain requests is taken from the back, so
    /// that the front stays spread over all requests.
    order: Vec<u32>,
    front: usize,
    /// For each mode, the end of the slots that it has not looked at.
    back: [usize; 3],
    /// Slots of one request after those of another; each request's are in drawn order.
    by_request: Vec<u32>,
    /// For each request, the place of its next slot in `by_request`.
    next_in: Vec<u32>,
    locals: u32,
}

impl<'a> Filling<'a> {
    /// Begins a round in which these requests are copies of others.
    fn new(plan: &'a Plan, index: u64, copies: &[u32]) -> Self {
        let range = plan.slots_of(index);
        let count = u32::try_from(range.end - range.start).expect("a round has at most 1.28 million slots");
        let mut draw = Draw::for_round(plan.seed, index);
        let mut order: Vec<u32> = (0..count).collect();
        draw.shuffle(&mut order);
        let first_in: Vec<u32> = (0..count).step_by(plan.batch as usize).collect();
        let mut next_in = first_in.clone();
        let mut by_request = vec![0; count as usize];
        for slot in &order {
            let next = &mut next_in[(slot / plan.batch) as usize];
            by_request[*next as usize] = *slot;
            *next += 1;
        }
        let mut slots = vec![Slot::Free; count as usize];
        for copy in copies {
            let start = (copy * plan.batch) as usize;
            slots[start..start + plan.batch as usize].fill(Slot::Copied);
        }
        let weights = plan.possible_weights();
        Self {
            plan,
            weights,
            index,
            draw,
            slots,
            order,
            front: 0,
            back: [count as usize; 3],
            by_request,
            next_in: first_in,
            locals: 0,
        }
    }

    fn run(mut self) -> Vec<u64> {
        let slots = self.plan.slots_of(self.index);
        let mut repeats = self.plan.dups(slots.end) - self.plan.dups(slots.start);
        let mut firsts = (slots.end - slots.start) - repeats;
        repeats -= self.plan.copies_of(self.index) * u64::from(self.plan.batch);
        let delayed = self.delayed_share(repeats, firsts);
        for _ in 0..delayed {
            let slot = self.take_any().expect("a repeat has a slot");
            let ordinal = self.earlier_ordinal();
            self.slots[slot as usize] = Slot::Earlier(ordinal);
        }
        repeats -= delayed;
        while repeats > 0 && firsts > 0 {
            repeats -= self.place_family(repeats);
            firsts -= 1;
        }
        for _ in 0..repeats {
            let slot = self.take_any().expect("a repeat has a slot");
            let local = self.draw.below(u64::from(self.locals)) as u32;
            self.slots[slot as usize] = Slot::Local(local);
        }
        for _ in 0..firsts {
            let slot = self.take_any().expect("a first copy has a slot");
            self.put_new(slot);
        }
        let first = self.plan.firsts(slots.start);
        self.number(first)
    }

    /// Returns the number of duplicates that copy a key of an earlier round: all of them if this
    /// round has no first copy.
    fn delayed_share(&self, repeats: u64, firsts: u64) -> u64 {
        let weights = self.weights;
        match (self.index, firsts) {
            (0, _) => 0,
            (_, 0) => repeats,
            _ => {
                (u128::from(repeats) * u128::from(weights.delayed) / u128::from(weights.of_events().max(1)))
                    as u64
            }
        }
    }

    /// Draws a key of the round `lag` before this one. The lag is log-uniform (an octave first,
    /// then a number in it; no floats). The key is skewed towards the first ones of its round.
    fn earlier_ordinal(&mut self) -> u64 {
        let octaves = u64::from(self.index.ilog2()) + 1;
        let octave = 1_u64 << self.draw.below(octaves);
        let lag = octave + self.draw.below(octave.min(self.index - octave + 1));
        let keys = self.plan.ordinals_of(self.index - lag);
        if keys.is_empty() {
            // At shares near 1 a round may have no key of its own. Take the newest key before it.
            return keys.start - 1;
        }
        let mut offset = keys.end - keys.start;
        for _ in 0..3 {
            offset = self.draw.below(offset) + 1;
        }
        keys.start + offset - 1
    }

    /// Places a key and copies of it; returns the number of copies that found room.
    fn place_family(&mut self, repeats: u64) -> u64 {
        let size = FAMILY_SIZES[self.draw.below(FAMILY_SIZES.len() as u64) as usize];
        let copies = u64::from(size - 1).min(repeats);
        let mode = self.draw_mode();
        let base = self.take_base(mode).expect("a first copy has a slot");
        let key = self.put_new(base);
        let Some(mode) = mode else { return 0 };
        // If the drawn mode finds no room, the modes after it are tried, in a circle.
        let modes = MODES.into_iter().cycle().skip(mode as usize).take(MODES.len());
        let mut placed = 0;
        for mode in modes {
            if placed == 0 && self.weight(mode) > 0 {
                placed = self.place_copies(mode, base, key, copies);
            }
        }
        placed
    }

    fn place_copies(&mut self, mode: Mode, base: u32, key: u32, copies: u64) -> u64 {
        let home = (base / self.plan.batch) as usize;
        let (reach, without) = self.reach(mode, home);
        let requests = reach.len() - usize::from(without.is_some());
        if requests == 0 {
            return 0;
        }
        let mut turn = self.draw.below(requests as u64) as usize;
        let mut placed = 0;
        let mut misses = 0;
        while placed < copies && misses < requests {
            let counted = reach.start + turn;
            let request = match without {
                Some(home) if counted >= home => counted + 1,
                _ => counted,
            };
            match self.take_in(request) {
                Some(slot) => {
                    self.slots[slot as usize] = Slot::Local(key);
                    placed += 1;
                    misses = 0;
                }
                None => misses += 1,
            }
            turn = (turn + 1) % requests;
        }
        placed
    }

    /// Returns the requests that may hold copies of a key whose first slot is in request `home`,
    /// and the one among them that may not.
    fn reach(&self, mode: Mode, home: usize) -> (Range<usize>, Option<usize>) {
        let size = self.plan.group as usize;
        let group = home / size;
        let end = self.next_in.len();
        let group_end = ((group + 1) * size).min(end);
        match mode {
            Mode::InBatch => (home..home + 1, None),
            Mode::Concurrent if group < self.plan.racing_groups() as usize => {
                (group * size..group_end, Some(home))
            }
            Mode::Concurrent => (0..0, None),
            Mode::Next => (group_end..(group_end + NEXT_REACH).min(end), None),
        }
    }

    fn weight(&self, mode: Mode) -> u32 {
        match mode {
            Mode::InBatch => self.weights.in_batch,
            Mode::Concurrent => self.weights.concurrent,
            Mode::Next => self.weights.next,
        }
    }

    fn draw_mode(&mut self) -> Option<Mode> {
        let total: u64 = MODES.into_iter().map(|mode| u64::from(self.weight(mode))).sum();
        if total == 0 {
            return None;
        }
        let mut at = self.draw.below(total);
        MODES.into_iter().find(|mode| {
            let weight = u64::from(self.weight(*mode));
            let here = at < weight;
            at = at.wrapping_sub(weight);
            here
        })
    }

    fn put_new(&mut self, slot: u32) -> u32 {
        let local = self.locals;
        self.slots[slot as usize] = Slot::Local(local);
        self.locals += 1;
        local
    }

    fn take_any(&mut self) -> Option<u32> {
        while let Some(slot) = self.order.get(self.front).copied() {
            self.front += 1;
            if self.slots[slot as usize] == Slot::Free {
                return Some(slot);
            }
        }
        None
    }

    /// Takes a slot for the first copy of a family: one from which this mode reaches other
    /// requests, if there is one left.
    fn take_base(&mut self, mode: Option<Mode>) -> Option<u32> {
        let (mode, groups) = match mode {
            None | Some(Mode::InBatch) => return self.take_any(),
            Some(Mode::Concurrent) => (Mode::Concurrent, self.plan.racing_groups() as usize),
            Some(Mode::Next) => (Mode::Next, (self.next_in.len() - 1) / self.plan.group as usize),
        };
        let end = groups * self.plan.group as usize * self.plan.batch as usize;
        let back = &mut self.back[mode as usize];
        while *back > 0 {
            *back -= 1;
            let slot = self.order[*back];
            if (slot as usize) < end && self.slots[slot as usize] == Slot::Free {
                return Some(slot);
            }
        }
        self.take_any()
    }

    fn take_in(&mut self, request: usize) -> Option<u32> {
        let batch = self.plan.batch as usize;
        let end = ((request + 1) * batch).min(self.by_request.len());
        let next = &mut self.next_in[request];
        while (*next as usize) < end {
            let slot = self.by_request[*next as usize];
            *next += 1;
            if self.slots[slot as usize] == Slot::Free {
                return Some(slot);
            }
        }
        None
    }

    /// Gives this round's keys their ordinals, by first occurrence.
    fn number(self, first: u64) -> Vec<u64> {
        let mut names: Vec<Option<u64>> = vec![None; self.locals as usize];
        let mut next = first;
        let ordinal = |slot| match slot {
            Slot::Earlier(ordinal) => ordinal,
            Slot::Local(local) => *names[local as usize].get_or_insert_with(|| {
                next += 1;
                next - 1
            }),
            // No key has this number; the copy gets its keys later.
            Slot::Copied => u64::MAX,
            Slot::Free => unreachable!("every slot of a round is a first copy or a duplicate"),
        };
        self.slots.into_iter().map(ordinal).collect()
    }
}
