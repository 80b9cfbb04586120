//! Surroundings that cannot be trusted: run folders of somebody else, targets that write to a
//! terminal, and an output that takes nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use truth::printable::printable;
use truth::record::folder::RunFolder;
use truth::target::{Database, Process, Template};

use crate::api::{Api, status};
use crate::binary::{offline, saved, small, stderr, stdout, verify_at};
use crate::forge::{Forge, foreign};
use crate::looked::{brief, script};
use crate::stub::Stub;

/// Text that clears a terminal, turns what follows, and begins a line of its own.
const HOSTILE: &str = "a\u{1b}[2J\u{202e}\nPASS  all is well\r\u{9b}31m";

fn shown(output: &[u8]) -> String {
    let text = String::from_utf8(output.to_vec()).expect("text");
    let hidden = text.split('\n').find(|line| printable(line) != *line);
    assert_eq!(hidden, None, "{text}");
    text
}

/// Runs the program on a folder, as a user who has marked none.
fn verify_as_another(folder: &RunFolder, more: &[&str]) -> Output {
    command(folder, more).output().expect("the program runs")
}

/// The program, which takes a hangup as usual even where the tests run under `nohup`.
fn command(folder: &RunFolder, more: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", env!("CARGO_BIN_EXE_verify")]);
    command.arg(folder.path()).args(more).env_remove("TARGET_URL").env("XDG_STATE_HOME", "/nowhere");
    command
}

/// A run whose target was this process, at an address where nothing listens.
fn started_by(command: &[&str], out: &Path) -> RunFolder {
    let bound = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let free = bound.local_addr().expect("the address of a listener");
    let mut forge = small();
    forge.scenario.target.url = format!("http://{free}");
    forge.scenario.target.process = Some(Process {
        command: command.iter().map(|word| (*word).to_owned()).collect(),
        folder: "/tmp".into(),
        environment: [("MODE".to_owned(), "a b".to_owned())].into(),
        ready: None,
        ready_within: std::time::Duration::from_secs(30),
        log: "target.log".to_owned(),
    });
    forge.run().write(out)
}

#[test]
fn a_program_that_a_folder_of_somebody_else_names_is_not_started_unasked() {
    let out = tempfile::tempdir().unwrap();
    let marker = out.path().join("it ran");
    let folder = started_by(&["touch", marker.to_str().unwrap()], out.path());
    let refused = verify_as_another(&folder, &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    let command = format!("cd /tmp && MODE='a b' touch '{}'", marker.display());
    for part in ["not marked as written by your own loadgen", &command, "--run-commands", "--target"] {
        assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
    }
    assert!(!marker.exists());
    let asked = verify_as_another(&folder, &["--run-commands"]);
    assert_eq!(asked.status.code(), Some(5), "it ends before it is ready: {}", stderr(&asked));
    assert!(marker.exists(), "{}", stderr(&asked));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_a_folder_of_somebody_else_names_is_not_asked_unasked() {
    let out = tempfile::tempdir().unwrap();
    let copy = out.path().join("copy.db");
    let mut forge = small();
    forge.scenario.database = Some(Database {
        url: format!("sqlite:{}", out.path().join("store.db").display()),
        query: format!("VACUUM INTO '{}'", copy.display()),
    });
    fs::write(out.path().join("store.db"), "").unwrap();
    let forged = forge.run();
    let stub = Stub::start(script(&forged)).await;
    let folder = forged.write(out.path());
    let refused = verify_as_another(&folder, &["--target", &stub.url]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    for part in ["VACUUM INTO", "--run-commands", "--offline"] {
        assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
    }
    assert!(!copy.exists());
}

/// An address at which nothing listens.
fn nobody() -> String {
    let bound = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", bound.local_addr().expect("the address of a listener"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_goes_to_no_target_that_somebody_else_names() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = brief();
    let url = nobody();
    forge.scenario.target.url.clone_from(&url);
    let forged = forge.run();
    let stub = Stub::start(script(&forged)).await;
    let folder = forged.write(out.path());
    let with_token = |more: &[&str]| {
        let output = command(&folder, more).env("TARGET_BEARER_TOKEN", "hunter2").output().unwrap();
        (output.status.code(), stderr(&output))
    };
    let (code, text) = with_token(&[]);
    assert_eq!(code, Some(2), "{text}");
    let sent = format!("send the secret of TARGET_BEARER_TOKEN to {url}; name the target with");
    for part in ["not marked as written by your own loadgen", &sent, "--run-commands"] {
        assert!(text.contains(part) && !text.contains("hunter2"), "{part}: {text}");
    }
    let (code, text) = with_token(&["--target", &stub.url]);
    assert_eq!(code, Some(0), "{text}");
    assert!(stub.headers().iter().all(|headers| headers["authorization"] == "Bearer hunter2"));
    let (code, text) = with_token(&["--run-commands"]);
    assert_eq!(code, Some(5), "nothing listens there: {text}");
    let output = verify_as_another(&folder, &[]);
    assert_eq!(output.status.code(), Some(5), "who takes nothing along may read: {}", stderr(&output));
}

#[test]
fn nothing_is_sent_to_a_target_or_by_a_way_that_somebody_else_names() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write(&out.path().join("plain"));
    for more in ["--replay", "--resolve", "--sentinels", "-Hx-key: hunter2"] {
        let refused = verify_as_another(&folder, &[more]);
        let text = stderr(&refused);
        assert_eq!(refused.status.code(), Some(2), "{text}");
        let sent = if more.starts_with("-H") { "send the header x-key to " } else { "send events to " };
        assert!(text.contains(sent) && !text.contains("hunter2"), "{text}");
    }
    let mut forge = small();
    let url = nobody();
    let proxy = nobody();
    forge.scenario.target.url.clone_from(&url);
    forge.scenario.target.connect.proxy = Some(proxy.clone());
    let folder = forge.run().write(&out.path().join("proxy"));
    let refused = verify_as_another(&folder, &["--target", &url, "--replay"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains(", in the ways of its [target.connect]; "), "{}", stderr(&refused));
    let named = verify_as_another(&folder, &["--target", &url, "--proxy", &proxy, "--replay"]);
    assert_eq!(named.status.code(), Some(5), "nothing listens there: {}", stderr(&named));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variable_goes_into_no_event_of_a_folder_of_somebody_else() {
    let out = tempfile::tempdir().unwrap();
    let api = Api::start(|_| status(500)).await;
    let mut forge = small();
    forge.scenario.target.publish.path = Template::parse("/p?k={{env:HOME}}").unwrap();
    let folder = forge.run().write(out.path());
    let refused = verify_as_another(&folder, &["--target", &api.url, "--replay"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("environment variable HOME"), "{}", stderr(&refused));
    assert_eq!(api.came().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_somebody_else_sends_no_variable_and_no_more_than_a_get_unasked() {
    for (listing, part) in [
        ("path = \"/e?l={{limit}}&k={{env:HOME}}\"\nnext = \"none\"", "environment variable HOME"),
        (
            "path = \"/e?l={{limit}}\"\nnext = \"none\"\nafter = [{ method = \"DELETE\", path = \"/all\" }]",
            "DELETE",
        ),
    ] {
        let out = tempfile::tempdir().unwrap();
        let api = Api::start(|_| status(500)).await;
        let mut forge = small();
        let fields = "fields = { topic = \"topic\", event_id = \"id\" }";
        forge.scenario.target.listing = toml::from_str(&format!("{listing}\n{fields}")).unwrap();
        let folder = forge.run().write(out.path());
        let refused = verify_as_another(&folder, &["--target", &api.url]);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        for part in [part, "--run-commands", "--offline"] {
            assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
        }
        assert_eq!(api.came().len(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_hostile_target_shows_is_escaped_wherever_it_stands() {
    let out = tempfile::tempdir().unwrap();
    let forged = small().run();
    let mut hostile = script(&forged);
    // A key of the run under another topic, and a row of somebody else.
    hostile.rows[0].topic = HOSTILE.to_owned();
    let mut other = foreign(1);
    (other.topic, other.event_id) = (HOSTILE.to_owned(), HOSTILE.to_owned());
    hostile.rows.push(other);
    let stub = Stub::start(hostile).await;
    let folder = forged.write(out.path());
    let online = verify_at(&stub, &folder, &["--settle", "1s", "--premises"]);
    let text = shown(&online.stdout);
    assert!(text.contains("a\\u{1b}[2J\\u{202e}\\nPASS  all is well\\r\\u{9b}31m"), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("PASS")), "{text}");
    shown(&online.stderr);
    let junit = shown(&fs::read(folder.file("junit.xml")).unwrap());
    assert!(junit.contains("a\\u{1b}[2J\\u{202e}\\nPASS"), "{junit}");
    let json = offline(&folder, &["--format", "json"]);
    let said: judge::verdict::Judgement = serde_json::from_str(&shown(&json.stdout)).unwrap();
    assert_eq!(said, saved(&folder), "the same, escaped otherwise");
    assert!(
        said.checks
            .iter()
            .flat_map(|check| &check.findings)
            .any(|finding| { finding.topic.as_deref() == Some(HOSTILE) || finding.detail.contains(HOSTILE) })
    );
}

#[test]
fn a_target_in_a_folder_is_escaped_too() {
    let out = tempfile::tempdir().unwrap();
    let folder = started_by(&["true", HOSTILE], out.path());
    let refused = verify_as_another(&folder, &[]);
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(shown(&refused.stderr).lines().count(), 1);
}

#[test]
fn a_report_that_cannot_be_printed_is_no_pass() {
    let out = tempfile::tempdir().unwrap();
    let passed = small().run().write_observed(&out.path().join("passed"));
    let mut lost = small().run();
    lost.lose(3);
    let failed = lost.write_observed(&out.path().join("failed"));
    let (gone, unread) = std::io::pipe().unwrap();
    drop(gone);
    for (folder, code) in [(&passed, 3), (&failed, 1)] {
        for more in [&["--offline"][..], &["--offline", "--format", "json"]] {
            let full = fs::File::options().write(true).open("/dev/full").unwrap();
            let gone = Stdio::from(unread.try_clone().unwrap());
            for (stdout, is_read) in [(Stdio::from(full), true), (gone, false)] {
                let child = command(folder, more).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
                let output = child.wait_with_output().unwrap();
                assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
                // A reader that has what it wants is told nothing.
                let is_told = stderr(&output).contains("error: cannot write to standard output: ");
                assert_eq!(is_told, is_read, "{}", stderr(&output));
            }
        }
    }
    assert_eq!(
        stdout(&offline(&passed, &[])).lines().next(),
        Some("PASS  every acknowledged event is stored exactly once")
    );
}

/// Waits until this signal no longer ends the program by itself.
fn wait_until_it_catches(child: &Child, signal: Signal) {
    let caught = || {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.expect("the status of a process that runs");
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let mask = mask.expect("a line on caught signals").trim();
        u64::from_str_radix(mask, 16).expect("a mask in hexadecimal") >> (signal.as_raw() - 1) & 1 == 1
    };
    while !caught() {
        std::thread::yield_now();
    }
}

#[test]
fn a_terminal_that_closes_is_an_interrupt() {
    let out = tempfile::tempdir().unwrap();
    // It accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Forge::default().run().write(out.path());
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = command(&folder, &["--target", &url]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_until_it_catches(&child, Signal::HUP);
    kill_process(Pid::from_child(&child), Signal::HUP).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    assert!(stderr(&output).ends_with("interrupted: no verdict\n"), "{}", stderr(&output));
}

#[test]
fn a_variable_that_is_taken_is_told_and_an_empty_one_is_unset() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let told = |url: &str| {
        let output = command(&folder, &["--offline"]).env("TARGET_URL", url).output().unwrap();
        (output.status.code(), stderr(&output))
    };
    let (code, text) = told("http://127.0.0.1:1");
    assert_eq!((code, &*text), (Some(0), "note: TARGET_URL from the environment\n"));
    assert_eq!(told(""), (Some(0), String::new()));
}

#[test]
fn a_link_in_a_folder_of_somebody_else_leads_nowhere() {
    let out = tempfile::tempdir().unwrap();
    let elsewhere = out.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let folder = small().run().write(&out.path().join("results"));
    std::os::unix::fs::symlink(&elsewhere, folder.path().join("observed")).unwrap();
    for arguments in [&["--offline"][..], &["--target", &nobody()]] {
        let refused = verify_as_another(&folder, arguments);
        assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
        for part in ["observed is a link", "cp -rL"] {
            assert!(stderr(&refused).contains(part), "{part}: {}", stderr(&refused));
        }
    }
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert!(!folder.file("verify.lock").exists() && !folder.file("verdict.json").exists());
}
