//! `epochs`: what the counters said one after the other. Within an epoch, which is the life of one process, no counter
//! falls; where counters are promised to survive a restart, none ever does.
//!
//! An uptime that goes back to before the process was ended, for which there is proof, is a lie.
//!
//! A process is known by its instance, or by having been up for longer than the time since it was last asked. An
//! uptime that fell, to less than that time, tells of a restart.

use truth::scenario::promises::{Counters as CounterPromise, StatsPromise};

use super::{Facts, counted, grouped};
use crate::faults::Struck;
use crate::observe::stats::Counters;
use crate::verdict::{Check, Finding, SHOWN_KEYS};

/// By how much an uptime in whole seconds, or one by the clock on the wall, may be off.
const ROUNDED_MS: u64 = 1_000;

/// One answer of the counters. Times are monotonic, and absent where they are not of the run's clock.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// When the question was sent.
    pub asked_ns: Option<u64>,
    /// When the answer was there.
    pub answered_ns: Option<u64>,
    /// What it said.
    pub counters: Counters,
}

/// Who gave the second of two answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Passage {
    /// The process that gave the first.
    Same,
    /// A process that began later.
    Restarted,
    /// One that was there before: several serve the target.
    Another,
    /// Nobody knows.
    Untold,
}

/// Two answers, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// When the first was asked for.
    pub after_ns: Option<u64>,
    /// When the second was there.
    pub before_ns: Option<u64>,
    /// Who gave the second.
    pub passage: Passage,
    /// The first counter that is less in the second, with both values.
    pub fall: Option<(&'static str, u64, u64)>,
}

impl Step {
    /// Whether something that lasted so long can have fallen between the two answers.
    fn meets(&self, (from_ns, to_ns): (u64, u64)) -> bool {
        self.after_ns.is_none_or(|after| after <= to_ns)
            && self.before_ns.is_none_or(|before| from_ns <= before)
    }
}

/// What the answers of one run come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epochs {
    promised: CounterPromise,
    last: Option<Reading>,
    instances: Vec<String>,
    /// Pairs of answers that were compared.
    pub compared: u64,
    /// Restarts, the first few.
    pub restarts: Vec<Step>,
    /// Falls that the promise rules out, the first few.
    pub falls: Vec<Step>,
    /// The first time that another process answered, or none is known to have.
    pub broken: Option<Passage>,
}

impl Epochs {
    /// Nothing read yet.
    pub fn new(promised: CounterPromise) -> Self {
        let (instances, restarts, falls) = (Vec::new(), Vec::new(), Vec::new());
        Self { promised, last: None, instances, compared: 0, restarts, falls, broken: None }
    }

    /// Takes the next answer.
    pub fn take(&mut self, next: Reading) {
        if let Some(last) = &self.last {
            let step = self.step(last, &next);
            self.compared += 1;
            if step.passage != Passage::Same {
                self.broken.get_or_insert(step.passage);
            }
            let is_judged = self.promised == CounterPromise::Persistent || step.passage == Passage::Same;
            if is_judged && step.fall.is_some() && self.falls.len() < SHOWN_KEYS {
                self.falls.push(step.clone());
            }
            if step.passage == Passage::Restarted && self.restarts.len() < SHOWN_KEYS {
                self.restarts.push(step);
            }
        }
        if let Some(instance) = &next.counters.instance
            && self.instances.len() < SHOWN_KEYS
            && !self.instances.contains(instance)
        {
            self.instances.push(instance.clone());
        }
        self.last = Some(next);
    }

    /// Whether all answers so far are known to be of one process.
    pub fn is_one(&self) -> bool {
        self.broken.is_none()
    }

    fn step(&self, last: &Reading, next: &Reading) -> Step {
        let of = [
            ("received", last.counters.received, next.counters.received),
            ("unique", last.counters.unique, next.counters.unique),
            ("duplicates", last.counters.duplicates, next.counters.duplicates),
        ];
        let mut told = of.into_iter().filter_map(|(name, before, after)| Some((name, before?, after?)));
        Step {
            after_ns: last.asked_ns,
            before_ns: next.answered_ns,
            passage: self.passage(last, next),
            fall: told.find(|(_, before, after)| after < before),
        }
    }

    fn passage(&self, last: &Reading, next: &Reading) -> Passage {
        let between = next.answered_ns.zip(last.asked_ns);
        let between_ms = between.map(|(after, before)| after.saturating_sub(before).div_ceil(1_000_000));
        let (before, after) = (&last.counters, &next.counters);
        let up = after.uptime_ms.zip(between_ms);
        let can_be_younger = up.is_none_or(|(up, between)| up <= between.saturating_add(ROUNDED_MS));
        let has_fallen = before.uptime_ms.zip(after.uptime_ms).is_some_and(|(before, after)| after < before);
        match (&before.instance, &after.instance) {
            (Some(one), Some(other)) if one != other => {
                let is_new = !self.instances.contains(other) && can_be_younger;
                if is_new { Passage::Restarted } else { Passage::Another }
            }
            _ if has_fallen && can_be_younger => Passage::Restarted,
            (Some(_), Some(_)) => Passage::Same,
            _ if has_fallen => Passage::Another,
            _ if up.is_some_and(|(up, between)| up > between) => Passage::Same,
            _ => Passage::Untold,
        }
    }
}

/// Counters that fell.
pub fn epochs(facts: &Facts<'_>) -> Check {
    const NAME: &str = "epochs";
    let promises = &facts.evidence.promises;
    if facts.evidence.missing_shards > 0 {
        return Check::not_tested(NAME, "the shards are not all here");
    }
    if facts.epochs.iter().all(|epochs| epochs.compared == 0) {
        return Check::not_tested(NAME, "the counters were not read twice");
    }
    if let Some(lie) = lie(facts) {
        return Check::fail(NAME, 1, lie.clone(), vec![Finding::plain(lie)]);
    }
    if promises.shared {
        return Check::not_tested(NAME, "others who use the target may lower its counters");
    }
    let detail = |step: &Step| {
        let (name, before, after) = step.fall.unwrap_or(("a counter", 0, 0));
        let across = if step.passage == Passage::Restarted { ", across a restart" } else { "" };
        let (before, after, when) = (grouped(before), grouped(after), when(facts, step));
        format!("{name} fell from {before} to {after} {when}{across}")
    };
    let is_known = |epochs: &Epochs| promises.counters == CounterPromise::Persistent || epochs.is_one();
    let falls = facts.epochs.iter().flat_map(|epochs| &epochs.falls);
    // A process that calls itself by the same name after a restart is another all the same.
    let is_judged =
        |step: &&Step| promises.counters == CounterPromise::Persistent || !was_restarted(facts, step);
    let falls: Vec<&Step> = falls.filter(is_judged).collect();
    let Some(first) = falls.first() else {
        if !facts.epochs.iter().any(is_known) {
            return Check::not_tested(NAME, "counters do not survive a restart, and there may have been one");
        }
        let compared = facts.epochs.iter().map(|epochs| epochs.compared).sum();
        let answers = counted(compared, "pair of answers", "answers one after the other");
        return Check::pass(NAME, format!("no counter fell in {answers}"));
    };
    if promises.stats == StatsPromise::Eventual {
        return Check::not_tested(NAME, format!("{}: only promised snapshots rule that out", detail(first)));
    }
    let found = |step: &&Step| Finding::plain(detail(step));
    Check::fail(NAME, falls.len() as u64, detail(first), falls.iter().map(found).collect())
}

/// Restarts, told as what happened besides.
pub(super) fn restarts(facts: &Facts<'_>) -> Vec<String> {
    let polled = facts.evidence.polled.iter().flat_map(|polled| &polled.epochs.restarts);
    let mut lines: Vec<String> = polled
        .filter(|step| !was_struck(facts, step))
        .map(|step| format!("the target restarted {}; nothing planned did that", when(facts, step)))
        .collect();
    // What happened between a run and its reading is nobody's fault.
    let was_read = facts.epochs.iter().zip(&facts.evidence.polled);
    let later = was_read.filter(|(epochs, polled)| epochs.restarts.len() > polled.epochs.restarts.len());
    lines.extend(later.map(|_| "the target restarted after the run, before it was read".to_owned()));
    lines
}

/// An uptime that goes back to before the process was ended for certain.
fn lie(facts: &Facts<'_>) -> Option<String> {
    // What several hosts measured cannot be compared.
    let polled = facts.evidence.polled.iter().filter(|_| facts.evidence.one_clock);
    let mut last = polled.filter_map(|polled| polled.epochs.last.as_ref());
    let restarts = facts.evidence.faults.iter().filter_map(Struck::restart);
    let restarts: Vec<(u64, u64)> = restarts.collect();
    last.find_map(|last| {
        let (asked_ns, answered_ns, up_ms) = (last.asked_ns?, last.answered_ns?, last.counters.uptime_ms?);
        let since_ms = |begun_ns: u64| answered_ns.saturating_sub(begun_ns).div_ceil(1_000_000);
        let mut over = restarts.iter().filter(|(_, ended_ns)| *ended_ns <= asked_ns);
        let (begun_ns, _) =
            over.find(|(begun_ns, _)| up_ms > since_ms(*begun_ns).saturating_add(ROUNDED_MS))?;
        Some(format!(
            "the target says that it has been up for {} ms, though its process was ended {} ms before",
            grouped(up_ms),
            grouped(since_ms(*begun_ns))
        ))
    })
}

/// Whether something that is on record was done to the target meanwhile.
fn was_struck(facts: &Facts<'_>, step: &Step) -> bool {
    let records = facts.evidence.faults.iter().filter_map(|struck| struck.record.as_ref());
    let mut done = records.filter(|record| record.proof.is_some());
    done.any(|record| step.meets((record.begun_ns, record.ended_ns)))
}

/// Whether the target was restarted for certain meanwhile.
fn was_restarted(facts: &Facts<'_>, step: &Step) -> bool {
    facts.evidence.faults.iter().filter_map(Struck::restart).any(|restart| step.meets(restart))
}

/// In seconds after the first send.
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
