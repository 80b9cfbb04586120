//! Reading a real listener: each way of paging, each way of coming to rest, and each way in which a
//! target disappoints.

use std::time::Duration;

use judge::facts::book;
use judge::verdict::{CheckId, Judgement, Status, Verdict};
use reader::client::ReadError;
use reader::looking::Looking;
use truth::observed::counters::Counters;
use truth::observed::{Behind, Observed, Settled};
use truth::record::ledger::{Done, Scope};
use truth::scenario::Scenario;
use truth::scenario::promises::{Ack, PayloadEquality, TimestampEquality};
use truth::target::{ListedTopics, Paging, Parameters, Stats, Target};

use crate::forge::{Fate, Forge, Forged, assert_fails, assert_names, check, foreign, row};
use crate::looked::{brief, judged, look_at, script};
use crate::stub::{Listed, OnStats, Pages, Script, Stub};

fn small() -> Forged {
    brief().run()
}

fn target(stub: &Stub) -> Target {
    Target { url: stub.url.clone(), ..Target::default() }
}

async fn look(forged: &Forged, target: &Target, settle: Duration) -> Result<Observed, ReadError> {
    look_at(target, forged, None, Looking { settle, ..Looking::default() }).await
}

/// Time enough for a target that comes to rest; one that does not is waited for as long.
const PATIENT: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(3);

async fn verdict(forged: &Forged, target: &Target, settle: Duration) -> Judgement {
    let observed = look(forged, target, settle).await.expect("something was read");
    judged(forged, observed)
}

#[tokio::test]
async fn every_way_of_paging_shows_all_rows_at_any_page_size() {
    let forged = small();
    for (pages, paging) in [
        (Pages::Link { at_most: 10_000 }, Paging::Link),
        (Pages::Link { at_most: 7 }, Paging::Link),
        (Pages::Offset, Paging::Offset),
        (Pages::Whole, Paging::Link),
        (Pages::Whole, Paging::None),
    ] {
        for (limit, topics) in [(1, ListedTopics::All), (50, ListedTopics::Each)] {
            let stub = Stub::start(Script { pages, ..script(&forged) }).await;
            let mut target = target(&stub);
            (target.listing.paging, target.listing.topics) = (Some(paging), Some(topics));
            target.listing.limit = limit;
            let verdict = verdict(&forged, &target, PATIENT).await;
            assert_eq!(
                verdict.verdict,
                Verdict::Pass,
                "{paging:?} {limit} {topics:?}: {:#?}",
                verdict.reasons
            );
            let expected = if topics == ListedTopics::All {
                "210 rows listed"
            } else {
                "the target is listed topic by topic"
            };
            assert!(check(&verdict, CheckId::RoutesDisagree).summary.starts_with(expected));
        }
    }
}

#[tokio::test]
async fn pages_can_be_numbered() {
    let forged = small();
    for from in [0, 1] {
        let stub = Stub::start(Script { pages: Pages::Numbered { from }, ..script(&forged) }).await;
        let mut target = target(&stub);
        (target.listing.paging, target.listing.first_page) = (Some(Paging::Page), Some(from as u32));
        let [page, limit] = ["p", ""].map(str::to_owned);
        target.listing.parameters = Some(Parameters { page, limit, ..Parameters::default() });
        let verdict = verdict(&forged, &target, PATIENT).await;
        assert_eq!(verdict.verdict, Verdict::Pass, "{from}: {:#?}", verdict.reasons);
    }
}

#[tokio::test]
async fn a_listing_of_other_names_is_read_as_the_scenario_says() {
    let mut forged = small();
    forged.promises.timestamp = TimestampEquality::Instant;
    let mapped = r#"
        path = "/events"
        topics = "each"
        rows = "/result/items"
        paging = "cursor"
        limit = 9
        next = "/next"
        empty = ["404"]
        parameters = { cursor = "after" }
        fields = { topic = "stream", event_id = "/meta/id", timestamp = "at", source = "", payload = "body" }"#;
    let scenario = Scenario::parse(&format!("[target.listing]{mapped}"), "test.toml").expect("a scenario");
    let stub = Stub::start(Script { pages: Pages::OtherNames, ..script(&forged) }).await;
    let target = Target { url: stub.url.clone(), ..scenario.target.clone() };
    let verdict = verdict(&forged, &target, PATIENT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert_eq!(
        check(&verdict, CheckId::PayloadChanged).summary,
        "210 stored events are as sent in timestamp and payload"
    );

    // One row of other contents is noticed through all of that.
    let mut script = script(&forged);
    script.rows[3].payload = Some("{\"n\":-1}".to_owned());
    script.rows[4].timestamp = Some("2020-01-01T00:00:00Z".to_owned());
    let stub = Stub::start(Script { pages: Pages::OtherNames, ..script }).await;
    let verdict = self::verdict(&forged, &Target { url: stub.url.clone(), ..target }, PATIENT).await;
    assert_eq!(check(&verdict, CheckId::PayloadChanged).count, 2);

    // A topic without rows is no error, where the scenario says so.
    let one_topic = forged.rows[0].topic.clone();
    forged.rows.retain(|row| row.topic == one_topic);
    let stub = Stub::start(Script { pages: Pages::OtherNames, ..self::script(&forged) }).await;
    let mut target = Target { url: stub.url.clone(), ..scenario.target };
    let seen = look(&forged, &target, SHORT).await.expect("something was read");
    assert_eq!((seen.listing.rows, seen.listing.unread), (forged.rows.len() as u64, None));
    target.listing.empty.clear();
    let seen = look(&forged, &target, SHORT).await.expect("something was read");
    assert!(seen.listing.unread.is_some_and(|reason| reason.contains("status 404")));
}

#[tokio::test]
async fn a_row_that_is_shown_under_every_topic_is_a_leak() {
    let forged = small();
    for topics in [ListedTopics::All, ListedTopics::Each] {
        let stub = Stub::start(Script { leaks: true, ..script(&forged) }).await;
        let mut target = target(&stub);
        target.listing.topics = Some(topics);
        let verdict = verdict(&forged, &target, PATIENT).await;
        assert_fails(&verdict, &[CheckId::ScopeLeak]);
        let leak = &check(&verdict, CheckId::ScopeLeak).findings[0];
        assert_eq!(leak.event_id.as_ref(), forged.rows.last().map(|row| &row.event_id));
        // A target that cannot be asked for a topic leaks nothing.
        target.listing.parameters = Some(Parameters { topic: String::new(), ..Parameters::default() });
        target.listing.topics = None;
        assert_eq!(self::verdict(&forged, &target, PATIENT).await.verdict, Verdict::Pass);
    }
}

#[tokio::test]
async fn a_single_page_without_anybody_who_counts_is_not_taken_for_whole() {
    let forged = Forged { is_complete: false, ..small() };
    // Shows a hundred rows, says nothing of it, and has no counters.
    let pages = Pages::Capped { at: 100 };
    let stub = Stub::start(Script { pages, by_topic: false, ..script(&forged) }).await;
    let mut target = target(&stub);
    target.stats = Stats::default();
    (target.listing.paging, target.listing.limit) = (Some(Paging::None), 1000);
    let verdict = verdict(&forged, &target, SHORT).await;
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_target_that_ignores_the_topic_shows_every_row_once_all_the_same() {
    let forged = small();
    let stub = Stub::start(Script { by_topic: false, ..script(&forged) }).await;
    let mut target = target(&stub);
    (target.listing.topics, target.listing.limit) = (Some(ListedTopics::Each), 40);
    assert_eq!(verdict(&forged, &target, PATIENT).await.verdict, Verdict::Pass);
}

#[tokio::test]
async fn a_row_that_is_gone_is_lost_on_every_way_of_paging() {
    for (pages, paging) in [(Pages::Link { at_most: 10_000 }, Paging::Link), (Pages::Offset, Paging::Offset)]
    {
        let mut forged = small();
        forged.lose(17);
        let stub = Stub::start(Script { pages, ..script(&forged) }).await;
        let mut target = target(&stub);
        target.listing.paging = Some(paging);
        let verdict = verdict(&forged, &target, SHORT).await;
        assert_names(&verdict, CheckId::Lost, 17);
    }
}

#[tokio::test]
async fn what_a_capped_listing_does_not_show_is_unseen() {
    let forged = Forged { is_complete: false, ..small() };
    for (limit, paging) in
        [(1000, Paging::Link), (100, Paging::Link), (100, Paging::None), (50, Paging::Offset)]
    {
        let pages =
            if paging == Paging::Offset { Pages::Capped { at: 0 } } else { Pages::Capped { at: 100 } };
        let stub = Stub::start(Script { pages, by_topic: false, ..script(&forged) }).await;
        let mut target = target(&stub);
        (target.listing.paging, target.listing.limit) = (Some(paging), limit);
        let verdict = verdict(&forged, &target, SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{limit} {paging:?}");
        let said = verdict.reasons[0].to_string();
        // A listing that shows no row at all may be the wrong one.
        let why = if paging == Paging::Offset { "is it the right one?" } else { "may be unseen, not lost" };
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn below_a_cap_that_others_reach_a_topic_is_whole() {
    let forged = Forged { is_complete: false, ..small() };
    let topic_of = |row: &truth::observed::rows::Row| row.topic.clone();
    let of = |topic: &str| forged.rows.iter().filter(|row| row.topic == topic).count();
    let mut topics: Vec<String> = forged.rows.iter().map(topic_of).collect();
    topics.sort_by_key(|topic| std::cmp::Reverse((of(topic), topic.clone())));
    topics.dedup();
    let longest = topics[0].clone();
    let shortest = topics[topics.len() - 1].clone();
    assert!(of(&longest) > of(&shortest), "the topics must differ in length");
    let within = |cap: usize| Script { pages: Pages::Capped { at: cap }, ..script(&forged) };
    let capped = |stub: &Stub, cap: usize| {
        let mut target = target(stub);
        (target.listing.paging, target.listing.topics) = (Some(Paging::None), Some(ListedTopics::Each));
        target.listing.limit = cap as u32;
        target
    };

    // Every topic lies below the cap: nothing is unseen.
    let cap = of(&longest) + 1;
    let stub = Stub::start(within(cap)).await;
    let verdict = verdict(&forged, &capped(&stub, cap), PATIENT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);

    // A key that the longest topic does not show is unseen.
    let cap = of(&longest) - 1;
    let cut: Vec<&String> = topics.iter().filter(|topic| of(topic) >= cap).collect();
    assert!(!cut.contains(&&shortest), "the shortest topic must be whole");
    let stub = Stub::start(within(cap)).await;
    let verdict = self::verdict(&forged, &capped(&stub, cap), SHORT).await;
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown);
    let said = verdict.reasons[0].to_string();
    assert!(said.contains("the other rows may be unseen, not lost"), "{said}");

    // A key that a topic below the cap does not show may be older than what the target shows.
    let mut script = within(cap);
    let lost = script.rows.iter().position(|row| row.topic == shortest).expect("a row");
    let lost = script.rows.remove(lost);
    let stub = Stub::start(script).await;
    let verdict = self::verdict(&forged, &capped(&stub, cap), SHORT).await;
    assert_fails(&verdict, &[]);
    assert_eq!(check(&verdict, CheckId::Lost).status, Status::Unknown);

    // A key that comes late to a whole topic was looked for again.
    let mut script = within(cap);
    script.rows.retain(|row| *row != lost);
    script.late = (4, vec![lost]);
    let stub = Stub::start(script).await;
    let verdict = self::verdict(&forged, &capped(&stub, cap), PATIENT).await;
    assert_fails(&verdict, &[]);

    // A cap that no topic reaches is not the target's: it may show fewer, so nothing is certain.
    let stub = Stub::start(within(cap)).await;
    let verdict = self::verdict(&forged, &capped(&stub, 1000), SHORT).await;
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown);
}

#[tokio::test]
async fn a_cap_shows_also_where_there_are_no_counters() {
    let forged = Forged { is_complete: false, ..small() };
    // By topic, the cap hides nothing.
    for (by_topic, expected) in [(false, Verdict::Unknown), (true, Verdict::Pass)] {
        let stub =
            Stub::start(Script { pages: Pages::Capped { at: 100 }, by_topic, ..script(&forged) }).await;
        let mut target = target(&stub);
        target.stats = Stats::default();
        let verdict = verdict(&forged, &target, SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, expected, "{:#?}", verdict.reasons);
    }
}

#[tokio::test]
async fn a_listing_that_goes_in_circles_ends() {
    let forged = small();
    for (pages, paging) in [(Pages::IgnoresOffset, Paging::Offset), (Pages::Circle, Paging::Link)] {
        let stub = Stub::start(Script { pages, ..script(&forged) }).await;
        let mut target = target(&stub);
        target.listing.paging = Some(paging);
        let verdict = verdict(&forged, &target, SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown);
        assert!(
            verdict.reasons.iter().any(|reason| reason.to_string().contains("is an earlier page again")),
            "{:#?}",
            verdict.reasons
        );
        assert!(stub.asked().1 < 20, "{:?}", stub.asked());
    }
}

#[tokio::test]
async fn what_becomes_visible_late_is_an_observation_and_no_loss() {
    let mut forged = small();
    let late = forged.rows.split_off(200);
    // Looked for once in a page, once in halves, once in pages of another size, and once in each of
    // three topics.
    let stub = Stub::start(Script { late: (6, late.clone()), ..script(&forged) }).await;
    forged.rows.extend(late);
    let verdict = verdict(&forged, &target(&stub), PATIENT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    assert!(
        verdict.observations[0].to_string().starts_with("10 acknowledged keys were not listed at first"),
        "{:?}",
        verdict.observations
    );
}

#[tokio::test]
async fn what_lies_beyond_the_newest_rows_is_unseen_however_many_pages_they_fill() {
    let forged = Forged { is_complete: false, ..small() };
    for (of, by_topic, counts) in [(60, true, true), (60, false, true), (60, true, false), (60, false, false)]
    {
        let script = Script { pages: Pages::Newest { of }, by_topic, ..script(&forged) };
        let stub = Stub::start(script).await;
        let mut target = target(&stub);
        if !counts {
            target.stats = Stats::default();
        }
        let verdict = verdict(&forged, &target, SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{by_topic} {counts}: {:#?}", verdict.reasons);
        let said = verdict.reasons[0].to_string();
        assert!(said.contains("it is not certain that the listing shows every stored event"), "{said}");
        // With each topic asked for, some show as many rows as there were at once, and the
        // others are whole.
        target.listing.topics = Some(ListedTopics::Each);
        let verdict = self::verdict(&forged, &target, SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{by_topic} {counts}: {:#?}", verdict.reasons);
    }
    // The offset of a page may be capped, and not the number of rows.
    let stub = Stub::start(Script { pages: Pages::OffsetBelow { end: 60 }, ..script(&forged) }).await;
    let mut target = target(&stub);
    (target.listing.paging, target.listing.limit) = (Some(Paging::Offset), 20);
    let verdict = verdict(&forged, &target, SHORT).await;
    assert_fails(&verdict, &[]);
    // A cap that no topic reaches hides nothing of it.
    let stub = Stub::start(Script { pages: Pages::Newest { of: 150 }, ..script(&forged) }).await;
    let verdict = self::verdict(&forged, &self::target(&stub), SHORT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn rows_without_a_payload_are_found_unless_no_row_has_one() {
    let mut forged = small();
    let read = async |forged: &Forged| {
        let stub = Stub::start(script(forged)).await;
        verdict(forged, &target(&stub), PATIENT).await
    };
    forged.rows[7].payload = None;
    forged.rows[70].timestamp = None;
    let verdict = read(&forged).await;
    assert_fails(&verdict, &[CheckId::PayloadChanged]);
    let found: Vec<&str> = check(&verdict, CheckId::PayloadChanged)
        .findings
        .iter()
        .map(|finding| finding.detail.as_str())
        .collect();
    assert_eq!(
        found,
        ["payload is missing; 209 of 210 rows show it", "timestamp is missing; 209 of 210 rows show it"]
    );
    for row in &mut forged.rows {
        (row.timestamp, row.payload) = (None, None);
    }
    let verdict = read(&forged).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
    let said = verdict.observations[0].to_string();
    assert_eq!(said, "timestamps and payloads are not shown, so they were not compared");
}

#[tokio::test]
async fn a_target_that_shows_every_key_and_counts_some_again_after_its_window_is_sound() {
    let mut forge = Forge { fates: |_, _| vec![Fate::Acked], ..Forge::default() };
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(300), 16);
    forge.scenario.events.topics = vec!["only".to_owned()];
    forge.scenario.promises.payload = PayloadEquality::Json;
    forge.scenario.promises.window = Some(Duration::from_nanos(1));
    let mut forged = forge.run();
    for counters in [&mut forged.now, forged.closing.as_mut().expect("a closing poll")] {
        counters.unique = counters.unique.map(|count| count + 3);
        counters.duplicates = counters.duplicates.map(|count| count - 3);
    }
    // Counters that the polls had seen by then.
    for poll in &mut forged.polls {
        poll.reported_duplicate = poll.reported_duplicate.saturating_sub(3);
    }
    let stub = Stub::start(Script { pages: Pages::Link { at_most: 20 }, ..script(&forged) }).await;
    let verdict = verdict(&forged, &target(&stub), SHORT).await;
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_key_that_the_target_counts_and_does_not_show_is_lost_also_where_it_shows_its_newest_rows_alone() {
    let mut forged = small();
    let lost = forged.rows.remove(100);
    let both = [CheckId::Lost, CheckId::RoutesDisagree];
    // Rows of the topics alone are not all that the target counts.
    for (pages, failed) in [(Pages::Link { at_most: 20 }, &both[..]), (Pages::Newest { of: 150 }, &both[..1])]
    {
        let stub = Stub::start(Script { pages, ..script(&forged) }).await;
        let verdict = verdict(&forged, &target(&stub), SHORT).await;
        assert_fails(&verdict, failed);
        assert_eq!(check(&verdict, CheckId::Lost).findings[0].event_id.as_ref(), Some(&lost.event_id));
    }
}

#[test]
fn what_still_came_in_when_the_looks_ended_is_not_lost() {
    let mut forged = small();
    forged.rows.truncate(150);
    for behind in [Behind::CatchingUp, Behind::Replica] {
        let mut observed = forged.observed();
        observed.listing.behind = Some(behind);
        let verdict = judged(&forged, observed);
        assert_fails(&verdict, &[]);
        let lost = check(&verdict, CheckId::Lost);
        assert_eq!((verdict.verdict, lost.count), (Verdict::Unknown, 60));
        let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
        let advises = |reason: &String| reason.contains("--settle") || reason.contains("--max-wait");
        assert!(reasons.iter().any(advises), "{reasons:?}");
    }
}

fn lag(counters: &Counters, by: u64) -> Counters {
    let less = |count: Option<u64>| count.map(|count| count - by);
    Counters { received: less(counters.received), unique: less(counters.unique), ..counters.clone() }
}

#[tokio::test]
async fn counters_that_move_and_then_settle_are_waited_for() {
    let forged = small();
    let on_stats = |nth: usize, counters: &Counters| Some(lag(counters, 5_u64.saturating_sub(nth as u64)));
    let stub = Stub::start(Script { on_stats: Box::new(on_stats), ..script(&forged) }).await;
    let verdict = verdict(&forged, &target(&stub), PATIENT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn counters_that_are_stuck_below_are_judged() {
    let forged = small();
    let on_stats = |_: usize, counters: &Counters| Some(lag(counters, 1));
    let stub = Stub::start(Script { on_stats: Box::new(on_stats), ..script(&forged) }).await;
    let observed = look(&forged, &target(&stub), SHORT).await.unwrap();
    assert_eq!(observed.stats.settled, Settled::Stuck);
    let verdict = judged(&forged, observed);
    assert_fails(&verdict, &[CheckId::RoutesDisagree, CheckId::Counters, CheckId::Epochs]);
}

#[tokio::test]
async fn what_waits_is_given_the_promised_time_and_no_more() {
    let mut forged = small();
    forged.promises.drain = Some(SHORT);
    let waiting = |_: usize, counters: &Counters| Some(Counters { pending: Some(3), ..counters.clone() });
    let stub = Stub::start(Script { on_stats: Box::new(waiting), ..script(&forged) }).await;
    let observed = look(&forged, &target(&stub), Duration::ZERO).await.unwrap();
    assert_eq!(observed.stats.settled, Settled::Stalled);
    assert!(u128::from(observed.stats.waited_ms) >= SHORT.as_millis());
    assert_fails(&judged(&forged, observed), &[CheckId::Liveness]);
}

#[tokio::test]
async fn keys_that_are_not_listed_are_looked_for_until_the_promised_time() {
    let mut forged = small();
    (forged.promises.ack, forged.promises.drain) = (Some(Ack::Queued), Some(PATIENT));
    let late = forged.rows.split_off(200);
    // The counters do not tell what waits, and count all at once.
    let untold = |_: usize, counters: &Counters| {
        Some(Counters { pending: Some(0), processing: Some(0), ..counters.clone() })
    };
    let script = Script { late: (2, late.clone()), on_stats: Box::new(untold), ..script(&forged) };
    let stub = Stub::start(script).await;
    forged.rows.extend(late);
    let observed = look(&forged, &target(&stub), Duration::ZERO).await.unwrap();
    assert_fails(&judged(&forged, observed), &[]);
}

#[tokio::test]
async fn counters_that_never_rest_are_unknown() {
    let forged = small();
    let moving = |nth: usize, counters: &Counters| {
        Some(Counters {
            received: counters.received.map(|received| received + nth as u64),
            ..counters.clone()
        })
    };
    let waiting = |_: usize, counters: &Counters| Some(Counters { pending: Some(3), ..lag(counters, 3) });
    let scripts: [(OnStats, Settled); 2] =
        [(Box::new(moving), Settled::Moving), (Box::new(waiting), Settled::Stalled)];
    for (on_stats, settled) in scripts {
        let mut forged = forged.clone();
        forged.promises.ack = Some(Ack::Queued);
        forged.polls.clear();
        forged.lose(3);
        let stub = Stub::start(Script { on_stats, ..script(&forged) }).await;
        let observed = look(&forged, &target(&stub), SHORT).await.unwrap();
        assert_eq!(observed.stats.settled, settled);
        let verdict = judged(&forged, observed);
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown);
    }
}

#[tokio::test]
async fn rows_that_stand_still_are_judged_though_the_counters_move() {
    let mut forged = small();
    forged.promises.stats = None;
    let moving = |nth: usize, counters: &Counters| {
        Some(Counters { duplicates: counters.duplicates.map(|count| count + nth as u64), ..counters.clone() })
    };
    let stub = Stub::start(Script { on_stats: Box::new(moving), ..script(&forged) }).await;
    let observed = look(&forged, &target(&stub), Duration::ZERO).await.unwrap();
    assert!(observed.listing.bracketed && observed.listing.brackets <= 3, "{:#?}", observed.looks);
    assert!(observed.looks.listing_rested && !observed.looks.counters_rested);
    assert_eq!(observed.stats.settled, Settled::Moving);
    let verdict = judged(&forged, observed);
    assert_eq!(verdict.verdict, Verdict::Unknown);
}

#[tokio::test]
async fn rows_of_others_that_change_between_all_looks_keep_nothing_from_being_judged() {
    let forged = small();
    let stub = Stub::start(Script { flickering: vec![foreign(3)], ..script(&forged) }).await;
    let mut target = target(&stub);
    target.stats = Stats::default();
    let observed = look(&forged, &target, Duration::ZERO).await.unwrap();
    assert_eq!((observed.listing.bracketed, observed.listing.brackets), (true, 2));
}

#[tokio::test]
async fn rows_of_the_run_that_change_between_all_looks_are_read_five_times_at_most() {
    let fates = |round, request| match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forge = Forge { fates, ..Forge::default() };
    (forge.scenario.load.count, forge.scenario.load.batch) = (Some(600), 16);
    forge.scenario.promises.payload = PayloadEquality::Json;
    forge.scenario.promises.zombie = Duration::from_millis(1);
    let forged = forge.run();
    let (tally, _) = book(&forged.evidence()).expect("a good ledger");
    let doubtful = tally.keys.iter().find(|(_, key)| key.acked() == 0 && key.unknown() > 0);
    let doubtful = row(&forged.events, doubtful.expect("a key of the request without an answer").0);
    let mut script = script(&forged);
    script.rows.retain(|row| row.event_id != doubtful.event_id);
    script.flickering = vec![doubtful];
    let stub = Stub::start(script).await;
    let mut target = target(&stub);
    target.stats = Stats::default();
    let observed = look(&forged, &target, Duration::ZERO).await.unwrap();
    assert_eq!((observed.listing.bracketed, observed.listing.brackets), (false, 5));
    let verdict = judged(&forged, observed);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn errors_of_the_target_are_unknown_and_not_a_failure() {
    let forged = small();
    let no_stats = Script { on_stats: Box::new(|_, _| None), ..script(&forged) };
    let no_list = Script { on_list: Box::new(|_| Listed::Error), ..script(&forged) };
    let half_list = Script {
        on_list: Box::new(|nth| if nth % 3 == 0 { Listed::Rows } else { Listed::Error }),
        pages: Pages::Link { at_most: 100 },
        ..script(&forged)
    };
    let rubbish = Script { on_list: Box::new(|_| Listed::Rubbish), ..script(&forged) };
    for (name, script) in [("stats", no_stats), ("list", no_list), ("half", half_list), ("rubbish", rubbish)]
    {
        let stub = Stub::start(script).await;
        let verdict = verdict(&forged, &target(&stub), SHORT).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{name}: {:#?}", verdict.reasons);
    }
}

#[tokio::test]
async fn an_error_while_the_target_comes_to_rest_is_forgiven() {
    let forged = small();
    let on_stats = |nth: usize, counters: &Counters| (nth != 2).then(|| counters.clone());
    let stub = Stub::start(Script { on_stats: Box::new(on_stats), ..script(&forged) }).await;
    assert_eq!(verdict(&forged, &target(&stub), PATIENT).await.verdict, Verdict::Pass);
}

#[tokio::test]
async fn a_target_without_counters_is_listed_twice_and_one_without_a_listing_counted() {
    let forged = small();
    let stub = Stub::start(script(&forged)).await;
    let mut uncounted = target(&stub);
    uncounted.stats = Stats::default();
    let verdict_listed = verdict(&forged, &uncounted, PATIENT).await;
    assert_eq!(verdict_listed.verdict, Verdict::Pass, "{:#?}", verdict_listed.reasons);
    // And asked for the first pages of three topics and of one that nobody used.
    assert_eq!(stub.asked(), (0, 2 + 4));
    let mut unlisted = target(&stub);
    unlisted.listing.path = None;
    let verdict_counted = verdict(&forged, &unlisted, PATIENT).await;
    assert_eq!(verdict_counted.verdict, Verdict::Pass, "{:#?}", verdict_counted.reasons);
}

#[tokio::test]
async fn where_others_write_our_rows_alone_have_to_stand_still() {
    let mut forged = small();
    forged.promises.shared = Some(true);
    let on_stats = |nth: usize, counters: &Counters| {
        let more = |count: Option<u64>| count.map(|count| count + nth as u64);
        Some(Counters {
            received: more(counters.received),
            unique: more(counters.unique),
            ..counters.clone()
        })
    };
    let mut script = script(&forged);
    script.rows.extend((0..5).map(foreign));
    let stub = Stub::start(Script { on_stats: Box::new(on_stats), ..script }).await;
    let verdict = verdict(&forged, &target(&stub), PATIENT).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_target_that_is_not_there_is_unreachable() {
    let forged = small();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut target = Target { url, ..Target::default() };
    assert!(look(&forged, &target, SHORT).await.unwrap_err().is_unreachable());
    target.stats = Stats::default();
    assert!(look(&forged, &target, SHORT).await.unwrap_err().is_unreachable());
}

#[tokio::test]
async fn a_key_that_is_missing_is_looked_for_twice_however_little_time_there_is() {
    let mut forged = small();
    (forged.baseline, forged.closing) = (None, None);
    let late = forged.rows.pop().expect("a row");
    // Without counters a look takes two listings; the row comes with the third.
    let pages = Pages::Link { at_most: 7 };
    let stub = Stub::start(Script { pages, late: (2, vec![late]), ..script(&forged) }).await;
    let mut target = target(&stub);
    target.stats = Stats::default();
    let verdict = verdict(&forged, &target, Duration::ZERO).await;
    assert_eq!(verdict.verdict, Verdict::Pass, "{:#?}", verdict.reasons);
}

/// 2,000 attempts of 1,400 keys, shown in the order of time without counters, from such a place no
/// further.
fn long() -> Forged {
    let mut forge = Forge::default();
    forge.scenario.promises.payload = PayloadEquality::Json;
    forge.scenario.promises.zombie = Duration::from_millis(1);
    Forged { is_complete: false, ..forge.run() }
}

async fn up_to(
    end: usize,
    rows: Vec<truth::observed::rows::Row>,
    forged: &Forged,
    change: fn(&mut Target),
) -> Judgement {
    let script = Script { pages: Pages::OffsetBelow { end }, by_topic: false, ..script(forged) };
    let stub = Stub::start(Script { rows, ..script }).await;
    let mut target = target(&stub);
    // The last page ends at one row, in pages of another size too.
    (target.listing.paging, target.listing.limit) = (Some(Paging::Offset), 50);
    change(&mut target);
    verdict(forged, &target, SHORT).await
}

fn uncounted(target: &mut Target) {
    target.stats = Stats::default();
}

#[tokio::test]
async fn what_a_listing_in_the_order_of_time_has_passed_is_lost() {
    let mut forged = long();
    let early = forged.rows.remove(300);
    let late = forged.rows.remove(1_100);
    for newest_first in [false, true] {
        let mut rows = forged.rows.clone();
        if newest_first {
            rows.reverse();
        }
        let lost = if newest_first { &late } else { &early };
        for (end, change, count) in
            [(745, uncounted as fn(&mut Target), 1), (745, |_: &mut Target| (), 1), (5_000, uncounted, 2)]
        {
            let verdict = up_to(end, rows.clone(), &forged, change).await;
            assert_fails(&verdict, &[CheckId::Lost]);
            let check = check(&verdict, CheckId::Lost);
            let named =
                check.findings.iter().any(|finding| finding.event_id.as_ref() == Some(&lost.event_id));
            assert!(check.count == count && named, "{end}: {check:#?}");
        }
    }
}

#[tokio::test]
async fn what_may_lie_behind_the_end_of_a_listing_is_unseen() {
    let forged = long();
    let unknown = |verdict: &Judgement| {
        assert_fails(verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    };
    // Nothing is lost; the last page begins at 700.
    unknown(&up_to(745, forged.rows.clone(), &forged, uncounted).await);
    // The missing key stands at the end of the listing.
    let mut rows = forged.rows.clone();
    rows.remove(1_398);
    unknown(&up_to(5_000, rows, &forged, uncounted).await);
    // In an order that is not of time, what is wanting may stand anywhere.
    let mut rows = forged.rows.clone();
    rows.remove(300);
    rows.sort_by(|one, other| one.event_id.cmp(&other.event_id));
    unknown(&up_to(745, rows, &forged, uncounted).await);
    // An event that is stored later may be stored after everything that is shown.
    let mut queued = forged.clone();
    queued.promises.ack = Some(Ack::Queued);
    queued.rows.remove(300);
    unknown(&up_to(745, queued.rows.clone(), &queued, uncounted).await);
}

#[tokio::test]
async fn what_lies_before_the_rows_of_its_own_topic_is_unseen() {
    let forged = long();
    let topic = forged.rows[0].topic.clone();
    // The newest hundred of one topic, and all of the others.
    let of_it = forged.rows.iter().filter(|row| row.topic == topic).count();
    let mut hidden = of_it - 100;
    let mut is_shown = |row: &truth::observed::rows::Row| {
        let is_hidden = row.topic == topic && hidden > 0;
        hidden -= usize::from(is_hidden);
        !is_hidden
    };
    let rows: Vec<_> = forged.rows.iter().filter(|row| is_shown(row)).cloned().collect();
    let verdict = up_to(5_000, rows, &forged, uncounted).await;
    assert_fails(&verdict, &[]);
    assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
}

#[tokio::test]
async fn a_key_that_was_stored_long_before_or_after_its_neighbours_may_lie_out_of_sight() {
    for (newest_first, round) in [(false, 1), (true, 4)] {
        let mut forge = Forge::default();
        forge.scenario.load.dup = "0".to_owned();
        forge.scenario.promises.payload = PayloadEquality::Json;
        forge.scenario.promises.zombie = Duration::from_millis(1);
        let mut forged = Forged { is_complete: false, ..forge.run() };
        let end = forged.dones().map(|done| done.t_end).max().expect("tries");
        let is_it = |done: &&mut Done| done.scope == Scope::Round(round) && done.request == 0;
        let apart = forged.dones().find(is_it).expect("a try of it");
        (apart.t_start, apart.t_end) = if newest_first { (1, apart.t_end) } else { (end + 1, end + 2) };
        let keys = forged.plan.round(round).request(0).to_vec();
        let ids: Vec<String> = keys.iter().map(|key| forged.events.id_text(*key)).collect();
        let (apart, mut rows): (Vec<_>, Vec<_>) =
            forged.rows.iter().cloned().partition(|row| ids.contains(&row.event_id));
        if newest_first {
            rows.reverse();
        }
        rows.extend(apart);
        let verdict = up_to(1_300, rows, &forged, uncounted).await;
        assert_fails(&verdict, &[]);
        assert_eq!(verdict.verdict, Verdict::Unknown, "{:#?}", verdict.reasons);
    }
}
