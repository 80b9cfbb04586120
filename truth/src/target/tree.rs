//! Places in JSON, read in one pass without a tree of values.
//!
//! All pointers that are asked for make one tree of names. The text is read along that tree: what no
//! pointer leads to is skipped. A pointer that goes on below a JSON text reads that text as JSON. If
//! a name comes twice in an object, the last one counts.
//!
//! This is the one walker: pointers of a listing and places of a rule both come to it. Nothing here
//! knows of events or of meanings.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::Deserializer as _;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::de::StrRead;
use serde_json::value::RawValue;

/// Number of parts of an entry.
const PARTS: usize = 4;

/// Part of an entry of the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum EntryPart {
    Word,
    Index,
    Id,
    Topic,
}

/// One entry of the list: the JSON texts of its parts.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry<'a>([Option<Cow<'a, str>>; PARTS]);

impl Entry<'_> {
    /// Returns the JSON text of a part; none if it is not there.
    pub(super) fn part(&self, part: EntryPart) -> Option<&str> {
        self.0[part as usize].as_deref()
    }
}

/// Place to note a value at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// Value of the whole body, by its number.
    Value(usize),
    /// Part of an entry.
    Part(EntryPart),
}

/// Tree of the names that pointers lead through.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Slots that take the value here.
    slots: Vec<Slot>,
    /// Members of an object by their names, and of a list by their numbers.
    members: Vec<(Box<str>, Node)>,
    /// Each element of a list.
    each: Option<Box<Node>>,
    /// True if the value here is an entry of the list.
    is_entry: bool,
}

impl Node {
    /// Returns the node at a pointer below this one. `*` stands for each element.
    pub(super) fn at(&mut self, pointer: &str) -> &mut Self {
        let mut node = self;
        for token in pointer.split('/').skip(1) {
            node = match token {
                "*" => &mut **node.each.get_or_insert_default(),
                name => node.member(&unescaped(name)),
            };
        }
        node
    }

    /// Returns the node below this one that these names and numbers lead to.
    pub(super) fn below(&mut self, steps: &[String]) -> &mut Self {
        steps.iter().fold(self, |node, step| node.member(step))
    }

    fn member(&mut self, name: &str) -> &mut Self {
        let at = self.members.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
            self.members.push((name.into(), Self::default()));
            self.members.len() - 1
        });
        &mut self.members[at].1
    }

    /// Notes the value here.
    pub(super) fn note(&mut self, slot: Slot) {
        self.slots.push(slot);
    }

    /// Makes each value here an entry of the list.
    pub(super) fn make_entry(&mut self) {
        self.is_entry = true;
    }

    fn leads_on(&self) -> bool {
        !self.members.is_empty() || self.each.is_some()
    }

    fn member_at(&self, index: usize) -> Option<&Self> {
        let is_it = |name: &str| name.parse() == Ok(index) && name == index.to_string();
        self.members.iter().find(|(name, _)| is_it(name)).map(|(_, node)| node)
    }

    /// Forgets all that was found at and below this node.
    fn forget(&self, found: &mut Found<'_>) {
        self.slots.iter().for_each(|slot| found.put(*slot, None));
        self.members.iter().for_each(|(_, node)| node.forget(found));
        if self.is_entry {
            found.is_entry_there = false;
        }
        if self.each.is_some() {
            found.entries = None;
            found.is_incomplete = false;
        }
    }
}

/// Returns a name of a JSON pointer without its escapes.
pub(super) fn unescaped(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Values that were found.
#[derive(Debug)]
pub(super) struct Found<'a> {
    values: Vec<Option<Cow<'a, str>>>,
    entries: Option<Vec<Entry<'a>>>,
    /// True if an element of the list lacks its entry, or too many came.
    is_incomplete: bool,
    /// Most entries that are kept.
    most: usize,
    /// Entry of the element that is read.
    entry: Entry<'a>,
    is_entry_there: bool,
}

impl<'a> Found<'a> {
    /// Returns nothing found, with this number of values.
    pub(super) fn nothing(values: usize, most: usize) -> Self {
        Self {
            values: vec![None; values],
            entries: None,
            is_incomplete: false,
            most,
            entry: Entry::default(),
            is_entry_there: false,
        }
    }

    /// Reads one JSON value along a tree; none if the text is not one.
    pub(super) fn in_one(text: &'a str, tree: &Node, values: usize, most: usize) -> Option<Self> {
        let mut found = Self::nothing(values, most);
        read_one(text, tree, &mut found).is_ok().then_some(found)
    }

    /// Reads one JSON value after the other along a tree, as the elements of a list; none if the text
    /// is not that.
    pub(super) fn in_lines(text: &'a str, tree: &Node, values: usize, most: usize) -> Option<Self> {
        let mut found = Self::nothing(values, most);
        read_lines(text, tree, &mut found).is_ok().then_some(found)
    }

    /// Takes the JSON text of a value; none if it is not there.
    pub(super) fn take(&mut self, number: usize) -> Option<Cow<'a, str>> {
        self.values[number].take()
    }

    /// Returns the JSON text of a value; none if it is not there.
    pub(super) fn value(&self, number: usize) -> Option<&str> {
        self.values[number].as_deref()
    }

    /// Returns the entries of the list; none if there is no list, if an element of it is not of the
    /// kind that was described, or if there are more than was allowed for.
    pub(super) fn entries(&self) -> Option<&[Entry<'a>]> {
        self.entries.as_deref().filter(|_| !self.is_incomplete)
    }

    fn put(&mut self, slot: Slot, text: Option<Cow<'a, str>>) {
        match slot {
            Slot::Value(number) => self.values[number] = text,
            Slot::Part(part) => self.entry.0[part as usize] = text,
        }
    }

    fn begin_entry(&mut self) {
        self.entry = Entry::default();
        self.is_entry_there = false;
    }

    fn end_entry(&mut self) {
        let entries = self.entries.get_or_insert_default();
        if !self.is_entry_there || entries.len() >= self.most {
            self.is_incomplete = true;
        } else {
            entries.push(std::mem::take(&mut self.entry));
        }
    }

    /// Takes over what was found in a text that did not last.
    fn adopt(&mut self, inner: Found<'_>) {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        for (value, more) in self.values.iter_mut().zip(inner.values) {
            *value = more.map(owned).or(value.take());
        }
        for (part, more) in self.entry.0.iter_mut().zip(inner.entry.0) {
            *part = more.map(owned).or(part.take());
        }
        self.is_entry_there |= inner.is_entry_there;
        self.is_incomplete |= inner.is_incomplete;
        if let Some(entries) = inner.entries {
            let owned = |entry: Entry<'_>| Entry(entry.0.map(|part| part.map(owned)));
            self.entries = Some(entries.into_iter().map(owned).collect());
        }
    }
}

/// Reads one value to its end.
fn read_one<'a>(text: &'a str, node: &Node, found: &mut Found<'a>) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    Visit { node, found }.deserialize(&mut json)?;
    json.end()
}

/// Reads one value after the other, as the elements of a list.
fn read_lines<'a>(text: &'a str, node: &Node, found: &mut Found<'a>) -> serde_json::Result<()> {
    let mut json = serde_json::Deserializer::from_str(text);
    Visit { node, found }.visit_seq(Lines { json: &mut json })
}

/// Values one after the other.
struct Lines<'j, 'a> {
    json: &'j mut serde_json::Deserializer<StrRead<'a>>,
}

impl<'a> SeqAccess<'a> for Lines<'_, 'a> {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> serde_json::Result<Option<T::Value>> {
        match self.json.end() {
            Ok(()) => Ok(None),
            Err(_) => seed.deserialize(&mut *self.json).map(Some),
        }
    }
}

/// Visit of a value at a node.
struct Visit<'n, 'f, 'a> {
    node: &'n Node,
    found: &'f mut Found<'a>,
}

impl<'a> Visit<'_, '_, 'a> {
    /// Visits an element of a list; false if there is none.
    fn element<S: SeqAccess<'a>>(&mut self, index: usize, elements: &mut S) -> Result<bool, S::Error> {
        let each = self.node.each.as_deref();
        let member = if self.node.members.is_empty() { None } else { self.node.member_at(index) };
        match (each, member) {
            (None, None) => Ok(elements.next_element::<IgnoredAny>()?.is_some()),
            (None, Some(node)) => {
                Ok(elements.next_element_seed(Visit { node, found: &mut *self.found })?.is_some())
            }
            (Some(node), None) => {
                self.found.begin_entry();
                let is_there = elements.next_element_seed(Visit { node, found: &mut *self.found })?.is_some();
                if is_there {
                    self.found.end_entry();
                }
                Ok(is_there)
            }
            (Some(each), Some(member)) => {
                let Some(element) = elements.next_element::<&'a RawValue>()? else { return Ok(false) };
                read_one(element.get(), member, self.found).map_err(S::Error::custom)?;
                self.found.begin_entry();
                read_one(element.get(), each, self.found).map_err(S::Error::custom)?;
                self.found.end_entry();
                Ok(true)
            }
        }
    }
}

impl<'a> DeserializeSeed<'a> for Visit<'_, '_, 'a> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        let Self { node, found } = self;
        if node.is_entry {
            found.is_entry_there = true;
        }
        if node.slots.is_empty() && node.leads_on() {
            return deserializer.deserialize_any(Visit { node, found });
        }
        if node.slots.is_empty() {
            return IgnoredAny::deserialize(deserializer).map(drop);
        }
        let json = <&'a RawValue>::deserialize(deserializer)?.get();
        node.slots.iter().for_each(|slot| found.put(*slot, Some(Cow::Borrowed(json))));
        if node.leads_on() {
            let mut below = serde_json::Deserializer::from_str(json);
            below.deserialize_any(Visit { node, found }).map_err(D::Error::custom)?;
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Visit<'_, '_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_map<M: MapAccess<'a>>(self, mut members: M) -> Result<(), M::Error> {
        let mut seen = 0_u64;
        while let Some(at) = members.next_key_seed(Name(self.node))? {
            let Some(at) = at else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let node = &self.node.members[at].1;
            // If a name comes twice, the last one counts, as in most readers. Of names beyond the
            // bits, each might be the second.
            let bit = 1_u64.checked_shl(at as u32).unwrap_or(0);
            if bit == 0 || seen & bit != 0 {
                node.forget(self.found);
            }
            seen |= bit;
            members.next_value_seed(Visit { node, found: &mut *self.found })?;
        }
        Ok(())
    }

    fn visit_seq<S: SeqAccess<'a>>(mut self, mut elements: S) -> Result<(), S::Error> {
        if self.node.each.is_some() {
            self.found.entries = Some(Vec::new());
        }
        for index in 0.. {
            if !self.element(index, &mut elements)? {
                break;
            }
        }
        Ok(())
    }

    /// Reads a text as JSON. If it is none, nothing is found below it.
    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let mut inner = Found::nothing(self.found.values.len(), self.found.most);
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_any(Visit { node: self.node, found: &mut inner });
        if read.and_then(|()| json.end()).is_ok() {
            self.found.adopt(inner);
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// Name of a member, compared where it stands.
struct Name<'n>(&'n Node);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    /// Number of the node that has the name.
    type Value = Option<usize>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.members.iter().position(|(known, _)| **known == *name))
    }
}

#[cfg(test)]
mod tests;
