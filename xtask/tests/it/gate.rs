//! The gate in the README, run word for word.

use std::path::Path;
use std::process::{Command, Output};

use xtask::rig::interrupt::Interrupt;
use xtask::rig::port;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;

/// Returns the first block of the section.
fn gate() -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md")).unwrap();
    let section = readme.split_once("\n## In CI\n").unwrap().1;
    let block = section.split_once("```sh\n").unwrap().1;
    block.split_once("```").unwrap().0.to_owned()
}

/// Runs a script in a folder of its own.
fn run(scratch: &Scratch, script: &str) -> Output {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let folder = programs.path("verify").unwrap().parent().unwrap().to_owned();
    let address = format!("127.0.0.1:{}", port::free().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(scratch.path());
    command.env_clear().env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
    command.env("LISTEN", &address).env("TARGET_URL", format!("http://{address}")).output().unwrap()
}

#[test]
fn the_gate_of_the_readme_passes_on_the_reference_target() {
    let scratch = Scratch::new().unwrap();
    let output = run(&scratch, &gate());
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("\nPASS  "), "{shown}");
    let junit = std::fs::read_to_string(scratch.path().join("results/latest/junit.xml")).unwrap();
    assert!(junit.contains("failures=\"0\" errors=\"0\""), "{junit}");
}

#[test]
fn the_gate_fails_where_the_service_does_not_come_up_or_the_verdict_is_no_pass() {
    let scratch = Scratch::new().unwrap();
    let silent = gate().replace("aggregator >", "sleep 5 >").replace("--wait 30s", "--wait 1s");
    let output = run(&scratch, &silent);
    assert_eq!(output.status.code(), Some(5), "{}", String::from_utf8_lossy(&output.stderr));

    let scratch = Scratch::new().unwrap();
    let blind = gate().replace("\nverify ", "\nverify --offline ");
    let output = run(&scratch, &blind);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stdout));
}
