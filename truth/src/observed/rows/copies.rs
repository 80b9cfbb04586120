//! Places of the rows of keys that a listing shows more than once.
//!
//! Two rows of one key within one page are two rows. A row that repeats one of the page before may
//! be the cursor's doing: an inclusive cursor begins each page with the last row of the page
//! before.

use std::collections::{BTreeMap, HashSet};

/// Most keys with more than one row that are kept.
pub const MOST_COPIES: usize = 10_000;

/// Rows of keys that are listed more than once. Its memory grows with the page, not with the
/// listing.
#[derive(Clone, Debug, Default)]
pub struct Copies {
    /// Keys of this page; none of a database, which has no pages.
    page: Option<HashSet<u64>>,
    /// Keys of the page before.
    page_before: HashSet<u64>,
    /// Keys with more than one row, as many as are kept.
    pub keys: BTreeMap<u64, CopyPlaces>,
    /// Number of keys with more than one row.
    pub count: u64,
    /// Number of rows that repeat a row of the page before, and none of their own page.
    pub border_repeats: u64,
}

/// Places of the rows of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CopyPlaces {
    /// True if two rows stand within one page, or in a database.
    pub within: bool,
    /// Number of rows that repeat a row of the page before, and none of their own page.
    pub border: u64,
    /// True if two rows stand on pages that are not neighbours.
    pub far: bool,
}

impl CopyPlaces {
    /// True if an inclusive cursor explains all copies.
    pub fn is_border_only(self) -> bool {
        self.border > 0 && !self.within && !self.far
    }
}

impl Copies {
    /// Begins a listing. Its first page has none before it.
    pub fn begin_listing(&mut self) {
        self.page = Some(HashSet::new());
        self.page_before.clear();
    }

    /// Begins a page.
    pub fn begin_page(&mut self) {
        let page = self.page.get_or_insert_default();
        std::mem::swap(page, &mut self.page_before);
        page.clear();
    }

    /// Keys with two rows within a page, or in a database.
    pub fn within(&self) -> impl Iterator<Item = u64> {
        self.keys.iter().filter(|(_, places)| places.within).map(|(ordinal, _)| *ordinal)
    }

    /// Takes a row of a key that was seen this often before.
    pub(super) fn take(&mut self, ordinal: u64, seen_before: u8) {
        let is_first_of_page = self.page.as_mut().is_some_and(|page| page.insert(ordinal));
        if seen_before == 0 {
            return;
        }
        let is_within = !is_first_of_page;
        self.count += u64::from(seen_before == 1);
        let is_border = !is_within && self.page_before.contains(&ordinal);
        self.border_repeats += u64::from(is_border);
        if self.keys.len() < MOST_COPIES || self.keys.contains_key(&ordinal) {
            let places = self.keys.entry(ordinal).or_default();
            places.within |= is_within;
            places.border += u64::from(is_border);
            places.far |= !is_within && !is_border;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(pages: &[&[u64]]) -> Copies {
        let mut copies = Copies::default();
        let mut seen = BTreeMap::<u64, u8>::new();
        copies.begin_listing();
        for page in pages {
            copies.begin_page();
            for ordinal in *page {
                let times = seen.entry(*ordinal).or_default();
                copies.take(*ordinal, *times);
                *times = (*times + 1).min(3);
            }
        }
        copies
    }

    #[test]
    fn an_inclusive_cursor_repeats_a_row_of_the_page_before() {
        let copies = listed(&[&[1, 2, 3], &[3, 4, 5], &[5, 6]]);
        assert_eq!((copies.count, copies.border_repeats), (2, 2));
        assert!(copies.keys.values().all(|places| places.is_border_only()));
    }

    #[test]
    fn two_rows_within_a_page_are_two_rows() {
        let copies = listed(&[&[1, 2, 2], &[2, 3]]);
        assert_eq!(copies.keys[&2], CopyPlaces { within: true, border: 1, far: false });
        let copies = listed(&[&[1, 2], &[3, 4], &[1, 5]]);
        assert_eq!(copies.keys[&1], CopyPlaces { within: false, border: 0, far: true });
        assert_eq!(copies.border_repeats, 0);
    }

    #[test]
    fn a_database_has_no_pages() {
        let mut copies = Copies::default();
        (0..3).for_each(|seen| copies.take(7, seen));
        assert_eq!(copies.keys[&7], CopyPlaces { within: true, border: 0, far: false });
        assert_eq!((copies.count, copies.page), (1, None));
    }
}
