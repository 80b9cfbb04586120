//! Kinto, from PyPI, with its store in memory.

use std::process::Command;

use anyhow::{Context, Result};

use super::Case;
use super::server::{Place, Server, install_python, python_version};
use crate::rig::programs::in_our_environment;

/// Folder of the environment, under that of all Python programs.
const FOLDER: &str = "kinto";

pub(super) static SERVER: Server = Server {
    name: "kinto",
    file: "kinto",
    installed_by: "pip install kinto",
    install: |installed, interrupt| install_python(&installed.join(FOLDER), &["kinto"], interrupt),
    command,
    version: |started| python_version(&started.installed.join(FOLDER), "kinto"),
    fields: || "Content-Type: application/json\r\n".to_owned(),
    cases: &[Case {
        title: "store in memory",
        prepare: &[["PUT", "/v1/buckets/b", "{}"], ["PUT", "/v1/buckets/b/collections/orders", "{}"]],
        changes: &[],
        expected: "PASS",
        because: "a record of a known id is returned with 200: \
            https://docs.kinto-storage.org/en/stable/api/1.x/records.html",
    }],
};

/// Writes settings of its own, and returns the command that reads them.
fn command(place: &Place<'_>) -> Result<Command> {
    let path = place.folder.join("kinto.ini");
    let text = format!(
        "[app:main]\nuse = egg:kinto\nkinto.storage_backend = kinto.core.storage.memory\n\
         kinto.cache_backend = kinto.core.cache.memory\n\
         kinto.permission_backend = kinto.core.permission.memory\n\
         kinto.userid_hmac_secret = of-this-run\nmultiauth.policies = basicauth\n\
         kinto.bucket_write_principals = system.Everyone\nkinto.bucket_create_principals = system.Everyone\n\
         [server:main]\nuse = egg:waitress#main\nhost = 127.0.0.1\nport = {}\nthreads = 8\n",
        place.port
    );
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    let mut command = in_our_environment(place.installed.join(FOLDER).join("bin/kinto"));
    command.arg("start").arg("--ini").arg(path).args(["--port", &place.port.to_string()]);
    Ok(command)
}
