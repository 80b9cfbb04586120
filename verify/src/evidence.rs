//! What a verdict rests on: the files of one or more runs and of one observation, opened and checked for being of a
//! piece.

use std::path::PathBuf;

use thiserror::Error;
use truth::event::Events;
use truth::folder::{FolderError, Manifest, RunFolder};
use truth::ledger::Frame;
use truth::ledger::merge::Merge;
use truth::ledger::reader::SegmentReader;
use truth::plan::Plan;
use truth::promises::Promises;

use crate::baseline::Baseline;
use crate::faults::{self, Struck};
use crate::judge::walk::WalkError;
use crate::observe::stats::Counters;
use crate::observed::Observed;
use crate::polls::{self, Polled};

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
        Ok(Self { folder, manifest, baseline, polled, faults })
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
    /// A segment of a run that is not here: what it told is not known.
    pub missing_segment: Option<PathBuf>,
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
        let (mut segments, mut missing_segment) = (Vec::new(), None);
        for (index, run) in runs.iter().enumerate() {
            if run.manifest.plan != plan {
                let (first, second) = (first.folder.path().to_path_buf(), run.folder.path().to_path_buf());
                return Err(EvidenceError::Apart { first, second });
            }
            let lanes = 0..u16::try_from(run.manifest.lanes).unwrap_or(u16::MAX);
            let missing = lanes.map(|lane| run.folder.segment(lane)).find(|path| !path.exists());
            missing_segment = missing_segment.or(missing);
            segments.extend(run.folder.segments()?.into_iter().map(|path| (path, index)));
        }
        let keys = plan.keys().unwrap_or_else(|| observed.presence.keys());
        if [Some(&observed), earlier.as_ref()].into_iter().flatten().any(|look| !look.is_of(keys)) {
            return Err(EvidenceError::OtherKeys { path: first.folder.path().to_path_buf() });
        }
        let agree = |run: &Run| match (&run.baseline, &first.baseline) {
            (Some(one), Some(another)) => one.agrees_with(another),
            (one, another) => one.is_none() && another.is_none(),
        };
        let alike = runs.iter().all(agree);
        let shards: std::collections::HashSet<u32> =
            runs.iter().map(|run| run.manifest.shard.index).collect();
        Ok(Self {
            events: Events::new(&plan),
            keys: 0..keys,
            plan,
            promises,
            can_race: runs.iter().any(|run| run.manifest.concurrency > run.manifest.lanes),
            one_clock: one_clock(runs, &segments),
            missing_segment,
            missing_shards: first.manifest.shard.of.saturating_sub(shards.len() as u32),
            baseline: first.baseline.clone().filter(|_| alike),
            baselines_differ: !alike,
            polled: runs.iter().map(|run| run.polled.clone()).collect(),
            closing: latest(runs),
            frames: Frames::Files(segments),
            faults: runs.iter().flat_map(|run| run.faults.clone()).collect(),
            observed,
            earlier,
        })
    }
}

/// Whether all that was sent, by the runs and by `verify` after them, was timed by one clock.
fn one_clock(runs: &[Run], segments: &[(PathBuf, usize)]) -> bool {
    let boot_id = &runs[0].manifest.machine.boot_id;
    let of_another_boot = |(path, _): &(PathBuf, usize)| {
        // What cannot be read here will be said when it is booked.
        let first = SegmentReader::open(path).ok().and_then(|mut frames| frames.next()?.ok());
        matches!(first, Some(Frame::Header(header)) if header.boot_id != *boot_id)
    };
    runs.iter().all(|run| run.manifest.machine.boot_id == *boot_id) && !segments.iter().any(of_another_boot)
}

/// The closing poll. Of several, the one that counts most: the others came while a sibling still sent.
fn latest(runs: &[Run]) -> Option<Counters> {
    let closings: Option<Vec<&Counters>> = runs.iter().map(|run| run.polled.closing.as_ref()).collect();
    closings?.into_iter().max_by_key(|counters| counters.received).cloned()
}
