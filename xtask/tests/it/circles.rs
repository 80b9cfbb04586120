//! No crate has a circle of files: files that import each other in a loop.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use xtask::rig::cargo;

use crate::imports::Imports;

/// Makes a test of each crate, named after its folder.
macro_rules! crates {
    ($($name:ident)*) => {
        /// Folders of the crates that have a test below.
        const CRATES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                has_no_circle(stringify!($name));
            }
        )*
    };
}

crates! { truth judge report reader verify loadgen aggregator mutants onceproof xtask }

#[test]
fn every_crate_of_the_workspace_has_a_test() {
    let tested: BTreeSet<String> = CRATES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(members(), tested);
}

/// Names in `members` of the workspace's manifest.
fn members() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(cargo::workspace().join("Cargo.toml")).unwrap();
    let list = manifest.split_once("\nmembers = [").unwrap().1.split_once(']').unwrap().0;
    list.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .filter(|name| !name.is_empty())
        .collect()
}

/// Fails with the circles of a crate: those of its sources, and of each of its examples that is a
/// folder.
fn has_no_circle(name: &str) {
    let folder = cargo::workspace().join(name);
    let mut circles = circles_under(&folder.join("src"));
    for example in folder.join("examples").read_dir().into_iter().flatten() {
        let path = example.unwrap().path();
        if path.join("main.rs").is_file() {
            circles.extend(circles_under(&path));
        }
    }
    let found = circles.len();
    assert!(found == 0, "{name} has circles of files: found {found}, expected 0\n{}", circles.join("\n"));
}

fn circles_under(folder: &Path) -> Vec<String> {
    let place = folder.strip_prefix(cargo::workspace()).unwrap().display().to_string();
    Imports::read(folder).circles().into_iter().map(|circle| format!("{place}: {circle}")).collect()
}

/// Returns the circles of a crate whose files are given by their paths.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let module = |path: &str| path.split('/').filter(|part| *part != "lib").map(str::to_owned).collect();
    let texts: BTreeMap<Vec<String>, String> =
        files.iter().map(|(path, text)| (module(path), (*text).to_owned())).collect();
    Imports::of(&texts).circles()
}

#[test]
fn a_circle_is_found_and_the_names_that_tie_it_are_told() {
    let files = [
        ("lib", "mod plan; mod round;"),
        ("plan", "use crate::round::{self, Round as Turn, deep::{er}};"),
        ("round", "fn next() { crate::plan::Plan::new() }"),
    ];
    let expected = "2 files:\n  plan.rs -> round.rs: *, Round, deep\n  round.rs -> plan.rs: Plan\n";
    assert_eq!(circles_of(&files), [expected]);
}

#[test]
fn a_circle_through_super_and_through_a_part_is_found() {
    let files = [
        ("lib", "mod lane; mod release;"),
        ("lane", "mod desk; mod queue; pub struct LaneJob; fn open() { desk::open() }"),
        ("lane/desk", "use super::queue::Queue; mod inner { use super::super::queue::Chunk; }"),
        ("lane/queue", "use super::super::release::Race;"),
        ("release", "use crate::lane::LaneJob;"),
    ];
    let circles = circles_of(&files);
    assert_eq!(circles.len(), 1);
    for line in ["4 files:", "lane.rs -> lane/desk.rs: open", "lane/desk.rs -> lane/queue.rs: Chunk, Queue\n"]
    {
        assert!(circles[0].contains(line), "{line}: {}", circles[0]);
    }
}

#[test]
fn declarations_exports_tests_comments_and_names_from_above_make_no_circle() {
    let files = [
        ("lib", "mod plan; mod round; use plan::Plan; pub struct App;"),
        ("plan", "mod part; pub use self::part::Part; pub(crate) use crate::round::Round; struct Plan;"),
        ("plan/part", "use super::Plan; use crate::App; use crate::round::Round;"),
        (
            "round",
            "/// Of a [`crate::plan::part::Part`].\n// use crate::plan::part::Part;\nuse crate::plan::Plan;\n\
             const TEXT: &str = \"crate::plan::part::Part\";\n\
             #[cfg(test)]\nmod tests { use super::*; use crate::plan::part::Part; }",
        ),
    ];
    assert_eq!(circles_of(&files), [""; 0]);
}
