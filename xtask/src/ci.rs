//! `cargo xtask ci`: what CI runs, in the order in which failures are cheapest.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::test;

/// One call of cargo.
struct Step {
    name: &'static str,
    args: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
}

/// Warnings are errors here only: while somebody works they are just warnings.
const STEPS: [Step; 3] = [
    Step { name: "fmt", args: &["fmt", "--all", "--check"], env: &[] },
    Step {
        name: "clippy",
        args: &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"],
        env: &[],
    },
    Step {
        name: "doc",
        args: &["doc", "--workspace", "--no-deps", "--document-private-items"],
        env: &[("RUSTDOCFLAGS", "-D warnings")],
    },
];

/// Runs the steps and then the tests, and stops at the first that fails.
pub fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    for step in &STEPS {
        heading(step.name);
        let mut command = cargo::command(step.args);
        command.envs(step.env.iter().copied());
        if !cargo::show(&mut command, interrupt)?.success() {
            bail!("ci stopped: {} failed", step.name);
        }
    }
    heading("test");
    if test::run(&test::Settings::default(), interrupt)? != ExitCode::SUCCESS {
        bail!("ci stopped: test failed");
    }
    Ok(ExitCode::SUCCESS)
}

fn heading(name: &str) {
    eprintln!("\n== {name}");
}
