//! Mutants of a target: each is named by the right check, and the sound one by none.

use std::sync::Mutex;

use xtask::mutants::modes::MODES;
use xtask::mutants::table::{MUTANTS, Starter, sound};
use xtask::mutants::trial::Trial;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};

/// Runs side by side: few enough that a run of a second takes a second.
const SIDE_BY_SIDE: usize = 3;

/// Seeds of each mode here; `cargo xtask mutants` tries more.
const SOUND_SEEDS: u32 = 4;

fn programs() -> Programs {
    Programs::built(Profile::Debug, &Interrupt::never()).unwrap()
}

#[test]
fn every_mutant_is_named_by_the_right_check() {
    let programs = programs();
    let waiting = Mutex::new(MUTANTS.iter());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(mutant) = { waiting.lock().unwrap().next() } {
                    let trial = Trial::run(&programs, mutant, mutant.attempts, 1).unwrap();
                    assert!(mutant.is_named_by(&trial), "{}: {}", mutant.name, trial.told());
                    let is_hurt = trial.unknown > 0;
                    let is_struck = mutant.faults.iter().any(|fault| fault.hurts());
                    // A refusal with a server error leaves attempts without a known fate.
                    let refuses = mutant.named_by == "repeat-refused";
                    let is_expected = is_hurt == (is_struck || mutant.starter != Starter::Trial);
                    assert!(refuses || is_expected, "{}: {}", mutant.name, trial.told());
                }
            });
        }
    });
}

#[test]
fn nothing_blames_the_sound_target_in_any_mode_with_kills_and_pauses() {
    let programs = programs();
    let runs = MODES.iter().flat_map(|mode| (1..=SOUND_SEEDS).map(move |seed| (*mode, seed)));
    let waiting = Mutex::new(runs);
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some((mode, seed)) = { waiting.lock().unwrap().next() } {
                    let trial = Trial::run(&programs, &sound(mode), 4_000, seed).unwrap();
                    assert_eq!(trial.verdict, "PASS", "{}, seed {seed}: {}", mode.name, trial.told());
                    assert!(trial.unknown > 0, "{}, seed {seed}: no fault hurt the run", mode.name);
                }
            });
        }
    });
}
