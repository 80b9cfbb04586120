//! Scenarios and plan numbers as `run.json` keeps them, pinned by a file that no test rewrites.

use std::fmt::Write;
use std::io;
use std::path::Path;

use serde_json::Value;
use truth::scenario::Scenario;

/// Loads that the shipped scenarios do not have.
const LOADS: [&str; 6] = [
    "executor = \"constant-arrival-rate\"\nrate = \"1_000/m\"\nduration = \"90s\"\ncount = 1_200\nwarm_up = \"1s\"",
    "executor = \"constant-arrival-rate\"\nrate = \"5req/s\"\ncount = 700\nfirst_byte_timeout = \"10ms\"",
    "executor = \"ramping-arrival-rate\"\nrate = \"10\"\ncount = 45\nstages = [{ duration = \"5s\", target = \"1k\" }]",
    "executor = \"ramping-vus\"\nstart_vus = 3\nstages = [{ duration = \"1m\", target = \"9\" }]\ncount = 70",
    "executor = \"constant-vus\"\nduration = \"2500ms\"\nrequests_per_connection = 4\nretries = 2",
    "thresholds = [{ threshold = \"http_reqs: count>1\", abort_on_fail = true, delay_abort_eval = \"1s\" }]",
];

/// Executors beside each other, with every key that one of them can have.
const EXECUTORS: &str = r#"
[load]
batch = 10
start_vus = 2
[[load.executors]]
name = "first"
executor = "ramping-vus"
stages = [{ duration = "10s", target = "4" }]
measured = false
[[load.executors]]
name = "second"
executor = "ramping-vus"
start_vus = 1
stages = [{ duration = "10s", target = "4" }]
count = 45
after = "first"
start_time = "1500ms"
[[load.executors]]
name = "third"
executor = "constant-arrival-rate"
rate = "100"
duration = "3s"
concurrency = 5
after = "first"
"#;

/// Returns the text of every shipped scenario, in the order of their names.
fn shipped() -> io::Result<Vec<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    // It came with release 0.2.
    paths.retain(|path| !path.ends_with("reference.toml"));
    paths.sort();
    paths.into_iter().map(std::fs::read_to_string).collect()
}

#[test]
fn scenarios_and_their_plans_are_saved_as_they_always_were() {
    let mut texts = shipped().unwrap();
    texts.extend(LOADS.map(|load| format!("[load]\n{load}")));
    texts.push(EXECUTORS.to_owned());
    let mut found = String::new();
    for text in texts {
        let scenario = Scenario::parse(&text, "test.toml").unwrap();
        let saved = serde_json::to_string(&scenario).unwrap();
        assert_eq!(serde_json::from_str::<Scenario>(&saved).unwrap(), scenario);
        let plan = scenario.plan(1, 2).unwrap();
        let plan = serde_json::to_string(&*plan).unwrap();
        writeln!(found, "{saved}\n{plan}").expect("a String takes all that is written");
    }
    let golden = include_str!("../golden/scenarios.jsonl");
    for (number, (found, golden)) in found.lines().zip(golden.lines()).enumerate() {
        let message = format!("line {}: folders that exist hold these bytes", number + 1);
        if golden.starts_with(r#"{"name":"#) {
            serde_json::from_str::<Scenario>(golden).unwrap();
            assert_eq!(without_promises(found), without_promises(golden), "{message}");
        } else {
            assert_eq!(found, golden, "{message}");
        }
    }
    assert_eq!(found.lines().count(), golden.lines().count());
}

/// Takes the promises away, which release 0.1 wrote though nobody had said them.
fn without_promises(scenario: &str) -> Value {
    let mut scenario: Value = serde_json::from_str(scenario).expect("JSON");
    scenario.as_object_mut().expect("an object").remove("promises");
    let listing = scenario["target"]["listing"].as_object_mut().expect("an object");
    listing.retain(|name, _| !["complete", "filter", "order"].contains(&name.as_str()));
    scenario
}
