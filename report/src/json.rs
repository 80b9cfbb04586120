//! The judgement as JSON, as in `verdict.json`.

use judge::verdict::Judgement;
use truth::printable::printable_json;

/// Prints the judgement as it stands in `verdict.json`, with the same meaning: characters that a
/// terminal does not show are escaped.
pub fn render(verdict: &Judgement) -> String {
    let json = serde_json::to_string_pretty(verdict).expect("a verdict is made of text and numbers");
    printable_json(&json).into_owned()
}
