//! The verdict as Markdown, and as annotations.

use judge::verdict::{Judgement, Reason, Verdict};
use report::markdown::{MOST, annotations, render};

use crate::forge::{Forge, row};

fn named(verdict: Judgement) -> Judgement {
    let rerun = "loadgen --count 2000 --dup 0.3 --seed 7 --batch 20".to_owned();
    let runs = vec!["results/20260102T030405Z-default-7-9f3c".to_owned()];
    Judgement { rerun, runs, observation: 1, ..verdict }
}

fn failed() -> Judgement {
    let mut forged = Forge::default().run();
    (440..470).step_by(3).for_each(|key| forged.lose(key));
    forged.rows.push(row(&forged.events, 8));
    named(forged.verdict())
}

fn unknown() -> Judgement {
    let mut forged = Forge::default().run();
    forged.rows.truncate(1000);
    forged.is_complete = false;
    named(forged.verdict())
}

#[test]
fn a_summary_has_the_verdict_the_counter_example_and_the_command_to_repeat() {
    insta::assert_snapshot!("summary_fail", render(&failed(), Some("It drops events.")));
    insta::assert_snapshot!("summary_unknown", render(&unknown(), None));
    insta::assert_snapshot!("summary_pass", render(&named(Forge::default().run().verdict()), None));
}

#[test]
fn a_fail_is_an_error_and_an_unknown_a_warning_on_one_line_each() {
    let errors = annotations(&failed());
    assert_eq!(errors.len(), 3, "{errors:?}");
    assert!(errors[0].starts_with("::error title=onceproof FAIL::lost: 10 of 1,400 "), "{errors:?}");
    assert!(
        annotations(&unknown()).iter().all(|line| line.starts_with("::warning title=onceproof UNKNOWN::"))
    );
    assert!(annotations(&Forge::default().run().verdict()).is_empty());
    let hostile = Reason::Saved("x\n::stop-commands::y\r\u{1b}[2J".to_owned());
    let lines = annotations(&Judgement { reasons: vec![hostile], ..failed() });
    assert!(lines.iter().all(|line| !line.contains(['\n', '\r', '\u{1b}'])), "{lines:?}");
}

#[test]
fn a_summary_is_at_most_64_kb_and_of_foreign_text_nothing_is_markdown() {
    let long = "<b>|`".repeat(20_000);
    let reasons = (0..100).map(|_| Reason::Saved(long.clone())).collect();
    let not_tested = vec![long; 50];
    let verdict = Judgement { reasons, not_tested, verdict: Verdict::Unknown, ..failed() };
    let text = render(&verdict, None);
    assert!(text.len() <= MOST, "{} bytes", text.len());
    assert!(!text.contains("<b>|") && text.contains("report.html"), "{}", &text[..500]);
}
