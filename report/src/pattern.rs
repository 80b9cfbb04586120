//! Patterns: what the findings of a check have in common, which tells more of the cause than a single
//! one.

use judge::verdict::{Attempt, Check, CheckId, Fate, Finding};

use crate::fault::FaultSpan;
use crate::units::time;

/// Property that findings may have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Attempts that were reported as new were under way together.
    NewTogether,
    /// An attempt was reported as new after another had been acknowledged as new.
    NewAgain,
    /// All responses said duplicate.
    NeverNew,
    /// The last acknowledgement came before a fault.
    BeforeFault,
}

/// Pattern of the findings that are shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Pattern {
    pub(crate) kind: Kind,
    /// True if it is one of all findings that are shown.
    pub(crate) is_of_all: bool,
    pub(crate) sentence: String,
}

/// Returns what the findings that are shown have in common.
pub(crate) fn patterns(check: &Check, faults: &[FaultSpan]) -> Vec<Pattern> {
    let is_on_key = |finding: &&Finding| finding.ordinal.is_some() && !finding.history.is_empty();
    let findings: Vec<&Finding> = check.findings.iter().filter(is_on_key).collect();
    let mut patterns = new_twice(&findings);
    if check.name == CheckId::Lost {
        patterns.extend(never_new(&findings));
        patterns.extend(before_a_fault(&findings, faults));
    }
    patterns
}

/// Makes a pattern of so many findings; none if it is of none. The sentence goes on from `In all 8
/// findings shown, `.
fn pattern(kind: Kind, count: usize, findings: &[&Finding], says: &str) -> Option<Pattern> {
    let of = findings.len();
    let share = match (count, of) {
        (0, _) => return None,
        (1, 1) => "In the finding shown".to_owned(),
        _ if count == of => format!("In all {of} findings shown"),
        _ => format!("In {count} of {of} findings shown"),
    };
    Some(Pattern { kind, is_of_all: count == of, sentence: format!("{share}, {says}") })
}

/// Tells whether the attempts that were reported as new raced, or followed each other.
fn new_twice(findings: &[&Finding]) -> Vec<Pattern> {
    let mut together = 0;
    let mut gaps: Vec<u64> = Vec::new();
    for finding in findings {
        let is_new = |attempt: &&Attempt| attempt.outcome == Fate::New;
        let mut new: Vec<&Attempt> = finding.history.iter().filter(is_new).collect();
        new.sort_by_key(|attempt| attempt.start_us);
        let ended = |attempt: &Attempt| attempt.end_us.unwrap_or(attempt.start_us);
        let gap = |pair: &[&Attempt]| pair[1].start_us.saturating_sub(ended(pair[0]));
        match new.windows(2).map(gap).max() {
            None => {}
            Some(0) => together += 1,
            Some(gap) => gaps.push(gap),
        }
    }
    let says = "the attempts that were reported as new were under way together.";
    let together = pattern(Kind::NewTogether, together, findings, says);
    let again = span(&gaps).and_then(|span| {
        let says = format!("one was reported as new {span} after another had been acknowledged as new.");
        pattern(Kind::NewAgain, gaps.len(), findings, &says)
    });
    together.into_iter().chain(again).collect()
}

/// Tells of keys that no response reported as new: the target took them for known ones.
fn never_new(findings: &[&Finding]) -> Option<Pattern> {
    let is_known = |finding: &&&Finding| {
        let mut fates = finding.history.iter().map(|attempt| attempt.outcome);
        fates.all(|fate| fate == Fate::Duplicate)
    };
    let count = findings.iter().filter(is_known).count();
    let says = "each response said duplicate, even the first: the target took the key for a known one.";
    pattern(Kind::NeverNew, count, findings, says)
}

/// Tells how long before a fault the lost keys were acknowledged. Of several faults it is the one
/// that follows most of them.
fn before_a_fault(findings: &[&Finding], faults: &[FaultSpan]) -> Option<Pattern> {
    let is_acked = |fate: Fate| matches!(fate, Fate::New | Fate::Duplicate | Fate::Accepted);
    let acked = |finding: &&Finding| {
        let acked = finding.history.iter().filter(|attempt| is_acked(attempt.outcome));
        acked.filter_map(|attempt| attempt.end_us).max()
    };
    let ends: Vec<u64> = findings.iter().filter_map(acked).collect();
    let mut struck: Vec<&FaultSpan> = faults.iter().filter(|fault| fault.took_effect).collect();
    struck.sort_by_key(|fault| fault.from_us);
    let next = |end: u64| struck.iter().position(|fault| end <= fault.to_us);
    let gaps = |nth: usize| -> Vec<u64> {
        let of_it = ends.iter().filter(|end| next(**end) == Some(nth));
        of_it.map(|end| struck[nth].from_us.saturating_sub(*end)).collect()
    };
    // Of two that follow as many keys, the earlier one.
    let each = (0..struck.len()).rev().map(|nth| (gaps(nth), struck[nth]));
    let (gaps, fault) = each.max_by_key(|(gaps, _)| gaps.len())?;
    let span = span(&gaps)?;
    let says = format!("the last acknowledgement came {span} before this fault: {}.", fault.planned);
    pattern(Kind::BeforeFault, gaps.len(), findings, &says)
}

/// Writes the span from the least time to the greatest: `1.2 s to 3.4 s`.
fn span(times: &[u64]) -> Option<String> {
    let least = time(*times.iter().min()?);
    let most = time(*times.iter().max()?);
    Some(if least == most { least } else { format!("{least} to {most}") })
}

#[cfg(test)]
mod tests {
    use judge::verdict::Status;

    use super::*;

    fn attempt(start_us: u64, end_us: u64, outcome: Fate) -> Attempt {
        Attempt {
            scope: "round 0".to_owned(),
            request: 0,
            place: 0,
            try_number: 0,
            connection: 1,
            start_us,
            end_us: Some(end_us),
            status: 200,
            outcome,
            traceparent: None,
            planned_us: None,
            shard: None,
        }
    }

    fn check(name: CheckId, histories: &[&[(u64, u64, Fate)]]) -> Check {
        let finding = |(ordinal, history): (u64, &&[(u64, u64, Fate)])| Finding {
            ordinal: Some(ordinal),
            history: history.iter().map(|(start, end, fate)| attempt(*start, *end, *fate)).collect(),
            topic: Some("auth".to_owned()),
            event_id: Some(format!("id {ordinal}")),
            detail: "found".to_owned(),
            traceparent: None,
            request: None,
        };
        let findings: Vec<Finding> = (0..).zip(histories).map(finding).collect();
        let count = findings.len() as u64;
        let summary = "found".to_owned();
        Check { name, status: Status::Fail, count, summary, findings, premises: Vec::new() }
    }

    fn fault(from_us: u64, to_us: u64, took_effect: bool) -> FaultSpan {
        FaultSpan { planned: format!("kill {from_us}"), from_us, to_us, remark: String::new(), took_effect }
    }

    fn sentences(check: &Check, faults: &[FaultSpan]) -> Vec<String> {
        patterns(check, faults).into_iter().map(|pattern| pattern.sentence).collect()
    }

    #[test]
    fn attempts_that_raced_are_told_from_those_that_followed_each_other() {
        let raced: &[_] = &[(100, 300, Fate::New), (200, 400, Fate::New)];
        let followed: &[_] = &[(100, 300, Fate::New), (5_300, 5_400, Fate::New)];
        let check = check(CheckId::StoredTwice, &[raced, raced, followed]);
        let together = "the attempts that were reported as new were under way together.";
        let again = "one was reported as new 5 ms after another had been acknowledged as new.";
        assert_eq!(
            sentences(&check, &[]),
            [format!("In 2 of 3 findings shown, {together}"), format!("In 1 of 3 findings shown, {again}")]
        );
        assert!(patterns(&check, &[]).iter().all(|pattern| !pattern.is_of_all));
    }

    #[test]
    fn what_all_findings_have_in_common_is_marked() {
        let raced: &[_] = &[(100, 300, Fate::New), (300, 400, Fate::New)];
        let found = patterns(&check(CheckId::StoredTwice, &[raced, raced]), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].is_of_all), (Kind::NewTogether, true));
        assert!(found[0].sentence.starts_with("In all 2 findings shown, "), "{}", found[0].sentence);
        let one = patterns(&check(CheckId::AnswerOrder, &[raced]), &[]);
        assert!(one[0].sentence.starts_with("In the finding shown, "), "{}", one[0].sentence);
    }

    #[test]
    fn a_key_that_was_new_once_has_no_pattern() {
        let once: &[_] = &[(100, 300, Fate::New), (400, 500, Fate::Duplicate)];
        assert!(patterns(&check(CheckId::StoredTwice, &[once]), &[]).is_empty());
        assert!(patterns(&check(CheckId::Lost, &[once]), &[]).is_empty());
    }

    #[test]
    fn a_lost_key_that_was_never_new_was_taken_for_a_known_one() {
        let known: &[_] = &[(100, 300, Fate::Duplicate), (400, 500, Fate::Duplicate)];
        let new: &[_] = &[(100, 300, Fate::New)];
        let found = patterns(&check(CheckId::Lost, &[known, new]), &[]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].kind, found[0].is_of_all), (Kind::NeverNew, false));
        // Only of a lost key does that tell something.
        assert!(patterns(&check(CheckId::StoredTwice, &[known]), &[]).is_empty());
    }

    #[test]
    fn lost_keys_are_counted_before_the_fault_that_follows_most_of_them() {
        let [first, second, third]: [&[_]; 3] = [
            &[(100, 1_000, Fate::New)],
            &[(100, 6_000, Fate::Accepted), (200, 7_000, Fate::Duplicate)],
            &[(100, 8_000, Fate::New), (200, 19_000, Fate::Unknown)],
        ];
        let lost = check(CheckId::Lost, &[first, second, third]);
        let faults = [fault(9_000, 9_500, true), fault(2_000, 2_500, true), fault(7_100, 7_200, false)];
        let says = "the last acknowledgement came 1 ms to 2 ms before this fault: kill 9000.";
        assert_eq!(sentences(&lost, &faults), [format!("In 2 of 3 findings shown, {says}")]);
        assert_eq!(sentences(&lost, &faults[2..]), [""; 0], "a fault without effect tells nothing");
    }

    #[test]
    fn a_key_that_was_acknowledged_after_the_last_fault_is_not_lost_by_it() {
        let late: &[_] = &[(100, 9_000, Fate::New)];
        assert!(patterns(&check(CheckId::Lost, &[late]), &[fault(2_000, 2_500, true)]).is_empty());
        // While it lasts, it is.
        let meanwhile: &[_] = &[(100, 2_400, Fate::New)];
        let found = patterns(&check(CheckId::Lost, &[meanwhile]), &[fault(2_000, 2_500, true)]);
        assert_eq!(found[0].kind, Kind::BeforeFault);
        assert!(found[0].sentence.contains(" came 0 s before this fault"), "{}", found[0].sentence);
    }

    #[test]
    fn findings_that_are_on_no_key_have_no_pattern() {
        let mut check = check(CheckId::Lost, &[&[(100, 300, Fate::Duplicate)]]);
        check.findings[0].ordinal = None;
        assert!(patterns(&check, &[]).is_empty());
    }
}
