//! Contents of listed rows: what is compared, what is not shown, and what some rows lack.

use truth::observed::ListingObservation;
use truth::observed::rows::{Anomaly, AnomalyClass, Contents, EXAMPLES, Equality, Row, RowTally, ShownRow};
use truth::plan::event::Events;
use truth::plan::variant::{Side, Variants};
use truth::plan::{Plan, PlanSpec};
use truth::scenario::promises::{PayloadEquality, Promises, TimestampEquality};
use truth::target::{EventFields, RowFields, Target};

use crate::plans::spec;

const BY_MEANING: Equality = Equality {
    timestamp: TimestampEquality::Instant,
    source: true,
    payload: PayloadEquality::Json,
    payload_is_text: false,
    precision_ms: 1,
};

const EXACT: Equality = Equality {
    timestamp: TimestampEquality::Exact,
    source: true,
    payload: PayloadEquality::Exact,
    payload_is_text: false,
    precision_ms: 1,
};

fn events(change: impl FnOnce(&mut PlanSpec)) -> Events {
    let mut spec = spec();
    change(&mut spec);
    Events::new(&Plan::try_from(spec).expect("a plan"))
}

fn row(events: &Events, ordinal: u64) -> Row {
    Row {
        topic: events.topic(ordinal).to_owned(),
        event_id: events.id_text(ordinal),
        timestamp: Some(events.timestamp(ordinal)),
        source: Some(events.source().to_owned()),
        payload: Some(events.payload(ordinal, Side::Plain)),
    }
}

/// Returns the tally of the rows of the first `keys` keys, each changed by its ordinal.
fn tally(events: &Events, equality: Equality, keys: u64, change: impl Fn(u64, &mut Row)) -> RowTally<'_> {
    let mut tally = RowTally::new(events, 7, 14_000, equality);
    for ordinal in 0..keys {
        let mut row = row(events, ordinal);
        change(ordinal, &mut row);
        tally.take(&row);
    }
    tally
}

fn details(tally: &RowTally<'_>) -> Vec<String> {
    let of_content = |anomaly: &Anomaly| anomaly.class == AnomalyClass::PayloadChanged;
    let anomalies = tally.anomalies().into_iter();
    anomalies.filter(of_content).map(|anomaly| anomaly.detail).collect()
}

#[test]
fn a_payload_that_some_rows_lack_is_a_finding_whichever_rows_come_first() {
    let events = events(|_| ());
    for lacks in [|key: u64| key < 50, |key: u64| key >= 50, |key: u64| key % 2 == 1] {
        for equality in [BY_MEANING, EXACT] {
            for missing in [None, Some("null".to_owned())] {
                let tally = tally(&events, equality, 100, |key, row| {
                    if lacks(key) {
                        row.payload.clone_from(&missing);
                    }
                });
                assert_eq!(tally.payload_changed(), 50);
                assert_eq!(tally.shown().payload, Some(50));
                assert_eq!(details(&tally), vec!["payload is missing; 50 of 100 rows show it"; 50]);
                let anomalies = tally.anomalies();
                let named = anomalies.iter().filter_map(|anomaly| anomaly.ordinal);
                assert!(named.eq((0..100).filter(|key| lacks(*key))));
            }
        }
    }
}

#[test]
fn a_content_that_all_rows_lack_is_not_shown() {
    let events = events(|_| ());
    let tally = tally(&events, BY_MEANING, 100, |_, row| (row.source, row.payload) = (None, None));
    assert_eq!((tally.payload_changed(), details(&tally)), (0, Vec::new()));
    let shown = tally.shown();
    assert_eq!((shown.compared(), shown.hidden()), (vec!["timestamp"], vec!["source", "payload"]));
    assert_eq!(shown.rows(), 100);
}

#[test]
fn a_row_with_several_defects_counts_once() {
    let events = events(|_| ());
    let tally = tally(&events, BY_MEANING, 100, |key, row| match key {
        3 => (row.source, row.payload) = (None, None),
        4 => (row.timestamp, row.payload) = (Some("2025-01-01T00:00:00Z".to_owned()), None),
        5 => (row.timestamp, row.source) = (Some("soon".to_owned()), Some("Loadgen".to_owned())),
        6 => row.timestamp = None,
        _ => {}
    });
    assert_eq!(tally.payload_changed(), 4);
    let expected = [
        "timestamp is `2025-01-01T00:00:00Z`, sent was `2025-01-01T00:00:00.004Z`",
        "source is `Loadgen`, sent was `loadgen`",
        "source is missing; 99 of 100 rows show it; payload is missing; 98 of 100 rows show it",
        "timestamp is missing; 99 of 100 rows show it",
    ];
    assert_eq!(details(&tally), expected);
}

#[test]
fn a_difference_is_shown_however_late_it_comes() {
    let events = events(|_| ());
    let sent = events.payload(3, Side::Plain);
    let last = sent.chars().rev().find(char::is_ascii_alphanumeric).expect("a letter");
    let place = sent.rfind(last).expect("its place");
    let mut stored = sent.clone();
    stored.replace_range(place..=place, "+");
    assert!(place > 100, "{sent}");
    let tally = tally(&events, EXACT, 10, |key, row| {
        if key == 3 {
            row.payload = Some(stored.clone());
        }
    });
    let details = details(&tally);
    let quoted: Vec<&str> = details[0].split('`').collect();
    assert!(quoted[1].starts_with('…') && quoted[3].starts_with('…'), "{details:?}");
    assert!(quoted[1].contains('+') && !quoted[3].contains('+'), "{details:?}");
}

#[test]
fn a_form_of_time_that_no_row_shows_understood_is_told_and_one_that_some_rows_show_is_a_finding() {
    let events = events(|_| ());
    let local = |key: u64| Some(format!("2025-01-01 01:00:00.{key:03}"));
    let tally_of = |is_local: fn(u64) -> bool| {
        tally(&events, BY_MEANING, 100, move |key, row| {
            if is_local(key) {
                row.timestamp = local(key);
            }
        })
    };
    let all = tally_of(|_| true);
    assert_eq!((all.payload_changed(), details(&all)), (0, Vec::new()));
    let shown = all.shown();
    assert_eq!((shown.timestamp, shown.payload), (Some(0), Some(100)));
    assert_eq!(shown.unclear.as_deref(), Some("2025-01-01 01:00:00.000"));
    assert!(shown.hidden().is_empty(), "{shown:?}");

    let some = tally_of(|key| key == 7);
    assert_eq!((some.payload_changed(), some.shown().unclear), (1, None));
    let expected =
        "timestamp is `2025-01-01 01:00:00.007`, a form that is not understood; that of 99 of 100 rows is";
    assert_eq!(details(&some), [expected]);

    // A single time of another moment does not make findings of all others.
    let mut one = tally_of(|_| true);
    one.take(&Row { timestamp: Some("2025-01-01 01:00:00.101".to_owned()), ..row(&events, 100) });
    assert_eq!(one.payload_changed(), 1);
    assert_eq!(one.shown().unclear.as_deref(), Some("2025-01-01 01:00:00.000"));
}

#[test]
fn only_text_is_promised_to_the_letter() {
    let events = events(|_| ());
    let respelt = |_: u64, row: &mut Row| {
        let payload = row.payload.take().expect("sent");
        row.payload = Some(payload.replace(':', ": ").replace(",\"data\"", ".0, \"data\""));
        row.timestamp = row.timestamp.take().map(|text| text.replace('T', " ").replace('Z', "000+00"));
    };
    let by_meaning = tally(&events, BY_MEANING, 100, respelt);
    assert_eq!((by_meaning.payload_changed(), details(&by_meaning)), (0, Vec::new()));
    assert_eq!(tally(&events, EXACT, 100, respelt).payload_changed(), 100);
    let in_columns = Equality::in_columns(&Promises {
        payload: PayloadEquality::Exact,
        timestamp: TimestampEquality::Exact,
        ..Promises::default()
    });
    assert_eq!(in_columns, BY_MEANING);
}

#[test]
fn a_null_that_was_sent_is_no_missing_payload() {
    let events = events(|spec| spec.payload_template = Some("null".to_owned()));
    for equality in [BY_MEANING, EXACT] {
        let tally = tally(&events, equality, 10, |key, row| {
            if key == 3 {
                row.payload = None;
            }
        });
        assert_eq!((tally.payload_changed(), tally.shown().payload), (0, Some(10)));
    }
}

#[test]
fn a_field_that_is_not_sent_is_not_compared() {
    let events = events(|_| ());
    let fields = EventFields { timestamp: String::new(), source: String::new(), ..EventFields::default() };
    let of_fields = |fields: EventFields| BY_MEANING.of_target(&Target { fields, ..Target::default() });
    let equality = of_fields(fields);
    let tally = tally(&events, equality, 10, |_, row| {
        (row.timestamp, row.source) = (Some("2020-01-01T00:00:00Z".to_owned()), None);
    });
    assert_eq!(tally.payload_changed(), 0);
    assert_eq!(tally.shown(), Contents { payload: Some(10), ..Contents::default() });
    let fields = EventFields { payload: String::new(), ..EventFields::default() };
    assert_eq!(of_fields(fields).payload, PayloadEquality::None);
}

#[test]
fn only_what_the_fields_of_a_listing_name_is_compared() {
    let places = |text: &str| toml::from_str::<RowFields>(text).unwrap().places(None);
    let named = BY_MEANING.of_places(&places("event_id = \"id\"\npayload = \"data\""));
    assert_eq!(named, Equality { payload: PayloadEquality::Json, ..Equality::NONE });
    assert_eq!(BY_MEANING.of_places(&places("event_id = \"id\"")), Equality::NONE);
}

#[test]
fn two_rows_of_one_name_are_one_row_that_is_shown_twice() {
    let events = events(|_| ());
    let named = |row: Row, name: &str| ShownRow { row, name: Some(name.to_owned()), values: Vec::new() };
    let mut tally = RowTally::new(&events, 7, 14_000, BY_MEANING);
    for (ordinal, name) in [(0, "a"), (1, "b"), (0, "a"), (1, "c"), (1, "b")] {
        tally.take_shown(&named(row(&events, ordinal), name));
    }
    let foreign = Row { event_id: "not ours".to_owned(), ..row(&events, 0) };
    tally.take_shown(&named(foreign.clone(), "d"));
    tally.take_shown(&named(foreign, "d"));
    assert_eq!([0, 1].map(|ordinal| tally.presence.seen(ordinal)), [1, 2]);
    assert_eq!((tally.rows, tally.ours.count, tally.foreign.count, tally.shown_again), (4, 3, 1, 3));
}

#[test]
fn values_are_compared_with_those_that_the_plan_drew() {
    let events = events(|spec| spec.values = toml::from_str("amount = { number = [5, 5] }").expect("values"));
    let shown = |ordinal: u64, listed: Option<&str>| ShownRow {
        row: row(&events, ordinal),
        name: None,
        values: vec![("amount".to_owned(), listed.map(str::to_owned))],
    };
    let mut tally = RowTally::new(&events, 7, 14_000, Equality::NONE);
    let listed = [Some("5"), Some("\"5\""), Some("6"), None];
    for (ordinal, listed) in (0..).zip(listed) {
        tally.take_shown(&shown(ordinal, listed));
    }
    assert_eq!(tally.payload_changed(), 2, "one differs, and one lacks what others show");
    assert_eq!(details(&tally), ["amount is `6`, sent was `5`", "values is missing; 3 of 4 rows show it"]);
    assert_eq!(tally.shown().values, Some(3));
}

#[test]
fn two_payloads_of_a_key_are_told_apart_by_value() {
    for (variants, is_told_apart) in [
        (Variants { other_payload: 1, ..Variants::default() }, true),
        (Variants { key_order: 1, ..Variants::default() }, false),
        (Variants { number_spelling: 1, ..Variants::default() }, false),
    ] {
        let events = events(|spec| spec.variants = variants);
        for (equality, expected) in [(BY_MEANING, is_told_apart), (EXACT, true)] {
            let other = tally(&events, equality, 10, |key, row| {
                row.payload = Some(events.payload(key, Side::Other));
            });
            assert_eq!(other.payload_changed(), 0, "{variants:?}");
            let side = other.winners.as_ref().and_then(|winners| winners.side(3));
            assert_eq!(side, Some(if expected { Side::Other } else { Side::Plain }), "{variants:?}");
        }
    }
}

#[test]
fn a_payload_that_was_sent_as_text_is_as_sent_in_a_string() {
    let events = events(|_| ());
    let as_text = |_, row: &mut Row| {
        row.payload = row.payload.take().map(|payload| serde_json::to_string(&payload).expect("JSON"));
    };
    assert_eq!(tally(&events, EXACT, 100, as_text).payload_changed(), 100);
    let sent_as_text = Equality { payload_is_text: true, ..EXACT };
    assert_eq!(tally(&events, sent_as_text, 100, as_text).payload_changed(), 0);
    let changed = |key, row: &mut Row| {
        as_text(key, row);
        row.payload = row.payload.take().map(|payload| payload.replacen('{', "{ ", 1));
    };
    assert_eq!(tally(&events, sent_as_text, 100, changed).payload_changed(), 100);
}

#[test]
fn the_examples_are_bounded_and_the_numbers_exact() {
    let events = events(|_| ());
    let tally = tally(&events, BY_MEANING, 5_000, |key, row| match key {
        0..2_000 => row.payload = None,
        2_000..4_000 => row.source = Some("changed".to_owned()),
        _ => {}
    });
    assert_eq!(tally.payload_changed(), 4_000);
    assert_eq!(tally.anomalies().len() as u64, EXAMPLES);
}

#[test]
fn what_two_ways_show_goes_together_and_stays_in_the_file() {
    let events = events(|_| ());
    let listed = tally(&events, BY_MEANING, 20, |_, row| row.source = None);
    let stored = tally(&events, BY_MEANING, 100, |key, row| {
        (row.timestamp, row.payload) = (None, row.payload.take().filter(|_| key > 0));
    });
    let listing = ListingObservation::none(true, None).with_rows(&listed, 1).and_rows(&stored);
    let expected =
        Contents { timestamp: Some(20), source: Some(100), payload: Some(99), ..Contents::default() };
    assert_eq!((listing.shown(), listing.payload_changed), (expected, 1));
    let saved = serde_json::to_value(&listing).expect("JSON");
    let read: ListingObservation = serde_json::from_value(saved.clone()).expect("a listing");
    assert_eq!(read, listing);
    // Folders of 0.1 hold nothing of it.
    let mut old = saved;
    old.as_object_mut().expect("an object").remove("contents").expect("contents");
    let old: ListingObservation = serde_json::from_value(old).expect("a listing");
    assert_eq!(old.shown(), Contents { payload: Some(99), ..Contents::default() });
}
