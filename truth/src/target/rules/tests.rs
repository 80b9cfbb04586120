use super::*;
use crate::plan::event::Events;
use crate::scenario::Scenario;
use crate::target::answer::{Answer, Kind, Kinds};

/// Events of the default scenario: the keys have topics in turn.
fn events() -> Events {
    Events::new(&Scenario::default().plan(1, 2).unwrap())
}

fn parsed(text: &str) -> Result<AnswerRules, toml::de::Error> {
    #[derive(Deserialize)]
    struct Written {
        answers: AnswerRules,
    }
    toml::from_str::<Written>(text).map(|written| written.answers)
}

/// Reads a response to a request with these keys by rules.
fn read(rules: &str, status: u16, body: &str, ordinals: &[u64]) -> ReadAnswer {
    read_with(rules, status, &[], body, ordinals)
}

fn read_with(rules: &str, status: u16, headers: &[(&str, &str)], body: &str, ordinals: &[u64]) -> ReadAnswer {
    let events = events();
    let field =
        |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes());
    let response = Response { status, field: &field, body: body.as_bytes() };
    let rules = parsed(rules).unwrap_or_else(|error| panic!("{rules}\n{error}"));
    rules.read(&response, Sent { ordinals, events: &events, invalid: None })
}

/// Returns the kinds of an acknowledgement, or its outcome.
fn kinds(read: ReadAnswer) -> Result<Kinds, Outcome> {
    match read.answer.outcome {
        Outcome::Acked => Ok(read.answer.kinds),
        outcome => Err(outcome),
    }
}

fn each(kinds: &[Kind]) -> Result<Kinds, Outcome> {
    Ok(Kinds::Each(kinds.to_vec()))
}

const UNCLEAR: Result<Kinds, Outcome> = Err(Outcome::Unclear);

const TWO: &[u64] = &[0, 1];

#[test]
fn the_first_rule_whose_status_and_conditions_fit_decides_and_without_one_it_is_unknown() {
    let rules = r#"
        [[answers]]
        status = 200
        where = { "/code" = 0, "header:x-replayed" = "true" }
        means = "duplicate"
        [[answers]]
        status = [200, "201"]
        where = { "/failed" = { exists = false } }
        means = "new"
        [[answers]]
        status = "4xx"
        where = { body = { has = "<Error>" } }
        means = "rejected"
        [[answers]]
        status = 429
        means = "busy""#;
    let replayed = [("x-replayed", "true")];
    for (status, headers, body, expected) in [
        (200, &replayed[..], r#"{"code":0}"#, Ok(Kinds::AllDuplicate)),
        (200, &replayed, r#"{"code":1}"#, Ok(Kinds::AllNew)),
        (200, &[], r#"{"code":0}"#, Ok(Kinds::AllNew)),
        (201, &[], "{}", Ok(Kinds::AllNew)),
        (201, &[], r#"{"failed":null}"#, Err(Outcome::Unknown)),
        (200, &[], "<html>", Err(Outcome::Unknown)),
        (404, &[], "<a><Error></a>", Err(Outcome::Rejected)),
        (404, &[], "{}", Err(Outcome::Unknown)),
        (408, &[], "<Error>", Err(Outcome::Unknown)),
        (499, &[], "<Error>", Err(Outcome::Unknown)),
        (429, &[], "{}", Err(Outcome::Rejected)),
        (500, &[], "{}", Err(Outcome::Unknown)),
    ] {
        let read = read_with(rules, status, headers, body, TWO);
        assert_eq!(read.is_busy, status == 429, "{status} {body}");
        assert_eq!(kinds(read), expected, "{status} {body}");
    }
}

#[test]
fn a_status_that_is_left_out_is_any() {
    let rules = "[[answers]]\nmeans = \"accepted\"";
    for status in [200, 302, 408, 499, 500] {
        assert_eq!(kinds(read(rules, status, "", TWO)), Ok(Kinds::Unreported), "{status}");
    }
    let exact = "[[answers]]\nstatus = [408]\nmeans = \"rejected\"";
    assert_eq!(kinds(read(exact, 408, "", TWO)), Err(Outcome::Rejected), "it is named");
}

#[test]
fn the_rule_that_decides_is_the_last_that_is_tried() {
    let rules = r#"
        [[answers]]
        status = 200
        word = "/status"
        words = { ok = "accepted" }
        [[answers]]
        means = "rejected""#;
    assert_eq!(kinds(read(rules, 200, r#"{"status":"ok"}"#, TWO)), Ok(Kinds::Unreported));
    for body in [r#"{"status":"failed"}"#, "{}", "", r#"{"status":["ok"]}"#, r#"{"status":"ok"} x"#] {
        let read = read(rules, 200, body, TWO);
        let excerpt = Some(body).filter(|body| !body.is_empty());
        assert_eq!((read.answer.outcome, read.answer.excerpt.as_deref()), (Outcome::Unclear, excerpt));
    }
}

#[test]
fn a_word_outside_of_a_list_speaks_for_the_whole_request() {
    let rules = r#"
        [[answers]]
        status = 200
        word = "/data/status"
        words = { failed = "rejected", stored = "new", 7 = "unknown", true = "duplicate", null = "busy", absent = "accepted" }"#;
    for (body, expected) in [
        (r#"{"data":{"status":"failed"}}"#, Err(Outcome::Rejected)),
        (r#"{"data":{"status":"stored"}}"#, Ok(Kinds::AllNew)),
        (r#"{"data":{"status":7}}"#, Err(Outcome::Unknown)),
        (r#"{"data":{"status":"7"}}"#, Err(Outcome::Unknown)),
        (r#"{"data":{"status":true}}"#, Ok(Kinds::AllDuplicate)),
        (r#"{"data":{"status":null}}"#, Err(Outcome::Rejected)),
        (r#"{"data":{}}"#, Ok(Kinds::Unreported)),
        (r#"{"data":{"status":"stored","status":"failed"}}"#, Err(Outcome::Rejected)),
        (r#"{"data":{"status":"failed"},"data":{}}"#, Ok(Kinds::Unreported)),
        (r#"{"data":{"status":8}}"#, UNCLEAR),
        ("", UNCLEAR),
    ] {
        assert_eq!(kinds(read(rules, 200, body, &[5])), expected, "{body}");
    }
}

const BULK: &str = r#"
    [[answers]]
    status = 200
    each = "/items/*/create"
    word = "/status"
    words = { 201 = "new", 409 = "duplicate", 429 = "busy", 4xx = "rejected", 5xx = "unknown" }"#;

fn bulk(statuses: &[&str]) -> String {
    let items: Vec<String> =
        statuses.iter().map(|status| format!(r#"{{"create":{{"_id":"a","status":{status}}}}}"#)).collect();
    format!(r#"{{"took":3,"errors":true,"items":[{}]}}"#, items.join(","))
}

#[test]
fn entries_in_order_speak_for_one_event_each() {
    use Kind::{Duplicate, New, Rejected, Unknown};
    for (statuses, expected) in [
        (&["201", "201"][..], Ok(Kinds::AllNew)),
        (&["409", "409"], Ok(Kinds::AllDuplicate)),
        (&["201", "\"409\""], each(&[New, Duplicate])),
        (&["429", "201"], each(&[Rejected, New])),
        (&["201", "503"], each(&[New, Unknown])),
        (&["400", "503"], each(&[Rejected, Unknown])),
        (&["400", "429"], Err(Outcome::Rejected)),
        (&["500", "503"], Err(Outcome::Unknown)),
        (&["201"], UNCLEAR),
        (&["201", "201", "201"], UNCLEAR),
        (&["201", "200"], UNCLEAR),
        (&["201", "408"], UNCLEAR),
        (&["201", "null"], UNCLEAR),
        (&["201", "{}"], UNCLEAR),
        (&[], UNCLEAR),
    ] {
        let read = read(BULK, 200, &bulk(statuses), TWO);
        assert_eq!(read.is_busy, statuses.contains(&"429"), "{statuses:?}");
        assert_eq!(kinds(read), expected, "{statuses:?}");
    }
}

#[test]
fn a_list_that_is_not_as_described_is_unclear() {
    for body in [
        "{}",
        r#"{"items":{"0":{"create":{"status":201}}}}"#,
        r#"{"items":[{"create":{"status":201}},{"index":{"status":201}}]}"#,
        r#"{"items":[{"create":{"status":201}},7]}"#,
        r#"{"items":null}"#,
        r#"{"items":[{"create":{"status":201}},{"create":{"status":201}}],"items":[]}"#,
        r#"[{"create":{"status":201}},{"create":{"status":201}}]"#,
    ] {
        assert_eq!(kinds(read(BULK, 200, body, TWO)), UNCLEAR, "{body}");
    }
}

#[test]
fn entries_may_be_words_themselves_and_lines_are_a_list() {
    let plain = "[[answers]]\neach = \"/*\"\nwords = { ok = \"new\", known = \"duplicate\" }";
    let expected = each(&[Kind::New, Kind::Duplicate]);
    assert_eq!(kinds(read(plain, 200, r#"["ok","known"]"#, TWO)), expected);
    let lines = format!("{plain}\nformat = \"ndjson\"");
    assert_eq!(kinds(read(&lines, 200, "\"ok\"\n\"known\"\n", TWO)), expected);
    for body in ["\"ok\"", "\"ok\"\nknown\n", "", "[\"ok\",\"known\"]"] {
        assert_eq!(kinds(read(&lines, 200, body, TWO)), UNCLEAR, "{body}");
    }
}

#[test]
fn a_pointer_below_a_text_reads_it_as_json() {
    let rules = r#"
        [[answers]]
        where = { "/result/ok" = true }
        each = "/result/items/*"
        word = "/inner/0/s"
        words = { a = "new", b = "rejected" }"#;
    let inner = |word: &str| serde_json::json!({ "inner": format!("[{{\"s\":\"{word}\"}}]") });
    let items = serde_json::json!({ "ok": true, "items": [inner("a"), inner("b")] }).to_string();
    let body = serde_json::json!({ "result": items }).to_string();
    assert_eq!(kinds(read(rules, 200, &body, TWO)), each(&[Kind::New, Kind::Rejected]));
    let not_json = serde_json::json!({ "result": items + "x" }).to_string();
    assert_eq!(kinds(read(rules, 200, &not_json, TWO)), Err(Outcome::Unknown), "no condition holds in it");
}

#[test]
fn entries_name_events_by_their_numbers() {
    use Kind::{Accepted, Rejected};
    let rules = |first: &str| {
        format!(
            "[[answers]]\neach = \"/ok/*\"\nindex = \"/Id\"\nmeans = \"accepted\"\nrest = \"rejected\"\n{first}"
        )
    };
    let named = |numbers: &[&str]| {
        let entries: Vec<String> = numbers.iter().map(|number| format!("{{\"Id\":{number}}}")).collect();
        format!("{{\"ok\":[{}]}}", entries.join(","))
    };
    let three: &[u64] = &[0, 1, 2];
    for (numbers, expected) in [
        (&["\"2\"", "0"][..], each(&[Accepted, Rejected, Accepted])),
        (&["0", "1", "2"], Ok(Kinds::Unreported)),
        (&[], Err(Outcome::Rejected)),
        (&["0", "0"], UNCLEAR),
        (&["3"], UNCLEAR),
        (&["-1"], UNCLEAR),
        (&["null"], UNCLEAR),
        (&["\"x\""], UNCLEAR),
    ] {
        assert_eq!(kinds(read(&rules(""), 200, &named(numbers), three)), expected, "{numbers:?}");
    }
    let from_one = rules("first = 1");
    assert_eq!(kinds(read(&from_one, 200, &named(&["1"]), three)), each(&[Accepted, Rejected, Rejected]));
    assert_eq!(kinds(read(&from_one, 200, &named(&["0"]), three)), UNCLEAR);
    assert_eq!(kinds(read(&from_one, 200, "{\"ok\":[{}]}", three)), UNCLEAR, "no number");
    let all = "[[answers]]\neach = \"/*\"\nindex = \"\"\nmeans = \"new\"";
    assert_eq!(kinds(read(all, 200, "[1,0]", TWO)), Ok(Kinds::AllNew));
    assert_eq!(kinds(read(all, 200, "[1]", TWO)), UNCLEAR, "each has to be named");
}

/// Reads a response that names keys by their ids.
fn by_id(rule: &str, named: &[(u64, &str)], sent: &[u64]) -> Result<Kinds, Outcome> {
    let events = events();
    let entries: Vec<serde_json::Value> = named
        .iter()
        .map(|(ordinal, word)| {
            serde_json::json!({ "id": events.id_text(*ordinal), "at": events.topic(*ordinal), "word": word })
        })
        .collect();
    let rules = format!("[[answers]]\neach = \"/*\"\nid = \"/id\"\n{rule}");
    kinds(read(&rules, 200, &serde_json::Value::from(entries).to_string(), sent))
}

#[test]
fn an_id_that_is_named_once_speaks_for_the_first_copy() {
    use Kind::{Accepted, Duplicate, New, Rejected};
    let new = "means = \"new\"\nrest = \"duplicate\"";
    assert_eq!(by_id(new, &[(8, "")], &[7, 8, 8, 7]), each(&[Duplicate, New, Duplicate, Duplicate]));
    let same = "word = \"/word\"\nwords = { a = \"accepted\", b = \"rejected\", k = \"duplicate\" }";
    let expected = each(&[Rejected, Accepted, Accepted, Rejected]);
    assert_eq!(by_id(same, &[(8, "a"), (7, "b")], &[7, 8, 8, 7]), expected);
    assert_eq!(by_id(same, &[(7, "k")], &[7, 7]), Ok(Kinds::AllDuplicate));
    // As often as it was sent: one after the other.
    assert_eq!(by_id(same, &[(7, "a"), (7, "b")], &[7, 7]), each(&[Accepted, Rejected]));
    assert_eq!(by_id(same, &[(7, "a"), (7, "b")], &[7, 7, 7]), UNCLEAR);
    assert_eq!(by_id(same, &[(7, "a"), (7, "a")], &[7]), UNCLEAR, "named more often than sent");
    assert_eq!(by_id(same, &[(7, "a")], &[7, 8]), UNCLEAR, "each has to be named");
    assert_eq!(by_id(same, &[(7, "a"), (9, "a")], &[7, 8]), UNCLEAR, "it was not sent");
    assert_eq!(by_id(same, &[(7, "c")], &[7]), UNCLEAR, "the word is not listed");
}

#[test]
fn of_a_key_that_is_named_for_its_known_copy_another_may_be_new() {
    use Kind::{Accepted, Duplicate, New};
    let known = "means = \"duplicate\"\nrest = \"new\"";
    assert_eq!(by_id(known, &[(7, "")], &[7, 7, 8, 8]), each(&[Duplicate, Accepted, New, Duplicate]));
}

#[test]
fn an_id_under_two_topics_needs_the_topic() {
    let mut scenario = Scenario::default();
    scenario.traps.same_id = 1;
    let events = Events::new(&scenario.plan(1, 2).unwrap());
    let pair = (0..200_u64).map(|first| [2 * first, 2 * first + 1]);
    let same_id = |[one, other]: &[u64; 2]| {
        events.id_text(*one) == events.id_text(*other) && events.topic(*one) != events.topic(*other)
    };
    let pair = pair.into_iter().find(same_id).expect("a pair of keys with one id");
    let entry = |ordinal| serde_json::json!({ "id": events.id_text(ordinal), "at": events.topic(ordinal) });
    let body = serde_json::json!([entry(pair[1])]).to_string();
    let response = Response { status: 200, field: &|_| None, body: body.as_bytes() };
    let read = |topic: &str| {
        let rules = "[[answers]]\neach = \"/*\"\nid = \"/id\"\nmeans = \"new\"\nrest = \"duplicate\"\n";
        let rules = parsed(&format!("{rules}{topic}")).unwrap();
        kinds(rules.read(&response, Sent { ordinals: &pair, events: &events, invalid: None }))
    };
    assert_eq!(read(""), UNCLEAR, "which of the two?");
    assert_eq!(read("topic = \"/at\""), each(&[Kind::Duplicate, Kind::New]));
}

#[test]
fn counts_have_to_be_there_and_to_add_up() {
    let rules = r#"
        [[answers]]
        means = "accepted"
        counts = { accepted = "/n", new = "/new", rejected = "/partial/rejected" }"#;
    let answer = read(rules, 200, r#"{"n":"2","new":1,"partial":{"rejected":0}}"#, TWO).answer;
    assert_eq!((answer.accepted, answer.inserted, answer.duplicates), (Some(2), Some(1), None));
    assert_eq!((answer.outcome, answer.kinds), (Outcome::Acked, Kinds::Unreported));
    for body in [
        r#"{"n":1,"new":1,"partial":{"rejected":1}}"#,
        r#"{"n":2,"new":1,"partial":{"rejected":1}}"#,
        r#"{"n":1,"new":1,"partial":{"rejected":0}}"#,
        r#"{"n":3,"new":1,"partial":{"rejected":0}}"#,
        r#"{"n":2,"new":3,"partial":{"rejected":0}}"#,
        r#"{"n":2,"new":1,"partial":{}}"#,
        r#"{"n":2.5,"new":1,"partial":{"rejected":0}}"#,
        r#"{"n":null,"new":1,"partial":{"rejected":0}}"#,
    ] {
        assert_eq!(kinds(read(rules, 200, body, TWO)), UNCLEAR, "{body}");
    }
}

#[test]
fn counts_beside_a_list_are_those_of_the_list() {
    let rules = r#"
        [[answers]]
        each = "/failed/*"
        index = "/at"
        means = "rejected"
        rest = "accepted"
        counts = { accepted = "/n", rejected = "/bad" }"#;
    let three: &[u64] = &[0, 1, 2];
    let sound = read(rules, 200, r#"{"failed":[{"at":1}],"n":2,"bad":1}"#, three).answer;
    assert_eq!(sound.accepted, Some(2));
    assert_eq!(sound.kinds, Kinds::Each(vec![Kind::Accepted, Kind::Rejected, Kind::Accepted]));
    for body in [r#"{"failed":[{"at":1}],"n":3,"bad":1}"#, r#"{"failed":[],"n":2,"bad":1}"#] {
        assert_eq!(kinds(read(rules, 200, body, three)), UNCLEAR, "{body}");
    }
}

#[test]
fn new_for_a_whole_request_is_said_of_the_first_copy_of_each_key() {
    let rules = "[[answers]]\nmeans = \"new\"";
    assert_eq!(kinds(read(rules, 200, "", &[3])), Ok(Kinds::AllNew));
    assert_eq!(kinds(read(rules, 200, "", &[3, 4])), Ok(Kinds::AllNew));
    let expected = each(&[Kind::New, Kind::New, Kind::Duplicate]);
    assert_eq!(kinds(read(rules, 200, "", &[3, 4, 3])), expected);
}

#[test]
fn an_entry_for_an_invalid_event_is_of_no_key() {
    let events = events();
    let body = bulk(&["201", "400", "409"]);
    let response = Response { status: 200, field: &|_| None, body: body.as_bytes() };
    let read = |invalid| {
        let sent = Sent { ordinals: TWO, events: &events, invalid };
        kinds(parsed(BULK).unwrap().read(&response, sent))
    };
    assert_eq!(read(Some(1)), each(&[Kind::New, Kind::Duplicate]));
    assert_eq!(read(Some(0)), each(&[Kind::Rejected, Kind::Duplicate]));
    assert_eq!(read(None), UNCLEAR);
    let named =
        parsed("[[answers]]\neach = \"/*\"\nindex = \"\"\nmeans = \"new\"\nrest = \"rejected\"").unwrap();
    let response = Response { status: 200, field: &|_| None, body: b"[0]" };
    let sent = Sent { ordinals: TWO, events: &events, invalid: Some(0) };
    assert_eq!(kinds(named.read(&response, sent)), UNCLEAR, "the first, or the first that is valid?");
}

#[test]
fn rules_are_written_back_as_they_were_read() {
    let text = r#"
        [[answers]]
        status = [200, "4xx"]
        where = { "/a" = 0, "/b" = true, "/c" = "x", "/d" = 1.5, "/e" = { exists = false }, body = { has = "y" } }
        format = "ndjson"
        each = "/*/create"
        word = "/status"
        words = { 201 = "new", null = "accepted" }
        id = "/_id"
        topic = "/_index"
        rest = "duplicate"
        counts = { accepted = "/n" }
        [[answers]]
        each = "/*"
        index = ""
        first = 1
        means = "busy""#;
    let rules = parsed(text).unwrap();
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<AnswerRules>(&json).unwrap(), rules, "{json}");
    assert!(json.contains(r#""status":["200","4xx"]"#) && !json.contains("null,"), "{json}");
    assert_eq!(
        serde_json::to_string(&AnswerRules::compile(rules.written().to_vec()).unwrap()).unwrap(),
        json
    );
}

#[test]
fn a_wrong_rule_is_an_error_that_names_its_number_and_its_line() {
    let sound = "[[answers]]\nstatus = 200\nmeans = \"new\"\n";
    for (rule, reason) in [
        ("status = 201", "it does not say what the response means"),
        ("means = \"neww\"", "unknown variant `neww`"),
        ("mean = \"new\"", "unknown field `mean`"),
        ("status = \"20x\"\nmeans = \"new\"", "`20x` is not a status"),
        ("status = 700\nmeans = \"new\"", "`700` is not a status"),
        ("status = true\nmeans = \"new\"", "a status is written as 200"),
        ("status = 201\nmeans = \"new\"\nwords = { a = \"new\" }", "both means and words"),
        ("means = \"new\"\nword = \"/a\"", "both means and word"),
        ("word = \"/a\"", "word needs words"),
        ("words = { a = \"new\" }", "words needs word"),
        ("each = \"/a/*\"\nword = \"/b\"", "word needs words"),
        ("each = \"/a\"\nmeans = \"new\"", "write it as \"/a/*\""),
        ("each = \"a/*\"\nmeans = \"new\"", "not a JSON pointer; write it as \"/a/*\""),
        ("each = \"/a/*/b/*\"\nmeans = \"new\"", "more than one *"),
        ("word = \"/a/*\"\nwords = { a = \"new\" }", "stands in each alone"),
        ("means = \"new\"\nindex = \"/a\"", "need each"),
        ("means = \"new\"\nrest = \"new\"", "need each"),
        ("each = \"/*\"\nmeans = \"new\"\nrest = \"new\"", "rest needs index or id"),
        ("each = \"/*\"\nmeans = \"new\"\nindex = \"/a\"\nid = \"/b\"", "both index and id"),
        ("each = \"/*\"\nmeans = \"new\"\nid = \"/b\"\nfirst = 1", "first needs index"),
        ("each = \"/*\"\nmeans = \"new\"\ntopic = \"/b\"", "topic needs id"),
        ("means = \"rejected\"\ncounts = { accepted = \"/n\" }", "means says that none was"),
        ("means = \"new\"\ncounts = { accepted = \"n\" }", "accepted = \"n\" is not a JSON pointer"),
        ("means = \"new\"\nwhere = { code = 0 }", "`header:NAME` or `body`; write it as \"/code\""),
        ("means = \"new\"\nwhere = { \"header:a b\" = 0 }", "`a b` is not the name of a header"),
        ("means = \"new\"\nwhere = { \"/a\" = [1] }", "a condition is a value"),
        ("means = \"new\"\nwhere = { \"/a\" = { exist = true } }", "a condition is a value"),
        ("status = 200\nmeans = \"duplicate\"", "no response is left for it"),
    ] {
        let error = parsed(&format!("{sound}\n[[answers]]\n{rule}\n")).unwrap_err().to_string();
        assert!(
            error.contains("rule 2 of [[target.answers]]: ") && error.contains(reason),
            "{rule}\n{error}"
        );
        assert!(error.contains("at line 5,"), "{rule}\n{error}");
    }
}

#[test]
fn a_rule_is_hidden_only_if_those_before_it_take_all_its_statuses() {
    for (rules, is_hidden) in [
        ("[[answers]]\nmeans = \"new\"\n[[answers]]\nstatus = 500\nmeans = \"unknown\"", true),
        (
            "[[answers]]\nstatus = \"4xx\"\nmeans = \"rejected\"\n[[answers]]\nstatus = 404\nmeans = \"new\"",
            true,
        ),
        (
            "[[answers]]\nstatus = \"4xx\"\nmeans = \"rejected\"\n[[answers]]\nstatus = 408\nmeans = \"new\"",
            false,
        ),
        (
            "[[answers]]\nstatus = 404\nmeans = \"new\"\n[[answers]]\nstatus = \"4xx\"\nmeans = \"rejected\"",
            false,
        ),
        ("[[answers]]\nwhere = { \"/a\" = 1 }\nmeans = \"new\"\n[[answers]]\nmeans = \"unknown\"", false),
    ] {
        assert_eq!(parsed(rules).is_err(), is_hidden, "{rules}");
    }
}

#[test]
fn an_answer_of_rules_keeps_what_it_counts_and_no_excerpt() {
    let rules = "[[answers]]\nmeans = \"duplicate\"\ncounts = { new = \"/new\", duplicate = \"/known\" }";
    let read = read(rules, 200, r#"{"new":0,"known":2}"#, TWO);
    let expected = Answer {
        inserted: Some(0),
        duplicates: Some(2),
        kinds: Kinds::AllDuplicate,
        ..Answer::bare(Outcome::Acked)
    };
    assert_eq!(read, ReadAnswer { answer: expected, is_busy: false });
}
