//! Random numbers of the plan, specified so that every machine and every version draws the same.
//!
//! ChaCha8 has the seed as its key and the round as its stream. Any round can be drawn directly,
//! and a specification fixes the numbers. `rand`'s own distributions may change their values, so
//! the bounded draw is ours.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Stream of draws for one purpose.
#[derive(Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// Returns the stream that fills a round of a plan with this seed.
    pub fn for_round(seed: u32, round: u64) -> Self {
        Self::stream(u64::from(seed), round)
    }

    /// Returns one stream of the generator with this key.
    pub fn stream(key: u64, stream: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&key.to_le_bytes());
        let mut generator = ChaCha8Rng::from_seed(bytes);
        generator.set_stream(stream);
        Self(generator)
    }

    /// Draws a number in `0..bound`, by multiply and shift: the bias is below `bound / 2^64`.
    ///
    /// `bound` must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        debug_assert!(bound > 0);
        scale(self.0.next_u64(), bound)
    }

    /// Shuffles `items` (Fisher and Yates, from the end).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.below(last as u64 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// Maps a uniform 64-bit number to `0..bound`.
pub fn scale(uniform: u64, bound: u64) -> u64 {
    ((u128::from(uniform) * u128::from(bound)) >> 64) as u64
}

/// Mixes a number with the finaliser of SplitMix64 (Steele, Lea, Flood 2014, variant 13): a fixed
/// permutation in which every input bit reaches every output bit.
pub fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Returns draw `index` of the SplitMix64 sequence that starts at `start`: several keys from one
/// number.
pub fn derived(start: u64, index: u64) -> u64 {
    mix(start.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index.wrapping_add(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_independent_and_stable() {
        let mut first = Draw::for_round(1, 0);
        let mut second = Draw::for_round(1, 1);
        let a: Vec<u64> = (0..4).map(|_| first.below(1 << 32)).collect();
        let b: Vec<u64> = (0..4).map(|_| second.below(1 << 32)).collect();
        assert_ne!(a, b);
        let again: Vec<u64> = {
            let mut draw = Draw::for_round(1, 0);
            (0..4).map(|_| draw.below(1 << 32)).collect()
        };
        assert_eq!(a, again);
    }

    #[test]
    fn derived_numbers_are_those_of_splitmix64() {
        // Published first outputs of SplitMix64 for seed 1234567.
        let published = [6_457_827_717_110_365_317_u64, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        for (index, expected) in published.into_iter().enumerate() {
            assert_eq!(derived(1_234_567, index as u64), expected);
        }
    }
}
