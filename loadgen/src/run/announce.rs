//! Announcements before a run: the load, and the limits of what the run can show.

use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::scenario::{Executor, Executors};
use truth::target::Endpoint;

use crate::command::settings::LoadSettings;
use crate::connection::dial::Address;
use crate::executor::Workload;
use crate::watch::notice::Notices;

/// Says what is about to be done, so that it can be done again.
pub(super) fn announce(load: &LoadSettings, workload: &Workload, folder: &RunFolder, notices: Notices) {
    let plan = &load.plan;
    let part = match load.shard.of {
        1 => String::new(),
        of => format!(" (shard {} of {of})", load.shard.index),
    };
    let [repeats, of] = plan.share;
    if let Some(request) = &load.scenario.request {
        let (target, connections) = (&load.scenario.target, workload.connections);
        let url = format!("{} {}{}", request.method, target.url, target.publish.path);
        let many =
            workload.requests.map_or_else(|| so_long(&load.shapes), |requests| format!("{requests} times"));
        notices.say(&format!("sending {url} {many} over {connections} connections"));
        return notices.say(&format!("run folder {}", folder.path().display()));
    }
    let what = match workload.events.zip(workload.requests) {
        Some((events, requests)) => format!("{events} events{part} in {requests} requests"),
        None => format!("{}{part}", so_long(&load.shapes)),
    };
    notices.say(&format!(
        "sending {what} to {} over {} connections; {:.2}% of the run repeat an earlier event",
        load.scenario.target.url,
        workload.connections,
        repeats as f64 * 100.0 / of as f64,
    ));
    notices.say(&format!("seed {}, run folder {}", plan.seed, folder.path().display()));
}

/// How long a run sends that only time ends.
fn so_long(executors: &Executors) -> String {
    match executors.only().and_then(Executor::lasts) {
        Some(lasts) => format!("for {}", truth::duration::format(lasts)),
        None => format!("as long as {} executors last", executors.each().len()),
    }
}

/// Says what limits this run, before it begins.
pub(super) fn warn(
    load: &LoadSettings,
    endpoint: &Endpoint,
    workload: &Workload,
    addresses: &[Address],
    notices: Notices,
) {
    let authority = &endpoint.authority;
    match &endpoint.proxy {
        None if addresses.iter().all(Address::is_this_machine) => {}
        None => notices.warn(&format!("{authority} is not this machine; load only what is yours")),
        // Where a proxy leads, nobody here can see.
        Some(proxy) => notices.warn(&format!(
            "{authority} is reached through {proxy}, which may lead to another machine; load only what is yours"
        )),
    }
    for trap in load.plan.twins.names() {
        notices.note(&format!(
            "the trap {trap} is set: a careless target may be left with fewer events than it took"
        ));
    }
    for trap in load.plan.variants.names() {
        notices.note(&format!(
            "the trap {trap} is set: some keys are sent with two payloads, and promises.conflict says which one is to stay"
        ));
    }
    if load.plan.invalid > 0 {
        notices
            .note("the trap invalid is set: some requests hold an event that is none, and should be refused");
    }
    if load.scenario.request.is_none() {
        load.plan.impossible_modes().into_iter().for_each(|mode| notices.note(mode));
    }
    let concurrency = load.shapes.most_connections();
    if concurrency > workload.connections {
        notices.note(&format!(
            "{concurrency} connections were asked for, {} are used: there are no more requests",
            workload.connections
        ));
    }
}

/// Notes why the target's counters cannot be judged, or only as lower bounds.
pub(super) fn note_counters(load: &LoadSettings, endpoint: &Endpoint, baseline: &Baseline, notices: Notices) {
    if load.scenario.request.is_some() {
        // Nothing of the target is counted or listed, and nothing of it judged.
    } else if load.scenario.target.stats.path.is_none() {
        notices.note(
            "the target has no counters to read: whether they agree with what was sent cannot be judged",
        );
    } else if let Some(reason) = &baseline.unread {
        let prefix = match endpoint.prefix.as_str() {
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
