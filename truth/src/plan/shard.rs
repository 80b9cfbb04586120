//! Shards: parts of one run that are sent from several places, and the identity that they share.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One part of a run that is sent from several places.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(from = "[u32; 2]", into = "[u32; 2]")]
pub struct Shard {
    /// Number of this shard, from 1 to `of`.
    pub index: u32,
    /// Number of shards.
    pub of: u32,
}

impl From<[u32; 2]> for Shard {
    fn from([index, of]: [u32; 2]) -> Self {
        Self { index, of }
    }
}

impl From<Shard> for [u32; 2] {
    fn from(shard: Shard) -> Self {
        [shard.index, shard.of]
    }
}

impl Shard {
    /// Shard of a run that has only one.
    pub const WHOLE: Shard = Shard { index: 1, of: 1 };

    /// Returns the round that this shard sends as its `nth`, counted from zero.
    pub fn round(&self, nth: u64) -> u64 {
        nth.saturating_mul(u64::from(self.of)).saturating_add(u64::from(self.index - 1))
    }
}

/// Returns the nonce of a run id: the first eight bytes of its SHA-256.
pub fn nonce_of_run_id(run_id: &str) -> u64 {
    leading(run_id.as_bytes())
}

/// Returns the seed of a run id without a seed of its own, so that all shards agree.
pub fn seed_of_run_id(run_id: &str) -> u32 {
    let mut salted = b"seed:".to_vec();
    salted.extend_from_slice(run_id.as_bytes());
    (leading(&salted) >> 32) as u32
}

fn leading(bytes: &[u8]) -> u64 {
    let digest = Sha256::digest(bytes);
    let first: [u8; 8] = digest[..8].try_into().expect("32 bytes have 8 first ones");
    u64::from_be_bytes(first)
}
