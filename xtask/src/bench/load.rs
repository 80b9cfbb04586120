//! `cargo xtask bench load`: the processor time that a client takes for a million events, loadgen beside wrk.
//!
//! Both send to a server that only answers, so that the client is what works. Time is the processor's and not the
//! clock's: what else the machine does changes it little, and it travels between machines better than a rate does.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::loadgen::{self, Races};
use super::machine::{self, Place};
use super::samples::{Samples, mebibytes, ratio};
use super::table::Table;
use super::{CONNECTIONS, Common, say};
use crate::null_server::ANNOUNCEMENT;
use crate::process::{Ending, Process};
use crate::programs::Programs;
use crate::scratch::Scratch;
use crate::transcript::Transcript;
use crate::usage::Usage;
use wrk::Wrk;

mod wrk;

/// The null server has nothing to do before it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What the command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Events that loadgen sends in requests of 100; of single ones it sends a tenth
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    events: u64,
    /// How long wrk runs, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
}

/// How much is measured.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How often each client has its turn.
    pub turns: u32,
    /// Events in requests of 100, in one turn of loadgen.
    pub batched_events: u64,
    /// Events in requests of one, in one turn of loadgen.
    pub single_events: u64,
    /// How long a turn of wrk is; it takes whole seconds.
    pub wrk_seconds: u32,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        // Whole batches, so that the server's fixed answer is true of each.
        let events = self.common.share(self.events).next_multiple_of(100);
        Plan {
            turns: self.common.turns(),
            batched_events: events,
            single_events: events.div_ceil(10),
            wrk_seconds: self.seconds,
        }
    }
}

/// What the null server's answer tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// How many events were taken.
    Count,
    /// Also what became of each, which the client reads and keeps in its ledger.
    Each,
}

/// A client, a size of requests and a server, and what was measured of them.
struct Contest {
    name: &'static str,
    client: Client,
    batch: u32,
    server: NullServer,
    /// Seconds of processor time for a million events.
    cpu: Samples,
    peak: Samples,
}

enum Client {
    Loadgen { events: u64 },
    Wrk(Wrk),
}

/// Measures everything in turn, and tells it in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let [for_clients, for_servers] = Place::two_apart();
    let wrk = Wrk::find()?;
    let mut contests = Vec::new();
    for (batch, events) in [(100, plan.batched_events), (1, plan.single_events)] {
        let server = |told| NullServer::start(programs, for_servers, batch, told);
        let loadgen = || Client::Loadgen { events };
        contests.push(Contest::new("loadgen", loadgen(), batch, server(Told::Count)?));
        if let Some(wrk) = &wrk {
            contests.push(Contest::new("wrk", Client::Wrk(wrk.clone()), batch, server(Told::Count)?));
        }
        contests.push(Contest::new("loadgen, told of each event", loadgen(), batch, server(Told::Each)?));
    }
    for turn in 1..=plan.turns {
        for contest in &mut contests {
            contest.take_turn(plan, programs, for_clients)?;
            let (name, batch, cpu) = (contest.name, contest.batch, contest.cpu.median());
            say(&format!("turn {turn} of {}: {name}, batch {batch}: {cpu:.2} s", plan.turns));
        }
    }
    let mut told = machine::line("cargo xtask bench load", &wrk.iter().map(Wrk::version).collect::<Vec<_>>());
    write!(told, "\n{}", table(&contests, plan))?;
    match (&wrk, for_clients) {
        (None, _) => writeln!(told, "\n{}", wrk::ABSENT)?,
        (_, Place::Anywhere) => writeln!(told, "\nNot pinned: that needs two processors and taskset.")?,
        (Some(_), Place::Core(_)) => writeln!(told, "\nThe client on one processor, the server on another.")?,
    }
    Ok(told)
}

impl Contest {
    fn new(name: &'static str, client: Client, batch: u32, server: NullServer) -> Self {
        Self { name, client, batch, server, cpu: Samples::default(), peak: Samples::default() }
    }

    fn take_turn(&mut self, plan: &Plan, programs: &Programs, place: Place) -> Result<()> {
        let (events, usage): (u64, Usage) = match &self.client {
            Client::Loadgen { events } => {
                let (batch, results) = (self.batch, Scratch::new()?);
                let run = loadgen::Run { events: *events, batch, connections: CONNECTIONS, races: Races::On };
                let outcome = loadgen::run(run, programs, place, &self.server.url, results.path())?;
                (*events, outcome.usage)
            }
            Client::Wrk(wrk) => wrk.run(self.batch, &self.server.url, plan.wrk_seconds, programs, place)?,
        };
        self.cpu.add(usage.cpu.as_secs_f64() * 1e6 / events as f64);
        self.peak.add(usage.peak_rss_bytes as f64);
        Ok(())
    }
}

fn table(contests: &[Contest], plan: &Plan) -> Table {
    let title = format!(
        "Processor seconds of the client, {CONNECTIONS} connections, a server that only answers; median of {} \
         (least to most):",
        plan.turns
    );
    let mut table = Table::new(
        title,
        ["client", "batch", "per million events", "per million requests", "of wrk's", "peak memory"],
    );
    for contest in contests {
        let batch = f64::from(contest.batch);
        let rival = contests.iter().find(|other| other.batch == contest.batch && other.name == "wrk");
        table.add([
            contest.name.to_owned(),
            contest.batch.to_string(),
            contest.cpu.shown(|seconds| format!("{seconds:.3}")),
            format!("{:.1}", contest.cpu.median() * batch),
            rival.map_or_else(|| "?".to_owned(), |wrk| ratio(&contest.cpu, &wrk.cpu)),
            mebibytes(contest.peak.median()),
        ]);
    }
    table
}

/// The null server as a process.
struct NullServer {
    url: String,
    _process: Process,
}

impl NullServer {
    fn start(programs: &Programs, place: Place, batch: u32, told: Told) -> Result<Self> {
        let said = Transcript::new()?;
        let mut command = place.command(&programs.path("xtask")?);
        command.args(["null-server", "--body", &body(batch, told)]).stdout(said.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let text = said.text()?;
            if let Some((line, _)) = text.split_once('\n') {
                let address = line.strip_prefix(ANNOUNCEMENT).context("the null server says no address")?;
                return Ok(Self { url: format!("http://{address}"), _process: process });
            }
            if let Some(status) = process.try_wait()? {
                bail!("the null server ended at its start ({status})");
            }
            anyhow::ensure!(Instant::now() < deadline, "the null server did not listen in {START_LIMIT:?}");
            programs.interrupt().pause(Duration::from_millis(2))?;
        }
    }
}

fn body(batch: u32, told: Told) -> String {
    let results = vec!["inserted"; batch as usize];
    match told {
        Told::Count => serde_json::json!({ "status": "accepted", "accepted": batch }),
        Told::Each => serde_json::json!({
            "status": "accepted", "accepted": batch, "inserted": batch, "duplicates": 0, "results": results,
        }),
    }
    .to_string()
}
