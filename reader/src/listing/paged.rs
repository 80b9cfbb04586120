//! Course of a whole listing.

use super::rows::Shown;
use crate::client::ReadError;

/// Course of a whole listing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paged {
    /// Number of pages.
    pub pages: u64,
    /// True if a next page showed further rows.
    pub went_on: bool,
    /// Rows of the longest listing, if topics are listed one by one.
    pub longest: u64,
    /// Rows of each topic, if topics are listed one by one.
    pub lengths: Vec<u64>,
    /// Rows of topics that were not asked for.
    pub of_others: u64,
    /// Rows of the longest page.
    pub longest_page: u64,
    /// Reason why a request after the last page failed.
    pub left_open: Option<String>,
    /// Number of rows with an id.
    with_id: u64,
    /// First row without one; none if each has one.
    without_id: Option<WithoutId>,
}

/// Row without an id.
#[derive(Clone, PartialEq, Eq, Debug)]
struct WithoutId {
    /// URL of its page.
    url: String,
    /// Reason why it has none.
    reason: String,
}

impl Paged {
    /// Notes which rows of a page have an id.
    pub(super) fn note_ids(&mut self, rows: &[Shown], url: &str) {
        for shown in rows {
            match &shown.lacks_id {
                None => self.with_id += 1,
                Some(reason) => {
                    let first = || WithoutId { url: url.to_owned(), reason: reason.clone() };
                    self.without_id.get_or_insert_with(first);
                }
            }
        }
    }

    /// Fails if rows were shown, and none has an id: the scenario names the wrong field. A row without
    /// an id beside others is somebody else's.
    pub(super) fn demand_ids(&self) -> Result<(), ReadError> {
        match &self.without_id {
            Some(WithoutId { url, reason }) if self.with_id == 0 => {
                Err(ReadError::Shape { url: url.clone(), reason: reason.clone() })
            }
            _ => Ok(()),
        }
    }

    /// True if the listing may end early: it never had a next page, and the target counts more rows
    /// than were `shown`.
    pub fn looks_capped(&self, shown: u64, counted: Option<u64>) -> bool {
        !self.went_on && counted.is_some_and(|counted| counted > shown)
    }
}

#[cfg(test)]
mod tests {
    use truth::target::Listing;

    use super::super::rows::rows;
    use super::*;

    #[test]
    fn rows_without_an_id_are_somebody_elses_unless_none_has_one() {
        let keys = "path = \"/e\"\nnext = \"none\"\nfields = { topic = \"t\", event_id = \"id\" }";
        let listing: Listing = toml::from_str(keys).unwrap();
        let reading = listing.reading(None).unwrap().expect("a path");
        let paged = |pages: &[&str]| {
            let mut paged = Paged::default();
            for page in pages {
                paged.note_ids(&rows(page.as_bytes(), &reading, None).unwrap().shown, "/e");
            }
            paged
        };
        let strange = r#"[{"t":"a","key":"x"},{"n":7}]"#;
        let own = r#"[{"t":"a","id":"1"}]"#;
        for pages in [&[own][..], &[strange, own], &["[]"], &[]] {
            assert!(paged(pages).demand_ids().is_ok(), "{pages:?}");
        }
        let error = paged(&["[]", strange]).demand_ids().unwrap_err();
        assert!(truth::chain::chain(&error).contains("no field `id`"), "{error}");
    }
}
