//! `epochs`: readings of the counters in order. An epoch is the life of one process: no counter
//! falls in it. If counters are promised to survive a restart, none ever falls.
//!
//! A process is known by its instance, or by an uptime that is longer than the time since the
//! reading before. An uptime that fell to less than that time shows a restart.
//!
//! An uptime that reaches back to before the process was ended, for which there is proof, is
//! impossible.

use truth::record::faults::Struck;
use truth::scenario::promises::StatsPromise;

use crate::books::epochs::{Epochs, Passage, ROUNDED_MS, Step};
use crate::books::interval::Interval;
use crate::facts::Facts;
use crate::numbers::{counted, grouped};
use crate::premises::{counters_of_one_process, ground};
use crate::verdict::{Check, CheckId, Finding, Observation, Premise};

/// Looks for counters that fell, and for impossible uptimes. It is certain if readings are
/// snapshots, and counters persist or one process answered.
pub fn epochs(facts: &Facts<'_>) -> Check {
    const ID: CheckId = CheckId::Epochs;
    let promises = &facts.evidence.promises;
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(ID, "shards of this run are missing");
    }
    if facts.epochs.iter().all(|epochs| epochs.compared == 0) {
        return Check::not_tested(ID, "the counters were not read twice");
    }
    if let Some(lie) = lie(facts) {
        let check = Check::fail(ID, 1, lie.clone(), vec![Finding::plain(lie)]);
        return check.resting_on(vec![ground(facts, Premise::Uptime)]);
    }
    if promises.is_shared() {
        return Check::not_tested(ID, "others who use the target may lower its counters");
    }
    let detail = |step: &Step| {
        let fall = step.fall.expect("only steps with a fall are judged");
        let across = if step.passage == Passage::Restarted { ", across a restart" } else { "" };
        let when = when(facts, step);
        format!("{} fell from {} to {} {when}{across}", fall.name, grouped(fall.before), grouped(fall.after))
    };
    let is_known = |epochs: &Epochs| promises.counts_on() || epochs.is_one();
    let falls = facts.epochs.iter().flat_map(|epochs| &epochs.falls);
    // A process that calls itself by the same name after a restart is another all the same.
    let is_judged = |step: &&Step| promises.counts_on() || !was_restarted(facts, step);
    let falls: Vec<&Step> = falls.filter(is_judged).collect();
    let Some(first) = falls.first() else {
        if !facts.epochs.iter().any(is_known) {
            return Check::not_tested(ID, "counters do not survive a restart, and there may have been one");
        }
        let compared = facts.epochs.iter().map(|epochs| epochs.compared).sum();
        let answers = counted(compared, "pair of readings", "pairs of readings");
        return Check::pass(ID, format!("no counter fell in {answers}"));
    };
    if promises.stats == Some(StatsPromise::Eventual) {
        return Check::not_tested(ID, format!("{}: only promised snapshots rule that out", detail(first)));
    }
    let found = |step: &&Step| Finding::plain(detail(step));
    let grounds = vec![counters_of_one_process(facts)];
    let findings = falls.iter().map(found).collect();
    Check::fail(ID, falls.len() as u64, detail(first), findings).resting_on(grounds)
}

/// Lists the restarts that nothing planned explains.
pub(super) fn restarts(facts: &Facts<'_>) -> Vec<Observation> {
    let polled = facts.evidence.polled.iter().flat_map(|polled| &polled.epochs.restarts);
    let mut restarts: Vec<Observation> = polled
        .filter(|step| !was_struck(facts, step))
        .map(|step| Observation::Restarted { when: when(facts, step) })
        .collect();
    // A restart between a run and its reading is not a fault.
    let was_read = facts.epochs.iter().zip(&facts.evidence.polled);
    let later = was_read.filter(|(epochs, polled)| epochs.restarts.len() > polled.epochs.restarts.len());
    restarts.extend(later.map(|_| Observation::RestartedAfterRun));
    restarts
}

/// Describes an uptime that reaches back to before the process was surely ended.
fn lie(facts: &Facts<'_>) -> Option<String> {
    // What several hosts measured cannot be compared.
    let polled = facts.evidence.polled.iter().filter(|_| facts.evidence.one_clock);
    let mut last = polled.filter_map(|polled| polled.epochs.last.as_ref());
    let restarts = facts.evidence.faults.iter().filter_map(Struck::restart);
    let restarts: Vec<(u64, u64)> = restarts.collect();
    last.find_map(|last| {
        let asked_ns = last.asked_ns?;
        let answered_ns = last.answered_ns?;
        let up_ms = last.counters.uptime_ms?;
        let since_ms = |begun_ns: u64| answered_ns.saturating_sub(begun_ns).div_ceil(1_000_000);
        let mut over = restarts.iter().filter(|(_, ended_ns)| *ended_ns <= asked_ns);
        let (begun_ns, _) =
            over.find(|(begun_ns, _)| up_ms > since_ms(*begun_ns).saturating_add(ROUNDED_MS))?;
        Some(format!(
            "the target reports an uptime of {} ms, though its process was ended {} ms before",
            grouped(up_ms),
            grouped(since_ms(*begun_ns))
        ))
    })
}

/// Returns true if a fault on record struck the target between the two readings.
fn was_struck(facts: &Facts<'_>, step: &Step) -> bool {
    let records = facts.evidence.faults.iter().filter_map(|struck| struck.record.as_ref());
    let mut done = records.filter(|record| record.proof.is_some());
    done.any(|record| step.meets(Interval { start: record.begun_ns, end: record.ended_ns }))
}

/// Returns true if a fault restarted the target between the two readings.
fn was_restarted(facts: &Facts<'_>, step: &Step) -> bool {
    facts
        .evidence
        .faults
        .iter()
        .filter_map(Struck::restart)
        .any(|(start, end)| step.meets(Interval { start, end }))
}

/// Time of a step, in seconds after the first send.
fn when(facts: &Facts<'_>, step: &Step) -> String {
    let begun = facts.tally.begun_ns;
    let after = |ns: Option<u64>| Some(i128::from(ns?) - i128::from(begun?));
    let seconds = |nanos: i128| format!("{:.1} s", nanos.max(0) as f64 / 1e9);
    match (after(step.after_ns), after(step.before_ns)) {
        (Some(from), Some(to)) if from > 0 => {
            format!("between {} and {} after the first send", seconds(from), seconds(to))
        }
        (_, Some(to)) => format!("less than {} after the first send", seconds(to)),
        (Some(from), None) => format!("more than {} after the first send", seconds(from)),
        (None, None) => "at an unknown time".to_owned(),
    }
}
