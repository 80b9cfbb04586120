//! Worlds: random runs against random stores, with views, counters, writers and restarts, each
//! observed as `verify` does and then judged.
//!
//! A store that did what it should is never FAIL. A finding that the looks hold is never PASS. Both
//! hold with nothing declared, with all promises that are true of the world, and with some of them.
//!
//! `CASES=100000 cargo test --release -p onceproof-judge --test it worlds -- --nocapture` runs so
//! many cases of each kind and prints their verdicts. `SEED=17` runs one case of each kind, and
//! prints its world and its judgement.

mod case;
mod defects;
mod dice;
mod histories;
mod lister;
mod observer;
mod oddities;
mod oracle;
mod sender;
mod store;
mod target;
mod waits;
mod watch;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use judge::verdict::{Status, Verdict};

use self::case::{Case, Declared};
use self::oddities::ODDITIES;
use self::oracle::{finding, is_sound};
use self::world::{Borders, Counts, Defect, Order, Others, Storing, TopicFilter, View, Which, World};

/// Number of cases of each kind, unless `CASES` says another.
const FEW: u64 = 60;

/// Number of further seeds that are shown of each kind of wrong verdict.
const SHOWN: usize = 8;

/// Verdicts of many cases.
#[derive(Default)]
struct Tally {
    /// Number of cases by kind of store and verdict.
    verdicts: BTreeMap<(String, &'static str), u64>,
    /// Wrong verdicts: the seed and the reason.
    wrong: Vec<(u64, String)>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        for (kind, count) in other.verdicts {
            *self.verdicts.entry(kind).or_default() += count;
        }
        self.wrong.extend(other.wrong);
    }

    fn count(&self, is_asked: impl Fn(&str, &str) -> bool) -> u64 {
        let of_these = self.verdicts.iter().filter(|((store, verdict), _)| is_asked(store, verdict));
        of_these.map(|(_, count)| count).sum()
    }

    fn print(&self, title: &str) {
        println!("{title}");
        for ((store, verdict), count) in &self.verdicts {
            println!("  {store:<22} {verdict:<8} {count:>7}");
        }
    }
}

fn cases() -> u64 {
    number("CASES").unwrap_or(FEW)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// Name of a defect, without its numbers.
fn store_of(world: &World, is_broken: bool) -> String {
    let Some(defect) = world.defect.filter(|_| is_broken) else { return "sound".to_owned() };
    let name = format!("{defect:?}");
    name.split(['(', ' ']).next().unwrap_or_default().to_lowercase()
}

/// Judges one world. Returns the kind of its store, the verdict, and why that is wrong, if it is.
fn try_one(world: &World, declared: Declared) -> (String, Verdict, Option<String>) {
    let case = Case::of(world, declared);
    let verdict = case.verdict.verdict;
    let sound = is_sound(world, &case, declared);
    let store = match (sound, case.history.is_broken) {
        (false, false) if world.storing.keeps_its_word() => "counted over".to_owned(),
        (false, false) => "late".to_owned(),
        (_, is_broken) => store_of(world, is_broken && !sound),
    };
    let failed = || {
        let failed = case.verdict.checks.iter().filter(|check| check.status == Status::Fail);
        failed.map(|check| format!("{}: {}", check.name, check.summary)).collect::<Vec<_>>().join("; ")
    };
    let wrong = match verdict {
        Verdict::Fail if sound => Some(format!("FAIL of a sound store: {}", failed())),
        Verdict::Pass => finding(world, &case).map(|finding| format!("PASS, but {finding}")),
        Verdict::Fail | Verdict::Unknown | Verdict::Void => None,
    };
    if number("SEED").is_some() {
        println!("{declared:?}: {verdict:?} of a {store} store\n{world:#?}\n{:#?}", case.verdict);
        println!("{:#?}\n{:#?}", case.evidence.observed.looks, case.evidence.observed.listing);
    }
    (store, verdict, wrong)
}

fn try_some(seeds: impl Iterator<Item = u64>, of: &dyn Fn(u64) -> World, declared: Declared) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        let world = of(seed);
        match catch_unwind(AssertUnwindSafe(|| try_one(&world, declared))) {
            Ok((store, verdict, wrong)) => {
                *tally.verdicts.entry((store, verdict.text())).or_default() += 1;
                tally.wrong.extend(wrong.map(|why| (seed, why)));
            }
            Err(_) => tally.wrong.push((seed, "it panicked".to_owned())),
        }
    }
    tally
}

/// Judges the worlds of so many seeds, on all processors.
fn try_all(of: &(dyn Fn(u64) -> World + Sync), declared: Declared, cases: u64) -> Tally {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..cases,
    };
    let workers = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let work = |nth: usize| {
            let seeds = seeds.clone();
            scope.spawn(move || try_some(seeds.skip(nth).step_by(workers), of, declared))
        };
        let handles: Vec<_> = (0..workers).map(work).collect();
        handles.into_iter().fold(Tally::default(), |mut all, handle| {
            all.add(handle.join().expect("a worker that catches panics"));
            all
        })
    })
}

/// Asserts that no verdict is wrong. Shows the first case of each kind of wrong verdict.
#[track_caller]
fn assert_right(title: &str, of: &dyn Fn(u64) -> World, tally: &Tally) {
    tally.print(title);
    let mut kinds: BTreeMap<String, Vec<&(u64, String)>> = BTreeMap::new();
    for wrong in &tally.wrong {
        let kind = wrong.1.chars().filter(|letter| !letter.is_ascii_digit()).collect();
        kinds.entry(kind).or_default().push(wrong);
    }
    for cases in kinds.values_mut() {
        cases.sort_unstable();
        let (seed, why) = cases[0];
        let others: Vec<u64> = cases.iter().skip(1).map(|(seed, _)| *seed).take(SHOWN).collect();
        println!("SEED={seed} {why}\n  {} such cases, also {others:?}\n  {:?}", cases.len(), of(*seed));
    }
    let first = tally.wrong.iter().min().map_or(0, |(seed, _)| *seed);
    assert!(
        tally.wrong.is_empty(),
        "{title}: {} wrong verdicts, the first with SEED={first}",
        tally.wrong.len()
    );
}

#[test]
fn with_nothing_declared_no_sound_store_fails_and_no_finding_passes() {
    let tally = try_all(&World::of, Declared::Nothing, cases());
    assert_right("nothing declared", &World::of, &tally);
}

#[test]
fn with_all_that_is_true_declared_no_sound_store_fails_and_no_finding_passes() {
    let tally = try_all(&World::of, Declared::All, cases());
    assert_right("all declared", &World::of, &tally);
}

#[test]
fn with_some_of_what_is_true_declared_no_sound_store_fails_and_no_finding_passes() {
    let tally = try_all(&World::of, Declared::Some, cases());
    assert_right("some declared", &World::of, &tally);
}

/// The world of this seed, whose target shows and counts everything at once.
fn plain(seed: u64) -> World {
    let mut world = World::of(seed).sound();
    world.load.slots = 280;
    world.load.topics = world.load.topics.min(2);
    (world.load.unknown, world.load.refused, world.load.killed) = (0, 0, None);
    (world.storing, world.restart, world.others) = (Storing::AtOnce, None, Others::Nobody);
    world.view = View::Whole;
    (world.refuses_repeats, world.window, world.stores_refused) = (false, None, false);
    let listing = &mut world.listing;
    (listing.order, listing.borders, listing.is_paged) = (Order::Newest, Borders::Sound, true);
    (listing.can_ask_for_limit, listing.most) = (true, 1_000);
    listing.topics = TopicFilter::Before;
    world.counting.kind = Counts::Exact;
    world.counting.offered = [true; 3];
    world
}

#[test]
fn an_oddity_of_a_target_is_no_defect_of_its_store() {
    let mut wrong = Vec::new();
    for oddity in ODDITIES {
        let of = |seed| {
            let mut world = plain(seed);
            (oddity.add)(&mut world);
            world
        };
        let tally = try_all(&of, oddity.declared, cases() / 10);
        tally.print(oddity.what);
        wrong.extend(tally.wrong.into_iter().map(|(seed, why)| (oddity.what, seed, why)));
    }
    let kinds: BTreeSet<&str> = wrong.iter().map(|(what, ..)| *what).collect();
    assert!(
        wrong.is_empty(),
        "{} wrong verdicts of {kinds:#?}\n{:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(SHOWN)]
    );
}

/// The same, with a key lost from the middle.
fn one_lost(seed: u64) -> World {
    World { defect: Some(Defect::Lost(Which::Middle, seed.is_multiple_of(2))), ..plain(seed) }
}

/// The same, with a key that was sent once and is stored twice.
fn doubled(seed: u64) -> World {
    World { defect: Some(Defect::Doubled(Which::All, seed.is_multiple_of(2))), ..plain(seed) }
}

/// Asserts that at least so many of a hundred of these worlds get this verdict.
#[track_caller]
fn assert_mostly(of: &(dyn Fn(u64) -> World + Sync), declared: Declared, wanted: Verdict, percent: u64) {
    let tally = try_all(of, declared, cases() / 4);
    tally.print(&format!("{wanted:?} is due with {declared:?} declared"));
    let all = tally.count(|_, _| true);
    let due = tally.count(|_, verdict| verdict == wanted.text());
    assert!(due * 100 >= all * percent, "{due} of {all} are {wanted:?}");
}

/// The same with a copy of every key, and a window that has not passed when all is looked at.
fn doubled_within_a_window(seed: u64) -> World {
    World { window: Some(1_000 * world::SECOND), ..doubled(seed) }
}

#[test]
fn a_window_that_has_not_passed_excuses_no_copy() {
    assert_mostly(&doubled_within_a_window, Declared::All, Verdict::Fail, 100);
    let tally = try_all(&doubled_within_a_window, Declared::Some, cases() / 4);
    assert_eq!(tally.count(|_, verdict| verdict == Verdict::Pass.text()), 0);
}

/// The same, where a key that comes after its window is stored three times.
fn copied_after_a_window(seed: u64) -> World {
    let plain = plain(seed);
    World { window: Some(plain.load.lasts / 6), defect: Some(Defect::Copied), ..plain }
}

#[test]
fn a_window_that_has_passed_excuses_no_more_rows_than_attempts() {
    assert_mostly(&copied_after_a_window, Declared::All, Verdict::Fail, 90);
}

#[test]
fn an_undeclared_loss_from_the_middle_of_a_whole_view_fails() {
    assert_mostly(&one_lost, Declared::Nothing, Verdict::Fail, 95);
}

#[test]
fn an_undeclared_copy_of_every_key_fails() {
    assert_mostly(&doubled, Declared::Nothing, Verdict::Fail, 95);
}

#[test]
fn a_sound_store_that_shows_everything_passes_declared_or_not() {
    assert_mostly(&plain, Declared::Nothing, Verdict::Pass, 95);
    assert_mostly(&plain, Declared::All, Verdict::Pass, 95);
}

#[test]
fn a_loss_that_the_owner_has_promised_against_fails() {
    assert_mostly(&one_lost, Declared::All, Verdict::Fail, 100);
}
