//! Benches with very little work: every program takes part, and every row is there. The figures
//! mean nothing.

use xtask::bench::{ingest, judge, load, memory};
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};

fn programs() -> Programs {
    Programs::built(Profile::Debug, &Interrupt::never()).unwrap()
}

/// Returns the cells of the rows of all tables, without their headings.
fn cells(told: &str) -> Vec<Vec<&str>> {
    let rows = told
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    rows.filter(|row| {
        !row.contains(&"ratio")
            && !row.contains(&"batch")
            && !row.contains(&"client")
            && !row.contains(&"connections")
    })
    .collect()
}

#[test]
fn loadgen_is_measured_at_each_kind_of_work_beside_the_rivals_that_are_here() {
    let plan = load::Plan { turns: 1, batched_events: 20_000, single_requests: 2_000, seconds: 1 };
    let told = load::measure(&plan, &programs()).unwrap();
    let rows = cells(&told);
    let named = |name: &str| rows.iter().filter(|row| row[0] == name).count();
    assert_eq!((named("loadgen"), named("loadgen, told of each event")), (6, 2), "{told}");
    for (rival, work) in
        [("wrk", 3), ("oha", 1), ("k6", 1), ("vegeta", 1), ("hey", 1), ("h2load", 1), ("bombardier", 1)]
    {
        let missing = told.contains(&format!("{rival} is not on the PATH: "));
        assert_eq!(named(rival), if missing { 0 } else { work }, "{rival}: {told}");
    }
}

#[test]
fn both_databases_are_measured_in_both_modes_beside_their_own_inserts() {
    let acks = vec![ingest::Ack::Committed, ingest::Ack::Queued];
    let plan =
        ingest::Plan { turns: 1, events: 10_000, batches: vec![1, 100], repeats_percent: vec![30], acks };
    let told = ingest::measure(&plan, &programs()).unwrap();
    let rows = cells(&told);
    let of =
        |name: &str, columns: usize| rows.iter().filter(|row| row[0] == name && row.len() == columns).count();
    // Rows of the yardsticks, of the aggregator, and of the aggregator with and without races.
    assert_eq!([4, 12, 5].map(|columns| of("SQLite", columns)), [4, 4, 2], "{told}");
    assert_eq!([4, 12, 5].map(|columns| of("PostgreSQL", columns)), [5, 4, 2], "{told}");
    let ours: Vec<_> =
        rows.iter().filter(|row| row.len() == 12).map(|row| (row[0], row[1], row[3])).collect();
    assert!(ours.contains(&("PostgreSQL", "queued", "100")), "{told}");
    // Each program has a figure, except SQLite, which has no server. The system counts hundredths of
    // a second, so a row may be 0.
    let is_number = |cell: &str| cell.parse().is_ok_and(f64::is_finite);
    for row in rows.iter().filter(|row| row.len() == 12) {
        assert!(is_number(row[8]) && is_number(row[9]) && is_number(row[11]), "{told}");
        assert!(if row[0] == "SQLite" { row[10] == "-" } else { is_number(row[10]) }, "{told}");
    }
}

#[test]
fn both_programs_are_measured_on_a_small_and_a_large_run() {
    let told = memory::measure(&memory::Plan { events: [1_000, 5_000] }, &programs()).unwrap();
    let rows = cells(&told);
    let programs: Vec<_> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(programs, ["loadgen", "verify"], "{told}");
    assert!(rows.iter().all(|row| row.iter().all(|cell| !cell.starts_with("0.0"))), "{told}");
}

#[test]
fn forged_runs_are_judged_and_what_was_planted_is_named() {
    let told =
        judge::measure(&judge::Plan { attempts: 50_000, events: [1_000, 5_000] }, &programs()).unwrap();
    let rows: Vec<_> = told.lines().filter(|line| line.starts_with("| ")).collect();
    let verdict = |row: &str| row.split('|').nth(2).unwrap().trim().to_owned();
    assert_eq!((verdict(rows[1]).as_str(), verdict(rows[2]).as_str()), ("PASS", "FAIL"), "{told}");
    assert!(rows[2].contains("lost 3, stored-twice 2, stranger 1"), "{told}");
    assert_eq!(rows.len(), 6, "{told}");
}
