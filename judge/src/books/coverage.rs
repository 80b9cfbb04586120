//! Coverage: the repeats that a run has tried. A PASS without races says nothing about races.

use std::ops::Range;

use foldhash::HashMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::plan::event::Events;

use crate::books::interval::Interval;
use crate::books::keys::{KeyState, Keys};

/// Number of planned repeats of a kind from which on it is VOID to observe none.
pub const EXPECTED_ENOUGH: u64 = 30;

/// Numbers of one kind of repeat.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Seen {
    /// Number in the opened rounds.
    pub planned: u64,
    /// Number that was really tried.
    pub observed: u64,
}

/// Repeats by kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Pairs of requests of one release that carry one key. Observed are those that overlapped.
    pub overlapping_pairs: Seen,
    /// Copies of a key beside another in one request. Observed are those in an acknowledged
    /// request.
    pub in_batch_repeats: Seen,
    /// Copies of a key of an earlier round. Observed are those in an acknowledged request.
    pub delayed_repeats: Seen,
    /// Pairs of keys that a careless target takes for one. Observed are those of which both were
    /// acknowledged.
    #[serde(default)]
    pub twin_keys: Seen,
}

/// One request of a round, ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ended {
    /// Time of its last try that may have had an effect; none if no try may.
    pub interval: Option<Interval>,
    /// Set when it was acknowledged.
    pub acked: bool,
}

impl Coverage {
    /// Lists the kinds with their names; traps only if some were set.
    pub fn kinds(&self) -> Vec<(&'static str, Seen)> {
        let mut kinds = vec![
            ("overlapping pairs", self.overlapping_pairs),
            ("in-batch repeats", self.in_batch_repeats),
            ("delayed repeats", self.delayed_repeats),
        ];
        kinds.extend(self.twins());
        kinds
    }

    /// The kind of twin keys, if some were set.
    pub fn twins(&self) -> Option<(&'static str, Seen)> {
        (self.twin_keys.planned > 0).then_some(("twin keys (traps)", self.twin_keys))
    }

    /// Takes the keys of a run, once all attempts are booked.
    pub fn take_keys(&mut self, events: &Events, keys: &Keys) {
        let attempted = |key: KeyState| key.acked() > 0 || key.unknown() > 0;
        for (first, state) in keys.iter().filter(|(ordinal, _)| ordinal % 2 == 0) {
            if events.twin(first).is_none() || !keys.contains(first + 1) {
                continue;
            }
            let second = keys.get(first + 1);
            self.twin_keys.planned += u64::from(attempted(state) && attempted(second));
            self.twin_keys.observed += u64::from(state.acked() > 0 && second.acked() > 0);
        }
    }

    /// Takes the repeats of a round. `first_ordinal` is the first key that is new in it.
    pub fn take_round(&mut self, requests: &[&[u64]], ended: &[Ended], first_ordinal: u64) {
        for (ordinals, ended) in requests.iter().zip(ended) {
            let delayed = ordinals.iter().filter(|ordinal| **ordinal < first_ordinal).count() as u64;
            let repeats = repeats_within(ordinals);
            self.delayed_repeats.planned += delayed;
            self.in_batch_repeats.planned += repeats;
            if ended.acked {
                self.delayed_repeats.observed += delayed;
                self.in_batch_repeats.observed += repeats;
            }
        }
    }

    /// Takes the races of a round, where requests of a release can overlap.
    ///
    /// For example, a release holds requests 0, 1 and 2, and all three carry key 7. That plans
    /// three pairs. If 0 lasts from 1 to 4 ms, 1 from 3 to 6 ms and 2 from 5 to 8 ms, two of them
    /// are observed: 0 with 1, and 1 with 2.
    pub fn take_releases(&mut self, requests: &[&[u64]], ended: &[Ended], releases: &[Range<u32>]) {
        for release in releases.iter().filter(|release| release.len() > 1) {
            self.take_release(requests, release, ended);
        }
    }

    fn take_release(&mut self, requests: &[&[u64]], release: &Range<u32>, ended: &[Ended]) {
        let mut holders: HashMap<u64, Vec<u32>> = HashMap::default();
        for request in release.clone() {
            for ordinal in requests[request as usize] {
                let held = holders.entry(*ordinal).or_default();
                if held.last() != Some(&request) {
                    held.push(request);
                }
            }
        }
        for held in holders.values().filter(|held| held.len() > 1) {
            for (place, first) in held.iter().enumerate() {
                for second in &held[place + 1..] {
                    self.overlapping_pairs.planned += 1;
                    let both = ended[*first as usize].interval.zip(ended[*second as usize].interval);
                    let is_observed = both.is_some_and(|(first, second)| first.overlaps(second));
                    self.overlapping_pairs.observed += u64::from(is_observed);
                }
            }
        }
    }
}

fn repeats_within(ordinals: &[u64]) -> u64 {
    let mut sorted = ordinals.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).count() as u64
}
