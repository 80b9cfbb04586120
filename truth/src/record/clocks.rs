//! Clocks of the segments of a run, brought to one. All times of a report count from the first frame
//! of the ledger.
//!
//! Segments of one boot share a monotonic clock. Those of several boots, such as shards on several
//! machines, are put beside each other by the wall clocks in their headers, which may be apart.

use crate::record::ledger::Header;

/// Clocks of the segments of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Clocks {
    /// For each segment, the time of its clock at the first frame of the run.
    origins: Vec<i128>,
    /// Wall clock at the first frame, in milliseconds since 1970; none without a header.
    began_utc_ms: Option<i64>,
    /// Number of boots.
    boots: usize,
}

impl Clocks {
    /// Compares the headers of all segments; none for one that cannot be read.
    pub fn of(headers: &[Option<Header>]) -> Self {
        // The first header of each boot stands for its clock.
        let mut firsts: Vec<&Header> = Vec::new();
        for header in headers.iter().flatten() {
            if firsts.iter().all(|first| first.boot_id != header.boot_id) {
                firsts.push(header);
            }
        }
        // Wall clock at the beginning of each boot's monotonic clock.
        let boot_ns = |header: &Header| {
            let first = firsts.iter().find(|first| first.boot_id == header.boot_id);
            first.map_or(0, |first| i128::from(first.utc_ms) * 1_000_000 - i128::from(first.monotonic_ns))
        };
        let began_ns = |header: &&Header| boot_ns(header) + i128::from(header.monotonic_ns);
        let Some(earliest) = headers.iter().flatten().min_by_key(began_ns) else { return Self::default() };
        let origin =
            |header: &Option<Header>| began_ns(&earliest) - boot_ns(header.as_ref().unwrap_or(earliest));
        Self {
            origins: headers.iter().map(origin).collect(),
            began_utc_ms: Some(earliest.utc_ms),
            boots: firsts.len(),
        }
    }

    /// Makes the clock of a single segment whose first frame is of this time.
    pub fn from(first_ns: u64) -> Self {
        Self { origins: vec![first_ns.into()], began_utc_ms: None, boots: 1 }
    }

    /// Returns the time from the first frame of the run to a moment of a segment's clock, in
    /// nanoseconds; 0 for a moment before it.
    pub fn since_ns(&self, segment: usize, t: u64) -> u64 {
        let origin = self.origins.get(segment).copied().unwrap_or_default();
        u64::try_from(i128::from(t) - origin).unwrap_or_default()
    }

    /// Returns the same time in microseconds.
    pub fn since_us(&self, segment: usize, t: u64) -> u64 {
        self.since_ns(segment, t) / 1000
    }

    /// Wall clock at the first frame, in milliseconds since 1970; none without a header.
    pub fn began_utc_ms(&self) -> Option<i64> {
        self.began_utc_ms
    }

    /// True if the wall clocks of several boots are compared.
    pub fn are_several(&self) -> bool {
        self.boots > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(boot: &str, monotonic_ns: u64, utc_ms: i64) -> Option<Header> {
        let boot_id = boot.to_owned();
        Some(Header { nonce: 9, lane: 0, boot_id, monotonic_ns, utc_ms, foundation: None })
    }

    #[test]
    fn segments_of_one_boot_are_timed_by_its_clock_alone() {
        // The wall clock was set back in between.
        let clocks = Clocks::of(&[header("a", 7_000_000, 50), None, header("a", 5_000_000, 90)]);
        assert_eq!([0, 1, 2].map(|segment| clocks.since_us(segment, 8_000_000)), [3_000; 3]);
        assert_eq!((clocks.since_ns(0, 1), clocks.began_utc_ms()), (0, Some(90)));
        assert!(!clocks.are_several());
    }

    #[test]
    fn segments_of_several_boots_are_put_beside_each_other_by_the_wall_clock() {
        // The second machine was started later, and its run began two seconds before the other.
        let clocks = Clocks::of(&[
            header("a", 900_000_000_000, 53_000),
            header("b", 1_000_000_000, 51_000),
            header("a", 900_500_000_000, 53_501),
        ]);
        assert_eq!(clocks.since_us(0, 900_000_000_000), 2_000_000);
        assert_eq!(clocks.since_us(1, 1_000_000_000), 0);
        assert_eq!(clocks.since_us(2, 900_500_000_000), 2_500_000);
        assert_eq!(clocks.began_utc_ms(), Some(51_000));
        assert!(clocks.are_several());
    }
}
