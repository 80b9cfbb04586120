//! Announcements before a run: the load, and the limits of what the run can show.

use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::scenario::{Executor, Executors};
use truth::target::Endpoint;

use crate::command::settings::LoadSettings;
use crate::command::warnings;
use crate::connection::dial::Found;
use crate::executor::Workload;
use crate::watch::notice::{Notices, counted};

/// Prints the load, with all that is needed to send it again.
pub(super) fn announce(load: &LoadSettings, workload: &Workload, folder: &RunFolder, notices: Notices) {
    let plan = &load.plan;
    let part = match load.shard.of {
        1 => String::new(),
        of => format!(" (shard {} of {of})", load.shard.index),
    };
    let [repeats, of] = plan.share;
    if let Some(request) = &load.scenario.request {
        let target = &load.scenario.target;
        let connections = counted(workload.connections.into(), "connection");
        let url = format!("{} {}{}", request.method, target.url, target.publish.path);
        let many =
            workload.requests.map_or_else(|| duration(&load.shapes), |requests| counted(requests, "time"));
        notices.say(&format!("sending {url} {many} over {connections}"));
        return notices.say(&format!("run folder {}", folder.path().display()));
    }
    let events = match workload.events.zip(workload.requests) {
        Some((events, requests)) => {
            format!("{}{part} in {}", counted(events, "event"), counted(requests, "request"))
        }
        None => format!("{}{part}", duration(&load.shapes)),
    };
    notices.say(&format!(
        "sending {events} to {} over {}; {:.2}% are repeats",
        load.scenario.target.publish_url(),
        counted(workload.connections.into(), "connection"),
        repeats as f64 * 100.0 / of as f64,
    ));
    notices.say(&format!("seed {}, run folder {}", plan.seed, folder.path().display()));
}

/// Returns the duration of a run that only time ends.
fn duration(executors: &Executors) -> String {
    match executors.only().and_then(Executor::lasts) {
        Some(lasts) => format!("for {}", truth::duration::format(lasts)),
        None => format!("until {} executors have ended", executors.each().len()),
    }
}

/// Prints what limits this run, before it begins.
pub(super) fn warn(
    load: &LoadSettings,
    endpoint: &Endpoint,
    workload: &Workload,
    addresses: &[Found],
    notices: Notices,
) {
    warnings::secrets_in_clear(&load.scenario).iter().for_each(|warning| notices.warn(warning));
    let authority = &endpoint.authority;
    match &endpoint.proxy {
        None if addresses.iter().all(|found| found.address.is_this_machine()) => {}
        None => notices.warn(&format!("{authority} is not this machine; load only targets that you own")),
        // Nobody here can see where a proxy leads.
        Some(proxy) => notices.warn(&format!(
            "{authority} is reached through {proxy}, which may lead to another machine; load only targets that you own"
        )),
    }
    for trap in load.plan.twins.names() {
        notices.note(&format!("the trap {trap} is set: a careless target may lose events for good"));
    }
    for trap in load.plan.variants.names() {
        notices.note(&match trap {
            "other_timestamp" | "other_source" => {
                format!("the trap {trap} is set: some keys are sent with two of these, and either may stay")
            }
            _ => format!(
                "the trap {trap} is set: some keys are sent with two payloads; promises.conflict says which one \
                 stays"
            ),
        });
    }
    if load.plan.invalid > 0 {
        notices.note(
            "the trap invalid is set: some requests hold an invalid event, which the target should reject",
        );
    }
    if load.scenario.request.is_none() {
        load.plan.impossible_modes().into_iter().for_each(|mode| notices.note(mode));
    }
    let concurrency = load.shapes.most_connections();
    if concurrency > workload.connections {
        notices.note(&format!(
            "{} of --concurrency {concurrency} will do: the run has no more requests",
            counted(workload.connections.into(), "connection")
        ));
    }
}

/// Notes why the target's counters cannot be judged, or only as lower bounds.
pub(super) fn note_counters(load: &LoadSettings, endpoint: &Endpoint, baseline: &Baseline, notices: Notices) {
    if load.scenario.request.is_some() {
        // One request, sent over and over, is neither counted nor judged.
    } else if let Some(unread) = warnings::unread(&load.scenario) {
        notices.note(&unread);
    } else if !load.scenario.target.stats.are_offered() {
        notices.note("the target has no counters: they cannot be judged");
    } else if let Some(reason) = &baseline.unread {
        let prefix = match endpoint.prefix.as_str() {
            "" => String::new(),
            prefix => format!("; every path begins with {prefix}, from --target"),
        };
        notices
            .note(&format!("the target's counters cannot be read ({reason}{prefix}): they cannot be judged"));
    } else if baseline.moving {
        notices.note("another writer uses the target: its counters are lower bounds");
    } else if !baseline.is_firm() {
        notices.note("the target still stores earlier events: its counters are lower bounds");
    }
}
