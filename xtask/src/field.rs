//! `cargo xtask field`: installs real servers, runs them, and judges each with its file of `targets/`.
//!
//! A server gets an environment of its own: a free port, a fresh folder, and no setting of the
//! machine. Each case is run with two seeds, and a finding counts only if both runs have it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::cookbook::recipe::{self, SECRET};
use crate::matrix::outcome::Outcome;
use crate::matrix::work;
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use server::{Server, Started};

mod clickhouse;
mod datasette;
mod kinto;
mod server;
mod show;

/// Page that the command writes.
const PAGE: &str = "results/field.md";

/// Seeds of each case.
const SEEDS: [&str; 2] = ["1", "2"];

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Servers to try, by name or a part of it; all of them unless given
    names: Vec<String>,
    /// Events of each run
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    count: u32,
    /// Folder to install Python programs into; a temporary one unless given
    #[arg(long)]
    installed: Option<std::path::PathBuf>,
    /// Print the page, and leave results/field.md as it is
    #[arg(long = "print-only")]
    is_only_printed: bool,
}

/// Case of a server: what is run, and what its documents lead one to expect.
pub(crate) struct Case {
    /// Store or setting, as a few words.
    title: &'static str,
    /// Requests before the run, each as method, path and body.
    prepare: &'static [[&'static str; 3]],
    /// Change of the file of `targets/`: texts and what stands in their place.
    changes: &'static [[&'static str; 2]],
    expected: &'static str,
    /// Documented reason of the verdict, with the URL of the document.
    because: &'static str,
}

/// Case with the outcomes of its runs.
struct Ran {
    case: &'static Case,
    outcomes: Vec<Outcome>,
}

/// Server with all its cases.
struct Field {
    server: &'static Server,
    version: String,
    ran: Vec<Ran>,
}

/// Servers that are tried.
static SERVERS: [&Server; 3] = [&clickhouse::SERVER, &datasette::SERVER, &kinto::SERVER];

/// Tries the servers and writes the page. The exit code is 1 if a verdict is not the expected one.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let programs = work::build(false, interrupt)?;
    let scratch = Scratch::new()?;
    let installed = settings.installed.as_deref().unwrap_or(scratch.path());
    let installed = std::path::absolute(installed)?;
    let servers = work::choose(SERVERS.iter().copied(), |server| server.name, &settings.names)?;
    let mut fields = Vec::new();
    for server in servers {
        let field = try_server(server, settings, &installed, &programs);
        fields.push(field.with_context(|| format!("cannot try {}", server.name))?);
    }
    let page = show::page(&fields, settings.count);
    print!("{page}");
    if settings.names.is_empty() && !settings.is_only_printed {
        let path = cargo::workspace().join(PAGE);
        std::fs::write(&path, &page).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let is_right = fields.iter().flat_map(|field| &field.ran).all(Ran::is_expected);
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn try_server(
    server: &'static Server,
    settings: &Settings,
    installed: &Path,
    programs: &Programs,
) -> Result<Field> {
    (server.install)(installed, programs.interrupt())?;
    let mut version = String::new();
    let mut ran = Vec::new();
    for case in server.cases {
        let mut outcomes = Vec::new();
        for seed in SEEDS {
            programs.interrupt().check()?;
            // A fresh store for each run.
            let started = Started::start(server, installed, programs.interrupt())?;
            version = (server.version)(&started)?;
            let outcome = judge(server, case, &started, [seed, &settings.count.to_string()], programs)?;
            eprintln!("{} {version}, {}, seed {seed}: {}", server.name, case.title, outcome.short());
            outcomes.push(outcome);
        }
        ran.push(Ran { case, outcomes });
    }
    Ok(Field { server, version, ran })
}

/// Prepares a started server, loads it, and reads the verdict.
fn judge(
    server: &Server,
    case: &Case,
    started: &Started,
    [seed, count]: [&str; 2],
    programs: &Programs,
) -> Result<Outcome> {
    for [method, path, body] in case.prepare {
        started.request(method, path, body)?;
    }
    let file = recipe::folder().join(format!("{}.toml", server.file));
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let scratch = Scratch::new()?;
    let path = |name: &str| scratch.path().join(name).display().to_string();
    let [scenario, out] = [path(&format!("{}.toml", server.file)), path("results")];
    let changed = case.changes.iter().try_fold(text.clone(), |text, [from, to]| {
        text.contains(from)
            .then(|| text.replace(from, to))
            .with_context(|| format!("no `{from}` in the file"))
    })?;
    std::fs::write(&scenario, changed).with_context(|| format!("cannot write {scenario}"))?;
    let args = ["--scenario", &scenario, "--target", &started.url, "--out", &out, "--seed", seed];
    let args = args.into_iter().chain(["--count", count, "--dup", "0.3", "--settle", "3s", "--verify"]);
    let variables = recipe::variables(&text).into_iter().map(|name| (name, SECRET.to_owned()));
    let finished = programs.start_with("loadgen", args, variables)?.finish()?;
    match std::fs::read_to_string(scratch.path().join("results/latest/verdict.json")) {
        Ok(text) => Outcome::read(&serde_json::from_str(&text)?),
        Err(_) => Ok(Outcome::error(format!("loadgen ended with {:?}: {}", finished.code, finished.stderr))),
    }
}

impl Ran {
    /// True if every run ended as the documents say.
    fn is_expected(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.short() == self.case.expected)
    }
}
