//! Findings of a judgement in the order in which they are shown, and by which they are numbered.

use judge::verdict::{Check, Finding, Judgement, Status};

/// Returns the checks that did not pass: those that failed, then those that are open.
pub fn open_checks(verdict: &Judgement) -> Vec<&Check> {
    let of = |status: Status| verdict.checks.iter().filter(move |check| check.status == status);
    of(Status::Fail).chain(of(Status::Unknown)).collect()
}

/// Returns the findings of these checks. The first has number 1.
pub fn numbered(verdict: &Judgement) -> Vec<(&Check, &Finding)> {
    let checks = open_checks(verdict).into_iter();
    checks.flat_map(|check| check.findings.iter().map(move |finding| (check, finding))).collect()
}
