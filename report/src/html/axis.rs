//! Axes: round numbers to set marks at, and places in percent.

/// Range of an axis.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Range {
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Range {
    /// Returns the place of a value, from 0 to 1. Values beyond the range are put at its ends.
    pub(super) fn place(self, value: f64) -> f64 {
        if self.to <= self.from {
            return 0.0;
        }
        ((value - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }
}

/// Returns about so many round numbers within a range.
pub(super) fn marks(range: Range, about: usize) -> Vec<f64> {
    let span = range.to - range.from;
    if span <= 0.0 || !span.is_finite() {
        return Vec::new();
    }
    let rough = span / about.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let first = (range.from / step).ceil() as i64;
    let last = (range.to / step + 1e-9).floor() as i64;
    (first..=last).map(|nth| nth as f64 * step).collect()
}

/// Returns a range from 0 that holds a value, with a little room above.
pub(super) fn from_zero(most: f64) -> Range {
    let most = if most > 0.0 { most } else { 1.0 };
    Range { from: 0.0, to: most * 1.08 }
}

/// Returns the powers of ten within a range of logarithms to base 10.
pub(super) fn decades(range: Range) -> Vec<f64> {
    let first = range.from.ceil() as i64;
    let last = range.to.floor() as i64;
    (first..=last).map(|power| power as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_within_the_range() {
        assert_eq!(marks(Range { from: 0.0, to: 0.2 }, 4), [0.0, 0.05, 0.1, 0.15000000000000002, 0.2]);
        assert_eq!(marks(Range { from: 3.0, to: 17.0 }, 4), [5.0, 10.0, 15.0]);
        assert!(marks(Range { from: 1.0, to: 1.0 }, 4).is_empty());
        assert_eq!(decades(Range { from: 1.2, to: 4.0 }), [2.0, 3.0, 4.0]);
    }

    #[test]
    fn places_stay_within_the_range() {
        let range = Range { from: 10.0, to: 20.0 };
        assert_eq!([5.0, 10.0, 15.0, 99.0].map(|value| range.place(value)), [0.0, 0.0, 0.5, 1.0]);
        assert_eq!(Range { from: 1.0, to: 1.0 }.place(1.0), 0.0);
    }
}
