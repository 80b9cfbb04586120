//! Repeats of acknowledged keys beside first copies: requests that the target took or refused.
//!
//! A target refuses with a status from 400 on, or by naming the event as rejected. Only the last
//! try of a request counts. A request is a repeat if it holds a key that was acknowledged before
//! its round was opened, and first if all of its keys come for the first time. Others are neither.
//!
//! For example, 100 of 100 repeats were refused and 400 of 400 first requests were taken, in turn.
//! Had the target refused both alike, it would have refused about 400 first requests.

use std::collections::BTreeMap;

use foldhash::{HashSet, HashSetExt};
use truth::record::ledger::Done;
use truth::target::answer::Outcome;

use super::keys::Keys;

/// Number of refused requests below which nothing is said.
const FEW: u64 = 5;

/// Number of first requests that the target would have had to refuse, for a difference to be
/// certain. By chance alone, it would refuse a tenth of them less than once in a million runs.
const EXPECTED: u64 = 20;

/// Requests that were taken and refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Answered {
    /// Number of requests that were taken.
    pub taken: u64,
    /// Number of requests that were refused, by status.
    pub refused: BTreeMap<u16, u64>,
}

impl Answered {
    /// Number of requests that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    /// Number of requests.
    pub fn all(&self) -> u64 {
        self.taken + self.refused()
    }

    fn note(&mut self, status: u16, is_taken: bool) {
        match is_taken {
            true => self.taken += 1,
            false => *self.refused.entry(status).or_default() += 1,
        }
    }
}

/// Requests of the plan by what they repeat.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Repeats {
    /// Requests with a key that was acknowledged before.
    pub repeats: Answered,
    /// Requests without such a key.
    pub others: Answered,
    /// Those of them whose keys all come for the first time.
    pub first: Answered,
    /// Requests with a key that comes for the first time, refused as a whole or not.
    pub fresh: Answered,
    /// Lists of acknowledged keys that `verify` sent again.
    pub replays: Answered,
    /// Number of times that a first request was taken after a repeat had been refused.
    pub turns: u64,
    is_refusing: bool,
}

/// Keys of one request, before its try is booked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    /// Keys of the request.
    pub(crate) ordinals: &'a [u64],
    /// Keys of earlier rounds that were acknowledged when its round was opened.
    pub(crate) known: &'a HashSet<u64>,
    /// The first key that is new in its round.
    pub(crate) first_ordinal: u64,
}

impl Repeats {
    /// Takes the last try of a request of the plan.
    pub(crate) fn take(&mut self, sent: Sent<'_>, keys: &Keys, done: &Done) {
        let Sent { ordinals, known, first_ordinal } = sent;
        let is_own = |ordinal: &u64| *ordinal >= first_ordinal;
        let is_fresh = |ordinal: &u64| is_own(ordinal) && is_untried(keys, *ordinal);
        let Some(is_taken) = taken(done, |_| true) else { return };
        if ordinals.iter().any(is_fresh) {
            self.fresh.note(done.status, done.answer.outcome == Outcome::Acked);
        }
        let is_known = |place: usize| !is_own(&ordinals[place]) && known.contains(&ordinals[place]);
        if (0..ordinals.len()).any(is_known) {
            let is_taken = taken(done, is_known) == Some(true);
            self.repeats.note(done.status, is_taken);
            self.is_refusing |= !is_taken;
            return;
        }
        self.others.note(done.status, is_taken);
        let mut here = HashSet::with_capacity(ordinals.len());
        if ordinals.iter().all(|ordinal| is_fresh(ordinal) && here.insert(*ordinal)) {
            self.first.note(done.status, is_taken);
            self.turns += u64::from(is_taken && self.is_refusing);
            self.is_refusing &= !is_taken;
        }
    }

    /// Takes the last try of a list of acknowledged keys that was sent again.
    pub(crate) fn take_replay(&mut self, done: &Done) {
        if let Some(is_taken) = taken(done, |_| true) {
            self.replays.note(done.status, is_taken);
        }
    }

    /// Returns true if most repeats were refused.
    pub fn are_refused(&self) -> bool {
        let refused = self.repeats.refused();
        refused >= FEW && refused > self.repeats.taken
    }

    /// Returns true if neither chance nor a bad time explains that repeats were refused.
    pub fn are_refused_for_certain(&self) -> bool {
        let all = self.repeats.all().max(1);
        let expected = self.repeats.refused() * self.first.all() / all;
        expected >= EXPECTED && 10 * self.first.refused() <= expected && self.turns >= FEW
    }
}

/// Returns true if no attempt of a key that may have had an effect is on record.
fn is_untried(keys: &Keys, ordinal: u64) -> bool {
    !keys.contains(ordinal) || {
        let state = keys.get(ordinal);
        state.acked() == 0 && state.unknown() == 0
    }
}

/// Returns true if the response takes all events at the places that are asked about, and false if
/// it refuses one. None if it does not say, or if none came.
fn taken(done: &Done, is_asked: impl Fn(usize) -> bool) -> Option<bool> {
    match done.answer.outcome {
        Outcome::Acked => {
            let kinds = &done.answer.kinds;
            if kinds.rejected().any(&is_asked) {
                return Some(false);
            }
            (!kinds.unknown().any(is_asked)).then_some(true)
        }
        Outcome::Rejected | Outcome::Unknown if done.status >= 400 => Some(false),
        Outcome::Rejected | Outcome::Unknown | Outcome::Unclear | Outcome::NeverSent => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(taken: u64, refused: u64) -> Answered {
        Answered { taken, refused: BTreeMap::from([(500, refused)]) }
    }

    #[test]
    fn a_difference_is_certain_only_beyond_chance_and_in_turn() {
        let of = |repeats, first, turns| Repeats { repeats, first, turns, ..Repeats::default() };
        for (repeats, is_certain) in [
            (of(answered(0, 100), answered(400, 0), 5), true),
            (of(answered(0, 100), answered(400, 0), 4), false),
            (of(answered(0, 100), answered(18, 1), 9), false),
            (of(answered(0, 100), answered(20, 0), 9), true),
            (of(answered(0, 100), answered(360, 40), 9), true),
            (of(answered(0, 100), answered(350, 50), 9), false),
            (of(answered(95, 5), answered(400, 0), 5), true),
            (of(answered(96, 4), answered(400, 0), 9), false),
            (of(answered(0, 0), answered(400, 0), 9), false),
        ] {
            assert_eq!(repeats.are_refused_for_certain(), is_certain, "{repeats:?}");
        }
    }

    #[test]
    fn most_of_few_repeats_is_enough_to_speak_of() {
        let of = |repeats| Repeats { repeats, ..Repeats::default() }.are_refused();
        assert!(of(answered(4, 5)));
        assert!(!of(answered(5, 5)));
        assert!(!of(answered(0, 4)));
    }
}
