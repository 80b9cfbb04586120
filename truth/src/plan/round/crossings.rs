//! Keys that stand in several requests of one group, which therefore leave together.

use std::ops::Range;

/// Search for the groups of a round in which a key stands in two requests.
pub(super) struct Crossings {
    /// Keys that are new in this round.
    own: Range<u64>,
    /// For each of these keys, the request that held it last, counted from one.
    met_in: Vec<u32>,
    /// Earlier keys of one group, each with its request.
    earlier: Vec<(u64, u32)>,
}

impl Crossings {
    pub(super) fn new(own: Range<u64>) -> Self {
        let met_in = vec![0; (own.end - own.start) as usize];
        Self { own, met_in, earlier: Vec::new() }
    }

    /// True if a key stands in two of these requests of one group. `keys` returns those of a request.
    pub(super) fn are_in<'r>(&mut self, requests: Range<u32>, keys: impl Fn(u32) -> &'r [u64]) -> bool {
        let low = requests.start;
        self.earlier.clear();
        for request in requests {
            for ordinal in keys(request) {
                if self.own.contains(ordinal) {
                    let last = &mut self.met_in[(ordinal - self.own.start) as usize];
                    if *last > low && *last != request + 1 {
                        return true;
                    }
                    *last = request + 1;
                } else {
                    self.earlier.push((*ordinal, request));
                }
            }
        }
        self.earlier.sort_unstable();
        self.earlier.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1)
    }
}
