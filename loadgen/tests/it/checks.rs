//! `loadgen check` on files that hold secrets, or cannot run.

use std::process::{Command, Output};

use crate::stub::Stub;

/// Scenario that can run.
const SOUND: &str = r#"[target]
url = "http://127.0.0.1:9"
[target.publish]
path = "/events"
body = '[{{events}}]'
event = '{"id":"{{event_id}}","topic":"{{topic}}"}'
[target.listing]
path = "/list?page={{page}}"
next = "page"
fields = { event_id = "id", topic = "topic" }
"#;

fn check(text: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(["check", "my.toml"]).current_dir(folder.path()).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

#[test]
fn a_secret_in_clear_is_named_by_its_key_wherever_it_stands() {
    let files = [
        (
            "target.publish.sign.secret",
            "[target.publish]\nsign = { algorithm = \"hmac-sha256\", secret = \"SECRET\", over = \"{{body}}\" }",
        ),
        ("target.publish.body", "[target.publish]\nbody = '{\"api_key\":\"SECRET\",\"batch\":[{{events}}]}'"),
        (
            "target.publish.event",
            "[target.publish]\nevent = '{\"id\":\"{{event_id}}\",\"user\":{\"password\": \"SECRET\"}}'",
        ),
        ("target.before.0.body", "[[target.before]]\npath = \"/login\"\nbody = \"user=me&password=SECRET\""),
        ("target.listing.body", "[target.listing]\nbody = '{\"token\":\"SECRET\"}'"),
        ("target.process.command", "[target.process]\ncommand = [\"./server\", \"--token\", \"SECRET\"]"),
        (
            "target.process.environment.DB",
            "[target.process]\ncommand = [\"a\"]\nenvironment = { DB = \"postgres://me:SECRET@db/x\" }",
        ),
        (
            "events.values.token.by_topic.auth",
            "[events.values]\ntoken = { by_topic = { auth = \"SECRET\", payment = \"env:T\", orders = \"env:T\" } }",
        ),
        ("faults.0.run", "[[faults]]\ndo = \"run\"\nrun = \"curl -u me:SECRET http://h\""),
        (
            "load.beside.0.headers.x-api-key",
            "[[load.beside]]\nname = \"a\"\nrate = \"1/s\"\npath = \"/\"\nheaders = { x-api-key = \"SECRET\" }",
        ),
    ];
    for (key, more) in files {
        let more = more.replace("SECRET", "hunter2222");
        let (head, keys) = more.split_once('\n').unwrap();
        // The keys go into the table of this name, if the scenario has it.
        let first = keys.split(" = ").next().unwrap();
        let text = match SOUND.split_once(&format!("{head}\n")) {
            None => format!("{SOUND}{more}\n"),
            Some((before, rest)) => {
                let (own, after) = rest.split_at(rest.find("\n[").map_or(rest.len(), |at| at + 1));
                let others = own.lines().filter(|line| !line.starts_with(&format!("{first} = ")));
                let others: String = others.map(|line| format!("{line}\n")).collect();
                format!("{before}{more}\n{others}{after}")
            }
        };
        let output = check(&text);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(0), "{told}\n{text}");
        assert!(told.contains(&format!("{key} holds a secret in clear")), "{key}: {told}\n{text}");
        assert!(!told.contains("hunter2222"), "{told}");
    }
    let fixed = |body: &str| {
        format!(
            "[target]\nurl = \"http://127.0.0.1:9\"\n[load]\nbatch = 1\ndup = \"0\"\n[request]\nbody = '{body}'\n"
        )
    };
    let of_fixed = told(&check(&fixed(r#"{"user":"me","password":"hunter2222"}"#)));
    assert!(of_fixed.contains("request.body holds a secret in clear"), "{of_fixed}");
    assert!(!of_fixed.contains("hunter2222"), "{of_fixed}");
    let without = told(&check(&fixed(r#"{"user":"me"}"#)));
    assert!(!without.contains("in clear"), "{without}");
    let output = check(SOUND);
    assert!(!told(&output).contains("in clear"), "{}", told(&output));
}

#[test]
fn a_variable_that_is_not_set_is_named_with_its_place_wherever_it_is_used() {
    let before = "[[target.before]]\npath = \"/login?u={{env:NOBODY_SETS_A}}\"\n";
    let of_topics = "{ auth = \"env:NOBODY_SETS_B\", payment = \"x\", orders = \"x\" }";
    let values = format!("[events.values]\nt = {{ by_topic = {of_topics} }}\n");
    let listing = "headers = { x = \"{{env:NOBODY_SETS_C}}\" }\n";
    let output = check(&format!("{SOUND}{listing}{before}{values}"));
    let told = told(&output);
    for place in [
        "my.toml, line 11, column 18: target.listing.headers.x: the environment variable NOBODY_SETS_C",
        "my.toml, line 13, column 18: target.before.0.path: the environment variable NOBODY_SETS_A",
        "my.toml, line 15, column 28: events.values.t.by_topic.auth: the environment variable NOBODY_SETS_B",
    ] {
        assert!(told.contains(place), "{place}\n{told}");
    }
}

#[test]
fn each_fault_has_the_place_of_its_key() {
    for (old, new, place, says) in [
        ("/events", "/my events", "line 4, column 8", "write it as %20"),
        ("?page={{page}}", "", "line 9, column 8", "needs the hole {{page}}"),
        ("{{event_id}}", "x", "line 5, column 9", "no hole of the request is {{event_id}}"),
        ("\"http://127.0.0.1:9\"", "\"h h\"", "line 2, column 7", "is not a URL"),
        ("[target]", "promises.visible = 5\n[target]", "line 1, column 20", "write \"5s\""),
        ("[target]", "load.batch = 0\n[target]", "line 1, column 14", "batch is 0"),
        ("[target]", "load.dup = \"2\"\n[target]", "line 1, column 12", "is above 1"),
        ("[target]", "name = 5\n[target]", "line 1, column 8", "write it in quotes: \"5\""),
        ("[target]", "load.thresholds = [\"p99 < x\"]\n[target]", "line 1, column 20", "cannot be read"),
        ("event_id = \"id\", ", "", "line 10, column 10", "listing.fields.event_id is not set"),
        ("next = \"page\"", "limit = 0", "line 9, column 9", "listing.limit must be"),
        (
            "[target.listing]",
            "[target.answer]\naccepted = \"/n\"\n[[target.answers]]\nmeans = \"new\"\n[target.listing]",
            "line 7, column 1",
            "are both given",
        ),
        (
            "[target.listing]",
            "[[target.answers]]\nstatus = 200\nmeans = \"good\"\n[target.listing]",
            "line 9, column 9",
            "unknown value `good`",
        ),
    ] {
        assert!(SOUND.contains(old), "{old}");
        let output = check(&SOUND.replace(old, new));
        let told = told(&output);
        assert_eq!(output.status.code(), Some(2), "{new}: {told}");
        assert!(told.starts_with(&format!("my.toml, {place}: ")), "{new}: {told}");
        assert!(told.contains(says) && told.lines().count() == 1, "{new}: {told}");
    }
}

#[test]
fn a_target_without_a_url_is_told_where_a_run_would_go() {
    let output = check(&SOUND.replace("url = \"http://127.0.0.1:9\"\n", ""));
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let warning = "[target] has no url, so a run is sent to http://127.0.0.1:8080 unless --target";
    assert!(told(&output).contains(warning), "{}", told(&output));
    assert!(!told(&check(SOUND)).contains("has no url"));
}

#[test]
fn a_results_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("my.toml");
    // A process of the target has its log in the results folder, before there is a run folder.
    for process in ["", "[target.process]\ncommand = [\"/bin/false\"]\n"] {
        std::fs::write(&scenario, format!("{SOUND}{process}")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.arg("--scenario").arg(&scenario).args(["--out", "/proc/nope"]);
        let output = command.args(["--target", &Stub::sound().address.to_string()]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("/proc/nope: "), "{}", told(&output));
    }
}
