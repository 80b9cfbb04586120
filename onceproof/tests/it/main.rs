//! The program that holds all: its names, the demo and the doctor.

// clippy exempts functions marked as tests, but not those that tests share.
#![allow(clippy::unwrap_used)]

mod action;
mod demo;
mod doctor;
mod files;
mod names;

use std::process::{Command, Output};

/// Returns the program, with an environment that nothing else has set.
fn onceproof(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onceproof"));
    command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command
}

/// Runs the program to its end.
fn run(arguments: &[&str]) -> Ended {
    Ended::of(&onceproof(arguments).output().unwrap())
}

/// Exit code and output of a program.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Ended {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}
