//! Meanings of the events of a request, from a list that names them by order, number or id.

use std::collections::HashMap;

use super::conditions::{count_of, text_or_number};
use super::vocabulary::Vocabulary;
use super::written::Meaning;
use crate::target::answer::Sent;
use crate::target::tree::{Entry, EntryPart};

/// Meaning of an entry.
#[derive(Clone, Debug)]
pub(super) enum Saying {
    /// Each entry means the same.
    Means(Meaning),
    /// Its word says it.
    Word(Vocabulary),
}

impl Saying {
    /// Returns the meaning of an entry; none if its word is not listed.
    fn of(&self, entry: &Entry<'_>) -> Option<Meaning> {
        match self {
            Self::Means(meaning) => Some(*meaning),
            Self::Word(words) => words.meaning(entry.part(EntryPart::Word)),
        }
    }
}

/// Way in which entries name events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Naming {
    /// One entry for each event, in the order of the request.
    Order,
    /// By the number of the event in the request.
    Index {
        /// Number of the first event.
        first: u32,
    },
    /// By the id of the event.
    Id {
        /// True if an entry holds the topic too.
        with_topic: bool,
    },
}

/// List of entries that speak of single events.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) saying: Saying,
    pub(super) naming: Naming,
    /// Meaning of the events that no entry names; none if each has to be named.
    pub(super) rest: Option<Meaning>,
}

impl List {
    /// Returns the meaning of each place of a request; none if the entries contradict the
    /// description.
    pub(super) fn meanings(&self, entries: &[Entry<'_>], sent: Sent<'_>) -> Option<Vec<Meaning>> {
        match self.naming {
            Naming::Order => self.in_order(entries, sent.places()),
            // Nobody knows if the target counts an invalid event, or reads the numbers that were sent.
            Naming::Index { .. } if sent.invalid.is_some() => None,
            Naming::Index { first } => self.by_index(entries, first, sent.places()),
            Naming::Id { with_topic } => self.by_id(entries, with_topic, sent),
        }
    }

    fn in_order(&self, entries: &[Entry<'_>], places: usize) -> Option<Vec<Meaning>> {
        if entries.len() != places {
            return None;
        }
        entries.iter().map(|entry| self.saying.of(entry)).collect()
    }

    fn by_index(&self, entries: &[Entry<'_>], first: u32, places: usize) -> Option<Vec<Meaning>> {
        let mut meanings = vec![None; places];
        for entry in entries {
            let number = count_of(entry.part(EntryPart::Index)?)?;
            let meaning = meanings.get_mut(number.checked_sub(first)? as usize)?;
            if meaning.replace(self.saying.of(entry)?).is_some() {
                return None;
            }
        }
        meanings.into_iter().map(|meaning| meaning.or(self.rest)).collect()
    }

    /// For example, key 7 is sent three times and key 8 once, `means = "new"` and
    /// `rest = "duplicate"`. If the list names the id of key 7 once, its first copy is new and the
    /// other two are duplicates, and so is key 8.
    fn by_id(&self, entries: &[Entry<'_>], with_topic: bool, sent: Sent<'_>) -> Option<Vec<Meaning>> {
        let mut copies: HashMap<u64, usize> = HashMap::new();
        let mut known: HashMap<String, Vec<u64>> = HashMap::new();
        for ordinal in sent.ordinals {
            let count = copies.entry(*ordinal).or_default();
            *count += 1;
            if *count == 1 {
                known.entry(sent.events.id_text(*ordinal)).or_default().push(*ordinal);
            }
        }
        let mut named: HashMap<u64, Vec<Meaning>> = HashMap::new();
        for entry in entries {
            let id = text_or_number(entry.part(EntryPart::Id)?)?;
            let of_id = known.get(&*id)?;
            let ordinal = match with_topic {
                true => {
                    let topic = text_or_number(entry.part(EntryPart::Topic)?)?;
                    *of_id.iter().find(|ordinal| sent.events.topic(**ordinal) == topic)?
                }
                // An id under two topics names neither of them.
                false => *of_id.first().filter(|_| of_id.len() == 1)?,
            };
            named.entry(ordinal).or_default().push(self.saying.of(entry)?);
        }
        let mut passed: HashMap<u64, usize> = HashMap::new();
        let meaning = |ordinal: &u64| {
            let nth = passed.entry(*ordinal).or_default();
            let meaning = self.of_copy(*nth, copies[ordinal], named.get(ordinal).map(Vec::as_slice));
            *nth += 1;
            meaning
        };
        sent.ordinals.iter().map(meaning).collect()
    }

    /// Returns the meaning of one of the copies of a key that entries name with these meanings.
    fn of_copy(&self, nth: usize, copies: usize, named: Option<&[Meaning]>) -> Option<Meaning> {
        match named {
            None => Some(if nth == 0 { self.rest? } else { of_a_later_copy(self.rest?) }),
            Some(each) if each.len() == copies => Some(each[nth]),
            Some([one]) if nth == 0 => Some(*one),
            // Where the others are taken, a known key may be named for the one copy that was known.
            Some([Meaning::Duplicate]) if matches!(self.rest, Some(Meaning::New | Meaning::Accepted)) => {
                Some(Meaning::Accepted)
            }
            Some([one]) => Some(of_a_later_copy(*one)),
            Some(_) => None,
        }
    }
}

/// Returns the meaning of a further copy of a key whose first copy has this meaning.
fn of_a_later_copy(first: Meaning) -> Meaning {
    match first {
        Meaning::New => Meaning::Duplicate,
        other => other,
    }
}
