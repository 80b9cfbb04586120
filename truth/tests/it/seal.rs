//! Seals of a run folder: what is found, and what is left in peace.

use std::fs;
use std::path::Path;

use serde_json::json;
use tempfile::TempDir;
use truth::files::lines::LineWriter;
use truth::files::{Defect, FolderError};
use truth::plan::shard::Shard;
use truth::record::baseline::Baseline;
use truth::record::folder::RunFolder;
use truth::record::ledger::writer::SegmentWriter;
use truth::record::ledger::{Foundation, Header};
use truth::record::manifest::{FolderFormat, MANIFEST_VERSION, Machine, Manifest};
use truth::record::seal::{check_look, check_run, is_look, seal_look, seal_run, seal_segment};
use truth::record::{faults, polls};
use truth::scenario::Scenario;

/// Number of lanes of the run.
const LANES: u16 = 2;

struct Run {
    _out: TempDir,
    folder: RunFolder,
    segments: Vec<SegmentWriter>,
}

fn segment(folder: &RunFolder, lane: u16, foundation: Option<Foundation>) -> SegmentWriter {
    let header =
        Header { nonce: 7, lane, boot_id: "boot".to_owned(), monotonic_ns: 1, utc_ms: 2, foundation };
    SegmentWriter::create(&folder.segment(lane), header).expect("a new segment")
}

/// Makes a run that still sends.
fn run() -> Run {
    let out = tempfile::tempdir().expect("a temporary folder");
    let scenario = Scenario::default();
    let manifest = Manifest {
        schema_version: MANIFEST_VERSION,
        onceproof: "0.2.0".to_owned(),
        started_utc: "2026-01-02T03:04:05Z".parse().expect("a moment"),
        plan: scenario.plan(1, 7).expect("a plan"),
        shard: Shard::WHOLE,
        concurrency: 2,
        lanes: u32::from(LANES),
        scenario,
        machine: Machine { cpus: 1, boot_id: "boot".to_owned() },
        rerun: String::new(),
    };
    let (folder, _lock) = RunFolder::create(out.path(), &manifest).expect("a new run folder");
    Baseline::nothing().save(&folder).expect("a baseline that can be written");
    let foundation = Foundation::of(&folder).expect("files that can be read");
    let segments = (0..LANES).map(|lane| segment(&folder, lane, Some(foundation))).collect();
    Run { _out: out, folder, segments }
}

/// Makes a run that came to its end.
fn sealed() -> Run {
    let mut run = run();
    fs::write(run.folder.file("summary.json"), "{}").expect("a folder that can be written");
    seal_run(&run.folder, std::mem::take(&mut run.segments), 9).expect("a run that can be sealed");
    run
}

fn check(folder: &RunFolder) -> Result<bool, FolderError> {
    check_run(folder, u32::from(LANES))
}

/// Returns the file that is not as it was written, and the difference.
#[track_caller]
fn defect<T: std::fmt::Debug>(checked: Result<T, FolderError>) -> (String, Defect) {
    match checked {
        Err(FolderError::NotAsWritten { path, defect }) => {
            (path.file_name().expect("a file").to_str().expect("ASCII").to_owned(), defect)
        }
        other => panic!("{other:?}"),
    }
}

/// Changes the last byte of a file.
fn change(path: &Path) {
    let mut bytes = fs::read(path).expect("a file that can be read");
    *bytes.last_mut().expect("a file that is not empty") ^= 1;
    fs::write(path, bytes).expect("a file that can be written");
}

#[test]
fn a_sealed_run_is_as_it_was_written_also_in_another_place() {
    let run = sealed();
    assert!(check(&run.folder).unwrap());
    let moved = tempfile::tempdir().unwrap();
    fs::rename(run.folder.path(), moved.path().join("moved")).unwrap();
    assert!(check(&RunFolder::open(&moved.path().join("moved")).unwrap()).unwrap());
}

#[test]
fn the_list_is_in_the_format_of_sha256sum() {
    let run = sealed();
    let list = fs::read_to_string(run.folder.file("SHA256SUMS")).unwrap();
    let names: Vec<&str> = list.lines().map(|line| &line[66..]).collect();
    let expected =
        ["baseline.json", "ledger/lane-000.seg", "ledger/lane-001.seg", "run.json", "summary.json"];
    assert_eq!(names, expected);
    // The checksum of `{}`, by another implementation.
    let summary = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a  summary.json\n";
    assert!(list.ends_with(summary), "{list}");
}

#[test]
fn every_changed_or_missing_file_of_a_sealed_run_is_named() {
    for name in ["baseline.json", "ledger/lane-001.seg", "summary.json", "run.json"] {
        let run = sealed();
        let path = run.folder.file(name);
        change(&path);
        let (named, found) = defect(check(&run.folder));
        assert!(
            name.ends_with(&named) && matches!(found, Defect::Changed { .. }),
            "{name}: {named} {found:?}"
        );
        fs::remove_file(&path).unwrap();
        let (named, found) = defect(check(&run.folder));
        assert!(
            name.ends_with(&named) && matches!(found, Defect::Missing { .. }),
            "{name}: {named} {found:?}"
        );
    }
}

#[test]
fn a_closed_ledger_needs_a_list_that_has_every_file() {
    let run = sealed();
    let list = run.folder.file("SHA256SUMS");
    let text = fs::read_to_string(&list).unwrap();
    for (number, gone) in text.lines().enumerate() {
        let shorter: String =
            text.lines().filter(|line| *line != gone).map(|line| format!("{line}\n")).collect();
        fs::write(&list, shorter).unwrap();
        let (named, found) = defect(check(&run.folder));
        assert!(gone.ends_with(&named) && found == Defect::Unlisted, "{number}: {named} {found:?}");
    }
    fs::write(&list, &text[..text.len() - 1]).unwrap();
    assert_eq!(defect(check(&run.folder)), ("SHA256SUMS".to_owned(), Defect::NoSum { number: 5 }));
    fs::remove_file(&list).unwrap();
    assert_eq!(defect(check(&run.folder)), ("SHA256SUMS".to_owned(), Defect::NoSums));
}

#[test]
fn a_killed_run_is_not_sealed_and_its_first_files_are_checked() {
    let mut run = run();
    assert!(!check(&run.folder).unwrap());
    // One lane of two had closed its segment.
    run.segments.remove(0).close(5).unwrap();
    assert!(!check(&run.folder).unwrap());
    for name in ["baseline.json", "run.json"] {
        let path = run.folder.file(name);
        let whole = fs::read(&path).unwrap();
        change(&path);
        let (named, found) = defect(check(&run.folder));
        assert_eq!(named, name);
        assert!(matches!(&found, Defect::Changed { by, .. } if by == "ledger/lane-000.seg"), "{found:?}");
        fs::write(&path, whole).unwrap();
    }
    fs::remove_file(run.folder.file("baseline.json")).unwrap();
    assert!(matches!(defect(check(&run.folder)).1, Defect::Missing { .. }));
}

#[test]
fn a_segment_that_is_sent_again_is_added_to_the_list_or_unlisted() {
    for is_killed in [false, true] {
        let run = if is_killed { run() } else { sealed() };
        let foundation = Foundation::of(&run.folder).unwrap();
        let later = segment(&run.folder, 2, Some(foundation));
        assert_eq!(check(&run.folder).unwrap(), !is_killed, "verify was killed while it sent");
        let sum = later.close(20).unwrap();
        let (named, found) = defect(check(&run.folder));
        let is_unlisted = (named == "lane-002.seg" && found == Defect::Unlisted) || found == Defect::NoSums;
        assert!(is_unlisted, "{named} {found:?}");
        seal_segment(&run.folder, &run.folder.segment(2), sum).unwrap();
        assert_eq!(check(&run.folder).unwrap(), !is_killed);
        change(&run.folder.segment(2));
        assert!(
            matches!(defect(check(&run.folder)), (named, Defect::Changed { .. }) if named == "lane-002.seg")
        );
    }
}

#[test]
fn a_folder_of_0_1_needs_no_list() {
    let run = run();
    for lane in 0..LANES {
        fs::remove_file(run.folder.segment(lane)).unwrap();
        segment(&run.folder, lane, None).close(9).unwrap();
    }
    change(&run.folder.file("run.json"));
    assert!(!check(&run.folder).unwrap());
}

#[test]
fn a_look_has_a_list_of_its_own() {
    let run = sealed();
    let look = run.folder.observation(run.folder.begin_observation().unwrap());
    assert!(!is_look(&look));
    for name in ["stats.json", "presence.bin", "later.part", ".hidden"] {
        fs::write(look.join(name), name).unwrap();
    }
    assert!(is_look(&look));
    assert_eq!(defect(check_look(&look)), ("SHA256SUMS".to_owned(), Defect::NoSums));
    seal_look(&look).unwrap();
    for name in ["later.part", ".hidden"] {
        fs::write(look.join(name), "changed").unwrap();
    }
    check_look(&look).unwrap();
    fs::write(look.join("winners.bin"), "from elsewhere").unwrap();
    assert_eq!(defect(check_look(&look)), ("winners.bin".to_owned(), Defect::Unlisted));
    fs::remove_file(look.join("winners.bin")).unwrap();
    fs::remove_file(look.join("stats.json")).unwrap();
    assert!(is_look(&look), "it was one");
    assert!(matches!(defect(check_look(&look)), (named, Defect::Missing { .. }) if named == "stats.json"));
    let told = check_look(&look).unwrap_err().to_string();
    assert!(told.ends_with("run verify again without --offline"), "{told}");
}

#[test]
fn a_line_ends_with_its_number_and_a_checksum() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lines.ndjson");
    let mut writer = LineWriter::create(path.clone()).unwrap();
    writer.write(&json!({"a": 1})).unwrap();
    writer.write(&json!({"a": 2})).unwrap();
    // Another implementation computed the checksums.
    let expected =
        "{\"a\":1,\"line\":1,\"crc32c\":\"229cf2b1\"}\n{\"a\":2,\"line\":2,\"crc32c\":\"69dafb5b\"}\n";
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

/// Returns the result of reading `faults.ndjson` with these lines in it.
fn read_faults(lines: &[&str], format: FolderFormat) -> Result<usize, FolderError> {
    let run = run();
    fs::write(run.folder.file("faults.ndjson"), lines.concat()).expect("a folder that can be written");
    faults::read(&run.folder, format).map(|records| records.len())
}

#[test]
fn a_line_that_was_changed_doubled_or_moved_is_named() {
    let run = run();
    let mut writer = faults::create(&run.folder).unwrap();
    for after_ms in [10, 20, 30] {
        let record = faults::FaultRecord {
            number: Some(0),
            planned: "kill at 30%".to_owned(),
            begun_ns: 1,
            ended_ns: 2,
            after_ms,
            attempts_ended: 3,
            proof: None,
            missed: None,
        };
        writer.write(&record).unwrap();
    }
    let text = fs::read_to_string(run.folder.file("faults.ndjson")).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let read = |lines: &[&str]| read_faults(lines, FolderFormat::Sealed);
    assert_eq!(read(&lines).unwrap(), 3);
    assert_eq!(read(&[lines[0], &lines[1][..20]]).unwrap(), 1, "an unfinished line is left out");
    assert_eq!(defect(read(&[lines[0], lines[0]])).1, Defect::MisplacedLine { number: 2, written: 1 });
    assert_eq!(defect(read(&[lines[1], lines[0]])).1, Defect::MisplacedLine { number: 1, written: 2 });
    let changed = lines[1].replace("\"after_ms\":20", "\"after_ms\":21");
    assert_eq!(defect(read(&[lines[0], &changed])).1, Defect::ChangedLine { number: 2 });
    let bare = "{\"number\":0,\"planned\":\"x\",\"begun_ns\":1,\"ended_ns\":2,\"after_ms\":3,\"attempts_ended\":4}\n";
    assert_eq!(defect(read(&[lines[0], bare])).1, Defect::ChangedLine { number: 2 });
    assert_eq!(read_faults(&[bare, bare], FolderFormat::Unsealed).unwrap(), 2, "lines of 0.1");
}

#[test]
fn polls_are_read_back_as_they_were_written() {
    let run = run();
    let poll = polls::Poll {
        t_sent_ns: 1,
        t_answered_ns: 2,
        acked: 3,
        reported_new: 2,
        reported_duplicate: 1,
        started: 5,
        stats: None,
        error: Some("a reason, with \",\\\"crc32c\\\":\" in it".to_owned()),
        closing: true,
    };
    polls::create(&run.folder).unwrap().write(&poll).unwrap();
    let mut read = Vec::new();
    polls::for_each(&run.folder, FolderFormat::Sealed, |poll| read.push(poll)).unwrap();
    assert_eq!(read, [poll]);
}
