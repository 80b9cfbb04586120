//! Polls of a run, reduced as they are read to what a check needs.

use truth::observed::counters::Counters;
use truth::plan::shard::Shard;
use truth::record::baseline::Baseline;
use truth::record::polls::Poll;
use truth::scenario::promises::Promises;

use super::epochs::{Epochs, Reading};
use super::under_load::UnderLoad;

/// Polls of one run, reduced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polled {
    /// Counters right after the last response.
    pub closing: Option<Counters>,
    /// The first counters that do not add up.
    pub torn: Option<Counters>,
    /// Counters beside what the sender knew; none without a baseline, or if other shards sent too.
    pub under_load: Option<UnderLoad>,
    /// Counters one after the other.
    pub epochs: Epochs,
    /// Set when the last poll is the closing one.
    pub has_end: bool,
    goes_on: bool,
}

impl Polled {
    /// Starts without a poll, for a run with this baseline, these promises and this shard of its
    /// plan.
    pub fn new(baseline: Option<&Baseline>, promises: &Promises, shard: Shard) -> Self {
        let before = baseline.and_then(|baseline| Some((baseline.asked_ns, baseline.stats.clone()?)));
        let alone = before.as_ref().filter(|_| shard.of == 1);
        let under_load = alone.map(|(_, before)| UnderLoad::new(before, promises));
        let mut epochs = Epochs::new(promises.counts_on());
        if let Some((asked_ns, counters)) = before {
            epochs.take(Reading { asked_ns, answered_ns: asked_ns, counters });
        }
        Self { closing: None, torn: None, under_load, epochs, has_end: false, goes_on: promises.counts_on() }
    }

    /// Takes the next poll.
    pub fn take(&mut self, poll: &Poll) {
        self.has_end = poll.closing;
        self.closing = poll.stats.clone().filter(|_| poll.closing);
        let Some(counters) = &poll.stats else { return };
        if counters.adds_up() == Some(false) {
            self.torn.get_or_insert_with(|| counters.clone());
        }
        self.epochs.take(Reading {
            asked_ns: Some(poll.t_sent_ns),
            answered_ns: Some(poll.t_answered_ns),
            counters: counters.clone(),
        });
        // Counters that start again from zero do not go on from the baseline.
        let goes_on = self.goes_on || self.epochs.is_one();
        if let Some(under_load) = self.under_load.as_mut().filter(|_| goes_on) {
            under_load.take(poll, counters);
        }
    }
}
