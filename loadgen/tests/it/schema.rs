//! Published schema of `summary.json`, which every summary that a test reads must fit.

use boon::{Compiler, Schemas};
use serde_json::{Value, json};

use crate::program::Loadgen;
use crate::stub::Stub;

const PUBLISHED: &str = include_str!("../../../schemas/summary.schema.json");

/// True if a document fits the schema of summaries.
pub(crate) fn allows(summary: &Value) -> bool {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.add_resource("summary.json", serde_json::from_str(PUBLISHED).unwrap()).unwrap();
    let index = compiler.compile("summary.json", &mut schemas).unwrap();
    schemas.validate(summary, index).is_ok()
}

#[test]
fn what_is_no_summary_is_refused_and_what_a_later_version_adds_is_not() {
    let stub = Stub::sound();
    let good = Loadgen::against(&stub, "-n 100 --batch 10 -c 2").run().summary();
    let changed = |change: fn(&mut Value)| {
        let mut summary = good.clone();
        change(&mut summary);
        allows(&summary)
    };
    assert!(changed(|summary| summary["later"] = json!(1)));
    for change in [
        (|summary| summary["schema_version"] = json!(2)) as fn(&mut Value),
        |summary| summary["ended"] = json!("somehow"),
        |summary| drop(summary.as_object_mut().unwrap().remove("events")),
        |summary| summary["events"]["acked"] = json!(-1),
        |summary| summary["requests"]["statuses"]["200"] = json!("many"),
        |summary| summary["response_time"]["p99_ms"] = json!(null),
    ] {
        assert!(!changed(change));
    }
}
