//! Folders that are sealed: a change of any file is found, and named with what to do.

use std::fs;

use judge::verdict::Verdict;
use truth::record::folder::RunFolder;
use truth::scenario::promises::PayloadEquality;

use crate::binary::{offline, saved, small, stderr, stdout, verify};
use crate::forge::{Folder, Forge, Forged};
use crate::released::copy_folder;
use crate::stub::{Script, Stub};

/// Asserts that the run is refused, and returns what was said.
#[track_caller]
fn refused(folder: &RunFolder) -> String {
    let output = offline(folder, &[]);
    assert_eq!(output.status.code(), Some(2), "{}{}", stdout(&output), stderr(&output));
    assert!(output.stdout.is_empty(), "{}", stdout(&output));
    stderr(&output)
}

#[test]
fn a_changed_missing_or_unlisted_file_is_a_usage_error_that_names_it() {
    let out = tempfile::tempdir().unwrap();
    let folder = Forge { lanes: 2, ..small() }.run().write_observed(out.path());
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    for name in ["ledger/lane-001.seg", "polls.ndjson", "baseline.json", "observed/1/listing.json"] {
        let path = folder.file(name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let digit = changed.iter().rposition(u8::is_ascii_digit).unwrap();
        changed[digit] ^= 1;
        fs::write(&path, changed).unwrap();
        let told = refused(&folder);
        assert!(told.contains(name) && told.contains("is not as it was written"), "{told}");
        assert!(told.contains("copy the whole run folder again, or run "), "{told}");
        fs::remove_file(&path).unwrap();
        let told = refused(&folder);
        assert!(told.contains(&format!("{name} is missing, but ")), "{told}");
        fs::write(&path, whole).unwrap();
    }
    let list = folder.file("SHA256SUMS");
    fs::rename(&list, folder.file("elsewhere")).unwrap();
    assert!(refused(&folder).contains("SHA256SUMS is missing: not all of the folder was copied"));
    fs::rename(folder.file("elsewhere"), &list).unwrap();
    let list = folder.observation(1).join("SHA256SUMS");
    fs::remove_file(&list).unwrap();
    assert!(refused(&folder).contains("or run verify again without --offline"));
}

#[test]
fn outputs_of_verify_are_no_evidence_and_may_be_changed() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    for name in ["verdict.json", "junit.xml", "report.html"] {
        fs::write(folder.file(name), "somebody's notes").unwrap();
        assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    }
}

#[test]
fn a_copied_folder_is_judged_as_the_first_one() {
    let out = tempfile::tempdir().unwrap();
    let folder = small().run().write_observed(out.path());
    let copy = out.path().join("elsewhere/copy");
    copy_folder(folder.path(), &copy);
    let copy = RunFolder::open(&copy).unwrap();
    for _ in 0..2 {
        assert_eq!(offline(&copy, &[]).status.code(), Some(0));
    }
    assert_eq!(saved(&copy).verdict, Verdict::Pass);
}

#[test]
fn a_killed_run_is_judged_without_a_seal_and_its_looks_have_theirs() {
    let out = tempfile::tempdir().unwrap();
    let folder = Forged { folder: Folder::Killed, ..small().run() }.write_observed(out.path());
    assert!(!folder.file("SHA256SUMS").exists());
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).starts_with("run did not finish: sent 600 of 600\n"), "{}", stdout(&output));
    let run = folder.file("run.json");
    let text = fs::read_to_string(&run).unwrap();
    fs::write(&run, text.replace("\"seed\": 7,", "\"seed\": 8,")).unwrap();
    let told = refused(&folder);
    assert!(
        told.contains("run.json is not as it was written") && told.contains("lane-000.seg says"),
        "{told}"
    );
    fs::write(&run, text).unwrap();
    let polls = fs::read_to_string(folder.file("polls.ndjson")).unwrap();
    let first = polls.lines().next().unwrap();
    fs::write(folder.file("polls.ndjson"), format!("{first}\n{polls}")).unwrap();
    assert!(refused(&folder).contains("polls.ndjson is not as it was written: line 2 was written as line 1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn looks_and_segments_of_verify_are_sealed_as_they_are_made() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.promises.payload = PayloadEquality::Json;
    let forged = forge.run();
    let stub = Stub::start(Script::of(forged.rows.clone(), forged.now.clone())).await;
    let folder = forged.write(out.path());
    let path = folder.path().to_str().unwrap();
    let output = verify(&[path, "--target", &stub.url, "--replay=10%"], out.path());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let list = fs::read_to_string(folder.file("SHA256SUMS")).unwrap();
    assert!(list.contains("  ledger/lane-001.seg\n"), "{list}");
    assert_eq!(folder.observations(), [1, 2]);
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
    // As if verify had been interrupted before it looked again.
    fs::rename(folder.observation(2), out.path().join("later")).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(4), "{}{}", stdout(&output), stderr(&output));
    assert!(stderr(&output).contains("observation 1 in "), "{}", stderr(&output));
    fs::rename(out.path().join("later"), folder.observation(2)).unwrap();
    // The first look is evidence too: the second one follows it.
    let first = folder.observation(1).join("presence.bin");
    let mut bytes = fs::read(&first).unwrap();
    bytes[20] ^= 1;
    fs::write(&first, bytes).unwrap();
    assert!(refused(&folder).contains("observed/1/presence.bin is not as it was written"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_0_1_keeps_its_format() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.promises.payload = PayloadEquality::Json;
    let forged = Forged { folder: Folder::Old, ..forge.run() };
    let stub = Stub::start(Script::of(forged.rows.clone(), forged.now.clone())).await;
    let folder = forged.write(out.path());
    let path = folder.path().to_str().unwrap();
    let output = verify(&[path, "--target", &stub.url, "--replay=10%"], out.path());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).starts_with("the run folder is of release 0.1"), "{}", stdout(&output));
    let offline = offline(&folder, &[]);
    assert_eq!(stdout(&offline), stdout(&output));
    assert!(!folder.file("SHA256SUMS").exists());
    assert!(!folder.observation(1).join("SHA256SUMS").exists());
}
