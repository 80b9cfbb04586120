//! Intervals of time on one clock, in the unit of their source.

/// Time from a start to an end, both included.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Interval {
    /// First moment.
    pub start: u64,
    /// Last moment; the greatest number if there is none.
    pub end: u64,
}

impl Interval {
    /// Returns true if a moment belongs to both.
    pub fn overlaps(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}
