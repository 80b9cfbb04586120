//! Keys that are listed without an attempt that can have stored them.

use foldhash::HashSet;
use truth::chain::chain;

use crate::books::keys::Class;
use crate::facts::Facts;
use crate::history;

/// Number of keys of a class that are looked at one by one.
const NAMED: usize = 100_000;

/// Listed keys, none of whose attempts was acknowledged or is unknown.
///
/// Those with a rejected attempt make `rejected-but-stored`, all others `stranger`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unaccounted {
    /// Number of keys without any attempt.
    pub(super) unattempted: u64,
    /// The first of them.
    pub(super) unattempted_keys: Vec<u64>,
    /// Keys with a rejected attempt.
    pub(super) rejected: Vec<u64>,
    /// Reason why the rejected ones could not be found.
    pub(super) unread: Option<String>,
}

impl Unaccounted {
    /// Reads the histories of the unaccounted keys, of 100,000 at most.
    pub(super) fn of(facts: &Facts<'_>) -> Self {
        let listing = &facts.evidence.observed.listing;
        if !listing.offered || listing.unread.is_some() || facts.evidence.missing_shards > 0 {
            return Self::default();
        }
        let class = facts.tally.keys.of_class(Class::Unaccounted, NAMED);
        let named: HashSet<u64> = class.keys.iter().copied().collect();
        let (has_rejected, unread) = match history::rejected_among(facts.evidence, &named) {
            Ok(keys) => (keys, None),
            Err(error) => (HashSet::default(), Some(chain(&error))),
        };
        let (rejected, unattempted_keys): (Vec<u64>, Vec<u64>) =
            class.keys.iter().partition(|ordinal| has_rejected.contains(ordinal));
        Self { unattempted: class.count - rejected.len() as u64, unattempted_keys, rejected, unread }
    }
}
