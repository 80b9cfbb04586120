//! What a verdict rests on: the files of one or more runs and of one observation, opened and checked for being of a
//! piece.

use std::path::PathBuf;

use thiserror::Error;
use truth::files::FolderError;
use truth::observed::Observed;
use truth::observed::counters::Counters;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::record::baseline::Baseline;
use truth::record::ending::LedgerEnd;
use truth::record::faults::{self, Struck};
use truth::record::folder::RunFolder;
use truth::record::ledger::merge::Merge;
use truth::record::ledger::reader::SegmentReader;
use truth::record::ledger::{Frame, Header};
use truth::record::manifest::Manifest;
use truth::record::polls;
use truth::scenario::promises::Promises;

use crate::books::polled::Polled;
use crate::books::walk::WalkError;

/// One run folder, opened.
#[derive(Clone, Debug)]
pub struct Run {
    /// Where it is.
    pub folder: RunFolder,
    /// What was resolved.
    pub manifest: Manifest,
    /// What the target said before.
    pub baseline: Option<Baseline>,
    /// What it said meanwhile, and right after.
    pub polled: Polled,
    /// What was to be done to the target, and was.
    pub faults: Vec<Struck>,
    /// Whether the sender came to its end, with all that it sent on record.
    pub has_ended: bool,
}

/// Why runs cannot be judged together.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// It is too early.
    #[error("{} is still running since {since}; wait for loadgen to end", path.display())]
    Running {
        /// The folder.
        path: PathBuf,
        /// When it began.
        since: String,
    },
    /// An observation with another number of keys.
    #[error("the observation in {} is not of this run's keys; remove it and verify again", path.display())]
    OtherKeys {
        /// The run folder.
        path: PathBuf,
    },
    /// Different runs.
    #[error("{} and {} are not parts of one run", first.display(), second.display())]
    Apart {
        /// One folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Run {
    /// Opens a run folder that nobody writes to any more.
    pub fn open(folder: RunFolder) -> Result<Self, EvidenceError> {
        let manifest = folder.manifest()?;
        if folder.is_running() {
            let since = manifest.started_utc.to_string();
            return Err(EvidenceError::Running { path: folder.path().to_path_buf(), since });
        }
        let baseline = Baseline::load(&folder)?;
        let mut polled = Polled::new(baseline.as_ref(), &manifest.scenario.promises, manifest.shard);
        polls::for_each(&folder, |poll| polled.take(&poll))?;
        let faults = Struck::of(&manifest, faults::read(&folder)?);
        let has_ended = LedgerEnd::read(&folder)?.is_some_and(LedgerEnd::is_orderly);
        Ok(Self { folder, manifest, baseline, polled, faults, has_ended })
    }

    /// A file that was written before the first send, and is not here.
    fn gone(&self) -> Option<PathBuf> {
        let lanes = 0..u16::try_from(self.manifest.lanes).unwrap_or(u16::MAX);
        let segments = lanes.map(|lane| self.folder.segment(lane));
        let baseline = Baseline::path(&self.folder);
        segments.chain([baseline]).find(|path| !path.exists())
    }

    /// Whether the polls that were made under load are all here, if there were to be any.
    fn polls_end(&self) -> bool {
        let is_polled = self.baseline.as_ref().is_some_and(|baseline| baseline.stats.is_some());
        !is_polled || !self.has_ended || self.polled.has_end
    }
}

/// Where a ledger's frames come from.
#[derive(Clone, Debug)]
pub enum Frames {
    /// Segments on disk, each of the run with this index.
    Files(Vec<(PathBuf, usize)>),
    /// Frames at hand, in the order of time, all of one segment.
    Memory(Vec<Frame>),
}

impl Frames {
    /// For each segment, which run it is of.
    pub fn runs(&self) -> Vec<usize> {
        match self {
            Self::Files(segments) => segments.iter().map(|(_, run)| *run).collect(),
            Self::Memory(_) => vec![0],
        }
    }

    /// The file of a segment.
    pub fn path(&self, segment: usize) -> PathBuf {
        match self {
            Self::Files(segments) => segments[segment].0.clone(),
            Self::Memory(_) => PathBuf::from("the ledger"),
        }
    }

    /// Calls `take` with every frame and its segment, in the order of time; returns the bytes of torn tails.
    pub fn for_each(
        &self,
        mut take: impl FnMut(usize, &Frame) -> Result<(), WalkError>,
    ) -> Result<u64, WalkError> {
        match self {
            Self::Files(segments) => {
                let paths: Vec<PathBuf> = segments.iter().map(|(path, _)| path.clone()).collect();
                let mut merge = Merge::open(&paths)?;
                for merged in &mut merge {
                    let merged = merged?;
                    take(merged.segment, &merged.frame)?;
                }
                Ok(merge.torn_bytes())
            }
            Self::Memory(frames) => {
                for frame in frames {
                    take(0, frame)?;
                }
                Ok(0)
            }
        }
    }
}

/// Everything that the judge looks at, and nothing else.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// What was sent.
    pub plan: Plan,
    /// What it looks like.
    pub events: Events,
    /// What the target claims.
    pub promises: Promises,
    /// Which keys are judged.
    pub keys: std::ops::Range<u64>,
    /// What happened.
    pub frames: Frames,
    /// Whether requests can have been under way at once.
    pub can_race: bool,
    /// Whether all runs' clocks can be compared.
    pub one_clock: bool,
    /// A file of a run that is gone: what it told is not known.
    pub gone: Option<PathBuf>,
    /// For each run, whether its sender came to its end, and so has closed its ledger.
    pub ended: Vec<bool>,
    /// Whether the polls of all runs are as many as were made.
    pub polls_end: bool,
    /// Whether time ended the runs, and so no count was to be reached.
    pub ended_by_time: bool,
    /// Shards of the run that are not here.
    pub missing_shards: u32,
    /// What the target said before the first send; the same for all runs, or not there.
    pub baseline: Option<Baseline>,
    /// Why there is no baseline although runs have one.
    pub baselines_differ: bool,
    /// What the target said right after the last answer.
    pub closing: Option<Counters>,
    /// What it said meanwhile, run by run.
    pub polled: Vec<Polled>,
    /// What was to be done to the target meanwhile, and was.
    pub faults: Vec<Struck>,
    /// What the target showed.
    pub observed: Observed,
    /// What it had shown before `verify` sent.
    pub earlier: Option<Observed>,
}

impl Evidence {
    /// Puts runs and an observation together.
    pub fn assemble(
        runs: &[Run],
        observed: Observed,
        earlier: Option<Observed>,
    ) -> Result<Self, EvidenceError> {
        let first = &runs[0];
        let (plan, promises) = (first.manifest.plan.clone(), first.manifest.scenario.promises.clone());
        let mut segments = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            if run.manifest.plan != plan {
                let (first, second) = (first.folder.path().to_path_buf(), run.folder.path().to_path_buf());
                return Err(EvidenceError::Apart { first, second });
            }
            segments.extend(run.folder.segments()?.into_iter().map(|path| (path, index)));
        }
        let keys = plan.keys().unwrap_or_else(|| observed.presence.keys());
        if [Some(&observed), earlier.as_ref()].into_iter().flatten().any(|look| !look.is_of(keys)) {
            return Err(EvidenceError::OtherKeys { path: first.folder.path().to_path_buf() });
        }
        let headers = headers(&segments);
        let one_clock = one_clock(runs, &headers);
        let ended_by_time = plan.total.is_none();
        let baseline = common_baseline(runs, one_clock, &headers);
        let shards: std::collections::HashSet<u32> =
            runs.iter().map(|run| run.manifest.shard.index).collect();
        Ok(Self {
            events: Events::new(&plan),
            keys: 0..keys,
            plan,
            promises,
            can_race: runs.iter().any(|run| run.manifest.concurrency > run.manifest.lanes),
            one_clock,
            gone: runs.iter().find_map(Run::gone),
            ended: runs.iter().map(|run| run.has_ended).collect(),
            polls_end: runs.iter().all(Run::polls_end),
            ended_by_time,
            missing_shards: first.manifest.shard.of.saturating_sub(shards.len() as u32),
            baselines_differ: baseline.is_none() && runs.iter().any(|run| run.baseline.is_some()),
            baseline,
            polled: runs.iter().map(|run| run.polled.clone()).collect(),
            closing: latest(runs),
            frames: Frames::Files(segments),
            faults: runs.iter().flat_map(|run| run.faults.clone()).collect(),
            observed,
            earlier,
        })
    }
}

/// How all segments begin. What cannot be read here will be said when it is booked.
fn headers(segments: &[(PathBuf, usize)]) -> Vec<Header> {
    let header = |(path, _): &(PathBuf, usize)| match SegmentReader::open(path).ok()?.next()?.ok()? {
        Frame::Header(header) => Some(header),
        _ => None,
    };
    segments.iter().filter_map(header).collect()
}

/// Whether all that was sent, by the runs and by `verify` after them, was timed by one clock.
fn one_clock(runs: &[Run], headers: &[Header]) -> bool {
    let boot_id = &runs[0].manifest.machine.boot_id;
    runs.iter().all(|run| run.manifest.machine.boot_id == *boot_id)
        && headers.iter().all(|header| header.boot_id == *boot_id)
}

/// The baseline that serves all runs: that of each if they agree, else the earliest if it was taken before any of them
/// sent.
fn common_baseline(runs: &[Run], one_clock: bool, headers: &[Header]) -> Option<Baseline> {
    let first = runs[0].baseline.as_ref()?;
    let agrees = |run: &Run| run.baseline.as_ref().is_some_and(|baseline| baseline.agrees_with(first));
    if runs.iter().all(agrees) {
        return Some(first.clone());
    }
    let begun = headers.iter().map(|header| header.monotonic_ns).min()?;
    let taken: Option<Vec<(u64, &Baseline)>> =
        runs.iter().map(|run| run.baseline.as_ref().and_then(|one| Some((one.taken_ns?, one)))).collect();
    let (taken_ns, earliest) = taken?.into_iter().min_by_key(|(taken_ns, _)| *taken_ns)?;
    (one_clock && taken_ns <= begun).then(|| earliest.clone())
}

/// The closing poll. Of several, the one that counts most: the others came while a sibling still sent.
fn latest(runs: &[Run]) -> Option<Counters> {
    let closings: Option<Vec<&Counters>> = runs.iter().map(|run| run.polled.closing.as_ref()).collect();
    closings?.into_iter().max_by_key(|counters| counters.received).cloned()
}
