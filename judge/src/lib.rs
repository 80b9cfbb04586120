//! The judge: a pure function from evidence to a verdict.

pub mod books;
mod bracket;
pub mod checks;
mod conclude;
pub mod evidence;
pub mod facts;
pub mod history;
pub mod planted;
pub mod premises;
pub mod resend;
pub mod total_loss;
pub mod verdict;

use foldhash::{HashMap, HashSet};
use truth::chain::chain;
pub use truth::numbers;
use truth::record::ledger::Scope;

use self::books::walk::WalkError;
use self::checks::examine;
use self::conclude::conclude;
use self::evidence::Evidence;
use self::facts::Facts;
use self::verdict::{Check, Doubt, Finding, Judgement, Reason, TriedRequest, Verdict, undecided};

/// Judges a run. An error on the way makes the verdict UNKNOWN.
pub fn judge(evidence: &Evidence) -> Judgement {
    try_judge(evidence).unwrap_or_else(|error| undecided(Reason::LedgerUnread { reason: chain(&error) }))
}

/// Judges a run whose ledger can be read.
pub fn try_judge(evidence: &Evidence) -> Result<Judgement, WalkError> {
    let facts = Facts::gather(evidence)?;
    let mut examined = examine(&facts);
    let planted = match planted::prove(&facts, &examined.checks) {
        Ok(planted) => planted,
        Err(error) => {
            examined.doubts.push(Doubt::SelfTestUnread { reason: chain(&error) });
            Vec::new()
        }
    };
    let mut verdict = conclude(&facts, examined, planted);
    if let Err(error) = add_histories(evidence, &mut verdict.checks) {
        verdict.reasons.push(Reason::HistoriesUnread { reason: chain(&error) });
        verdict.verdict = verdict.verdict.max(Verdict::Unknown);
    }
    Ok(verdict)
}

fn add_histories(evidence: &Evidence, checks: &mut [Check]) -> Result<(), WalkError> {
    let findings = checks.iter().flat_map(|check| &check.findings);
    let keys: HashSet<u64> = findings.filter_map(|finding| key_of(evidence, finding)).collect();
    let histories: HashMap<_, _> = history::histories(evidence, &keys)?;
    for finding in checks.iter_mut().flat_map(|check| &mut check.findings) {
        let traceparent = finding.ordinal.and_then(|ordinal| evidence.events.traceparent(ordinal));
        finding.traceparent = traceparent.map(|own| own.to_string()).or(finding.traceparent.take());
        if let Some(history) = key_of(evidence, finding).and_then(|ordinal| histories.get(&ordinal)) {
            finding.history.clone_from(history);
            finding.keep_its_request();
        }
    }
    Ok(())
}

/// Returns the key of a finding, or one that its request carried.
fn key_of(evidence: &Evidence, finding: &Finding) -> Option<u64> {
    let carried = |tried: TriedRequest| match tried.scope {
        Scope::Round(round) => evidence.plan.round(round).request(tried.request).first().copied(),
        Scope::Resend(_) => None,
    };
    finding.ordinal.or_else(|| finding.request.and_then(carried))
}

#[cfg(test)]
mod tests {
    use truth::observed::Observed;
    use truth::plan::event::Events;
    use truth::record::ledger::Frame;
    use truth::record::manifest::FolderFormat;
    use truth::record::trouble::Trouble;
    use truth::scenario::Scenario;
    use truth::scenario::promises::Promises;

    use super::*;
    use crate::evidence::Frames;
    use crate::verdict::{CheckId, Examined, Planted};

    #[test]
    fn a_planted_defect_that_goes_unseen_makes_the_verdict_unknown() {
        let plan = Scenario::default().plan(1, 2).unwrap();
        let evidence = Evidence {
            events: Events::new(&plan),
            promises: Promises::default(),
            listing_is_complete: false,
            listing_is_named: false,
            topic_is_heeded: false,
            rows_have_an_order: false,
            listing_is_one_page: false,
            listing_drains: false,
            format: FolderFormat::Sealed,
            keys: 0..plan.keys().unwrap(),
            frames: Frames::Memory(vec![Frame::Closed { t: 0 }]),
            unclear_acknowledges: true,
            traces: None,
            can_race: true,
            addresses: 1,
            one_clock: true,
            looked: None,
            gone: None,
            ended: vec![true],
            polls_end: true,
            ended_by_time: false,
            missing_shards: 0,
            shards: vec![None],
            baseline: None,
            baselines_differ: false,
            closing: None,
            polled: Vec::new(),
            faults: Vec::new(),
            trouble: Trouble::default(),
            observed: Observed::blank(&plan, "http://127.0.0.1:8080"),
            earlier: None,
            plan,
        };
        let facts = Facts::gather(&evidence).unwrap();
        let planted =
            |seen| vec![Planted { defect: "loss".to_owned(), check: CheckId::Lost, seen: Some(seen) }];
        assert_eq!(conclude(&facts, Examined::default(), planted(true)).verdict, Verdict::Void);
        let blind = conclude(&facts, Examined::default(), planted(false));
        assert_eq!(blind.verdict, Verdict::Unknown);
        assert_eq!(blind.reasons[0], Reason::Blind { defect: "loss".to_owned() });
    }
}
