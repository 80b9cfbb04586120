//! Private PostgreSQL clusters: usable, side by side, and gone however their owner ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Signal, kill_process};
use xtask::rig::cluster::{Cluster, Durability};
use xtask::rig::interrupt::Interrupt;

use crate::gone::{both_gone, pid, runs};

#[test]
fn a_cluster_takes_databases_and_leaves_no_process_and_no_folder() {
    let cluster = Cluster::start(Durability::Durable, &Interrupt::never()).unwrap();
    let server = cluster.server_id();
    let folder = cluster.folder().to_owned();
    assert!(runs(server));

    let url = cluster.create_database("events").unwrap();
    assert_eq!(url, cluster.url("events"));
    assert!(url.starts_with("postgres://postgres@localhost/events?host=/"), "{url}");
    let again = cluster.create_database("events").unwrap_err();
    assert!(again.to_string().contains("already exists"), "{again}");

    drop(cluster);
    assert!(!runs(server), "the server was not reaped");
    assert!(!folder.exists());
}

#[test]
fn clusters_side_by_side_share_nothing() {
    let [one, other] = [0; 2].map(|_| Cluster::start(Durability::Fast, &Interrupt::never()).unwrap());
    assert_ne!(one.url("postgres"), other.url("postgres"));
    one.create_database("events").unwrap();
    other.create_database("events").unwrap();
    drop(one);
    other.create_database("more").unwrap();
}

#[test]
fn a_cluster_ends_with_an_owner_that_is_killed() {
    let mut owner = Owner::start();
    kill_process(pid(owner.xtask.id()), Signal::KILL).unwrap();
    owner.xtask.wait().unwrap();
    both_gone(owner.server, &owner.folder);
}

#[test]
fn an_interrupted_owner_has_ended_its_cluster_before_it_ends() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut owner = Owner::start();
        kill_process(pid(owner.xtask.id()), signal).unwrap();
        assert!(owner.xtask.wait().unwrap().success());
        assert!(!runs(owner.server));
        assert!(!owner.folder.exists());
    }
}

/// `cargo xtask postgres` in a process of its own, and its cluster.
struct Owner {
    xtask: Child,
    server: u32,
    folder: PathBuf,
}

impl Owner {
    fn start() -> Self {
        let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["postgres", "--fast"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(xtask.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let folder = PathBuf::from(url.trim().split_once("?host=").unwrap().1);
        let state = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
        let server = state.lines().next().unwrap().parse().unwrap();
        assert!(runs(server));
        Self { xtask, server, folder }
    }
}
