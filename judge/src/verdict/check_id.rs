//! Names of the checks.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Name of a check: kebab-case in files and reports. [`crate::checks::REGISTRY`] has the rest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the registry says when each fails and what it needs")]
pub enum CheckId {
    Lost,
    KeyMerged,
    Stranger,
    WrongTopic,
    ScopeLeak,
    ForeignLost,
    ListingUnsound,
    StoredTwice,
    RejectedButStored,
    PayloadChanged,
    WrongWinner,
    AnswerOrder,
    AnswerSum,
    BatchCounts,
    RepeatRefused,
    TornBatch,
    InvalidTaken,
    RoutesDisagree,
    Counters,
    Epochs,
    Liveness,
    Stillness,
    Replay,
}

impl CheckId {
    /// Text of the name, as in `verdict.json`.
    pub fn text(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::KeyMerged => "key-merged",
            Self::Stranger => "stranger",
            Self::WrongTopic => "wrong-topic",
            Self::ScopeLeak => "scope-leak",
            Self::ForeignLost => "foreign-lost",
            Self::ListingUnsound => "listing-unsound",
            Self::StoredTwice => "stored-twice",
            Self::RejectedButStored => "rejected-but-stored",
            Self::PayloadChanged => "payload-changed",
            Self::WrongWinner => "wrong-winner",
            Self::AnswerOrder => "answer-order",
            Self::AnswerSum => "answer-sum",
            Self::BatchCounts => "batch-counts",
            Self::RepeatRefused => "repeat-refused",
            Self::TornBatch => "torn-batch",
            Self::InvalidTaken => "invalid-taken",
            Self::RoutesDisagree => "routes-disagree",
            Self::Counters => "counters",
            Self::Epochs => "epochs",
            Self::Liveness => "liveness",
            Self::Stillness => "stillness",
            Self::Replay => "replay",
        }
    }
}

impl fmt::Display for CheckId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.text())
    }
}
