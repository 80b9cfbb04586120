//! Subcommands that send nothing.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::program::{ENVIRONMENT, Loadgen};
use crate::stub::{Key, Stub, with_length};

fn loadgen(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadgen")).args(arguments).env_remove("COUNT").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn every_shipped_scenario_is_checked_and_a_wrong_one_is_an_exit_code() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios");
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.display().to_string())
        .collect();
    let arguments: Vec<&str> = ["check"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = loadgen(&arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert_eq!(printed.lines().filter(|line| line.contains(".toml: ")).count(), files.len());
    assert!(printed.contains("statuses alone decide"), "single-events.toml describes no body: {printed}");
    assert!(
        printed.contains("default.toml: shared-iterations, 20000 events of 14000 keys (6000 repeats)"),
        "{printed}"
    );
    assert!(printed.contains("as many events as the target answers for 20s, 50 in a request"), "{printed}");

    let wrong = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(wrong.path(), "[load]\nrate = \"1000\"\n").unwrap();
    let output = loadgen(&["check", &files[0], wrong.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("constant-arrival-rate"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout).matches(".toml: ").count(), 1, "the others are checked all the same");
}

#[test]
fn a_fault_names_its_file_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for (scenario, part) in [
        ("[load]\nspeed = 1\n", "line 2, column 1"),
        ("[[target.answers]]\nmeans = \"nwe\"\n", "rule 1 of [[target.answers]]"),
        (
            "[target.publish]\nbody = \"[{{evnts}}]\"\n",
            ", line 2, column 10: target.publish.body: unknown hole",
        ),
        ("[target.publish]\nmethod = \"get\"\n", "target.publish.method"),
    ] {
        std::fs::write(path, scenario).unwrap();
        let output = loadgen(&["check", path]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(part), "{told}");
        assert_eq!(told.matches(path).count(), 1, "{told}");
    }
}

#[test]
fn a_check_says_which_variable_a_run_would_miss() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    std::fs::write(path, "[target]\nheaders = { authorization = \"Bearer {{env:NOBODY_SETS_THIS}}\" }\n")
        .unwrap();
    let output = loadgen(&["check", path]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("a run would end at its start") && told.contains("NOBODY_SETS_THIS"), "{told}");
    std::fs::write(path, "[target]\nheaders = { authorization = \"Bearer {{env:PATH}}\" }\n").unwrap();
    let told = text(&loadgen(&["check", path]).stdout).to_owned();
    assert!(!told.contains("a run would end"), "{told}");
}

#[test]
fn a_check_warns_of_what_a_run_would_end_in_or_give_away() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let body = "[target.publish]\nbody = \"[{{events}}]\"\nevent = '{\"id\":\"{{event_id}}\"}'\n";
    let checked = |scenario: &str| {
        std::fs::write(path, scenario).unwrap();
        let output = loadgen(&["check", path]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        (text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
    };
    let (told, warned) = checked(body);
    assert!(told.contains("2xx: acknowledged") && told.contains("any other response: unknown"), "{told}");
    assert!(warned.contains("warning: nothing shows") && warned.contains("[target.listing]"), "{warned}");
    let counted = format!("{body}[target.stats]\npath = \"/n\"\nunique = \"/n\"\n");
    let placed = format!("[target]\nurl = \"http://127.0.0.1:9\"\n{counted}");
    assert_eq!(checked(&placed).1, "");
    let uncounted = counted.replace("unique", "received");
    assert!(
        checked(&uncounted).1.contains("nothing shows"),
        "a count of copies tells nothing of what is stored"
    );

    let secret = format!("[target]\nheaders = {{ authorization = \"Bearer hunter2hunter2\" }}\n{counted}");
    let (told, warned) = checked(&secret);
    assert!(warned.contains("target.headers.authorization holds a secret in clear"), "{warned}");
    assert!(warned.contains("\"Bearer {{env:TOKEN}}\""), "{warned}");
    assert!(!format!("{told}{warned}").contains("hunter2"), "{told}{warned}");
}

#[test]
fn no_shipped_description_has_a_warning() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let entries = ["scenarios", "targets"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
    let paths = entries.into_iter().flatten().map(|entry| entry.unwrap().path());
    let files: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.display().to_string())
        .collect();
    let arguments: Vec<&str> = ["check"].into_iter().chain(files.iter().map(String::as_str)).collect();
    let output = loadgen(&arguments);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_plan_shows_what_a_run_of_the_same_flags_sends() {
    let output =
        loadgen(&["plan", "-n", "1000", "--batch", "10", "--seed", "7", "--run-id", "x", "--requests", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(printed.contains("1000 events of 700 keys (300 repeats), 10 in a request"), "{printed}");
    let copies = printed.lines().find(|line| line.starts_with("copies")).unwrap();
    let copies = copies.trim_start_matches("copies").trim();
    let counted = copies.split(", ").map(|part| {
        let words: Vec<&str> = part.split(' ').collect();
        let times = if words[2] == "sent" { "1" } else { words[2] };
        (times.parse().unwrap(), words[0].parse().unwrap())
    });
    let counted: Vec<(u64, u64)> = counted.collect();
    assert_eq!(counted.iter().map(|(_, keys)| keys).sum::<u64>(), 700);
    assert_eq!(counted.iter().map(|(times, keys)| times * keys).sum::<u64>(), 1000);
    let bodies: Vec<&str> = printed.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(bodies.len(), 2);
    let events: Vec<serde_json::Value> = serde_json::from_str(bodies[0]).unwrap();
    assert_eq!(events.len(), 10);
    let again =
        loadgen(&["plan", "-n", "1000", "--batch", "10", "--seed", "7", "--run-id", "x", "--requests", "2"]);
    assert_eq!(output.stdout, again.stdout);
    let wrong = loadgen(&["plan", "--rate", "5"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong.stdout));
}

#[test]
fn the_reference_prints_flags_and_scenario_keys() {
    for (arguments, row) in [
        (&["reference"][..], "| `--dup <SHARE>` | `DUP_RATE` | `0.3` |"),
        (&["reference", "--scenario"][..], "| `concurrency` | `50` |"),
    ] {
        let output = loadgen(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(row), "{}", text(&output.stdout));
    }
}

#[test]
fn completions_know_the_flags() {
    for shell in ["bash", "zsh", "fish"] {
        let output = loadgen(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        assert!(text(&output.stdout).contains("abort-on-fail"), "{shell}");
    }
}

#[test]
fn a_history_has_a_line_for_each_try() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 95 --batch 10 --dup 0.3").run();
    let output = loadgen(&["history", ran.results().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<serde_json::Value> =
        text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), ran.tries().len());
    let sum = |name: &str| lines.iter().map(|line| line[name].as_u64().unwrap()).sum::<u64>();
    assert_eq!((sum("events"), sum("accepted")), (95, 95));
    assert!(lines.iter().all(|line| line["outcome"] == "acked" && line["status"] == 200));
    assert!(lines.is_sorted_by_key(|line| line["end_us"].as_u64()));
    let nowhere = loadgen(&["history", "/no/such/run"]);
    assert_eq!(nowhere.status.code(), Some(2), "{}", text(&nowhere.stderr));
    assert!(text(&nowhere.stderr).contains("does not exist"), "{}", text(&nowhere.stderr));
}

#[test]
fn a_history_of_keys_tells_each_key_once_with_its_strongest_outcome() {
    // The first request breaks, and some of its keys are acknowledged later.
    let stub = Stub::scripted(|it| match it.nth {
        0 => it.close(),
        1 => it.say(with_length(422, "{}")),
        _ => it.answer(),
    });
    let ran = Loadgen::against(&stub, "-n 600 --batch 10 --dup 0.3 -c 1 --seed 7").run();
    let output = loadgen(&["history", "--keys", ran.results().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let key = |line: &serde_json::Value| {
        let part = |name: &str| line[name].as_str().unwrap().to_owned();
        ((part("topic"), part("id")), part("outcome"))
    };
    let lines = text(&output.stdout).lines().map(|line| key(&serde_json::from_str(line).unwrap()));
    let told: BTreeMap<Key, String> = lines.collect();
    assert_eq!(told.len(), text(&output.stdout).lines().count(), "each key once");
    let expected: BTreeMap<Key, String> = stub.look(|seen| {
        let answered: HashSet<&Key> = seen.requests[2..].iter().flatten().collect();
        let outcome = |key: &Key| match seen.requests[0].contains(key) {
            _ if answered.contains(key) => "acked",
            true => "unknown",
            false => "rejected",
        };
        seen.attempts.keys().map(|key| (key.clone(), outcome(key).to_owned())).collect()
    });
    assert_eq!(told, expected);
    let count = |outcome: &str| told.values().filter(|other| *other == outcome).count();
    assert!(count("unknown") > 0 && count("rejected") > 0 && count("acked") > 300, "{told:?}");
}

#[test]
fn what_cannot_be_printed_is_an_exit_code() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 95 --batch 10").run();
    let run = ran.results().to_str().unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios/default.toml");
    let (gone, unread) = std::io::pipe().unwrap();
    drop(gone);
    for arguments in [
        &["plan"][..],
        &["check", scenario],
        &["history", run],
        &["history", "--keys", run],
        &["completions", "zsh"],
        &["reference"],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        for (stdout, why) in
            [(Stdio::from(full), "No space left"), (Stdio::from(unread.try_clone().unwrap()), "")]
        {
            let output = Command::new(env!("CARGO_BIN_EXE_loadgen"))
                .args(arguments)
                .env_remove("COUNT")
                .stdin(Stdio::null())
                .stdout(stdout)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
                .wait_with_output()
                .unwrap();
            assert_eq!(output.status.code(), Some(3), "{arguments:?}: {}", text(&output.stderr));
            let stderr = text(&output.stderr);
            match why {
                // A reader that has what it wants is told nothing.
                "" => assert!(!stderr.contains("error"), "{arguments:?}: {stderr}"),
                why => {
                    let said = format!("error: cannot write to standard output: {why}");
                    assert!(stderr.starts_with(&said), "{arguments:?}: {stderr}");
                }
            }
        }
    }
}

#[test]
fn the_environment_is_told_and_its_faults_are_named() {
    let plan = |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        let output = command.args(arguments).envs(variables.iter().copied()).output().unwrap();
        (output.status.code(), text(&output.stderr).to_owned())
    };
    let said = |text: &str| text.to_owned();
    assert_eq!(
        plan(&[("COUNT", "7"), ("TARGET_DATABASE_URL", "")], &["plan", "--dup", "0"]).1,
        said("note: COUNT=7 from the environment\n")
    );
    let (code, text) = plan(&[("COUNT", "7"), ("BATCH_SIZE", "2"), ("TARGET_URL", "127.0.0.1:1")], &["plan"]);
    assert_eq!((code, &*text), (Some(0), "note: COUNT=7, TARGET_URL, BATCH_SIZE=2 from the environment\n"));
    // A flag outranks the variable, and a command without the flag does not read it.
    assert_eq!(plan(&[("COUNT", "7")], &["plan", "-n", "9"]), (Some(0), String::new()));
    assert_eq!(plan(&[("RATE", "abc")], &["completions", "bash"]), (Some(0), String::new()));
    let empty = ENVIRONMENT.map(|name| (name, ""));
    assert_eq!(plan(&empty, &["plan"]), (Some(0), String::new()));
    for (variables, arguments, part) in [
        (&[("RATE", "abc")][..], &["plan"][..], "error: RATE=abc: `abc` is not a rate"),
        (&[("COUNT", "7"), ("RATE", "abc")], &["plan"], "error: RATE=abc: `abc` is not a rate"),
        (&[("SHARD", "5/4")], &["http", "http://127.0.0.1:1"], "error: SHARD=5/4: `5/4` is not a shard"),
        (&[("BATCH_SIZE", "-1")], &["plan"], "error: BATCH_SIZE=-1: -1 is not in 0..=4294967295"),
        (&[("SHARDS", "x")], &[], "error: SHARDS=x: invalid digit"),
        // The flag is to blame, and the variable is not.
        (&[("RATE", "5")], &["plan", "--rate", "abc"], "error: invalid value 'abc' for '--rate"),
    ] {
        let (code, text) = plan(variables, arguments);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.starts_with(part), "{part}: {text}");
    }
}

#[test]
fn connections_are_closed_after_so_many_requests() {
    let stub = Stub::sound();
    for (per_connection, opened) in [(1, 10), (3, 4), (100, 1)] {
        let arguments = format!("-n 100 --batch 10 --dup 0 -c 1 --requests-per-connection {per_connection}");
        let ran = Loadgen::against(&stub, &arguments).run();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let summary = ran.summary();
        assert_eq!(
            (&summary["events"]["acked"], &summary["connections"]["opened"]),
            (&100.into(), &opened.into())
        );
        assert_eq!(summary["connections"]["broken"], 0, "that is no fault of the target's");
    }
}

#[test]
fn a_family_of_addresses_can_be_asked_for() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, "-n 10 -4").run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let ran = Loadgen::against(&stub, "-n 10 -6").run();
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("127.0.0.1 has no IPv6 address"), "{}", ran.stderr);
}
