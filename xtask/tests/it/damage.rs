//! A store that is damaged after the run: `verify` says FAIL, names the check and the key, and says
//! so again offline.

use serde_json::Value;
use xtask::rig::cluster::Durability;

use crate::stack::{Server, Stack};

/// Row that is damaged: the same for the test and for the statements.
const ROW: &str = "(SELECT min(seq) FROM processed_events)";

#[test]
fn each_kind_of_damage_is_named_on_sqlite() {
    each_kind_of_damage_is_named(&Server::sqlite());
}

#[test]
fn each_kind_of_damage_is_named_on_postgres() {
    each_kind_of_damage_is_named(&Server::postgres(Durability::Fast));
}

fn each_kind_of_damage_is_named(server: &Server) {
    let copied = |topic: &str, id: &str| {
        format!(
            "INSERT INTO processed_events (seq, topic, event_id, timestamp, source, payload)
             SELECT (SELECT max(seq) + 100000 FROM processed_events), {topic}, {id}, timestamp, source, payload
             FROM processed_events WHERE seq = {ROW}"
        )
    };
    let changed = format!(r#"UPDATE processed_events SET payload = '{{"n":-1}}' WHERE seq = {ROW}"#);
    let raised = server
        .sql("UPDATE counters SET received = received + 1", "INSERT INTO counter_deltas VALUES (1, 0, 0)");
    let cases = [
        ("deleted", "lost", 1, format!("DELETE FROM processed_events WHERE seq = {ROW}")),
        ("copied", "wrong-topic", 1, copied("'elsewhere'", "event_id")),
        ("edited", "payload-changed", 1, changed),
        // Two bounds break: the received count, and its equality with the sum of the other two.
        ("counted", "counters", 2, raised.to_owned()),
        ("inserted", "stranger", 1, copied("topic", "'stranger'")),
    ];
    for (name, check, count, damage) in cases {
        let stack = Stack::start(server.database(name));
        stack.load("--scenario reference --count 2000 --dup 0.3");
        let key = stack.ask(&format!("SELECT event_id FROM processed_events WHERE seq = {ROW}"));
        stack.sql(&damage);
        for args in ["--settle 3s", "--offline"] {
            let verified = stack.verify(&format!("{args} --format json"));
            let context = format!("{name}, verify {args}: {}{}", verified.stdout, verified.stderr);
            assert_eq!(verified.code, Some(1), "{context}");
            let verdict: Value = serde_json::from_str(&verified.stdout).unwrap();
            assert_eq!(verdict["verdict"], "FAIL", "{context}");
            let checks = verdict["checks"].as_array().unwrap();
            let named = checks.iter().find(|one| one["name"] == check).unwrap();
            assert_eq!((&named["status"], &named["count"]), (&"fail".into(), &count.into()), "{context}");
            let findings = named["findings"].as_array().unwrap();
            let damaged = match check {
                "counters" => Value::Null,
                "stranger" => "stranger".into(),
                _ => key.clone().into(),
            };
            assert_eq!(findings[0]["event_id"], damaged, "{context}");
        }
    }
}
