//! Kinds of events that a response reports: new, duplicate, refused, unknown.

use truth::target::answer::{Answer, Kind, Kinds};

/// Numbers of events that an acknowledgement of the others does not acknowledge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NotTaken {
    pub(super) refused: u64,
    pub(super) unknown: u64,
}

impl NotTaken {
    pub(super) fn of(answer: &Answer) -> Self {
        let kinds = &answer.kinds;
        Self { refused: kinds.rejected().count() as u64, unknown: kinds.unknown().count() as u64 }
    }
}

/// Numbers of new events and of duplicates in an acknowledgement; each is none where the response
/// does not say it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ReportedKinds {
    pub(super) new: Option<u64>,
    pub(super) duplicate: Option<u64>,
}

/// Reads the kinds of `events` events from what the response says of each one, else from its
/// counts. Counts that claim more events than were sent are ignored.
pub(super) fn reported_kinds(answer: &Answer, events: u64) -> ReportedKinds {
    match &answer.kinds {
        Kinds::AllNew => ReportedKinds { new: Some(events), duplicate: Some(0) },
        Kinds::AllDuplicate => ReportedKinds { new: Some(0), duplicate: Some(events) },
        Kinds::Each(kinds) => {
            let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count() as u64;
            ReportedKinds { new: Some(count(Kind::New)), duplicate: Some(count(Kind::Duplicate)) }
        }
        Kinds::Unreported => {
            let new = answer.inserted.map(u64::from);
            let duplicate = answer.duplicates.map(u64::from);
            if new.unwrap_or(0) + duplicate.unwrap_or(0) <= events {
                ReportedKinds { new, duplicate }
            } else {
                ReportedKinds { new: None, duplicate: None }
            }
        }
    }
}
