//! `cargo xtask release-check`: what is too slow for CI, to be run before a release.

use std::collections::BTreeSet;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::rig::cargo;
use crate::rig::follow::Followed;
use crate::rig::interrupt::{Interrupt, Interrupted};
use crate::{compose, dist, mutants, oddities};

/// Options of the command.
#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Steps to run; all of them unless given
    #[arg(value_parser = STEPS.map(|step| step.name))]
    steps: Vec<String>,
}

/// A step, of which each runs whatever became of those before it.
struct Step {
    name: &'static str,
    run: fn(&Interrupt) -> Result<Outcome>,
}

const STEPS: [Step; 8] = [
    Step { name: "book", run: book },
    Step { name: "package", run: package },
    Step { name: "mutants", run: mutants },
    Step { name: "oddities", run: oddities },
    Step { name: "compose", run: compose },
    Step { name: "dist", run: dist },
    Step { name: "action", run: action },
    Step { name: "macos", run: macos },
];

/// Outcome of a step that did not fail.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// Not run, with the reason and the remedy.
    Skipped(String),
}

/// Seeds of the sound target in each mode: what it shows is that no verdict is wrong.
const SOUND_SEEDS: u32 = 20;

/// Files that name the images on which ours are built, or that run beside them.
const IMAGE_FILES: [&str; 3] = ["Dockerfile", "deploy/haproxy/Dockerfile", "docker-compose.yml"];

/// Warning of cargo about a crate whose product is a program: unlike a library, it has no pages that
/// a registry makes, and the project has no site.
const NO_ADDRESS: &str = "warning: manifest has no documentation, homepage or repository";

/// Target that stands for other Unixes.
const MACOS: &str = "aarch64-apple-darwin";

/// Runs the steps, and ends with a line for each. The exit code is 1 if one failed.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let is_chosen =
        |step: &&Step| settings.steps.is_empty() || settings.steps.iter().any(|name| name == step.name);
    let steps: Vec<&Step> = const { &STEPS }.iter().filter(is_chosen).collect();
    run_all(&steps, interrupt)
}

fn run_all(steps: &[&Step], interrupt: &Interrupt) -> Result<ExitCode> {
    let mut lines = Vec::new();
    let mut has_failed = false;
    for step in steps {
        eprintln!("\n== {}", step.name);
        let begun = Instant::now();
        let (word, told) = match (step.run)(interrupt) {
            Ok(Outcome::Passed) => ("passed", String::new()),
            Ok(Outcome::Skipped(reason)) => ("skipped", format!(": {reason}")),
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                has_failed = true;
                ("FAILED", format!(": {error:#}"))
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        lines.push(format!("{word:<8} {:<8} {seconds:7.1} s{told}", step.name));
    }
    println!("\n{}", lines.join("\n"));
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Builds the book. A warning of mdBook is an error.
fn book(interrupt: &Interrupt) -> Result<Outcome> {
    let is_there = Command::new("mdbook").arg("--version").stdout(Stdio::null()).status().is_ok();
    ensure!(is_there, "mdbook is not on PATH; `cargo install mdbook` installs it");
    let mut command = Command::new("mdbook");
    silent(command.args(["build", "docs"]).current_dir(cargo::workspace()), is_complaint, interrupt)
}

/// Packs each crate as a registry would get it, and builds what was packed. A warning is an error,
/// except that a program has no address. This crate is in no registry.
fn package(interrupt: &Interrupt) -> Result<Outcome> {
    let arguments = ["package", "--workspace", "--exclude", "xtask", "--locked"];
    silent(&mut cargo::command(arguments), is_warning, interrupt)
}

fn is_warning(line: &str) -> bool {
    line.starts_with("warning:") && !line.starts_with(NO_ADDRESS)
}

/// Runs a command that must succeed, and none of whose lines may be a complaint.
fn silent(
    command: &mut Command,
    is_complaint: impl Fn(&str) -> bool,
    interrupt: &Interrupt,
) -> Result<Outcome> {
    let mut complaints = 0;
    let status = Followed::start(command)?.finish(interrupt, |line| {
        eprintln!("{line}");
        complaints += usize::from(is_complaint(line));
    })?;
    ensure!(status.success(), "{command:?} ended with {status}, expected success");
    ensure!(complaints == 0, "{command:?} gave {complaints} warnings, expected none");
    Ok(Outcome::Passed)
}

/// True if a line of mdBook's log tells a warning or an error. The time may stand before the word.
fn is_complaint(line: &str) -> bool {
    line.split_whitespace().take(3).any(|word| {
        let word = word.trim_matches(['[', ']', ':']);
        ["WARN", "WARNING", "ERROR"].contains(&word)
    })
}

/// Runs every mutant with one seed, and the sound target in every mode with more. The published
/// matrix is left as it is.
fn mutants(interrupt: &Interrupt) -> Result<Outcome> {
    let settings = mutants::Settings {
        sound_seeds: SOUND_SEEDS,
        is_release: true,
        is_only_printed: true,
        ..mutants::Settings::default()
    };
    passed(mutants::run(&settings, interrupt)?)
}

/// Runs every oddity with one seed, and leaves the published matrix as it is.
fn oddities(interrupt: &Interrupt) -> Result<Outcome> {
    let settings = oddities::Settings { is_only_printed: true, ..oddities::Settings::default() };
    passed(oddities::run(&settings, interrupt)?)
}

/// Runs the containers, if docker has all images without asking a registry.
fn compose(interrupt: &Interrupt) -> Result<Outcome> {
    let docker = |args: &[&str]| {
        let mut command = Command::new("docker");
        let status = command.args(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    if !docker(&["version"]) {
        return Ok(Outcome::Skipped("`docker version` fails; install and start Docker".to_owned()));
    }
    for image in images()? {
        if !docker(&["image", "inspect", &image]) {
            let reason = format!("docker lacks the image {image}; `docker pull {image}` brings it");
            return Ok(Outcome::Skipped(reason));
        }
    }
    passed(compose::run(&compose::Settings::default(), interrupt)?)
}

/// Makes the files of a release, and tries each where it is installed.
fn dist(interrupt: &Interrupt) -> Result<Outcome> {
    passed(dist::run(&dist::Settings::default(), interrupt)?)
}

/// Checks all programs for macOS. Nothing is linked, and nothing runs.
fn macos(interrupt: &Interrupt) -> Result<Outcome> {
    if !dist::has_target(MACOS) {
        let reason = format!("`rustup target add {MACOS}` brings the standard library of macOS");
        return Ok(Outcome::Skipped(reason));
    }
    dist::check(MACOS, interrupt)?;
    Ok(Outcome::Passed)
}

/// Runs the shell of the GitHub Action with the archive that the step before made.
fn action(interrupt: &Interrupt) -> Result<Outcome> {
    let archive = dist::native_archive();
    ensure!(archive.is_file(), "{} is not there; `cargo xtask dist` makes it", archive.display());
    let mut test = cargo::command(["test", "--workspace", "--locked", "--test", "it", "action::"]);
    let status = cargo::show(test.env("ONCEPROOF_ARCHIVE", archive), interrupt)?;
    ensure!(status.success(), "the tests of the action ended with {status}, expected success");
    Ok(Outcome::Passed)
}

/// Returns the images that the containers need and that no Dockerfile of ours builds.
fn images() -> Result<BTreeSet<String>> {
    let mut images = BTreeSet::new();
    for file in IMAGE_FILES {
        let text = std::fs::read_to_string(cargo::workspace().join(file));
        images.extend(images_in(&text.with_context(|| format!("cannot read {file}"))?));
    }
    ensure!(!images.is_empty(), "no image is named in {}", IMAGE_FILES.join(", "));
    Ok(images)
}

/// Returns the images that a Dockerfile is based on, or that a Compose file runs. Ours have no tag.
fn images_in(text: &str) -> Vec<String> {
    let names = text.lines().filter_map(|line| {
        let line = line.trim();
        let rest = line.strip_prefix("FROM ").or_else(|| line.strip_prefix("image: "))?;
        rest.split_whitespace().next()
    });
    names.filter(|name| name.contains(':')).map(str::to_owned).collect()
}

fn passed(code: ExitCode) -> Result<Outcome> {
    if code != ExitCode::SUCCESS {
        bail!("it ended with {code:?}, expected 0; the output above says why");
    }
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn every_step_runs_after_one_that_failed_and_the_exit_code_is_1() {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let failing = Step { name: "a", run: |_| bail!("it broke") };
        let passing = Step {
            name: "b",
            run: |_| {
                RUNS.fetch_add(1, Ordering::Relaxed);
                Ok(Outcome::Passed)
            },
        };
        let skipping = Step { name: "c", run: |_| Ok(Outcome::Skipped("none is there".to_owned())) };
        let interrupt = Interrupt::never();
        assert_eq!(run_all(&[&failing, &passing], &interrupt).unwrap(), ExitCode::FAILURE);
        assert_eq!(run_all(&[&passing, &skipping], &interrupt).unwrap(), ExitCode::SUCCESS);
        assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    }

    #[test]
    fn a_warning_fails_a_step_that_succeeded() {
        let run =
            |script: &str| silent(Command::new("sh").args(["-c", script]), is_warning, &Interrupt::never());
        assert_eq!(run("echo well: no warning:").unwrap(), Outcome::Passed);
        assert_eq!(run(&format!("echo '{NO_ADDRESS}'")).unwrap(), Outcome::Passed);
        let error = run("echo warning: odd >&2").unwrap_err().to_string();
        assert!(error.ends_with("gave 1 warnings, expected none"), "{error}");
        assert!(run("exit 1").is_err());
    }

    #[test]
    fn an_interrupt_ends_the_steps() {
        let interrupted = Step { name: "a", run: |_| Err(Interrupted.into()) };
        let error = run_all(&[&interrupted, &interrupted], &Interrupt::never()).unwrap_err();
        assert!(error.is::<Interrupted>());
    }

    #[test]
    fn warnings_and_errors_of_the_book_are_complaints() {
        assert!(is_complaint(" WARN unclosed HTML tag `<run>` found in `docs/a.md`"));
        assert!(is_complaint("2026-01-31 12:00:00 [ERROR] (mdbook::utils): no such file"));
        assert!(!is_complaint(" INFO HTML book written to `target/book`"));
    }

    #[test]
    fn images_of_others_are_found_and_our_own_are_not() {
        assert_eq!(images_in("FROM rust:1-bookworm AS build\nFROM build\n"), ["rust:1-bookworm"]);
        assert_eq!(
            images_in("    image: onceproof\n    image: postgres:16-alpine\n"),
            ["postgres:16-alpine"]
        );
        assert!(images().unwrap().len() >= 3);
    }
}
