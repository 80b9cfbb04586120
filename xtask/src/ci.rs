//! `cargo xtask ci` and `cargo xtask lint`: what CI runs, in the order in which failures are
//! cheapest.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::{docs, test};

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

/// Runs the steps, every test and the commands of the docs, and stops at the first step that fails.
pub fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    test::require_programs()?;
    lint(interrupt)?;
    heading("test");
    if test::run_all(interrupt)? != ExitCode::SUCCESS {
        bail!("ci stopped: test failed");
    }
    heading("docs");
    docs::run_commands(&[], interrupt)?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the steps that need no test, and stops at the first that fails.
pub fn lint(interrupt: &Interrupt) -> Result<ExitCode> {
    for step in &STEPS {
        heading(step.name);
        let mut command = cargo::command(step.args);
        command.envs(step.env.iter().copied());
        if !cargo::show(&mut command, interrupt)?.success() {
            bail!("ci stopped: {} failed", step.name);
        }
    }
    heading("reference pages");
    docs::check(interrupt)?;
    Ok(ExitCode::SUCCESS)
}

fn heading(name: &str) {
    eprintln!("\n== {name}");
}
