//! One program under four names.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::{Ended, run};

/// Runs the program through a link of this name.
fn linked(name: &str, arguments: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join(name);
    symlink(env!("CARGO_BIN_EXE_onceproof"), &link).unwrap();
    Ended::of(&Command::new(link).args(arguments).env_clear().output().unwrap())
}

#[test]
fn a_link_acts_as_the_program_whose_name_it_has() {
    for name in ["loadgen", "verify", "aggregator"] {
        let version = linked(name, &["--version"]);
        assert_eq!(version.stdout, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        let help = linked(name, &["--help"]);
        assert!(help.stdout.contains(&format!("Usage: {name} ")), "{}", help.stdout);
        assert!(!help.stdout.contains("onceproof "), "{}", help.stdout);
    }
    for renamed in ["onceproof-0.2.0", "prove"] {
        let load = linked(renamed, &["load", "--help"]);
        assert!(load.stdout.contains(&format!("Usage: {renamed} load [OPTIONS]")), "{load:?}");
        let listed = linked(renamed, &["demo", "--broken", "list"]);
        assert_eq!(listed.code, Some(0), "{renamed}: {listed:?}");
    }
}

#[test]
fn a_subcommand_acts_as_its_program_and_calls_itself_as_it_was_called() {
    for (subcommand, usage) in [
        ("load", "Usage: onceproof load [OPTIONS]"),
        ("verify", "Usage: onceproof verify [OPTIONS] [RUN]..."),
        ("aggregator", "Usage: onceproof aggregator [OPTIONS]"),
    ] {
        let help = run(&[subcommand, "--help"]);
        assert_eq!(help.code, Some(0), "{help:?}");
        assert!(help.stdout.contains(usage), "{usage}: {}", help.stdout);
        let wrong = run(&[subcommand, "--no-such-flag"]);
        assert_eq!(wrong.code, Some(2), "{wrong:?}");
        assert!(wrong.stderr.contains(&usage[.."Usage: onceproof ".len() + subcommand.len()]), "{wrong:?}");
    }
    let example = "Example: onceproof load --count 20000 --dup 0.3 && onceproof verify";
    for arguments in [["load", "-h"], ["load", "--help"], ["verify", "-h"], ["verify", "--help"]] {
        assert!(run(&arguments).stdout.contains(example), "{arguments:?}");
    }
    assert!(run(&["load", "http", "-h"]).stdout.contains("Example: onceproof load http "));
    let listed = run(&["help", "load"]);
    assert!(listed.stdout.contains("Usage: onceproof load"), "{listed:?}");
}

#[test]
fn errors_name_the_program_as_it_was_called() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    let absent = absent.to_str().unwrap();
    assert!(run(&["verify", absent]).stderr.starts_with("onceproof verify: "));
    assert!(linked("verify", &[absent]).stderr.starts_with("verify: "));
    let listen = ["--listen", "192.0.2.1:1", "--database-url", "sqlite:///nowhere/at/all.db"];
    assert!(run(&[&["aggregator"], &listen[..]].concat()).stderr.starts_with("onceproof aggregator: "));
    assert!(linked("aggregator", &listen).stderr.starts_with("aggregator: "));
}

#[test]
fn without_a_command_the_help_is_printed_and_an_unknown_one_is_an_error() {
    let none = run(&[]);
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("onceproof demo"), "{}", none.stderr);
    assert_eq!(run(&["prove"]).code, Some(2));
    assert_eq!(run(&["--version"]).stdout, format!("onceproof {}\n", env!("CARGO_PKG_VERSION")));
}
