//! Looking again: for how long, by which means, and what is recorded of it.

use std::time::Duration;

use judge::verdict::{CheckId, Status, Verdict};
use reader::looking::Looking;
use truth::observed::counters::Counters;
use truth::observed::looks::{Asked, Look};
use truth::observed::{Observed, Settled};
use truth::target::{Paging, Parameters, Stats, Target};

use crate::forge::{Forged, check};
use crate::looked::{brief, judged, look_at, script};
use crate::stub::{Listed, Pages, Script, Stub};

/// A brief run of a target of whose times nothing is said.
fn small() -> Forged {
    let mut forge = brief();
    (forge.scenario.promises.visible, forge.scenario.promises.merge) = (None, None);
    forge.run()
}

/// The target that the stub is, without counters.
fn uncounted(stub: &Stub) -> Target {
    Target { url: stub.url.clone(), stats: Stats::default(), ..Target::default() }
}

fn counted(stub: &Stub) -> Target {
    Target { url: stub.url.clone(), ..Target::default() }
}

const SETTLE: Duration = Duration::from_secs(1);

fn settle(settle: Duration) -> Looking {
    Looking { settle, ..Looking::default() }
}

async fn look(forged: &Forged, target: &Target, looking: Looking) -> Observed {
    look_at(target, forged, None, looking).await.expect("something was read")
}

fn assert_passes(forged: &Forged, observed: &Observed) {
    let verdict = judged(forged, observed.clone());
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

/// The key of a row.
fn ordinal(forged: &Forged, row: usize) -> u64 {
    let row = &forged.rows[row];
    let keys = forged.plan.keys().expect("a plan with a count");
    let is_it = |key: &u64| forged.events.id_text(*key) == row.event_id;
    (0..keys).find(is_it).expect("a key of the plan")
}

fn whole(observed: &Observed) -> Vec<&Look> {
    observed.looks.looks.iter().filter(|look| look.asked == Asked::All).collect()
}

#[tokio::test]
async fn a_look_without_a_finding_is_made_once_and_recorded() {
    let forged = small();
    let stub = Stub::start(script(&forged)).await;
    let observed = look(&forged, &counted(&stub), settle(SETTLE)).await;
    assert_passes(&forged, &observed);
    let looks = &observed.looks;
    let [only] = looks.looks.as_slice() else { panic!("{:#?}", looks.looks) };
    assert_eq!((&only.asked, only.limit, only.rows, only.keys), (&Asked::All, Some(1000), 210, 210));
    assert_eq!((only.ours, only.pages), (observed.listing.ours, 1));
    assert!(looks.listing_rested && looks.counters_rested && !looks.shrank && !looks.went_back);
    assert_eq!((looks.lag_ms, looks.http_age, looks.limit_heeded), (None, None, None));
    assert!(looks.missing.is_empty() && looks.copies.is_empty() && looks.gone.is_empty());
}

#[tokio::test]
async fn a_lost_key_is_looked_for_by_topic_and_in_two_page_sizes() {
    let mut forged = small();
    // The visibility is promised for the judge alone: it would shorten the looking.
    let lost = ordinal(&forged, 17);
    forged.lose(lost);
    let stub = Stub::start(Script { pages: Pages::Link { at_most: 10_000 }, ..script(&forged) }).await;
    let mut target = counted(&stub);
    target.listing.limit = 30;
    let observed = look(&forged, &target, settle(3 * SETTLE)).await;
    let looks = &observed.looks;
    let limits: Vec<_> = whole(&observed).iter().map(|look| look.limit).collect();
    assert_eq!(limits, [Some(30), Some(18), Some(30)], "first, another page size, last");
    let topic = Asked::Topic(forged.events.topic(lost).to_owned());
    let between = looks.looks.iter().filter(|look| matches!(look.asked, Asked::Topic(_)));
    let asked: Vec<_> = between.map(|look| &look.asked).collect();
    assert!(!asked.is_empty() && asked.iter().all(|asked| **asked == topic), "{asked:?}");
    assert_eq!(looks.limit_heeded, Some(true));
    let [history] = looks.missing.as_slice() else { panic!("{:#?}", looks.missing) };
    assert_eq!((history.ordinal, history.first_seen_ms, history.changes), (lost, None, 0));
    assert!(history.first_missed_ms < history.last_missed_ms);
    assert!(looks.quiet_ms >= 3_000 && looks.quiet_wanted_ms == 3_000 && looks.listing_rested);
    forged.promises.visible = Some(Duration::ZERO);
    assert_eq!(judged(&forged, observed).verdict, Verdict::Fail);
}

#[tokio::test]
async fn what_is_listed_late_is_waited_for_while_it_moves() {
    let mut forged = small();
    let topic = forged.rows[0].topic.clone();
    let is_late = |nth: usize, row: &truth::observed::rows::Row| nth >= 200 || row.topic == topic;
    for topic_alone in [false, true] {
        let all = forged.rows.clone();
        let (late, shown): (Vec<_>, Vec<_>) = all
            .iter()
            .cloned()
            .enumerate()
            .partition(|(nth, row)| if topic_alone { is_late(0, row) } else { *nth >= 200 });
        forged.rows = shown.into_iter().map(|(_, row)| row).collect();
        let late: Vec<_> = late.into_iter().map(|(_, row)| row).collect();
        let stub = Stub::start(Script { late: (6, late), ..script(&forged) }).await;
        forged.rows = all;
        let observed = look(&forged, &uncounted(&stub), settle(SETTLE)).await;
        assert_passes(&forged, &observed);
        let looks = &observed.looks;
        assert!(looks.lag_ms.is_some(), "{looks:#?}");
        assert!(looks.missing.iter().all(|history| history.is_seen_at_last() && !history.flickers()));
        assert!(looks.listing_rested && looks.gone.is_empty());
    }
}

#[tokio::test]
async fn looking_goes_on_while_keys_still_come() {
    let mut forged = small();
    let late = forged.rows.split_off(200);
    // Without a topic to ask for, every look is at all rows, one each quarter of a second: the rows
    // come later than the settling time.
    let stub = Stub::start(Script { late: (6, late.clone()), ..script(&forged) }).await;
    let mut target = uncounted(&stub);
    target.listing.parameters = Some(Parameters { topic: String::new(), ..Parameters::default() });
    let quick = Looking { settle: 20 * SETTLE, ..Looking::default() };
    forged.rows.extend(late);
    assert_passes(&forged, &look(&forged, &target, quick).await);
    // At the longest time, what still moves is no finding.
    let mut forged = small();
    let lost = forged.rows.pop().expect("a row");
    let waiting = |nth: usize, counters: &Counters| {
        Some(Counters { received: Some(nth as u64), pending: Some(1), ..counters.clone() })
    };
    let stub = Stub::start(Script { on_stats: Box::new(waiting), ..script(&forged) }).await;
    let hasty = Looking { max_wait: 2 * SETTLE, settle: SETTLE, ..Looking::default() };
    let observed = look(&forged, &counted(&stub), hasty).await;
    assert_eq!(observed.stats.settled, Settled::Moving);
    forged.rows.push(lost);
    let verdict = judged(&forged, observed);
    assert_ne!(check(&verdict, CheckId::Lost).status, Status::Fail, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn counters_of_two_instances_do_not_keep_the_rows_from_being_judged() {
    let mut forged = small();
    forged.lose(17);
    let alternating = |nth: usize, counters: &Counters| {
        let half =
            |count: Option<u64>| count.map(|count| if nth.is_multiple_of(2) { count / 2 } else { count / 3 });
        Some(Counters {
            received: half(counters.received),
            unique: half(counters.unique),
            ..counters.clone()
        })
    };
    let stub = Stub::start(Script { on_stats: Box::new(alternating), ..script(&forged) }).await;
    let observed = look(&forged, &counted(&stub), settle(SETTLE)).await;
    let looks = &observed.looks;
    assert!(looks.listing_rested && observed.listing.bracketed);
    assert_eq!((looks.counters_rested, looks.counters_went_back, looks.counter_states), (false, true, 2));
    assert_eq!((observed.stats.settled, looks.missing_count), (Settled::Moving, 1));
}

#[tokio::test]
async fn rows_at_page_borders_are_told_from_copies() {
    let forged = small();
    let stub = Stub::start(Script { pages: Pages::Inclusive { at_most: 50 }, ..script(&forged) }).await;
    let mut target = uncounted(&stub);
    target.listing.limit = 50;
    let looks = look(&forged, &target, settle(SETTLE)).await.looks;
    assert_eq!(looks.border_repeats, 4, "{looks:#?}");
    assert!(!looks.copies.is_empty() && looks.copies.iter().all(|copies| copies.within == 0));
    assert!(looks.copies.iter().all(|copies| copies.border_only > 0 && copies.vanished()), "{looks:#?}");

    let mut forged = small();
    forged.rows.insert(18, forged.rows[17].clone());
    let stub = Stub::start(script(&forged)).await;
    let mut target = uncounted(&stub);
    target.listing.limit = 50;
    let looks = look(&forged, &target, settle(SETTLE)).await.looks;
    let copies = looks.copies(ordinal(&forged, 17)).expect("its copies are kept");
    assert_eq!((copies.within, copies.looks_without, copies.border_only), (copies.looks, 0, 0));
    assert_eq!(copies.within_limits, [50, 30]);
    assert_eq!((looks.border_repeats, looks.copies_count), (0, 1));
}

#[tokio::test]
async fn copies_at_a_page_border_are_copies_if_another_page_shows_both() {
    let mut forged = small();
    // The last row of the first page of 50, and the first of the second. A page of 30 holds both.
    forged.rows.insert(50, forged.rows[49].clone());
    let stub = Stub::start(script(&forged)).await;
    let mut target = uncounted(&stub);
    target.listing.limit = 50;
    let looks = look(&forged, &target, settle(SETTLE)).await.looks;
    let copies = looks.copies(ordinal(&forged, 49)).expect("its copies are kept");
    assert!(copies.within > 0 && copies.border_only > 0, "{copies:?}");
    assert_eq!(looks.border_repeats, 0, "{looks:#?}");
}

#[tokio::test]
async fn a_row_that_falls_between_two_pages_is_shown_by_another_page_size() {
    let forged = small();
    let stub = Stub::start(Script { pages: Pages::Ties, by_topic: false, ..script(&forged) }).await;
    let mut target = counted(&stub);
    (target.listing.paging, target.listing.limit) = (Some(Paging::Offset), 53);
    target.listing.parameters = Some(Parameters { topic: String::new(), ..Parameters::default() });
    let observed = look(&forged, &target, settle(SETTLE)).await;
    assert_eq!(observed.looks.missing_count, 1);
    let history = &observed.looks.missing[0];
    assert!(history.first_seen_ms.is_some() && history.last_seen_ms < history.last_missed_ms);
    assert!(!history.flickers() && observed.looks.lag_ms.is_none(), "{history:#?}");
    assert_eq!(observed.presence.shown(), 210);
    assert_eq!(check(&judged(&forged, observed), CheckId::Lost).status, Status::Pass);
}

#[tokio::test]
async fn reads_that_fail_are_made_again() {
    let forged = small();
    let busy = Script { busy_for: 3, ..script(&forged) };
    let packed = Script { gzip: true, ..script(&forged) };
    let half = Script {
        on_list: Box::new(|nth| if nth == 1 { Listed::Error } else { Listed::Rows }),
        pages: Pages::Link { at_most: 100 },
        ..script(&forged)
    };
    let torn = Script {
        on_list: Box::new(|nth| if nth == 0 { Listed::Rubbish } else { Listed::Rows }),
        ..script(&forged)
    };
    for script in [busy, packed, half, torn] {
        let stub = Stub::start(script).await;
        assert_passes(&forged, &look(&forged, &counted(&stub), settle(SETTLE)).await);
    }
}

#[tokio::test]
async fn no_cache_is_to_answer_and_the_age_of_what_it_answers_is_kept() {
    let forged = small();
    let stub = Stub::start(Script { age: Some(9), ..script(&forged) }).await;
    let observed = look(&forged, &counted(&stub), settle(SETTLE)).await;
    assert_eq!(observed.looks.http_age, Some(9));
    let headers = stub.headers();
    assert!(!headers.is_empty() && headers.iter().all(|headers| headers["cache-control"] == "no-cache"));
}

#[tokio::test]
async fn copies_that_are_merged_later_are_waited_for() {
    let forged = small();
    let stub = Stub::start(Script { early: (4, vec![forged.rows[5].clone()]), ..script(&forged) }).await;
    let observed = look(&forged, &uncounted(&stub), settle(SETTLE)).await;
    let copies = observed.looks.copies(ordinal(&forged, 5)).expect("its copies are kept");
    assert!(copies.vanished() && copies.looks > 0, "{copies:#?}");
    assert_passes(&forged, &observed);
}

#[tokio::test]
async fn a_key_that_was_shown_and_is_shown_no_more_is_gone() {
    let mut forged = small();
    let gone = ordinal(&forged, 17);
    let row = forged.rows[17].clone();
    forged.lose(gone);
    let stub = Stub::start(Script { early: (1, vec![row]), ..script(&forged) }).await;
    let watching = Looking { settle: SETTLE, watch: 2 * SETTLE, ..Looking::default() };
    let observed = look(&forged, &counted(&stub), watching).await;
    let looks = &observed.looks;
    assert_eq!((looks.gone.as_slice(), looks.gone_count, looks.is_gone(gone)), (&[gone][..], 1, true));
    let history = looks.missing(gone).expect("its history is kept");
    assert!(history.first_seen_ms.is_some() && !history.is_seen_at_last() && !history.flickers());
    assert!(looks.shrank && !looks.went_back);
    assert_eq!(observed.presence.seen(gone), 0);
    forged.promises.visible = Some(Duration::ZERO);
    assert_eq!(check(&judged(&forged, observed), CheckId::Lost).status, Status::Fail);
}

#[tokio::test]
async fn a_key_that_comes_and_goes_flickers() {
    let mut forged = small();
    let flickering = ordinal(&forged, 17);
    let row = forged.rows[17].clone();
    forged.lose(flickering);
    forged.lose(ordinal(&forged, 40));
    let stub = Stub::start(Script { flickering: vec![row], ..script(&forged) }).await;
    let mut target = counted(&stub);
    target.listing.parameters = Some(Parameters { topic: String::new(), ..Parameters::default() });
    let looks = look(&forged, &target, settle(2 * SETTLE)).await.looks;
    assert!(looks.missing(flickering).is_some_and(|history| history.flickers()), "{looks:#?}");
    assert!(looks.missing.iter().filter(|history| history.flickers()).count() == 1);
    assert!(looks.shrank && looks.went_back);
}

#[tokio::test]
async fn a_topic_that_shows_more_by_itself_is_recorded() {
    let mut forged = small();
    let hidden = ordinal(&forged, 17);
    // The last rows are shown under each topic alone.
    let stub = Stub::start(Script {
        only_by_topic: vec![forged.rows[17].clone()],
        ..{
            let mut shown = forged.clone();
            shown.lose(hidden);
            script(&shown)
        }
    })
    .await;
    forged.settled = Settled::Reached;
    let observed = look(&forged, &counted(&stub), settle(SETTLE)).await;
    assert!(observed.looks.more_by_topic);
    assert!(observed.looks.missing(hidden).is_some_and(|history| history.by_topic_only && history.left_out));
    assert_eq!(observed.presence.seen(hidden), 1);
    assert_eq!(check(&judged(&forged, observed), CheckId::Lost).status, Status::Pass);
}

#[tokio::test]
async fn a_limit_that_cannot_be_asked_for_is_neither_heeded_nor_ignored() {
    let forged = small();
    let stub = Stub::start(Script { pages: Pages::Whole, ..script(&forged) }).await;
    let mut target = uncounted(&stub);
    (target.listing.paging, target.listing.limit) = (Some(Paging::None), 100);
    target.listing.parameters = Some(Parameters { limit: String::new(), ..Parameters::default() });
    let observed = look(&forged, &target, settle(SETTLE)).await;
    assert_eq!((observed.looks.limit_heeded, observed.looks.looks[0].limit), (None, None));
}
