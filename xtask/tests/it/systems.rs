//! What only one system has is in one module of a crate, with what holds elsewhere beside it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xtask::rig::cargo;

/// Modules that ask for the system, or read what only Linux has. The doctor looks at nothing else,
/// and says of each value if a system does not report it.
const MODULES: [&str; 6] = [
    "aggregator/src/connections/room.rs",
    "loadgen/src/lane/alarm.rs",
    "mutants/src/strike.rs",
    "onceproof/src/doctor",
    "reader/src/system.rs",
    "truth/src/clock.rs",
];

/// Words of such code, outside of comments.
const SIGNS: [&str; 5] = ["target_os", "\"/proc/", "\"proc/", "\"/sys/", "os::linux"];

#[test]
fn each_crate_has_one_module_for_what_only_linux_has() {
    let crates =
        ["truth", "judge", "report", "reader", "verify", "loadgen", "aggregator", "mutants", "onceproof"];
    let root = cargo::workspace();
    let mut found = BTreeSet::new();
    for name in crates {
        gather(&root.join(name).join("src"), &mut found);
    }
    let found: BTreeSet<String> =
        found.iter().map(|file| file.strip_prefix(root).unwrap().display().to_string()).collect();
    let strays: Vec<&String> =
        found.iter().filter(|file| !MODULES.iter().any(|module| file.starts_with(module))).collect();
    assert!(strays.is_empty(), "{strays:?} ask for the system; {MODULES:?} do that");
    for module in MODULES {
        assert!(found.iter().any(|file| file.starts_with(module)), "{module} no longer asks for the system");
    }
}

/// Gathers the files under a folder that hold a sign.
fn gather(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.into_iter().any(|line| SIGNS.iter().any(|sign| line.contains(sign))) {
                found.insert(path);
            }
        }
    }
}
