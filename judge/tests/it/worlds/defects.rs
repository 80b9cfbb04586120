//! Defects: what a broken store does to its rows, its numbers or its answers.

use truth::plan::Plan;
use truth::plan::event::Events;
use truth::target::answer::{Kind, Kinds};

use super::dice::Dice;
use super::sender::Fate;
use super::store::{Counted, History, NEVER, Stored, answer};
use super::world::{Defect, START, Us, Which, World};
use crate::forge;

/// Spoils what happened, and notes whether anything came of it.
pub(super) fn spoil(world: &World, plan: &Plan, events: &Events, dice: &mut Dice, history: &mut History) {
    let Some(defect) = world.defect else { return };
    let hit = |which: Which, dice: &mut Dice| hit(which, events, dice, history);
    let is_broken = match defect {
        Defect::Lost(which, is_counted) => {
            let keys = hit(which, dice);
            lose(history, &keys, is_counted)
        }
        Defect::Gone(which, after) => {
            let keys = hit(which, dice);
            let at = history.end + after;
            vanish(history, &keys, at)
        }
        Defect::Doubled(which, is_counted) => {
            let keys = hit(which, dice);
            double(history, &keys, is_counted, dice)
        }
        Defect::Merged => merge(events, history),
        Defect::Torn | Defect::RefusedStored | Defect::Forgetful | Defect::Copied => history.is_broken,
        Defect::Changed => change(history, dice, |stored| {
            stored.row.payload = Some("{\"other\":1}".to_owned());
        }),
        Defect::Misfiled => {
            let topics = events.topics();
            topics.len() > 1
                && change(history, dice, |stored| {
                    let other = stored.topic.map_or(0, |topic| (topic + 1) % topics.len());
                    stored.row.topic.clone_from(&topics[other]);
                    stored.topic = Some(other);
                })
        }
        Defect::Stranger(has_our_id) => {
            let at = dice.between(START, history.end);
            let key = plan.keys().expect("a plan with a count") + 3;
            let topic = has_our_id.then(|| events.topic_index(key));
            let row = if has_our_id { forge::row(events, key) } else { forge::foreign(900) };
            let hash = dice.any();
            history.rows.push(Stored { row, ordinal: None, topic, from: at, until: NEVER, hash });
            true
        }
        Defect::NewTwice => tell_new_twice(world, history),
        Defect::Miscounted { up } => {
            let by = if up { 1 } else { -1 };
            let at = dice.between(START, history.end);
            let [received, unique, duplicates] = dice.pick(&[[by, by, 0], [by, 0, by], [0, by, -by]]);
            history.counted.push(Counted { at, received, unique, duplicates, instance: 0 });
            true
        }
    };
    history.is_broken = is_broken;
}

/// Acknowledged keys that a defect hits.
fn hit(which: Which, events: &Events, dice: &mut Dice, history: &History) -> Vec<u64> {
    let acked = history.acked();
    let count = acked.len() as u64;
    if count == 0 {
        return acked;
    }
    let of = |from: u64, keys: u64| {
        acked.iter().copied().skip(from as usize).take(keys as usize).collect::<Vec<_>>()
    };
    match which {
        Which::One => of(dice.below(count), 1),
        Which::Middle => of(dice.between(count / 3, count * 2 / 3), 1),
        Which::First(keys) => of(0, keys),
        Which::Last(keys) => of(count.saturating_sub(keys), keys),
        Which::Span(keys) => of(dice.below(count), keys),
        Which::Every(distance) => {
            let first = dice.below(distance) as usize;
            acked.iter().copied().skip(first).step_by(distance as usize).collect()
        }
        Which::Topic(topic) => {
            acked.iter().copied().filter(|key| events.topic_index(*key) == topic).collect()
        }
        Which::All => acked,
        Which::Part => {
            let long = history.tries.iter().filter(|made| made.fate == Fate::Acked);
            let long: Vec<Vec<u64>> =
                long.map(|made| made.keys.clone()).filter(|keys| keys.len() > 1).collect();
            if long.is_empty() {
                return of(dice.below(count), 1);
            }
            let mut keys = dice.pick(&long);
            keys.truncate(dice.between(1, keys.len() as u64 - 1) as usize);
            keys
        }
    }
}

/// The rows of these keys that are there to stay.
fn rows_of<'h>(rows: &'h mut [Stored], keys: &'h [u64]) -> impl Iterator<Item = &'h mut Stored> {
    rows.iter_mut().filter(|row| row.ordinal.is_some_and(|ordinal| keys.contains(&ordinal)))
}

fn lose(history: &mut History, keys: &[u64], is_counted: bool) -> bool {
    let mut lost = Vec::new();
    for row in rows_of(&mut history.rows, keys) {
        if row.until == NEVER {
            lost.push(row.from);
        }
        (row.from, row.until) = (0, 0);
    }
    if !is_counted {
        let as_duplicate = |at: &Us| Counted { at: *at, received: 0, unique: -1, duplicates: 1, instance: 0 };
        history.counted.extend(lost.iter().map(as_duplicate));
    }
    !lost.is_empty()
}

fn vanish(history: &mut History, keys: &[u64], at: Us) -> bool {
    let mut has_vanished = false;
    for row in rows_of(&mut history.rows, keys) {
        has_vanished = true;
        row.until = row.until.min(at);
    }
    has_vanished
}

fn double(history: &mut History, keys: &[u64], is_counted: bool, dice: &mut Dice) -> bool {
    let mut copies: Vec<Stored> =
        rows_of(&mut history.rows, keys).filter(|row| row.until == NEVER).map(|row| row.clone()).collect();
    for copy in &mut copies {
        copy.hash = dice.any();
        if is_counted {
            let counted = Counted { at: copy.from, received: 0, unique: 1, duplicates: -1, instance: 0 };
            history.counted.push(counted);
        }
    }
    let has_copies = !copies.is_empty();
    history.rows.extend(copies);
    has_copies
}

/// Takes the later of two twins for the earlier one.
fn merge(events: &Events, history: &mut History) -> bool {
    let acked = history.acked();
    let is_later = |key: &&u64| events.twin(**key).is_some() && acked.contains(&(**key ^ 1));
    let Some(key) = acked.iter().rev().find(is_later).copied() else { return false };
    lose(history, &[key], false)
}

/// Changes a row of an acknowledged key.
fn change(history: &mut History, dice: &mut Dice, change: impl Fn(&mut Stored)) -> bool {
    let mut ours: Vec<&mut Stored> =
        history.rows.iter_mut().filter(|row| row.ordinal.is_some() && row.until == NEVER).collect();
    if ours.is_empty() {
        return false;
    }
    let nth = dice.below(ours.len() as u64) as usize;
    change(ours[nth]);
    true
}

/// Reports a duplicate as new.
fn tell_new_twice(world: &World, history: &mut History) -> bool {
    for made in history.tries.iter_mut().filter(|made| made.fate == Fate::Acked) {
        let kinds = match &made.answer.kinds {
            Kinds::AllDuplicate => vec![Kind::New; made.answer.accepted.unwrap_or(1) as usize],
            Kinds::Each(kinds) if kinds.contains(&Kind::Duplicate) => vec![Kind::New; kinds.len()],
            Kinds::Each(_) | Kinds::AllNew | Kinds::Unreported => continue,
        };
        made.answer = answer(world.telling, kinds);
        return true;
    }
    false
}
