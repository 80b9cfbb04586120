//! Meaning of a response by the rule that decides it.

use std::collections::HashSet;

use super::compiled::{Rule, Sense};
use super::counts::{Census, Counted};
use super::written::{BodyFormat, Meaning};
use crate::target::answer::{Answer, Kind, Kinds, Outcome, ReadAnswer, Response, Sent};
use crate::target::tree::{Found, Node};

/// What a response says of the events of its request.
enum Said {
    /// The same of all.
    All(Meaning),
    /// Of each place of the request.
    Each(Vec<Meaning>),
}

impl Rule {
    /// Finds the places of a body; none if it does not have the format.
    fn found<'a>(&self, body: &'a [u8], tree: &Node, places: usize) -> Option<Found<'a>> {
        let text = std::str::from_utf8(body).ok()?;
        match self.format {
            BodyFormat::Json => Found::in_one(text, tree, self.slots, places),
            BodyFormat::Ndjson => Found::in_lines(text, tree, self.slots, places),
        }
    }

    /// Reads a response; none if it is not of this rule.
    pub(super) fn read(&self, response: &Response<'_>, sent: Sent<'_>) -> Option<ReadAnswer> {
        let fits_headers = || {
            self.headers.iter().all(|(name, condition)| condition.fits_bytes((response.field)(name.as_str())))
        };
        let fits_bytes = || self.bytes.iter().all(|condition| condition.fits_bytes(Some(response.body)));
        if !self.takes(response.status) || !fits_headers() || !fits_bytes() {
            return None;
        }
        let places = sent.places();
        let found = match &self.tree {
            None => Some(Found::nothing(0, 0)),
            Some(tree) => self.found(response.body, tree, places),
        };
        let Some(found) = found else {
            // A condition on a value does not hold in a body that has none.
            return self.values.is_empty().then(|| ReadAnswer::unclear(response.body));
        };
        if !self.values.iter().all(|(slot, condition)| condition.fits_json(found.value(*slot))) {
            return None;
        }
        let read = self.said(&found, sent).and_then(|said| self.answer(said, &found, sent));
        Some(read.unwrap_or_else(|| ReadAnswer::unclear(response.body)))
    }

    fn said(&self, found: &Found<'_>, sent: Sent<'_>) -> Option<Said> {
        match &self.sense {
            Sense::Whole(meaning) => Some(Said::All(*meaning)),
            Sense::Word { slot, words } => words.meaning(found.value(*slot)).map(Said::All),
            Sense::Each(list) => list.meanings(found.entries()?, sent).map(Said::Each),
        }
    }

    /// Returns the answer; none if its counts do not add up.
    fn answer(&self, said: Said, found: &Found<'_>, sent: Sent<'_>) -> Option<ReadAnswer> {
        match said {
            Said::All(Meaning::Rejected) => Some(ReadAnswer::bare(Outcome::Rejected)),
            Said::All(Meaning::Busy) => Some(ReadAnswer::busy()),
            Said::All(Meaning::Unknown) => Some(ReadAnswer::bare(Outcome::Unknown)),
            Said::All(taken) => {
                let kinds = match taken {
                    Meaning::New => new_of_all(sent.ordinals),
                    Meaning::Duplicate => Kinds::AllDuplicate,
                    _ => Kinds::Unreported,
                };
                let counted = self.counts.read(found)?;
                let census = Census::of(&kinds, sent.places());
                census.fits(counted).then(|| ReadAnswer::of(acknowledged(kinds, counted)))
            }
            Said::Each(meanings) => {
                let is_busy = meanings.contains(&Meaning::Busy);
                let mut kinds: Vec<Kind> = meanings.into_iter().map(kind).collect();
                let counted = self.counts.read(found)?;
                if !Census::of_each(&kinds).fits(counted) {
                    return None;
                }
                // An invalid event is no key. A list of ids does not have it.
                if let Some(place) = sent.invalid
                    && kinds.len() > sent.ordinals.len()
                {
                    kinds.remove(place);
                }
                Some(ReadAnswer { answer: of_each(kinds, counted), is_busy })
            }
        }
    }
}

fn kind(meaning: Meaning) -> Kind {
    match meaning {
        Meaning::New => Kind::New,
        Meaning::Duplicate => Kind::Duplicate,
        Meaning::Accepted => Kind::Accepted,
        Meaning::Rejected | Meaning::Busy => Kind::Rejected,
        Meaning::Unknown => Kind::Unknown,
    }
}

/// Returns new for the first copy of each key, and duplicate for the others.
fn new_of_all(ordinals: &[u64]) -> Kinds {
    if ordinals.len() < 2 {
        return Kinds::AllNew;
    }
    let mut known = HashSet::with_capacity(ordinals.len());
    let kind = |ordinal: &u64| if known.insert(*ordinal) { Kind::New } else { Kind::Duplicate };
    Kinds::of_each(ordinals.iter().map(kind).collect())
}

fn acknowledged(kinds: Kinds, counted: Counted) -> Answer {
    let Counted { accepted, new, duplicate, rejected: _ } = counted;
    Answer { accepted, inserted: new, duplicates: duplicate, kinds, ..Answer::bare(Outcome::Acked) }
}

/// Returns the answer that says these kinds. Nothing is acknowledged if nothing was taken.
fn of_each(kinds: Vec<Kind>, counted: Counted) -> Answer {
    let all = |wanted: Kind| !kinds.is_empty() && kinds.iter().all(|kind| *kind == wanted);
    if all(Kind::Rejected) {
        Answer::bare(Outcome::Rejected)
    } else if all(Kind::Unknown) {
        Answer::bare(Outcome::Unknown)
    } else if all(Kind::Accepted) {
        acknowledged(Kinds::Unreported, counted)
    } else {
        acknowledged(Kinds::of_each(kinds), counted)
    }
}
