//! Releases: their requests leave together, on connections that are open.

use truth::record::ledger::Frame;
use truth::target::answer::Outcome;

use crate::program::Loadgen;
use crate::stub::Stub;

/// Scenario in which every repeat is in another request of its group, so that every group of four
/// races.
const RACES: &str = "[mix]\nin_batch = 0\nconcurrent = 1\nnext = 0\ndelayed = 0\n";

/// Nanoseconds for which connections are held for a release.
const PATIENCE: u64 = 250_000_000;

/// Seed with which each of the two groups of four is a release.
const ARGUMENTS: &str = "-n 40 --dup 0.5 --batch 5 --seed 1";

#[test]
fn the_requests_of_a_release_are_all_under_way_before_one_is_answered() {
    // If they were sent one after the other, the first would wait for ever.
    let stub = Stub::scripted(|it| {
        let group = it.nth / 4;
        it.wait_for(move |seen| seen.requests.len() >= 4 * (group + 1));
        it.answer();
    });
    let ran = Loadgen::against(&stub, &format!("{ARGUMENTS} -c 4")).scenario(RACES).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let races = &ran.summary()["races"];
    let incomplete = races["releases_incomplete"].as_u64().unwrap();
    assert_eq!(races["releases_complete"].as_u64(), Some(2 - incomplete));
    // A slow machine may keep a release waiting for connections until its patience is over.
    let opened = ran.frames().into_iter().find_map(|frame| match frame {
        Frame::Open { t, .. } => Some(t),
        _ => None,
    });
    let tries = ran.tries();
    let first_idle = tries[..4].iter().map(|done| done.t_end).min().unwrap();
    let begins = [opened.unwrap(), first_idle];
    let waits = tries.chunks(4).zip(begins).map(|(release, begin)| {
        let leaves = release.iter().map(|done| done.t_start).min().unwrap();
        leaves - begin
    });
    assert!(incomplete <= waits.filter(|wait| *wait >= PATIENCE).count() as u64, "{races:#}");
    assert!(races["pairs_planned"].as_u64().unwrap() > 0);
    assert_eq!(races["pairs_observed"], races["pairs_planned"]);
}

#[test]
fn fewer_connections_than_requests_let_them_go_in_parts() {
    for (connections, releases) in [(3, 2), (2, 4)] {
        let stub = Stub::sound();
        let ran = Loadgen::against(&stub, &format!("{ARGUMENTS} -c {connections}")).scenario(RACES).run();
        let races = &ran.summary()["races"];
        let let_go =
            races["releases_complete"].as_u64().unwrap() + races["releases_incomplete"].as_u64().unwrap();
        assert_eq!(let_go, releases, "{connections} connections");
        assert!(ran.last_line().starts_with("done received=40 "), "{}", ran.last_line());
    }
}

#[test]
fn one_connection_races_nothing_and_says_so() {
    let stub = Stub::sound();
    let ran = Loadgen::against(&stub, &format!("{ARGUMENTS} -c 1")).scenario(RACES).run();
    assert_eq!(ran.summary()["races"]["pairs_planned"], 0);
    assert!(
        ran.stdout.contains("0 expected: one connection sends one request after the other"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_connection_that_is_closed_while_it_is_held_costs_no_attempt() {
    // Three of the first four are answered and so held for the next release; one of them is closed.
    // The fourth is answered when a fifth connection shows that the close was noticed.
    let stub = Stub::scripted(|it| match it.nth {
        0 => {
            it.wait_for(|seen| seen.released);
            it.answer();
            it.close();
        }
        1 | 2 => it.answer(),
        3 => {
            let before = it.look(|seen| seen.accepted);
            it.release();
            it.wait_for(move |seen| seen.accepted > before);
            it.answer();
        }
        _ => it.answer(),
    });
    let ran = Loadgen::against(&stub, &format!("{ARGUMENTS} -c 4")).scenario(RACES).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.tries().iter().all(|done| done.answer.outcome == Outcome::Acked));
    assert_eq!(stub.look(|seen| seen.requests.len()), 8, "nothing was sent twice");
    let summary = ran.summary();
    assert_eq!(summary["connections_broken"], 1);
    assert_eq!(summary["connections"]["reconnects"], 1);
}

#[test]
fn a_release_that_stays_incomplete_is_let_go_and_counted() {
    // The fourth request is not answered before the first of the next release has come, so three
    // requests must leave without the fourth.
    let stub = Stub::scripted(|it| {
        if it.nth == 3 {
            it.wait_for(|seen| seen.requests.len() > 4);
        }
        it.answer();
    });
    let ran = Loadgen::against(&stub, &format!("{ARGUMENTS} -c 4")).scenario(RACES).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    // On a slow machine the first release may be incomplete too.
    let incomplete = ran.summary()["races"]["releases_incomplete"].as_u64().unwrap();
    assert!((1..=2).contains(&incomplete), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("{incomplete} of them incomplete")), "{}", ran.stdout);
    assert_eq!(stub.look(|seen| seen.requests.len()), 8);
}
