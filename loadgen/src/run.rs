//! A run from beginning to end.

mod conductor;
mod faults;
mod judged;
mod poll;
mod preflight;
mod sending;
mod signals;

use std::io::{Write, stdout};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use truth::clock::{boot_id, monotonic_ns, utc_ms};
use truth::plan::shard::Shard;
use truth::record::folder::RunFolder;
use truth::record::manifest::{MANIFEST_VERSION, Machine, Manifest};
use verify::baseline::{Baseline, chain};
use verify::observe::client::TargetClient;
use verify::process::TargetProcess;

use crate::command::settings::Settings;
use crate::connection::dial::{Address, Dial};
use crate::connection::head::Fixed;
use crate::error::{Failure, exit};
use crate::executor::{Part, Share};
use crate::meter::latency::Latencies;
use crate::result::{Ending, Load};
use crate::summary::Summary;
use crate::watch::metrics;
use crate::watch::notice::Notices;
use conductor::until;
use sending::Reached;
use signals::Signals;

/// How long the baseline may take: a target that accepts connections but does not answer is loaded all the same.
const BASELINE_PATIENCE: Duration = Duration::from_secs(5);

/// Preflight, baseline, load, summary; tells the exit code.
pub(crate) async fn run(settings: Settings, notices: Notices) -> Result<u8, Failure> {
    let fixed = Fixed::of(&settings.scenario, &settings.endpoint, &settings.headers)?;
    let client =
        TargetClient::new(&settings.scenario.target, &settings.headers, &settings.reach.proxy_login()?)?;
    let metrics = match &settings.prometheus_addr {
        Some(address) => Some(metrics::listen(address).await?),
        None => None,
    };
    settings.summary_export.as_deref().map_or(Ok(()), try_out)?;
    let mut process = start_target(&settings, &client).await?;
    let addresses = preflight::reach(&settings, &client).await?;
    if settings.has_run_id && settings.shard == Shard::WHOLE {
        preflight::refuse_sent_before(&client, &settings.plan).await?;
    }
    if let Some(database) = &settings.database {
        preflight::try_out(database, &settings.plan, notices).await?;
    }
    let baseline = take_baseline(&client, &settings).await;

    let parts = Part::all(&settings.plan, &settings.scenario.load, settings.shard, settings.lanes);
    let share = Share::sum(&parts);
    // Whoever waits may be told to stop, also where the system would not end it by itself.
    let mut signals = Signals::listen()?;
    let start_ns = tokio::select! {
        start_ns = wait_for_start(&settings, &parts, notices) => start_ns,
        () = signals.next() => {
            notices.warn("stopped before anything was sent");
            end_target(process, notices).await;
            return Ok(exit::INTERRUPTED);
        }
    };

    let manifest = manifest(&settings, &share);
    let (folder, lock) = RunFolder::create(&settings.out, &manifest)?;
    baseline.save(&folder)?;
    keep_log(&settings, process.as_mut(), &folder)?;
    announce(&settings, &share, &folder, notices);
    warn(&settings, &share, &addresses, &baseline, notices);
    for answer in preflight::send_empty(&client, &settings).await {
        notices.warn(&format!("a request without an event got {answer}, and should be taken or refused"));
    }

    let publish_url = client.url(&settings.scenario.target.publish.path);
    let dial = Arc::new(Dial {
        connector: settings.connector.clone(),
        addresses,
        connect_timeout: settings.connect_timeout,
    });
    let reached = Reached { client, dial, fixed, process, metrics };
    let mut load =
        Box::pin(sending::run(&settings, &parts, &folder, (reached, signals), start_ns, notices)).await?;
    if load.ending == Ending::Aborted {
        return Ok(exit::INTERRUPTED);
    }
    let summary = Summary::new(&settings, &parts, &manifest, &load);
    let kept = keep(&settings, &summary, &folder, &load.tallies(&parts).measured.latencies);
    drop(lock);
    tell(&settings, &summary, &folder, &publish_url, notices);
    let code = match exit_code(&load, notices) {
        exit::RAN if !summary.holds() => exit::THRESHOLD,
        code => code,
    };
    if let Err(why) = kept {
        notices.error(&why);
        return Ok(exit::LEDGER);
    }
    let code = Box::pin(judged::judge(settings, &folder, code)).await;
    end_target(load.process.take(), notices).await;
    Ok(code)
}

/// Whether the summary can be written there, without losing what is there.
fn try_out(path: &Path) -> Result<(), Failure> {
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    opened.map(drop).map_err(|error| {
        Failure::Usage(format!("cannot write {} for --summary-export: {error}", path.display()))
    })
}

/// Writes the files of a run that has ended, or says why one could not be written.
fn keep(
    settings: &Settings,
    summary: &Summary,
    folder: &RunFolder,
    latencies: &Latencies,
) -> Result<(), String> {
    summary.save(folder, latencies).map_err(|error| chain(&error))?;
    settings.summary_export.as_deref().map_or(Ok(()), |path| {
        summary.export(path).map_err(|error| format!("cannot write {}: {error}", path.display()))
    })
}

/// Prints what the run came to.
fn tell(settings: &Settings, summary: &Summary, folder: &RunFolder, publish_url: &str, notices: Notices) {
    let is_judged_later = !settings.verify && settings.scenario.request.is_none();
    let judged_later = is_judged_later.then_some(settings.out.as_path());
    // Where nobody reads the summary any more, the exit code still tells.
    drop(stdout().write_all(summary.text(folder, judged_later).as_bytes()));
    if let Some(answered) = summary.answered_without_effect() {
        let (method, hint) = match &settings.scenario.request {
            Some(request) => (&*request.method, ""),
            None => ("POST", "; `verify probe URL` finds out what a target takes"),
        };
        notices.warn(&format!("nothing was acknowledged by {method} {publish_url}: {answered}{hint}"));
    }
}

/// Waits until shortly before the moment at which the run is to begin, and tells that moment on the monotonic clock.
async fn wait_for_start(settings: &Settings, parts: &[Part], notices: Notices) -> u64 {
    let Some(start_at) = settings.start_at else { return 0 };
    let ahead_ms = start_at.as_millisecond() - utc_ms();
    let Ok(ahead_ms) = u64::try_from(ahead_ms) else {
        notices.warn(&format!("the run begins {} ms after --start-at", -ahead_ms));
        return 0;
    };
    let start_ns = monotonic_ns() + ahead_ms * 1_000_000;
    until(Some(start_ns.saturating_sub(sending::longest_lead_ns(parts)))).await;
    start_ns
}

/// Starts the target, if that is the scenario's affair. Its log lies beside the run folders until this run has one.
async fn start_target(settings: &Settings, client: &TargetClient) -> Result<Option<TargetProcess>, Failure> {
    let Some(process) = &settings.scenario.target.process else { return Ok(None) };
    if settings.shard != Shard::WHOLE {
        return Err(Failure::Usage(
            "a shard cannot start the target that all shards load; start it before, and leave [target.process] out".to_owned(),
        ));
    }
    let created = std::fs::create_dir_all(&settings.out);
    created.map_err(|source| Failure::System { action: "make the folder of results", source })?;
    let log = settings.out.join(format!(".target-{:016x}.log", settings.plan.nonce));
    Ok(Some(TargetProcess::start(process.clone(), client.clone(), settings.endpoint.clone(), log).await?))
}

/// Its log belongs to the run, now that there is one.
fn keep_log(
    settings: &Settings,
    process: Option<&mut TargetProcess>,
    folder: &RunFolder,
) -> Result<(), Failure> {
    let Some((process, told)) = process.zip(settings.scenario.target.process.as_ref()) else { return Ok(()) };
    let moved = process.move_log(&folder.file(&told.log));
    moved.map_err(|source| Failure::System { action: "move the target's log into the run folder", source })
}

async fn end_target(process: Option<TargetProcess>, notices: Notices) {
    let Some(mut process) = process else { return };
    // One that has ended by itself was told of before.
    if let Err(error) = process.terminate().await {
        notices.warn(&chain(&error));
    }
}

/// The exit code of a run that began.
fn exit_code(load: &Load, notices: Notices) -> u8 {
    if let Some(failure) = &load.ledger_failure {
        notices
            .error(&format!("{}; the run was stopped, and what it sent can still be judged", chain(failure)));
        return exit::LEDGER;
    }
    match load.ending {
        Ending::Interrupted | Ending::Aborted => exit::INTERRUPTED,
        Ending::LaneLost => exit::LEDGER,
        Ending::Complete | Ending::OutOfPatience if !load.has_ack() => exit::NO_ACK,
        Ending::Complete | Ending::OutOfPatience => exit::RAN,
        Ending::Threshold => exit::THRESHOLD,
    }
}

/// Asked once with a bound before it is asked properly: a target that takes connections and never answers is loaded
/// all the same.
async fn take_baseline(client: &TargetClient, settings: &Settings) -> Baseline {
    match timeout(BASELINE_PATIENCE, client.stats()).await {
        Ok(_) => Baseline::take(client, settings.database.as_ref(), &settings.plan).await,
        Err(_) => Baseline::unread(format!("no answer within {} s", BASELINE_PATIENCE.as_secs())),
    }
}

fn manifest(settings: &Settings, share: &Share) -> Manifest {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Manifest {
        schema_version: MANIFEST_VERSION,
        onceproof: env!("CARGO_PKG_VERSION").to_owned(),
        started_utc: Timestamp::now(),
        plan: settings.plan.clone(),
        shard: settings.shard,
        concurrency: share.connections,
        lanes: u32::from(share.lanes),
        scenario: settings.scenario.clone(),
        machine: Machine { cpus: cpus as u32, boot_id: boot_id() },
        rerun: settings.rerun.clone(),
    }
}

/// Says what is about to be done, so that it can be done again.
fn announce(settings: &Settings, share: &Share, folder: &RunFolder, notices: Notices) {
    let plan = &settings.plan;
    let part = match settings.shard.of {
        1 => String::new(),
        of => format!(" (shard {} of {of})", settings.shard.index),
    };
    let [repeats, of] = plan.share;
    if let Some(request) = &settings.scenario.request {
        let (target, connections) = (&settings.scenario.target, share.connections);
        let url = format!("{} {}{}", request.method, target.url, target.publish.path);
        let many = share.requests.map_or_else(|| so_long(settings), |requests| format!("{requests} times"));
        notices.say(&format!("sending {url} {many} over {connections} connections"));
        return notices.say(&format!("run folder {}", folder.path().display()));
    }
    let what = match share.events.zip(share.requests) {
        Some((events, requests)) => format!("{events} events{part} in {requests} requests"),
        None => format!("{}{part}", so_long(settings)),
    };
    notices.say(&format!(
        "sending {what} to {} over {} connections; {:.2}% of the run repeat an earlier event",
        settings.scenario.target.url,
        share.connections,
        repeats as f64 * 100.0 / of as f64,
    ));
    notices.say(&format!("seed {}, run folder {}", plan.seed, folder.path().display()));
}

/// How long a run sends that only time ends.
fn so_long(settings: &Settings) -> String {
    let load = &settings.scenario.load;
    match load.lasts() {
        Some(lasts) => format!("for {}", truth::duration::format(lasts)),
        None => format!("as long as {} executors last", load.executors.len()),
    }
}

/// Says what limits this run, before it begins.
fn warn(settings: &Settings, share: &Share, addresses: &[Address], baseline: &Baseline, notices: Notices) {
    let authority = &settings.endpoint.authority;
    match &settings.endpoint.proxy {
        None if addresses.iter().all(Address::is_this_machine) => {}
        None => notices.warn(&format!("{authority} is not this machine; load only what is yours")),
        // Where a proxy leads, nobody here can see.
        Some(proxy) => notices.warn(&format!(
            "{authority} is reached through {proxy}, which may lead to another machine; load only what is yours"
        )),
    }
    for trap in settings.plan.twins.names() {
        notices.note(&format!(
            "the trap {trap} is set: a careless target may be left with fewer events than it took"
        ));
    }
    for trap in settings.plan.variants.names() {
        notices.note(&format!(
            "the trap {trap} is set: some keys are sent with two payloads, and promises.conflict says which one is to stay"
        ));
    }
    if settings.plan.invalid > 0 {
        notices
            .note("the trap invalid is set: some requests hold an event that is none, and should be refused");
    }
    if settings.scenario.request.is_none() {
        settings.plan.impossible_modes().into_iter().for_each(|mode| notices.note(mode));
    }
    let concurrency = settings.scenario.load.most_connections();
    if concurrency > share.connections {
        notices.note(&format!(
            "{concurrency} connections were asked for, {} are used: there are no more requests",
            share.connections
        ));
    }
    if settings.scenario.request.is_some() {
        // Nothing of the target is counted or listed, and nothing of it judged.
    } else if settings.scenario.target.stats.path.is_none() {
        notices.note(
            "the target has no counters to read: whether they agree with what was sent cannot be judged",
        );
    } else if let Some(reason) = &baseline.unread {
        let prefix = match settings.endpoint.prefix.as_str() {
            "" => String::new(),
            prefix => format!("; {prefix} of --target stands before every path"),
        };
        notices.note(&format!(
            "the target's counters cannot be read ({reason}{prefix}): whether they agree with what was sent cannot be judged"
        ));
    } else if baseline.moving {
        notices.note("another writer is at work on the target: its counters become lower bounds");
    } else if !baseline.is_firm() {
        notices.note("the target still works on earlier events: its counters become lower bounds");
    }
}
