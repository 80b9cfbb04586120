//! SIGKILL of the sender: every attempt that the target saw is recorded, or unknown.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use rustix::process::Signal;
use truth::plan::event::Events;
use truth::plan::rng::{derived, scale};
use truth::record::folder::RunFolder;
use truth::record::ledger::Frame;
use truth::record::ledger::reader::SegmentReader;
use truth::target::answer::Outcome;

use crate::program::{Loadgen, Ran, Running, round_of};
use crate::stub::{Exchange, Key, Stub, with_length};

/// Number of runs that are killed.
const RUNS: u64 = 200;

/// Number of runs side by side: most of a run is waiting for the baseline.
const SIDE_BY_SIDE: usize = 4;

/// Interval between two looks at the size of a ledger.
const LOOK: Duration = Duration::from_micros(100);

/// Instant at which a run is killed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Instant {
    /// The target has seen so many requests.
    Requests(usize),
    /// The head of the next request has come and its body cannot: in the middle of a write.
    Body(usize),
    /// A segment of the ledger has grown to so many bytes: in the middle of a round.
    Ledger(u64),
    /// Microseconds after its first connection: before anything was sent, or soon after.
    Early(u64),
    /// Microseconds after its first request, wherever the run is by then.
    Any(u64),
}

impl Instant {
    fn of_run(run: u64) -> Self {
        let draw = |below: u64| scale(derived(run, 0), below);
        match run % 4 {
            0 => Self::Requests(1 + draw(400) as usize),
            1 if run % 8 == 1 => Self::Body(draw(3) as usize),
            1 | 2 => Self::Ledger(60 + draw(20_000)),
            _ if run % 8 == 3 => Self::Early(200_000 + draw(150_000)),
            _ => Self::Any(draw(100_000)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Requests(_) => "requests",
            Self::Body(_) => "body",
            Self::Ledger(_) => "ledger",
            Self::Early(_) => "early",
            Self::Any(_) => "any",
        }
    }

    fn wait(self, stub: &Stub, running: &Running) {
        match self {
            Self::Requests(count) => stub.wait_for(|seen| seen.requests.len() >= count),
            Self::Body(count) => stub.wait_for(|seen| seen.begun > count),
            Self::Ledger(bytes) => {
                while longest_segment(&running.results()) < bytes {
                    std::thread::sleep(LOOK);
                }
            }
            // The instant itself is tested here; nothing waits for an event.
            Self::Early(micros) => {
                stub.wait_for(|seen| seen.accepted > 0);
                std::thread::sleep(Duration::from_micros(micros));
            }
            Self::Any(micros) => {
                stub.wait_for(|seen| seen.begun > 0);
                std::thread::sleep(Duration::from_micros(micros));
            }
        }
    }
}

fn longest_segment(results: &Path) -> u64 {
    let segments = RunFolder::open(results).and_then(|folder| folder.segments()).unwrap_or_default();
    segments.iter().filter_map(|path| Some(path.metadata().ok()?.len())).max().unwrap_or(0)
}

/// Responds soundly, except to every seventh request, which gets a retryable reject or no response.
fn moody(exchange: &mut Exchange<'_>) {
    match exchange.nth % 14 {
        6 => exchange.say(with_length(503, "{}")),
        13 => {
            exchange.store();
            exchange.close();
        }
        _ => exchange.answer(),
    }
}

/// Returns how often each key may have been sent by the ledger, and the number of requests. Each
/// request of an opened round counts with the tries that are on record as sent, and one more if
/// none of them is final.
fn accounted(ran: &Ran) -> (HashMap<Key, u64>, usize) {
    let plan = ran.folder().manifest().unwrap().plan;
    let events = Events::new(&plan);
    let mut sent: HashMap<(u64, u32), (u64, bool)> = HashMap::new();
    for done in ran.tries() {
        let (tries, ended) = sent.entry((round_of(&done), done.request)).or_default();
        *tries += u64::from(done.answer.outcome != Outcome::NeverSent);
        *ended |= done.is_final;
    }
    let mut accounted = HashMap::new();
    let mut requests = 0;
    for index in ran.opened() {
        let round = plan.round(index);
        for request in 0..round.requests() {
            let (tries, ended) = sent.get(&(index, request)).copied().unwrap_or_default();
            let attempts = tries + u64::from(!ended);
            requests += attempts as usize;
            for ordinal in round.request(request) {
                let key = (events.topic(*ordinal).to_owned(), events.id_text(*ordinal));
                *accounted.entry(key).or_default() += attempts;
            }
        }
    }
    (accounted, requests)
}

/// Findings about a killed run.
#[derive(Default)]
struct Killed {
    /// Killed in the middle of rounds.
    midway: u64,
    /// Killed in the middle of a request's write.
    mid_write: u64,
    /// Killed with requests on record that had more than one try.
    retried: u64,
}

fn kill_one(run: u64) -> Killed {
    let instant = Instant::of_run(run);
    let (stub, load) = match instant {
        // So large that no socket takes all of it.
        Instant::Body(after) => (
            Stub::stalling(after, moody),
            "[load]\ncount = 400\nbatch = 20\n[events]\npayload = { bytes = [300000, 500000] }\n".to_owned(),
        ),
        _ => {
            let batch = [1, 3, 10][(run / 4 % 3) as usize];
            (Stub::scripted(moody), format!("[load]\ncount = 1000000\nbatch = {batch}\n"))
        }
    };
    let lanes = 1 + run % 2;
    let retries = run / 2 % 3;
    let arguments = format!("--concurrency 8 --dup 0.3 --lanes {lanes} --retries {retries} --seed {run}");
    let running = Loadgen::against(&stub, &arguments).scenario(&load).start();
    instant.wait(&stub, &running);
    running.signal(Signal::KILL);
    let ran = running.end();
    assert_eq!(ran.code, None, "run {run}, {instant:?}: {}", ran.stderr);
    stub.release();
    // The bytes that the kernel had taken still arrive.
    stub.wait_for(|seen| seen.ended == seen.accepted);
    if RunFolder::open(ran.results()).is_err() {
        stub.look(|seen| assert_eq!(seen.begun, 0, "run {run}, {instant:?}: sent without a run folder"));
        return Killed::default();
    }
    assert!(!ran.folder().is_running() && (ran.opened().is_empty() || !ran.is_closed()));
    let (accounted, requests) = accounted(&ran);
    stub.look(|seen| {
        assert!(seen.begun <= requests, "run {run}, {instant:?}: {} requests of {requests}", seen.begun);
        for (key, attempts) in &seen.attempts {
            let known = accounted.get(key).is_some_and(|known| known >= attempts);
            assert!(known, "run {run}, {instant:?}: {key:?} came {attempts} times");
        }
        Killed {
            midway: u64::from(seen.begun > 0),
            mid_write: seen.cut as u64,
            retried: u64::from(ran.tries().iter().any(|done| done.try_number > 0)),
        }
    })
}

/// Number of tries with an end in the ledger.
fn ended(results: &Path) -> usize {
    let segments = RunFolder::open(results).and_then(|folder| folder.segments()).unwrap_or_default();
    let frames = segments.iter().flat_map(|path| SegmentReader::open(path).unwrap());
    frames.filter(|frame| matches!(frame, Ok(Frame::Done(_)))).count()
}

#[test]
fn a_run_that_is_killed_after_its_last_response_has_an_open_ledger() {
    let place = tempfile::tempdir().unwrap();
    let [mark, pipe] = ["mark", "pipe"].map(|name| place.path().join(name));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // A fault that is under way until somebody writes to the pipe. The run waits for its end.
    let scenario = format!(
        "[[faults]]\nat = \"0s\"\ndo = \"run\"\nrun = \"touch {} && cat {}\"\n",
        mark.display(),
        pipe.display()
    );
    let stub = Stub::scripted(|it| {
        it.wait_for(|seen| seen.released);
        it.answer();
    });
    let running = Loadgen::against(&stub, "-n 20 --batch 1 -c 4 --lanes 2").scenario(&scenario).start();
    while !mark.exists() {
        std::thread::sleep(LOOK);
    }
    stub.release();
    while ended(&running.results()) < 20 {
        std::thread::sleep(LOOK);
    }
    running.signal(Signal::KILL);
    std::fs::write(&pipe, "").unwrap();
    let ran = running.end();
    assert_eq!(ran.code, None, "{}", ran.stderr);
    assert!(!ran.is_closed());
}

#[test]
fn a_killed_run_accounts_for_every_attempt_that_the_target_saw() {
    let waiting = Mutex::new(0..RUNS);
    let sums = Mutex::new(BTreeMap::<&str, Killed>::new());
    std::thread::scope(|scope| {
        for _ in 0..SIDE_BY_SIDE {
            scope.spawn(|| {
                while let Some(run) = { waiting.lock().unwrap().next() } {
                    let killed = kill_one(run);
                    let mut sums = sums.lock().unwrap();
                    let sum = sums.entry(Instant::of_run(run).name()).or_default();
                    sum.midway += killed.midway;
                    sum.mid_write += killed.mid_write;
                    sum.retried += killed.retried;
                }
            });
        }
    });
    // Each kind of instant must have found runs under way, or nothing was tested.
    let sums = sums.into_inner().unwrap();
    for (name, at_least) in [("requests", 50), ("body", 25), ("ledger", 75), ("any", 25)] {
        assert!(sums[name].midway >= at_least, "{name}: {} runs midway", sums[name].midway);
    }
    assert!(sums["body"].mid_write >= 25, "{} requests cut", sums["body"].mid_write);
    assert!(sums["requests"].retried >= 20 && sums["ledger"].retried >= 20, "runs with retries");
}
