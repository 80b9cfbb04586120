//! The registry of checks is complete: each has its place, its texts, and evidence that it rejects.

use std::time::Duration;

use judge::checks::{REGISTRY, reference};
use judge::evidence::Evidence;
use judge::judge;
use judge::verdict::{CheckId, Status};
use truth::observed::Settled;
use truth::observed::topics::{Leak, TopicScope};
use truth::plan::twin::Twins;
use truth::record::ledger::{Done, Purpose};
use truth::scenario::promises::{Conflict, Repeat};
use truth::target::answer::{Answer, Kind, Kinds, Outcome};

use crate::forge::{Fate, Forge, Forged, check, row};
use crate::resent::resend;

#[test]
fn each_check_is_made_once_in_the_order_of_the_registry() {
    let registered: Vec<CheckId> = REGISTRY.iter().map(|registered| registered.id).collect();
    let made: Vec<CheckId> = Forge::default().run().verdict().checks.iter().map(|check| check.name).collect();
    assert_eq!(made, registered);
    let mut sorted = registered.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, registered, "the order of `CheckId` is that of the registry, each once");
}

#[test]
fn each_check_rejects_forged_evidence() {
    for registered in REGISTRY {
        let verdict = judge(&rejected(registered.id));
        let check = check(&verdict, registered.id);
        assert_eq!(check.status, Status::Fail, "{check:#?}");
    }
}

#[test]
fn each_name_is_one_text_in_files_and_reports() {
    for registered in REGISTRY {
        let text = registered.id.text();
        assert_eq!(format!("{:?}", registered.id).to_lowercase(), text.replace('-', ""));
        assert_eq!(format!("{:<20}|", registered.id), format!("{text:<20}|"));
    }
}

#[test]
fn the_table_of_the_docs_has_a_line_for_each() {
    let table = reference();
    assert_eq!(table.lines().count(), REGISTRY.len() + 2);
    assert!(
        table.contains(
            "| `lost` | a key was acknowledged and is absent | listing | whole, fresh, nothing waits |"
        ),
        "{table}"
    );
    assert!(table.lines().all(|line| line.matches('|').count() == 5), "{table}");
}

/// Evidence that a check has to reject.
fn rejected(id: CheckId) -> Evidence {
    let mut forged = Forge::default().run();
    match id {
        CheckId::Lost => forged.lose(440),
        CheckId::KeyMerged => return merged(),
        CheckId::Stranger => forged.rows.push(row(&forged.events, forged.plan.keys().expect("a count"))),
        CheckId::WrongTopic => forged.rows[42].topic = "elsewhere".to_owned(),
        CheckId::ScopeLeak => return leaking(&forged),
        CheckId::ForeignLost => {
            forged = Forge { earlier: 5, ..Forge::default() }.run();
            forged.rows.remove(2);
        }
        CheckId::ListingUnsound => {
            let mut evidence = forged.evidence();
            evidence.observed.looks.border_repeats = 14;
            return evidence;
        }
        CheckId::StoredTwice => forged.rows.push(row(&forged.events, 8)),
        CheckId::RejectedButStored => {
            let key = forged.key_where(|attempts| attempts.len() == 1);
            forged.tell(forged.attempts_of(key)[0], Kind::Rejected);
        }
        CheckId::PayloadChanged => forged.rows[77].payload = Some("{\"n\":78}".to_owned()),
        CheckId::WrongWinner => {
            let mut forge = Forge::default();
            forge.scenario.traps.other_payload = 4;
            forged = forge.run();
            forged.promises.conflict = Some(Conflict::LastWins);
        }
        CheckId::AnswerOrder => {
            let key = forged.key_where(|attempts| attempts.len() > 1);
            forged.attempts_of(key).into_iter().for_each(|attempt| forged.tell(attempt, Kind::New));
        }
        CheckId::AnswerSum => forged.dones().next().expect("a response").answer.accepted = Some(1),
        CheckId::BatchCounts => forged.dones().for_each(count_all_as_new),
        CheckId::RepeatRefused => return refused(),
        CheckId::TornBatch => return torn(),
        CheckId::InvalidTaken => {
            let mut forge = Forge { takes_spoilt: true, ..Forge::default() };
            forge.scenario.traps.invalid = 4;
            forged = forge.run();
        }
        CheckId::RoutesDisagree => drop(forged.rows.pop()),
        CheckId::Counters => forged.now.received = forged.now.received.map(|received| received - 1),
        CheckId::Epochs => {
            let under_load = forged.under_load().last().expect("a poll");
            under_load.received = under_load.received.map(|received| received + 5_000);
        }
        CheckId::Liveness => return waiting(forged),
        CheckId::Stillness => {
            forged.earlier = Some(forged.observed());
            forged.lose(3);
        }
        CheckId::Replay => return replayed(&forged),
    }
    forged.evidence()
}

fn count_all_as_new(done: &mut Done) {
    done.answer.kinds = Kinds::Unreported;
    done.answer.inserted = done.answer.accepted;
    done.answer.duplicates = Some(0);
}

/// One key of a pair of twins is absent.
fn merged() -> Evidence {
    let twins = Twins { same_id: 8, ..Twins::default() };
    let mut forge = Forge::default();
    forge.scenario.traps = twins.into();
    let mut forged = forge.run();
    let second = (1..).step_by(2).find(|key| forged.events.twin(*key).is_some()).expect("a pair");
    forged.lose(second);
    forged.evidence()
}

/// Every request with a key that was acknowledged before is refused, in a run of single events.
fn refused() -> Evidence {
    let mut forged = Forge::of_single_events().run();
    forged.refuse_repeats(500, |_| true);
    forged.promises.repeat = Some(Repeat::Accepted);
    forged.evidence()
}

/// A topic's listing shows a row of another topic.
fn leaking(forged: &Forged) -> Evidence {
    let mut evidence = forged.evidence();
    let leak = Leak { asked: "auth".to_owned(), topic: "orders".to_owned(), event_id: "an id".to_owned() };
    evidence.observed.listing.scope =
        Some(TopicScope { asked: 3, rows: 300, leaked: 1, examples: vec![leak] });
    evidence
}

/// An unanswered request is stored, except for one of its keys.
fn torn() -> Evidence {
    let fates = |round, request| match (round, request) {
        (2, 5) => vec![Fate::Unknown { executed: true }],
        _ => vec![Fate::Acked],
    };
    let mut forged = Forge { fates, ..Forge::default() }.run();
    let alone = forged
        .key_where(|attempts| matches!(attempts, [(round, request, _)] if (*round, *request) == (2, 5)));
    forged.lose(alone);
    forged.evidence()
}

/// Seven events still wait ten seconds after the last response.
fn waiting(mut forged: Forged) -> Evidence {
    forged.settled = Settled::Stalled;
    forged.now.pending = Some(7);
    forged.promises.drain = Some(Duration::from_secs(10));
    let mut evidence = forged.evidence();
    evidence.observed.stats.waited_ms = 10_000;
    evidence
}

/// A key that was acknowledged is sent again, and reported as new.
fn replayed(forged: &Forged) -> Evidence {
    let mut evidence = forged.evidence();
    let answer = |_: &[u64]| Answer { kinds: Kinds::AllNew, ..Answer::bare(Outcome::Acked) };
    resend(&mut evidence, Purpose::Replay, &[3], answer);
    evidence
}
