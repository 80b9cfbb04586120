//! Arrows between the crates: a judge that shares code with the judged proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use xtask::rig::cargo;

use crate::tokens::tokens;

/// Crates of ours that each crate may use, in tests and build scripts too. The aggregator and the
/// mutants are the judged, so no crate uses them but `onceproof`, which holds all programs and which
/// no crate uses, and `xtask`, which starts them.
const ARROWS: [(&str, &[&str]); 10] = [
    ("truth", &[]),
    ("judge", &["truth"]),
    ("report", &["truth", "judge"]),
    ("reader", &["truth"]),
    ("verify", &["truth", "judge", "report", "reader"]),
    ("loadgen", &["truth", "reader", "report", "verify"]),
    ("aggregator", &[]),
    ("mutants", &[]),
    ("onceproof", &["truth", "reader", "verify", "loadgen", "aggregator", "mutants"]),
    ("xtask", &["mutants"]),
];

/// Crates that reach the network or a database. The judge gets along without them, and so do the
/// crates that it uses.
const IMPURE: [&str; 9] =
    ["tokio", "tokio-util", "sqlx", "sqlx-core", "reqwest", "hyper", "hyper-util", "h2", "axum"];

/// The only file of loadgen that names verify.
const TO_VERIFY: &str = "run/judged.rs";

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let found = dependencies();
    let ours: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(ours, ARROWS.iter().map(|(name, _)| *name).collect(), "members of the workspace");
    for (name, drawn) in ARROWS {
        let used: Vec<&str> =
            found[name].iter().map(String::as_str).filter(|used| ours.contains(used)).collect();
        let others: Vec<&&str> = used.iter().filter(|used| !drawn.contains(used)).collect();
        assert!(others.is_empty(), "{name} depends on {others:?}; the arrows allow {drawn:?}");
    }
}

#[test]
fn the_judge_names_no_crate_of_the_network() {
    let found = dependencies();
    let named = found.get("judge").expect("judge is a member of the workspace");
    let impure: Vec<&&str> = IMPURE.iter().filter(|impure| named.contains(**impure)).collect();
    assert!(impure.is_empty(), "judge/Cargo.toml names {impure:?}");
}

#[test]
fn the_judge_is_built_without_a_crate_of_the_network() {
    let arguments =
        ["tree", "--package", "onceproof-judge", "--edges", "normal,build", "--prefix", "none", "--offline"];
    let output = cargo::command(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    let built: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(built.contains("serde"), "{tree}");
    let impure: Vec<&&str> = IMPURE.iter().filter(|impure| built.contains(**impure)).collect();
    assert!(
        impure.is_empty(),
        "judge is built with {impure:?}; `cargo tree -p onceproof-judge -i NAME` shows why"
    );
}

#[test]
fn one_file_of_loadgen_names_verify() {
    let sources = cargo::workspace().join("loadgen/src");
    let naming: Vec<PathBuf> = files(&sources)
        .into_iter()
        .filter(|path| names_verify(&std::fs::read_to_string(path).unwrap()))
        .map(|path| path.strip_prefix(&sources).unwrap().to_owned())
        .collect();
    assert_eq!(naming, [Path::new(TO_VERIFY)]);
}

#[test]
fn a_path_that_begins_with_verify_is_told_from_the_word() {
    assert!(names_verify("use verify::run;"));
    assert!(names_verify("fn f() { ::verify::run() }"));
    assert!(!names_verify("use crate::verify::run; /* verify::run */ fn f() { verify(\"verify::run\") }"));
}

/// True if a Rust text has a path that begins with the crate `verify`.
fn names_verify(text: &str) -> bool {
    let tokens = tokens(text);
    let is_word = |at: usize| tokens[at].starts_with(|first: char| first.is_alphanumeric() || first == '_');
    (0..tokens.len()).any(|at| {
        let is_path = tokens[at] == "verify" && tokens.get(at + 1) == Some(&"::");
        let is_inner = at >= 2 && tokens[at - 1] == "::" && is_word(at - 2);
        is_path && !is_inner
    })
}

/// Returns the files under a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the crates of the workspace with all crates that the manifest of each names, in whatever
/// section. Ours have the names that the code uses, without the prefix of their packages.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output =
        cargo::command(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let crate_name = |package: &Value| {
        let name = package["name"].as_str().unwrap();
        name.strip_prefix("onceproof-").unwrap_or(name).to_owned()
    };
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let named = package["dependencies"].as_array().unwrap().iter().map(crate_name);
            (crate_name(package), named.collect())
        })
        .collect()
}
