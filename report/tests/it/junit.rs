//! `junit.xml`: what a CI system shows of a verdict.

use judge::verdict::{Judgement, Reason, Status, Verdict};
use proptest::prelude::*;
use quick_junit::{NonSuccessKind, Report, TestCaseStatus};
use report::junit::{Load, render, render_load};
use truth::record::ending::CheckedThreshold;

use crate::forge::{Fate, Forge, foreign, row};

fn report(verdict: &Judgement) -> Report {
    Report::deserialize_from_str(&render(verdict, &[])).expect("XML that reads back")
}

/// Name, and failure, error or skipped with the text of the element.
fn cases(verdict: &Judgement) -> Vec<(String, Option<(&'static str, String)>)> {
    let report = report(verdict);
    let [suite] = report.test_suites.as_slice() else { panic!("one suite") };
    let told = |status: &TestCaseStatus| match status {
        TestCaseStatus::Success { .. } => None,
        TestCaseStatus::NonSuccess { kind, description, .. } => {
            let text = description.as_ref().expect("a text").to_string();
            Some((if *kind == NonSuccessKind::Failure { "failure" } else { "error" }, text))
        }
        TestCaseStatus::Skipped { message, .. } => {
            Some(("skipped", message.as_ref().expect("a reason").to_string()))
        }
    };
    suite.test_cases.iter().map(|case| (case.name.to_string(), told(&case.status))).collect()
}

fn case(verdict: &Judgement, name: &str) -> Option<(&'static str, String)> {
    cases(verdict).into_iter().find(|(case, _)| case == name).expect("a case of this name").1
}

#[test]
fn a_failing_check_tells_its_keys_in_the_text() {
    let mut forged = Forge::default().run();
    forged.lose(440);
    let verdict = forged.verdict();
    let (kind, text) = case(&verdict, "lost").unwrap();
    assert_eq!(kind, "failure");
    assert!(text.contains("key 440") && text.contains("round") && text.contains("status 200"), "{text}");
    assert_eq!(case(&verdict, "verdict").unwrap().0, "failure");
    assert_eq!(case(&verdict, "stored-twice"), None);
    assert_eq!(case(&verdict, "replay").unwrap().0, "skipped");
    insta::assert_snapshot!("junit_fail", render(&verdict, &[]));
}

#[test]
fn what_no_check_stands_for_is_an_error_of_the_verdict() {
    let mut others = Forge::default().run();
    others.promises.shared = None;
    others.rows.push(foreign(1));
    for counters in [&mut others.now, others.closing.as_mut().unwrap()] {
        counters.unique = counters.unique.map(|unique| unique + 1);
        counters.received = counters.received.map(|received| received + 1);
    }
    let unknown = others.verdict();
    assert_eq!(unknown.verdict, Verdict::Unknown);
    let (kind, text) = case(&unknown, "verdict").unwrap();
    assert!(kind == "error" && text.contains("another writer"), "{text}");
    let void = Forge { fates: |_, _| vec![Fate::Rejected], ..Forge::default() }.run().verdict();
    let (kind, text) = case(&void, "verdict").unwrap();
    assert!(kind == "error" && text.contains("nothing was acknowledged"), "{text}");
    assert!(
        cases(&Forge::default().run().verdict())
            .iter()
            .all(|(_, told)| { told.as_ref().is_none_or(|(kind, _)| *kind == "skipped") })
    );
}

fn thresholds() -> [CheckedThreshold; 3] {
    let checked = |threshold: &str, value, not_evaluated: Option<&str>, ok| CheckedThreshold {
        threshold: threshold.to_owned(),
        value,
        ok,
        not_evaluated: not_evaluated.map(str::to_owned),
    };
    [
        checked("http_req_failed: rate<0.01", Some(0.0), None, true),
        checked("http_req_duration: p(95)<500", Some(612.3), None, false),
        checked("lateness: max<1", None, Some("no sample"), false),
    ]
}

#[test]
fn each_threshold_is_a_case_beside_the_checks() {
    let verdict = Forge::default().run().verdict();
    let xml = render(&verdict, &thresholds());
    let report = Report::deserialize_from_str(&xml).unwrap();
    assert_eq!(report.tests, verdict.checks.len() + 1 + 3);
    assert_eq!((report.failures, report.errors), (1, 1), "{xml}");
    let names: Vec<&str> = report.test_suites[0].test_cases.iter().map(|case| case.name.as_str()).collect();
    assert!(names.ends_with(&["threshold lateness: max<1"]), "{names:?}");
    assert!(xml.contains("message=\"measured 612.3\"") && xml.contains("not evaluated: no sample"), "{xml}");
}

#[test]
fn a_load_that_is_not_judged_is_red_exactly_where_its_exit_code_is_not_0() {
    let thresholds = thresholds();
    let red = |code: u8, thresholds: &[CheckedThreshold]| {
        let load = Load { target: "http://a", rerun: "loadgen", code, thresholds, text: "done" };
        let report = Report::deserialize_from_str(&render_load(&load)).unwrap();
        assert_eq!(report.tests, thresholds.len() + 1);
        assert_eq!(report.test_suites[0].test_cases[0].name.as_str(), "load");
        report.failures + report.errors
    };
    assert_eq!(red(0, &thresholds[..1]), 0);
    assert_eq!(red(99, &thresholds[..2]), 1);
    assert_eq!(red(99, &thresholds), 2);
    for code in [3, 4, 5, 130] {
        assert_eq!(red(code, &thresholds[..1]), 1, "{code}");
    }
}

#[test]
fn what_xml_cannot_hold_does_not_break_it() {
    let mut forged = Forge::default().run();
    let mut stranger = row(&forged.events, 8);
    stranger.event_id = "\u{0}\u{1b}[31m<&>]]>\u{fffe}".to_owned();
    forged.rows.push(stranger);
    let (kind, text) = case(&forged.verdict(), "stranger").unwrap();
    assert!(kind == "failure" && text.contains("<&>]]>"), "{text}");
}

#[test]
fn it_is_red_exactly_where_the_exit_code_is_not_0() {
    let judged = Forge::default().run().verdict();
    let statuses = proptest::collection::vec(0..4_usize, judged.checks.len());
    proptest!(|(statuses in statuses, word in 0..4_usize, summary in "\\PC*", reason in any::<String>())| {
        let mut verdict = judged.clone();
        verdict.verdict = [Verdict::Pass, Verdict::Void, Verdict::Unknown, Verdict::Fail][word];
        verdict.reasons = vec![Reason::Saved(reason)];
        let all = [Status::Pass, Status::Fail, Status::Unknown, Status::NotTested];
        for (check, status) in verdict.checks.iter_mut().zip(&statuses) {
            (check.status, check.summary) = (all[*status], summary.clone());
        }
        let count = |status: Status| verdict.checks.iter().filter(|check| check.status == status).count();
        let report = report(&verdict);
        let whole = usize::from(verdict.verdict != Verdict::Pass);
        let is_fail = usize::from(verdict.verdict == Verdict::Fail);
        prop_assert_eq!(report.tests, verdict.checks.len() + 1);
        prop_assert_eq!(report.failures, count(Status::Fail) + is_fail);
        prop_assert_eq!(report.errors, count(Status::Unknown) + whole - is_fail);
        let cases = report.test_suites[0].test_cases.iter();
        let skipped = cases.filter(|case| matches!(case.status, TestCaseStatus::Skipped { .. })).count();
        prop_assert_eq!(skipped, count(Status::NotTested));
    });
}
