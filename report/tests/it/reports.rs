//! The report as people read it.

use judge::verdict::Judgement;
use report::text;

use crate::forge::{Fate, Forge, row};

fn render(verdict: Judgement) -> String {
    let rerun = "loadgen --count 2000 --dup 0.3 --seed 7 --batch 20".to_owned();
    let runs = vec!["results/20260102T030405Z-default-7-9f3c".to_owned()];
    text::render(&Judgement { rerun, runs, observation: 1, ..verdict })
}

fn fates(round: u64, request: u32) -> Vec<Fate> {
    match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }, Fate::Acked],
        (4, 1) => vec![Fate::Rejected, Fate::Acked],
        _ => vec![Fate::Acked],
    }
}

#[test]
fn a_pass_says_what_it_rests_on() {
    let verdict = Forge { fates, ..Forge::default() }.run().verdict();
    insta::assert_snapshot!("pass", render(verdict));
}

#[test]
fn kinds_that_no_response_reports_are_not_counted_as_none() {
    let verdict = Forge { fates: |_, _| vec![Fate::Untold], ..Forge::default() }.run().verdict();
    let text = render(verdict);
    assert!(text.contains("2,000 acknowledged (new or duplicate not reported), "), "{text}");
    assert!(!text.contains("0 new"), "{text}");
}

#[test]
fn a_failure_shows_keys_with_their_histories() {
    let mut forged = Forge { fates, ..Forge::default() }.run();
    (440..470).step_by(3).for_each(|key| forged.lose(key));
    forged.rows.push(row(&forged.events, 8));
    insta::assert_snapshot!("fail", render(forged.verdict()));
}

#[test]
fn an_unknown_says_what_to_do() {
    let mut forged = Forge::default().run();
    forged.rows.truncate(1000);
    forged.is_complete = false;
    insta::assert_snapshot!("unknown", render(forged.verdict()));
}

#[test]
fn a_void_says_what_was_not_tested() {
    let fates = |round, _| if round < 3 { vec![Fate::Rejected] } else { vec![Fate::NeverSent] };
    insta::assert_snapshot!("void", render(Forge { fates, ..Forge::default() }.run().verdict()));
}
