//! Series over time: compared with a count of the frames one by one.

use proptest::prelude::*;
use truth::plan::Plan;
use truth::record::clocks::Clocks;
use truth::record::ledger::{Done, Frame, Header, Scope};
use truth::record::series::{MOST_BINS, Outcomes, Series, SeriesWalk};
use truth::scenario::Scenario;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

fn plan() -> Plan {
    let mut scenario = Scenario::default();
    scenario.load.count = Some(100_000);
    scenario.load.batch = 10;
    scenario.plan(7, 9).expect("a plan")
}

fn header(boot: &str, monotonic_ns: u64, utc_ms: i64) -> Option<Header> {
    let boot_id = boot.to_owned();
    Some(Header { nonce: 9, lane: 0, boot_id, monotonic_ns, utc_ms, foundation: None })
}

fn answer(which: u8) -> Answer {
    let mut kinds = vec![Kind::New; 6];
    kinds.extend([Kind::Duplicate, Kind::Duplicate, Kind::Rejected, Kind::Unknown]);
    match which % 7 {
        0 => Answer { kinds: Kinds::AllNew, ..Answer::bare(Outcome::Acked) },
        1 => Answer { kinds: Kinds::Each(kinds), ..Answer::bare(Outcome::Acked) },
        2 => Answer { inserted: Some(7), duplicates: Some(2), ..Answer::bare(Outcome::Acked) },
        3 => Answer::bare(Outcome::Rejected),
        4 => Answer::bare(Outcome::Unknown),
        5 => Answer::bare(Outcome::NeverSent),
        _ => Answer { kinds: Kinds::AllDuplicate, ..Answer::bare(Outcome::Acked) },
    }
}

/// Events of a request by outcome, as a reader of the table above would count them.
fn counted(which: u8) -> Outcomes {
    let none = Outcomes::default();
    match which % 7 {
        0 => Outcomes { new: 10, ..none },
        1 => Outcomes { new: 6, duplicate: 2, rejected: 1, unknown: 1, ..none },
        2 => Outcomes { new: 7, duplicate: 2, accepted: 1, ..none },
        3 => Outcomes { rejected: 10, ..none },
        4 => Outcomes { unknown: 10, ..none },
        5 => none,
        _ => Outcomes { duplicate: 10, ..none },
    }
}

#[derive(Clone, Copy, Debug)]
struct Try {
    planned: u64,
    waited: u64,
    took: u64,
    which: u8,
    is_retry: bool,
}

/// Times from milliseconds to hours, so that the bins are widened.
fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = (0..40_u32, any::<u32>(), 0..3_000_000_u64, 0..900_000_000_u64, any::<u8>(), any::<bool>());
    let one = one.prop_map(|(shift, at, waited, took, which, is_retry)| Try {
        planned: 5_000_000_000 + (u64::from(at) << shift.saturating_sub(28)),
        waited,
        took,
        which,
        is_retry,
    });
    prop::collection::vec(one, 1..120)
}

fn done(nth: usize, one: &Try) -> Done {
    let start = one.planned + one.waited;
    Done {
        scope: Scope::Round(nth as u64 / 8),
        request: nth as u32 % 8,
        try_number: u16::from(one.is_retry),
        is_final: true,
        connection: 1,
        t_planned: one.planned,
        t_start: start,
        t_end: start + one.took,
        status: if one.which % 7 == 4 { 0 } else { 200 },
        answer: answer(one.which),
    }
}

fn series(tries: &[Try]) -> Series {
    let plan = plan();
    let mut walk = SeriesWalk::new(&plan, Clocks::of(&[header("boot", 0, 0)]));
    tries.iter().enumerate().for_each(|(nth, one)| walk.take(0, &Frame::Done(done(nth, one))));
    walk.finish()
}

proptest! {
    #[test]
    fn each_bin_holds_what_a_count_of_the_frames_gives(tries in tries()) {
        let series = series(&tries);
        prop_assert!(series.bins.len() <= MOST_BINS);
        let is_sent = |one: &&Try| one.which % 7 != 5;
        for (nth, bin) in (0_u64..).zip(&series.bins) {
            let from = series.start_ns + nth * series.width_ns;
            let span = from..from + series.width_ns;
            let due = tries.iter().filter(|one| span.contains(&one.planned));
            prop_assert_eq!(bin.planned, due.clone().filter(|one| !one.is_retry).count() as u64 * 10);
            let left: Vec<&Try> =
                tries.iter().filter(is_sent).filter(|one| span.contains(&(one.planned + one.waited))).collect();
            prop_assert_eq!(bin.requests, left.len() as u64);
            let sums = left.iter().map(|one| counted(one.which));
            let sum = |of: fn(&Outcomes) -> u64| sums.clone().map(|counts| of(&counts)).sum::<u64>();
            prop_assert_eq!(bin.sent.new, sum(|counts| counts.new));
            prop_assert_eq!(bin.sent.duplicate, sum(|counts| counts.duplicate));
            prop_assert_eq!(bin.sent.sum(), sum(Outcomes::sum));
            let busy: u64 = tries
                .iter()
                .filter(is_sent)
                .map(|one| {
                    let start = one.planned + one.waited;
                    (start + one.took).min(span.end).saturating_sub(start.max(span.start))
                })
                .sum();
            prop_assert_eq!(bin.busy_ns, busy);
            let answered = |one: &&&Try| one.which % 7 != 4;
            prop_assert_eq!(bin.service.count(), left.iter().filter(answered).count() as u64);
            let longest = left.iter().filter(answered).map(|one| one.took / 1000).max();
            prop_assert_eq!(bin.service.max_us(), longest);
            let due = due.filter(is_sent).filter(|one| one.which % 7 != 4);
            prop_assert_eq!(bin.response.max_us(), due.map(|one| (one.waited + one.took) / 1000).max());
        }
        let whole = series.sum();
        prop_assert_eq!(series.never_sent, tries.iter().filter(|one| one.which % 7 == 5).count() as u64 * 10);
        for most in [1, 7, 100, MOST_BINS] {
            let coarse = series.coarsened(most);
            prop_assert!(coarse.bins.len() <= most);
            prop_assert_eq!(coarse.sum(), whole.clone());
        }
    }
}

#[test]
fn a_run_of_a_fifth_of_a_second_has_bins_of_a_millisecond() {
    let tries: Vec<Try> = (0..200)
        .map(|nth| Try {
            planned: 5_000_000_000 + nth * 1_000_000,
            waited: 0,
            took: 500_000,
            which: 0,
            is_retry: false,
        })
        .collect();
    let series = series(&tries);
    assert_eq!((series.bins.len(), series.width_ns), (200, 1_000_000));
    assert_eq!(series.start_ns, 5_000_000_000);
    assert!(series.bins.iter().all(|bin| bin.sent.new == 10 && bin.busy_ns == 500_000));
}

#[test]
fn shards_of_other_machines_are_put_beside_each_other_by_the_wall_clock() {
    let plan = plan();
    // The other machine has been up for longer, and began three seconds later.
    let clocks =
        Clocks::of(&[header("boot", 1_000_000_000, 50_000), header("another", 900_000_000_000, 53_000)]);
    let mut walk = SeriesWalk::new(&plan, clocks);
    let one = Try { planned: 2_000_000_000, waited: 0, took: 1_000_000, which: 0, is_retry: false };
    let other = Try { planned: 901_000_000_000, ..one };
    walk.take(0, &Frame::Done(done(0, &one)));
    walk.take(1, &Frame::Done(done(1, &other)));
    let series = walk.finish();
    assert_eq!(series.start_ns, 1_000_000_000);
    assert_eq!(series.length_ns(), 3_001_000_000_u64.next_multiple_of(series.width_ns));
    let filled: Vec<usize> = (0..series.bins.len()).filter(|nth| series.bins[*nth].requests > 0).collect();
    assert_eq!(filled, [0, series.bins.len() - 1]);
}

#[test]
fn what_verify_sent_later_is_no_part_of_the_run() {
    let plan = plan();
    let mut walk = SeriesWalk::new(&plan, Clocks::from(1));
    let one = Try { planned: 2_000_000_000, waited: 0, took: 1_000_000, which: 0, is_retry: false };
    walk.take(0, &Frame::Done(Done { scope: Scope::Resend(1), ..done(0, &one) }));
    assert!(walk.finish().bins.is_empty());
}
