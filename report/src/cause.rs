//! Likely cause of a failure: the kind of defect that leaves such findings. The findings are proven;
//! the cause is a guess that tells where to begin to search.

use judge::verdict::{Check, CheckId, Judgement, Status};

use crate::advice::first_check;
use crate::fault::FaultSpan;
use crate::findings::open_checks;
use crate::pattern::{Kind, patterns};

/// Returns the likely cause of what a FAIL shows first, in a sentence; none without a FAIL.
pub(crate) fn of_first(verdict: &Judgement, faults: &[FaultSpan]) -> Option<&'static str> {
    let check = first_check(verdict).filter(|check| check.status == Status::Fail)?;
    Some(likely(verdict, check, faults))
}

/// Returns the likely cause of the findings of a failed check, in a sentence.
fn likely(verdict: &Judgement, check: &Check, faults: &[FaultSpan]) -> &'static str {
    let findings = patterns(check, faults);
    let some_have = |kind: Kind| findings.iter().any(|pattern| pattern.kind == kind);
    let all_have = |kind: Kind| findings.iter().any(|pattern| pattern.kind == kind && pattern.is_of_all);
    match check.name {
        CheckId::Lost if is_open(verdict, CheckId::KeyMerged) => MERGED,
        CheckId::Lost if all_have(Kind::NeverNew) => {
            "The target takes new keys for known ones, and stores nothing: it compares too little of a key, marks keys \
             as known before it stores them, or answers duplicate after an error."
        }
        CheckId::Lost if all_have(Kind::BeforeFault) => {
            "The target responds before events are durable, to a first copy or to a repeat: what it acknowledged \
             before a fault was gone after it."
        }
        CheckId::Lost if is_open(verdict, CheckId::StoredTwice) => {
            "The target loses some events and stores others twice, as if one were written in place of another: see \
             both findings."
        }
        CheckId::Lost => {
            "The target drops events between response and store, or deletes them later. Neither a fault of the run \
             nor a repeat of the key explains it."
        }
        CheckId::StoredTwice if some_have(Kind::NewAgain) && some_have(Kind::NewTogether) => {
            "Copies that arrive together are both stored, and so are some that come later: each process or worker of \
             the target has a memory of keys of its own, and no unique constraint stands behind them."
        }
        CheckId::StoredTwice if some_have(Kind::NewAgain) => {
            "The target had forgotten the key when it came again: its memory of keys is limited in number or in time, \
             and no unique constraint stands behind it."
        }
        CheckId::StoredTwice if some_have(Kind::NewTogether) => {
            "The target looks for a key and inserts it in two steps, without a unique constraint: copies that arrive \
             together are both stored."
        }
        CheckId::StoredTwice => "The target writes some events twice, though it recognises repeats of a key.",
        _ => of_other(verdict, check.name),
    }
}

/// Cause of keys that are taken for each other.
const MERGED: &str =
    "The target tells keys apart by less than topic and id: two different keys become one event.";

/// Cause of responses or numbers that are wrong while all that is listed is right.
fn of_other(verdict: &Judgement, check: CheckId) -> &'static str {
    let is_store_right =
        [CheckId::Lost, CheckId::StoredTwice].iter().all(|id| status_of(verdict, *id) == Status::Pass);
    match check {
        CheckId::AnswerOrder | CheckId::AnswerSum | CheckId::BatchCounts if is_store_right => {
            "The responses, not the store: each acknowledged event is stored once, and the response reports something \
             else."
        }
        CheckId::AnswerOrder | CheckId::AnswerSum | CheckId::BatchCounts => {
            "The responses report something else than what was stored."
        }
        CheckId::ListingUnsound if is_store_right => {
            "The paging of the listing, not the store: each acknowledged event is stored once, and a page begins or \
             ends in the wrong place."
        }
        CheckId::ListingUnsound => "The paging of the listing, or a store that changes while it is read.",
        CheckId::RoutesDisagree
            if is_store_right && status_of(verdict, CheckId::Counters) == Status::Pass =>
        {
            "The listing, not the store: the counters are as they must be, and each key was seen. The listing \
             of all leaves out rows, or repeats some."
        }
        CheckId::RoutesDisagree | CheckId::Counters | CheckId::Epochs if is_store_right => {
            "The counters, not the store: each acknowledged event is listed once, and the counters say something else. \
             They are not updated in the transaction that stores the event, updates overwrite each other, or they count \
             something else, such as requests."
        }
        CheckId::RoutesDisagree | CheckId::Counters | CheckId::Epochs => {
            "The counters do not follow the store: see the other findings first."
        }
        _ => of_rows(check),
    }
}

/// Cause of rows that are wrong by themselves.
fn of_rows(check: CheckId) -> &'static str {
    match check {
        CheckId::KeyMerged => MERGED,
        CheckId::Stranger => "The target makes rows of its own, or changes topics or ids of events.",
        CheckId::WrongTopic => "The target stores some events under the topic of another one in the request.",
        CheckId::ScopeLeak => "The listing's filter by topic lets rows of other topics through.",
        CheckId::ForeignLost => "Storing new events deletes older ones: the store is limited in size.",
        CheckId::RejectedButStored => {
            "The target responds with an error after it has stored the event, or the valid part of a request."
        }
        CheckId::PayloadChanged => {
            "The target reads the event into types of its own and writes it anew, such as integers beyond 2^53 into \
             floating-point numbers; or it mixes up the events of a request."
        }
        CheckId::WrongWinner => "A later event of a key overwrites the first one.",
        CheckId::RepeatRefused => "The target answers with an error where a key is known.",
        CheckId::TornBatch => {
            "The target stores a request in several transactions: what interrupts it leaves a part stored."
        }
        CheckId::InvalidTaken => {
            "The target skips invalid events of a request, and acknowledges the request."
        }
        CheckId::Liveness => "A queue is not worked off: accepted events wait, and nothing takes them up.",
        CheckId::Stillness => "The target deletes stored events: a repeat or a clean-up removes them.",
        CheckId::Replay => "The target has forgotten keys that it acknowledged.",
        _ => "The responses, the listing and the counters do not tell of one store.",
    }
}

fn is_open(verdict: &Judgement, id: CheckId) -> bool {
    open_checks(verdict).iter().any(|check| check.name == id)
}

fn status_of(verdict: &Judgement, id: CheckId) -> Status {
    let check = verdict.checks.iter().find(|check| check.name == id);
    check.map_or(Status::NotTested, |check| check.status)
}
