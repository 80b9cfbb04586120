//! Scenario of a run: a file, and the flags over it.

use std::io::{Read, stdin};
use std::path::Path;

use truth::scenario::{
    Body, Demand, ExecutorKind, FixedRequest, Load, MAX_TOPICS, Scenario, numbered_topics,
};
use truth::target::Target;

use crate::command::cli::{Cli, Http, Shape};
use crate::error::Failure;

/// Returns the scenario of a run with events.
pub(super) fn of_events(cli: &Cli) -> Result<Scenario, Failure> {
    let mut scenario = match &cli.scenario {
        Some(path) => Scenario::load(path)?,
        None => Scenario::default(),
    };
    let load = &mut scenario.load;
    let asked = &cli.shape;
    let is_shaped = asked.count.is_some()
        || asked.rate.is_some()
        || asked.duration.is_some()
        || asked.concurrency.is_some()
        || !asked.stages.is_empty();
    if is_shaped && !load.executors.is_empty() {
        return Err(Failure::Usage(
            "the scenario has [[load.executors]]: change their count, rate, duration, stages and concurrency in the \
             file, not with flags"
                .to_owned(),
        ));
    }
    shape(load, &cli.shape);
    set(&mut load.dup, cli.dup.clone());
    set(&mut load.batch, cli.batch);
    set(&mut scenario.events.topics, cli.topics.as_deref().map(topics).transpose()?);
    let written = scenario.target.url.clone();
    scenario.target.set_url(&written)?;
    if let Some(url) = &cli.target {
        scenario.target.retarget(url)?;
    }
    cli.shape.reach.outrank(&mut scenario.target.connect);
    Ok(scenario)
}

/// Number of requests, if nothing else is said.
const HTTP_COUNT: u64 = 200;

/// Returns the scenario of one request that is sent over and over.
pub(super) fn of_request(http: &Http) -> Result<Scenario, Failure> {
    let body = http_body(http)?.map(Body::from);
    let mut load = Load { batch: 1, dup: "0".to_owned(), ..Load::default() };
    shape(&mut load, &http.shape);
    if load.executor == ExecutorKind::SharedIterations {
        load.count = load.count.or(Some(HTTP_COUNT));
    }
    let mut target = Target::of_url(&http.url)?;
    http.shape.reach.outrank(&mut target.connect);
    let request = Some(FixedRequest::new(http.method.clone(), body));
    let scenario = Scenario { name: "http".to_owned(), load, request, target, ..Scenario::default() };
    Ok(scenario)
}

/// Returns the bytes of the body as they are: of an argument, a file or standard input.
fn http_body(http: &Http) -> Result<Option<Vec<u8>>, Failure> {
    let named = http.body.as_deref().and_then(|body| body.strip_prefix('@')).map(Path::new);
    let Some(path) = named.or(http.body_file.as_deref()) else {
        return Ok(http.body.clone().map(String::into_bytes));
    };
    let flag = if named.is_some() { "--body @" } else { "--body-file " };
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    let refuse = |error| Failure::Usage(format!("cannot read {flag}{}: {error}", path.display()));
    read.map(Some).map_err(refuse)
}

/// Puts the flags over the load of the scenario.
///
/// The flags choose the executor: a rate means a fixed rate, a duration without a rate means a
/// fixed number of connections, and stages mean a ramp of either. As with k6, a number without a
/// unit in a stage is a number of connections, unless there is a rate as well.
fn shape(load: &mut Load, shape: &Shape) {
    load.count = shape.count.or(load.count);
    let is_rate = shape.rate.is_some() || shape.stages.iter().any(|stage| stage.target.has_unit());
    if !shape.stages.is_empty() {
        load.stages.clone_from(&shape.stages);
        load.executor = if is_rate { ExecutorKind::RampingArrivalRate } else { ExecutorKind::RampingVus };
        load.rate = shape.rate;
        load.duration = shape.duration;
        set(&mut load.start_vus, shape.concurrency);
    } else if is_rate {
        (load.executor, load.stages) = (ExecutorKind::ConstantArrivalRate, Vec::new());
    } else if shape.duration.is_some() && load.executor == ExecutorKind::SharedIterations {
        load.executor = ExecutorKind::ConstantVus;
    }
    load.rate = shape.rate.or(load.rate);
    load.duration = shape.duration.or(load.duration);
    load.warm_up = shape.warm_up.or(load.warm_up);
    load.thresholds.extend(shape.thresholds.iter().map(|threshold| Demand {
        threshold: threshold.clone(),
        abort_on_fail: shape.abort_on_fail.is_some(),
        delay_abort_eval: shape.abort_on_fail.unwrap_or_default(),
    }));
    load.requests_per_connection = shape.requests_per_connection.or(load.requests_per_connection);
    set(&mut load.concurrency, shape.concurrency);
    set(&mut load.graceful_stop, shape.graceful_stop);
    set(&mut load.timeout, shape.timeout);
    load.first_byte_timeout = shape.first_byte_timeout.or(load.first_byte_timeout);
    set(&mut load.patience, shape.patience);
    set(&mut load.retries, shape.retries);
    load.trace |= shape.trace;
}

/// Returns the topics as they were named; a single number makes as many topics.
fn topics(given: &[String]) -> Result<Vec<String>, Failure> {
    let [only] = given else { return Ok(given.to_vec()) };
    match only.trim().parse() {
        Err(_) => Ok(given.to_vec()),
        Ok(count @ 1..=MAX_TOPICS) => Ok(numbered_topics(count)),
        Ok(count) => Err(Failure::Usage(format!(
            "--topics {count} is not a number from 1 to {MAX_TOPICS}, or a list of names"
        ))),
    }
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}
