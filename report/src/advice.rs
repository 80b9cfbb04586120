//! Advice: what to do next with a verdict.

use judge::numbers::grouped;
use judge::resend::hangs_on_sentinels;
use judge::verdict::{Check, Finding, Judgement, Reason, Status, Verdict};

use crate::findings::{numbered, open_checks};

/// Returns sentences that say what to do next, the most useful first. Commands stand in backquotes.
pub fn next_steps(verdict: &Judgement) -> Vec<String> {
    let mut steps = match verdict.verdict {
        Verdict::Fail => after_fail(verdict),
        Verdict::Unknown => after_unknown(verdict),
        Verdict::Void => vec![
            "Change the load as the reasons above say, and run loadgen again: this run shows nothing about \
             the target."
                .to_owned(),
        ],
        Verdict::Pass => vec![
            "Nothing has to be done. Below stands what the verdict rests on, and what was not tested."
                .to_owned(),
        ],
    };
    if !verdict.rerun.is_empty() {
        steps.push(format!("Send the same load again, under a new identity: `{}`", verdict.rerun));
    }
    steps
}

fn after_fail(verdict: &Judgement) -> Vec<String> {
    let mut steps = Vec::new();
    if let Some((_, finding)) = counter_example(verdict)
        && let Some(command) = explain(verdict, finding)
    {
        let what = match finding.ordinal {
            Some(ordinal) => {
                format!("the story of key {}, with its requests to send by hand", grouped(ordinal))
            }
            None => "why the first finding is a contradiction, and on what it rests".to_owned(),
        };
        steps.push(format!("Read {what}: `{command}`"));
    }
    steps
}

fn after_unknown(verdict: &Judgement) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    let grounds = verdict.reasons.iter().filter_map(|reason| match reason {
        Reason::Open { open, .. } => Some(open),
        _ => None,
    });
    for ground in grounds.flatten() {
        let Some(remedy) = ground.remedy() else { continue };
        let statement = ground.premise.statement();
        let step =
            format!("If it is true of your target that {statement}, write {remedy}, and run loadgen again.");
        if !steps.contains(&step) {
            steps.push(step);
        }
    }
    if hangs_on_sentinels(verdict) {
        steps.push(format!(
            "Or try `{} --sentinels`, which sends some more events and looks whether they are shown.",
            verdict.called
        ));
    }
    if steps.is_empty() {
        steps.push("Remove what the reasons above name, and run verify again.".to_owned());
    }
    steps
}

/// Returns the finding to look at first: one on a key, of a failed check if there is one.
pub fn counter_example(verdict: &Judgement) -> Option<(&Check, &Finding)> {
    let all = numbered(verdict);
    let of_status = |status: Status| {
        let mut of_it = all.iter().filter(|(check, _)| check.status == status);
        let with_history = of_it.clone().find(|(_, finding)| !finding.history.is_empty());
        with_history.or_else(|| of_it.next()).copied()
    };
    of_status(Status::Fail).or_else(|| of_status(Status::Unknown))
}

/// Returns the check to look at first; none if each passed.
pub(crate) fn first_check(verdict: &Judgement) -> Option<&Check> {
    let of_example = counter_example(verdict).map(|(check, _)| check);
    of_example.or_else(|| open_checks(verdict).first().copied())
}

/// Returns the command that explains a finding; none for a judgement without a run folder.
pub fn explain(verdict: &Judgement, finding: &Finding) -> Option<String> {
    if verdict.runs.is_empty() {
        return None;
    }
    let (called, runs) = (&verdict.called, verdict.runs.join(" "));
    if let Some(ordinal) = finding.ordinal {
        return Some(format!("{called} explain {ordinal} {runs}"));
    }
    let number = numbered(verdict).iter().position(|(_, one)| std::ptr::eq(*one, finding))? + 1;
    Some(format!("{called} explain --finding {number} {runs}"))
}
