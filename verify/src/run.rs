//! Judgement of a run: open its folders, observe the target, judge, report.

use std::collections::BTreeSet;

use judge::books::tally::Tally;
use judge::evidence::{Evidence, Run};
use judge::facts::{Facts, book};
use judge::numbers::grouped;
use judge::resend::{Lists, Wish, hangs_on_sentinels};
use judge::total_loss::wants_another_list;
use judge::verdict::{Judgement, Verdict};
use reader::client::TargetClient;
use reader::console::say;
use reader::database::DatabaseReader;
use reader::invocation::{Program, called};
use reader::process::TargetProcess;
use reader::signals::Signals;
use truth::chain::chain;
use truth::clock::boot_id;
use truth::exit;
use truth::files::is_stdout;
use truth::observed::Observed;
use truth::observed::sentinels::Sentinels;
use truth::record::folder::Lock;
use truth::record::manifest::FolderFormat;
use truth::record::seal::seal_look;
use truth::target::Target;

use crate::cli::{Format, Options};
use crate::observe::{Wanted, observe};
use crate::resend;
pub use error::VerifyError;
pub(crate) use offline::{Offline, offline};
use offline::{demand_events, judged, judged_again, newest_observation, unread};
use outputs::{Finished, finish, warn_unwritten};

mod commands;
mod error;
mod offline;
mod opened;
mod outputs;
mod sentinels;

/// Judges a run, prints the report, and returns the exit code.
pub async fn run(options: Options) -> u8 {
    let verdict = tokio::select! {
        verdict = finished(&options) => verdict,
        () = interrupted() => {
            say("interrupted: no verdict");
            return exit::INTERRUPTED;
        }
    };
    match verdict {
        Ok(finished) => outputs::print(&options, &finished),
        Err(error) => {
            say(&format!("{}: {}", called(Program::Verify), chain(&error)));
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
    finished(options).await.map(|finished| finished.verdict)
}

async fn finished(options: &Options) -> Result<Finished, VerifyError> {
    if let Some(path) = options.report.as_ref().filter(|path| is_stdout(path))
        && options.format == Format::Json
    {
        return Err(VerifyError::TwoOutputs { path: path.clone() });
    }
    let runs = opened::open(options)?;
    demand_events(&runs)?;
    if options.offline {
        let _locks = lock(options, &runs)?;
        let Offline { runs, evidence, verdict, observation } = judged_again(runs)?;
        return Ok(finish(verdict, observation, &runs, &evidence));
    }
    let _locks = lock(options, &runs)?;
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
async fn online(options: &Options, runs: &[Run]) -> Result<Finished, VerifyError> {
    match Box::pin(looks(options, runs)).await {
        Ok(Judged { verdict, number, evidence }) => Ok(finish(verdict, number.unwrap_or(0), runs, &evidence)),
        Err(VerifyError::Walk(error)) => {
            let blank = Observed::blank(&runs[0].manifest.plan, &target(options, runs)?.url);
            let evidence = Evidence::assemble(runs, blank, None)?;
            Ok(finish(unread(error)?, 0, runs, &evidence))
        }
        Err(error) => Err(error),
    }
}

/// Looks at the target, and once more after anything was sent. Each look is saved and judged before
/// the next byte leaves.
async fn looks(options: &Options, runs: &[Run]) -> Result<Judged, VerifyError> {
    let drains = target(options, runs)?.listing.drains;
    if drains {
        permit_draining(runs)?;
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

/// Refuses to take the rows of a listing that drains if an earlier look took them, or if a shard that
/// needs them is missing.
fn permit_draining(runs: &[Run]) -> Result<(), VerifyError> {
    for run in runs {
        if let Ok((observation, _)) = newest_observation(run) {
            return Err(VerifyError::Drained { path: run.folder.path().to_path_buf(), observation });
        }
    }
    let given: BTreeSet<u32> = runs.iter().map(|run| run.manifest.shard.index).collect();
    let expected = runs[0].manifest.shard.of;
    if given.len() < expected as usize {
        return Err(VerifyError::DrainsForAll { given: given.len(), expected });
    }
    Ok(())
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
                observed.stats.ended_ns = None;
            }
            observed.stats.segments = Some(runs[0].folder.segments()?.len() as u32);
            Ok(observed)
        }
        Err(error) => {
            let url = error.unreachable_url().filter(|at| !target.is_at(at)).map_or(url, str::to_owned);
            let is_target = target.is_at(&url);
            let was_observed = !runs[0].folder.observations().is_empty();
            Err(VerifyError::Unreachable { url, reason: chain(&error), is_target, was_observed })
        }
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
