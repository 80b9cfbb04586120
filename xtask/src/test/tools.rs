//! Programs that tests need: the packages that bring them, and the tests that are skipped without
//! them.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::rig::cluster;

/// A program, or several that come together.
#[derive(Debug)]
pub(super) struct Tool {
    /// Name in messages.
    name: &'static str,
    /// Debian packages that bring it.
    pub(super) packages: &'static [&'static str],
    is_there: fn() -> bool,
    /// Beginnings of the paths of tests that need it.
    tests: &'static [&'static str],
    /// Words in the paths of tests that need it.
    words: &'static [&'static str],
}

/// Server of PostgreSQL, of which every run of the tests starts a private one.
pub(super) const POSTGRES: Tool = Tool {
    name: "PostgreSQL",
    packages: &["postgresql"],
    is_there: has_postgres,
    tests: &[
        "bench::both_databases_",
        "cluster::a_cluster_",
        "cluster::an_interrupted_owner_",
        "cluster::clusters_",
        "database::a_password_is_used_",
        "database::a_query_that_would_write_",
        "database::a_replica_that_is_behind_",
        "database::contents_are_understood_",
        "faults::a_session_that_dies_",
        "faults::aborts_without_end_",
        "faults::known_aborts_",
        "metrics::without_a_database_",
        "queued::a_full_inbox_",
        "queued::events_of_a_paused_worker_",
        "replicas::",
    ],
    words: &["_postgres"],
};

const NGINX: Tool = Tool {
    name: "nginx",
    packages: &["nginx-light"],
    is_there: || is_on_path("nginx") || Path::new("/usr/sbin/nginx").is_file(),
    tests: &[
        "http::",
        "http2::",
        "reach::",
        "proxies::a_target_with_tls_",
        "requests::a_request_by_text_leaves_over_http2_",
    ],
    words: &["nginx"],
};

const OPENSSL: Tool = Tool {
    name: "openssl",
    packages: &["openssl"],
    is_there: || is_on_path("openssl"),
    tests: &["tls::"],
    words: &[],
};

const UVICORN: Tool = Tool {
    name: "uvicorn",
    packages: &["python3-uvicorn"],
    is_there: || python_has("uvicorn"),
    tests: &[],
    words: &["uvicorn"],
};

pub(super) const NODE: Tool = Tool {
    name: "node",
    packages: &["nodejs"],
    is_there: || is_on_path("node"),
    tests: &["peers::node_", "peers::what_node_"],
    words: &[],
};

/// Browser that shows the aggregator's page; the tests take the first of these that is there.
pub(super) const BROWSER: Tool = Tool {
    name: "a Chromium",
    packages: &["chromium-headless-shell"],
    is_there: || ["chromium-headless-shell", "chromium", "google-chrome"].into_iter().any(is_on_path),
    tests: &["page::"],
    words: &[],
};

/// Python's environments, for the fuzzer and the check of the Kubernetes manifests: no test needs
/// them.
const VENV: Tool = Tool {
    name: "Python's venv",
    packages: &["python3-venv"],
    is_there: || python_has("ensurepip"),
    tests: &[],
    words: &[],
};

/// Client of SQLite's, with which the docs damage a store: no test needs it.
const SQLITE: Tool = Tool {
    name: "sqlite3",
    packages: &["sqlite3"],
    is_there: || is_on_path("sqlite3"),
    tests: &[],
    words: &[],
};

const TOOLS: [Tool; 8] = [POSTGRES, NGINX, OPENSSL, UVICORN, NODE, BROWSER, VENV, SQLITE];

impl Tool {
    /// Returns the name with the packages: `nginx (nginx-light)`.
    pub(super) fn told(&self) -> String {
        format!("{} ({})", self.name, self.packages.join(", "))
    }

    /// True if the test of this path needs this program.
    pub(super) fn is_needed_by(&self, path: &str) -> bool {
        self.tests.iter().any(|begin| path.starts_with(begin))
            || self.words.iter().any(|word| path.contains(word))
    }
}

/// Returns the programs that are not installed.
pub(super) fn missing() -> Vec<&'static Tool> {
    const { &TOOLS }.iter().filter(|tool| !(tool.is_there)()).collect()
}

/// Returns the programs that are not installed and that some test needs.
pub(super) fn missing_for_tests() -> Vec<&'static Tool> {
    missing().into_iter().filter(|tool| !tool.tests.is_empty() || !tool.words.is_empty()).collect()
}

/// Returns the names and packages of programs, one after the other.
pub(super) fn told(tools: &[&Tool]) -> String {
    tools.iter().map(|tool| tool.told()).collect::<Vec<_>>().join(", ")
}

/// True if PostgreSQL's server can be started.
pub(super) fn has_postgres() -> bool {
    cluster::is_installed()
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// True if the Python that the distribution's packages are for has this module. The tests take the
/// same one.
fn python_has(module: &str) -> bool {
    let system = "/usr/bin/python3";
    let python = if Path::new(system).exists() { system } else { "python3" };
    let mut import = Command::new(python);
    import.args(["-c", &format!("import {module}")]).stdout(Stdio::null()).stderr(Stdio::null());
    import.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::cargo;

    /// Calls in a test that start a program.
    const CALLS: [(&str, &Tool); 8] = [
        ("Cluster::start(", &POSTGRES),
        ("Database::postgres(", &POSTGRES),
        ("Server::postgres(", &POSTGRES),
        ("Peer::nginx", &NGINX),
        (".nginx(", &NGINX),
        ("serve(&", &OPENSSL),
        ("Peer::uvicorn(", &UVICORN),
        ("Peer::node(", &NODE),
    ];

    /// Returns the integration tests' files of all crates: the module's name and the text.
    fn files() -> Vec<(String, String)> {
        let mut files = Vec::new();
        for folder in cargo::workspace().read_dir().unwrap() {
            for file in folder.unwrap().path().join("tests/it").read_dir().into_iter().flatten() {
                let file = file.unwrap().path();
                if file.extension().is_some_and(|extension| extension == "rs") {
                    let module = file.file_stem().unwrap().to_str().unwrap();
                    files.push((module.to_owned(), std::fs::read_to_string(&file).unwrap()));
                }
            }
        }
        files
    }

    /// Returns the path of the first function in a text.
    fn first_path(module: &str, text: &str) -> Option<String> {
        let (_, rest) = text.split_once("fn ")?;
        Some(format!("{module}::{}", rest.split_once('(')?.0))
    }

    #[test]
    fn every_test_that_starts_a_program_is_skipped_without_it() {
        let mut found = 0;
        for (module, text) in files() {
            let tests = text
                .split("\n#[")
                .filter(|part| part.starts_with("test]") || part.starts_with("tokio::test"));
            for test in tests {
                let body = test.split_once("\n}\n").map_or(test, |(body, _)| body);
                let Some(path) = first_path(&module, body) else { continue };
                for (_, tool) in CALLS.iter().filter(|(call, _)| body.contains(call)) {
                    found += 1;
                    assert!(tool.is_needed_by(&path), "{path} starts {}, and the table lacks it", tool.name);
                }
            }
        }
        assert!(found > 50, "only {found} tests start a program");
    }

    #[test]
    fn every_entry_of_the_table_names_a_test_that_there_is() {
        let paths: Vec<String> = files()
            .iter()
            .flat_map(|(module, text)| {
                text.split("fn ").skip(1).filter_map(|rest| first_path(module, &format!("fn {rest}")))
            })
            .collect();
        for tool in &TOOLS {
            for begin in tool.tests {
                let is_there = paths.iter().any(|path| path.starts_with(begin));
                assert!(is_there, "{}: no test's path begins with {begin}", tool.name);
            }
            for word in tool.words {
                assert!(
                    paths.iter().any(|path| path.contains(word)),
                    "{}: no test is named {word}",
                    tool.name
                );
            }
        }
    }
}
