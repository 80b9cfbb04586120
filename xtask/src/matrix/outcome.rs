//! Outcome of a run of a matrix: the parts of `verdict.json` that a matrix shows.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Words between the finding and the promise, in an observation on a promise that nobody made.
const UNPROMISED: &str = "; nobody promised that ";

/// Verdict of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// PASS, FAIL, UNKNOWN or VOID; ERROR if there is no verdict.
    pub verdict: String,
    /// Checks that failed.
    pub failed: Vec<String>,
    /// Premises that checks without a result lack.
    pub wanted: Vec<String>,
    /// Checks without a result, each with the first premise that it lacks.
    pub open: Vec<String>,
    /// Promises that nobody made, and that observations say are not kept.
    pub unpromised: Vec<String>,
    /// Reasons of the verdict, or of the error.
    pub reasons: Vec<String>,
    /// Attempts whose outcome is unknown.
    pub unknown: u64,
}

impl Outcome {
    /// Reads the parts of `verdict.json` that matter here.
    pub(crate) fn read(verdict: &Value) -> Result<Self> {
        let checks = list(&verdict["checks"])?;
        let observations = list(&verdict["observations"])?;
        let observations: Vec<&str> = observations.iter().filter_map(Value::as_str).collect();
        let named = |is_meant: &dyn Fn(&Value) -> bool| -> Result<Vec<String>> {
            checks.iter().filter(|check| is_meant(check)).map(|check| text(&check["name"])).collect()
        };
        Ok(Self {
            verdict: text(&verdict["verdict"])?,
            failed: named(&|check| check["status"] == "fail")?,
            wanted: wanted(checks),
            open: checks
                .iter()
                .filter(|check| check["status"] == "unknown")
                .map(open)
                .collect::<Result<_>>()?,
            unpromised: observations.into_iter().filter_map(unpromised).collect(),
            reasons: list(&verdict["reasons"])?.iter().map(text).collect::<Result<_>>()?,
            unknown: verdict["attempts"]["unknown"].as_u64().context("verdict.json lacks a number")?,
        })
    }

    /// Returns the outcome of a run without a verdict.
    pub(crate) fn error(reason: String) -> Self {
        Self { verdict: "ERROR".to_owned(), reasons: vec![reason], ..Self::default() }
    }

    /// Returns the verdict with the failed checks, or with the premises that it lacks.
    #[must_use]
    pub fn short(&self) -> String {
        let details = match self.verdict.as_str() {
            "FAIL" => &self.failed,
            "UNKNOWN" => &self.wanted,
            _ => return self.verdict.clone(),
        };
        format!("{} {}", self.verdict, details.join(", ")).trim_end().to_owned()
    }

    /// Returns the first reason.
    #[must_use]
    pub fn first_reason(&self) -> &str {
        self.reasons.first().map_or("no reason is given", String::as_str)
    }
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("verdict.json lacks a text")
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("verdict.json lacks a list")
}

/// Returns the premises that checks without a result lack.
fn wanted(checks: &[Value]) -> Vec<String> {
    let undecided = checks.iter().filter(|check| check["status"] == "unknown");
    let mut names: Vec<String> = undecided.flat_map(lacking).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

/// Returns the premises that a check lacks.
fn lacking(check: &Value) -> impl Iterator<Item = &str> {
    let lacks = |ground: &&Value| ground["standing"] == "assumed" || ground["standing"] == "refuted";
    let grounds = check["premises"].as_array().into_iter().flatten();
    grounds.filter(lacks).filter_map(|ground| ground["premise"].as_str())
}

/// Returns the name of a check without a result, and the first premise that it lacks.
fn open(check: &Value) -> Result<String> {
    let name = text(&check["name"])?;
    Ok(match lacking(check).next() {
        Some(premise) => format!("{name} ({premise})"),
        None => name,
    })
}

/// Returns the promise that an observation says is not kept and that nobody made; none of another
/// observation. The file keeps the kind of an observation in its words.
fn unpromised(observation: &str) -> Option<String> {
    let (_, promise) = observation.split_once(UNPROMISED)?;
    let (statement, _) = promise.strip_suffix(" would)")?.split_once(" (")?;
    Some(statement.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(verdict: &str, checks: Value, observations: Value) -> Outcome {
        let verdict = json!({
            "verdict": verdict, "reasons": ["why"], "checks": checks, "observations": observations,
            "attempts": {"unknown": 3},
        });
        Outcome::read(&verdict).unwrap()
    }

    #[test]
    fn premises_are_those_that_undecided_checks_lack() {
        let ground = |premise: &str, standing: &str| json!({"premise": premise, "standing": standing});
        let checks = json!([
            {"name": "lost", "status": "unknown",
                "premises": [ground("fresh", "shown"), ground("whole", "assumed")]},
            {"name": "stored-twice", "status": "unknown", "premises": [ground("copies-settled", "refuted")]},
            {"name": "liveness", "status": "unknown"},
            {"name": "counters", "status": "pass", "premises": [ground("nobody-else", "assumed")]},
        ]);
        let outcome = read("UNKNOWN", checks, json!([]));
        assert_eq!(outcome.wanted, ["copies-settled", "whole"]);
        assert_eq!(outcome.open, ["lost (whole)", "stored-twice (copies-settled)", "liveness"]);
        assert_eq!(outcome.short(), "UNKNOWN copies-settled, whole");
        assert_eq!((outcome.unknown, outcome.first_reason()), (3, "why"));
    }

    #[test]
    fn what_nobody_promised_is_read_from_the_observation_on_it() {
        let unpromised = |observation: &str| {
            read("PASS", json!([]), json!(["the target restarted", observation])).unpromised
        };
        let summary = "1 request is stored in part; nobody promised that a request is stored completely";
        let told = format!("{summary} (`batch = \"atomic\"` under `[promises]` would)");
        assert_eq!(unpromised(&told), ["a request is stored completely"]);
        assert!(unpromised(summary).is_empty(), "no promise is named");
        assert!(unpromised("1 request is stored in part (`x` would)").is_empty(), "another observation");
    }

    #[test]
    fn an_outcome_is_shown_with_what_it_names() {
        let named = |verdict: &str| Outcome {
            verdict: verdict.to_owned(),
            failed: vec!["lost".to_owned()],
            wanted: vec!["counters".to_owned(), "whole".to_owned()],
            ..Outcome::default()
        };
        let shown = ["PASS", "FAIL", "UNKNOWN", "VOID"].map(|verdict| named(verdict).short());
        assert_eq!(shown, ["PASS", "FAIL lost", "UNKNOWN counters, whole", "VOID"]);
        assert_eq!(Outcome::error("killed".to_owned()).short(), "ERROR");
        assert_eq!(Outcome::default().first_reason(), "no reason is given");
    }
}
