//! Reasons why a request that was given leads nowhere.

use super::asking::Stop;

/// Reason why a request leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unmet {
    /// Nothing more is sent.
    Stopped(Stop),
    /// The target refuses it with fresh values. The text shows the first refusal.
    Refused(String),
    /// No request can be made of its texts. The text says why.
    Unmade(String),
}

impl From<Stop> for Unmet {
    fn from(stop: Stop) -> Self {
        Self::Stopped(stop)
    }
}
