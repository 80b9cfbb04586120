//! Documents that say what the aggregator does not do: evidence that the fuzzer looks.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// One false statement.
pub(super) struct Lie {
    pub(super) name: &'static str,
    /// The route that it is about.
    pub(super) route: &'static str,
    /// The part of the document that it is put into, and the name there.
    place: (&'static str, &'static str),
    /// What it says; null leaves the name out.
    statement: fn() -> Value,
    /// What the fuzzer calls it.
    pub(super) finding: &'static str,
}

pub(super) const LIES: [Lie; 4] = [
    Lie {
        name: "a counter is a text",
        route: "/stats",
        place: ("/components/schemas/Stats/properties", "received"),
        statement: || json!({ "type": "string" }),
        finding: "Response violates schema",
    },
    Lie {
        name: "no parameter is refused",
        route: "/events",
        place: ("/paths/~1events/get/responses", "422"),
        statement: || Value::Null,
        finding: "Undocumented status code",
    },
    Lie {
        name: "a topic may have one byte more",
        route: "/publish",
        place: ("/components/schemas/Event/properties/topic", "maxLength"),
        statement: || json!(256),
        finding: "Schema-valid request rejected",
    },
    Lie {
        name: "a page has at most ten rows",
        route: "/events",
        place: ("/paths/~1events/get/parameters/1/schema", "maximum"),
        statement: || json!(10),
        finding: "Schema-violating request accepted",
    },
];

impl Lie {
    /// The document with this lie in it.
    pub(super) fn told_in(&self, document: &Value) -> Result<Value> {
        let mut document = document.clone();
        let (place, name) = self.place;
        let part = document.pointer_mut(place).and_then(Value::as_object_mut);
        let part = part.with_context(|| format!("the document has no {place}"))?;
        let known = part.remove(name).with_context(|| format!("{place} has no {name}"))?;
        let statement = (self.statement)();
        ensure!(known != statement, "{} is no lie", self.name);
        if !statement.is_null() {
            part.insert(name.to_owned(), statement);
        }
        Ok(document)
    }
}
