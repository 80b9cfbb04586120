//! Targets of other shapes than the reference target: their requests and their responses.

use serde_json::{Value, json};
use truth::target::answer::{Kind, Kinds};

use crate::program::Loadgen;
use crate::stub::{Stub, with_length};

#[test]
fn events_have_the_fields_and_the_payload_that_a_scenario_says() {
    let stub = Stub::sound();
    let scenario = r#"
        [events.payload]
        template = '{"order":{{n}},"ref":"{{event_id}}"}'
        [target.fields]
        source = ""
        extra = { version = 3, tags = ["a"] }"#;
    let ran = Loadgen::against(&stub, "-n 30 --dup 0 --batch 10 -c 2").scenario(scenario).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let rows = stub.look(|seen| seen.rows.clone());
    assert_eq!(rows.len(), 30);
    for ((topic, id), text) in rows {
        let event: Value = serde_json::from_str(text.get()).unwrap();
        let timestamp = &event["timestamp"];
        let order = &event["payload"]["order"];
        let expected = json!({
            "topic": topic, "event_id": id, "timestamp": timestamp, "version": 3, "tags": ["a"],
            "payload": {"order": order, "ref": id},
        });
        assert!(timestamp.is_string() && order.is_u64(), "{event}");
        assert_eq!(event, expected);
    }
}

#[test]
fn answers_of_other_shapes_are_read_as_the_scenario_says() {
    let table: [(&str, &str, u16, Kinds); 4] = [
        ("answer = {}", r#"{"status":"queued"}"#, 202, Kinds::Unreported),
        (
            r#"answer = { accepted = "/received", inserted = "/unique" }"#,
            r#"{"received":2,"unique":2}"#,
            201,
            Kinds::AllNew,
        ),
        (
            r#"answer = { results = "/events", result = "/status", new = ["stored"], duplicate = ["known"] }"#,
            r#"{"events":[{"id":1,"status":"stored"},{"id":2,"status":"known"}]}"#,
            200,
            Kinds::Each(vec![Kind::New, Kind::Duplicate]),
        ),
        (
            r#"answer = { accepted = "/queued", refused = "/rejected", refused_place = "/index" }"#,
            r#"{"queued":1,"rejected":[{"index":0,"reason":"no"}]}"#,
            200,
            Kinds::Each(vec![Kind::Rejected, Kind::Accepted]),
        ),
    ];
    for (answer, body, status, kinds) in table {
        let stub = Stub::scripted(move |it| it.say(with_length(status, body)));
        let ran = Loadgen::against(&stub, "-n 2 --dup 0 --batch 2 -c 1")
            .scenario(&format!("[target]\n{answer}"))
            .run();
        let tries = ran.tries();
        assert_eq!(
            (tries.len(), tries[0].status, &tries[0].answer.kinds),
            (1, status, &kinds),
            "{}",
            ran.stderr
        );
    }
}
