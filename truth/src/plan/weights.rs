//! Weights of the ways in which duplicates are placed.

use serde::{Deserialize, Serialize};

/// Shares of the ways in which the duplicates of a round are placed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "WrittenWeights", into = "WrittenWeights")]
pub struct Weights {
    /// Weight of copies in one request.
    pub in_batch: u32,
    /// Weight of copies in other requests of the group, which leave together.
    pub concurrent: u32,
    /// Weight of copies in the next requests.
    pub next: u32,
    /// Weight of copies of a key of an earlier round.
    pub delayed: u32,
    /// Weight of copies of whole requests.
    pub request: u32,
}

/// Weights as files have them: the last one only if there is one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenWeights {
    OfEvents([u32; 4]),
    OfRequestsToo([u32; 5]),
}

impl From<WrittenWeights> for Weights {
    fn from(written: WrittenWeights) -> Self {
        match written {
            WrittenWeights::OfEvents(weights) => weights.into(),
            WrittenWeights::OfRequestsToo([in_batch, concurrent, next, delayed, request]) => {
                Self { in_batch, concurrent, next, delayed, request }
            }
        }
    }
}

impl From<Weights> for WrittenWeights {
    fn from(weights: Weights) -> Self {
        let Weights { in_batch, concurrent, next, delayed, request } = weights;
        match request {
            0 => Self::OfEvents([in_batch, concurrent, next, delayed]),
            _ => Self::OfRequestsToo([in_batch, concurrent, next, delayed, request]),
        }
    }
}

impl From<[u32; 4]> for Weights {
    fn from([in_batch, concurrent, next, delayed]: [u32; 4]) -> Self {
        Self { in_batch, concurrent, next, delayed, request: 0 }
    }
}

impl Weights {
    /// Returns the sum of all.
    pub fn total(&self) -> u64 {
        self.of_events() + u64::from(self.request)
    }

    /// Returns the sum of those of single events.
    pub fn of_events(&self) -> u64 {
        [self.in_batch, self.concurrent, self.next, self.delayed].into_iter().map(u64::from).sum()
    }

    /// True if whole requests are repeated, and nothing else.
    pub fn is_of_requests(&self) -> bool {
        self.request > 0 && self.of_events() == 0
    }
}
