//! Outcomes of responses, for targets that speak differently.

use proptest::prelude::*;
use serde_json::Value;
use truth::target::answer::{Answer, Kind, Kinds, Outcome};
use truth::target::{AnswerFields, StatusPattern, Target};

fn classify(target: &Target, body: &str) -> Answer {
    Answer::classify(target, 200, body.as_bytes(), 2)
}

/// Returns a target with these places in its responses.
fn telling(fields: AnswerFields) -> Target {
    Target { answer: fields, ..Target::default() }
}

fn at(pointer: &str) -> Option<String> {
    Some(pointer.to_owned())
}

#[test]
fn every_status_has_one_meaning() {
    for status in 0..=1_000 {
        let expected = match status {
            200..=299 => Outcome::Acked,
            408 | 499 => Outcome::Unknown,
            300..=499 | 503 => Outcome::Rejected,
            _ => Outcome::Unknown,
        };
        let answer = Answer::classify(&Target::default(), status, b"{}", 2);
        assert_eq!(answer, Answer::bare(expected), "{status}");
    }
}

#[test]
fn a_status_that_is_named_nowhere_is_unknown() {
    let mut target = Target::default();
    target.publish.ack = vec![StatusPattern::Exact(202)];
    target.publish.rejected = vec![];
    let outcome = |status| Answer::classify(&target, status, b"{}", 1).outcome;
    assert_eq!(
        [202, 200, 404, 503].map(outcome),
        [Outcome::Acked, Outcome::Unknown, Outcome::Unknown, Outcome::Unknown]
    );
}

#[test]
fn an_acknowledgement_outranks_a_rejection_of_the_same_rank() {
    let mut target = Target::default();
    target.publish.ack.push(StatusPattern::Class(4));
    target.publish.ack.push(StatusPattern::Exact(503));
    let outcome = |status| Answer::classify(&target, status, b"{}", 1).outcome;
    assert_eq!([404, 503, 408].map(outcome), [Outcome::Acked, Outcome::Acked, Outcome::Unknown]);
}

#[test]
fn a_target_that_tells_nothing_needs_no_body() {
    for body in ["", "OK", "<html>", "{}"] {
        assert_eq!(
            classify(&telling(AnswerFields::default()), body),
            Answer::bare(Outcome::Acked),
            "{body:?}"
        );
    }
}

#[test]
fn counts_are_read_where_the_mapping_points() {
    let target = telling(AnswerFields {
        accepted: at("/data/0/taken"),
        inserted: at("/a~1b"),
        ..AnswerFields::default()
    });
    let answer = classify(&target, r#"{"data":[{"taken":2}],"a/b":1,"duplicates":1}"#);
    assert_eq!((answer.accepted, answer.inserted, answer.duplicates), (Some(2), Some(1), None));
}

#[test]
fn what_is_no_count_is_no_count() {
    for count in
        ["-1", "1.5", "2.0", "1e3", "4294967296", "99999999999999999999", "\"2\"", "null", "true", "[2]"]
    {
        let answer = classify(&Target::default(), &format!(r#"{{"accepted":{count}}}"#));
        assert_eq!(answer, Answer::bare(Outcome::Acked), "{count}");
    }
}

#[test]
fn a_list_tells_each_event_in_the_targets_words() {
    let target = telling(AnswerFields {
        results: at(""),
        new: vec!["created".to_owned(), "new".to_owned()],
        duplicate: vec!["seen".to_owned()],
        taken: vec!["queued".to_owned()],
        rejected: vec!["bad".to_owned()],
        ..AnswerFields::default()
    });
    let kinds = |body| classify(&target, body).kinds;
    assert_eq!(kinds(r#"["created","new"]"#), Kinds::AllNew);
    assert_eq!(kinds(r#"["seen","seen"]"#), Kinds::AllDuplicate);
    assert_eq!(kinds(r#"["seen","created"]"#), Kinds::Each(vec![Kind::Duplicate, Kind::New]));
    assert_eq!(kinds(r#"["queued","bad"]"#), Kinds::Each(vec![Kind::Accepted, Kind::Rejected]));
    for unknown in [r#"["Created","new"]"#, r#"["new",1]"#] {
        assert_eq!(classify(&target, unknown), unclear(unknown), "{unknown}");
    }
    assert_eq!(kinds(r#"["created"]"#), Kinds::Unreported, "a list of another length");
    assert_eq!(kinds(r#"{"results":["created","new"]}"#), Kinds::Unreported, "no list there");
}

#[test]
fn a_list_says_more_than_counts_do() {
    let body = r#"{"accepted":2,"inserted":2,"duplicates":0,"results":["inserted","duplicate"]}"#;
    let answer = classify(&Target::default(), body);
    assert_eq!(answer.kinds, Kinds::Each(vec![Kind::New, Kind::Duplicate]));
    assert_eq!(
        (answer.inserted, answer.duplicates),
        (Some(2), Some(0)),
        "both are kept, for a judge to compare"
    );
}

#[test]
fn an_event_that_nothing_is_told_of_is_accepted() {
    assert_eq!(Kinds::Unreported.of(0), Kind::Accepted);
    assert_eq!((Kinds::AllNew.of(9), Kinds::AllDuplicate.of(9)), (Kind::New, Kind::Duplicate));
    assert_eq!(Kinds::Each(vec![Kind::New]).of(1), Kind::Accepted);
}

proptest! {
    #[test]
    fn no_answer_makes_the_classifier_panic(
        status: u16,
        body in prop::collection::vec(any::<u8>(), 0..200),
        sent: u32,
    ) {
        let answer = Answer::classify(&Target::default(), status, &body, sent);
        prop_assert!(answer.outcome != Outcome::NeverSent);
        if answer.outcome != Outcome::Acked {
            let bare = Answer { excerpt: answer.excerpt.clone(), ..Answer::bare(answer.outcome) };
            prop_assert_eq!(&answer, &bare, "only an acknowledgement tells anything");
        }
    }

    #[test]
    fn codes_are_as_many_as_events(
        words in prop::collection::vec(prop::sample::select(vec!["inserted", "duplicate"]), 0..8),
        counts in prop::array::uniform3(prop::option::of(0..9_u32)),
        sent in 1..8_u32,
    ) {
        let [accepted, inserted, duplicates] = counts;
        let body = serde_json::json!({
            "accepted": accepted, "inserted": inserted, "duplicates": duplicates, "results": words
        });
        let answer = Answer::classify(&Target::default(), 200, body.to_string().as_bytes(), sent);
        if words.len() != sent as usize && counts_less(accepted, inserted, duplicates, sent) {
            prop_assert_eq!(answer.outcome, Outcome::Unclear, "which of them were taken?");
            return Ok(());
        }
        prop_assert_eq!((answer.accepted, answer.inserted, answer.duplicates), (accepted, inserted, duplicates));
        if words.len() == sent as usize {
            for (place, word) in words.iter().enumerate() {
                let expected = if *word == "inserted" { Kind::New } else { Kind::Duplicate };
                prop_assert_eq!(answer.kinds.of(place), expected);
            }
        } else {
            let expected = match (inserted, duplicates) {
                (Some(new), _) if new == sent => Kinds::AllNew,
                (Some(0), Some(known)) if known == sent => Kinds::AllDuplicate,
                _ => Kinds::Unreported,
            };
            prop_assert_eq!(answer.kinds, expected);
        }
    }
}

fn unclear(body: &str) -> Answer {
    Answer { excerpt: Some(body.into()), ..Answer::bare(Outcome::Unclear) }
}

/// True if no reading of the counts adds up to the events that were sent, and they are fewer.
fn counts_less(accepted: Option<u32>, inserted: Option<u32>, duplicates: Option<u32>, sent: u32) -> bool {
    let sum = match (accepted, inserted, duplicates) {
        (_, Some(new), Some(known)) | (Some(new), None, Some(known)) => Some(new + known),
        _ => None,
    };
    match (accepted, sum) {
        (_, Some(sum)) if sum == sent => false,
        (Some(accepted), _) => accepted < sent,
        (None, Some(sum)) => sum < sent,
        (None, None) => false,
    }
}

/// Reads a response by parsing the whole document first, as a second opinion.
fn by_document(target: &Target, body: &str, sent: u32) -> Answer {
    let fields = &target.answer;
    let Ok(document) = serde_json::from_str::<Value>(body) else { return Answer::bare(Outcome::Unclear) };
    let at = |pointer: &Option<String>| document.pointer(pointer.as_deref()?);
    let count = |pointer| u32::try_from(at(pointer)?.as_u64()?).ok();
    let [accepted, inserted, duplicates] =
        [&fields.accepted, &fields.inserted, &fields.duplicates].map(count);
    let list = at(&fields.results).and_then(Value::as_array).filter(|list| list.len() == sent as usize);
    let word = |entry: &Value| match entry.as_str()? {
        "inserted" => Some(Kind::New),
        "duplicate" => Some(Kind::Duplicate),
        _ => None,
    };
    let kinds = match list {
        Some(list) => match list.iter().map(word).collect::<Option<Vec<Kind>>>() {
            None => return Answer::bare(Outcome::Unclear),
            Some(kinds) if kinds.iter().all(|kind| *kind == Kind::New) => Kinds::AllNew,
            Some(kinds) if kinds.iter().all(|kind| *kind == Kind::Duplicate) => Kinds::AllDuplicate,
            Some(kinds) => Kinds::Each(kinds),
        },
        None if counts_less(accepted, inserted, duplicates, sent) => {
            return Answer::bare(Outcome::Unclear);
        }
        None if inserted == Some(sent) => Kinds::AllNew,
        None if inserted == Some(0) && duplicates == Some(sent) => Kinds::AllDuplicate,
        None => Kinds::Unreported,
    };
    Answer { accepted, inserted, duplicates, kinds, ..Answer::bare(Outcome::Acked) }
}

/// Generates JSON as text: names that come twice, numbers of every spelling, blanks, and now and
/// then a wrong end.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "0",
        "1",
        "2",
        "-1",
        "2.0",
        "1e2",
        "4294967296",
        "\"2\"",
        "null",
        "true",
        "\"inserted\"",
        "\"duplicate\"",
        "\"other\"",
        "\"in\\u0073erted\"",
        "[]",
        "{}",
        "[\"inserted\",\"duplicate\"]",
        "[\"inserted\",\"inserted\"]",
        "[\"inserted\",7]",
    ]);
    let name = prop::sample::select(vec!["a", "b", "0", "1", "m/n", "m~n", "\\u0061", ""]);
    let value = leaf.prop_map(str::to_owned).prop_recursive(4, 24, 4, move |inner| {
        let member = (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\" : {value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {} ]", items.join(" , "))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}\n}}", members.join(","))),
        ]
    });
    let end = prop::sample::select(vec!["", "", "", "", " \n", " x", "}"]);
    (value, end).prop_map(|(value, end)| format!("{value}{end}"))
}

fn pointer() -> impl Strategy<Value = Option<String>> {
    let known = [
        "", "/", "/a", "/b", "/0", "/a/b", "/b/a", "/a/0", "/0/a", "/1/1", "/m~1n", "/m~0n/a", "/a/b/0", "a",
        "/00",
    ];
    prop::option::of(prop::sample::select(known.map(str::to_owned).to_vec()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn reading_in_passing_finds_what_the_whole_document_holds(
        body in json(),
        pointers in prop::array::uniform4(pointer()),
        sent in 0..4_u32,
    ) {
        let [accepted, inserted, duplicates, results] = pointers;
        let words = |word: &str| vec![word.to_owned()];
        let target = telling(AnswerFields {
            accepted, inserted, duplicates, results,
            new: words("inserted"), duplicate: words("duplicate"),
            ..AnswerFields::default()
        });
        let fields = &target.answer;
        let tells = [&fields.accepted, &fields.inserted, &fields.duplicates, &fields.results];
        prop_assume!(tells.into_iter().any(Option::is_some));
        let read = Answer::classify(&target, 200, body.as_bytes(), sent);
        let read = Answer { excerpt: None, ..read };
        prop_assert_eq!(read, by_document(&target, &body, sent), "{}", body);
    }
}
