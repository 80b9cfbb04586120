//! Requests by the scenario's text: what is written where, and what is refused.

use std::path::Path;
use std::sync::Arc;

use truth::chain::chain;
use truth::plan::event::Events;
use truth::plan::variant::Origin;
use truth::scenario::Scenario;
use truth::target::request::{Asked, RequestWriter, Whole};
use truth::target::secrets::Secrets;

const NOW_MS: i64 = 1_769_860_800_007;

fn scenario(text: &str) -> Scenario {
    Scenario::parse(text, "test.toml").unwrap_or_else(|error| panic!("{}", chain(&error)))
}

/// Returns the first request of a scenario, of its first two keys.
fn first(text: &str, ordinals: &[u64]) -> (Whole, Arc<Events>) {
    let scenario = scenario(text);
    let plan = scenario.plan(1, 2).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let events = Arc::new(Events::new(&plan));
    let templates = scenario.target.publish_templates();
    let variables = templates.iter().flat_map(|(_, template)| template.variables());
    let secrets = Arc::new(Secrets::by_name(variables.chain(plan.values.variables())));
    let mut writer = RequestWriter::new(Arc::clone(&events), &scenario.target, secrets);
    let whole = writer.whole(&Asked::of(ordinals, Origin::Planned { round: 0, request: 0 }, NOW_MS));
    (whole, events)
}

fn body(whole: &Whole) -> String {
    String::from_utf8(whole.body.clone()).expect("text")
}

fn field<'a>(whole: &'a Whole, name: &str) -> &'a str {
    let (_, value) = whole.fields.iter().find(|(own, _)| own == name).expect("a field");
    std::str::from_utf8(value).expect("text")
}

#[test]
fn events_that_no_list_holds_are_shown_two_ways_out() {
    let without = "[target.publish]\nbody = \"{{events}}\"\nevent = '{\"id\":\"{{event_id}}\"}'\n";
    let error = chain(&scenario(without).plan(1, 2).unwrap_err());
    assert!(error.contains("[{{events}}]") && error.contains("application/x-ndjson"), "{error}");
    let in_list = without.replace("\"{{events}}\"", "\"[{{events}}]\"");
    assert!(scenario(&in_list).plan(1, 2).is_ok());
    let other = without.replace("\"{{events}}\"", "\"{{{events}}\"");
    let error = chain(&scenario(&other).plan(1, 2).unwrap_err());
    assert!(!error.contains("[{{events}}]"), "{error}");
}

#[test]
fn a_batch_in_an_object_has_its_events_between_commas() {
    let (whole, events) = first(
        r#"[events]
        topics = ["Order \"Completed\""]
        [target.publish]
        path = "/v1/{{topic}}/batch"
        body = '{"batch":[{{events}}],"sentAt":"{{now}}","count":{{count}}}'
        event = '{"messageId":"{{event_id}}","event":"{{topic}}","at":{{timestamp.epoch_ms}},"properties":{{payload}}}'
        headers.authorization = "Basic {{env:KEY | base64}}""#,
        &[0, 1],
    );
    assert_eq!((&*whole.method, &*whole.path), ("POST", "/v1/Order%20%22Completed%22/batch"));
    let sent: serde_json::Value = serde_json::from_slice(&whole.body).unwrap();
    assert_eq!((&sent["sentAt"], &sent["count"]), (&"2026-01-31T12:00:00.007Z".into(), &2.into()));
    for (place, event) in sent["batch"].as_array().unwrap().iter().enumerate() {
        let ordinal = place as u64;
        assert_eq!(event["messageId"], *events.id_text(ordinal));
        assert_eq!(event["event"], "Order \"Completed\"");
        assert_eq!(event["at"], events.timestamp_ms(ordinal));
        assert_eq!(event["properties"]["n"], ordinal);
    }
    assert_eq!(field(&whole, "authorization"), "Basic {{env:KEY|base64}}");
    assert_eq!(field(&whole, "content-type"), "application/json");
}

#[test]
fn lines_have_an_action_before_each_event() {
    let (whole, events) = first(
        r#"[target.publish]
        path = "/_bulk"
        body = "{{events}}\n"
        separator = "\n"
        headers.content-type = "application/x-ndjson"
        event = '''
{"create":{"_index":"{{topic}}","_id":"{{event_id}}"}}
{"event_id":"{{event_id}}","payload":{{payload}}}'''"#,
        &[0, 1],
    );
    let text = body(&whole);
    assert!(text.ends_with("}\n"), "{text}");
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2]["create"]["_id"], *events.id_text(1));
    assert_eq!(lines[2]["create"]["_index"], events.topic(1));
}

#[test]
fn a_form_is_encoded_once_and_json_within_it_as_a_whole() {
    let form = "headers.content-type = \"application/x-www-form-urlencoded\"";
    let (whole, events) = first(
        &format!(
            r#"[target.publish]
            {form}
            body = "Action=Send&{{{{events}}}}"
            separator = "&"
            event = "Entry.{{{{place1}}}}.Id={{{{place}}}}&Entry.{{{{place1}}}}.Body={{{{payload}}}}&Id={{{{event_id}}}}""#
        ),
        &[0, 1],
    );
    let pairs: Vec<(String, String)> =
        url::form_urlencoded::parse(&whole.body).map(|(name, value)| (name.into(), value.into())).collect();
    assert_eq!(pairs.len(), 7);
    assert_eq!(pairs[4], ("Entry.2.Id".to_owned(), "1".to_owned()));
    assert_eq!(pairs[5].1, events.payload(1, truth::plan::variant::Side::Plain));
    let (whole, events) = first(
        &format!(
            r#"[target.publish]
            {form}
            body = "data=%5B{{{{events}}}}%5D"
            event = '{{"id":"{{{{event_id}}}}","p":{{{{payload}}}}}}'"#
        ),
        &[0, 1],
    );
    let (_, data) = url::form_urlencoded::parse(&whole.body).next().unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data[1]["id"], *events.id_text(1));
}

#[test]
fn one_event_a_request_may_stand_in_path_and_headers() {
    let (whole, events) = first(
        r#"[load]
        batch = 1
        [events]
        topics = [""]
        id = "ord-{{ulid}}"
        [target.publish]
        method = "PUT"
        path = "/charges/{{event_id}}?source={{topic}}&n={{n}}"
        body = "{{events}}"
        event = "{{payload}}"
        headers = { idempotency-key = '"{{event_id}}"', Content-Type = "application/json; charset=utf-8" }"#,
        &[3],
    );
    let id = events.id_text(3);
    assert!(id.starts_with("ord-"), "{id}");
    assert_eq!((&*whole.method, whole.path), ("PUT", format!("/charges/{id}?n=3")));
    assert_eq!(
        whole.fields.iter().find(|(name, _)| name == "idempotency-key").unwrap().1,
        format!("\"{id}\"").into_bytes()
    );
}

#[test]
fn values_are_the_same_in_every_copy_and_differ_between_keys() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("orders.csv"), "customer,total\nann,1\n\"bo, b\",2\n").unwrap();
    let file = folder.path().join("s.toml");
    std::fs::write(
        &file,
        r#"[events.values]
        amount = { number = [1, 500] }
        currency = { choose = ["eur", "usd"] }
        order = { file = "orders.csv" }
        token = { by_topic = { auth = "env:A", payment = "b", orders = "c" } }
        [target.publish]
        body = "[{{events}}]"
        event = '{"id":"{{event_id}}","amount":{{amount}},"currency":"{{currency}}","customer":"{{order.customer}}","total":{{order.total}},"token":"{{token}}"}'"#,
    )
    .unwrap();
    let scenario = Scenario::load(&file).unwrap();
    let plan = scenario.plan(1, 2).unwrap();
    let events = Arc::new(Events::new(&plan));
    let secrets = Arc::new(Secrets::by_name(plan.values.variables()));
    let mut writer = RequestWriter::new(Arc::clone(&events), &scenario.target, secrets);
    let mut sent = |ordinals: &[u64]| -> Vec<serde_json::Value> {
        let asked = Asked::of(ordinals, Origin::Later, NOW_MS);
        serde_json::from_slice(&writer.whole(&asked).body).unwrap()
    };
    let all = sent(&(0..100).collect::<Vec<_>>());
    assert_eq!(sent(&[7, 7]), [all[7].clone(), all[7].clone()]);
    for (ordinal, event) in (0_u64..).zip(&all) {
        assert!((1..=500).contains(&event["amount"].as_i64().unwrap()), "{event}");
        let expected = if ordinal % 2 == 0 { ("ann", 1) } else { ("bo, b", 2) };
        assert_eq!((&event["customer"], &event["total"]), (&expected.0.into(), &expected.1.into()));
        let token = match events.topic(ordinal) {
            "auth" => "{{env:A}}",
            "payment" => "b",
            _ => "c",
        };
        assert_eq!(event["token"], token);
    }
    let currencies = |name: &str| all.iter().filter(|event| event["currency"] == name).count();
    assert!(currencies("eur") > 20 && currencies("usd") > 20);
}

#[test]
fn a_signature_is_over_the_body_before_it_is_packed() {
    let (whole, _) = first(
        r#"[load]
        batch = 1
        [target.publish]
        body = "{{events}}"
        event = '{"id":"{{event_id}}"}'
        gzip = true
        sign = { algorithm = "hmac-sha256", secret = "{{env:S}}", over = "{{event_id}}.{{now.epoch_s}}.{{body}}" }
        headers.x-signature = "sha256={{signature}}""#,
        &[0],
    );
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = <Hmac<sha2::Sha256> as KeyInit>::new_from_slice(b"{{env:S}}").unwrap();
    let id = body(&whole)[7..43].to_owned();
    mac.update(format!("{id}.{}.", NOW_MS / 1000).as_bytes());
    mac.update(&whole.body);
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(field(&whole, "x-signature"), format!("sha256={digits}"));
}

#[test]
fn the_id_of_a_request_is_its_own_and_stays_when_it_is_sent_again() {
    let text = r#"[target.publish]
        body = '{"id":"{{batch_id}}","events":[{{events}}]}'
        event = '"{{event_id}}"'"#;
    let scenario = scenario(text);
    let plan = scenario.plan(1, 2).unwrap();
    let mut writer =
        RequestWriter::new(Arc::new(Events::new(&plan)), &scenario.target, Arc::new(Secrets::none()));
    let mut id = |request: u32, now_ms: i64| {
        let asked = Asked::of(&[0, 1], Origin::Planned { round: 3, request }, now_ms);
        let sent: serde_json::Value = serde_json::from_slice(&writer.whole(&asked).body).unwrap();
        sent["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(id(0, 1), id(0, 2));
    assert_ne!(id(0, 1), id(1, 1));
    assert_eq!(id(0, 1).len(), 36);
}

#[test]
fn a_target_with_a_body_starts_from_nothing_and_is_saved_as_it_was_written() {
    let text = r#"[target.publish]
        body = "{{events}}"
        event = '{"id":"{{event_id}}"}'
        separator = "\n"
        headers.content-type = "application/x-ndjson""#;
    let target = scenario(text).target;
    assert!(!target.stats.are_offered() && target.listing.path.is_none());
    assert_eq!((target.answer.any(), target.publish.path.as_str()), (false, "/"));
    let saved = serde_json::to_string(&target).unwrap();
    assert_eq!(serde_json::from_str::<truth::target::Target>(&saved).unwrap(), target, "{saved}");
    let short = truth::target::Target::default();
    let saved = serde_json::to_string(&short).unwrap();
    assert_eq!(serde_json::from_str::<truth::target::Target>(&saved).unwrap(), short, "{saved}");
}

#[test]
fn faults_are_named_with_their_line_and_column() {
    const EVENT: &str = "event = '{\"id\":\"{{event_id}}\"}'";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    for (text, place, says) in [
        // While the file is read.
        (format!("body = '[{{{{events}}]'\n{EVENT}"), "line 2, column 10", "not closed"),
        (format!("body = '[{{{{events | upper}}}}]'\n{EVENT}"), "line 2, column 10", "`upper` is no filter"),
        // Once it was read.
        (
            format!("body = '[{{{{events}}}}, {{{{evnts}}}}]'\n{EVENT}"),
            "line 2, column 22",
            "unknown hole {{evnts}}",
        ),
        (format!("body = '[{{{{events}}}}'\n{EVENT}"), "line 2, column 20", "the body is not JSON"),
        (
            format!("body = '[{{{{events}}}}]'\nseparator = \"\"\n{EVENT}"),
            "line 2, column",
            "the body is not JSON",
        ),
        (
            "body = '[{{events}}]'\nevent = '{\"id\":{{event_id}}}'".to_owned(),
            "line 3, column 16",
            "put quotes around",
        ),
        (
            "body = '[{{events}}]'\nevent = '{\"id\":\"{{event_id}}\",}'".to_owned(),
            "line 3, column 3",
            "the event is not JSON",
        ),
        (format!("body = '{{{{events}}}}\\n'\n{EVENT}"), "line 2, column 19", "double quotes"),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\nheaders.x-id = \"a{{{{event_id}}}}\""),
            "line 4, column 18",
            "needs batch = 1",
        ),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\npath = '/{{{{topic}}}}'"),
            "line 4, column 10",
            "or one topic",
        ),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\nheaders.x = \"a\\tb\""),
            "line 4, column 1",
            "control character",
        ),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\nheaders.x = '{{{{signature}}}}'"),
            "line 4, column 14",
            "needs target.publish.sign",
        ),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\nheaders.x = '{{{{kept.token}}}}'"),
            "line 4, column 14",
            "name it in a `keep` of target.before",
        ),
        (
            format!("body = '[{{{{events}}}}]'\n{EVENT}\n[target]\nheaders = {{ x = '{{{{kept.t}}}}' }}"),
            "line 5, column 18",
            "{{kept.t}} has no value",
        ),
        (
            format!(
                "body = '[{{{{events}}}}]'\n{EVENT}\n[target]\nbefore = [{{ path = '/a{{{{topic}}}}' }}]"
            ),
            "line 5, column 23",
            "{{topic}} has no value before the run",
        ),
        (
            format!(
                "body = '[{{{{events}}}}]'\n{EVENT}\n[[load.beside]]\nname = 'a'\nrate = '1/s'\npath = '/{{{{n}}}}'"
            ),
            "line 7, column 10",
            "{{n}} has no value beside the load",
        ),
        (
            format!("body = '[{{{{events}}}}, {{{{cursor}}}}]'\n{EVENT}"),
            "line 2, column 22",
            "{{cursor}} has no value",
        ),
        ("body = '[{{events}}]'\nevent = '{\"id\":{{n}}}'".to_owned(), "line 2, column 9", "{{event_id}}"),
    ] {
        std::fs::write(&file, format!("[target.publish]\n{text}")).unwrap();
        let error = Scenario::load(&file)
            .and_then(|scenario| scenario.plan(1, 2))
            .map_err(|error| chain(&error.located(Path::new(&file))));
        let error = error.expect_err(&text);
        assert!(error.contains(place) && error.contains(says), "{text}\n{error}");
    }
}

#[test]
fn two_ways_of_saying_the_same_are_refused_and_both_are_named() {
    for (text, short, new) in [
        ("[target.publish]\nbody = '[{{events}}]'\nenvelope = \"array\"", "publish.envelope", "publish.body"),
        (
            "[target]\nfields = { event_id = \"id\" }\npublish = { body = '[{{events}}]' }",
            "fields",
            "publish.event",
        ),
        ("[target.publish]\nevent = '{}'", "publish.event", "publish.body"),
    ] {
        let error = chain(&Scenario::parse(text, "s.toml").unwrap_err());
        assert!(error.contains(short) && error.contains(new), "{error}");
    }
}

#[test]
fn the_short_form_may_have_headers_with_holes() {
    let (whole, events) = first(
        r#"[load]
        batch = 1
        [target]
        headers = { x-key = "{{env:KEY}}" }
        [target.publish]
        envelope = "object"
        headers = { x-key = "other", x-id = "{{event_id}}" }"#,
        &[1],
    );
    assert_eq!((field(&whole, "x-key"), field(&whole, "x-id")), ("other", &*events.id_text(1)));
    assert!(body(&whole).starts_with("{\"topic\":"));
}

#[test]
fn what_requests_before_the_run_keep_has_a_value_everywhere() {
    let text = r#"
        [load]
        batch = 1
        [target]
        url = "https://query.example"
        headers = { authorization = "Bearer {{kept.token}}" }
        before = [
            { path = "/login", body = '{"key":"{{env:KEY}}"}', keep = { token = "/access_token", next = "header:location" } },
            { method = "GET", path = "/session?of={{kept.next}}", keep = { session = "/id" } },
        ]
        listing = { path = "/rows?of={{kept.session}}&l={{limit}}", next = "none", fields = { topic = "t", event_id = "id" }, one = { path = "/{{event_id}}?s={{kept.session}}" } }
        stats = { path = "/n?s={{kept.session}}", unique = "/n" }
        [target.publish]
        url = "https://ingest.example/v1"
        path = "/in/{{kept.session}}"
        body = '{"s":"{{kept.session | base64}}","e":{{events}}}'
        event = '{"id":"{{event_id}}"}'"#;
    let scenario = scenario(text);
    let plan = scenario.plan(1, 2).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let target = &scenario.target;
    assert_eq!((target.publish_url(), &*target.url), ("https://ingest.example/v1", "https://query.example"));
    let saved = serde_json::to_string(target).unwrap();
    assert_eq!(serde_json::from_str::<truth::target::Target>(&saved).unwrap(), *target, "{saved}");
    let named = Secrets::none().with_kept_by_name(target.kept_names());
    let mut shown = RequestWriter::new(Arc::new(Events::new(&plan)), target, Arc::new(named));
    let shown = shown.whole(&Asked::of(&[0], Origin::Later, NOW_MS));
    assert_eq!(field(&shown, "authorization"), "Bearer {{kept.token}}");
    assert_eq!(&*shown.path, "/in/{{kept.session}}");
    assert!(body(&shown).starts_with(r#"{"s":"{{kept.session|base64}}","e":"#), "{}", body(&shown));
    let secrets = Secrets::none();
    let replace = |token: &str, session: &str| {
        let values = [("token", token), ("session", session)];
        secrets.kept().replace(values.map(|(name, value)| (name.into(), value.into())).into());
    };
    replace("t1", "s1");
    let mut writer = RequestWriter::new(Arc::new(Events::new(&plan)), target, Arc::new(secrets.clone()));
    let mut write = || writer.whole(&Asked::of(&[0], Origin::Later, NOW_MS));
    assert_eq!(field(&write(), "authorization"), "Bearer t1");
    // Values that are replaced are written from then on.
    replace("t2", "a b");
    let whole = write();
    assert_eq!((field(&whole, "authorization"), &*whole.path), ("Bearer t2", "/in/a%20b"));
    assert!(body(&whole).starts_with(r#"{"s":"YSBi","e":{"id":""#), "{}", body(&whole));
    let unknown = text.replace("session = \"/id\"", "other = \"/id\"");
    let error = chain(&Scenario::parse(&unknown, "s.toml").unwrap().plan(1, 2).unwrap_err());
    assert!(error.contains("{{kept.session}} has no value") && error.contains("{{kept.other}}"), "{error}");
}

#[test]
fn a_header_of_every_request_has_no_hole_of_a_publish() {
    let scenario = Scenario::parse("[target]\nheaders = { x-batch = \"{{batch_id}}\" }", "a.toml").unwrap();
    let text = chain(&scenario.plan(1, 2).unwrap_err());
    assert!(text.contains("{{batch_id}} has no value in requests that read the target"), "{text}");
}
