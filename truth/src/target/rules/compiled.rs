//! Rule in the form that reads responses, and the mistakes that keep a written rule from it.

use super::counts::CountSlots;
use super::named::{List, Naming, Saying};
use super::vocabulary::Vocabulary;
use super::written::{AnswerRule, BodyFormat, Condition, Meaning};
use crate::target::StatusPattern;
use crate::target::tree::{EntryPart, Node, Slot};

/// Most conditions of a rule.
const MAX_CONDITIONS: usize = 32;

/// Name of the whole body among the conditions.
pub(super) const BODY: &str = "body";

/// Beginning of the name of a header among the conditions.
pub(super) const HEADER: &str = "header:";

/// Rule that is ready to read responses.
#[derive(Debug)]
pub(super) struct Rule {
    /// Statuses; empty for any.
    pub(super) statuses: Vec<StatusPattern>,
    pub(super) headers: Vec<(String, Condition)>,
    /// Conditions on the body as bytes.
    pub(super) bytes: Vec<Condition>,
    /// Conditions on values of the body, by their numbers in it.
    pub(super) values: Vec<(usize, Condition)>,
    pub(super) format: BodyFormat,
    /// Places in the body; none if the body is not read.
    pub(super) tree: Option<Node>,
    /// Number of values that the tree notes.
    pub(super) slots: usize,
    pub(super) counts: CountSlots,
    pub(super) sense: Sense,
}

/// Part of a response that says the meaning.
#[derive(Debug)]
pub(super) enum Sense {
    /// The rule itself.
    Whole(Meaning),
    /// One word for the whole request.
    Word {
        /// Number of the value that holds it.
        slot: usize,
        words: Vocabulary,
    },
    /// A list that speaks of single events.
    Each(List),
}

impl Rule {
    /// Compiles a rule; the error says what is wrong with it.
    pub(super) fn compile(written: &AnswerRule) -> Result<Self, String> {
        check(written)?;
        let mut tree = Node::default();
        let mut slots = 0;
        let mut slot = |pointer: &str| {
            tree.at(pointer).note(Slot::Value(slots));
            slots += 1;
            slots - 1
        };
        let mut rule = Self {
            statuses: written.status.clone(),
            headers: Vec::new(),
            bytes: Vec::new(),
            values: Vec::new(),
            format: written.format,
            tree: None,
            slots: 0,
            counts: CountSlots::of(&written.counts, &mut slot),
            sense: Sense::Whole(written.means.unwrap_or(Meaning::Unknown)),
        };
        for (place, condition) in &written.conditions {
            if place == BODY {
                rule.bytes.push(condition.clone());
            } else if let Some(name) = place.strip_prefix(HEADER) {
                rule.headers.push((name.to_ascii_lowercase(), condition.clone()));
            } else {
                rule.values.push((slot(place), condition.clone()));
            }
        }
        if let Some(each) = &written.each {
            rule.sense = Sense::Each(list(written));
            note_entries(written, tree.at(each));
        } else if let Some(word) = &written.word {
            rule.sense = Sense::Word { slot: slot(word), words: Vocabulary::of(&written.words) };
        }
        rule.slots = slots;
        let reads_body = slots > 0 || written.each.is_some();
        rule.tree = reads_body.then_some(tree);
        Ok(rule)
    }

    /// True if a response with this status may be of this rule.
    pub(super) fn takes(&self, status: u16) -> bool {
        self.statuses.is_empty() || self.statuses.iter().any(|pattern| pattern.takes(status))
    }

    /// True if each response with a status of this rule is of one of these.
    pub(super) fn is_hidden_by(&self, before: &[Self]) -> bool {
        let has_no_condition =
            |rule: &&Self| rule.headers.is_empty() && rule.bytes.is_empty() && rule.values.is_empty();
        let open: Vec<&Self> = before.iter().filter(has_no_condition).collect();
        let mut own = (100..600).filter(|status| self.takes(*status));
        own.all(|status| open.iter().any(|rule| rule.takes(status)))
    }
}

fn list(written: &AnswerRule) -> List {
    let saying = match written.means {
        Some(meaning) => Saying::Means(meaning),
        None => Saying::Word(Vocabulary::of(&written.words)),
    };
    let naming = match (&written.index, &written.id) {
        (Some(_), _) => Naming::Index { first: written.first.unwrap_or(0) },
        (None, Some(_)) => Naming::Id { with_topic: written.topic.is_some() },
        (None, None) => Naming::Order,
    };
    List { saying, naming, rest: written.rest }
}

/// Notes the parts of each entry.
fn note_entries(written: &AnswerRule, entry: &mut Node) {
    entry.make_entry();
    // An entry without a place for its word is the word.
    let itself = String::new();
    let word = written.word.as_ref().or_else(|| written.means.is_none().then_some(&itself));
    let parts = [
        (EntryPart::Word, word),
        (EntryPart::Index, written.index.as_ref()),
        (EntryPart::Id, written.id.as_ref()),
        (EntryPart::Topic, written.topic.as_ref()),
    ];
    for (part, pointer) in parts.into_iter().filter_map(|(part, pointer)| Some((part, pointer?))) {
        entry.at(pointer).note(Slot::Part(part));
    }
}

/// Checks that the keys of a rule make sense together.
fn check(rule: &AnswerRule) -> Result<(), String> {
    check_pointers(rule)?;
    check_conditions(rule)?;
    let fault = sense_fault(rule).or_else(|| list_fault(rule));
    fault.map_or(Ok(()), |fault| Err(fault.to_owned()))
}

fn sense_fault(rule: &AnswerRule) -> Option<&'static str> {
    let takes_nothing = rule.each.is_none() && rule.means.is_some_and(|meaning| !meaning.takes());
    match (rule.means.is_some(), rule.word.is_some(), rule.words.is_empty()) {
        (true, _, false) => Some("it has both means and words; leave one out"),
        (true, true, true) => Some("it has both means and word; leave one out"),
        (false, false, true) => {
            Some("it does not say what the response means; give it means, or word and words")
        }
        (false, true, true) => Some("word needs words, which say what each word means"),
        (false, false, false) if rule.each.is_none() => {
            Some("words needs word, the JSON pointer of the word in the body")
        }
        _ if takes_nothing && !rule.counts.is_empty() => {
            Some("counts is of events that were taken, but means says that none was; leave one out")
        }
        _ => None,
    }
}

fn list_fault(rule: &AnswerRule) -> Option<&'static str> {
    let names_events = rule.index.is_some() || rule.id.is_some();
    if rule.each.is_none() && (names_events || rule.rest.is_some()) {
        return Some("index, id and rest need each, the place of the entries: each = \"/items/*\"");
    }
    if rule.index.is_some() && rule.id.is_some() {
        return Some("it has both index and id; leave one out");
    }
    if rule.rest.is_some() && !names_events {
        return Some("rest needs index or id: without them there is one entry for each event, in order");
    }
    if rule.first.is_some() && rule.index.is_none() {
        return Some("first needs index, which it is the first number of");
    }
    if rule.topic.is_some() && rule.id.is_none() {
        return Some("topic needs id");
    }
    None
}

fn check_pointers(rule: &AnswerRule) -> Result<(), String> {
    let own = [
        ("word", rule.word.as_ref()),
        ("index", rule.index.as_ref()),
        ("id", rule.id.as_ref()),
        ("topic", rule.topic.as_ref()),
    ];
    let is_place = |name: &&String| *name != BODY && !name.starts_with(HEADER);
    let conditions = rule.conditions.keys().filter(is_place).map(|place| ("where", Some(place)));
    let all = own.into_iter().chain(rule.counts.named()).chain(conditions);
    for (name, pointer) in all.filter_map(|(name, pointer)| Some((name, pointer?))) {
        check_pointer(name, pointer)?;
        if each_steps(pointer) > 0 {
            return Err(format!("{name} = \"{pointer}\" has a *, which stands in each alone"));
        }
    }
    let Some(each) = &rule.each else { return Ok(()) };
    check_pointer("each", each)?;
    match each_steps(each) {
        1 => Ok(()),
        0 => {
            let list = each.trim_end_matches('/');
            Err(format!("each = \"{each}\" has no * for the entries of a list; write it as \"{list}/*\""))
        }
        _ => Err(format!("each = \"{each}\" has more than one *; name the entries of one list")),
    }
}

/// Returns the number of steps of a pointer that stand for each element.
fn each_steps(pointer: &str) -> usize {
    pointer.split('/').filter(|token| *token == "*").count()
}

fn check_pointer(name: &str, pointer: &str) -> Result<(), String> {
    if pointer.is_empty() || pointer.starts_with('/') {
        return Ok(());
    }
    let hint = if name == "where" { ", `header:NAME` or `body`" } else { "" };
    Err(format!("{name} = \"{pointer}\" is not a JSON pointer{hint}; write it as \"/{pointer}\""))
}

fn check_conditions(rule: &AnswerRule) -> Result<(), String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    for name in rule.conditions.keys().filter_map(|place| place.strip_prefix(HEADER)) {
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(format!("`{name}` is not the name of a header; write it as \"header:x-replayed\""));
        }
    }
    match rule.conditions.len() {
        0..=MAX_CONDITIONS => Ok(()),
        more => Err(format!("where has {more} conditions, and at most {MAX_CONDITIONS} can be compared")),
    }
}
