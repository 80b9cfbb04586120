//! `verify probe` on services of other shapes, and runs of the scenarios that it writes.

use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Finished, Profile, Programs};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

/// A service, and a folder for its scenario.
struct Met {
    programs: Programs,
    service: Service,
    folder: Scratch,
}

impl Met {
    fn shaped(shape: &str) -> Self {
        let folder = Scratch::new().unwrap();
        let journal = folder.path().join("journal").display().to_string();
        Self::start(folder, "examples/shaped", vec![("SHAPE", shape.to_owned()), ("JOURNAL", journal)])
    }

    fn reference() -> Self {
        let folder = Scratch::new().unwrap();
        let url = format!("sqlite://{}", folder.path().join("events.db").display());
        Self::start(folder, "aggregator", vec![("DATABASE_URL", url)])
    }

    fn start(folder: Scratch, program: &'static str, settings: Vec<(&'static str, String)>) -> Self {
        let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
        let service = Service::start(&programs, program, settings).unwrap();
        let met = Self { programs, service, folder };
        let probed = met.probe();
        assert_eq!(probed.code, Some(0), "{}{}", probed.stdout, probed.stderr);
        met
    }

    fn scenario(&self) -> String {
        self.folder.path().join("probed.toml").display().to_string()
    }

    fn probe(&self) -> Finished {
        self.programs.run("verify", ["probe", &self.service.url(), "--out", &self.scenario()]).unwrap()
    }

    fn arguments(&self, more: &[&str]) -> Vec<String> {
        let scenario = self.scenario();
        let out = self.folder.path().join("results").display().to_string();
        let fixed = ["--scenario", &scenario, "--out", &out, "--verify"];
        [&fixed, more].concat().into_iter().map(str::to_owned).collect()
    }

    fn load(&self, more: &[&str]) -> Finished {
        self.programs.run("loadgen", self.arguments(more)).unwrap()
    }

    /// Adds a promise to the scenario.
    fn promise(&self, line: &str) {
        let written = self.written();
        let table = "\n[promises]\n";
        let with = match written.contains(table) {
            true => written.replace(table, &format!("{table}{line}\n")),
            false => format!("{written}{table}{line}\n"),
        };
        std::fs::write(self.scenario(), with).unwrap();
    }

    /// Folders of the runs, the oldest first.
    fn runs(&self) -> Vec<String> {
        let results = std::fs::read_dir(self.folder.path().join("results")).unwrap();
        let mut runs: Vec<_> = results.map(|run| run.unwrap().path()).filter(|path| path.is_dir()).collect();
        runs.sort_by_key(|run| std::fs::metadata(run.join("run.json")).unwrap().modified().unwrap());
        runs.iter().map(|run| run.display().to_string()).collect()
    }

    fn written(&self) -> String {
        std::fs::read_to_string(self.scenario()).unwrap()
    }
}

fn assert_passes(judged: &Finished, told: &[&str]) {
    assert_eq!(judged.code, Some(0), "{}{}", judged.stdout, judged.stderr);
    for told in told {
        assert!(judged.stdout.contains(told), "{told}: {}", judged.stdout);
    }
}

#[test]
fn the_reference_is_found_to_be_itself() {
    let met = Met::reference();
    for line in [
        "path = \"/publish?results=true\"",
        "each = \"/results/*\"",
        "unique = \"/unique_processed\"",
        "instance = \"/instance_id\"",
        "uptime = \"/uptime\"",
        "next = \"link\"",
    ] {
        assert!(met.written().contains(&format!("\n{line}\n")), "{line}: {}", met.written());
    }
    assert_passes(
        &met.load(&["--count", "2000"]),
        &["2,000 new/duplicate responses are consistent", "1,400 stored events are as sent"],
    );
    let again = met.probe();
    assert_eq!(again.code, Some(2), "{}", again.stderr);
    assert!(again.stderr.contains("exists already"), "{}", again.stderr);
}

#[test]
fn a_capped_and_queued_service_passes_where_keys_are_spread_and_else_says_what_it_does_not_show() {
    let met = Met::shaped("queued");
    let spread = met.load(&["--count", "6000", "--topics", "20"]);
    assert_passes(
        &spread,
        &["all 4,200 acknowledged keys are listed", "answer-order: no response reports new or duplicate"],
    );
    let cut_off = met.load(&["--count", "6000"]);
    assert_eq!(cut_off.code, Some(3), "{}{}", cut_off.stdout, cut_off.stderr);
    assert!(cut_off.stdout.contains("the other rows may be unseen, not lost"), "{}", cut_off.stdout);
}

#[test]
fn a_service_with_volatile_counters_passes_a_kill_without_them() {
    let mut met = Met::shaped("single");
    let arguments = met.arguments(&["--count", "6000"]);
    let mut loading = met.programs.start("loadgen", arguments).unwrap();
    while met.service.received().unwrap() < 2_000 {
        assert_eq!(loading.process.try_wait().unwrap(), None, "the run was over before the kill");
        std::thread::yield_now();
    }
    met.service.kill().unwrap();
    met.service.restart().unwrap();
    let judged = loading.finish().unwrap();
    // Connections broke, so the kill came during the run. Requests may all have been answered by
    // then.
    assert_passes(
        &judged,
        &["counters: the counters do not survive a restart, and the target restarted", " reconnects="],
    );
}

#[test]
fn services_without_counters_or_without_contents_pass_and_say_what_was_not_tested() {
    let cursors = Met::shaped("cursors").load(&["--count", "2000"]);
    assert_passes(
        &cursors,
        &[
            "1,400 stored events are as sent",
            "2,000 new/duplicate responses are consistent",
            "routes-disagree: the target has no unique count",
        ],
    );
    let pages = Met::shaped("pages").load(&["--count", "2000"]);
    assert_passes(
        &pages,
        &[
            "answer-order: no response reports new or duplicate",
            "1,400 stored events are as sent in timestamp",
        ],
    );
}

#[test]
fn rows_of_others_are_told_where_nobody_else_is_said_to_write_and_nothing_counts_them() {
    let met = Met::shaped("cursors");
    met.promise("shared = false");
    // The rows of the probe were listed before the run.
    let older = "none of 1,400 rows of this run appeared without an attempt";
    assert_passes(&met.load(&["--count", "2000"]), &[older]);
    // Those of a second run appear after the first, which nothing shows.
    assert_eq!(met.load(&["--count", "200"]).code, Some(0));
    let first = met.programs.run("verify", [&met.runs()[0]]).unwrap();
    assert_eq!(first.code, Some(3), "{}{}", first.stdout, first.stderr);
    assert!(first.stdout.contains("140 foreign rows appeared since the run began"), "{}", first.stdout);
}

#[test]
fn what_is_no_service_is_told_apart_from_nothing() {
    let folder = Scratch::new().unwrap();
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let out = folder.path().join("probed.toml").display().to_string();
    let nothing = programs.run("verify", ["probe", "http://127.0.0.1:1", "--out", &out]).unwrap();
    assert_eq!(nothing.code, Some(5), "{}", nothing.stderr);
    let met = Met::shaped("pages");
    let elsewhere = format!("{}/no/such/path", met.service.url());
    let unclear = programs.run("verify", ["probe", &elsewhere, "--out", &out]).unwrap();
    assert_eq!(unclear.code, Some(3), "{}", unclear.stderr);
    assert!(unclear.stderr.contains("no way to publish an event was found"), "{}", unclear.stderr);
    assert!(!folder.path().join("probed.toml").exists(), "nothing is written then");
}
