//! Results for CI systems: one test case for each check and each threshold, in the dialect of
//! JUnit's XML that GitHub, GitLab and Jenkins read.
//!
//! FAIL is a failure, UNKNOWN an error, and a check that was not tested is skipped. The case
//! `verdict` holds what no check stands for, such as another writer. A load that is not judged has
//! the case `load` instead. A threshold that was not met is a failure, and one that was not measured
//! an error. A reader of this file alone sees red exactly if the exit code of the load, or that of
//! the load with its judgement, is not 0. Details are in the text of the element, as some systems
//! show nothing else.

use judge::verdict::{Check, Judgement, Status, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use truth::exit;
use truth::printable::printable;
use truth::record::ending::CheckedThreshold;

use crate::text;

/// Name of the suite, and of the class of its cases.
const SUITE: &str = "onceproof";

/// Load that is not judged.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// URL of the target.
    pub target: &'a str,
    /// Command that sends the same load again.
    pub rerun: &'a str,
    /// Exit code of loadgen.
    pub code: u8,
    /// Thresholds of the load.
    pub thresholds: &'a [CheckedThreshold],
    /// Summary for people.
    pub text: &'a str,
}

/// Prints `junit.xml` of a judgement and of the thresholds of its load.
pub fn render(verdict: &Judgement, thresholds: &[CheckedThreshold]) -> String {
    let mut cases = vec![case("verdict", whole(verdict))];
    cases.extend(verdict.checks.iter().map(|check| case(check.name.text(), status(check))));
    cases.extend(thresholds.iter().map(of_threshold));
    written(&verdict.target, &verdict.rerun, cases, text::render(verdict))
}

/// Prints `junit.xml` of a load that is not judged.
pub fn render_load(load: &Load<'_>) -> String {
    let mut cases = vec![case("load", of_load(load.code))];
    cases.extend(load.thresholds.iter().map(of_threshold));
    written(load.target, load.rerun, cases, load.text.to_owned())
}

fn written(target: &str, rerun: &str, cases: Vec<TestCase>, text: String) -> String {
    let mut suite = TestSuite::new(SUITE);
    suite.add_property(("target", &*printable(target)));
    suite.add_property(("rerun", &*printable(rerun)));
    suite.add_test_cases(cases);
    suite.set_system_out(text);
    let mut report = Report::new(SUITE);
    report.add_test_suite(suite);
    report.to_string().expect("a String takes all that is written")
}

/// Case of the load itself. Its thresholds have cases of their own.
fn of_load(code: u8) -> TestCaseStatus {
    if matches!(code, exit::OK | exit::THRESHOLD) {
        return TestCaseStatus::success();
    }
    let meaning = exit::MEANINGS.iter().find(|meaning| meaning.code == code);
    let meaning = meaning.and_then(|meaning| meaning.loadgen).unwrap_or("the load did not run to its end");
    not_success(NonSuccessKind::Error, "LOAD", &format!("exit code {code}: {meaning}"), "")
}

fn of_threshold(checked: &CheckedThreshold) -> TestCase {
    let kind = if checked.not_evaluated.is_some() { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let status = match checked.ok {
        true => TestCaseStatus::success(),
        false => not_success(kind, "THRESHOLD", &checked.remarks(), ""),
    };
    case(&format!("threshold {}", printable(&checked.threshold)), status)
}

fn case(name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(name, status);
    case.set_classname(SUITE);
    case
}

/// Case of the verdict, with all reasons.
fn whole(verdict: &Judgement) -> TestCaseStatus {
    let kind = match verdict.verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Fail => NonSuccessKind::Failure,
        Verdict::Unknown | Verdict::Void => NonSuccessKind::Error,
    };
    let reasons = verdict.reasons.iter().map(|reason| printable(&reason.to_string()).into_owned());
    let reasons: Vec<String> = reasons.collect();
    not_success(kind, verdict.verdict.text(), text::sentence(verdict), &reasons.join("\n"))
}

fn status(check: &Check) -> TestCaseStatus {
    match check.status {
        Status::Pass => TestCaseStatus::success(),
        Status::Fail => not_success(NonSuccessKind::Failure, "FAIL", &check.summary, &text::details(check)),
        Status::Unknown => {
            not_success(NonSuccessKind::Error, "UNKNOWN", &check.summary, &text::details(check))
        }
        Status::NotTested => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_message(&*printable(&check.summary));
            skipped
        }
    }
}

/// Makes a status of a sentence, and of details whose lines are printable already.
fn not_success(kind: NonSuccessKind, word: &str, message: &str, details: &str) -> TestCaseStatus {
    let message = printable(message);
    let mut status = TestCaseStatus::non_success(kind);
    let description = format!("{message}\n{}", details.trim_end());
    status.set_type(word).set_message(&*message).set_description(description);
    status
}
