//! Documents with a false statement each: evidence that the fuzzer looks.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

/// A false statement.
pub(super) struct Lie {
    pub(super) name: &'static str,
    /// Route of the statement.
    pub(super) route: &'static str,
    /// Pointer to the part of the document, and the key in it.
    place: (&'static str, &'static str),
    /// Value of the key; null removes the key.
    statement: fn() -> Value,
    /// Name of the finding in the fuzzer's output.
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
    /// Returns the document with this statement in it.
    pub(super) fn told_in(&self, document: &Value) -> Result<Value> {
        let mut document = document.clone();
        let (place, name) = self.place;
        let part = document.pointer_mut(place).and_then(Value::as_object_mut);
        let part = part.with_context(|| format!("the document has no {place}"))?;
        let known = part.remove(name).with_context(|| format!("{place} has no {name}"))?;
        let statement = (self.statement)();
        ensure!(known != statement, "{} is true already", self.name);
        if !statement.is_null() {
            part.insert(name.to_owned(), statement);
        }
        Ok(document)
    }
}
