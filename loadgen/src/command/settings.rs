//! Settings of a run. A flag outranks the environment, the environment outranks the scenario file,
//! and the file outranks the defaults.

mod scenario;

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use rand::TryRng;
use rand::rngs::{SysError, SysRng};
use reader::database::DatabaseReader;
use reader::environment::variable;
use reader::looking::Looking;
use reader::reach::Reach;
use truth::plan::Plan;
use truth::plan::shard::{Shard, nonce_of_run_id, seed_of_run_id};
use truth::scenario::{Epoch, ExecutorKind, Executors, Scenario};
use truth::target::needed::NeededError;
use truth::target::secrets::Secrets;
use truth::target::{AnswerFields, AnswerRules, Endpoint, Listing, Stats};

use super::cli::{Cli, Http, Shape};
use super::rerun::{RERUN, by_another, rerun, rerun_http};
use crate::connection::dial::{Connector, Family};
use crate::error::Failure;
use crate::executor::Executor;

/// Settings of a run, with nothing left open. Each part has readers of its own.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) load: LoadSettings,
    pub(crate) target: TargetSettings,
    pub(crate) output: OutputSettings,
    /// Moment before which nothing is sent.
    pub(crate) start_at: Option<Timestamp>,
    /// Set when the run is judged after the load.
    pub(crate) verify: bool,
    /// Set when the page of the verdict is to be opened.
    pub(crate) open: bool,
    /// Address of the page of the run while it goes on.
    pub(crate) live: Option<String>,
    /// Times for which the target is looked at then.
    pub(crate) looking: Looking,
}

/// Load to send, for the executors, the manifest and the summary.
#[derive(Clone, Debug)]
pub(crate) struct LoadSettings {
    /// Scenario of the run, with the flags and the environment written over its file.
    pub(crate) scenario: Scenario,
    /// Executors that the scenario asks for, over all shards.
    pub(crate) shapes: Executors,
    pub(crate) plan: Plan,
    /// Shard of the plan that this process sends.
    pub(crate) shard: Shard,
    /// Number of threads that send; none for as many as fit.
    pub(crate) lanes: Option<u16>,
    /// Set when bookends are wanted.
    pub(crate) bookends: bool,
    /// Set when the run id was given, so that its events may have been sent before.
    pub(crate) has_run_id: bool,
    /// File of the scenario, for messages about its texts; none without one.
    pub(crate) file: Option<PathBuf>,
}

/// Ways to the target, for the preflight and the connections.
#[derive(Clone, Debug)]
pub(crate) struct TargetSettings {
    /// Address that connections are opened to.
    pub(crate) endpoint: Endpoint,
    pub(crate) connector: Connector,
    /// Headers of every request, which are written to no file.
    pub(crate) headers: Vec<String>,
    /// Flags that say how the target is reached, kept for the judge.
    pub(crate) reach: Reach,
    /// Family of addresses to use; none for both.
    pub(crate) family: Option<Family>,
    pub(crate) connect_timeout: Duration,
    /// Longest time to wait until the target is ready.
    pub(crate) wait: Duration,
    /// Reader of the target's database, a second way to the stored rows.
    pub(crate) database: Option<DatabaseReader>,
    /// URL that replaces the one of the scenario's database, written to no file.
    pub(crate) database_url: Option<String>,
}

/// Outputs of a run, for its files and its onlookers.
#[derive(Clone, Debug)]
pub(crate) struct OutputSettings {
    /// Folder in which the run's folder is made.
    pub(crate) results: PathBuf,
    /// Address that serves the run's metrics while it goes on.
    pub(crate) prometheus_addr: Option<String>,
    /// Longest time for which they are served after its end.
    pub(crate) prometheus_linger: Duration,
    /// File for the summary in k6's form.
    pub(crate) summary_export: Option<PathBuf>,
    /// Command that sends the same load again.
    pub(crate) rerun: String,
    /// Set when terminals may show colors.
    pub(crate) color: bool,
    /// Set when standard output gets the summary as JSON.
    pub(crate) json: bool,
}

/// Numbers that identify a run.
struct Identity {
    seed: u32,
    nonce: u64,
}

impl Identity {
    /// Draws at random what is not given; a run id fixes both numbers.
    fn of(run_id: Option<&str>, seed: Option<u32>) -> Result<Self, Failure> {
        Ok(match run_id {
            Some(id) => Self { seed: seed.unwrap_or_else(|| seed_of_run_id(id)), nonce: nonce_of_run_id(id) },
            None => Self { seed: seed.map_or_else(random_seed, Ok)?, nonce: random_nonce()? },
        })
    }
}

impl LoadSettings {
    /// Returns the name of the counted unit: requests where one request is sent over and over, else
    /// events.
    pub(crate) fn unit(&self) -> &'static str {
        if self.scenario.request.is_some() { "requests" } else { "events" }
    }

    /// True if the first and the last requests are kept apart from the others: in a run that sends a
    /// count of events as fast as responses come. A rate or a duration leaves no time to wait, and
    /// several executors have no common beginning.
    pub(crate) fn has_bookends(&self) -> bool {
        let is_counted =
            self.shapes.only().is_some_and(|shape| shape.kind() == ExecutorKind::SharedIterations);
        self.bookends && is_counted && self.scenario.request.is_none()
    }

    /// Reads the secrets that requests with events need, and guards them from being shown.
    pub(crate) fn secrets(&self) -> Result<Secrets, Failure> {
        let scenario = &self.scenario;
        let needed = Secrets::needed(&scenario.target, &scenario.events.values).and_then(|secrets| {
            let beside = scenario.load.beside_templates();
            Ok(secrets.and(Secrets::of_templates(beside.into_iter().map(|(_, template)| template))?))
        });
        needed.map_err(|error| {
            let NeededError::Missing(missing) = error else { return Failure::Usage(error.to_string()) };
            let error = Failure::from(scenario.missing(&missing));
            match &self.file {
                Some(file) => error.located(file),
                None => error,
            }
        })
    }

    /// Returns the executors of this shard.
    pub(crate) fn executors(&self) -> Vec<Executor> {
        Executor::all(&self.plan, &self.scenario.load, &self.shapes, self.shard, self.lanes)
    }
}

impl Settings {
    /// Resolves a load of events.
    pub(crate) fn resolve(cli: Cli) -> Result<Self, Failure> {
        let scenario = scenario::of_events(&cli)?;
        let shard = resolve_shard(&cli)?;
        if shard.of > 1 && cli.run_id.is_none() {
            return Err(Failure::Usage(
                "--shard needs --run-id TEXT, the same for all shards of the run".to_owned(),
            ));
        }
        if cli.run_id.as_deref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Failure::Usage("--run-id is empty; give it some text".to_owned()));
        }
        if shard.of > 1 && scenario.events.epoch == Epoch::Now {
            return Err(Failure::Usage(
                "events.epoch = \"now\" would differ between the shards of a run: write the same time for all"
                    .to_owned(),
            ));
        }
        let identity = Identity::of(cli.run_id.as_deref(), cli.seed)?;
        let database = DatabaseReader::new(scenario.database.as_ref(), cli.database.as_deref());
        let database = database.map_err(|error| Failure::Usage(error.to_string()))?;
        let shapes = scenario.executors()?;
        // A schedule gets its count from the rate and the time.
        let count = shapes.only().filter(|shape| shape.schedule().is_none()).and_then(|shape| shape.total());
        let rerun = match variable(RERUN) {
            Some(command) => by_another(&command, identity.seed),
            None => rerun(&cli, &scenario.load, count, identity.seed, shard),
        };
        let file = cli.scenario.clone();
        let mut settings =
            Self::new(scenario, cli.shape, &identity, rerun).map_err(|error| match file.as_deref() {
                Some(file) => error.located(file),
                None => error,
            })?;
        settings.load.file = file;
        settings.load.shard = shard;
        settings.load.has_run_id = cli.run_id.is_some();
        settings.load.bookends = !cli.no_bookends;
        settings.target.database = database;
        settings.target.database_url = cli.database;
        settings.verify = cli.verify;
        settings.open = cli.open;
        settings.live = cli.live;
        settings.looking = cli.looking;
        Ok(settings)
    }

    /// Resolves a load of one request, the same every time.
    pub(crate) fn resolve_http(http: Http) -> Result<Self, Failure> {
        let scenario = scenario::of_request(&http)?;
        if http.shard.is_some_and(|shard| shard != Shard::WHOLE) || http.shards.is_some_and(|of| of != 1) {
            return Err(Failure::Usage(
                "`loadgen http` has no shards: leave --shard out, unset SHARD and SHARDS, and give each process its \
                 part with --count and --rate"
                    .to_owned(),
            ));
        }
        let rerun = rerun_http(&http);
        Self::new(scenario, http.shape, &Identity::of(None, None)?, rerun)
    }

    fn new(
        mut scenario: Scenario,
        shape: Shape,
        identity: &Identity,
        rerun: String,
    ) -> Result<Self, Failure> {
        if scenario.request.is_some() {
            // Without events, no response describes any.
            let target = &mut scenario.target;
            target.answer = AnswerFields::default();
            target.answers = AnswerRules::default();
            target.stats = Stats::default();
            target.listing = Listing::default();
        }
        if shape.connect_timeout.is_zero() {
            return Err(Failure::Usage("--connect-timeout must be longer than 0".to_owned()));
        }
        scenario.target.publish.gzip |= shape.gzip;
        scenario.events.epoch = scenario.events.epoch.at_start();
        let plan = scenario.plan(identity.seed, identity.nonce)?;
        let shapes = scenario.executors()?;
        let target = scenario.target.at_publish();
        let endpoint = target.endpoint()?;
        let connector = Connector::new(&target, &endpoint, &shape.reach.proxy_login()?)?;
        let no_color = shape.no_color || variable("NO_COLOR").is_some();
        let family = match (shape.ipv4, shape.ipv6) {
            (true, _) => Some(Family::V4),
            (_, true) => Some(Family::V6),
            _ => None,
        };
        Ok(Self {
            load: LoadSettings {
                scenario,
                shapes,
                plan,
                shard: Shard::WHOLE,
                lanes: shape.lanes,
                bookends: true,
                has_run_id: false,
                file: None,
            },
            target: TargetSettings {
                endpoint,
                connector,
                headers: shape.reach.all_headers()?,
                reach: shape.reach,
                family,
                connect_timeout: shape.connect_timeout,
                wait: shape.wait,
                database: None,
                database_url: None,
            },
            output: OutputSettings {
                results: shape.out,
                prometheus_addr: shape.prometheus_addr,
                prometheus_linger: shape.prometheus_linger,
                summary_export: shape.summary_export,
                rerun,
                color: !no_color,
                json: shape.json,
            },
            start_at: shape.start_at,
            verify: false,
            open: false,
            live: None,
            looking: Looking::default(),
        })
    }
}

fn resolve_shard(cli: &Cli) -> Result<Shard, Failure> {
    match (cli.shard, cli.job_completion_index, cli.shards) {
        (Some(shard), _, _) => Ok(shard),
        (None, Some(index), Some(of)) if index < of => Ok(Shard { index: index + 1, of }),
        (None, Some(index), Some(of)) => Err(Failure::Usage(format!(
            "JOB_COMPLETION_INDEX is {index}, expected 0 to {}, because SHARDS is {of}",
            of.saturating_sub(1)
        ))),
        (None, None, Some(of)) if of != 1 => Err(Failure::Usage(format!(
            "SHARDS={of} needs JOB_COMPLETION_INDEX, or use SHARD=1/{of} instead"
        ))),
        // An index alone does not say how many shards there are: every Indexed Job has one.
        (None, _, _) => Ok(Shard::WHOLE),
    }
}

fn random_seed() -> Result<u32, Failure> {
    SysRng.try_next_u32().map_err(no_entropy)
}

fn random_nonce() -> Result<u64, Failure> {
    SysRng.try_next_u64().map_err(no_entropy)
}

fn no_entropy(source: SysError) -> Failure {
    Failure::System {
        action: "draw random numbers from the operating system; set --seed and --run-id",
        source: std::io::Error::other(source),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn settings(arguments: &[&str]) -> Result<Settings, Failure> {
        let arguments = [&["loadgen"], arguments].concat();
        Settings::resolve(Cli::try_parse_from(arguments).unwrap())
    }

    #[test]
    fn a_flag_outranks_the_file_and_the_file_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("s.toml");
        std::fs::write(
            &file,
            "name = \"s\"\n[load]\ncount = 7\nbatch = 3\n[target]\nurl = \"localhost:1/publish\"\n",
        )
        .unwrap();
        let path = file.to_str().unwrap();
        let settings = settings(&["--scenario", path, "--batch", "2"]).unwrap();
        let load = &settings.load.scenario.load;
        assert_eq!((load.count, load.batch, load.concurrency), (Some(7), 2, 50));
        assert_eq!(settings.load.scenario.target.url, "http://localhost:1");
    }

    #[test]
    fn a_count_that_is_sent_as_fast_as_responses_come_has_bookends() {
        let has = |arguments: &[&str]| settings(arguments).unwrap().load.has_bookends();
        assert!(has(&[]) && has(&["-n", "5000", "-c", "3"]) && has(&["--run-id", "x", "--shard", "2/4"]));
        for without in [
            &["--no-bookends"][..],
            &["--rate", "1000", "--count", "20000"],
            &["--duration", "5s"],
            &["--duration", "5s", "--count", "20000"],
            &["--rate", "1000", "--duration", "5s"],
            &["--stage", "5s:10"],
            &["--stage", "5s:100/s"],
        ] {
            assert!(!has(without), "{without:?}");
        }
    }

    #[test]
    fn one_request_over_and_over_has_no_bookends() {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            http: Http,
        }
        let Alone { http } = Alone::try_parse_from(["loadgen", "http://127.0.0.1:1/"]).unwrap();
        assert!(!Settings::resolve_http(http).unwrap().load.has_bookends());
    }

    #[test]
    fn topics_are_named_or_counted() {
        let topics =
            |given: &str| settings(&["--topics", given]).map(|settings| settings.load.plan.topics.clone());
        assert_eq!(topics("a,b").unwrap(), ["a", "b"]);
        assert_eq!(topics("11").unwrap()[9..], ["topic-09", "topic-10"]);
        assert_eq!(topics("1,2").unwrap(), ["1", "2"], "names that look like numbers");
        assert!(topics("0").is_err() && topics("100001").is_err());
    }

    #[test]
    fn a_run_id_fixes_seed_and_nonce_and_nothing_else_does() {
        let first = settings(&["--run-id", "x"]).unwrap();
        let second = settings(&["--run-id", "x", "--shard", "2/3"]).unwrap();
        assert_eq!(first.load.plan, second.load.plan);
        let one = settings(&["--seed", "1"]).unwrap();
        let other = settings(&["--seed", "1"]).unwrap();
        assert_eq!(one.load.plan.seed, other.load.plan.seed);
        assert_ne!(one.load.plan.nonce, other.load.plan.nonce);
        assert!(settings(&["--shard", "1/2"]).is_err(), "shards without a run id would send different runs");
    }

    #[test]
    fn an_indexed_job_names_its_shard() {
        let shard = |arguments: &[&str]| {
            settings(&[arguments, &["--run-id", "x"]].concat()).map(|settings| settings.load.shard)
        };
        let third = Shard { index: 3, of: 4 };
        assert_eq!(shard(&["--job-completion-index", "2", "--shards", "4"]).unwrap(), third);
        assert!(shard(&["--job-completion-index", "4", "--shards", "4"]).is_err());
        assert!(shard(&["--shards", "4"]).is_err());
        assert_eq!(shard(&["--job-completion-index", "2"]).unwrap(), Shard::WHOLE);
    }
}
