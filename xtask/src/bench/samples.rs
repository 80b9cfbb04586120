//! Measurements of several turns.

/// Measurements of one thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Samples(Vec<f64>);

impl Samples {
    /// No measurement.
    pub(super) const NONE: Self = Self(Vec::new());

    pub(super) fn add(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_by(f64::total_cmp);
    }

    /// True without a measurement.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the median, between the two in the middle if the number is even; not a number
    /// without any.
    pub(super) fn median(&self) -> f64 {
        let middle = self.0.len() / 2;
        match self.0.as_slice() {
            [] => f64::NAN,
            sorted if sorted.len() % 2 == 1 => sorted[middle],
            sorted => f64::midpoint(sorted[middle - 1], sorted[middle]),
        }
    }

    /// Returns the median with the least and the most, each in the format of `show`.
    pub(super) fn shown(&self, show: impl Fn(f64) -> String) -> String {
        match self.0.as_slice() {
            [] => "none".to_owned(),
            [only] => show(*only),
            [least, .., most] => format!("{} ({} to {})", show(self.median()), show(*least), show(*most)),
        }
    }
}

/// Returns the ratio of two medians, for a table.
pub(super) fn ratio(one: &Samples, other: &Samples) -> String {
    format!("{:.2}", one.median() / other.median())
}

/// Formats a whole number with commas between thousands.
pub(super) fn whole(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut shown = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// Formats bytes as mebibytes.
pub(super) fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / (1024.0 * 1024.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Samples {
        let mut samples = Samples::default();
        for number in numbers {
            samples.add(*number);
        }
        samples
    }

    #[test]
    fn the_median_is_the_middle_in_whatever_order_they_came() {
        assert!((of(&[9.0, 1.0, 5.0]).median() - 5.0).abs() < 1e-9);
        assert!((of(&[4.0, 1.0, 2.0, 100.0]).median() - 3.0).abs() < 1e-9);
        assert!(of(&[]).median().is_nan());
    }

    #[test]
    fn a_cell_shows_the_median_and_the_range() {
        assert_eq!(of(&[3000.0, 1000.0, 2500.4]).shown(whole), "2,500 (1,000 to 3,000)");
        assert_eq!(of(&[7.0]).shown(whole), "7");
        assert_eq!(ratio(&of(&[1.0]), &of(&[3.0])), "0.33");
    }

    #[test]
    fn thousands_stand_apart() {
        let shown = [0.0, 999.0, 1000.0, 123_456.0, 1_234_567.4].map(whole);
        assert_eq!(shown, ["0", "999", "1,000", "123,456", "1,234,567"]);
    }
}
