//! Patterns: what the findings of a check have in common, which tells more of the cause than a single
//! one.

use judge::verdict::{Attempt, Check, CheckId, Fate, Finding};

use crate::fault::FaultSpan;
use crate::units::time;

/// Returns what the findings that are shown have in common, in sentences.
pub(crate) fn patterns(check: &Check, faults: &[FaultSpan]) -> Vec<String> {
    let is_on_key = |finding: &&Finding| finding.ordinal.is_some() && !finding.history.is_empty();
    let findings: Vec<&Finding> = check.findings.iter().filter(is_on_key).collect();
    let mut sentences = new_twice(&findings);
    if check.name == CheckId::Lost {
        sentences.extend(never_new(&findings));
        sentences.extend(before_a_fault(&findings, faults));
    }
    sentences
}

/// Says of how many findings something is true.
fn share(count: usize, of: usize) -> String {
    match (count, of) {
        (1, 1) => "In the finding shown".to_owned(),
        _ if count == of => format!("In all {of} findings shown"),
        _ => format!("In {count} of {of} findings shown"),
    }
}

/// Tells whether the attempts that were reported as new raced, or followed each other.
fn new_twice(findings: &[&Finding]) -> Vec<String> {
    let mut raced = 0;
    let mut gaps: Vec<u64> = Vec::new();
    let mut of = 0;
    for finding in findings {
        let is_new = |attempt: &&Attempt| attempt.outcome == Fate::New;
        let mut new: Vec<&Attempt> = finding.history.iter().filter(is_new).collect();
        new.sort_by_key(|attempt| attempt.start_us);
        if new.len() < 2 {
            continue;
        }
        of += 1;
        let ended = |attempt: &Attempt| attempt.end_us.unwrap_or(attempt.start_us);
        match new.windows(2).map(|pair| pair[1].start_us.checked_sub(ended(pair[0]))).max().flatten() {
            None | Some(0) => raced += 1,
            Some(gap) => gaps.push(gap),
        }
    }
    let mut sentences = Vec::new();
    if raced > 0 {
        let share = share(raced, of);
        sentences.push(format!("{share}, the attempts that were reported as new were under way together."));
    }
    if let Some(span) = span(&gaps) {
        let share = share(gaps.len(), of);
        sentences.push(format!(
            "{share}, one was reported as new {span} after another had been acknowledged as new."
        ));
    }
    sentences
}

/// Tells of keys that no response reported as new: the target took them for known ones.
fn never_new(findings: &[&Finding]) -> Option<String> {
    let is_known = |finding: &&&Finding| {
        let mut fates = finding.history.iter().map(|attempt| attempt.outcome);
        fates.all(|fate| fate == Fate::Duplicate)
    };
    let count = findings.iter().filter(is_known).count();
    let share = (count > 0).then(|| share(count, findings.len()))?;
    Some(format!(
        "{share}, each response said duplicate, even the first: the target took the key for a known one."
    ))
}

/// Tells how long before a fault the lost keys were acknowledged.
fn before_a_fault(findings: &[&Finding], faults: &[FaultSpan]) -> Option<String> {
    let is_acked = |fate: Fate| matches!(fate, Fate::New | Fate::Duplicate | Fate::Accepted);
    let acked = |finding: &&Finding| {
        let acked = finding.history.iter().filter(|attempt| is_acked(attempt.outcome));
        acked.filter_map(|attempt| attempt.end_us).max()
    };
    let ends: Vec<u64> = findings.iter().filter_map(acked).collect();
    let first = faults.iter().filter(|fault| fault.took_effect).min_by_key(|fault| fault.from_us)?;
    let gaps: Vec<u64> = ends
        .iter()
        .filter(|end| **end <= first.to_us)
        .map(|end| first.from_us.saturating_sub(*end))
        .collect();
    let span = span(&gaps)?;
    let share = share(gaps.len(), findings.len());
    Some(format!("{share}, the last acknowledgement came {span} before this fault: {}.", first.planned))
}

/// Writes the span from the least time to the greatest: `1.2 s to 3.4 s`.
fn span(times: &[u64]) -> Option<String> {
    let least = time(*times.iter().min()?);
    let most = time(*times.iter().max()?);
    Some(if least == most { least } else { format!("{least} to {most}") })
}
