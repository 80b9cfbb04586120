//! `verdict.json` on standard output.

use judge::verdict::Judgement;

/// The verdict as it stands in `verdict.json`.
pub fn render(verdict: &Judgement) -> String {
    serde_json::to_string_pretty(verdict).expect("a verdict is made of text and numbers")
}
