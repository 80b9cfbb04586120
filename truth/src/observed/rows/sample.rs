//! Sample of a listing's rows: evenly spread, in their order, and bounded however many rows there
//! are.

/// Most keys of a sample.
const MOST: usize = 1024;

/// Every n-th key of a listing, and the last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    kept: Vec<u64>,
    /// Distance between kept keys: one in `stride` is kept.
    stride: u64,
    shown: u64,
    last: Option<u64>,
}

impl Default for Sample {
    fn default() -> Self {
        Self { kept: Vec::new(), stride: 1, shown: 0, last: None }
    }
}

impl Sample {
    /// Adds the next key.
    pub(super) fn take(&mut self, ordinal: u64) {
        if self.shown.is_multiple_of(self.stride) {
            if self.kept.len() == MOST {
                let mut is_kept = [true, false].into_iter().cycle();
                self.kept.retain(|_| is_kept.next() == Some(true));
                self.stride *= 2;
            }
            if self.shown.is_multiple_of(self.stride) {
                self.kept.push(ordinal);
            }
        }
        self.shown += 1;
        self.last = Some(ordinal);
    }

    /// Returns the kept keys in order. The key of the last row is always among them.
    pub fn keys(&self) -> Vec<u64> {
        let last = self.last.filter(|last| self.kept.last() != Some(last));
        self.kept.iter().copied().chain(last).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_spread_over_all_rows_and_has_both_ends() {
        for rows in [0, 1, 2, 1_023, 1_024, 1_025, 1_026, 3_000, 100_000] {
            let mut sample = Sample::default();
            (0..rows).for_each(|ordinal| sample.take(ordinal));
            let keys = sample.keys();
            assert!(keys.is_sorted() && keys.len() <= MOST + 1, "{rows}");
            assert!(keys.len() as u64 >= rows.min(MOST as u64 / 2), "{rows}: {}", keys.len());
            assert_eq!((keys.first(), keys.last()), ((0..rows).next().as_ref(), (0..rows).last().as_ref()));
            let widest = keys.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(widest <= rows.div_ceil(MOST as u64 / 2), "{rows}: {widest}");
        }
    }
}
