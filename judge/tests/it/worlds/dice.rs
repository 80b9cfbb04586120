//! Dice: the random numbers of a world, the same for one seed on every machine.

use truth::plan::rng::{derived, scale};

/// Source of random numbers.
pub(super) struct Dice {
    seed: u64,
    thrown: u64,
}

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// Returns any number.
    pub(super) fn any(&mut self) -> u64 {
        self.thrown += 1;
        derived(self.seed, self.thrown)
    }

    /// Returns a number in `0..bound`; zero for a bound of zero.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        scale(self.any(), bound)
    }

    /// Returns a number between both, and including both.
    pub(super) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// Returns true in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns one of these.
    pub(super) fn pick<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.below(these.len() as u64) as usize].clone()
    }
}
