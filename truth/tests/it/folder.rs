//! The run folder: its name, its lock, the target of `latest`, and the shape of `run.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use truth::files::{FolderError, read_json, write_json, write_whole};
use truth::plan::shard::Shard;
use truth::record::folder::RunFolder;
use truth::record::manifest::{FolderFormat, MANIFEST_VERSION, Machine, Manifest};
use truth::scenario::Scenario;

fn manifest(nonce: u64, shard: Shard) -> Manifest {
    let scenario = Scenario::default();
    Manifest {
        schema_version: MANIFEST_VERSION,
        onceproof: "0.1.0".to_owned(),
        started_utc: "2026-01-02T03:04:05.678Z".parse().expect("a moment"),
        plan: scenario.plan(1, nonce).expect("a plan"),
        shard,
        concurrency: 50,
        lanes: 1,
        scenario,
        machine: Machine { cpus: 2, boot_id: "0b5e7a11-0000-4000-8000-00000000cafe".to_owned() },
        rerun: "loadgen --count 600 --dup 0.3 --seed 7".to_owned(),
    }
}

const NONCE: u64 = 0x9f3c_61d2_a4b0_7e55;

/// Returns all names in a folder, sorted.
fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).expect("a readable folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII")).collect();
    names.sort();
    names
}

#[test]
fn a_folder_is_named_for_when_what_and_who() {
    let out = tempfile::tempdir().unwrap();
    let (whole, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    assert_eq!(whole.path(), out.path().join("20260102T030405Z-default-1-9f3c"));
    let (part, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard { index: 2, of: 4 })).unwrap();
    assert_eq!(part.path(), out.path().join("20260102T030405Z-default-1-9f3c-s2of4"));
    let (early, _lock) = RunFolder::create(out.path(), &manifest(0x0001 << 48, Shard::WHOLE)).unwrap();
    assert_eq!(early.path(), out.path().join("20260102T030405Z-default-1-0001"), "four digits always");
}

#[test]
fn a_new_folder_holds_its_manifest_and_nothing_half_made() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("made/if/absent");
    let (folder, _lock) = RunFolder::create(&results, &manifest(NONCE, Shard::WHOLE)).unwrap();
    assert_eq!(names(&results), ["20260102T030405Z-default-1-9f3c", "latest"]);
    assert_eq!(names(folder.path()), ["ledger", "run.json", "run.lock"]);
    assert_eq!(folder.segments().unwrap(), Vec::<PathBuf>::new());
    assert_eq!(folder.observations(), Vec::<u32>::new());
}

#[test]
fn the_same_run_and_shard_is_refused_and_leaves_no_trace() {
    let out = tempfile::tempdir().unwrap();
    let (first, lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    drop(lock);
    let before = names(out.path());
    let again =
        Manifest { started_utc: "2027-01-01T00:00:00Z".parse().unwrap(), ..manifest(NONCE, Shard::WHOLE) };
    let error = RunFolder::create(out.path(), &again).unwrap_err();
    assert!(matches!(&error, FolderError::SameRun { path } if path == first.path()), "{error}");
    assert_eq!(names(out.path()), before);
    for other in [manifest(NONCE, Shard { index: 1, of: 2 }), manifest(NONCE ^ (1 << 63), Shard::WHOLE)] {
        RunFolder::create(out.path(), &other).unwrap();
    }
}

#[test]
fn latest_is_the_newest_and_a_folder_once_opened_stays_itself() {
    let out = tempfile::tempdir().unwrap();
    let latest = out.path().join("latest");
    let (first, _lock) = RunFolder::create(out.path(), &manifest(1 << 48, Shard::WHOLE)).unwrap();
    let opened: Vec<RunFolder> =
        [out.path().to_path_buf(), latest.clone(), latest.join(""), first.path().to_path_buf()]
            .iter()
            .map(|path| RunFolder::open(path).unwrap())
            .collect();
    let (second, _lock) = RunFolder::create(out.path(), &manifest(2 << 48, Shard::WHOLE)).unwrap();
    for folder in opened {
        assert_eq!(folder, first, "no way of opening it follows the link later");
    }
    assert_eq!(RunFolder::open(out.path()).unwrap(), second);
    assert_eq!(RunFolder::open(&latest).unwrap().manifest().unwrap().plan.nonce, 2 << 48);
    assert_eq!(
        fs::read_link(&latest).unwrap(),
        Path::new("20260102T030405Z-default-1-0002"),
        "so that results can move"
    );
}

#[test]
fn a_link_that_a_crash_left_behind_is_in_nobodys_way() {
    let out = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("gone", out.path().join(format!(".latest-{}", std::process::id()))).unwrap();
    std::os::unix::fs::symlink("gone", out.path().join("latest")).unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    assert_eq!(RunFolder::open(out.path()).unwrap(), folder);
}

#[test]
fn a_folder_without_a_run_says_so() {
    let out = tempfile::tempdir().unwrap();
    fs::create_dir(out.path().join("other")).unwrap();
    for path in [out.path().to_path_buf(), out.path().join("other"), out.path().join("absent")] {
        let error = RunFolder::open(&path).unwrap_err();
        assert!(matches!(error, FolderError::NoRun { .. }), "{error}");
        assert!(error.to_string().contains("run loadgen first"));
    }
}

#[test]
fn a_run_is_running_while_its_lock_is_held() {
    let out = tempfile::tempdir().unwrap();
    let (folder, lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    let seen_by_others = RunFolder::open(out.path()).unwrap();
    assert!(folder.is_running() && seen_by_others.is_running());
    drop(lock);
    assert!(!folder.is_running() && !seen_by_others.is_running());
    fs::remove_file(folder.file("run.lock")).unwrap();
    assert!(!folder.is_running(), "an artifact without its lock is not running");
}

#[test]
fn segments_and_observations_are_listed_in_order() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    for lane in [11, 0, 2] {
        fs::write(folder.segment(lane), b"").unwrap();
    }
    fs::write(folder.ledger().join("notes.txt"), b"").unwrap();
    assert_eq!(folder.segments().unwrap(), [0, 2, 11].map(|lane| folder.segment(lane)));
    for n in [10, 2, 1] {
        fs::create_dir_all(folder.observation(n)).unwrap();
    }
    fs::create_dir_all(folder.path().join("observed/notes")).unwrap();
    assert_eq!(folder.observations(), [1, 2, 10]);
}

#[test]
fn run_json_has_the_published_shape() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard { index: 1, of: 1 })).unwrap();
    let mut found: Value = read_json(&folder.file("run.json")).unwrap();
    let scenario = found["scenario"].take();
    let expected = json!({
        "schema_version": 2,
        "onceproof": "0.1.0",
        "started_utc": "2026-01-02T03:04:05.678Z",
        "plan": {
            "version": 1,
            "seed": 1,
            "nonce": "9f3c61d2a4b07e55",
            "share": [6000, 20000],
            "total": 20000,
            "batch": 100,
            "group": 4,
            "weights": [1, 2, 1, 1],
            "topics": ["auth", "payment", "orders"],
            "source": "loadgen",
            "epoch_ms": 1_735_689_600_000_i64,
            "payload_bytes": [64, 256],
        },
        "shard": [1, 1],
        "concurrency": 50,
        "lanes": 1,
        "scenario": null,
        "machine": { "cpus": 2, "boot_id": "0b5e7a11-0000-4000-8000-00000000cafe" },
        "rerun": "loadgen --count 600 --dup 0.3 --seed 7",
    });
    assert_eq!(found, expected);
    assert_eq!(scenario["load"]["dup"], "0.3");
    assert_eq!(scenario["load"]["timeout"], "30s");
    assert_eq!(scenario["target"]["publish"]["rejected"], json!(["3xx", "4xx", "503"]));
    assert_eq!(scenario["promises"]["payload"], "json");
}

#[test]
fn a_manifest_reads_back_as_it_was() {
    let out = tempfile::tempdir().unwrap();
    let written = manifest(u64::MAX, Shard { index: 3, of: 7 });
    let (folder, _lock) = RunFolder::create(out.path(), &written).unwrap();
    assert_eq!(folder.manifest().unwrap(), written);
}

#[test]
fn a_manifest_of_the_release_before_reads_back_with_its_format() {
    let out = tempfile::tempdir().unwrap();
    let written = Manifest { schema_version: 1, ..manifest(NONCE, Shard::WHOLE) };
    let (folder, _lock) = RunFolder::create(out.path(), &written).unwrap();
    assert_eq!(folder.manifest().unwrap().format(), FolderFormat::Unsealed);
    assert_eq!(manifest(NONCE, Shard::WHOLE).format(), FolderFormat::Sealed);
}

#[test]
fn each_observation_has_a_folder_of_its_own() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    assert_eq!([1, 2].map(|_| folder.begin_observation().unwrap()), [1, 2]);
    fs::remove_dir(folder.observation(1)).unwrap();
    assert_eq!(folder.begin_observation().unwrap(), 3);
}

#[test]
fn a_manifest_that_is_not_ours_is_refused_with_its_name() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    let path = folder.file("run.json");
    let good: Value = read_json(&path).unwrap();
    let error_after = |change: fn(&mut Value)| {
        let mut changed = good.clone();
        change(&mut changed);
        write_json(&path, &changed).unwrap();
        folder.manifest().unwrap_err()
    };
    let later = error_after(|json| {
        *json = json!({ "schema_version": 3, "all": "else is different" });
    });
    assert!(matches!(later, FolderError::Version { found: 3, .. }), "{later}");
    for change in [
        (|json| json["plan"]["batch"] = json!(0)) as fn(&mut Value),
        |json| json["plan"]["version"] = json!(2),
        |json| json["plan"]["nonce"] = json!("no number"),
        |json| json["plan"]["surprise"] = json!(1),
        |json| json["machine"] = json!(null),
    ] {
        let error = error_after(change);
        assert!(matches!(error, FolderError::Json { .. }), "{error}");
        assert!(error.to_string().ends_with("run.json is not valid"), "{error}");
    }
}

#[test]
fn those_who_read_share_a_run_and_who_sends_has_it_alone() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    let readers = [folder.lock_to_read().unwrap(), folder.lock_to_read().unwrap()];
    assert!(readers.iter().all(Option::is_some));
    assert!(matches!(folder.lock_to_send(), Err(FolderError::Taken { .. })));
    drop(readers);
    let sender = folder.lock_to_send().unwrap();
    assert!(matches!(folder.lock_to_send(), Err(FolderError::Taken { .. })));
    assert!(matches!(folder.lock_to_read(), Err(FolderError::Taken { .. })));
    drop(sender);
    assert!(folder.lock_to_read().unwrap().is_some());
}

#[test]
fn a_further_segment_comes_after_those_of_all_lanes() {
    let out = tempfile::tempdir().unwrap();
    let (folder, _lock) = RunFolder::create(out.path(), &manifest(NONCE, Shard::WHOLE)).unwrap();
    assert_eq!(folder.next_lane().unwrap(), 0);
    for lane in [0, 11] {
        fs::write(folder.segment(lane), "").unwrap();
    }
    assert_eq!(folder.next_lane().unwrap(), 12);
}

#[test]
fn a_file_that_cannot_be_put_in_its_place_leaves_nothing_beside_it() {
    let out = tempfile::tempdir().unwrap();
    let taken = out.path().join("report.html");
    fs::create_dir(&taken).unwrap();
    let error = write_whole(&taken, b"page").unwrap_err();
    assert!(error.to_string().starts_with("cannot rename"), "{error}");
    let left: Vec<PathBuf> = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(left, [taken]);
}

#[test]
fn a_link_at_the_name_of_a_temporary_file_is_replaced_and_not_followed() {
    let out = tempfile::tempdir().unwrap();
    let mine = out.path().join("mine");
    fs::write(&mine, "mine").unwrap();
    std::os::unix::fs::symlink(&mine, out.path().join("report.part")).unwrap();
    write_whole(&out.path().join("report.html"), b"page").unwrap();
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(fs::read_to_string(out.path().join("report.html")).unwrap(), "page");
}
