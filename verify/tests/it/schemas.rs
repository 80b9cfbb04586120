//! `verdict.json` and its published schema.

use std::path::Path;
use std::sync::LazyLock;

use boon::{Compiler, Schemas};
use judge::verdict::{Judgement, Verdict};
use schemars::schema_for;
use serde_json::{Value, json};
use truth::files::write_whole;
use truth::record::ledger::Purpose;

use crate::forge::{Fate, Forge, row};

/// The published schema. A test that finds it stale says how to write it anew.
///
/// Schema, written and read once for all tests, which run at the same time.
static PUBLISHED: LazyLock<Value> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/verdict.schema.json");
    let made = serde_json::to_string_pretty(&schema_for!(Judgement)).expect("a schema") + "\n";
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        write_whole(&path, made.as_bytes()).expect("a schema that can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("a published schema");
    assert!(
        committed == made,
        "{} is stale: `UPDATE_SCHEMAS=1 cargo test -p onceproof-verify` writes it anew",
        path.display()
    );
    serde_json::from_str(&committed).expect("JSON")
});

fn is_valid(schema: &Value, document: &Value) -> bool {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("verdict.json", schema.clone()).expect("a resource");
    let index = compiler.compile("verdict.json", &mut schemas).expect("a schema that compiles");
    schemas.validate(document, index).is_ok()
}

/// One verdict of each word, and one with all that may be absent.
fn verdicts() -> Vec<Value> {
    let fates = |round, request| {
        if (round, request) == (1, 3) { vec![Fate::Unknown { executed: false }] } else { vec![Fate::Acked] }
    };
    let pass = Forge { fates, ..Forge::default() }.run();
    let mut fail = pass.clone();
    fail.lose(3);
    fail.rows.push(row(&fail.events, 8));
    let mut unknown = pass.clone();
    unknown.settled = truth::observed::Settled::Moving;
    let void = Forge { fates: |_, _| vec![Fate::Rejected], ..Forge::default() }.run();
    let mut again = pass.clone();
    crate::again::send(&mut again, Purpose::Replay, &[0, 1, 2], |answer| answer);
    let verdicts = [pass, fail, unknown, void].map(|forged| forged.verdict());
    let words = verdicts.each_ref().map(|verdict| verdict.verdict);
    assert_eq!(words, [Verdict::Pass, Verdict::Fail, Verdict::Unknown, Verdict::Void]);
    let last = crate::again::verdict(&again);
    assert!(last.replayed.is_some());
    let all = verdicts.into_iter().chain([last]);
    all.map(|verdict| serde_json::to_value(verdict).expect("JSON")).collect()
}

#[test]
fn every_verdict_is_as_the_published_schema_says() {
    for verdict in verdicts() {
        assert!(is_valid(&PUBLISHED, &verdict), "{verdict:#}");
    }
}

#[test]
fn what_is_no_verdict_is_refused_and_what_a_later_version_adds_is_not() {
    let good = verdicts().remove(1);
    let changed = |change: fn(&mut Value)| {
        let mut verdict = good.clone();
        change(&mut verdict);
        is_valid(&PUBLISHED, &verdict)
    };
    assert!(changed(|verdict| verdict["later"] = json!(1)));
    for change in [
        (|verdict| verdict["schema_version"] = json!(2)) as fn(&mut Value),
        |verdict| verdict["verdict"] = json!("MAYBE"),
        |verdict| drop(verdict.as_object_mut().expect("an object").remove("checks")),
        |verdict| verdict["checks"][0]["status"] = json!("green"),
        |verdict| verdict["attempts"]["acked"] = json!("many"),
        |verdict| verdict["checks"][0]["findings"][0]["history"] = json!(null),
    ] {
        assert!(!changed(change));
    }
}
