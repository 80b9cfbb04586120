//! ClickHouse, as Debian packages it.

use std::process::Command;

use anyhow::{Context, Result};

use super::Case;
use super::server::{Place, Server, install_packages};
use crate::cookbook::recipe::SECRET;
use crate::rig::port;
use crate::rig::programs::in_our_environment;

/// Program; Debian installs it where only root looks.
const PROGRAM: &str = "/usr/sbin/clickhouse-server";

pub(super) static SERVER: Server = Server {
    name: "clickhouse",
    file: "clickhouse",
    installed_by: "apt-get install clickhouse-server",
    install: |_, interrupt| install_packages(PROGRAM, &["clickhouse-server"], interrupt),
    command,
    version: |started| started.request("POST", "/", "SELECT version()"),
    fields: || format!("X-ClickHouse-User: default\r\nX-ClickHouse-Key: {SECRET}\r\n"),
    cases: &[
        Case {
            title: "ReplacingMergeTree, read with FINAL",
            prepare: &[[
                "POST",
                "/",
                "CREATE TABLE events (topic String, event_id String, ts String, \
                payload String) ENGINE = ReplacingMergeTree ORDER BY (topic, event_id)",
            ]],
            changes: &[],
            expected: "PASS",
            because: "FINAL merges rows of one sorting key before it shows them: \
                https://clickhouse.com/docs/engines/table-engines/mergetree-family/replacingmergetree",
        },
        Case {
            title: "MergeTree, read without FINAL",
            prepare: &[[
                "POST",
                "/",
                "CREATE TABLE events (topic String, event_id String, ts String, \
                payload String) ENGINE = MergeTree ORDER BY (topic, event_id)",
            ]],
            changes: &[["FROM events FINAL", "FROM events"]],
            expected: "FAIL stored-twice",
            because: "documented: a MergeTree keeps every row; only Replicated tables recognise an insert that \
                is repeated as a whole, and only among the newest blocks: \
                https://clickhouse.com/docs/reference/settings/merge-tree-settings/replicated-deduplication-window",
        },
    ],
};

/// Writes settings of its own, and returns the command that reads them.
fn command(place: &Place<'_>) -> Result<Command> {
    let folder = place.folder.display();
    let native = port::free()?;
    let config = format!(
        "<yandex><logger><level>warning</level><console>1</console></logger>\
         <listen_host>127.0.0.1</listen_host><http_port>{}</http_port><tcp_port>{native}</tcp_port>\
         <path>{folder}/data/</path><tmp_path>{folder}/tmp/</tmp_path>\
         <users_config>{folder}/users.xml</users_config><mark_cache_size>1000000000</mark_cache_size>\
         <default_profile>default</default_profile><default_database>default</default_database></yandex>",
        place.port
    );
    let users = format!(
        "<yandex><profiles><default/></profiles><quotas><default/></quotas><users><default>\
         <password>{SECRET}</password><networks><ip>127.0.0.1</ip></networks>\
         <profile>default</profile><quota>default</quota></default></users></yandex>"
    );
    for (name, text) in [("config.xml", config), ("users.xml", users)] {
        let path = place.folder.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let mut command = in_our_environment(PROGRAM);
    command.arg(format!("--config-file={folder}/config.xml"));
    Ok(command)
}
