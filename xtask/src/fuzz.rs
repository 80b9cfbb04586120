//! `cargo xtask fuzz`: hundreds of requests, valid and invalid, made from the aggregator's own
//! OpenAPI document.
//!
//! Schemathesis makes the requests from `/openapi.json` and checks each response against the
//! document. It is a Python program, so it gets an environment of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus};

use anyhow::{Context, Result, ensure};
use lies::LIES;

use crate::rig::aggregator::{self, sqlite_url};
use crate::rig::cluster::{Cluster, Durability};
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::{Profile, Programs, in_our_environment};
use crate::rig::scratch::Scratch;
use crate::rig::service::Service;
use crate::rig::transcript::Transcript;
use crate::rig::{cargo, http};

mod lies;

/// Package that pip installs.
const FUZZER: &str = "schemathesis~=4.32.5";

/// Checks of every response. Checks of the token are absent, because the document makes it
/// optional, and so are checks of created and deleted resources, because the API has none.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,negative_data_rejection,positive_data_acceptance,unsupported_method";

/// Exit code of Schemathesis when a response differs from the document.
const FOUND: i32 = 1;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Seed of the requests
    #[arg(long, default_value_t = 1)]
    seed: u32,
    /// Seconds to spend on each database
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// Limit of requests of each kind to one route
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    examples: u32,
    /// Python environment to install Schemathesis into and run it from; a temporary one unless
    /// given
    #[arg(long)]
    venv: Option<PathBuf>,
}

/// An installed Schemathesis.
struct Fuzzer<'a> {
    settings: &'a Settings,
    program: PathBuf,
    /// Folder for its files.
    folder: &'a Path,
    interrupt: &'a Interrupt,
}

/// Fuzzes the aggregator on both databases, and then checks that false statements in its document
/// are found. Returns an error if a response differs from the document.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    // A build of the same set of crates as for the tests reuses their libraries. The aggregator
    // alone would need other features of them.
    cargo::build_all(false, interrupt)?;
    let programs = Programs::built(Profile::Debug, interrupt)?;
    let scratch = Scratch::new()?;
    let fuzzer = Fuzzer::install(settings, scratch.path(), interrupt)?;

    let mut service = aggregator::start(&programs, &sqlite_url(scratch.path()))?;
    say("the aggregator on SQLite");
    fuzzer.try_service(&mut service)?;
    fuzzer.find_lies(&service)?;
    drop(service);

    let cluster = Cluster::start(Durability::Fast, interrupt)?;
    let mut service = aggregator::start(&programs, &cluster.url("postgres"))?;
    say("the aggregator on PostgreSQL");
    fuzzer.try_service(&mut service)?;
    Ok(ExitCode::SUCCESS)
}

impl<'a> Fuzzer<'a> {
    fn install(settings: &'a Settings, folder: &'a Path, interrupt: &'a Interrupt) -> Result<Self> {
        let venv = match &settings.venv {
            Some(venv) => std::path::absolute(venv)?,
            None => folder.join("venv"),
        };
        let show = |command: &mut Command| Process::spawn(command, Ending::Kill)?.wait(interrupt);
        if !venv.join("bin/pip").exists() {
            let made = show(in_our_environment("python3").args(["-m", "venv"]).arg(&venv))?;
            ensure!(made.success(), "cannot make a Python environment ({made}): install python3-venv");
        }
        let pip = ["install", "--quiet", "--disable-pip-version-check", FUZZER];
        let installed = show(in_our_environment(venv.join("bin/pip")).args(pip))?;
        ensure!(installed.success(), "cannot install {FUZZER} ({installed})");
        Ok(Self { settings, program: venv.join("bin/st"), folder, interrupt })
    }

    /// Fuzzes a running aggregator.
    fn try_service(&self, service: &mut Service) -> Result<()> {
        let mut command = self.command(&format!("{}/openapi.json", service.url()));
        command.arg("--max-time").arg(self.settings.seconds.to_string());
        let status = self.run(&mut command)?;
        // A service that died is the finding, whatever else was found.
        service.check()?;
        ensure!(status.success(), "responses differ from the document, as shown above ({status})");
        Ok(())
    }

    /// Checks that each false statement in the document is found: a fuzzer that finds nothing
    /// proves nothing.
    fn find_lies(&self, service: &Service) -> Result<()> {
        let document = http::get_json(service.address(), "/openapi.json")?;
        for lie in &LIES {
            let path = self.folder.join("lie.json");
            fs::write(&path, lie.told_in(&document)?.to_string()).context("cannot write a document")?;
            let output = Transcript::new()?;
            let mut command = self.command(&path.to_string_lossy());
            command
                .args(["--url", &service.url(), "--phases", "coverage", "--max-failures", "1"])
                .args(["--include-path", lie.route])
                .stdout(output.stdio()?)
                .stderr(output.stdio()?);
            let status = self.run(&mut command)?;
            let said = output.text()?;
            ensure!(
                status.code() == Some(FOUND) && said.contains(lie.finding),
                "not found: {} ({status})\n{said}",
                lie.name
            );
            say(&format!("found that {}", lie.name));
        }
        Ok(())
    }

    fn command(&self, document: &str) -> Command {
        let mut command = in_our_environment(&self.program);
        command
            .args(["run", document, "--checks", CHECKS, "--generation-database", "none"])
            .arg("--seed")
            .arg(self.settings.seed.to_string())
            .arg("--max-examples")
            .arg(self.settings.examples.to_string())
            .current_dir(self.folder);
        command
    }

    fn run(&self, command: &mut Command) -> Result<ExitStatus> {
        Process::spawn(command, Ending::Kill)?.wait(self.interrupt)
    }
}

fn say(what: &str) {
    eprintln!("fuzz: {what}");
}
