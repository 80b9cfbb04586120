//! Run from its beginning to its end.

mod announce;
mod conductor;
mod farewell;
mod faults;
mod files;
mod judged;
mod outcome;
mod poll;
pub(crate) mod preflight;
mod sending;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use conductor::until;
use jiff::Timestamp;
use outcome::Outcome;
use reader::client::TargetClient;
use reader::client::patience::Patience;
use reader::console::{Unprinted, print};
use reader::database::DatabaseReader;
use reader::invocation::{Program, called};
use reader::origin;
use reader::process::TargetProcess;
use reader::signals::Signals;
use sending::{Job, Reached};
use tokio::time::timeout;
use truth::chain::chain;
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::exit;
use truth::files::{is_stdout, write_whole};
use truth::plan::shard::Shard;
use truth::record::baseline::Baseline;
use truth::record::ending::Ending;
use truth::record::folder::{Lock, RunFolder};
use truth::record::ledger::writer::SegmentWriter;
use truth::record::manifest::{MANIFEST_VERSION, Machine, Manifest};
use truth::record::seal::seal_run;
use truth::scenario::Scenario;

use crate::beside::Kind;
use crate::command::settings::{LoadSettings, OutputSettings, Settings};
use crate::connection::dial::Dial;
use crate::connection::head::Fixed;
use crate::error::Failure;
use crate::executor::{Executor, Workload};
use crate::meter::latency::Latencies;
use crate::result::RunResult;
use crate::summary::Summary;
use crate::watch::live::Live;
use crate::watch::metrics;
use crate::watch::notice::Notices;

/// Longest time for the baseline: a target that accepts connections but does not respond is loaded
/// all the same.
const BASELINE_PATIENCE: Duration = Duration::from_secs(5);

/// Runs preflight, baseline, load and summary, and returns the exit code.
pub(crate) async fn run(settings: Settings, notices: Notices) -> Result<u8, Failure> {
    let Settings { load, target, output, .. } = &settings;
    files::raise_limit();
    let client = TargetClient::new(&load.scenario.target, &target.headers, &target.reach.proxy_login()?)?;
    let secrets = Arc::new(load.secrets()?.beside(client.kept()));
    let fixed = Fixed::of(&load.scenario, &target.endpoint, &target.headers, &secrets)?;
    let metrics = match &output.prometheus_addr {
        Some(address) => Some(metrics::listen(address, "--prometheus-addr").await?),
        None => None,
    };
    let live = match &settings.live {
        Some(address) => Some(metrics::listen(address, "--live").await?),
        None => None,
    };
    output.summary_export.as_deref().map_or(Ok(()), |path| try_out(path, output.json))?;
    let mut process = start_target(&settings, &client).await?;
    let addresses = preflight::reach(target, &load.scenario, &client).await?;
    preflight::open_session(&client).await?;
    let dial = Dial::new(target.connector.clone(), addresses.clone(), target.connect_timeout);
    let dial = Arc::new(dial);
    let beside = Kind::all(load, target, &dial).await?;
    if load.has_run_id && load.shard == Shard::WHOLE {
        preflight::refuse_sent_before(&client, &load.plan).await?;
    }
    if let Some(database) = &target.database {
        preflight::try_out(database, &load.plan, notices).await?;
    }
    let baseline = take_baseline(&client, target.database.as_ref(), load).await;

    let executors = load.executors();
    let workload = Workload::sum(&executors);
    files::compare(&workload, notices)?;
    // From here on, also process 1 of a container can be told to stop.
    let mut signals =
        Signals::listen().map_err(|source| Failure::System { action: "listen to signals", source })?;
    let start_ns = tokio::select! {
        start_ns = wait_for_start(settings.start_at, &executors, notices) => start_ns,
        () = signals.next() => {
            notices.warn("stopped before anything was sent");
            end_target(process, notices).await;
            return Ok(exit::INTERRUPTED);
        }
    };

    let manifest = manifest(load, &output.rerun, &workload);
    let (folder, lock) = RunFolder::create(&output.results, &manifest)?;
    baseline.save(&folder)?;
    mark_origin(&folder, notices);
    keep_log(&load.scenario, process.as_mut(), &folder)?;
    announce::announce(load, &workload, &folder, notices);
    announce::warn(load, &target.endpoint, &workload, &addresses, notices);
    announce::note_counters(load, &target.endpoint, &baseline, notices);
    preflight::send_empty(&client, load, &secrets, notices).await;

    let page = live.map(|listener| Live::serve(listener, folder.clone(), manifest.clone(), notices));
    let reader = client.clone();
    let reached = Reached { client, dial, fixed, secrets, beside, process, metrics, page };
    let job = Job { load, output, executors: &executors, folder: &folder, start_ns, notices };
    let result = Box::pin(sending::run(job, reached, signals)).await?;
    if result.ending == Ending::Aborted {
        return Ok(exit::INTERRUPTED);
    }
    let ended = Ended { executors, started_utc: manifest.started_utc, result, folder, lock, reader };
    Ok(Box::pin(conclude(settings, ended, notices)).await)
}

/// Run that has ended, and was not left at once.
struct Ended {
    executors: Vec<Executor>,
    started_utc: Timestamp,
    result: RunResult,
    folder: RunFolder,
    lock: Lock,
    /// Client that reads the target's counters.
    reader: TargetClient,
}

/// Writes and prints what the run came to, judges it if that was asked for, and returns the exit
/// code.
async fn conclude(settings: Settings, ended: Ended, notices: Notices) -> u8 {
    let Ended { executors, started_utc, mut result, folder, lock, reader } = ended;
    let Settings { load, output, .. } = &settings;
    let tallies = result.tallies(&executors, &load.scenario.target);
    let summary = Summary::new(load, &executors, started_utc, &result, &tallies);
    let kept = keep(&summary, output, &folder, &tallies.measured.latencies);
    let sealed = seal(&folder, std::mem::take(&mut result.segments));
    drop(lock);
    let printed = tell(&settings, &summary, &folder, notices);
    let no_ack = no_ack(&load.scenario, &summary, &reader);
    let outcome = Outcome::of(&result, &summary, notices);
    let reported = keep_junit(&settings, &summary, &folder, outcome.code());
    if let Err(why) = kept.and(sealed).and(reported) {
        notices.error(&why);
        return exit::NOT_WRITTEN;
    }
    let longest = output.prometheus_linger;
    let process = result.process.take();
    let code = Box::pin(take_leave(settings, outcome, &folder, process, &reader, notices)).await;
    farewell::linger(result.metrics.take(), longest, notices).await;
    // The last lines say why nothing was acknowledged, and why not all was sent.
    no_ack.iter().for_each(|why| notices.warn(why));
    summary.unsent().iter().for_each(|why| notices.error(why));
    match printed {
        Ok(()) => code,
        Err(error) if error.is_unread() => exit::unprinted(code),
        Err(error) => {
            notices.error(&chain(&error));
            exit::unprinted(code)
        }
    }
}

/// Marks the run folder as this user's own. Without the mark, `verify` only reads the target that
/// the folder names.
fn mark_origin(folder: &RunFolder, notices: Notices) {
    if let Err(error) = origin::mark(folder) {
        notices.note(&format!(
            "the run folder cannot be marked as yours ({error}): verify takes it for another user's"
        ));
    }
}

/// Has the run judged if that was asked for, and ends the target if the scenario started it. Returns
/// the exit code.
async fn take_leave(
    settings: Settings,
    outcome: Outcome,
    folder: &RunFolder,
    process: Option<TargetProcess>,
    reader: &TargetClient,
    notices: Notices,
) -> u8 {
    if process.is_some() && !settings.verify {
        farewell::wait(reader, &settings.load.scenario.promises, notices).await;
    }
    let code = Box::pin(judged::judge(settings, folder, outcome, notices)).await;
    end_target(process, notices).await;
    code
}

/// Checks that the summary can be written to this file, without losing what the file holds, and
/// apart from the JSON on standard output.
fn try_out(path: &Path, is_json: bool) -> Result<(), Failure> {
    if is_json && is_stdout(path) {
        return Err(Failure::Usage(format!(
            "--summary-export {} is standard output, where --json prints the summary: name a file",
            path.display()
        )));
    }
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|error| {
        Failure::Usage(format!("cannot write {} for --summary-export: {error}", path.display()))
    })
}

/// Writes the files of a run that has ended; returns a message if one cannot be written.
fn keep(
    summary: &Summary,
    output: &OutputSettings,
    folder: &RunFolder,
    latencies: &Latencies,
) -> Result<(), String> {
    summary.save(folder, latencies).map_err(|error| chain(&error))?;
    output
        .summary_export
        .as_deref()
        .map_or(Ok(()), |path| summary.export(path).map_err(|error| chain(&error)))
}

/// Closes the ledger and seals the files of a run that has ended; returns a message if that fails.
fn seal(folder: &RunFolder, segments: Vec<SegmentWriter>) -> Result<(), String> {
    seal_run(folder, segments, monotonic_ns()).map_err(|error| chain(&error))
}

/// Writes `junit.xml`: a case for the run, and one for each threshold. `verify` writes it again, with
/// a case for each check.
fn keep_junit(settings: &Settings, summary: &Summary, folder: &RunFolder, code: u8) -> Result<(), String> {
    let target = &settings.load.scenario.target.url;
    let junit = summary.junit(target, &settings.output.rerun, folder, code);
    write_whole(&folder.file("junit.xml"), junit.as_bytes()).map_err(|error| chain(&error))
}

/// Prints the summary, and a note on redirects.
fn tell(
    settings: &Settings,
    summary: &Summary,
    folder: &RunFolder,
    notices: Notices,
) -> Result<(), Unprinted> {
    let is_judged_later = !settings.verify && settings.load.scenario.request.is_none();
    let judged_later = is_judged_later.then_some(settings.output.results.as_path());
    let shown = if settings.output.json { summary.json() } else { summary.text(folder, judged_later) };
    let printed = print(&shown);
    if let Some(redirected) = summary.redirected() {
        let way_out = match settings.load.scenario.request {
            Some(_) => "load that URL instead",
            None => "give the right URL with --target, or its path as publish.path of [target]",
        };
        notices.note(&format!("{redirected}: {way_out}"));
    }
    printed
}

/// Returns the last line of a run without any acknowledgement.
fn no_ack(scenario: &Scenario, summary: &Summary, client: &TargetClient) -> Option<String> {
    let answered = summary.answered_without_effect()?;
    let method =
        scenario.request.as_ref().map_or(&*scenario.target.publish.method, |request| &*request.method);
    let hint = match scenario.request {
        _ if summary.asks_for_a_secret() => {
            "; give a token or login with --bearer-file, --basic-file or -H".to_owned()
        }
        Some(_) => String::new(),
        None => format!("; `{} probe URL` finds out what the target accepts", called(Program::Verify)),
    };
    let url = client.publish_url(scenario.target.publish.path.as_str());
    Some(format!("no attempt was acknowledged by {method} {url}: {answered}{hint}"))
}

/// Waits until shortly before the moment at which the run begins, and returns that moment on the
/// monotonic clock.
async fn wait_for_start(start_at: Option<Timestamp>, executors: &[Executor], notices: Notices) -> u64 {
    let Some(start_at) = start_at else { return 0 };
    let ahead_ms = start_at.as_millisecond() - utc_ms();
    let Ok(ahead_ms) = u64::try_from(ahead_ms) else {
        let late_ms = ahead_ms.unsigned_abs();
        let late = Duration::from_millis(if late_ms < 10_000 { late_ms } else { late_ms - late_ms % 1_000 });
        let late = truth::duration::format(late);
        notices.warn(&format!("--start-at {start_at} has passed: the run begins {late} late"));
        return 0;
    };
    let start_ns = monotonic_ns() + ahead_ms * 1_000_000;
    until(Some(start_ns.saturating_sub(sending::longest_lead_ns(executors)))).await;
    start_ns
}

/// Starts the target, if the scenario asks for it. Its log lies beside the run folders until this
/// run has one.
async fn start_target(settings: &Settings, client: &TargetClient) -> Result<Option<TargetProcess>, Failure> {
    let Some(process) = &settings.load.scenario.target.process else { return Ok(None) };
    if settings.load.shard != Shard::WHOLE {
        return Err(Failure::Usage(
            "a shard cannot start the target, which all shards load: start the target first, and leave \
             [target.process] out"
                .to_owned(),
        ));
    }
    let created = std::fs::create_dir_all(&settings.output.results);
    created.map_err(|error| {
        let path = settings.output.results.display();
        Failure::Usage(format!("cannot make the results folder {path}: {error}; name another one with --out"))
    })?;
    let log = settings.output.results.join(format!(".target-{:016x}.log", settings.load.plan.nonce));
    let endpoint = settings.target.endpoint.clone();
    Ok(Some(TargetProcess::start(process.clone(), client.clone(), endpoint, log).await?))
}

/// Moves the target's log into the run's folder.
fn keep_log(
    scenario: &Scenario,
    process: Option<&mut TargetProcess>,
    folder: &RunFolder,
) -> Result<(), Failure> {
    let Some((process, written)) = process.zip(scenario.target.process.as_ref()) else { return Ok(()) };
    let moved = process.move_log(&folder.file(&written.log));
    moved.map_err(|source| Failure::System { action: "move the target's log into the run folder", source })
}

async fn end_target(process: Option<TargetProcess>, notices: Notices) {
    let Some(mut process) = process else { return };
    // An end by itself was reported before.
    if let Err(error) = process.terminate().await {
        notices.warn(&chain(&error));
    }
}

/// Reads the counters once with a limit, and then takes the baseline. A target that accepts
/// connections and never responds is loaded all the same.
async fn take_baseline(
    client: &TargetClient,
    database: Option<&DatabaseReader>,
    load: &LoadSettings,
) -> Baseline {
    let client = client.patient(Patience::Each(BASELINE_PATIENCE));
    let is_alone = load.scenario.promises.shared == Some(false);
    match timeout(BASELINE_PATIENCE, client.stats()).await {
        Ok(_) => reader::baseline::take(&client, database, &load.plan, is_alone).await,
        Err(_) => Baseline::unread(format!("no response within {} s", BASELINE_PATIENCE.as_secs())),
    }
}

fn manifest(load: &LoadSettings, rerun: &str, workload: &Workload) -> Manifest {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Manifest {
        schema_version: MANIFEST_VERSION,
        onceproof: env!("CARGO_PKG_VERSION").to_owned(),
        started_utc: Timestamp::now(),
        plan: load.plan.clone(),
        shard: load.shard,
        concurrency: workload.connections,
        lanes: u32::from(workload.lanes),
        scenario: load.scenario.clone(),
        machine: Machine { cpus: cpus as u32, boot_id: boot_id() },
        rerun: rerun.to_owned(),
    }
}
