//! The arrows between the crates: an oracle that shares code with what it judges proves nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use xtask::cargo;

/// What each crate uses of ours, in tests and build scripts too. Nobody uses the aggregator: it is the judged.
const ARROWS: [(&str, &[&str]); 8] = [
    ("truth", &[]),
    ("judge", &["truth"]),
    ("report", &["truth", "judge"]),
    ("reader", &["truth"]),
    ("verify", &["truth", "judge", "report", "reader"]),
    ("loadgen", &["truth", "reader", "verify"]),
    ("aggregator", &[]),
    ("xtask", &[]),
];

#[test]
fn the_crates_depend_on_each_other_as_drawn() {
    let owned = |name: &&str| (*name).to_owned();
    let drawn: BTreeMap<String, BTreeSet<String>> =
        ARROWS.iter().map(|(name, uses)| (owned(name), uses.iter().map(owned).collect())).collect();
    assert_eq!(workspace_dependencies(), drawn);
}

/// Every crate of the workspace with those of the others that its manifest names, in whatever section.
fn workspace_dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output =
        cargo::command(["metadata", "--no-deps", "--format-version", "1", "--offline"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let ours: BTreeSet<String> = packages.iter().map(|package| text(&package["name"])).collect();
    packages
        .iter()
        .map(|package| {
            let named = package["dependencies"].as_array().unwrap().iter().map(|used| text(&used["name"]));
            (text(&package["name"]), named.filter(|name| ours.contains(name)).collect())
        })
        .collect()
}
