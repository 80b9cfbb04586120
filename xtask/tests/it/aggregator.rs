//! The aggregator as a process: after a kill it comes back on its port.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use xtask::rig::aggregator::{self, sqlite_url};
use xtask::rig::cluster::{Cluster, Durability};
use xtask::rig::http;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};
use xtask::rig::scratch::Scratch;

#[test]
fn a_killed_aggregator_answers_again_on_its_port_with_sqlite() {
    let scratch = Scratch::new().unwrap();
    kill_and_restart(&sqlite_url(scratch.path()));
}

#[test]
fn a_killed_aggregator_answers_again_on_its_port_with_postgres() {
    let cluster = Cluster::start(Durability::Fast, &Interrupt::never()).unwrap();
    kill_and_restart(&cluster.create_database("events").unwrap());
}

fn kill_and_restart(database_url: &str) {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let mut aggregator = aggregator::start(&programs, database_url).unwrap();
    let address = aggregator.address();
    assert_eq!(http::get_json(address, "/health").unwrap()["ok"], true);

    assert_eq!(aggregator.kill().unwrap().signal(), Some(9));
    assert!(http::get_json(address, "/health").is_err());

    aggregator.restart().unwrap();
    assert_eq!(aggregator.address(), address);
    assert_eq!(aggregator.received().unwrap(), 0);

    let status = aggregator.terminate(Duration::from_secs(20)).unwrap();
    assert!(status.success(), "{status}: {}", aggregator.log().unwrap());
}

#[test]
fn an_aggregator_that_cannot_start_says_why() {
    let programs = Programs::built(Profile::Debug, &Interrupt::never()).unwrap();
    let error = aggregator::start(&programs, "nonsense://").unwrap_err().to_string();
    assert!(error.contains("ended at its start"), "{error}");
}
