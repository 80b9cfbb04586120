//! Values of the scenario's own, compared with those that the plan drew for a key.

use super::contents::Likeness;
use super::json::{Agreement, is_same_payload};
use crate::plan::event::Events;
use crate::plan::values::Drawn;
use crate::target::pointer::as_text;

/// Result of a comparison: of all values of a row, that of the first that differs, or else of the
/// first that is missing.
#[derive(Clone, Debug)]
pub(super) struct Compared {
    pub(super) likeness: Likeness,
    name: String,
    listed: String,
    sent: String,
}

impl Compared {
    /// Returns the name of the value, and the value as it is listed and as it was sent.
    pub(super) fn into_parts(self) -> (String, String, String) {
        (self.name, self.listed, self.sent)
    }
}

/// Compares the values that a row shows; none if there are none to be compared.
pub(super) fn compare(
    events: &Events,
    ordinal: u64,
    values: &[(String, Option<String>)],
) -> Option<Compared> {
    let compared = values.iter().filter_map(|(name, listed)| {
        let sent = match events.value(name, ordinal)? {
            Drawn::Value(value) => as_text(&value.to_string()),
            Drawn::Text(text) => text.to_owned(),
            // A secret is not compared.
            Drawn::Env(_) => return None,
        };
        let likeness = match listed {
            None => Likeness::Missing,
            Some(listed) if is_same(&sent, listed) => Likeness::Same,
            Some(_) => Likeness::Changed,
        };
        let listed = listed.clone().unwrap_or_default();
        Some(Compared { likeness, name: name.clone(), listed, sent })
    });
    let rank = |compared: &Compared| match compared.likeness {
        Likeness::Changed => 0,
        Likeness::Unclear | Likeness::Missing => 1,
        Likeness::Same => 2,
    };
    compared.min_by_key(rank)
}

/// True if a listed value is the text that was sent, or the same JSON value.
fn is_same(sent: &str, listed: &str) -> bool {
    as_text(listed) == sent || is_same_payload(sent, listed, Agreement::Same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_the_same_as_text_or_as_json() {
        for (sent, listed) in [("eur", "\"eur\""), ("7", "7"), ("7", "7.0"), ("7", "\"7\""), ("true", "true")]
        {
            assert!(is_same(sent, listed), "{sent} and {listed}");
        }
        for (sent, listed) in [("eur", "\"usd\""), ("7", "8"), ("7", "\"x7\""), ("eur", "null")] {
            assert!(!is_same(sent, listed), "{sent} and {listed}");
        }
    }
}
