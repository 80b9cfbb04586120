//! A store that is damaged after the run: `verify` says FAIL, names the check and the key, and says
//! so again offline. Where nothing is declared, a false counter is UNKNOWN.

use serde_json::Value;
use xtask::rig::cluster::Durability;

use crate::stack::{Server, Stack};

/// Load of a stranger, who declares nothing.
const UNDECLARED: &str = "--count 20000 --dup 0.3";

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
            let verdict = verdict(&stack, args, 1);
            let context = format!("{name}, verify {args}: {verdict}");
            assert_eq!(verdict["verdict"], "FAIL", "{context}");
            let named = self::check(&verdict, check);
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

#[test]
fn a_row_deleted_from_the_middle_is_lost_with_nothing_declared_on_sqlite() {
    a_deleted_row_is_lost_with_nothing_declared(&Server::sqlite());
}

#[test]
fn a_row_deleted_from_the_middle_is_lost_with_nothing_declared_on_postgres() {
    a_deleted_row_is_lost_with_nothing_declared(&Server::postgres(Durability::Fast));
}

/// Two commands and no flag: PASS, and FAIL once a row is gone.
fn a_deleted_row_is_lost_with_nothing_declared(server: &Server) {
    let stack = Stack::start(server.database("events"));
    stack.load(UNDECLARED);
    let verified = stack.verify("");
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    assert!(verified.stdout.starts_with("PASS"), "{}", verified.stdout);
    let middle = "(SELECT seq FROM processed_events ORDER BY seq LIMIT 1 OFFSET 7000)";
    let key = stack.ask(&format!("SELECT event_id FROM processed_events WHERE seq = {middle}"));
    stack.sql(&format!("DELETE FROM processed_events WHERE seq = {middle}"));
    let verdict = verdict(&stack, "", 1);
    assert_eq!(verdict["verdict"], "FAIL");
    assert_eq!(failed(&verdict), ["lost"]);
    let lost = check(&verdict, "lost");
    assert_eq!((&lost["count"], &lost["findings"][0]["event_id"]), (&1.into(), &key.into()), "{lost}");
    let premises = lost["premises"].as_array().unwrap();
    let standings: Vec<&Value> = premises.iter().map(|ground| &ground["standing"]).collect();
    assert_eq!(standings, ["shown", "shown", "shown"], "{lost}");
}

#[test]
fn a_false_counter_is_unknown_with_nothing_declared_on_sqlite() {
    a_false_counter_is_unknown_with_nothing_declared(&Server::sqlite());
}

#[test]
fn a_false_counter_is_unknown_with_nothing_declared_on_postgres() {
    a_false_counter_is_unknown_with_nothing_declared(&Server::postgres(Durability::Fast));
}

fn a_false_counter_is_unknown_with_nothing_declared(server: &Server) {
    let stack = Stack::start(server.database("events"));
    stack.load(UNDECLARED);
    // One too many, and then one too few.
    for by in [1, -2] {
        stack.sql(server.sql(
            &format!("UPDATE counters SET received = received + {by}"),
            &format!("INSERT INTO counter_deltas VALUES ({by}, 0, 0)"),
        ));
        let verdict = verdict(&stack, "", 3);
        assert_eq!(verdict["verdict"], "UNKNOWN", "{by}");
        assert!(failed(&verdict).is_empty(), "{by}: {verdict}");
        assert_eq!(check(&verdict, "counters")["status"], "unknown", "{by}: {verdict}");
        assert_eq!(check(&verdict, "lost")["status"], "pass", "{by}: {verdict}");
    }
}

/// Judges the newest run with these arguments, which must give this exit code.
fn verdict(stack: &Stack, args: &str, code: i32) -> Value {
    let verified = stack.verify(&format!("{args} --format json"));
    assert_eq!(verified.code, Some(code), "verify {args}: {}{}", verified.stdout, verified.stderr);
    serde_json::from_str(&verified.stdout).unwrap()
}

fn check<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let mut checks = verdict["checks"].as_array().unwrap().iter();
    checks.find(|check| check["name"] == name).unwrap()
}

/// Names of the checks that failed.
fn failed(verdict: &Value) -> Vec<&str> {
    let checks = verdict["checks"].as_array().unwrap().iter();
    checks.filter(|check| check["status"] == "fail").filter_map(|check| check["name"].as_str()).collect()
}
