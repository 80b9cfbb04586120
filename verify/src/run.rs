//! Judgement of a run: open its folders, observe the target, judge, report.

use std::path::{Path, PathBuf};

use judge::books::tally::Tally;
use judge::books::walk::WalkError;
use judge::evidence::{Evidence, EvidenceError, Run};
use judge::facts::{Facts, book};
use judge::numbers::grouped;
use judge::resend::{Lists, Wish, hangs_on_sentinels};
use judge::total_loss::wants_another_list;
use judge::try_judge;
use judge::verdict::{Judgement, Reason, Verdict, undecided};
use reader::client::{ClientError, TargetClient};
use reader::console::{print_result, say};
use reader::database::{DatabaseReader, DatabaseUrlError};
use reader::process::{ProcessError, TargetProcess};
use reader::reach::SecretError;
use reader::signals::Signals;
use thiserror::Error;
use truth::chain::chain;
use truth::clock::boot_id;
use truth::exit;
use truth::files::{FolderError, read_json, write_json, write_whole};
use truth::observed::Observed;
use truth::observed::sentinels::Sentinels;
use truth::plan::shard::Shard;
use truth::record::ending::CheckedThreshold;
use truth::record::folder::{Lock, RunFolder};
use truth::record::ledger::LedgerError;
use truth::record::manifest::FolderFormat;
use truth::record::seal::{check_look, is_look, seal_look};
use truth::target::{Target, TargetError};

use crate::cli::{Format, Options};
use crate::observe::{Wanted, observe};
use crate::resend::{self, ResendError};
use commands::ForeignCommand;

mod commands;
mod opened;
mod sentinels;

/// Reason why there is no verdict.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The run folders cannot be judged.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A folder cannot be read or written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The target's URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// The target cannot be reached as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The database cannot be read as it is described.
    #[error(transparent)]
    Database(#[from] DatabaseUrlError),
    /// The target could not be reached.
    #[error(
        "cannot reach {target}, so there is no verdict: {reason}; start the target, or name another one with --target"
    )]
    Unreachable {
        /// URL of the target.
        target: String,
        /// Cause.
        reason: String,
    },
    /// An attempt to send again could not be recorded.
    #[error("stopped sending again: a request could not be recorded")]
    Resend(#[from] ResendError),
    /// The target of the run could not be started again.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The run folder of somebody else names what is not done unasked.
    #[error(transparent)]
    Foreign(#[from] ForeignCommand),
    /// The ledger cannot be read to its end.
    #[error("the ledger cannot be read")]
    Walk(#[from] WalkError),
    /// A closed segment of the ledger is not as it was written.
    #[error(transparent)]
    Altered(#[from] LedgerError),
    /// The run sent no events.
    #[error("{} sent the same request every time, and no events: there is nothing to judge", path.display())]
    NoEvents {
        /// Run folder.
        path: PathBuf,
    },
    /// `--offline` after keys were sent again and the target was not read since.
    #[error("observation {observation} in {} is from before the last keys were sent again; run verify without --offline while the target is up", path.display())]
    NotObservedSince {
        /// Run folder.
        path: PathBuf,
        /// Number of the newest observation.
        observation: u32,
    },
    /// A listing that drains was read before.
    #[error("the listing shows each row once, and observation {observation} in {} took its rows; judge it again with --offline", path.display())]
    Drained {
        /// Run folder.
        path: PathBuf,
        /// Number of the newest observation.
        observation: u32,
    },
    /// `--offline` without an observation.
    #[error("{} holds no complete observation; run verify without --offline while the target is up", path.display())]
    NothingObserved {
        /// Run folder.
        path: PathBuf,
    },
}

impl VerifyError {
    /// Exit code, as documented.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Evidence(_)
            | Self::Altered(_)
            | Self::Folder(_)
            | Self::Mapping(_)
            | Self::Client(_)
            | Self::Secret(_)
            | Self::Foreign(_)
            | Self::Database(_) => exit::USAGE,
            Self::Resend(_) => exit::NOT_WRITTEN,
            Self::Walk(_) => exit::UNKNOWN,
            Self::NothingObserved { .. }
            | Self::NotObservedSince { .. }
            | Self::Drained { .. }
            | Self::NoEvents { .. } => exit::VOID,
            Self::Unreachable { .. } | Self::Process(_) => exit::UNREACHABLE,
        }
    }
}

/// Judges a run, prints the report, and returns the exit code.
pub async fn run(options: Options) -> u8 {
    let verdict = tokio::select! {
        verdict = verdict(&options) => verdict,
        () = interrupted() => {
            say("interrupted: no verdict");
            return exit::INTERRUPTED;
        }
    };
    match verdict {
        Ok(verdict) => {
            let text = match options.format {
                Format::Text if options.premises => {
                    let premises = report::text::premise_table(&verdict);
                    format!("{}\n{premises}", report::text::render(&verdict))
                }
                Format::Text => report::text::render(&verdict),
                Format::Json => format!("{}\n", report::json::render(&verdict)),
            };
            print_result(&text, verdict.verdict.exit_code())
        }
        Err(error) => {
            say(&format!("verify: {}", chain(&error)));
            error.exit_code()
        }
    }
}

async fn interrupted() {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        // Without handlers, the default action ends the process.
        Err(_) => std::future::pending().await,
    }
}

/// Judges a run, and writes the verdict to its folder.
pub async fn verdict(options: &Options) -> Result<Judgement, VerifyError> {
    let runs = opened::open(options)?;
    if let Some(run) = runs.iter().find(|run| run.manifest.scenario.request.is_some()) {
        return Err(VerifyError::NoEvents { path: run.folder.path().to_path_buf() });
    }
    let _locks = lock(options, &runs)?;
    if options.offline {
        let (observation, observed) = newest_observation(&runs[0])?;
        let earlier = observed.stats.follows.map(|n| load_observation(&runs[0], n)).transpose()?;
        let evidence = Evidence::assemble(&runs, observed, earlier)?;
        return Ok(finish(judged(&evidence)?, observation, &runs));
    }
    commands::permit_query(options, &runs[0])?;
    commands::permit_sending(options, &runs[0], &target(options, &runs)?)?;
    commands::permit_requests(options, &runs[0])?;
    let process = start_target(options, &runs).await?;
    let verdict = online(options, &runs).await;
    if let Some(mut process) = process {
        process.terminate().await?;
    }
    verdict
}

/// Reads the target, sends what was asked for, and judges. A ledger that cannot be read leaves it
/// undecided.
async fn online(options: &Options, runs: &[Run]) -> Result<Judgement, VerifyError> {
    match Box::pin(looks(options, runs)).await {
        Ok(Judged { verdict, number, .. }) => Ok(finish(verdict, number.unwrap_or(0), runs)),
        Err(VerifyError::Walk(error)) => Ok(finish(unread(error)?, 0, runs)),
        Err(error) => Err(error),
    }
}

/// Looks at the target, and once more after anything was sent. Each look is saved and judged before
/// the next byte leaves.
async fn looks(options: &Options, runs: &[Run]) -> Result<Judged, VerifyError> {
    let drains = target(options, runs)?.listing.drains;
    if drains && let Ok((observation, _)) = newest_observation(&runs[0]) {
        let path = runs[0].folder.path().to_path_buf();
        return Err(VerifyError::Drained { path, observation });
    }
    let mut judged = save_and_judge(runs, look(options, runs).await?, None)?;
    if drains {
        if options.resolve || options.replay.is_some() {
            say(
                "note: nothing is sent again: the listing shows each row once, so no further look would see it",
            );
        }
        return Ok(judged);
    }
    if options.sentinels && hangs_on_sentinels(&judged.verdict) {
        judged = Box::pin(look_with_sentinels(options, runs, judged)).await?;
        if hangs_on_sentinels(&judged.verdict) && wants_another_list(&Facts::gather(&judged.evidence)?) {
            judged = Box::pin(look_with_sentinels(options, runs, judged)).await?;
        }
    }
    let wish = Wish { resolve: options.resolve, replay: options.replay };
    if !wish.sends() {
        return Ok(judged);
    }
    if judged.verdict.verdict == Verdict::Fail {
        options.notes().say("note: nothing is sent again: that could hide what is missing now");
        return Ok(judged);
    }
    if send_again(options, &wish, runs, &judged.evidence).await? {
        judged = Box::pin(look_again(options, runs, judged, None)).await?;
    }
    Ok(judged)
}

/// Observation that was saved and judged.
struct Judged {
    evidence: Evidence,
    verdict: Judgement,
    /// Number of the observation; none if it could not be saved.
    number: Option<u32>,
}

/// Saves and judges an observation. `earlier` is the one before events were sent.
fn save_and_judge(
    runs: &[Run],
    observed: Observed,
    earlier: Option<Observed>,
) -> Result<Judged, VerifyError> {
    let number = save_observation(&runs[0], &observed);
    let evidence = Evidence::assemble(runs, observed, earlier)?;
    Ok(Judged { verdict: judged(&evidence)?, evidence, number })
}

/// Sends sentinels and looks again, if there are any to send.
async fn look_with_sentinels(options: &Options, runs: &[Run], before: Judged) -> Result<Judged, VerifyError> {
    match send_sentinels(options, runs, &before.evidence).await? {
        Some(sentinels) => Box::pin(look_again(options, runs, before, Some(sentinels))).await,
        None => Ok(before),
    }
}

/// Looks again after events were sent, `sentinels` among them if there are any.
async fn look_again(
    options: &Options,
    runs: &[Run],
    before: Judged,
    sentinels: Option<Sentinels>,
) -> Result<Judged, VerifyError> {
    let earlier = before.evidence.observed;
    let mut again = look(options, runs).await?;
    again.stats.follows = before.number;
    again.sentinels = match sentinels {
        Some(mut sentinels) => {
            sentinels::note_fallen(&mut sentinels, &earlier.presence, &again.presence);
            Some(sentinels)
        }
        None => earlier.sentinels.clone(),
    };
    save_and_judge(runs, again, Some(earlier))
}

/// Sends sentinels, after a look that is saved, and looks for them.
async fn send_sentinels(
    options: &Options,
    runs: &[Run],
    evidence: &Evidence,
) -> Result<Option<Sentinels>, VerifyError> {
    let first = &runs[0];
    let database = database(options, runs)?;
    let (tally, _) = book(evidence)?;
    let client = client(options, &target(options, runs)?)?;
    let sending = sentinels::Sending {
        client: &client,
        folder: &first.folder,
        shard: first.manifest.shard,
        timeout: first.manifest.scenario.load.timeout,
        evidence,
        wanted: &wanted(options, evidence, &tally, database.as_ref()),
    };
    Ok(sending.send().await?)
}

/// Starts the target again if the scenario of the run started it and nothing listens at its
/// address.
async fn start_target(options: &Options, runs: &[Run]) -> Result<Option<TargetProcess>, VerifyError> {
    let target = target(options, runs)?;
    let Some(process) = target.process.clone() else { return Ok(None) };
    let endpoint = target.endpoint()?;
    if TargetProcess::is_up(&endpoint).await {
        return Ok(None);
    }
    commands::permit_process(options, &runs[0], &process)?;
    options.notes().say(&format!(
        "note: starting the target again, as the run's scenario says: {}",
        commands::line(&process)
    ));
    let log = runs[0].folder.file(&process.log);
    let client = client(options, &target)?;
    Ok(Some(TargetProcess::start(process, client, endpoint, log).await?))
}

/// Locks all runs: exclusively if events are sent again, which the ledger records.
fn lock(options: &Options, runs: &[Run]) -> Result<Vec<Lock>, VerifyError> {
    let mut locks = Vec::new();
    for run in runs {
        if options.sends() {
            locks.push(run.folder.lock_to_send()?);
        } else {
            locks.extend(run.folder.lock_to_read()?);
        }
    }
    Ok(locks)
}

/// Sends again what was asked for, after a first look. Returns true if there was anything to send.
async fn send_again(
    options: &Options,
    wish: &Wish,
    runs: &[Run],
    evidence: &Evidence,
) -> Result<bool, VerifyError> {
    let notes = options.notes();
    let lists = Lists::choose(wish, &Facts::gather(evidence)?);
    for reason in &lists.withheld {
        notes.say(&format!("note: {reason}"));
    }
    if lists.is_empty() {
        notes.say("note: there is nothing to send again");
        return Ok(false);
    }
    let resolve = grouped(lists.resolve.len() as u64);
    let replay = grouped(lists.replay.len() as u64);
    notes.say(&format!(
        "sending again: {resolve} keys whose attempts are all unknown, {replay} acknowledged keys"
    ));
    let client = client(options, &target(options, runs)?)?;
    let timeout = runs[0].manifest.scenario.load.timeout;
    resend::send(&client, &runs[0].folder, evidence, timeout, &lists).await?;
    Ok(true)
}

fn newest_observation(run: &Run) -> Result<(u32, Observed), VerifyError> {
    let folder = &run.folder;
    let is_complete = |n: &u32| is_look(&folder.observation(*n));
    let path = folder.path().to_path_buf();
    let Some(observation) = folder.observations().into_iter().rev().find(is_complete) else {
        return Err(VerifyError::NothingObserved { path });
    };
    let observed = load_observation(run, observation)?;
    // A `verify` that was interrupted after it sent has not seen what became of that.
    let segments = folder.segments()?.len() as u32;
    if observed.stats.segments.is_some_and(|known| known < segments) {
        return Err(VerifyError::NotObservedSince { path, observation });
    }
    Ok((observation, observed))
}

/// Reads an observation, which must be as it was written.
fn load_observation(run: &Run, n: u32) -> Result<Observed, FolderError> {
    let path = run.folder.observation(n);
    if run.format == FolderFormat::Sealed {
        check_look(&path)?;
    }
    Observed::load(&path)
}

/// Reads the target. Where the ledger is damaged, nothing says which keys have to be there.
async fn look(options: &Options, runs: &[Run]) -> Result<Observed, VerifyError> {
    let target = target(options, runs)?;
    let url = target.url.clone();
    let client = client(options, &target)?;
    let blank = Observed::blank(&runs[0].manifest.plan, &url);
    let evidence = Evidence::assemble(runs, blank, None)?;
    let (tally, _) = book(&evidence)?;
    let database = database(options, runs)?;
    if !client.offers_stats() && !client.offers_listing() && database.is_none() {
        // There is nothing to read, so the responses alone are judged.
        return Ok(Observed::blank(&runs[0].manifest.plan, &url));
    }
    let wanted = wanted(options, &evidence, &tally, database.as_ref());
    match observe(&client, &wanted).await {
        Ok(mut observed) => {
            if boot_id() != runs[0].manifest.machine.boot_id {
                // Times of another clock than the run's say nothing.
                observed.stats.asked_ns = None;
                observed.stats.read_ns = None;
            }
            observed.stats.segments = Some(runs[0].folder.segments()?.len() as u32);
            Ok(observed)
        }
        Err(error) => Err(VerifyError::Unreachable { target: url, reason: chain(&error) }),
    }
}

fn wanted<'a>(
    options: &Options,
    evidence: &'a Evidence,
    tally: &'a Tally,
    database: Option<&'a DatabaseReader>,
) -> Wanted<'a> {
    Wanted {
        plan: &evidence.plan,
        promises: &evidence.promises,
        tally,
        baseline: evidence.baseline.as_ref(),
        database,
        looking: options.looking,
        notes: options.notes(),
    }
}

fn database(options: &Options, runs: &[Run]) -> Result<Option<DatabaseReader>, VerifyError> {
    Ok(DatabaseReader::new(runs[0].manifest.scenario.database.as_ref(), options.database.as_deref())?)
}

/// Judges what was read. A ledger that cannot be read makes the verdict UNKNOWN, unless it is not as
/// it was written.
fn judged(evidence: &Evidence) -> Result<Judgement, VerifyError> {
    try_judge(evidence).or_else(unread)
}

fn unread(error: WalkError) -> Result<Judgement, VerifyError> {
    match error {
        WalkError::Ledger(altered @ LedgerError::Altered { .. }) => Err(altered.into()),
        error => Ok(undecided(Reason::LedgerUnread { reason: chain(&error) })),
    }
}

fn target(options: &Options, runs: &[Run]) -> Result<Target, VerifyError> {
    let mut target = runs[0].manifest.scenario.target.clone();
    if let Some(url) = &options.target {
        target.retarget(url)?;
    }
    options.reach.outrank(&mut target.connect);
    Ok(target)
}

fn client(options: &Options, target: &Target) -> Result<TargetClient, VerifyError> {
    Ok(TargetClient::new(target, &options.reach.all_headers()?, &options.reach.proxy_login()?)?)
}

/// Saves an observation under the next number, and returns the number. If the folder cannot be
/// written, the verdict stands without the files.
fn save_observation(run: &Run, observed: &Observed) -> Option<u32> {
    let save = || {
        let n = run.folder.begin_observation()?;
        let path = run.folder.observation(n);
        observed.save(&path)?;
        if run.format == FolderFormat::Sealed {
            seal_look(&path)?;
        }
        Ok(n)
    };
    let saved = save();
    let number = saved.as_ref().ok().copied();
    warn_unwritten(saved.map(drop), run.folder.path());
    number
}

fn finish(mut verdict: Judgement, observation: u32, runs: &[Run]) -> Judgement {
    let manifest = &runs[0].manifest;
    verdict.observation = observation;
    verdict.runs = runs.iter().map(|run| run.folder.path().display().to_string()).collect();
    if verdict.target.is_empty() {
        verdict.target.clone_from(&manifest.scenario.target.url);
    }
    commands::rerun(&manifest.rerun).clone_into(&mut verdict.rerun);
    let folder = &runs[0].folder;
    tell_of_failure_before(&verdict, folder);
    let written = write_json(&folder.file("verdict.json"), &verdict).and_then(|()| {
        let junit = report::junit::render(&verdict, &thresholds(runs)?);
        write_whole(&folder.file("junit.xml"), junit.as_bytes())
    });
    warn_unwritten(written, folder.path());
    verdict
}

/// Returns the thresholds of the loads, which each run has checked.
fn thresholds(runs: &[Run]) -> Result<Vec<CheckedThreshold>, FolderError> {
    let mut all = Vec::new();
    for run in runs {
        let Shard { index, of } = run.manifest.shard;
        let named = |mut checked: CheckedThreshold| {
            if of > 1 {
                checked.threshold.push_str(&format!(" (shard {index}/{of})"));
            }
            checked
        };
        all.extend(CheckedThreshold::read_all(&run.folder)?.into_iter().map(named));
    }
    Ok(all)
}

/// Says if an earlier observation was a FAIL and this one is not: the verdict does not count it,
/// but it was seen.
fn tell_of_failure_before(verdict: &Judgement, folder: &RunFolder) {
    let Ok(before) = read_json::<Judgement>(&folder.file("verdict.json")) else { return };
    let is_another = before.observation != verdict.observation;
    if is_another && before.verdict == Verdict::Fail && verdict.verdict != Verdict::Fail {
        let reason = before.reasons.first().map(ToString::to_string).unwrap_or_default();
        say(&format!(
            "warning: observation {} was a FAIL ({reason}); this one does not show it",
            before.observation
        ));
    }
}

fn warn_unwritten(written: Result<(), FolderError>, folder: &Path) {
    if let Err(error) = written {
        say(&format!("warning: cannot write the results to {}: {}", folder.display(), chain(&error)));
    }
}
