//! Findings of a judgement in the order in which they are shown, and by which they are numbered.

use judge::verdict::{Check, Finding, Judgement, Status};

/// Returns the checks that did not pass: those that failed, then those that are open. Of either, the
/// checks with findings on keys come first: a key leads to the cause, and a total is a consequence.
pub fn open_checks(verdict: &Judgement) -> Vec<&Check> {
    let is_open = |check: &&Check| matches!(check.status, Status::Fail | Status::Unknown);
    let mut checks: Vec<&Check> = verdict.checks.iter().filter(is_open).collect();
    checks.sort_by_key(|check| (check.status == Status::Unknown, !check.findings.iter().any(is_on_key)));
    checks
}

fn is_on_key(finding: &Finding) -> bool {
    finding.ordinal.is_some()
}

/// Returns the findings of a check. Of those on keys, the ones with the fewest attempts come first:
/// they are the simplest to read.
pub fn in_order(check: &Check) -> Vec<&Finding> {
    let mut findings: Vec<&Finding> = check.findings.iter().collect();
    findings.sort_by_key(|finding| (is_on_key(finding), finding.history.len()));
    findings
}

/// Returns the findings of all checks that did not pass. The first has number 1.
pub fn numbered(verdict: &Judgement) -> Vec<(&Check, &Finding)> {
    let checks = open_checks(verdict).into_iter();
    checks.flat_map(|check| in_order(check).into_iter().map(move |finding| (check, finding))).collect()
}
