//! The judgement as JSON, as in `verdict.json`.

use judge::verdict::Judgement;

/// Prints the judgement as it stands in `verdict.json`.
pub fn render(verdict: &Judgement) -> String {
    serde_json::to_string_pretty(verdict).expect("a verdict is made of text and numbers")
}
