//! Bins of time: as many as a chart can show, and twice as wide whenever there would be more.

use std::collections::VecDeque;

use super::times::Times;

/// Most bins of a series.
pub const MOST_BINS: usize = 600;

/// Width of the bins of a short run, in nanoseconds.
const NARROWEST: u64 = 1_000_000;

/// Events by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Outcomes {
    /// Acknowledged, and reported as new.
    pub new: u64,
    /// Acknowledged, and reported as duplicates.
    pub duplicate: u64,
    /// Acknowledged, without saying which of the two.
    pub accepted: u64,
    /// Rejected without effect.
    pub rejected: u64,
    /// Acknowledged by a response that contradicts the target's description.
    pub unclear: u64,
    /// Executed once or not at all.
    pub unknown: u64,
}

impl Outcomes {
    /// Names and numbers, in the order of charts.
    pub fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("new", self.new),
            ("duplicate", self.duplicate),
            ("accepted", self.accepted),
            ("rejected", self.rejected),
            ("unclear", self.unclear),
            ("unknown", self.unknown),
        ]
    }

    /// Number of events.
    pub fn sum(&self) -> u64 {
        self.named().iter().map(|(_, events)| events).sum()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.unclear += other.unclear;
        self.unknown += other.unknown;
    }
}

/// One bin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Bin {
    /// Events that were to leave in it.
    pub planned: u64,
    /// Events that left in it, by their outcome.
    pub sent: Outcomes,
    /// Requests that left in it, retries included.
    pub requests: u64,
    /// Sum of the times for which connections waited for a response, in nanoseconds.
    pub busy_ns: u64,
    /// Times from the first byte sent to the whole response, of requests that left in it.
    pub service: Times,
    /// Times from the planned instant to the whole response, of requests planned in it.
    pub response: Times,
}

impl Bin {
    /// Adds all that another bin holds.
    pub fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.sent.add(&other.sent);
        self.requests += other.requests;
        self.busy_ns += other.busy_ns;
        self.service.add(&other.service);
        self.response.add(&other.response);
    }
}

/// Bins on a fixed grid of time: bin n begins at n times the width.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Bins {
    /// Number of the first bin.
    first: u64,
    width_ns: u64,
    bins: VecDeque<Bin>,
}

impl Default for Bins {
    fn default() -> Self {
        Self { first: 0, width_ns: NARROWEST, bins: VecDeque::new() }
    }
}

impl Bins {
    /// Returns the bin of a moment. The bins are widened until all moments so far have one.
    pub(super) fn at(&mut self, t: u64) -> &mut Bin {
        if self.bins.is_empty() {
            self.first = t / self.width_ns;
            self.bins.push_back(Bin::default());
        }
        while !self.has_room_for(t) {
            self.widen();
        }
        let number = t / self.width_ns;
        while number < self.first {
            self.bins.push_front(Bin::default());
            self.first -= 1;
        }
        let index = (number - self.first) as usize;
        while self.bins.len() <= index {
            self.bins.push_back(Bin::default());
        }
        &mut self.bins[index]
    }

    /// Adds a span of time in which a connection was busy to all bins that it touches.
    pub(super) fn add_busy(&mut self, from: u64, to: u64) {
        self.at(from);
        self.at(to);
        let mut now = from;
        while now < to {
            let end = (now / self.width_ns + 1).saturating_mul(self.width_ns).min(to);
            self.at(now).busy_ns += end - now;
            now = end;
        }
    }

    fn has_room_for(&self, t: u64) -> bool {
        let number = t / self.width_ns;
        let last = self.first + self.bins.len() as u64 - 1;
        number.max(last) - number.min(self.first) < MOST_BINS as u64
    }

    /// Makes each bin twice as wide.
    fn widen(&mut self) {
        let mut wide: VecDeque<Bin> = VecDeque::with_capacity(self.bins.len() / 2 + 1);
        for (number, bin) in (self.first..).zip(self.bins.drain(..)) {
            match wide.back_mut().filter(|_| number % 2 == 1) {
                Some(before) => before.add(&bin),
                None => wide.push_back(bin),
            }
        }
        self.bins = wide;
        self.first /= 2;
        self.width_ns *= 2;
    }

    /// Returns the beginning of the first bin, the width, and the bins.
    pub(super) fn into_parts(self) -> (u64, u64, Vec<Bin>) {
        (self.first * self.width_ns, self.width_ns, self.bins.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_are_widened_to_either_side_and_keep_all_that_they_hold() {
        let mut bins = Bins::default();
        let moments = [7_000_000_000_u64, 7_000_400_000, 7_599_000_000, 7_600_000_000, 5_000_000_000, 1];
        for (nth, t) in (1_u64..).zip(moments) {
            bins.at(t).planned += nth;
            assert!(bins.bins.len() <= MOST_BINS);
            assert_eq!(bins.bins.iter().map(|bin| bin.planned).sum::<u64>(), nth * (nth + 1) / 2);
        }
        let (start, width, bins) = bins.into_parts();
        for (nth, t) in (1_u64..).zip(moments) {
            assert!(bins[((t - start) / width) as usize].planned >= nth, "{t}");
        }
        assert_eq!((start, width), (0, 16_000_000));
    }

    #[test]
    fn a_busy_time_is_shared_among_the_bins_that_it_touches() {
        let mut bins = Bins::default();
        bins.add_busy(10_500_000, 12_250_000);
        let (start, _, bins) = bins.into_parts();
        let busy: Vec<u64> = bins.iter().map(|bin| bin.busy_ns).collect();
        assert_eq!((start, busy), (10_000_000, vec![500_000, 1_000_000, 250_000]));
    }
}
