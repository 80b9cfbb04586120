//! Body of a response, read only at the places that the description names: in one pass, without
//! copies. This runs once a request.

use std::borrow::Cow;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::kind::Kind;
use crate::plan::MAX_BATCH;
use crate::target::AnswerFields;

/// Most places that a description can name.
const PLACES: usize = 5;

/// For each place, the rest of its pointer below this value; `None` if the pointer does not lead
/// through here.
type Wanted<'p> = [Option<&'p str>; PLACES];

/// For each place, the JSON text that stands there.
type Found<'a> = [Option<&'a str>; PLACES];

/// Texts at the named places of a body.
#[derive(Debug)]
pub(super) struct Body<'a> {
    pub(super) accepted: Option<u32>,
    pub(super) inserted: Option<u32>,
    pub(super) duplicates: Option<u32>,
    results: Option<&'a str>,
    refused: Option<&'a str>,
}

/// Events that a list of rejected events names.
#[derive(Debug)]
pub(super) enum Refused {
    /// The list is missing or empty.
    Nobody,
    /// The events at these places of the request were rejected.
    These(Vec<usize>),
    /// Some events were rejected, but the list does not name their places.
    Unclear,
}

/// Kinds that a list reports, one for each event.
#[derive(Debug)]
pub(super) struct Listed {
    /// Number of entries, known or not.
    pub(super) length: usize,
    /// Kinds of the entries; `None` if the description does not know one of them.
    pub(super) kinds: Option<Vec<Kind>>,
}

impl<'a> Body<'a> {
    /// Reads a body; `None` if it is not JSON.
    pub(super) fn read(body: &'a [u8], fields: &AnswerFields) -> Option<Self> {
        let text = std::str::from_utf8(body).ok()?;
        let pointers =
            [&fields.accepted, &fields.inserted, &fields.duplicates, &fields.results, &fields.refused];
        let mut found = [None; PLACES];
        find(text, pointers.map(Option::as_deref), &mut found).ok()?;
        let [accepted, inserted, duplicates, results, refused] = found;
        // A number that is not whole, or that stands in quotes, reports nothing.
        let count = |text: Option<&str>| text?.parse().ok();
        Some(Self {
            accepted: count(accepted),
            inserted: count(inserted),
            duplicates: count(duplicates),
            results: results.filter(|text| text.starts_with('[')),
            refused: refused.filter(|text| text.starts_with('[')),
        })
    }

    /// True if the counts are of fewer events than were sent. Some targets count the new events
    /// alone as accepted, beside the duplicates.
    pub(super) fn counts_less_than(&self, sent: u32) -> bool {
        let parts = self.inserted.or(self.accepted).zip(self.duplicates);
        let sum = parts.map(|(new, known)| u64::from(new) + u64::from(known));
        let all = u64::from(sent);
        sum != Some(all) && self.accepted.map(u64::from).or(sum).is_some_and(|counted| counted < all)
    }

    /// Events that a list of rejected events names.
    pub(super) fn refused(&self, fields: &AnswerFields) -> Refused {
        let Some(list) = self.refused else { return Refused::Nobody };
        let entries: Vec<&RawValue> = serde_json::from_str(list).unwrap_or_default();
        let place = |entry: &&RawValue| below(entry.get(), fields.refused_place.as_deref())?.parse().ok();
        match entries.iter().map(place).collect::<Option<Vec<usize>>>() {
            None => Refused::Unclear,
            Some(places) if places.is_empty() => Refused::Nobody,
            Some(places) => Refused::These(places),
        }
    }

    /// Returns the list with one entry for each of this many events, if there is one.
    pub(super) fn listed(&self, fields: &AnswerFields, events: usize) -> Option<Listed> {
        let mut list = serde_json::Deserializer::from_str(self.results?);
        list.deserialize_seq(List { fields, events }).ok()
    }
}

/// Notes the texts at the wanted places at and below a value, and checks the value to its end.
fn find<'a>(text: &'a str, wanted: Wanted<'_>, found: &mut Found<'a>) -> serde_json::Result<()> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let mut below = wanted;
    for ((place, rest), found) in wanted.iter().zip(&mut below).zip(&mut *found) {
        if *place == Some("") {
            (*rest, *found) = (None, Some(text));
        }
    }
    let mut value = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'{') if below.iter().any(Option::is_some) => value.deserialize_map(Walk { below, found })?,
        Some(b'[') if below.iter().any(Option::is_some) => value.deserialize_seq(Walk { below, found })?,
        _ => drop(value.deserialize_any(IgnoredAny)?),
    }
    value.end()
}

/// Returns the text at a pointer below a value; the value itself without a pointer.
fn below<'a>(text: &'a str, pointer: Option<&str>) -> Option<&'a str> {
    let Some(pointer) = pointer else { return Some(text) };
    let mut found = [None; PLACES];
    find(text, [Some(pointer), None, None, None, None], &mut found).ok()?;
    found[0]
}

/// Returns the next step of those pointers that lead through a member; none if none does.
fn step<'p>(below: &Wanted<'p>, leads: impl Fn(&str) -> bool) -> Option<Wanted<'p>> {
    let step = |pointer: Option<&'p str>| {
        let path = pointer?.strip_prefix('/')?;
        let token = path.split_once('/').map_or(path, |(token, _)| token);
        leads(token).then_some(&path[token.len()..])
    };
    let next = below.map(step);
    next.iter().any(Option::is_some).then_some(next)
}

/// Walk through the members of an object or list.
struct Walk<'p, 'f, 'a> {
    below: Wanted<'p>,
    found: &'f mut Found<'a>,
}

impl<'a> Visitor<'a> for Walk<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut members: M) -> Result<(), M::Error> {
        loop {
            match members.next_key_seed(Name(&self.below))? {
                None => return Ok(()),
                Some(None) => drop(members.next_value::<IgnoredAny>()?),
                Some(Some(next)) => {
                    let value: &'a RawValue = members.next_value()?;
                    // If a name comes twice, the last one counts, as in most readers.
                    for (place, found) in next.iter().zip(&mut *self.found) {
                        *found = found.filter(|_| place.is_none());
                    }
                    find(value.get(), next, self.found).map_err(M::Error::custom)?;
                }
            }
        }
    }

    fn visit_seq<S: SeqAccess<'a>>(self, mut members: S) -> Result<(), S::Error> {
        for index in 0_usize.. {
            let Some(value) = members.next_element::<&'a RawValue>()? else { break };
            let index = index.to_string();
            if let Some(next) = step(&self.below, |token| token == index) {
                find(value.get(), next, self.found).map_err(S::Error::custom)?;
            }
        }
        Ok(())
    }
}

/// Name of a member, compared where it stands.
struct Name<'w, 'p>(&'w Wanted<'p>);

impl<'de, 'p> DeserializeSeed<'de> for Name<'_, 'p> {
    type Value = Option<Wanted<'p>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'p> Visitor<'_> for Name<'_, 'p> {
    type Value = Option<Wanted<'p>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let is_escaped = |token: &str| token.contains('~');
        let unescaped = |token: &str| token.replace("~1", "/").replace("~0", "~");
        Ok(step(self.0, |token| if is_escaped(token) { unescaped(token) == name } else { token == name }))
    }
}

/// Entries of a list of results.
struct List<'m> {
    fields: &'m AnswerFields,
    events: usize,
}

impl<'de> Visitor<'de> for List<'_> {
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut entries: S) -> Result<Listed, S::Error> {
        let mut length = 0;
        let mut kinds = Some(Vec::with_capacity(self.events.min(MAX_BATCH as usize)));
        while let Some(entry) = entries.next_element::<&RawValue>()? {
            length += 1;
            let kind = kind(entry.get(), self.fields);
            kinds = kinds.filter(|_| length <= self.events).zip(kind).map(|(mut kinds, kind)| {
                kinds.push(kind);
                kinds
            });
        }
        Ok(Listed { length, kinds })
    }
}

/// Returns the kind that one entry reports; `None` if the description does not know its word.
fn kind(entry: &str, fields: &AnswerFields) -> Option<Kind> {
    let entry = below(entry, fields.result.as_deref())?;
    let quoted = entry.strip_prefix('"')?.strip_suffix('"')?;
    let word = match quoted.contains('\\') {
        false => Cow::Borrowed(quoted),
        true => Cow::Owned(serde_json::from_str::<String>(entry).ok()?),
    };
    let known = [
        (&fields.new, Kind::New),
        (&fields.duplicate, Kind::Duplicate),
        (&fields.taken, Kind::Accepted),
        (&fields.rejected, Kind::Rejected),
    ];
    known.into_iter().find(|(words, _)| words.iter().any(|known| *known == word)).map(|(_, kind)| kind)
}
