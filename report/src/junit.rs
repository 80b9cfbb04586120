//! The judgement for CI systems: one test case for each check, in the dialect of JUnit's XML that
//! GitHub, GitLab and Jenkins read.
//!
//! FAIL is a failure, UNKNOWN an error, and a check that was not tested is skipped. The case
//! `verdict` holds what no check stands for, such as another writer. A reader of this file alone
//! sees red exactly if the exit code is not 0. Details are in the text of the element, as some
//! systems show nothing else.

use judge::verdict::{Check, Judgement, Status, Verdict};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use crate::text;

/// Name of the suite, and of the class of its cases.
const SUITE: &str = "onceproof";

/// Prints `junit.xml`.
pub fn render(verdict: &Judgement) -> String {
    let mut suite = TestSuite::new(SUITE);
    suite.add_property(("target", verdict.target.as_str()));
    suite.add_property(("rerun", verdict.rerun.as_str()));
    suite.add_test_case(case("verdict", whole(verdict)));
    for check in &verdict.checks {
        suite.add_test_case(case(check.name.text(), status(check)));
    }
    suite.set_system_out(text::render(verdict));
    let mut report = Report::new(SUITE);
    report.add_test_suite(suite);
    report.to_string().expect("a String takes all that is written")
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
    let reasons: Vec<String> = verdict.reasons.iter().map(ToString::to_string).collect();
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
            skipped.set_message(check.summary.as_str());
            skipped
        }
    }
}

fn not_success(kind: NonSuccessKind, word: &str, message: &str, details: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(word).set_message(message).set_description(format!("{message}\n{}", details.trim_end()));
    status
}
