//! Listings that go round in circles.

/// Equal pages in a row that show that the target does not go on. Two may hold copies of one row.
const EQUAL_PAGES: u32 = 3;

/// Notices a listing that goes round in circles, in constant memory (Brent 1980): it keeps the page
/// at each power of two until the next.
pub(super) struct Circle {
    kept: String,
    steps: u64,
    power: u64,
    /// Fingerprint of the last page.
    fingerprint: u64,
    /// Number of pages in a row with that fingerprint.
    equal: u32,
}

impl Circle {
    /// Begins with the mark of the first page.
    pub(super) fn new(first: String) -> Self {
        Self { kept: first, steps: 0, power: 1, fingerprint: 0, equal: 0 }
    }

    /// True if a page with rows came again and again.
    pub(super) fn repeats(&mut self, fingerprint: u64, has_rows: bool) -> bool {
        self.equal = if fingerprint == self.fingerprint { self.equal + 1 } else { 1 };
        self.fingerprint = fingerprint;
        self.equal >= EQUAL_PAGES && has_rows
    }

    /// True if the next page has the mark of an earlier one.
    pub(super) fn closes(&mut self, next: &str) -> bool {
        if next == self.kept {
            return true;
        }
        self.steps += 1;
        if self.steps == self.power {
            next.clone_into(&mut self.kept);
            self.steps = 0;
            self.power *= 2;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_any_length_closes() {
        for length in 1..20 {
            let mut circle = Circle::new("first".to_owned());
            let closes = (0..100).any(|step| circle.closes(&format!("page {}", step % length)));
            assert!(closes, "{length}");
        }
        let mut circle = Circle::new("first".to_owned());
        assert!(!(0..1_000).any(|step| circle.closes(&step.to_string())));
    }

    #[test]
    fn two_equal_pages_may_be_copies_and_three_are_not() {
        let mut circle = Circle::new(String::new());
        assert_eq!([1, 1, 1].map(|page| circle.repeats(page, true)), [false, false, true]);
        assert!(!circle.repeats(1, false), "pages without rows are all equal");
    }
}
