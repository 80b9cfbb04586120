//! What a target said of itself under load, beside what the sender knew at that moment.

use serde::{Deserialize, Serialize};
use truth::files::FolderError;
use truth::plan::shard::Shard;
use truth::record::folder::RunFolder;
use truth::scenario::promises::{Counters as CounterPromise, Promises};

use crate::baseline::Baseline;
use crate::judge::epochs::{Epochs, Reading};
use crate::judge::under_load::UnderLoad;
use crate::lines::{self, LineWriter};
use crate::observe::stats::Counters;

/// The file's name in the run folder.
const FILE: &str = "polls.ndjson";

/// One line of `polls.ndjson`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Poll {
    /// Monotonic time when the question was sent.
    pub t_sent_ns: u64,
    /// Monotonic time when the answer was there.
    pub t_answered_ns: u64,
    /// Attempts acknowledged before the question was sent.
    pub acked: u64,
    /// Of these, told to be new.
    pub told_new: u64,
    /// Of these, told to be duplicates.
    pub told_duplicate: u64,
    /// Attempts begun before the answer was there.
    pub started: u64,
    /// The counters, if they could be read.
    pub stats: Option<Counters>,
    /// Why they could not.
    pub error: Option<String>,
    /// Whether this poll was taken after the last answer of the run.
    pub closing: bool,
}

/// Begins the file of a run's polls.
pub fn create(folder: &RunFolder) -> Result<LineWriter, FolderError> {
    LineWriter::create(folder.file(FILE))
}

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

/// Calls `take` with the polls of a run, one by one; with none if there is no file. A last line that was not finished is
/// left out.
pub fn for_each(folder: &RunFolder, take: impl FnMut(Poll)) -> Result<(), FolderError> {
    lines::for_each(&folder.file(FILE), take)
}
