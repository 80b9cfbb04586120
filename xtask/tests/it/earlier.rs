//! Scenarios of earlier releases: each still runs as it was written.

use xtask::rig::cargo;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;
use xtask::rig::service::Service;

/// Runs a scenario in the form that `verify probe` of 0.1 wrote, against the service that it was
/// written for.
fn assert_passes(shape: &str, more: &[&str]) {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let folder = Scratch::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let settings = vec![("SHAPE", shape.to_owned()), ("JOURNAL", path("journal"))];
    let service = Service::start(&programs, "examples/shaped", settings).unwrap();
    let scenario = cargo::workspace().join(format!("xtask/tests/fixtures/0.1/probed-{shape}.toml"));
    let [scenario, out] = [scenario.display().to_string(), path("results")];
    let url = service.url();
    let fixed = ["--scenario", &scenario, "--target", &url, "--out", &out, "--verify"];
    let judged = programs.run("loadgen", fixed.iter().chain(more)).unwrap();
    assert_eq!(judged.code, Some(0), "{shape}: {}{}", judged.stdout, judged.stderr);
}

#[test]
fn a_scenario_that_a_probe_wrote_before_requests_were_texts_still_runs() {
    assert_passes("cursors", &["--count", "2000"]);
    assert_passes("queued", &["--count", "6000", "--topics", "20"]);
}
