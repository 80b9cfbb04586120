//! Run folders that have lost something since they were written: nobody is blamed for it, and
//! nothing passes over it.

use std::fs;
use std::path::Path;

use truth::record::folder::RunFolder;

use crate::binary::{offline, saved, shards, small, stderr, stdout};
use crate::forge::{Folder, Forge, Forged};

/// Writes the files that `loadgen` writes last, for a run that came to its end.
fn say_ended(folder: &RunFolder, ended: &str, ledger_written: bool) {
    let summary = format!(r#"{{"ended": "{ended}", "ledger_written": {ledger_written}}}"#);
    fs::write(folder.file("summary.json"), summary).expect("a folder that can be written");
}

/// A run in the format of 0.1, which says nothing of damage but what its files tell by themselves.
fn old(forge: Forge) -> Forged {
    Forged { folder: Folder::Old, ..forge.run() }
}

/// Cuts a file off at this share of its bytes.
fn cut(path: &Path, share: f64) {
    let bytes = fs::read(path).expect("a file that can be read");
    let kept = &bytes[..(bytes.len() as f64 * share) as usize];
    fs::write(path, kept).expect("a file that can be written");
}

#[test]
fn a_segment_that_lost_its_end_is_unknown_where_the_run_came_to_its_own() {
    for share in [0.0, 0.003, 0.2, 0.42, 0.77, 0.999] {
        let out = tempfile::tempdir().unwrap();
        let folder = old(Forge { lanes: 2, ..small() }).write_observed(out.path());
        say_ended(&folder, "complete", true);
        assert_eq!(offline(&folder, &[]).status.code(), Some(0));
        cut(&folder.segment(1), share);
        let output = offline(&folder, &[]);
        assert_eq!(output.status.code(), Some(3), "{share}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).contains("lane-001.seg is cut off"), "{share}: {}", stdout(&output));
    }
}

#[test]
fn a_ledger_that_was_never_closed_may_lack_what_was_sent_last() {
    for share in [0.0, 0.003, 0.2, 0.42, 0.77] {
        for (ended, ledger_written) in [(None, false), (Some("complete"), false), (Some("lane-lost"), true)] {
            let out = tempfile::tempdir().unwrap();
            let folder = old(Forge { lanes: 2, ..small() }).write_observed(out.path());
            ended.into_iter().for_each(|ended| say_ended(&folder, ended, ledger_written));
            cut(&folder.segment(1), share);
            let output = offline(&folder, &[]);
            // The rest may hold every round by chance; then everything there was sent, and
            // nobody is blamed.
            let code = output.status.code();
            assert!(
                code == Some(3) || (code == Some(0) && share > 0.1),
                "{share} {ended:?}: {}",
                stdout(&output)
            );
            let is_said = stdout(&output).contains("the ledger was not closed");
            assert_eq!(is_said, code == Some(3), "{}", stdout(&output));
        }
    }
}

#[test]
fn what_a_ledger_without_an_end_does_hold_is_judged() {
    let out = tempfile::tempdir().unwrap();
    let mut forged = old(small());
    forged.lose(3);
    let folder = forged.write_observed(out.path());
    cut(&folder.segment(0), 0.5);
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert_eq!(saved(&folder).reasons[0].to_string().split(':').next(), Some("lost"), "{}", stdout(&output));
}

#[test]
fn a_lane_without_its_segment_is_unknown() {
    let out = tempfile::tempdir().unwrap();
    let folder = old(small()).write_observed(out.path());
    fs::remove_file(folder.segment(0)).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("lane-000.seg is missing"), "{}", stdout(&output));
}

#[test]
fn a_run_without_its_baseline_is_unknown() {
    let out = tempfile::tempdir().unwrap();
    let folder = old(small()).write_observed(out.path());
    fs::remove_file(folder.file("baseline.json")).unwrap();
    let output = offline(&folder, &[]);
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("baseline.json is missing"), "{}", stdout(&output));
}

#[test]
fn polls_that_lost_their_end_are_said() {
    for share in [None, Some(0.0), Some(0.5)] {
        let out = tempfile::tempdir().unwrap();
        let folder = old(small()).write_observed(out.path());
        say_ended(&folder, "complete", true);
        let polls = folder.file("polls.ndjson");
        match share {
            Some(share) => cut(&polls, share),
            None => fs::remove_file(&polls).unwrap(),
        }
        let output = offline(&folder, &[]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        let told = saved(&folder).not_tested;
        assert!(told.iter().any(|line| line.contains("polls.ndjson is cut off")), "{told:#?}");
    }
}

#[test]
fn an_observation_with_a_changed_bit_is_refused() {
    let out = tempfile::tempdir().unwrap();
    let mut forge = small();
    forge.scenario.traps.other_payload = 4;
    let folder = old(forge).write_observed(out.path());
    for file in ["presence.bin", "winners.bin"] {
        let path = folder.observation(1).join(file);
        let whole = fs::read(&path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            fs::write(&path, changed).unwrap();
            let output = offline(&folder, &[]);
            assert_eq!(output.status.code(), Some(2), "{file} {at}: {}", stdout(&output));
            assert!(stderr(&output).contains(file), "{}", stderr(&output));
        }
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(offline(&folder, &[]).status.code(), Some(0));
}

/// The second shard's baseline, which saw ten events of the first.
fn seen_by_the_second(forged: &mut Forged) {
    if forged.shard.index == 2 {
        let baseline = forged.baseline.as_mut().expect("a baseline");
        baseline.moving = true;
        let stats = baseline.stats.as_mut().expect("counters");
        for counter in [&mut stats.received, &mut stats.unique] {
            *counter = counter.map(|count| count + 10);
        }
    }
}

#[test]
fn of_shards_that_began_one_after_the_other_the_first_baseline_counts() {
    for (taken_ns, code) in [(Some(0), 0), (Some(2), 3), (None, 3)] {
        let out = tempfile::tempdir().unwrap();
        let [first, _] = shards(out.path(), |forged| {
            seen_by_the_second(forged);
            forged.baseline.as_mut().unwrap().taken_ns = taken_ns;
        });
        let output = offline(&first, &[]);
        assert_eq!(output.status.code(), Some(code), "{taken_ns:?}: {}", stdout(&output));
        let differ = stdout(&output).contains("the shards took different baselines");
        assert_eq!(differ, code == 3, "{}", stdout(&output));
    }
}
