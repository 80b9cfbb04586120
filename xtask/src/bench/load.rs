//! `cargo xtask bench load`: processor time of a client for a million requests, loadgen beside its
//! rivals.
//!
//! All send to a server that only responds, so that the client is the bottleneck. Processor time is
//! measured, not the clock's: other work of the machine changes it little, and it carries over
//! between machines better than a rate.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::loadgen::{self, Races, Run};
use super::machine::{self, Place};
use super::samples::{Samples, mebibytes, ratio, whole};
use super::table::Table;
use super::{CONNECTIONS, Common, say};
use crate::rig::programs::Programs;
use crate::rig::scratch::Scratch;
use crate::rig::usage::Usage;
use peer::{BODY, Peer, Task};
use server::NullServer;
use text::Text;

mod peer;
mod server;
mod text;

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    #[command(flatten)]
    common: Common,
    /// Events that loadgen sends in requests of 100; single events and requests without events are
    /// a tenth
    #[arg(long, default_value_t = 5_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    events: u64,
    /// Seconds that a client runs which takes a time and no number
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=60))]
    seconds: u32,
}

/// Amount of work.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Turns of each client.
    pub turns: u32,
    /// Events in requests of 100, in one turn of loadgen.
    pub batched_events: u64,
    /// Requests of one event or none, in one turn of a client.
    pub single_requests: u64,
    /// Length of a turn, in seconds, of a client that takes no number.
    pub seconds: u32,
}

impl Settings {
    pub(super) fn plan(&self) -> Plan {
        // Whole batches, so that the server's fixed response is true of each.
        let events = self.common.share(self.events).next_multiple_of(100);
        Plan {
            turns: self.common.turns(),
            batched_events: events,
            single_requests: events.div_ceil(10),
            seconds: self.seconds,
        }
    }
}

/// Kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// The same small body in each.
    Fixed,
    /// This number of events in each, 30 % of them repeats.
    Events(u32),
    /// Events in requests that a scenario describes as text, 30 % of them repeats.
    Text(Text),
}

impl Work {
    const ALL: [Self; 6] = {
        let [bulk, form, signed] = Text::ALL;
        [
            Self::Fixed,
            Self::Events(100),
            Self::Events(1),
            Self::Text(bulk),
            Self::Text(form),
            Self::Text(signed),
        ]
    };

    /// Returns the number of events in a request.
    fn batch(self) -> u32 {
        match self {
            Self::Fixed => 0,
            Self::Events(batch) => batch,
            Self::Text(text) => text.batch(),
        }
    }

    fn name(self) -> String {
        match self {
            Self::Fixed => "a fixed tiny body".to_owned(),
            Self::Events(1) => "unique single events".to_owned(),
            Self::Events(batch) => format!("unique batches of {batch} events"),
            Self::Text(text) => text.name().to_owned(),
        }
    }

    /// Returns the tables of loadgen's scenario.
    fn scenario(self) -> &'static str {
        match self {
            Self::Text(text) => text.scenario(),
            Self::Fixed | Self::Events(_) => "",
        }
    }

    /// Returns the number of requests in a turn.
    fn requests(self, plan: &Plan) -> u64 {
        match self.batch() {
            0 | 1 => plan.single_requests,
            batch => plan.batched_events / u64::from(batch),
        }
    }
}

/// Kinds of responses of the null server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// Number of accepted events.
    Count,
    /// Number of accepted events and a result for each, which the client reads and keeps in its
    /// ledger.
    Each,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Loadgen,
    Peer(Peer),
}

/// A client, its work, its server, and the measurements.
struct Contest {
    client: Client,
    work: Work,
    told: Told,
    server: NullServer,
    /// Seconds of processor time for a million requests.
    cpu: Samples,
    requests_per_s: Samples,
    peak: Samples,
}

/// Measures everything in turn and returns the tables in Markdown.
pub fn measure(plan: &Plan, programs: &Programs) -> Result<String> {
    let [for_clients, for_servers] = Place::two_apart();
    let (here, missing): (Vec<Peer>, Vec<Peer>) = Peer::ALL.into_iter().partition(|peer| peer.is_here());
    let mut contests = Vec::new();
    for work in Work::ALL {
        let peers =
            here.iter().filter(|peer| peer.takes(work)).map(|peer| (Client::Peer(*peer), Told::Count));
        let each = matches!(work, Work::Events(_)).then_some((Client::Loadgen, Told::Each));
        for (client, told) in [(Client::Loadgen, Told::Count)].into_iter().chain(peers).chain(each) {
            let server = NullServer::start(programs, for_servers, &answer(work, told))?;
            let [cpu, requests_per_s, peak] = [const { Samples::NONE }; 3];
            contests.push(Contest { client, work, told, server, cpu, requests_per_s, peak });
        }
    }
    for turn in 1..=plan.turns {
        for contest in &mut contests {
            contest.take_turn(plan, programs, for_clients)?;
            let work = contest.work.name();
            let cpu = contest.cpu.median();
            let name = contest.name();
            say(&format!("turn {turn} of {}: {name}, {work}: {cpu:.2} s", plan.turns));
        }
    }
    let mut versions: Vec<String> = here.iter().map(|peer| peer.version()).collect();
    versions.dedup();
    let mut text = machine::line("cargo xtask bench load", &versions);
    for work in Work::ALL {
        write!(text, "\n{}", table(&contests, work, plan))?;
    }
    match for_clients {
        Place::Anywhere => writeln!(text, "\nNot pinned: that needs two processors and taskset.")?,
        Place::Core(_) => writeln!(text, "\nThe client on one processor, the server on another.")?,
    }
    for peer in missing.into_iter().filter(|peer| *peer != Peer::WrkAnew) {
        writeln!(text, "{} is not on the PATH: {} has it.", peer.name(), peer.package())?;
    }
    Ok(text)
}

impl Contest {
    fn name(&self) -> &'static str {
        match (self.client, self.told) {
            (Client::Loadgen, Told::Count) => "loadgen",
            (Client::Loadgen, Told::Each) => "loadgen, told of each event",
            (Client::Peer(peer), _) => peer.label(),
        }
    }

    fn take_turn(&mut self, plan: &Plan, programs: &Programs, place: Place) -> Result<()> {
        let work = self.work;
        let url = self.server.url();
        let before = self.server.answered()?;
        let requests = work.requests(plan);
        let begun = Instant::now();
        let usage: Usage = match self.client {
            Client::Loadgen => {
                let results = Scratch::new()?;
                let outcome = match work {
                    Work::Fixed => {
                        let fixed = (BODY, requests, CONNECTIONS);
                        let url = format!("{url}/publish");
                        loadgen::run_fixed(fixed, programs, place, &url, results.path())?
                    }
                    Work::Events(_) | Work::Text(_) => {
                        let batch = work.batch();
                        let events = requests * u64::from(batch);
                        let connections = CONNECTIONS;
                        let races = Races::On;
                        let scenario = work.scenario();
                        let run = Run { events, batch, connections, repeats_percent: 30, races, scenario };
                        loadgen::run(run, programs, place, &url, results.path())?
                    }
                };
                outcome.usage
            }
            Client::Peer(peer) => {
                peer.run(&Task { work, url: &url, requests, seconds: plan.seconds }, programs, place)?
            }
        };
        let answered = self.server.answered()? - before;
        let seconds = begun.elapsed().as_secs_f64();
        ensure!(answered > 0, "{} sent nothing", self.name());
        self.cpu.add(usage.cpu.as_secs_f64() * 1e6 / answered as f64);
        self.requests_per_s.add(answered as f64 / seconds);
        self.peak.add(usage.peak_rss_bytes as f64);
        Ok(())
    }
}

fn table(contests: &[Contest], work: Work, plan: &Plan) -> Table {
    let title = format!(
        "Processor seconds of the client for {}, {CONNECTIONS} connections, a server that only answers; median of {} \
         (least to most):",
        work.name(),
        plan.turns
    );
    let columns = [
        "client",
        "per million requests",
        "per million events",
        "of wrk's",
        "requests/s",
        "events/s",
        "peak memory",
    ];
    let mut table = Table::new(title, columns);
    let of_this = || contests.iter().filter(|contest| contest.work == work);
    let wrk = of_this().find(|contest| contest.client == Client::Peer(Peer::Wrk));
    for contest in of_this() {
        let batch = f64::from(work.batch());
        let of_events = |number: f64| if batch > 0.0 { number } else { f64::NAN };
        let per_million = contest.cpu.median() / batch;
        let rate = contest.requests_per_s.median();
        let shown = |number: f64, text: String| if number.is_nan() { "-".to_owned() } else { text };
        table.add([
            contest.name().to_owned(),
            contest.cpu.shown(|seconds| format!("{seconds:.2}")),
            shown(of_events(per_million), format!("{per_million:.3}")),
            wrk.map_or_else(|| "?".to_owned(), |wrk| ratio(&contest.cpu, &wrk.cpu)),
            whole(rate),
            shown(of_events(rate), whole(rate * batch)),
            mebibytes(contest.peak.median()),
        ]);
    }
    table
}

fn answer(work: Work, told: Told) -> String {
    let batch = work.batch();
    let results = vec!["inserted"; batch as usize];
    match told {
        Told::Count => serde_json::json!({ "status": "accepted", "accepted": batch }),
        Told::Each => serde_json::json!({
            "status": "accepted", "accepted": batch, "inserted": batch, "duplicates": 0, "results": results,
        }),
    }
    .to_string()
}
