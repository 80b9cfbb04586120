//! Evidence: the files of one or more runs and of one observation, opened and checked to belong
//! together.

use std::path::PathBuf;

use foldhash::HashSet;
use thiserror::Error;
use truth::files::FolderError;
use truth::observed::Observed;
use truth::observed::counters::Counters;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::plan::shard::Shard;
use truth::plan::trace::{Departure, Traces};
use truth::record::baseline::Baseline;
use truth::record::clocks::Clocks;
use truth::record::ending::LedgerEnd;
use truth::record::faults::{self, Struck};
use truth::record::folder::RunFolder;
use truth::record::ledger::merge::Merge;
use truth::record::ledger::reader::{self, SegmentReader};
use truth::record::ledger::{Frame, Header, LedgerError, Scope};
use truth::record::manifest::{FolderFormat, Manifest};
use truth::record::polls;
use truth::record::seal::check_run;
use truth::record::trouble::Trouble;
use truth::scenario::promises::Promises;
use truth::target::answer::Outcome;
use truth::target::{Listing, Next, Paging, RowOrder, Target};

use crate::books::ages::Looked;
use crate::books::polled::Polled;
use crate::books::walk::WalkError;

/// One run folder, opened.
#[derive(Clone, Debug)]
pub struct Run {
    /// The folder.
    pub folder: RunFolder,
    /// Content of `run.json`.
    pub manifest: Manifest,
    /// Format of the folder, which says the release that wrote it.
    pub format: FolderFormat,
    /// Counters and listing before the run.
    pub baseline: Option<Baseline>,
    /// Counters during the run, and right after it.
    pub polled: Polled,
    /// Planned faults, and their records.
    pub faults: Vec<Struck>,
    /// Reasons why requests have no usable response, as the sender tells them.
    pub trouble: Trouble,
    /// Set when the sender came to its end, with all of its requests on record.
    pub has_ended: bool,
    /// Addresses of the target that connections went to; empty where that is not known.
    pub addresses: Vec<String>,
    /// Set when only time ends the run. Its plan has no count as it is written; whoever judges it
    /// ends the plan after the last round that was opened.
    pub ended_by_time: bool,
}

/// Cause for which runs cannot be judged together.
#[derive(Debug, Error)]
pub enum EvidenceError {
    /// A folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A closed segment of the ledger is not as it was written.
    #[error(transparent)]
    Altered(#[from] LedgerError),
    /// A run still goes on.
    #[error("{} is still running since {since}; wait for loadgen to end", path.display())]
    Running {
        /// The folder.
        path: PathBuf,
        /// Moment of its start.
        since: String,
    },
    /// An observation with another number of keys.
    #[error("the observation in {} is not of this run's keys; remove it and verify again", path.display())]
    OtherKeys {
        /// The run folder.
        path: PathBuf,
    },
    /// Different runs.
    #[error("{} and {} are not parts of one run: judge each by itself, or name only the shards of one run", first.display(), second.display())]
    Apart {
        /// One folder.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
}

impl Run {
    /// Opens a run folder that nobody writes to any more, and whose files are as they were written.
    pub fn open(folder: RunFolder) -> Result<Self, EvidenceError> {
        let manifest = folder.manifest()?;
        if folder.is_running() {
            let since = manifest.started_utc.to_string();
            return Err(EvidenceError::Running { path: folder.path().to_path_buf(), since });
        }
        let is_sealed = check_run(&folder, manifest.lanes)?;
        let format = manifest.format();
        let baseline = Baseline::load(&folder)?;
        let mut polled = Polled::new(baseline.as_ref(), &manifest.promises(), manifest.shard);
        polls::for_each(&folder, format, |poll| polled.take(&poll))?;
        let faults = Struck::of(&manifest, faults::read(&folder, format)?);
        let trouble = Trouble::read(&folder)?;
        let end = LedgerEnd::read(&folder)?;
        let is_orderly = end.as_ref().is_some_and(LedgerEnd::is_orderly);
        // Nobody here can see where a proxy leads.
        let direct = end.filter(|_| manifest.scenario.target.connect.proxy.is_none());
        let addresses = direct.map(LedgerEnd::addresses_used).unwrap_or_default();
        let has_ended = is_orderly && (is_sealed || format == FolderFormat::Unsealed);
        let ended_by_time = manifest.plan.total.is_none();
        Ok(Self {
            folder,
            manifest,
            format,
            baseline,
            polled,
            faults,
            trouble,
            has_ended,
            addresses,
            ended_by_time,
        })
    }

    /// Finds a file that was written before the first send, and is missing.
    fn gone(&self) -> Option<PathBuf> {
        let lanes = 0..u16::try_from(self.manifest.lanes).unwrap_or(u16::MAX);
        let segments = lanes.map(|lane| self.folder.segment(lane));
        let baseline = Baseline::path(&self.folder);
        segments.chain([baseline]).find(|path| !path.exists())
    }

    /// Returns true if no poll under load is missing.
    fn polls_end(&self) -> bool {
        let is_polled = self.baseline.as_ref().is_some_and(|baseline| baseline.stats.is_some());
        !is_polled || !self.has_ended || self.polled.has_end
    }
}

/// Source of the frames of a ledger.
#[derive(Clone, Debug)]
pub enum Frames {
    /// Segments on disk, each of the run with this index.
    Files(Vec<(PathBuf, usize)>),
    /// Frames at hand, in the order of time, all of one segment.
    Memory(Vec<Frame>),
}

impl Frames {
    /// For each segment, the index of its run.
    pub fn runs(&self) -> Vec<usize> {
        match self {
            Self::Files(segments) => segments.iter().map(|(_, run)| *run).collect(),
            Self::Memory(_) => vec![0],
        }
    }

    /// Clocks of the segments. A segment without a readable header has that of the earliest.
    pub fn clocks(&self) -> Clocks {
        match self {
            Self::Files(segments) => {
                let headers: Vec<_> = segments.iter().map(|(path, _)| reader::header(path)).collect();
                Clocks::of(&headers)
            }
            Self::Memory(frames) => match frames.first() {
                Some(Frame::Header(header)) => Clocks::of(&[Some(header.clone())]),
                first => Clocks::from(first.and_then(Frame::t).unwrap_or(0)),
            },
        }
    }

    /// File of a segment.
    pub fn path(&self, segment: usize) -> PathBuf {
        match self {
            Self::Files(segments) => segments[segment].0.clone(),
            Self::Memory(_) => PathBuf::from("the ledger"),
        }
    }

    /// Finds a closed segment that is not as it was written. All of it is read.
    pub fn altered(&self) -> Option<LedgerError> {
        let Self::Files(segments) = self else { return None };
        let errors =
            segments.iter().filter_map(|(path, _)| SegmentReader::open(path).ok()?.find_map(Result::err));
        errors.into_iter().find(|error| matches!(error, LedgerError::Altered { .. }))
    }

    /// True if some response acknowledges by its body.
    fn has_acknowledgement(&self) -> Result<bool, WalkError> {
        let fits =
            |frame: &Frame| matches!(frame, Frame::Done(done) if done.answer.outcome == Outcome::Acked);
        match self {
            Self::Files(segments) => {
                let paths: Vec<PathBuf> = segments.iter().map(|(path, _)| path.clone()).collect();
                let mut merge = Merge::open(&paths)?;
                let found = merge.find(|merged| merged.as_ref().is_ok_and(|merged| fits(&merged.frame)));
                Ok(found.is_some())
            }
            Self::Memory(frames) => Ok(frames.iter().any(fits)),
        }
    }

    /// Calls `take` with every frame and its segment, in the order of time, as they are recorded.
    /// Returns the number of torn bytes.
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
    /// Plan of the run.
    pub plan: Plan,
    /// Events of the plan.
    pub events: Events,
    /// Promises of the target.
    pub promises: Promises,
    /// Set when the listing is promised to show every stored event.
    pub listing_is_complete: bool,
    /// Set when the scenario names the path of the listing, which is then the right one.
    pub listing_is_named: bool,
    /// Set when a listing of one topic is promised to show no other.
    pub topic_is_heeded: bool,
    /// Set when the rows of a listing are promised to have an order.
    pub rows_have_an_order: bool,
    /// Set when the listing is described as one page.
    pub listing_is_one_page: bool,
    /// Set when a row that the listing has shown is not shown again.
    pub listing_drains: bool,
    /// Oldest format of the run folders. For a folder of 0.1 it decides which promises count as
    /// written.
    pub format: FolderFormat,
    /// Keys that are judged.
    pub keys: std::ops::Range<u64>,
    /// Ledgers of the runs.
    pub frames: Frames,
    /// Set when the status of an unclear response acknowledges where no response fits the target's
    /// description. Rules say what each status means, so beside them it never does.
    pub unclear_acknowledges: bool,
    /// Trace contexts of the requests; none if they had none.
    pub traces: Option<Traces>,
    /// Set when requests can have been under way at once.
    pub can_race: bool,
    /// Number of addresses of the target that connections went to; 0 where that is not known.
    pub addresses: usize,
    /// Set when all times are of one clock.
    pub one_clock: bool,
    /// End of the looking, by the clock of the requests; none if that is not known.
    pub looked: Option<Looked>,
    /// A file of a run that is missing.
    pub gone: Option<PathBuf>,
    /// For each run, true if its sender came to its end, and so has closed its ledger.
    pub ended: Vec<bool>,
    /// Set when no poll of any run is missing.
    pub polls_end: bool,
    /// Set when the runs were to last for a time, not for a count.
    pub ended_by_time: bool,
    /// Number of shards of the run that were not given.
    pub missing_shards: u32,
    /// For each run, the number of its shard; none where one shard sends all.
    pub shards: Vec<Option<u32>>,
    /// Counters and listing before the first send of any run.
    pub baseline: Option<Baseline>,
    /// Set when runs have baselines, and none serves all of them.
    pub baselines_differ: bool,
    /// Counters right after the last response.
    pub closing: Option<Counters>,
    /// Counters during each run.
    pub polled: Vec<Polled>,
    /// Planned faults of all runs, and their records.
    pub faults: Vec<Struck>,
    /// Reasons why requests have no usable response, as the senders tell them. Nothing rests on it.
    pub trouble: Trouble,
    /// Observation that is judged.
    pub observed: Observed,
    /// Observation before `verify` sent keys again.
    pub earlier: Option<Observed>,
}

/// True if a listing says that no page follows its first.
fn is_one_page(listing: &Listing) -> bool {
    match listing.next {
        Some(Next::None) => true,
        Some(_) => false,
        None => listing.paging == Some(Paging::None),
    }
}

impl Evidence {
    /// Puts runs and their observations together.
    pub fn assemble(
        runs: &[Run],
        observed: Observed,
        earlier: Option<Observed>,
    ) -> Result<Self, EvidenceError> {
        let first = &runs[0];
        let plan = first.manifest.plan.clone();
        let listing = &first.manifest.scenario.target.listing;
        let promises = first.manifest.promises();
        let format = runs.iter().map(|run| run.format).min().unwrap_or(first.format);
        let mut segments = Vec::new();
        for (index, run) in runs.iter().enumerate() {
            if run.manifest.plan != plan {
                let first = first.folder.path().to_path_buf();
                return Err(EvidenceError::Apart { first, second: run.folder.path().to_path_buf() });
            }
            segments.extend(run.folder.segments()?.into_iter().map(|path| (path, index)));
        }
        let keys = plan.keys().unwrap_or_else(|| observed.presence.keys());
        if [Some(&observed), earlier.as_ref()].into_iter().flatten().any(|look| !look.is_of(keys)) {
            return Err(EvidenceError::OtherKeys { path: first.folder.path().to_path_buf() });
        }
        let headers = headers(&segments);
        let one_clock = one_clock(runs, &headers);
        let baseline = common_baseline(runs, one_clock, &headers);
        let shards: HashSet<u32> = runs.iter().map(|run| run.manifest.shard.index).collect();
        Ok(Self {
            events: Events::new(&plan),
            listing_is_complete: listing.complete == Some(true),
            listing_is_named: listing.complete == Some(true)
                || listing.path != Target::default().listing.path,
            topic_is_heeded: listing.filter == Some(true),
            rows_have_an_order: listing.order.is_some_and(|order| order != RowOrder::None),
            listing_is_one_page: is_one_page(listing),
            listing_drains: listing.drains,
            keys: 0..keys,
            traces: first.manifest.scenario.load.trace.then(|| Traces::new(&plan)),
            plan,
            promises,
            format,
            can_race: runs.iter().any(|run| run.manifest.concurrency > run.manifest.lanes),
            addresses: runs.iter().flat_map(|run| &run.addresses).collect::<HashSet<_>>().len(),
            one_clock,
            looked: looked(&observed, &headers).filter(|_| one_clock),
            gone: runs.iter().find_map(Run::gone),
            ended: runs.iter().map(|run| run.has_ended).collect(),
            polls_end: runs.iter().all(Run::polls_end),
            ended_by_time: first.ended_by_time,
            shards: runs.iter().map(|run| run.manifest.shard).map(number_among_several).collect(),
            missing_shards: first.manifest.shard.of.saturating_sub(shards.len() as u32),
            baselines_differ: baseline.is_none() && runs.iter().any(|run| run.baseline.is_some()),
            baseline,
            polled: runs.iter().map(|run| run.polled.clone()).collect(),
            closing: latest(runs),
            frames: Frames::Files(segments),
            unclear_acknowledges: first.manifest.scenario.target.answers.is_empty(),
            faults: runs.iter().flat_map(|run| run.faults.clone()).collect(),
            trouble: Trouble::sum(runs.iter().map(|run| &run.trouble)),
            observed,
            earlier,
        })
    }

    /// Calls `take` with every frame and its segment, in the order of time, with the outcome that an
    /// unclear response has in this run. Returns the number of torn bytes.
    pub fn for_each_frame(
        &self,
        mut take: impl FnMut(usize, &Frame) -> Result<(), WalkError>,
    ) -> Result<u64, WalkError> {
        let mut meaning = None;
        self.frames.for_each(|segment, frame| match frame {
            Frame::Done(done) if done.answer.outcome == Outcome::Unclear => {
                let outcome = match meaning {
                    Some(outcome) => outcome,
                    None => *meaning.insert(self.meaning_of_unclear()?),
                };
                let mut done = done.clone();
                done.answer.outcome = outcome;
                take(segment, &Frame::Done(done))
            }
            _ => take(segment, frame),
        })
    }

    /// Outcome of an unclear response: unclear if another response acknowledges by its body.
    fn meaning_of_unclear(&self) -> Result<Outcome, WalkError> {
        let is_unclear = !self.unclear_acknowledges || self.frames.has_acknowledgement()?;
        Ok(if is_unclear { Outcome::Unclear } else { Outcome::Acked })
    }

    /// Returns the trace context of a try of a request that carries these keys; none if it had none.
    /// Of a request with several keys, any of them will do.
    pub fn traceparent(
        &self,
        scope: Scope,
        request: u32,
        try_number: u16,
        ordinals: &[u64],
    ) -> Option<String> {
        let traces = self.traces.as_ref()?;
        let traceparent = match scope {
            Scope::Round(round) => traces.of_request(Departure { round, request, try_number }, ordinals),
            Scope::Resend(list) => traces.of_listed(list, request, ordinals),
        };
        Some(traceparent.to_string())
    }
}

/// Returns the number of a shard; none if it is the only one.
fn number_among_several(shard: Shard) -> Option<u32> {
    (shard.of > 1).then_some(shard.index)
}

/// Headers of all segments. One that cannot be read is reported later, when the segment is booked.
fn headers(segments: &[(PathBuf, usize)]) -> Vec<Header> {
    segments.iter().filter_map(|(path, _)| reader::header(path)).collect()
}

/// Returns true if one clock timed all requests, of the runs and of `verify` after them.
fn one_clock(runs: &[Run], headers: &[Header]) -> bool {
    let boot_id = &runs[0].manifest.machine.boot_id;
    runs.iter().all(|run| run.manifest.machine.boot_id == *boot_id)
        && headers.iter().all(|header| header.boot_id == *boot_id)
}

/// End of the looking, by the clock of the requests; none if the observation does not tell.
fn looked(observed: &Observed, headers: &[Header]) -> Option<Looked> {
    let ended_ns = observed.stats.ended_ns?;
    let ended_utc_ms = observed.stats.ended_utc_ms?;
    let begun = headers.iter().min_by_key(|header| header.monotonic_ns)?;
    let by_wall_ms = u64::try_from(ended_utc_ms.checked_sub(begun.utc_ms)?).unwrap_or(0);
    let by_clock_ns = ended_ns.checked_sub(begun.monotonic_ns)?;
    let asleep_ns = by_wall_ms.saturating_mul(1_000_000).saturating_sub(by_clock_ns);
    Some(Looked { ended_ns, asleep_ns })
}

/// Baseline that serves all runs: that of each if they agree, else the earliest if it was taken
/// before any run sent.
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

/// Closing poll. Of several, the one that counts most: the others came while a sibling still sent.
fn latest(runs: &[Run]) -> Option<Counters> {
    let closings: Option<Vec<&Counters>> = runs.iter().map(|run| run.polled.closing.as_ref()).collect();
    closings?.into_iter().max_by_key(|counters| counters.received).cloned()
}
