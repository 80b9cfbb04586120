//! Datasette with datasette-insert, from PyPI.

use std::process::Command;

use anyhow::{Context, Result};

use super::Case;
use super::server::{Place, Server, install_python, python_version};
use crate::cookbook::recipe::SECRET;
use crate::rig::programs::in_our_environment;

/// Folder of the environment, under that of all Python programs.
const FOLDER: &str = "datasette";

pub(super) static SERVER: Server = Server {
    name: "datasette-insert",
    file: "datasette-insert",
    installed_by: "pip install datasette datasette-insert datasette-auth-tokens",
    install: |installed, interrupt| {
        let packages = ["datasette", "datasette-insert", "datasette-auth-tokens"];
        install_python(&installed.join(FOLDER), &packages, interrupt)
    },
    command,
    version: |started| {
        let folder = started.installed.join(FOLDER);
        let [server, plugin] = ["datasette", "datasette-insert"].map(|name| python_version(&folder, name));
        Ok(format!("{} on Datasette {}", plugin?, server?))
    },
    fields: String::new,
    cases: &[
        Case {
            title: "one primary key",
            prepare: &[],
            changes: &[],
            expected: "PASS",
            because: "a row of a known primary key replaces it: https://datasette.io/plugins/datasette-insert",
        },
        Case {
            title: "no primary key: without pk in the path",
            prepare: &[],
            changes: &[["events?pk=event_id", "events"]],
            expected: "FAIL stored-twice",
            because: "documented: `pk` names the primary key, and a table without one keeps every row: \
                https://datasette.io/plugins/datasette-insert",
        },
    ],
};

/// Writes the token that clients need, and returns the command that reads it.
fn command(place: &Place<'_>) -> Result<Command> {
    let actor = serde_json::json!({"id": "loadgen"});
    let metadata = serde_json::json!({"plugins": {
        "datasette-auth-tokens": {"tokens": [{"token": SECRET, "actor": actor}]},
        "datasette-insert": {"allow": {"id": "loadgen"}},
    }});
    let path = place.folder.join("metadata.json");
    std::fs::write(&path, metadata.to_string())
        .with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = in_our_environment(place.installed.join(FOLDER).join("bin/datasette"));
    command.arg("serve").arg(place.folder.join("data.db")).arg("--create").arg("--metadata").arg(path);
    command.args(["--host", "127.0.0.1", "--port", &place.port.to_string()]);
    Ok(command)
}
