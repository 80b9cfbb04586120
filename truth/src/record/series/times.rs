//! Response times in a small histogram: its buckets grow with the time, so that a quantile is
//! exact to 1 in 32, and a histogram takes at most 2 kB.

/// Number of buckets for each doubling of the time.
const STEPS: u64 = 16;

/// Greatest exponent of a time that has a bucket of its own: 2^36 microseconds are 19 hours.
const MOST_EXPONENT: u32 = 36;

/// Response times, in microseconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Times {
    /// Number of times in each bucket, up to the last one that has any.
    counts: Vec<u32>,
    count: u64,
    max_us: u64,
}

/// Bucket of a histogram that holds times.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// Least time of the bucket, in microseconds.
    pub from_us: u64,
    /// Time from which on the next bucket counts.
    pub to_us: u64,
    /// Number of times.
    pub count: u64,
}

impl Times {
    /// Adds a time.
    pub fn record(&mut self, nanos: u64) {
        let micros = nanos / 1000;
        let at = bucket(micros);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] = self.counts[at].saturating_add(1);
        self.count += 1;
        self.max_us = self.max_us.max(micros);
    }

    /// Adds all times of another histogram.
    pub fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum = sum.saturating_add(*count);
        }
        self.count += other.count;
        self.max_us = self.max_us.max(other.max_us);
    }

    /// Number of times.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Greatest time, exact; none without a time.
    pub fn max_us(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max_us)
    }

    /// Time that this share of the times does not exceed, in microseconds; none without a time.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        let wanted = ((quantile * self.count as f64).ceil() as u64).max(1);
        if wanted >= self.count {
            return self.max_us();
        }
        let mut seen = 0;
        for bucket in self.buckets() {
            seen += bucket.count;
            if seen >= wanted {
                let middle = bucket.from_us + (bucket.to_us - bucket.from_us) / 2;
                return Some(middle.min(self.max_us));
            }
        }
        self.max_us()
    }

    /// Buckets that hold times, from the least.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> {
        let held = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        held.map(|(at, count)| Bucket { from_us: least(at), to_us: least(at + 1), count: u64::from(*count) })
    }
}

/// Bucket of a time. Those below [`STEPS`] microseconds have one each.
fn bucket(micros: u64) -> usize {
    let micros = micros.min((1 << MOST_EXPONENT) - 1);
    if micros < STEPS {
        return micros as usize;
    }
    let shift = micros.ilog2() - STEPS.ilog2();
    (u64::from(shift) * STEPS + (micros >> shift)) as usize
}

/// Least time of a bucket.
fn least(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    (STEPS + bucket % STEPS) << shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_a_bucket_that_is_narrow_and_the_buckets_follow_one_another() {
        for exponent in 0..36 {
            for micros in [1 << exponent, (1 << exponent) + 1, (3 << exponent) / 2, (2 << exponent) - 1] {
                let at = bucket(micros);
                let (from, to) = (least(at), least(at + 1));
                assert!((from..to).contains(&micros), "{micros}: {from} to {to}");
                assert!((to - from) * STEPS <= from.max(STEPS), "{micros}: {from} to {to}");
            }
        }
        assert_eq!(bucket(u64::MAX), bucket((1 << MOST_EXPONENT) - 1));
    }

    #[test]
    fn a_quantile_is_exact_to_a_32nd_and_the_greatest_time_to_the_microsecond() {
        let mut times = Times::default();
        assert_eq!((times.quantile_us(0.5), times.max_us()), (None, None));
        (1..=1000).for_each(|ms| times.record(ms * 1_000_000));
        for (quantile, expected) in [(0.5, 500_000.0), (0.95, 950_000.0), (0.99, 990_000.0)] {
            let found = times.quantile_us(quantile).unwrap() as f64;
            assert!((found / expected - 1.0).abs() <= 1.0 / 32.0, "{quantile}: {found}");
        }
        assert_eq!((times.quantile_us(1.0), times.max_us()), (Some(1_000_000), Some(1_000_000)));
        assert!(times.counts.len() * size_of::<u32>() <= 2048, "{}", times.counts.len());
    }

    #[test]
    fn a_sum_has_the_times_of_both() {
        let (mut low, mut high, mut all) = (Times::default(), Times::default(), Times::default());
        for micros in 0..5_000 {
            if micros % 3 == 0 { &mut low } else { &mut high }.record(micros * 7_000);
            all.record(micros * 7_000);
        }
        low.add(&high);
        assert_eq!(low, all);
    }
}
