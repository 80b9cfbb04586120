//! Mutants of a target: each is named by the right check where its promise is made, none goes
//! untold where nothing is, and the sound one is named by none.

use xtask::matrix::third::Third;
use xtask::matrix::work::{Run, side_by_side};
use xtask::mutants::cell::Cell;
use xtask::mutants::modes::MODES;
use xtask::mutants::mutant::{Mutant, Starter};
use xtask::mutants::table;
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

fn first_trial(mutant: &Mutant, cell: Cell) -> Trial<'_> {
    Trial { mutant, cell, attempts: mutant.attempts, seed: 1 }
}

#[test]
fn every_mutant_is_named_by_the_right_check() {
    let programs = programs();
    side_by_side(table::all(), SIDE_BY_SIDE, |mutant| {
        let outcome = first_trial(mutant, Cell::Promised).run(&programs)?;
        assert!(Cell::Promised.is_right(mutant, &outcome), "{}: {outcome:?}", mutant.name);
        let is_hurt = outcome.unknown > 0;
        let is_struck = mutant.faults.iter().any(|fault| fault.hurts());
        // A refusal with a server error leaves attempts without a known fate.
        let refuses = mutant.named_by == "repeat-refused";
        let is_expected = is_hurt == (is_struck || mutant.starter != Starter::Trial);
        assert!(refuses || is_expected, "{}: {outcome:?}", mutant.name);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_third_of_the_mutants_is_judged_as_due_where_nothing_is_declared() {
    let programs = programs();
    let third = Third::chosen().unwrap();
    println!("{third}");
    let mutants = table::all().enumerate().filter(|(place, _)| third.holds(*place));
    side_by_side(mutants, SIDE_BY_SIDE, |(_, mutant)| {
        let outcome = first_trial(mutant, Cell::Undeclared).run(&programs)?;
        assert!(Cell::Undeclared.is_right(mutant, &outcome), "{third}: {}: {outcome:?}", mutant.name);
        Ok(())
    })
    .unwrap();
}

#[test]
fn nothing_blames_the_sound_target_in_any_mode_with_kills_and_pauses() {
    let programs = programs();
    let runs = MODES.iter().flat_map(|mode| (1..=SOUND_SEEDS).map(move |seed| (*mode, seed)));
    side_by_side(runs, SIDE_BY_SIDE, |(mode, seed)| {
        let sound = table::sound(mode);
        let outcome = Trial { mutant: &sound, cell: Cell::Promised, attempts: 4_000, seed }.run(&programs)?;
        assert!(Cell::Promised.is_right(&sound, &outcome), "{}, seed {seed}: {outcome:?}", mode.name);
        assert!(outcome.unknown > 0, "{}, seed {seed}: no fault hurt the run", mode.name);
        Ok(())
    })
    .unwrap();
}
