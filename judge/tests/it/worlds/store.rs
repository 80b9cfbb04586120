//! Store: what a target makes of the tries, row by row, with the numbers that it counts.

use std::collections::{HashMap, HashSet};

use truth::observed::rows::Row;
use truth::plan::Plan;
use truth::plan::event::Events;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use super::defects::spoil;
use super::dice::Dice;
use super::sender::{Fate, Try, outcome};
use super::world::{Defect, Others, SECOND, START, Storing, Telling, Us, View, World};
use crate::forge;

/// Moment that never comes.
pub(super) const NEVER: Us = u64::MAX;

/// One row of the store.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) row: Row,
    /// Key or sentinel; none of a row of others.
    pub(super) ordinal: Option<u64>,
    /// Place of its topic in the plan; none for another topic.
    pub(super) topic: Option<usize>,
    pub(super) from: Us,
    pub(super) until: Us,
    /// Number that has nothing to do with anything.
    pub(super) hash: u64,
}

/// What a target counts at a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) at: Us,
    pub(super) received: i64,
    pub(super) unique: i64,
    pub(super) duplicates: i64,
    /// Which of two instances took it.
    pub(super) instance: u64,
}

/// What happened.
pub(super) struct History {
    pub(super) tries: Vec<Try>,
    pub(super) rows: Vec<Stored>,
    pub(super) counted: Vec<Counted>,
    /// Events that wait: from, until, number.
    pub(super) waiting: Vec<(Us, Us, u64)>,
    /// End of the last attempt.
    pub(super) end: Us,
    /// Whether the defect had an effect.
    pub(super) is_broken: bool,
    /// Whether a key came again after its window, and was stored again.
    pub(super) has_forgotten: bool,
}

impl History {
    /// Keys with an acknowledged attempt, in the order of their first acknowledgements.
    pub(super) fn acked(&self) -> Vec<u64> {
        let mut acks: Vec<&Try> = self.tries.iter().filter(|made| made.fate == Fate::Acked).collect();
        acks.sort_by_key(|made| made.end);
        let mut met = HashSet::new();
        let keys = acks.iter().flat_map(|made| made.keys.iter().copied());
        keys.filter(|key| met.insert(*key)).collect()
    }

    /// Longest time that something waited, and at least that from the end of the run until the last
    /// row is there.
    pub(super) fn drained(&self) -> Us {
        let ours = self.rows.iter().filter(|stored| stored.ordinal.is_some() && stored.until > 0);
        let at_last = ours.map(|stored| stored.from).max().unwrap_or(0).saturating_sub(self.end);
        self.waiting.iter().map(|(from, until, _)| until - from).fold(at_last, Us::max)
    }
}

/// What the store is asked to do at a moment.
enum Step {
    /// Take a try.
    Take(usize),
    /// Take a copy of the events of a try, which somebody else sends.
    TakeCopy(usize),
    /// Take a known event again.
    Repeat,
    /// Take an event of somebody else.
    Foreign,
    /// Delete a row of somebody else.
    Delete,
    /// Forget everything.
    Forget,
}

/// A store at work.
pub(super) struct Store<'a> {
    world: &'a World,
    events: &'a Events,
    dice: &'a mut Dice,
    history: History,
    /// Keys, and when each was stored last.
    known: HashMap<u64, Us>,
    foreign: u64,
}

impl<'a> Store<'a> {
    /// Runs a world from its first send on.
    pub(super) fn run(
        world: &'a World,
        plan: &Plan,
        events: &'a Events,
        tries: Vec<Try>,
        dice: &'a mut Dice,
    ) -> History {
        let end = tries.iter().map(|made| made.end).max().unwrap_or(START);
        let history = History {
            tries,
            rows: Vec::new(),
            counted: Vec::new(),
            waiting: Vec::new(),
            end,
            is_broken: false,
            has_forgotten: false,
        };
        let mut store = Self { world, events, dice, history, known: HashMap::new(), foreign: 0 };
        for _ in 0..world.earlier {
            store.take_foreign(START - 100 * SECOND);
        }
        for (at, step) in store.steps() {
            store.take(at, step);
        }
        store.store_one_late();
        spoil(store.world, plan, events, store.dice, &mut store.history);
        store.history.counted.sort_by_key(|counted| counted.at);
        store.history
    }

    /// Everything that happens, in the order of time.
    fn steps(&mut self) -> Vec<(Us, Step)> {
        let mut steps = self.takes();
        let end = self.history.end;
        let times = self.dice.between(1, 4);
        let when = |dice: &mut Dice, later: bool| match later {
            true => end + dice.below(40 * SECOND),
            false => dice.between(START, end),
        };
        match self.world.others {
            Others::Nobody | Others::Tee => {}
            Others::Repeats { later } => {
                steps.extend((0..times).map(|_| (when(self.dice, later), Step::Repeat)));
            }
            Others::Rows { later } => {
                steps.extend((0..times).map(|_| (when(self.dice, later), Step::Foreign)));
            }
            Others::Steady => {
                steps
                    .extend((0..200).map(|nth| (START - 20 * SECOND + nth * SECOND * 7 / 10, Step::Foreign)));
            }
            Others::Deletes => {
                steps.extend((0..times).map(|_| (self.dice.between(START, end + 20 * SECOND), Step::Delete)));
            }
            Others::Monitor { later } => {
                let acked: Vec<(usize, Us)> = self.acked_tries();
                for (nth, taken) in acked.into_iter().filter(|(nth, _)| nth % 3 > 0) {
                    let after = if later { end.max(taken) } else { taken } + self.dice.between(1, 2 * SECOND);
                    steps.push((after, Step::TakeCopy(nth)));
                }
            }
        }
        if self.world.defect == Some(Defect::Forgetful) {
            steps.extend(self.world.restart.map(|restart| (restart, Step::Forget)));
        }
        steps.sort_by_key(|(at, _)| *at);
        steps
    }

    fn acked_tries(&self) -> Vec<(usize, Us)> {
        let tries = self.history.tries.iter().enumerate();
        tries
            .filter(|(_, made)| made.fate == Fate::Acked)
            .filter_map(|(nth, made)| Some((nth, made.taken?)))
            .collect()
    }

    /// The tries that reach the store, each at the moment at which it does its work.
    fn takes(&mut self) -> Vec<(Us, Step)> {
        let mut taken: Vec<(Us, usize)> = Vec::new();
        let mut steps = Vec::new();
        for (nth, made) in self.history.tries.iter().enumerate() {
            let stores_refused =
                self.world.stores_refused || self.world.defect == Some(Defect::RefusedStored);
            let is_spoilt = made.fate == Fate::Refused && stores_refused;
            if let Some(at) = made.taken.or_else(|| is_spoilt.then_some(made.end - 1)) {
                taken.push((at, nth));
            }
            if self.world.others == Others::Tee && made.fate != Fate::NeverSent && nth % 3 == 0 {
                steps.push((made.start, Step::TakeCopy(nth)));
            }
        }
        taken.sort_unstable();
        let count = taken.len().max(1) as u64;
        let mut done = 0;
        for (at, nth) in taken {
            let at = match self.world.storing {
                Storing::AtOnce | Storing::OneLate { .. } => at,
                Storing::Queued { within, .. } => {
                    done = at.max(done) + self.dice.between(1, 2 * within / count);
                    let events = self.history.tries[nth].keys.len() as u64;
                    self.history.waiting.push((at, done, events));
                    done
                }
            };
            steps.push((at, Step::Take(nth)));
        }
        steps
    }

    fn take(&mut self, at: Us, step: Step) {
        match step {
            Step::Take(nth) => self.take_try(at, nth),
            Step::TakeCopy(nth) => {
                let keys = self.history.tries[nth].keys.clone();
                self.take_events(at, &keys, nth as u64);
            }
            Step::Repeat => self.count(at, 1, 0, 1, 0),
            Step::Foreign => self.take_foreign(at),
            Step::Delete => {
                let mut others = self.history.rows.iter_mut().filter(|row| row.ordinal.is_none());
                if let Some(row) = others.find(|row| row.until == NEVER) {
                    row.until = at;
                }
            }
            Step::Forget => {
                for row in self.history.rows.iter_mut().filter(|row| row.until == NEVER) {
                    row.until = at;
                    self.history.is_broken = true;
                }
                self.known.clear();
            }
        }
    }

    /// Takes a try, and answers it.
    fn take_try(&mut self, at: Us, nth: usize) {
        let made = self.history.tries[nth].clone();
        let mut keys = made.keys;
        let knows_all = keys.iter().all(|key| self.knows(*key, at));
        if self.world.refuses_repeats && knows_all && made.fate == Fate::Acked {
            let made = &mut self.history.tries[nth];
            (made.fate, made.status) = (Fate::Refused, 409);
            made.answer = Answer::bare(outcome(Fate::Refused));
            return;
        }
        let is_torn = !self.world.is_atomic || self.world.defect == Some(Defect::Torn);
        if matches!(made.fate, Fate::Unknown | Fate::Silent)
            && is_torn
            && keys.len() > 1
            && self.dice.chance(50)
        {
            let whole = keys.len();
            keys.truncate(self.dice.between(1, whole as u64 - 1) as usize);
            self.history.is_broken |= self.world.defect == Some(Defect::Torn);
        }
        let was_refused = made.fate == Fate::Refused && !self.world.stores_refused;
        self.history.is_broken |= was_refused;
        let kinds = self.take_events(at, &keys, nth as u64);
        if made.fate == Fate::Acked {
            self.answer(nth, kinds);
        }
    }

    /// Stores those of these events that are not known.
    fn take_events(&mut self, at: Us, keys: &[u64], instance: u64) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for key in keys {
            let is_new = !self.knows(*key, at);
            let is_forgotten = is_new && self.known.insert(*key, at).is_some();
            self.history.has_forgotten |= is_forgotten;
            if is_forgotten && self.world.defect == Some(Defect::Copied) {
                (0..2).for_each(|_| self.put(*key, at, NEVER));
                self.history.is_broken = true;
            }
            kinds.push(if is_new { Kind::New } else { Kind::Duplicate });
            if is_new {
                self.put(*key, at, NEVER);
            } else if let View::Merging(within) = self.world.view {
                let until = at + self.dice.between(1, within);
                self.put(*key, at, until);
            }
        }
        let new = kinds.iter().filter(|kind| **kind == Kind::New).count() as i64;
        self.count(at, kinds.len() as i64, new, kinds.len() as i64 - new, instance);
        kinds
    }

    /// Whether a key is known at a moment.
    fn knows(&self, key: u64, at: Us) -> bool {
        let is_within = |since: &Us| self.world.window.is_none_or(|window| at - since < window);
        self.known.get(&key).is_some_and(is_within)
    }

    fn put(&mut self, ordinal: u64, from: Us, until: Us) {
        let hash = self.dice.any();
        let topic = Some(self.events.topic_index(ordinal));
        let row = forge::row(self.events, ordinal);
        self.history.rows.push(Stored { row, ordinal: Some(ordinal), topic, from, until, hash });
    }

    fn take_foreign(&mut self, at: Us) {
        self.foreign += 1;
        let mut row = forge::foreign(self.foreign);
        let topics = self.events.topics();
        let topic = self.dice.chance(30).then(|| self.dice.below(topics.len() as u64) as usize);
        if let Some(topic) = topic {
            row.topic.clone_from(&topics[topic]);
        }
        let hash = self.dice.any();
        self.history.rows.push(Stored { row, ordinal: None, topic, from: at, until: NEVER, hash });
        self.count(at, 1, 1, 0, self.foreign);
    }

    fn count(&mut self, at: Us, received: i64, unique: i64, duplicates: i64, instance: u64) {
        self.history.counted.push(Counted { at, received, unique, duplicates, instance: instance % 2 });
    }

    /// Writes the answer to a try whose events were of these kinds.
    fn answer(&mut self, nth: usize, kinds: Vec<Kind>) {
        let made = &mut self.history.tries[nth];
        made.status = match self.world.storing {
            Storing::AtOnce => 200,
            Storing::Queued { status, .. } | Storing::OneLate { status, .. } => status,
        };
        made.answer = answer(self.world.telling, kinds);
    }

    /// Has the rows of one acknowledged request appear late.
    fn store_one_late(&mut self) {
        let Storing::OneLate { by, .. } = self.world.storing else { return };
        let acked = self.acked_tries();
        if acked.is_empty() {
            return;
        }
        let (_, taken) = self.dice.pick(&acked);
        let late = self.history.end.max(taken) + by;
        let rows = self.history.rows.iter_mut();
        for row in rows.filter(|row| row.from == taken && row.until == NEVER && row.ordinal.is_some()) {
            row.from = late;
        }
    }
}

/// An acknowledgement that reports these kinds.
pub(super) fn answer(telling: Telling, kinds: Vec<Kind>) -> Answer {
    let all = kinds.len() as u32;
    let new = kinds.iter().filter(|kind| **kind == Kind::New).count() as u32;
    let bare = Answer::bare(Outcome::Acked);
    let kinds = match (telling, new) {
        (Telling::Nothing, _) => return bare,
        (_, new) if new == all => Kinds::AllNew,
        (_, 0) => Kinds::AllDuplicate,
        (Telling::Each, _) => Kinds::Each(kinds),
        (Telling::Counts, _) => Kinds::Unreported,
    };
    Answer { accepted: Some(all), inserted: Some(new), duplicates: Some(all - new), kinds, ..bare }
}
