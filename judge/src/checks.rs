//! The registry of checks: their order, when each fails, what each needs, and the function that
//! makes it.
//!
//! Reports, JUnit's cases, the page of the docs and the tests of completeness follow this order.

pub mod again;
pub mod by_key;
pub mod by_request;
pub mod by_row;
pub mod by_total;
mod copies;
pub mod epochs;
pub mod liveness;
pub mod refusals;
pub mod unaccounted;
pub mod winner;

use std::fmt::Write;

use self::unaccounted::Unaccounted;
use crate::books::walk::WalkError;
use crate::bracket::Absent;
use crate::facts::Facts;
use crate::premises::ground;
use crate::verdict::{Check, CheckId, Examined, Observation, Premise, Status};

/// Input of a check: the facts, and what several checks share.
#[derive(Debug)]
pub struct Subject<'a> {
    facts: &'a Facts<'a>,
    unaccounted: Unaccounted,
    absent: Result<Absent, WalkError>,
}

/// One check of the registry.
#[derive(Debug)]
pub struct Registered {
    /// Name of the check.
    pub id: CheckId,
    /// Condition that fails it, in one sentence that begins with its subject.
    pub fails_when: &'static str,
    /// Evidence without which it is not tested.
    pub needs: &'static str,
    /// Premises that its faults rest on. Single faults may rest on fewer.
    pub premises: &'static [Premise],
    make: fn(&Subject<'_>, &mut Examined) -> Check,
}

/// Premises of an absence: the view would show the key by now.
const ABSENCE: &[Premise] = &[Premise::Whole, Premise::Fresh, Premise::NothingWaits];

/// All checks, in the order in which they are made and reported.
pub const REGISTRY: &[Registered] = &[
    Registered {
        id: CheckId::Lost,
        fails_when: "a key was acknowledged and is absent",
        needs: "listing",
        premises: ABSENCE,
        make: |subject, _| by_key::lost(subject.facts, &subject.absent),
    },
    Registered {
        id: CheckId::KeyMerged,
        fails_when: "a lost key has a twin that is present: the target takes two keys for one",
        needs: "listing, `[traps]`",
        premises: ABSENCE,
        make: |subject, _| by_key::key_merged(subject.facts, &subject.absent),
    },
    Registered {
        id: CheckId::Stranger,
        fails_when: "a row is listed that was never sent",
        needs: "listing; for ids that are not of this run also a listing before the run",
        premises: &[Premise::NobodyElse, Premise::IdsUnused],
        make: |subject, examined| by_row::stranger(subject.facts, &subject.unaccounted, examined),
    },
    Registered {
        id: CheckId::WrongTopic,
        fails_when: "a row stands under a topic that is not its key's",
        needs: "listing",
        premises: &[],
        make: |subject, _| by_row::wrong_topic(subject.facts),
    },
    Registered {
        id: CheckId::ScopeLeak,
        fails_when: "the target shows rows of another topic than the one that was asked for",
        needs: "listing that can be asked for one topic",
        premises: &[Premise::TopicHeeded],
        make: |subject, _| by_row::scope_leak(subject.facts),
    },
    Registered {
        id: CheckId::ForeignLost,
        fails_when: "a row of others that was listed before the run is gone",
        needs: "listing before the run",
        premises: &[Premise::NobodyElse, Premise::Whole],
        make: |subject, _| by_row::foreign_lost(subject.facts),
    },
    Registered {
        id: CheckId::ListingUnsound,
        fails_when: "the listing repeats rows at page borders, or keys come and go between looks",
        needs: "listing",
        premises: &[
            Premise::RowsInOrder,
            Premise::Whole,
            Premise::Fresh,
            Premise::NothingWaits,
            Premise::CopiesSettled,
        ],
        make: |subject, _| by_row::listing_unsound(subject.facts),
    },
    Registered {
        id: CheckId::StoredTwice,
        fails_when: "a key is listed more than once",
        needs: "listing",
        premises: &[Premise::CopiesSettled],
        make: |subject, _| copies::stored_twice(subject.facts),
    },
    Registered {
        id: CheckId::RejectedButStored,
        fails_when: "all attempts of a key were rejected, and it is stored",
        needs: "listing",
        premises: &[Premise::RefusedWithoutEffect, Premise::IdsUnused, Premise::NobodyElse],
        make: |subject, examined| {
            let check = by_key::rejected_but_stored(subject.facts, &subject.unaccounted, examined);
            subject.facts.if_all_is_known(check)
        },
    },
    Registered {
        id: CheckId::PayloadChanged,
        fails_when: "a stored event differs from the one sent, or lacks a content that others show",
        needs: "listing with contents",
        premises: &[],
        make: |subject, _| by_row::payload_changed(subject.facts),
    },
    Registered {
        id: CheckId::WrongWinner,
        fails_when: "of a key's two payloads, the stored one cannot be the one to keep",
        needs: "listing with contents, `[traps]`",
        premises: &[Premise::FirstStays, Premise::Committed, Premise::NothingResends, Premise::OneClock],
        make: |subject, _| subject.facts.if_all_is_known(winner::wrong_winner(subject.facts)),
    },
    Registered {
        id: CheckId::AnswerOrder,
        fails_when: "responses about a key contradict storing it once: new twice, new after an \
                     acknowledgement, or a duplicate that nothing can have stored yet",
        needs: "responses that report new or duplicate",
        premises: &[Premise::Words, Premise::Committed, Premise::NothingResends, Premise::OneClock],
        make: |subject, _| by_key::answer_order(subject.facts),
    },
    Registered {
        id: CheckId::AnswerSum,
        fails_when: "the numbers of a response do not add up to the events sent",
        needs: "responses with counts",
        premises: &[Premise::Words],
        make: |subject, _| by_total::answer_sum(subject.facts),
    },
    Registered {
        id: CheckId::BatchCounts,
        fails_when: "responses count more new events than can have been new, or fewer than must have \
                     been",
        needs: "responses with counts alone",
        premises: &[Premise::Words],
        make: |subject, _| by_request::batch_counts(subject.facts),
    },
    Registered {
        id: CheckId::RepeatRefused,
        fails_when: "repeats of acknowledged keys are refused while first copies are taken",
        needs: "repeats in later rounds, or `--replay`",
        premises: &[Premise::RepeatAccepted],
        make: |subject, examined| refusals::repeat_refused(subject.facts, examined),
    },
    Registered {
        id: CheckId::TornBatch,
        fails_when: "a part of an unanswered request is stored",
        needs: "listing, `[promises] batch = \"atomic\"`",
        premises: &[Premise::Atomic, Premise::Whole, Premise::Fresh, Premise::NothingWaits],
        make: |subject, examined| {
            subject.facts.if_all_is_known(by_request::torn_batch(subject.facts, examined))
        },
    },
    Registered {
        id: CheckId::InvalidTaken,
        fails_when: "a request with an invalid event is acknowledged",
        needs: "`[traps] invalid`, `[promises] batch = \"atomic\"`",
        premises: &[Premise::Atomic],
        make: |subject, _| by_request::invalid_taken(subject.facts),
    },
    Registered {
        id: CheckId::RoutesDisagree,
        fails_when: "listing and database differ on a key, or rows and unique count differ in total",
        needs: "two of listing, database, counters",
        premises: &[
            Premise::UniqueCountsRows,
            Premise::Counters,
            Premise::NothingWaits,
            Premise::Whole,
            Premise::Fresh,
            Premise::NobodyElse,
        ],
        make: |subject, _| by_total::routes_disagree(subject.facts),
    },
    Registered {
        id: CheckId::Counters,
        fails_when: "the counters are outside the bounds that the ledger leaves, at rest or under load",
        needs: "counters, before the run and after it",
        premises: &[Premise::Counters, Premise::NothingWaits, Premise::NobodyElse],
        make: |subject, examined| by_total::counters(subject.facts, examined),
    },
    Registered {
        id: CheckId::Epochs,
        fails_when: "a counter fell within the life of one process, or an uptime is impossible",
        needs: "counters that were read twice",
        premises: &[Premise::Counters],
        make: |subject, _| epochs::epochs(subject.facts),
    },
    Registered {
        id: CheckId::Liveness,
        fails_when: "accepted events still wait after the promised time, and nothing moves",
        needs: "`[promises] drain`, counters of waiting events",
        premises: &[Premise::NobodyElse],
        make: |subject, _| liveness::liveness(subject.facts),
    },
    Registered {
        id: CheckId::Stillness,
        fails_when: "a key that the first look showed is gone at the second",
        needs: "`--resolve` or `--replay`, listing",
        premises: ABSENCE,
        make: |subject, _| again::stillness(subject.facts, &subject.absent),
    },
    Registered {
        id: CheckId::Replay,
        fails_when: "an acknowledged key that is sent again is reported as new, or counted as unique",
        needs: "`--replay`, responses that report new or duplicate, or counters",
        premises: &[Premise::Words, Premise::Counters, Premise::NobodyElse],
        make: |subject, _| again::replay(subject.facts),
    },
];

/// Makes all checks.
pub fn examine(facts: &Facts<'_>) -> Examined {
    let mut examined = Examined::default();
    let subject = Subject { facts, unaccounted: Unaccounted::of(facts), absent: Absent::of(facts) };
    for registered in REGISTRY {
        let check = (registered.make)(&subject, &mut examined);
        let check = ruled(facts, check, registered.premises, &mut examined.observations);
        examined.checks.push(check);
    }
    examined.observations.extend(refusals::first_copies(facts));
    by_row::rows_of_others(facts, &mut examined);
    examined.observations.extend(by_row::contents_not_compared(facts));
    examined.observations.extend(by_row::left_out(facts));
    examined.observations.extend(epochs::restarts(facts));
    examined.observations.extend(liveness::failures(facts));
    examined.observations.extend(liveness::poisoned(facts));
    examined
}

/// Decides what a fault is worth, by the premises that it rests on. It is a failure if all of them
/// hold. It is an observation if nobody made the promise that it breaks. Otherwise it is undecided.
fn ruled(
    facts: &Facts<'_>,
    mut check: Check,
    premises: &[Premise],
    observations: &mut Vec<Observation>,
) -> Check {
    if check.status != Status::Fail {
        check.premises.clear();
        return check;
    }
    if check.premises.is_empty() {
        check.premises = premises.iter().map(|premise| ground(facts, *premise)).collect();
    }
    let mut open = check.premises.iter().filter(|ground| !ground.holds()).peekable();
    if open.peek().is_none() {
        return check;
    }
    let unmade = open.clone().find(|ground| ground.premise.is_optional());
    if let Some(unmade) = unmade {
        let premise = unmade.premise;
        observations.push(Observation::Unpromised { summary: check.summary.clone(), premise });
        let summary = format!("{}; nobody promised that {}", check.summary, premise.statement());
        return Check::not_tested(check.name, summary);
    }
    check.status = Status::Unknown;
    check
}

/// Table of all checks in Markdown, for the docs.
pub fn reference() -> String {
    let mut table = "| check | fails when | needs | premises |\n|---|---|---|---|\n".to_owned();
    for Registered { id, fails_when, needs, premises, .. } in REGISTRY {
        let premises: Vec<&str> = premises.iter().map(|premise| premise.text()).collect();
        let premises = premises.join(", ");
        writeln!(table, "| `{id}` | {fails_when} | {needs} | {premises} |")
            .expect("a String takes all that is written");
    }
    table
}
