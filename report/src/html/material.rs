//! Material of the page: what a verdict does not hold, read once from the run folders.

use std::collections::BTreeMap;

use foldhash::HashSet;
use judge::evidence::{Evidence, Run};
use judge::history::histories;
use judge::verdict::{Attempt, CheckId, Judgement};
use truth::files::FolderError;
use truth::observed::Observed;
use truth::observed::presence::Presence;
use truth::plan::event::Events;
use truth::record::ending::CheckedThreshold;
use truth::record::manifest::Manifest;
use truth::record::series::{Series, SeriesWalk};
use truth::record::trouble::Trouble;

use super::counters::Readings;
use crate::fault::FaultSpan;

/// Most topics of the table.
const MOST_TOPICS: usize = 50;

/// Most keys whose topics are counted, which takes some nanoseconds each.
const MOST_KEYS: u64 = 1_000_000;

/// Material of the page.
#[derive(Clone, Debug)]
pub struct Material<'a> {
    /// Attempts over time.
    pub(super) series: Series,
    /// Reason why the ledger could not be read to its end.
    pub(super) series_unread: Option<String>,
    /// Counters of the target under load, of the first run that polled them.
    pub(super) readings: Readings,
    pub(super) faults: Vec<FaultSpan>,
    pub(super) observed: &'a Observed,
    pub(super) trouble: Trouble,
    pub(super) thresholds: Vec<CheckedThreshold>,
    pub(super) topics: Vec<TopicCount>,
    pub(super) topics_left_out: usize,
    pub(super) manifest: Manifest,
    /// True if the wall clocks of several boots time the attempts.
    pub(super) clocks_are_several: bool,
    /// Number of runs that were judged together.
    pub(super) shards: usize,
    /// Keys that others were taken for, by the numbers of those others.
    pub(super) twins: BTreeMap<u64, Twin>,
}

/// Key that another one was taken for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Twin {
    pub(super) ordinal: u64,
    pub(super) topic: String,
    pub(super) event_id: String,
    pub(super) attempts: Vec<Attempt>,
}

/// Keys of a topic.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct TopicCount {
    pub(super) name: String,
    /// Keys of the plan; none where they are not counted.
    pub(super) keys: Option<u64>,
    /// Of these, keys that the last look showed.
    pub(super) shown: Option<u64>,
}

impl<'a> Material<'a> {
    /// Gathers the material of runs of which this evidence gave this verdict. Where the ledger cannot
    /// be read to its end, the charts end there, too.
    pub fn gather(
        verdict: &Judgement,
        evidence: &'a Evidence,
        runs: &[Run],
        thresholds: Vec<CheckedThreshold>,
    ) -> Result<Self, FolderError> {
        let clocks = evidence.frames.clocks();
        let run_of = evidence.frames.runs();
        let segment_of = |run: usize| run_of.iter().position(|one| *one == run).unwrap_or(0);
        let mut walk = SeriesWalk::new(&evidence.plan, clocks.clone());
        let walked = evidence.for_each_frame(|segment, frame| {
            walk.take(segment, frame);
            Ok(())
        });
        let mut readings = Readings::default();
        let mut faults = Vec::new();
        for (nth, run) in runs.iter().enumerate() {
            let segment = segment_of(nth);
            let since = |t: u64| clocks.since_us(segment, t);
            faults.extend(FaultSpan::all_of(&run.faults, since));
            if readings.points.is_empty() {
                readings = Readings::of(&run.folder, &run.manifest, run.baseline.as_ref(), since)?;
            }
        }
        let (twins, unread) = twins(verdict, evidence);
        let topics = topics(&evidence.events, evidence.keys.end, &evidence.observed.presence);
        Ok(Self {
            series_unread: walked.err().map(|error| truth::chain::chain(&error)).or(unread),
            readings,
            faults,
            series: walk.finish(),
            clocks_are_several: clocks.are_several(),
            observed: &evidence.observed,
            trouble: evidence.trouble.clone(),
            thresholds,
            topics_left_out: evidence.events.topics().len().saturating_sub(topics.len()),
            topics,
            manifest: runs[0].manifest.clone(),
            shards: runs.len(),
            twins,
        })
    }
}

/// Reads the attempts of the keys that others were taken for. Returns also the reason why the ledger
/// could not be read.
fn twins(verdict: &Judgement, evidence: &Evidence) -> (BTreeMap<u64, Twin>, Option<String>) {
    let merged = verdict.checks.iter().filter(|check| check.name == CheckId::KeyMerged);
    let merged = merged.flat_map(|check| &check.findings).filter_map(|finding| finding.ordinal);
    let pairs: Vec<(u64, u64)> = merged.map(|ordinal| (ordinal, ordinal ^ 1)).collect();
    let wanted: HashSet<u64> = pairs.iter().map(|(_, twin)| *twin).collect();
    let mut attempts = match histories(evidence, &wanted) {
        Ok(attempts) => attempts,
        Err(error) => return (BTreeMap::new(), Some(truth::chain::chain(&error))),
    };
    let events = &evidence.events;
    let twin = |(ordinal, twin): (u64, u64)| {
        let (topic, event_id) = (events.topic(twin).to_owned(), events.id_text(twin));
        let attempts = attempts.remove(&twin).unwrap_or_default();
        (ordinal, Twin { ordinal: twin, topic, event_id, attempts })
    };
    (pairs.into_iter().map(twin).collect(), None)
}

/// Counts the keys of each topic, if there are not too many.
fn topics(events: &Events, keys: u64, presence: &Presence) -> Vec<TopicCount> {
    let names = events.topics();
    let are_counted = keys <= MOST_KEYS && keys <= presence.keys();
    let mut counts = vec![(0_u64, 0_u64); names.len()];
    for ordinal in (0..keys).filter(|_| are_counted) {
        let (keys, shown) = &mut counts[events.topic_index(ordinal)];
        *keys += 1;
        *shown += u64::from(presence.seen(ordinal) > 0);
    }
    let counted = names.iter().zip(counts).take(MOST_TOPICS).map(|(name, (keys, shown))| TopicCount {
        name: name.clone(),
        keys: are_counted.then_some(keys),
        shown: are_counted.then_some(shown),
    });
    counted.collect()
}
