//! Run folders that earlier releases wrote: they stay readable, and a PASS stays a PASS.

use std::fs;
use std::path::{Path, PathBuf};

use judge::verdict::{Check, CheckId, Judgement, Status, Verdict};
use tempfile::TempDir;
use truth::record::folder::RunFolder;

use crate::binary::{offline, saved, stderr, stdout};

/// Checks that every run of the fixtures was judged by, and passed unless it says otherwise.
const MADE: [CheckId; 4] =
    [CheckId::Lost, CheckId::WrongTopic, CheckId::StoredTwice, CheckId::PayloadChanged];

/// Returns the folder of a fixture.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1").join(name)
}

/// Copies a folder and all in it.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder that can be made");
    for entry in fs::read_dir(from).expect("a folder that can be read") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("a file type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a file that can be copied");
        }
    }
}

/// Returns a copy of a fixture, which `verify` may write to.
fn copied(name: &str) -> (TempDir, RunFolder) {
    let out = tempfile::tempdir().expect("a temporary folder");
    let path = out.path().join(name);
    copy_folder(&fixture(name), &path);
    let folder = RunFolder::open(&path).expect("a run folder");
    (out, folder)
}

/// Judges a folder twice, and returns the verdict, which was the same both times.
fn judged(folder: &RunFolder, code: i32) -> Judgement {
    let first = offline(folder, &[]);
    assert_eq!(first.status.code(), Some(code), "{}{}", stdout(&first), stderr(&first));
    let second = offline(folder, &[]);
    assert_eq!(stdout(&first), stdout(&second));
    saved(folder)
}

fn named(verdict: &Judgement, wanted: Status) -> Vec<CheckId> {
    let is_wanted = |check: &&Check| check.status == wanted;
    verdict.checks.iter().filter(is_wanted).map(|check| check.name).collect()
}

#[track_caller]
fn assert_passes(verdict: &Judgement) {
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let passed = named(verdict, Status::Pass);
    assert!(MADE.iter().all(|made| passed.contains(made)), "{passed:?}");
    let others = [named(verdict, Status::Fail), named(verdict, Status::Unknown)].concat();
    assert_eq!(others, []);
}

#[test]
fn a_run_of_0_1_that_passed_passes() {
    for (name, sent) in [("pass", 1000), ("database", 1000), ("killed", 2240)] {
        let (_out, folder) = copied(name);
        let verdict = judged(&folder, 0);
        assert_passes(&verdict);
        assert_eq!(verdict.attempts.sent, sent, "{name}");
    }
}

#[test]
fn two_shards_of_0_1_are_judged_together() {
    let (out, first) = {
        let out = tempfile::tempdir().unwrap();
        copy_folder(&fixture("shards"), out.path());
        let first = RunFolder::open(&out.path().join("first")).unwrap();
        (out, first)
    };
    let verdict = judged(&first, 0);
    assert_passes(&verdict);
    assert_eq!(verdict.attempts.sent, 1000);
    assert!(verdict.runs[1].ends_with("second"), "{:?}", verdict.runs);
    fs::remove_dir_all(out.path().join("second")).unwrap();
    judged(&first, 3);
}

#[test]
fn a_run_of_0_1_that_failed_names_its_key() {
    let (_out, folder) = copied("fail");
    let verdict = judged(&folder, 1);
    assert_eq!(named(&verdict, Status::Fail), [CheckId::Lost]);
    let lost = verdict.checks.iter().find(|check| check.name == CheckId::Lost).unwrap();
    assert_eq!(lost.findings[0].ordinal, Some(366));
}

#[test]
fn a_run_of_0_1_that_was_unknown_is_unknown() {
    let (_out, folder) = copied("unknown");
    let verdict = judged(&folder, 3);
    assert!(verdict.reasons[0].to_string().contains("1 shard of this run is missing"), "{verdict:#?}");
}

#[test]
fn the_end_of_a_run_of_0_1_is_told_by_its_summary() {
    let (_out, folder) = copied("pass");
    let segment = folder.segment(1);
    let bytes = fs::read(&segment).unwrap();
    fs::write(&segment, &bytes[..bytes.len() - 20]).unwrap();
    let verdict = judged(&folder, 3);
    assert!(verdict.reasons[0].to_string().contains("lane-001.seg is cut off"), "{verdict:#?}");
    // Without a summary the run was killed, and its ledger is open.
    fs::remove_file(folder.file("summary.json")).unwrap();
    judged(&folder, 0);
}
