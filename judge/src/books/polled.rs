//! Polls of a run, reduced as they are read: only what a check needs is kept.

use truth::observed::counters::Counters;
use truth::plan::shard::Shard;
use truth::record::baseline::Baseline;
use truth::record::polls::Poll;
use truth::scenario::promises::{Counters as CounterPromise, Promises};

use super::epochs::{Epochs, Reading};
use super::under_load::UnderLoad;

/// What the polls of one run come to; the polls themselves are read in passing and not kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Polled {
    /// What the target said right after the last answer.
    pub closing: Option<Counters>,
    /// The first answer that does not add up.
    pub torn: Option<Counters>,
    /// Each answer beside what the sender knew; none without a baseline, or where other shards sent meanwhile.
    pub under_load: Option<UnderLoad>,
    /// The answers one after the other.
    pub epochs: Epochs,
    /// Whether the last of them is the one that a run ends with.
    pub has_end: bool,
    promised: CounterPromise,
}

impl Polled {
    /// Nothing polled yet, of a run that had this baseline and promises, and sent this shard of its plan.
    pub fn new(baseline: Option<&Baseline>, promises: &Promises, shard: Shard) -> Self {
        let before = baseline.and_then(|baseline| Some((baseline.asked_ns, baseline.stats.clone()?)));
        let alone = before.as_ref().filter(|_| shard.of == 1);
        let under_load = alone.map(|(_, before)| UnderLoad::new(before, promises));
        let mut epochs = Epochs::new(promises.counters);
        if let Some((asked_ns, counters)) = before {
            epochs.take(Reading { asked_ns, answered_ns: asked_ns, counters });
        }
        Self { closing: None, torn: None, under_load, epochs, has_end: false, promised: promises.counters }
    }

    /// Takes the next poll.
    pub fn take(&mut self, poll: &Poll) {
        self.has_end = poll.closing;
        self.closing = poll.stats.clone().filter(|_| poll.closing);
        let Some(counters) = &poll.stats else { return };
        if counters.adds_up() == Some(false) {
            self.torn.get_or_insert_with(|| counters.clone());
        }
        let (asked_ns, answered_ns) = (Some(poll.t_sent_ns), Some(poll.t_answered_ns));
        self.epochs.take(Reading { asked_ns, answered_ns, counters: counters.clone() });
        // Counters that start again from zero do not go on from the baseline.
        let goes_on = self.promised == CounterPromise::Persistent || self.epochs.is_one();
        if let Some(under_load) = self.under_load.as_mut().filter(|_| goes_on) {
            under_load.take(poll, counters);
        }
    }
}
