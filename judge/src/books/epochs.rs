//! Epochs of the counters: what a target said one after the other, and which process said it.

use truth::observed::counters::Counters;
use truth::scenario::promises::Counters as CounterPromise;

/// Restarts, falls and instances that are kept: more are counted alike, and not shown.
const KEPT: usize = 8;

/// By how much an uptime in whole seconds, or one by the clock on the wall, may be off.
pub(crate) const ROUNDED_MS: u64 = 1_000;

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
    Unclear,
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
    pub(crate) fn meets(&self, (from_ns, to_ns): (u64, u64)) -> bool {
        self.after_ns.is_none_or(|after| after <= to_ns)
            && self.before_ns.is_none_or(|before| from_ns <= before)
    }
}

/// What the answers of one run come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Epochs {
    promised: CounterPromise,
    pub(crate) last: Option<Reading>,
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
            if is_judged && step.fall.is_some() && self.falls.len() < KEPT {
                self.falls.push(step.clone());
            }
            if step.passage == Passage::Restarted && self.restarts.len() < KEPT {
                self.restarts.push(step);
            }
        }
        if let Some(instance) = &next.counters.instance
            && self.instances.len() < KEPT
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
            _ => Passage::Unclear,
        }
    }
}
