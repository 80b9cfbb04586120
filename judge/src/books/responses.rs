//! Responses whose numbers, or whose status, cannot be right.

use foldhash::HashSet;
use truth::record::ledger::{Done, Scope};
use truth::scenario::promises::Batch;
use truth::target::answer::{Answer, Kinds, Outcome};

use super::sums::{fault_in_sums, reported_new};

/// Number of faulty responses that are kept for show.
const EXAMPLES: usize = 64;

/// A response that cannot be right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnswerFault {
    /// Round or list of the request.
    pub scope: Scope,
    /// Number of the request in it.
    pub request: u32,
    /// Number of its try: 0 for the first.
    pub try_number: u16,
    /// Sentence about the fault.
    pub detail: String,
}

/// Responses that were compared with what was sent, and those at fault.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Compared {
    /// Number of responses compared.
    pub compared: u64,
    /// Number of faulty ones.
    pub faulty: u64,
    /// The first faulty ones.
    pub examples: Vec<AnswerFault>,
}

impl Compared {
    fn note(&mut self, done: &Done, detail: String) {
        self.faulty += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(AnswerFault {
                scope: done.scope,
                request: done.request,
                try_number: done.try_number,
                detail,
            });
        }
    }
}

/// New events that all acknowledgements count together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NewInAll {
    /// Number of new events.
    pub sum: u64,
    /// Number of acknowledgements that do not say how many of their events were new.
    pub silent: u64,
}

/// All responses of a run, compared in three ways.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Responses {
    /// Numbers that have to add up to the events sent.
    pub sums: Compared,
    /// Numbers of new events, from responses that do not say which are new.
    pub counts: Compared,
    /// New events that all acknowledgements count together.
    pub new_in_all: NewInAll,
    /// Requests with an invalid event; faulty ones were acknowledged.
    pub invalid: Compared,
}

impl Responses {
    /// Takes the response to a request with an invalid event.
    pub(crate) fn take_invalid(&mut self, done: &Done) {
        if done.answer.outcome == Outcome::NeverSent {
            return;
        }
        self.invalid.compared += 1;
        if done.answer.outcome == Outcome::Acked {
            let detail =
                format!("acknowledged with status {}, though one of its events is invalid", done.status);
            self.invalid.note(done, detail);
        }
    }

    /// Takes the response to any request, of `sent` events, for the sum over all responses. None
    /// stands for a request that also holds an invalid event.
    pub(crate) fn take_new(&mut self, answer: &Answer, sent: Option<u64>) {
        if answer.outcome == Outcome::Acked {
            match sent.and_then(|sent| reported_new(answer, sent)) {
                Some(new) => self.new_in_all.sum += new,
                None => self.new_in_all.silent += 1,
            }
        }
    }

    /// Takes the response to a request of `sent` events.
    pub(crate) fn take_sums(&mut self, done: &Done, sent: u64, batch: Option<Batch>) {
        let answer = &done.answer;
        if answer.outcome != Outcome::Acked {
            return;
        }
        let names_new = answer.duplicates.is_some() || answer.kinds != Kinds::Unreported;
        let has_numbers = answer.accepted.is_some() || (answer.inserted.is_some() && names_new);
        self.sums.compared += u64::from(has_numbers);
        if let Some(detail) = fault_in_sums(answer, sent, batch) {
            self.sums.note(done, detail);
        }
    }

    /// Takes the response to a planned request of these keys. `known` are keys that no longer can
    /// be new.
    ///
    /// For example, a request holds the keys 7, 7, 8 and 9, and 9 was acknowledged before its round
    /// was opened. At most 7 and 8 are new: `inserted=3` is a fault.
    pub(crate) fn take_counts(&mut self, done: &Done, ordinals: &[u64], known: &HashSet<u64>) {
        let answer = &done.answer;
        if answer.outcome != Outcome::Acked || answer.kinds != Kinds::Unreported {
            return;
        }
        let Some(inserted) = answer.inserted else { return };
        self.counts.compared += 1;
        let new: HashSet<&u64> = ordinals.iter().filter(|ordinal| !known.contains(ordinal)).collect();
        let most = new.len();
        if inserted as usize > most {
            self.counts.note(done, format!("inserted={inserted}, but {most} at most can have been new"));
        }
    }
}
