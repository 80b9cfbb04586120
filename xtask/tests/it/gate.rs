//! The gate in the README, the workflow to copy and the bench profile of Compose, run word for word:
//! all of them with nothing declared about the target.

use std::path::Path;
use std::process::{Command, Output};

use xtask::rig::cargo;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::port;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;

/// Returns the first block of the section.
fn gate() -> String {
    let readme = text_of("README.md");
    let section = readme.split_once("\n## In CI\n").unwrap().1;
    let block = section.split_once("```sh\n").unwrap().1;
    block.split_once("```").unwrap().0.to_owned()
}

/// Returns the text of a file of the repository.
fn text_of(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// Returns what the workflow gives to an input of the action.
fn given(input: &str) -> String {
    let text = text_of(".github/workflows/gate.yml");
    let (_, inputs) = text.split_once("with: { ").unwrap();
    let (inputs, _) = inputs.split_once(" }").unwrap();
    inputs.split(", ").find_map(|one| one.strip_prefix(input)?.strip_prefix(": ")).unwrap().to_owned()
}

/// Returns the default of an input of the action.
fn default_of(input: &str) -> String {
    let action = text_of("action/action.yml");
    let block = block(&action, &format!("  {input}:")).join("\n");
    block.split_once("default: ").unwrap().1.to_owned()
}

/// Returns the lines of a block of `docker-compose.yml` below its head, which are indented more.
fn block<'a>(compose: &'a str, head: &str) -> Vec<&'a str> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = compose.lines().skip_while(|line| *line != head);
    let head = lines.next().unwrap_or_else(|| panic!("docker-compose.yml has no line `{head}`"));
    lines.take_while(|line| indent(line) > indent(head)).collect()
}

/// Returns the environment that the bench profile gives to `loadgen` where nothing is set outside.
fn bench_environment(compose: &str) -> Vec<(String, String)> {
    let default = |line: &&str| {
        let (name, value) = line.trim().split_once(": ").unwrap();
        let (_, value) = value.split_once(":-").unwrap();
        (name.to_owned(), value.trim_end_matches("}\"").to_owned())
    };
    block(compose, "x-load: &load").iter().map(default).collect()
}

/// Runs a script in a folder of its own.
fn run(scratch: &Scratch, script: &str) -> Output {
    run_in(scratch, script, &[])
}

/// Runs a script in a folder of its own, with further variables.
fn run_in(scratch: &Scratch, script: &str, variables: &[(String, String)]) -> Output {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let folder = programs.path("verify").unwrap().parent().unwrap().to_owned();
    let address = format!("127.0.0.1:{}", port::free().unwrap());
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir(scratch.path());
    command.env_clear().env("PATH", format!("{}:{}", folder.display(), std::env::var("PATH").unwrap()));
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command.env("LISTEN", &address).env("TARGET_URL", format!("http://{address}")).output().unwrap()
}

#[track_caller]
fn assert_passes(output: &Output) {
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{shown}{}", String::from_utf8_lossy(&output.stderr));
    assert!(shown.contains("\nPASS  "), "{shown}");
    assert!(shown.contains("received=20000 inserted=14000 duplicates=6000"), "{shown}");
}

#[test]
fn the_gate_of_the_readme_passes_on_the_reference_target() {
    let scratch = Scratch::new().unwrap();
    let output = run(&scratch, &gate());
    assert_passes(&output);
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

#[test]
fn the_workflow_to_copy_passes_and_its_action_loads_as_the_readme_does() {
    let load = default_of("load");
    assert!(gate().contains(&format!("\nloadgen {load} ")), "{load} is not in {}", gate());
    let script = cargo::workspace().join("action/prove.sh");
    let script = format!("TARGET=\"$TARGET_URL\" exec bash {}", script.display());
    let inputs = [
        ("SERVICE", given("service")),
        ("LOAD", load),
        ("RESULTS", default_of("results")),
        ("GITHUB_OUTPUT", "output".to_owned()),
        ("GITHUB_STEP_SUMMARY", "summary".to_owned()),
    ];
    let scratch = Scratch::new().unwrap();
    let inputs = inputs.map(|(name, value)| (name.to_owned(), value));
    assert_passes(&run_in(&scratch, &script, &inputs));
    assert_eq!(std::fs::read_to_string(scratch.path().join("output")).unwrap(), "verdict=PASS\n");
}

#[test]
fn the_bench_profile_of_compose_declares_nothing_and_passes() {
    let compose = text_of("docker-compose.yml");
    for program in ["loadgen", "verify"] {
        let service = block(&compose, &format!("  {program}:"));
        assert!(service.contains(&"    profiles: [bench]"), "{service:?}");
        assert!(service.contains(&format!("    command: [\"{program}\"]").as_str()), "{service:?}");
        let environment = block(&service.join("\n"), "    environment:").join("\n");
        let shared = if program == "loadgen" { "      <<: *load\n" } else { "" };
        assert_eq!(environment, format!("{shared}      TARGET_URL: http://aggregator:8080"));
    }
    let environment = bench_environment(&compose);
    let names: Vec<&str> = environment.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["COUNT", "DUP_RATE", "CONCURRENCY", "TOPICS", "BATCH_SIZE"]);
    // Compose waits until the aggregator is healthy, as --wait does here.
    let script = "set -e\naggregator > service.log 2>&1 &\ntrap 'kill $!' EXIT\nloadgen --wait 30s\nverify\n";
    assert_passes(&run_in(&Scratch::new().unwrap(), script, &environment));
}
