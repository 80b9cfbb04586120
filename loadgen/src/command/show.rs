//! `loadgen plan` and `loadgen check`: what a run would send, without sending it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reader::console::{print_result, say};
use reader::tunnel::ProxyLogin;
use truth::exit;
use truth::observed::compared::comparison;
use truth::plan::Plan;
use truth::record::ledger::{Done, Frame, Scope};
use truth::scenario::body::MOST_KEPT;
use truth::scenario::{Executor, Executors, NamedExecutor, Scenario, ScenarioError};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};
use truth::target::secrets::Secrets;
use truth::target::{RequestForm, Target};

use super::preview::{self, Amount};
use super::settings::Settings;
use super::warnings;
use crate::connection::dial::Connector;
use crate::error::Failure;
use crate::executor::Workload;
use crate::watch::notice::counted;

/// Number of slots over which copies are counted: more take long, and look the same.
const COUNTED: u64 = 2_000_000;

/// Checks each file; the exit code is that of the worst.
pub(crate) fn check(files: &[PathBuf]) -> u8 {
    let mut code = exit::OK;
    for file in files {
        match checked(file) {
            Ok(Checked { found, warnings }) => {
                code = print_result(&format!("{}: {found}\n", file.display()), code);
                warnings.iter().for_each(|text| say(&format!("{}: warning: {text}", file.display())));
            }
            Err(error) => {
                let is_named = matches!(&error, Failure::Scenario(error) if error.names_its_file());
                let name = if is_named { String::new() } else { format!("{}: ", file.display()) };
                format!("{name}{}", error.message()).lines().for_each(say);
                code = exit::USAGE;
            }
        }
    }
    code
}

/// Result of a file that can run.
struct Checked {
    /// Description of what it does.
    found: String,
    warnings: Vec<String>,
}

fn checked(file: &Path) -> Result<Checked, Failure> {
    let scenario = Scenario::load(file)?;
    let mut warnings = warnings::secrets_in_clear(&scenario);
    warnings.extend(warnings::unread(&scenario));
    warnings.extend(warnings::unplaced(&scenario, file));
    let found = described(&scenario, file)?;
    Ok(Checked { found, warnings })
}

/// Returns what a scenario does.
fn described(scenario: &Scenario, file: &Path) -> Result<String, Failure> {
    let plan = scenario.plan(1, 1).map_err(|error| Failure::from(error).located(file))?;
    // Reads the certificates, as a run would.
    let target = scenario.target.at_publish();
    Connector::new(&target, &target.endpoint()?, &ProxyLogin::default())?;
    let executors = scenario.executors()?;
    let executor = match &executors {
        Executors::One(executor) => executor.name().to_owned(),
        Executors::Named(executors) if executors.len() == 1 => "1 executor".to_owned(),
        Executors::Named(executors) => format!("{} executors", executors.len()),
    };
    let mut found = format!("{executor}, {}", amount(scenario, &executors, &plan));
    for (name, other) in others(scenario) {
        found.push_str(&format!("\n{name:<10} {other}"));
    }
    if scenario.request.is_none() {
        if let Some(compared) = comparison(scenario) {
            found.push_str(&format!("\n{compared}"));
        }
        let target = &scenario.target;
        // The short form is told by its keys. Beside a body of its own, it may have none.
        let is_told = |_: &String| target.starts_from_nothing();
        let lines = target.answers_in_words().into_iter().filter(is_told).chain(statuses_alone(target));
        for (nth, line) in lines.enumerate() {
            found.push_str(&format!("\n{:<10} {line}", if nth == 0 { "answers" } else { "" }));
        }
        for error in start_errors(scenario) {
            let error = Failure::from(error).located(file).message();
            found.push_str(&format!("\na run would end at its start: {error}"));
        }
    }
    if !scenario.target.has_texts() || scenario.request.is_some() {
        return Ok(found);
    }
    let request = preview::requests(scenario, &plan, &[], 1, Amount::Beginning)?;
    Ok(format!("{found}\n{}", request.trim_end()))
}

/// Returns the errors of secrets that a run needs and that cannot be used.
fn start_errors(scenario: &Scenario) -> Vec<ScenarioError> {
    let missing = scenario.missing_variables();
    if !missing.is_empty() {
        return missing;
    }
    let unfit = Secrets::needed(&scenario.target, &scenario.events.values).err();
    unfit.map(|error| ScenarioError::Setting(error.to_string())).into_iter().collect()
}

/// Returns the requests before a run and beside its load, each with the name of its line.
fn others(scenario: &Scenario) -> Vec<(&'static str, String)> {
    let target = &scenario.target;
    let shown = |request: RequestForm<'_>| {
        let base = request.url.map_or(&*target.url, |url| url.trim_end_matches('/'));
        format!("{} {base}{}", request.method, request.path)
    };
    let before = target.before.iter().map(|prelude| {
        let kept: Vec<&str> = prelude.keep.keys().map(String::as_str).collect();
        let keeps = if kept.is_empty() { String::new() } else { format!(", keeps {}", kept.join(", ")) };
        ("before", format!("{}{keeps}", shown(prelude.request())))
    });
    let beside = scenario.load.beside.iter().map(|beside| {
        let connections = counted(beside.connections(scenario.load.concurrency).into(), "connection");
        let rate = beside.rate.map_or_else(String::new, |rate| format!(", {}/s", rate.requests_per_s(1)));
        ("beside", format!("{}: {} over {connections}{rate}", beside.name, shown(beside.request())))
    });
    before.chain(beside).collect()
}

/// Returns the note on a target whose description says nothing of the bodies of its successes.
fn statuses_alone(target: &Target) -> Option<String> {
    let note = "statuses alone decide: no 2xx body is described, so an event that is refused in one counts as \
                acknowledged";
    target.leaves_bodies_aside().then(|| note.to_owned())
}

/// Returns how much is sent, in words.
fn amount(scenario: &Scenario, executors: &Executors, plan: &Plan) -> String {
    let lasts = executors.only().map_or_else(String::new, duration);
    if scenario.request.is_some() {
        return match plan.total {
            Some(requests) => format!("one request {}", counted(requests, "time")),
            None => format!("one request as often as the target answers{lasts}"),
        };
    }
    match (plan.total, plan.keys()) {
        (Some(events), Some(keys)) => {
            let repeats = events - keys;
            format!("{events} events of {keys} keys ({repeats} repeats), {} in a request", plan.batch)
        }
        _ => format!("as many events as the target answers{lasts}, {} in a request", plan.batch),
    }
}

/// Returns the duration of an executor, in words.
fn duration(executor: &Executor) -> String {
    executor.lasts().map_or_else(String::new, |lasts| format!(" for {}", truth::duration::format(lasts)))
}

/// Returns what one of several executors sends, and when.
fn executor(said: &NamedExecutor, executor: &Executor, unit: &str) -> String {
    let many = match executor.total() {
        Some(count) => format!("{count} {unit}{}", duration(executor)),
        None => format!("as many {unit} as the target answers{}", duration(executor)),
    };
    let pause = match said.start_time {
        Duration::ZERO => String::new(),
        pause => format!("{} ", truth::duration::format(pause)),
    };
    let begins = match &said.after {
        Some(after) => format!(", {pause}after {after}"),
        None if pause.is_empty() => String::new(),
        None => format!(", {pause}after the start"),
    };
    let warm_up = if said.measured { "" } else { ", as a warm-up" };
    format!("{}: {many}{begins}{warm_up}", executor.name())
}

/// Returns what a run would send: number of events, copies of each key, size of the ledger, first
/// requests.
pub(crate) fn plan(settings: &Settings, requests: u32) -> Result<String, Failure> {
    let headers = &settings.target.headers;
    let settings = &settings.load;
    let plan = &settings.plan;
    let load = &settings.scenario.load;
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        writeln!(out, "{name:<10} {value}").expect("a String takes all that is written");
    };
    match &settings.shapes {
        Executors::One(executor) => line("executor", executor.name()),
        Executors::Named(executors) => {
            let each = load.executors.iter().zip(executors);
            each.for_each(|(said, one)| line(&said.name, &executor(said, one, settings.unit())));
        }
    }
    line("sends", &amount(&settings.scenario, &settings.shapes, plan));
    let target = &settings.scenario.target;
    let method = settings.scenario.request.as_ref().map_or(&target.publish.method, |request| &request.method);
    line("to", &format!("{method} {}{}", target.publish_url(), target.publish.path));
    others(&settings.scenario).iter().for_each(|(name, other)| line(name, other));
    if let Some(request) = &settings.scenario.request {
        let body = request.body.bytes();
        return Ok(match std::str::from_utf8(body) {
            Ok(text) if text.len() <= MOST_KEPT => format!("{out}\n{text}\n"),
            Ok(_) | Err(_) => format!("{out}\na body of {} bytes\n", body.len()),
        });
    }
    line("seed", &plan.seed.to_string());
    let rounds = plan.rounds().map_or_else(|| "rounds".to_owned(), |rounds| counted(rounds, "round"));
    line("rounds", &format!("{rounds} of {} requests", plan.requests_per_round()));
    line("copies", &copies(plan));
    for (nth, answer) in target.answers_in_words().into_iter().chain(statuses_alone(target)).enumerate() {
        line(if nth == 0 { "answers" } else { "" }, &answer);
    }
    let executors = settings.executors();
    if let Some(requests) = Workload::sum(&executors).requests {
        let rounds: u64 = executors.iter().map(|executor| executor.rounds.count()).sum();
        let bytes = requests * done_bytes(plan) + rounds * open_bytes();
        line("ledger", &format!("about {:.1} kB, if responses report each event", bytes as f64 / 1e3));
    }
    if let Some(schedule) = settings.shapes.only().and_then(Executor::schedule) {
        let instants = (0..5).filter_map(|nth| schedule.at(nth));
        let instants: Vec<String> = instants.map(|at| format!("{:.3} s", at as f64 / 1e9)).collect();
        line("leaves at", &format!("{} ...", instants.join(", ")));
    }
    Ok(out + &preview::requests(&settings.scenario, plan, headers, requests, Amount::Whole)?)
}

/// Returns how many keys have how many copies.
fn copies(plan: &Plan) -> String {
    let slots = plan.total.unwrap_or(COUNTED).min(COUNTED);
    let mut times = vec![0_u32; plan.firsts(slots) as usize];
    for round in 0..slots.div_ceil(plan.slots_per_round()) {
        for ordinal in plan.round(round).ordinals() {
            if let Some(times) = times.get_mut(*ordinal as usize) {
                *times += 1;
            }
        }
    }
    let mut keys: BTreeMap<u32, u64> = BTreeMap::new();
    times.into_iter().for_each(|times| *keys.entry(times).or_default() += 1);
    let copies = keys.iter().map(|(times, keys)| {
        let keys = counted(*keys, "key");
        if *times == 1 { format!("{keys} sent once") } else { format!("{keys} {times} times") }
    });
    let copies: Vec<String> = copies.collect();
    let of = if plan.total.is_none_or(|total| total > slots) {
        format!("; of the first {slots} events")
    } else {
        String::new()
    };
    format!("{}{of}", copies.join(", "))
}

/// Returns the bytes of a request's record whose response reports each event.
fn done_bytes(plan: &Plan) -> u64 {
    let events = plan.batch;
    let answer = Answer {
        accepted: Some(events),
        inserted: Some(events),
        duplicates: Some(0),
        kinds: Kinds::Each(vec![Kind::New; events as usize]),
        ..Answer::bare(Outcome::Acked)
    };
    length(&Frame::Done(Done {
        scope: Scope::Round(0),
        request: 0,
        try_number: 0,
        is_final: true,
        connection: 1,
        t_planned: 1,
        t_start: 1,
        t_end: 1,
        status: 200,
        answer,
    }))
}

fn open_bytes() -> u64 {
    length(&Frame::Open { round: 0, t: 1 })
}

fn length(frame: &Frame) -> u64 {
    let mut bytes = Vec::new();
    frame.encode(&mut bytes);
    bytes.len() as u64
}
