//! Scenarios that start the aggregator and inject faults into it.

use std::path::Path;

use xtask::rig::interrupt::Interrupt;
use xtask::rig::port;
use xtask::rig::programs::{Finished, Profile, Programs};
use xtask::rig::scratch::Scratch;

/// A folder with a scenario that starts the aggregator on a database there.
struct Bench {
    programs: Programs,
    folder: Scratch,
}

impl Bench {
    fn new(faults: &str) -> Self {
        let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
        let folder = Scratch::new().unwrap();
        let port = port::free().unwrap();
        let aggregator = programs.path("aggregator").unwrap();
        let aggregator = aggregator.display();
        let scenario = format!(
            "[load]\ncount = 20000\nbatch = 10\ntimeout = \"2s\"\n[promises]\nzombie = \"500ms\"\n\
             [target]\nurl = \"http://127.0.0.1:{port}\"\n\
             [target.process]\ncommand = [\"{aggregator}\"]\nready = \"/health\"\n\
             environment = {{ LISTEN = \"127.0.0.1:{port}\", DATABASE_URL = \"sqlite://events.db\" }}\n{faults}"
        );
        std::fs::write(folder.path().join("scenario.toml"), scenario).unwrap();
        Self { programs, folder }
    }

    fn results(&self) -> std::path::PathBuf {
        self.folder.path().join("results")
    }

    fn load(&self, arguments: &[&str]) -> Finished {
        let scenario = self.folder.path().join("scenario.toml");
        let scenario = scenario.display().to_string();
        let out = self.results().display().to_string();
        let fixed = ["--scenario", &scenario, "--out", &out];
        self.programs.run("loadgen", [&fixed, arguments].concat()).unwrap()
    }

    fn verify(&self) -> Finished {
        self.programs.run("verify", ["--out", &self.results().display().to_string()]).unwrap()
    }
}

const FAULTS: &str = "[[faults]]\nat = \"20%\"\ndo = \"kill\"\nfor = \"50ms\"\n\
    [[faults]]\nat = \"40%\"\ndo = \"pause\"\nfor = \"200ms\"\n\
    [[faults]]\nat = \"60%\"\ndo = \"terminate\"\nfor = \"0\"\n\
    [[faults]]\nat = \"70%\"\ndo = \"run\"\nrun = \"true\"\nfor = \"0\"\n";

#[test]
fn a_target_that_the_scenario_starts_and_hurts_passes_and_can_be_verified_again() {
    let bench = Bench::new(FAULTS);
    let judged = bench.load(&["--verify"]);
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    for told in [
        "kill at 20%: ",
        "ended by signal: 9 (SIGKILL), and ready again",
        "pause at 40%: ",
        "seen stopped for 200ms",
        "terminate at 60%: ",
        "ended by exit status: 0, and ready again",
        "run `true` at 70%: ",
    ] {
        assert!(judged.stdout.contains(told), "{told}: {}", judged.stdout);
    }
    let log = std::fs::read_to_string(bench.results().join("latest/target.log")).unwrap();
    assert_eq!(log.matches("listening on").count(), 3, "{log}");
    // The target has ended, and verify starts it again by itself.
    let again = bench.verify();
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    assert!(again.stderr.contains("starting the target again"), "{}", again.stderr);
}

#[test]
fn a_fault_that_never_comes_makes_the_run_void() {
    let bench = Bench::new("[[faults]]\nat = \"1h\"\ndo = \"kill\"\n");
    let judged = bench.load(&["--verify", "--count", "2000"]);
    assert_eq!(judged.code, Some(4), "{}{}", judged.stdout, judged.stderr);
    assert!(judged.stdout.contains("\nVOID "), "{}", judged.stdout);
    let why = "the planned fault had no effect: kill at 3600s: the run was over before";
    assert!(judged.stdout.contains(why), "{}", judged.stdout);
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is_sent() {
    let has_left_nothing = |results: &Path| !results.join("latest").exists();
    let bench = Bench::new("[[faults]]\ndo = \"run\"\n");
    let refused = bench.load(&[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("needs run = \"...\""), "{}", refused.stderr);
    assert!(has_left_nothing(&bench.results()));

    let bench = Bench::new("");
    let scenario = bench.folder.path().join("scenario.toml");
    let text = std::fs::read_to_string(&scenario).unwrap();
    std::fs::write(
        &scenario,
        text.replace("ready =", "ready_within = \"300ms\"\nready =").replace("/health", "/no"),
    )
    .unwrap();
    let not_ready = bench.load(&[]);
    assert_eq!(not_ready.code, Some(5), "{}", not_ready.stderr);
    assert!(not_ready.stderr.contains("was not ready within 300ms; see "), "{}", not_ready.stderr);
    assert!(has_left_nothing(&bench.results()));

    std::fs::write(&scenario, text.replace("[\"", "[\"/nowhere")).unwrap();
    let absent = bench.load(&[]);
    assert_eq!(absent.code, Some(2), "{}", absent.stderr);
    assert!(absent.stderr.contains("cannot start the target `/nowhere"), "{}", absent.stderr);

    std::fs::write(&scenario, text).unwrap();
    let taken = std::net::TcpListener::bind(address(&scenario)).unwrap();
    let refused = bench.load(&[]);
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert!(refused.stderr.contains("already, and [target.process] has to start"), "{}", refused.stderr);
    drop(taken);
}

#[test]
fn a_sender_that_is_killed_leaves_no_target_behind() {
    let bench = Bench::new("");
    let scenario = bench.folder.path().join("scenario.toml");
    let path = scenario.display().to_string();
    let out = bench.results().display().to_string();
    let arguments = ["--scenario", &path, "--count", "1000000", "--out", &out];
    let mut loading = bench.programs.start("loadgen", arguments).unwrap();
    while !bench.results().join("latest/ledger").exists() {
        assert_eq!(loading.process.try_wait().unwrap(), None, "it ended by itself");
        std::thread::yield_now();
    }
    loading.process.kill().unwrap();
    // The guard ends the target: its port becomes free, or this never ends.
    while std::net::TcpListener::bind(address(&scenario)).is_err() {
        std::thread::yield_now();
    }
}

fn address(scenario: &Path) -> String {
    let text = std::fs::read_to_string(scenario).unwrap();
    text.split("http://").nth(1).unwrap().split('"').next().unwrap().to_owned()
}
