//! Keys of two payloads, and the payload that their attempts leave possible.

use std::collections::BTreeMap;

use truth::plan::event::Events;
use truth::plan::variant::{Origin, Side};
use truth::scenario::promises::Conflict;
use truth::target::answer::{Answer, Kind, Outcome};

use super::interval::Interval;
use super::keys::Keys;

/// Flags of the two payloads, by [`Side`].
type Sides = [bool; 2];

/// Attempts of one key of two payloads, reduced.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Contest {
    /// Earliest end of an acknowledged attempt.
    first_ack: Option<u64>,
    /// Payloads in a request that reported the key as new.
    reported_new: Sides,
    /// Payloads of attempts that do not report new or duplicate, and began before the first
    /// acknowledged one had ended.
    early: Sides,
    acked: Sides,
    unknown: Sides,
    /// Latest start of an acknowledged attempt.
    last_start: u64,
    /// Latest end of an acknowledged attempt, for each payload.
    last_end: [u64; 2],
}

impl Contest {
    /// Takes an attempt whose fate is unknown. Attempts come in the order of their ends.
    fn take_unknown(&mut self, side: Side, t_start: u64) {
        self.unknown[side as usize] = true;
        self.early[side as usize] |= self.is_early(t_start);
    }

    /// Takes an acknowledged attempt, in a request that carries the key with these payloads.
    fn take_acked(&mut self, side: Side, kind: Kind, carried: Sides, interval: Interval) {
        let at = side as usize;
        self.first_ack.get_or_insert(interval.end);
        self.acked[at] = true;
        self.early[at] |= kind == Kind::Accepted && self.is_early(interval.start);
        if kind == Kind::New {
            for (reported, carried) in self.reported_new.iter_mut().zip(carried) {
                *reported |= carried;
            }
        }
        self.last_start = self.last_start.max(interval.start);
        self.last_end[at] = self.last_end[at].max(interval.end);
    }

    fn is_early(&self, t_start: u64) -> bool {
        self.first_ack.is_none_or(|end| t_start <= end)
    }

    /// Payloads that the store can hold.
    pub(crate) fn possible(&self, conflict: Conflict) -> Sides {
        let each = |of: fn(&Self, usize) -> bool| [of(self, 0), of(self, 1)];
        match conflict {
            Conflict::FirstWins if self.reported_new != [false, false] => self.reported_new,
            Conflict::FirstWins => self.early,
            Conflict::LastWins => {
                each(|of, at| of.unknown[at] || (of.acked[at] && of.last_end[at] >= of.last_start))
            }
            // Had the other been kept, this one would have been refused.
            Conflict::Reject if self.acked == [true, true] => [false, false],
            Conflict::Reject if self.acked == [false, false] => self.unknown,
            Conflict::Reject => self.acked,
        }
    }
}

/// The copies of events that one request carries.
#[derive(Clone, Copy)]
pub(crate) struct Copies<'a> {
    /// Events of the plan.
    pub(crate) events: &'a Events,
    /// Place of the request in the plan.
    pub(crate) origin: Origin,
    /// Keys of the request.
    pub(crate) ordinals: &'a [u64],
    /// True if what was refused may be stored.
    pub(crate) may_store_refused: bool,
}

/// Keys of two payloads that were sent.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Contests {
    pub(crate) keys: BTreeMap<u64, Contest>,
}

impl Contests {
    /// Takes one try of a request. Keys that are not judged are left out.
    pub(crate) fn take(&mut self, keys: &Keys, copies: Copies<'_>, answer: &Answer, interval: Interval) {
        let Copies { events, origin, ordinals, may_store_refused } = copies;
        let contested: Vec<(usize, u64, Side)> = (0..)
            .zip(ordinals)
            .filter(|(_, ordinal)| keys.contains(**ordinal) && events.two_payloads(**ordinal).is_some())
            .map(|(place, ordinal)| (place, *ordinal, events.side(*ordinal, origin, place)))
            .collect();
        for (place, ordinal, side) in &contested {
            let contest = self.keys.entry(*ordinal).or_default();
            match answer.outcome {
                Outcome::Rejected if may_store_refused => contest.take_unknown(*side, interval.start),
                Outcome::NeverSent | Outcome::Rejected => {}
                Outcome::Unknown | Outcome::Unclear => contest.take_unknown(*side, interval.start),
                Outcome::Acked => match answer.kinds.of(*place) {
                    Kind::Rejected if may_store_refused => contest.take_unknown(*side, interval.start),
                    Kind::Rejected => {}
                    Kind::Unknown => contest.take_unknown(*side, interval.start),
                    kind => {
                        let mut carried = [false; 2];
                        for (_, _, side) in contested.iter().filter(|(_, other, _)| other == ordinal) {
                            carried[*side as usize] = true;
                        }
                        contest.take_acked(*side, kind, carried, interval);
                    }
                },
            }
        }
    }

    /// Payload that a store with this promise has to hold of a key; none if it may hold either.
    pub(crate) fn forced(&self, ordinal: u64, conflict: Conflict) -> Option<Side> {
        match self.keys.get(&ordinal)?.possible(conflict) {
            [true, false] => Some(Side::Plain),
            [false, true] => Some(Side::Other),
            [true, true] | [false, false] => None,
        }
    }

    /// A payload that a store with this promise can hold of a key.
    pub(crate) fn possible_side(&self, ordinal: u64, conflict: Conflict) -> Side {
        let possible = self.keys.get(&ordinal).map(|contest| contest.possible(conflict));
        if possible == Some([false, true]) { Side::Other } else { Side::Plain }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One attempt.
    #[derive(Clone, Copy, Debug)]
    struct Attempt {
        start: u64,
        end: u64,
        acked: bool,
        side: Side,
    }

    fn attempt() -> impl Strategy<Value = Attempt> {
        (0..12_u64, 0..6_u64, any::<bool>(), any::<bool>()).prop_map(|(start, length, acked, other)| {
            Attempt { start, end: start + length, acked, side: if other { Side::Other } else { Side::Plain } }
        })
    }

    /// Every order in which the attempts can have been executed, those of unknown fate or not at
    /// all.
    fn orders(left: &[Attempt], done: &mut Vec<Attempt>, found: &mut impl FnMut(&[Attempt])) {
        if left.iter().all(|attempt| !attempt.acked) && !done.is_empty() {
            found(done);
        }
        for (index, next) in left.iter().enumerate() {
            let comes_too_soon = left.iter().any(|other| other.acked && other.end < next.start);
            if !comes_too_soon {
                let mut rest = left.to_vec();
                rest.remove(index);
                done.push(*next);
                orders(&rest, done, found);
                done.pop();
            }
        }
    }

    fn contest(attempts: &[Attempt], reported: fn(usize) -> Kind) -> Contest {
        let mut contest = Contest::default();
        let mut sorted = attempts.to_vec();
        sorted.sort_by_key(|attempt| attempt.end);
        for (nth, Attempt { start, end, acked, side }) in sorted.into_iter().enumerate() {
            let mut carried = [false; 2];
            carried[side as usize] = true;
            match acked {
                true => contest.take_acked(side, reported(nth), carried, Interval { start, end }),
                false => contest.take_unknown(side, start),
            }
        }
        contest
    }

    proptest! {
        #[test]
        fn what_a_store_can_hold_is_what_some_order_leaves(attempts in prop::collection::vec(attempt(), 1..6)) {
            let mut first = [false; 2];
            let mut last = [false; 2];
            orders(&attempts, &mut Vec::new(), &mut |order| {
                first[order[0].side as usize] = true;
                last[order[order.len() - 1].side as usize] = true;
            });
            let contest = contest(&attempts, |_| Kind::Accepted);
            prop_assert_eq!(contest.possible(Conflict::FirstWins), first);
            prop_assert_eq!(contest.possible(Conflict::LastWins), last);
        }
    }

    #[test]
    fn the_attempt_reported_as_new_is_the_first() {
        let at = |start, side| Attempt { start, end: start + 10, acked: true, side };
        let both = [at(0, Side::Plain), at(1, Side::Other)];
        let told = contest(&both, |nth| if nth == 1 { Kind::New } else { Kind::Duplicate });
        assert_eq!(told.possible(Conflict::FirstWins), [false, true]);
        // A target that refuses what differs does not acknowledge both.
        assert_eq!(told.possible(Conflict::Reject), [false, false]);
        assert_eq!(contest(&both[1..], |_| Kind::New).possible(Conflict::Reject), [false, true]);
    }
}
