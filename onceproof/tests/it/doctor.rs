//! The doctor on this machine, and on one that a test makes up.

use crate::run;

#[test]
fn this_machine_is_looked_at_and_every_line_has_a_standing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("results");
    let ended = run(&["doctor", "--out", out.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let names = [
        "files",
        "ports",
        "conntrack",
        "governor",
        "quota",
        "load",
        "clock",
        "disk",
        "fsync",
        "memory",
        "versions",
    ];
    for name in names {
        let mut lines = ended.stdout.lines();
        let line = lines.find(|line| line.split_whitespace().nth(1) == Some(name));
        let standing = line.unwrap_or_else(|| panic!("{name}: {}", ended.stdout));
        assert!(["ok", "warn", "-"].iter().any(|word| standing.starts_with(word)), "{standing}");
    }
    assert!(!out.exists(), "the doctor leaves nothing behind");
}

#[test]
fn a_warning_says_what_to_do_and_is_the_exit_code_if_that_is_wanted() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("proc/sys/net/ipv4/ip_local_port_range");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, "40000 40999\n").unwrap();
    let root = root.path().to_str().unwrap();
    let ended = run(&["doctor", "--root", root]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = "warn  ports      1,000 from 40000 to 40999, expected 16,384 or more";
    assert!(ended.stdout.contains(expected), "{}", ended.stdout);
    assert!(ended.stdout.contains("\n                 widen the range: `sysctl"), "{}", ended.stdout);
    assert_eq!(run(&["doctor", "--root", root, "--strict"]).code, Some(1));
}
