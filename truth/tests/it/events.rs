//! Events as requests carry them, and the meaning of ids in a listing.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;
use truth::plan::event::{Decoded, Events};
use truth::plan::invalid::Invalid;
use truth::plan::twin::{Twin, Twins};
use truth::plan::variant::{Origin, Side, Variant, Variants};
use truth::plan::{MAX_PAYLOAD, MIN_PAYLOAD, Plan, PlanSpec};
use truth::target::wire::{Renderer, post_head};
use truth::target::{Envelope, Target};

use crate::plans::spec;

fn events(change: impl FnOnce(&mut PlanSpec)) -> Events {
    let mut spec = spec();
    change(&mut spec);
    Events::new(&Plan::try_from(spec).expect("a plan"))
}

fn ordinals() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000_u64, 0..1_u64 << 48, any::<u64>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn an_id_is_ours_under_its_own_topic_alone(nonce: u64, seed: u32, ordinal in ordinals()) {
        let events = events(|spec| (spec.nonce, spec.seed) = (nonce, seed));
        let id = events.id_text(ordinal);
        for topic in events.topics() {
            let is_own = topic == events.topic(ordinal);
            let expected = if is_own { Decoded::Ours(ordinal) } else { Decoded::WrongTopic(ordinal) };
            prop_assert_eq!(events.decode(topic, &id), expected);
        }
        prop_assert_eq!(events.decode("nobody's", &id), Decoded::WrongTopic(ordinal));
        prop_assert_eq!(events.decode(&events.topic(ordinal).to_uppercase(), &id), Decoded::WrongTopic(ordinal));
    }

    #[test]
    fn an_id_that_was_changed_is_foreign(nonce: u64, ordinal in ordinals(), place in 0..36_usize, with in "[0-9a-f-]") {
        let events = events(|spec| spec.nonce = nonce);
        let topic = events.topic(ordinal);
        let id = events.id_text(ordinal);
        let mut changed = id.clone();
        changed.replace_range(place..=place, &with);
        let spaced = format!(" {id}");
        let ended = format!("{id}\n");
        let braced = format!("{{{id}}}");
        let spellings = [id.to_uppercase(), spaced, ended, braced, id.replace('-', ""), changed];
        for spelling in spellings.iter().filter(|spelling| **spelling != id) {
            prop_assert_eq!(events.decode(topic, spelling), Decoded::Foreign, "{}", spelling);
        }
    }

    #[test]
    fn a_body_holds_exactly_the_events_of_its_keys(
        keys in prop::collection::vec(ordinals(), 1..6),
        topics in prop::collection::hash_set("[^\0]{0,8}[a-z]", 1..4),
        source in "[^\0]{0,8}[a-z]",
        epoch_ms in -70_000_000_000_000..250_000_000_000_000_i64,
        sizes in (MIN_PAYLOAD..300, 0..300_u32),
        envelope in 0..3_u8,
    ) {
        let sizes = [sizes.0, sizes.0 + sizes.1];
        let events = Arc::new(events(|spec| {
            spec.topics = topics.into_iter().collect();
            spec.source = source.clone();
            spec.epoch_ms = epoch_ms;
            spec.payload_bytes = sizes;
        }));
        let mut target = Target::default();
        target.fields.event_id = "the \"id\"".to_owned();
        target.publish.envelope = match envelope {
            0 => Envelope::Array,
            1 => Envelope::Under("some \\ events".to_owned()),
            _ => Envelope::Object,
        };
        let keys = if envelope == 2 { &keys[..1] } else { &keys[..] };
        let mut body = b"kept:".to_vec();
        Renderer::new(Arc::clone(&events), &target).body(keys, Origin::Later, &mut body);
        let body = body.strip_prefix(b"kept:").expect("only appended to");
        let body: Value = serde_json::from_slice(body).expect("a body is JSON");
        let found = match envelope {
            0 => body.as_array().cloned(),
            1 => body["some \\ events"].as_array().cloned(),
            _ => Some(vec![body]),
        };
        let found = found.expect("a list of events");
        prop_assert_eq!(found.len(), keys.len());
        for (event, key) in found.iter().zip(keys) {
            let payload = events.payload(*key, Side::Plain);
            prop_assert!((sizes[0] as usize..=sizes[1] as usize).contains(&payload.len()), "{}", payload.len());
            let payload: Value = serde_json::from_str(&payload).expect("a payload is JSON");
            prop_assert_eq!(payload["n"].as_u64(), Some(*key));
            let expected = serde_json::json!({
                "topic": events.topic(*key),
                "the \"id\"": events.id_text(*key),
                "timestamp": events.timestamp(*key),
                "source": source,
                "payload": payload,
            });
            prop_assert_eq!(event, &expected);
        }
    }
}

#[test]
fn an_id_with_any_one_character_changed_is_foreign() {
    let events = events(|_| ());
    for key in [0, 1, 13_999] {
        let id = events.id_text(key);
        for place in 0..id.len() {
            for other in ' '..='~' {
                let mut changed = id.clone();
                changed.replace_range(place..=place, other.encode_utf8(&mut [0; 4]));
                let expected = if changed == id { Decoded::Ours(key) } else { Decoded::Foreign };
                assert_eq!(events.decode(events.topic(key), &changed), expected, "{changed}");
            }
        }
    }
}

#[test]
fn payloads_have_every_size_of_their_range_about_as_often() {
    let events = events(|spec| spec.payload_bytes = [50, 59]);
    let mut sizes = [0; 10];
    for key in 0..10_000 {
        sizes[events.payload(key, Side::Plain).len() - 50] += 1;
    }
    assert!(sizes.iter().all(|count| (850..1_150).contains(count)), "{sizes:?}");
}

#[test]
fn the_smallest_payload_holds_the_largest_number() {
    let smallest = events(|spec| spec.payload_bytes = [MIN_PAYLOAD, MIN_PAYLOAD]);
    assert_eq!(smallest.payload(u64::MAX, Side::Plain).len(), MIN_PAYLOAD as usize);
    let largest = events(|spec| spec.payload_bytes = [MAX_PAYLOAD, MAX_PAYLOAD]);
    assert_eq!(largest.payload(0, Side::Plain).len(), MAX_PAYLOAD as usize);
}

#[test]
fn keys_are_spread_over_the_topics() {
    let events = events(|_| ());
    let mut counts = [0; 3];
    for key in 0..30_000 {
        counts[events.topic_index(key)] += 1;
    }
    assert!(counts.iter().all(|count| (9_600..10_400).contains(count)), "{counts:?}");
}

#[test]
fn timestamps_end_with_the_calendar_and_are_sent_as_they_are_told() {
    let events = Arc::new(events(|spec| spec.epoch_ms = i64::MAX - 1));
    let mut body = Vec::new();
    Renderer::new(Arc::clone(&events), &Target::default()).body(&[0, u64::MAX], Origin::Later, &mut body);
    let body: Value = serde_json::from_slice(&body).unwrap();
    for (place, key) in [0, u64::MAX].into_iter().enumerate() {
        assert_eq!(body[place]["timestamp"], events.timestamp(key));
        assert_eq!(events.timestamp(key), "9999-12-30T22:00:00.000Z");
    }
}

#[test]
fn a_field_without_a_name_is_not_sent_and_further_ones_are() {
    let events = Arc::new(events(|_| ()));
    let id = events.id_text(5);
    let mut target = Target::default();
    target.fields.extra = serde_json::from_str(r#"{"version":2,"\"kind\"":{"of":["order"]}}"#).unwrap();
    for (timestamp, source, payload) in
        [(true, true, true), (false, true, false), (true, false, false), (false, false, true)]
    {
        let named = |is_named: bool, name: &str| if is_named { name.to_owned() } else { String::new() };
        target.fields.timestamp = named(timestamp, "ts");
        target.fields.source = named(source, "source");
        target.fields.payload = named(payload, "data");
        let mut body = Vec::new();
        Renderer::new(Arc::clone(&events), &target).body(&[5], Origin::Later, &mut body);
        let mut expected = serde_json::json!([{
            "topic": events.topic(5), "event_id": id, "version": 2, "\"kind\"": {"of": ["order"]},
        }]);
        let fields: [(bool, &str, Value); 3] = [
            (timestamp, "ts", events.timestamp(5).into()),
            (source, "source", events.source().into()),
            (payload, "data", serde_json::from_str(&events.payload(5, Side::Plain)).unwrap()),
        ];
        for (_, name, value) in fields.into_iter().filter(|(is_sent, _, _)| *is_sent) {
            expected[0][name] = value;
        }
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), expected);
    }
}

#[test]
fn a_spoilt_body_holds_one_member_more_that_is_no_event() {
    let mut spec = spec();
    (spec.invalid, spec.batch, spec.total) = (2, 7, Some(20_000));
    let plan = Plan::try_from(spec).expect("a plan");
    let mut renderer = Renderer::new(Arc::new(Events::new(&plan)), &Target::default());
    let mut places = std::collections::BTreeSet::new();
    let mut flaws = std::collections::HashSet::new();
    for index in 0..40 {
        let round = plan.round(index);
        for request in 0..round.requests() {
            let Some(invalid) = Invalid::of(&plan, &round, request) else { continue };
            assert!(index % 2 == 1 && !round.is_racing(request));
            let ordinals = round.request(request);
            let mut body = Vec::new();
            let mut plain = Vec::new();
            renderer.spoilt_body(ordinals, round.origin(request), invalid, &mut body);
            renderer.body(ordinals, round.origin(request), &mut plain);
            let mut members: Vec<Value> = serde_json::from_slice(&body).expect("a list");
            let plain: Vec<Value> = serde_json::from_slice(&plain).expect("a list");
            let none = members.remove(invalid.place);
            assert_eq!(members, plain);
            let is_event = none["topic"].as_str().is_some_and(|topic| !topic.trim().is_empty())
                && none["event_id"].as_str().is_some_and(|id| !id.contains('\0'));
            assert!(!is_event, "{none}");
            places.insert(invalid.place);
            flaws.insert(format!("{:?}", invalid.flaw));
        }
    }
    assert_eq!((places.into_iter().collect::<Vec<_>>(), flaws.len()), (vec![0, 3, 7], 4));
}

#[test]
fn a_payload_of_the_users_own_is_filled_in() {
    let template =
        r#"{"order":{"no":{{n}},"ref":"{{topic}}/{{event_id}}"},"at":"{{timestamp}}","note":"{{data}}"}"#;
    let events = events(|spec| {
        spec.topics = vec!["a \"b\"".to_owned()];
        spec.payload_bytes = [40, 60];
        spec.payload_template = Some(template.to_owned());
    });
    for key in [0, 17, u64::MAX] {
        let payload: Value = serde_json::from_str(&events.payload(key, Side::Plain)).unwrap();
        let note = payload["note"].as_str().unwrap();
        assert!((40..=60).contains(&note.len()), "{note}");
        let expected = serde_json::json!({
            "order": {"no": key, "ref": format!("a \"b\"/{}", events.id_text(key))},
            "at": events.timestamp(key),
            "note": note,
        });
        assert_eq!(payload, expected);
    }
}

#[test]
fn a_head_ends_with_the_length_of_its_body() {
    let mut head = Vec::new();
    post_head(b"POST / HTTP/1.1\r\nhost: a\r\n", 1_205, &mut head);
    assert_eq!(head, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1205\r\n\r\n");
}

fn twins() -> impl Strategy<Value = Twins> {
    let one_in = || prop_oneof![Just(0_u32), 1..4_u32];
    prop::array::uniform8(one_in()).prop_map(
        |[
            same_id,
            case,
            trailing_space,
            normalisation,
            long_id,
            numeric_id,
            same_timestamp,
            same_payload,
        ]| {
            Twins {
                same_id,
                case,
                trailing_space,
                normalisation,
                long_id,
                numeric_id,
                same_timestamp,
                same_payload,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_key_of_a_plan_with_twins_is_told_from_every_other(
        twins in twins(),
        nonce: u64,
        seed: u32,
        first in ordinals(),
    ) {
        let events = events(|spec| (spec.nonce, spec.seed, spec.twins) = (nonce, seed, twins));
        let keys = (first & !1)..(first & !1).saturating_add(64);
        let mut seen = std::collections::HashSet::new();
        for ordinal in keys {
            let topic = events.topic(ordinal).to_owned();
            let id = events.id_text(ordinal);
            prop_assert_eq!(events.decode(&topic, &id), Decoded::Ours(ordinal));
            prop_assert_eq!(events.decode("nobody's", &id) , match events.twin(ordinal) {
                Some(Twin::SameId) => Decoded::WrongTopic(ordinal & !1),
                _ => Decoded::WrongTopic(ordinal),
            });
            prop_assert!(seen.insert((topic, id)), "two keys are one");
        }
    }

    #[test]
    fn a_spelling_that_no_key_has_is_foreign(twins in twins(), ordinal in 0..1_000_u64) {
        let events = events(|spec| spec.twins = twins);
        let topic = events.topic(ordinal);
        let id = events.id_text(ordinal);
        let pair = [events.id_text(ordinal & !1), events.id_text(ordinal | 1)];
        let mut others = vec![id.to_uppercase(), id.to_lowercase(), format!(" {id}"), format!("0{id}")];
        others.extend([" ", "e", "\u{e9}"].map(|end| format!("{id}{end}")));
        others.push("00".to_owned());
        for other in others {
            if !pair.contains(&other) {
                prop_assert_eq!(events.decode(topic, &other), Decoded::Foreign, "{}", other);
            }
        }
    }
}

#[test]
fn the_second_of_a_pair_of_twins_is_what_a_careless_target_takes_for_the_first() {
    let pair_of = |twins: Twins| {
        let events = events(|spec| spec.twins = twins);
        let [first, second] = [0, 1].map(|key| (events.topic(key).to_owned(), events.id_text(key)));
        (first, second)
    };
    let ((topic, id), (other_topic, other_id)) = pair_of(Twins { same_id: 1, ..Twins::default() });
    assert!(topic != other_topic && id == other_id);
    let assert_spelt = |twins: Twins, spell: fn(&str) -> String| {
        let ((topic, id), (other_topic, other_id)) = pair_of(twins);
        assert!(topic == other_topic && id != other_id && spell(&id) == other_id, "{twins:?}");
    };
    assert_spelt(Twins { case: 1, ..Twins::default() }, str::to_uppercase);
    assert_spelt(Twins { trailing_space: 1, ..Twins::default() }, |id| format!("{id} "));
    assert_spelt(Twins { numeric_id: 1, ..Twins::default() }, |id| format!("0{id}"));
    assert_spelt(Twins { long_id: 1, ..Twins::default() }, |id| format!("{}b", &id[..254]));
    assert_spelt(Twins { normalisation: 1, ..Twins::default() }, |id| id.replace('\u{e9}', "e\u{301}"));
}

#[test]
fn twins_by_their_contents_have_ids_of_their_own_and_one_timestamp_or_payload() {
    let contents =
        |events: &Events, key| (events.id_text(key), events.timestamp(key), events.payload(key, Side::Plain));
    let apart = events(|_| {});
    for (twins, kind) in [
        (Twins { same_timestamp: 1, ..Twins::default() }, Twin::SameTimestamp),
        (Twins { same_payload: 1, ..Twins::default() }, Twin::SamePayload),
    ] {
        let events = events(|spec| spec.twins = twins);
        for first in (0..200).step_by(2) {
            assert_eq!(events.twin(first), Some(kind));
            assert_eq!(contents(&events, first), contents(&apart, first), "the first is what it was");
            let (id, timestamp, payload) = contents(&events, first);
            let (other_id, other_timestamp, other_payload) = contents(&events, first + 1);
            assert_eq!(other_id, apart.id_text(first + 1));
            assert_ne!(other_id, id);
            assert_eq!(other_timestamp == timestamp, kind == Twin::SameTimestamp);
            assert_eq!(other_payload == payload, kind == Twin::SamePayload);
            assert_eq!(events.topic(first), events.topic(first + 1));
        }
    }
}

#[test]
fn a_key_with_the_payload_of_another_has_no_second_one() {
    let events = events(|spec| {
        spec.twins = Twins { same_payload: 1, ..Twins::default() };
        spec.variants = Variants { other_payload: 1, ..Variants::default() };
    });
    assert!((0..100).all(|key| events.variant(key).is_none()));
}

#[test]
fn a_restamped_or_renamed_copy_differs_in_that_alone() {
    for (variants, variant, changed) in [
        (Variants { other_timestamp: 4, ..Variants::default() }, Variant::OtherTimestamp, "timestamp"),
        (Variants { other_source: 4, ..Variants::default() }, Variant::OtherSource, "source"),
    ] {
        let mut sent = [false; 2];
        let plan = Plan::try_from(PlanSpec { variants, ..spec() }).expect("a plan");
        let events = Arc::new(Events::new(&plan));
        let bare = Plan::try_from(spec()).expect("a plan");
        let mut renderers = [(Arc::clone(&events)), Arc::new(Events::new(&bare))]
            .map(|events| Renderer::new(events, &Target::default()));
        for index in 0..4 {
            let round = plan.round(index);
            for request in 0..round.requests() {
                let (ordinals, origin) = (round.request(request), round.origin(request));
                let [varied, plain] = renderers.each_mut().map(|renderer| {
                    let mut body = Vec::new();
                    renderer.body(ordinals, origin, &mut body);
                    serde_json::from_slice::<Vec<Value>>(&body).expect("a list of events")
                });
                for (place, (mut varied, plain)) in varied.into_iter().zip(plain).enumerate() {
                    let ordinal = ordinals[place];
                    let side = events.side(ordinal, origin, place);
                    assert!(side == Side::Plain || events.variant(ordinal) == Some(variant));
                    sent[side as usize] = true;
                    if side == Side::Other {
                        let other = events.other_source(ordinal).map(str::to_owned).or_else(|| {
                            events.other_timestamp_ms(ordinal).map(truth::plan::event::timestamp_text)
                        });
                        assert_eq!(varied[changed].as_str(), other.as_deref());
                        assert_ne!(varied[changed], plain[changed]);
                        varied[changed] = plain[changed].clone();
                    }
                    assert_eq!(varied, plain);
                }
            }
        }
        assert_eq!(sent, [true, true]);
    }
}

#[test]
fn one_pair_in_so_many_is_a_twin() {
    let events = events(|spec| spec.twins = Twins { same_id: 16, ..Twins::default() });
    let twins = (0..32_000_u64).step_by(2).filter(|key| events.twin(*key).is_some()).count();
    assert!((800..1_200).contains(&twins), "{twins} of 16,000");
    assert!((0..2_000).all(|pair| events.twin(2 * pair) == events.twin(2 * pair + 1)));
}

#[test]
fn a_number_that_is_an_id_is_one_to_whoever_reads_it_as_a_number() {
    let events = events(|spec| spec.twins = Twins { numeric_id: 1, ..Twins::default() });
    for key in (0..2_000).step_by(2) {
        let [first, second] =
            [key, key + 1].map(|key| events.id_text(key).parse::<u128>().expect("a number"));
        assert_eq!(first, second);
    }
}

#[test]
fn a_key_of_two_payloads_is_sent_with_both_and_any_other_with_one() {
    let each = [
        (Variants { other_payload: 4, ..Variants::default() }, Variant::OtherPayload),
        (Variants { key_order: 4, ..Variants::default() }, Variant::KeyOrder),
        (Variants { number_spelling: 4, ..Variants::default() }, Variant::NumberSpelling),
    ];
    for (variants, variant) in each {
        let plan = Plan::try_from(PlanSpec { variants, ..spec() }).expect("a plan");
        let events = Arc::new(Events::new(&plan));
        let mut renderer = Renderer::new(Arc::clone(&events), &Target::default());
        let mut carried = std::collections::HashMap::<u64, [u32; 2]>::new();
        for index in 0..4 {
            let round = plan.round(index);
            for request in 0..round.requests() {
                let (ordinals, origin, mut body) =
                    (round.request(request), round.origin(request), Vec::new());
                renderer.body(ordinals, origin, &mut body);
                let sent: Vec<std::collections::HashMap<String, Box<serde_json::value::RawValue>>> =
                    serde_json::from_slice(&body).expect("a list of events");
                for (place, (event, ordinal)) in sent.iter().zip(ordinals).enumerate() {
                    let side = events.side(*ordinal, origin, place);
                    assert_eq!(event["payload"].get(), events.payload(*ordinal, side));
                    assert!(side == Side::Plain || events.variant(*ordinal) == Some(variant));
                    carried.entry(*ordinal).or_default()[side as usize] += 1;
                }
            }
        }
        let both = carried.values().filter(|[plain, other]| *plain > 0 && *other > 0).count();
        assert!(both > 20, "{variant:?}: {both} keys were sent with both");
        let contested = (0..40_000).filter(|key| events.variant(*key).is_some()).count();
        assert!((9_500..10_500).contains(&contested), "{contested} of 40,000");
        for key in (0..1_000).filter(|key| events.variant(*key).is_some()) {
            let [plain, other] = [Side::Plain, Side::Other].map(|side| events.payload(key, side));
            assert_ne!(plain, other);
            let parse = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
            let plain = parse(&plain);
            let other = parse(&other);
            match variant {
                Variant::KeyOrder => assert_eq!(plain, other),
                Variant::NumberSpelling => assert_eq!(plain["n"].as_f64(), other["n"].as_f64()),
                Variant::OtherPayload => assert!(plain["n"] == other["n"] && plain["data"] != other["data"]),
                Variant::OtherTimestamp | Variant::OtherSource => unreachable!("one payload"),
            }
        }
    }
}
