//! Rules of `[load]`: its executors, limits and thresholds.

use crate::scenario::executor::{Executor, ExecutorKind, Executors};
use crate::scenario::load::{Load, NamedExecutor};

/// Most connections of a run.
const MAX_CONNECTIONS: u32 = 10_000;

/// Most executors of a load: each has threads of its own.
const MAX_EXECUTORS: usize = 64;

/// Most retries of a request.
const MAX_RETRIES: u32 = 100;

/// Returns the executors of a load that can be sent, or the reason why it cannot.
pub(super) fn check(load: &Load) -> Result<Executors, String> {
    if let Some(error) = load.thresholds.iter().find_map(|demand| demand.parse().err()) {
        return Err(error.to_string());
    }
    check_named(load)?;
    let executors = load.resolve().map_err(|error| error.to_string())?;
    check_connections(executors.most_connections())?;
    check_limits(load)?;
    let is_paced = executors.each().iter().any(|executor| executor.schedule().is_some());
    if is_paced && !load.think.is_zero() {
        return Err(
            "think is a time between the requests of a connection, but a rate says when requests leave: \
                    leave one of them out"
                .to_owned(),
        );
    }
    check_total(executors.total())?;
    Ok(executors)
}

fn check_limits(load: &Load) -> Result<(), String> {
    let limits = [
        ("first_byte_timeout", load.first_byte_timeout),
        ("timeout", Some(load.timeout)),
        ("patience", Some(load.patience)),
    ];
    if let Some((key, _)) = limits.into_iter().find(|(_, limit)| limit.is_some_and(|limit| limit.is_zero())) {
        return Err(format!("{key} is 0: it must be longer than 0"));
    }
    if load.requests_per_connection == Some(0) {
        return Err(
            "requests_per_connection is 0: it must be at least 1, or left out for no limit".to_owned()
        );
    }
    if load.retries > MAX_RETRIES {
        return Err(format!("retries is {}: it must be 0 to {MAX_RETRIES}", load.retries));
    }
    Ok(())
}

fn check_connections(connections: u32) -> Result<(), String> {
    if (1..=MAX_CONNECTIONS).contains(&connections) {
        return Ok(());
    }
    Err(format!("concurrency is {connections}: it must be 1 to {MAX_CONNECTIONS}"))
}

fn check_total(total: Option<u64>) -> Result<(), String> {
    if total != Some(0) {
        return Ok(());
    }
    Err("the run would send no events: count is 0, or rate x duration is 0".to_owned())
}

/// Checks the entries of `[[load.executors]]`, if there are any.
fn check_named(load: &Load) -> Result<(), String> {
    let named = &load.executors;
    if named.is_empty() {
        return Ok(());
    }
    let is_shaped = load.executor != ExecutorKind::SharedIterations
        || load.count.is_some()
        || load.rate.is_some()
        || load.duration.is_some()
        || !load.stages.is_empty();
    if is_shaped {
        return Err(
            "[load] gives an executor, count, rate, duration or stages beside [[load.executors]]: move them into the \
             entries"
                .to_owned(),
        );
    }
    if named.len() > MAX_EXECUTORS {
        return Err(format!("there are {} [[load.executors]]: at most {MAX_EXECUTORS}", named.len()));
    }
    for (place, executor) in named.iter().enumerate() {
        check_one(executor, &named[..place], load)
            .map_err(|reason| format!("the executor \"{}\": {reason}", executor.name))?;
    }
    Ok(())
}

fn check_one(named: &NamedExecutor, before: &[NamedExecutor], load: &Load) -> Result<(), String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if named.name.is_empty() || named.name.len() > 64 || !named.name.chars().all(is_name) {
        return Err("its name must be 1 to 64 letters, digits, dots, dashes or underscores".to_owned());
    }
    let is_known = |name: &str| before.iter().any(|other| other.name == name);
    if is_known(&named.name) {
        return Err("an executor above has the same name: give each its own".to_owned());
    }
    if let Some(after) = named.after.as_deref().filter(|after| !is_known(after)) {
        return Err(format!("after = \"{after}\" names no executor above this one"));
    }
    let executor: Executor = named.resolve(load).map_err(|error| error.to_string())?;
    check_connections(executor.most_connections())?;
    check_total(executor.total())
}
