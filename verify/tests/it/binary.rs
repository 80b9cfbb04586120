//! The program on forged folders: exit codes, what stands on standard output, and what is written
//! where.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use judge::verdict::{Judgement, Verdict};
use truth::plan::shard::Shard;
use truth::record::folder::RunFolder;
use truth::record::seal::seal_look;

use crate::forge::{Fate, Folder, Forge, Forged};
use crate::released::copy_folder;
use crate::stub::{Script, Stub};

pub(crate) fn small() -> Forge {
    let mut forge = Forge::default();
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(600), 16);
    forge
}

pub(crate) fn verify(arguments: &[&str], directory: &Path) -> Output {
    command(arguments, directory).output().expect("the program runs")
}

/// Returns the program in an environment that asks for nothing.
pub(crate) fn command(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verify"));
    command.args(arguments).current_dir(directory);
    for variable in ["TARGET_URL", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(variable);
    }
    command
}

pub(crate) fn offline(folder: &RunFolder, more: &[&str]) -> Output {
    let path = folder.path().to_str().expect("an ASCII path");
    verify(&[&[path, "--offline"], more].concat(), Path::new("."))
}

/// Runs the program on a folder and a target.
pub(crate) fn verify_at(stub: &Stub, folder: &RunFolder, more: &[&str]) -> Output {
    let path = folder.path().to_str().expect("an ASCII path");
    verify(&[&[path, "--target", &stub.url], more].concat(), Path::new("."))
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("text")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("text")
}

pub(crate) fn saved(folder: &RunFolder) -> Judgement {
    serde_json::from_slice(&fs::read(folder.file("verdict.json")).expect("a verdict")).expect("a verdict")
}

#[test]
fn each_word_has_its_exit_code() {
    let mut lost = small().run();
    lost.lose(3);
    let mut torn = small().run();
    *torn.under_load().next().and_then(|counters| counters.received.as_mut()).unwrap() -= 1;
    let mut moving = small().run();
    moving.settled = truth::observed::Settled::Moving;
    let void = Forge { fates: |_, _| vec![Fate::Rejected], ..small() }.run();
    for (forged, code, word) in [
        (small().run(), 0, Verdict::Pass),
        (lost, 1, Verdict::Fail),
        (torn, 1, Verdict::Fail),
        (moving, 3, Verdict::Unknown),
        (void, 4, Verdict::Void),
    ] {
        let out = tempfile::tempdir().unwrap();
        let folder = forged.write_observed(out.path());
        let output = offline(&folder, &[]);
        assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).starts_with(&format!("{}  ", word.text())), "{}", stdout(&output));
        assert_eq!(saved(&folder).verdict, word);
        assert_eq!(saved(&folder).observation, 1);
        let junit = fs::read_to_string(folder.file("junit.xml")).unwrap();
        assert_eq!(junit.contains("<failure") || junit.contains("<error"), code != 0, "{junit}");
    }
}

#[test]
fn the_command_that_sends_the_same_load_is_told() {
    let out = tempfile::tempdir().unwrap();
    let told = stdout(&offline(&small().run().write_observed(out.path()), &[]));
    assert!(told.contains("rerun       loadgen --count 600 --dup 0.3 --seed 7\n"), "{told}");
}

#[test]
fn json_on_standard_output_is_what_is_saved() {
    let out = tempfile::tempdir().unwrap();
    let folder = Forge { lanes: 2, ..small() }.run().write_observed(out.path());
    let output = offline(&folder, &["--format", "json"]);
    assert_eq!(output.stdout, fs::read(folder.file("verdict.json")).unwrap());
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
}

#[test]
fn judging_again_gives_the_same_verdict_byte_for_byte() {
    let out = tempfile::tempdir().unwrap();
    let fates = |round, request| {
        if (round, request) == (1, 3) { vec![Fate::Silent { executed: true }] } else { vec![Fate::Acked] }
    };
    let mut forged = Forge { fates, lanes: 3, ..small() }.run();
    (0..20).for_each(|key| forged.lose(key));
    let folder = forged.write_observed(out.path());
    assert_eq!(offline(&folder, &[]).stdout, offline(&folder, &[]).stdout);
}

#[test]
fn a_run_is_found_by_any_of_its_names() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("results");
    let folder = small().run().write_observed(&results);
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let ways: [&[&str]; 6] = [
        &["--offline"],
        &["results", "--offline"],
        &["results/latest", "--offline"],
        &[&format!("results/{name}"), "--offline"],
        &[&format!("results/{name}/"), "--offline"],
        &["--offline", "--out", folder.path().parent().unwrap().to_str().unwrap()],
    ];
    for way in ways {
        let output = verify(way, out.path());
        assert_eq!(output.status.code(), Some(0), "{way:?}: {}", stderr(&output));
        assert!(stdout(&output).contains(name), "{way:?}: {}", stdout(&output));
    }
}

#[test]
fn a_run_that_is_named_twice_was_sent_once() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let path = folder.path().to_str().unwrap();
    let latest = out.path().join("latest");
    let output = verify(&[path, latest.to_str().unwrap(), "--offline"], out.path());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn what_is_no_run_still_runs_or_does_not_belong_together_is_a_usage_error() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("empty")).unwrap();
    fs::write(out.path().join("file"), "").unwrap();
    for (path, why) in
        [("results", "does not exist"), ("empty", "holds no run"), ("file", "is a file, not a run folder")]
    {
        let nothing = verify(&[path, "--offline"], out.path());
        assert_eq!(nothing.status.code(), Some(2));
        assert!(stderr(&nothing).contains(&format!("{path} {why}; run loadgen")), "{}", stderr(&nothing));
    }

    let folder = small().run().write_observed(&out.path().join("one"));
    let other = Forge { nonce: 5, ..small() }.run().write_observed(&out.path().join("two"));
    let apart = offline(&folder, &[other.path().to_str().unwrap()]);
    assert_eq!(apart.status.code(), Some(2));
    assert!(stderr(&apart).contains("not parts of one run"), "{}", stderr(&apart));

    let lock = fs::File::create(folder.path().join("run.lock")).unwrap();
    lock.lock().unwrap();
    let running = offline(&folder, &[]);
    assert_eq!(running.status.code(), Some(2));
    assert!(stderr(&running).contains("still running since 2026-01-02T03:04:05Z"), "{}", stderr(&running));
    drop(lock);
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
}

#[test]
fn offline_without_a_complete_observation_is_void() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write(out.path());
    fs::create_dir_all(folder.observation(1)).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(4));
    assert!(stderr(&output).contains("no complete observation"), "{}", stderr(&output));
}

#[test]
fn a_damaged_ledger_is_unknown_and_a_torn_tail_is_not() {
    let out = tempfile::tempdir().unwrap();
    let folder = Forged { folder: Folder::Killed, ..small().run() }.write_observed(out.path());
    let segment = folder.segment(0);
    let bytes = fs::read(&segment).unwrap();
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    fs::write(&segment, damaged).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("damaged at byte"), "{}", stdout(&output));
    // A part of the last frame: the sender died while it wrote.
    fs::write(&segment, &bytes[..bytes.len() - 9]).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).starts_with("run did not finish: sent 600 of 600\nPASS"), "{}", stdout(&output));
}

#[test]
fn an_observation_of_other_keys_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write(out.path());
    let mut other = small();
    other.scenario.load.count = Some(500);
    other.run().observed().save(&folder.observation(1)).unwrap();
    seal_look(&folder.observation(1)).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(2), "{}", stdout(&output));
    assert!(stderr(&output).contains("not of this run's keys"), "{}", stderr(&output));
}

/// Two shards of one run, each changed before it is written.
pub(crate) fn shards(out: &Path, change: impl Fn(&mut Forged)) -> [RunFolder; 2] {
    let parts = [1, 2].map(|index| Forge { shard: Shard { index, of: 2 }, ..small() }.run());
    let whole = small().run();
    let mut earlier = std::collections::HashSet::new();
    parts.map(|part| {
        // Both took the same baseline; a repeat of the other shard's key is told as it happened.
        let mut part = Forged {
            now: whole.now.clone(),
            rows: whole.rows.clone(),
            closing: Some(whole.now.clone()),
            ..part
        };
        for done in part.dones() {
            done.answer.kinds = truth::target::answer::Kinds::Unreported;
            (done.answer.inserted, done.answer.duplicates) = (None, None);
        }
        assert!(earlier.insert(part.shard.index));
        change(&mut part);
        part.write_observed(out)
    })
}

#[test]
fn one_shard_brings_its_siblings_and_a_missing_one_is_said() {
    let out = tempfile::tempdir().unwrap();
    let [first, second] = shards(out.path(), |_| ());
    let output = offline(&first, &[]);
    assert!(stdout(&output).contains(&second.path().display().to_string()), "{}", stdout(&output));
    assert_eq!(saved(&first).attempts.sent, 600);
    assert!(stdout(&output).starts_with("PASS"), "{}", stdout(&output));
    // Its number names a shard, whatever the order of the folders.
    for folders in [[&first, &second], [&second, &first]] {
        let [one, other] = folders.map(|folder| folder.path().to_str().unwrap());
        let told = stdout(&verify(&["explain", "0", one, other], Path::new(".")));
        assert!(told.contains(", shard 1, connection 0 (round 0, request 0, place 0)"), "{told}");
    }
    // A copy of a folder is not another run.
    let copy = out.path().join("copy");
    copy_folder(second.path(), &copy);
    assert_eq!(offline(&first, &[]).status.code(), Some(0));
    fs::remove_dir_all(&copy).unwrap();
    fs::remove_dir_all(second.path()).unwrap();
    let output = offline(&first, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    assert!(stdout(&output).contains("1 shard of this run is missing"), "{}", stdout(&output));
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_exit_code() {
    let out = tempfile::tempdir().unwrap();
    let mut forged = small().run();
    forged.lose(1);
    let folder = forged.write_observed(out.path());
    // A folder in the place of the file: nothing can be renamed over it.
    fs::create_dir_all(folder.file("verdict.json").join("in the way")).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).starts_with("FAIL"));
    assert!(stderr(&output).contains("warning: cannot write the results to"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_look_is_kept_beside_the_first_and_replaces_the_verdict() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.promises.payload = truth::scenario::promises::PayloadEquality::Json;
    // Nobody says how soon a row is listed: the time for that is --settle.
    (forge.scenario.promises.preset, forge.scenario.promises.visible) = (None, None);
    let mut forged = forge.run();
    let stub = Stub::start(Script::of(forged.rows.clone(), forged.now.clone())).await;
    let folder = forged.write(out.path());
    let path = folder.path().to_str().unwrap();
    let output = verify(&[path, "--target", &stub.url], out.path());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(folder.observations(), [1]);
    // Keys that were sent before and after it are listed.
    forged.lose(200);
    let stub = Stub::start(Script::of(forged.rows.clone(), forged.now.clone())).await;
    let output = verify(&[path, "--target", &stub.url, "--max-wait", "0s"], out.path());
    assert_eq!(output.status.code(), Some(3), "no time to come to rest: {}", stdout(&output));
    let output = verify(&[path, "--target", &stub.url, "--settle", "1s"], out.path());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(folder.observations(), [1, 2, 3]);
    assert_eq!((saved(&folder).verdict, saved(&folder).observation), (Verdict::Fail, 3));
    let again = offline(&folder, &[]);
    assert_eq!(again.status.code(), Some(1), "the newest counts");
    assert!(again.stderr.is_empty(), "{}", stderr(&again));
    // An observation that was not finished is passed over.
    for last in ["stats.json", "SHA256SUMS"] {
        fs::remove_file(folder.observation(3).join(last)).unwrap();
    }
    fs::remove_dir_all(folder.observation(2)).unwrap();
    let earlier = offline(&folder, &[]);
    assert_eq!(earlier.status.code(), Some(0));
    assert!(
        stderr(&earlier).contains("warning: observation 3 was a FAIL (lost: 1 of "),
        "{}",
        stderr(&earlier)
    );
    assert_eq!(saved(&folder).observation, 1);
    // If nothing can be written, the verdict is printed all the same.
    fs::remove_dir_all(folder.path().join("observed")).unwrap();
    fs::write(folder.path().join("observed"), "in the way").unwrap();
    let output = verify(&[path, "--target", &stub.url, "--settle", "1s"], out.path());
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("warning: cannot write the results to"), "{}", stderr(&output));
    assert!(!stdout(&output).contains("observation "), "{}", stdout(&output));
}

#[test]
fn files_of_other_keys_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.traps.other_payload = 4;
    let folder = Forged { folder: Folder::Old, ..forge.run() }.write_observed(out.path());
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    for file in ["winners.bin", "presence.bin"] {
        let path = folder.observation(1).join(file);
        let whole = fs::read(&path).unwrap();
        // Eight keys: ten bytes of header, their number, and two bits each.
        let mut short = [&whole[..10], &8_u64.to_le_bytes(), &[0, 0]].concat();
        short.extend(crc32c::crc32c(&short).to_le_bytes());
        fs::write(&path, short).unwrap();
        let output = offline(&folder, &[]);
        assert_eq!(output.status.code(), Some(2), "{file}: {}", stderr(&output));
        assert!(stderr(&output).contains("is not of this run's keys"), "{}", stderr(&output));
        fs::write(&path, whole).unwrap();
    }
}

#[test]
fn a_target_that_is_not_there_writes_nothing() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write(out.path());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let output = verify(&[folder.path().to_str().unwrap(), "--target", &url], out.path());
    assert_eq!(output.status.code(), Some(5), "{}{}", stdout(&output), stderr(&output));
    assert!(
        stderr(&output).contains(&url) && stderr(&output).contains("start the target"),
        "{}",
        stderr(&output)
    );
    assert!(folder.observations().is_empty() && !folder.file("verdict.json").exists());
}

#[test]
fn a_target_that_offers_nothing_is_void_and_not_unreachable() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.target.stats = truth::target::Stats::default();
    forge.scenario.target.listing.path = None;
    let folder = forge.run().write(out.path());
    let output = verify(&[folder.path().to_str().unwrap()], out.path());
    assert_eq!(output.status.code(), Some(4), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn a_wrong_word_on_the_command_line_is_a_usage_error() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let path = folder.path().to_str().unwrap();
    for wrong in
        [&["--settle", "soon"][..], &["--format", "xml"], &["--target", "ftp://x"], &["-H", "no colon"]]
    {
        let output = verify(&[&[path], wrong].concat(), out.path());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", stderr(&output));
    }
}
