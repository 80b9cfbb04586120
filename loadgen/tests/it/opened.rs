//! `--open`: the page of the verdict in a browser, or its path where there is no display.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::program::{Loadgen, Ran};
use crate::stub::Stub;

/// Runs it with a program in the place of `xdg-open` that notes what it was given, and returns the
/// run with the note.
fn opened(display: Option<&str>, code: u8) -> (Ran, Option<String>) {
    let stub = Stub::sound();
    let programs = tempfile::tempdir().unwrap();
    let note = programs.path().join("note");
    let opener = programs.path().join("xdg-open");
    fs::write(&opener, format!("#!/bin/sh\nprintf %s \"$1\" > {}\nexit {code}\n", note.display())).unwrap();
    fs::set_permissions(&opener, fs::Permissions::from_mode(0o755)).unwrap();
    let loadgen = Loadgen::against(&stub, "-n 400 --batch 10 -c 4 --verify --open");
    let mut command = loadgen.command();
    command.env("PATH", format!("{}:/usr/bin:/bin", programs.path().display()));
    command.envs(display.map(|display| ("DISPLAY", display)));
    let ran = loadgen.ran(command.output().unwrap());
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    (ran, fs::read_to_string(&note).ok())
}

#[test]
fn the_page_is_opened_on_a_display_and_named_without_one() {
    let (ran, note) = opened(Some(":9"), 0);
    let page = ran.folder().file("report.html");
    assert_eq!(note.as_deref(), page.to_str());
    assert!(fs::read_to_string(&page).unwrap().contains("PASS"));
    let (ran, note) = opened(None, 0);
    assert_eq!(note, None);
    let page = ran.folder().file("report.html");
    assert!(
        ran.stderr.contains(&format!("no display to open it on: {}\n", page.display())),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_browser_that_does_not_come_is_a_warning() {
    let (ran, _) = opened(Some(":9"), 3);
    assert!(
        ran.stderr.contains("xdg-open cannot open ") && ran.stderr.contains("exit status: 3"),
        "{}",
        ran.stderr
    );
}

#[test]
fn only_a_verdict_has_a_page_to_open() {
    let ran = Loadgen::with("--open").run();
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("--verify"), "{}", ran.stderr);
}
