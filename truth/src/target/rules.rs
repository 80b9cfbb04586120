//! Rules that say what a response to a publish means: `[[target.answers]]`.
//!
//! A rule is checked and compiled when it is read, so a target holds only rules that can be used.
//! The first rule whose status and `where` fit decides. If the response contradicts that rule, the
//! response is unclear; the next rule is not tried. A response that no rule fits is unknown.

mod compiled;
mod conditions;
mod counts;
mod decided;
mod named;
mod vocabulary;
mod words;
mod written;

use std::fmt;
use std::sync::Arc;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::compiled::Rule;
pub use self::written::{AnswerRule, BodyFormat, Condition, Containing, CountPlaces, Existence, Meaning};
use super::answer::{Outcome, ReadAnswer, Response, Sent};

/// Most rules of a target: each may read the body of a response once.
const MAX_RULES: usize = 64;

/// Rules of a target, in the order in which they are tried.
#[derive(Clone, Default)]
pub struct AnswerRules {
    written: Vec<AnswerRule>,
    compiled: Arc<[Rule]>,
}

impl AnswerRules {
    /// Compiles rules; the error names the first wrong one by its number.
    pub fn compile(written: Vec<AnswerRule>) -> Result<Self, String> {
        let mut compiled = Vec::with_capacity(written.len());
        for rule in &written {
            compiled.push(next_rule(rule, &compiled)?);
        }
        Ok(Self { written, compiled: compiled.into() })
    }

    /// True if the target has no rules: its responses are read by the short form.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty()
    }

    /// Returns the rules as they are written.
    pub fn written(&self) -> &[AnswerRule] {
        &self.written
    }

    /// Reads a complete response.
    pub(super) fn read(&self, response: &Response<'_>, sent: Sent<'_>) -> ReadAnswer {
        let read = self.compiled.iter().find_map(|rule| rule.read(response, sent));
        read.unwrap_or_else(|| ReadAnswer::bare(Outcome::Unknown))
    }
}

/// Compiles the rule that follows these.
fn next_rule(written: &AnswerRule, before: &[Rule]) -> Result<Rule, String> {
    let number = before.len() + 1;
    let wrong = |reason: String| format!("rule {number} of [[target.answers]]: {reason}");
    if before.len() >= MAX_RULES {
        return Err(wrong(format!(
            "there are more than {MAX_RULES} rules; put those of one meaning together"
        )));
    }
    let rule = Rule::compile(written).map_err(wrong)?;
    if rule.is_hidden_by(before) {
        let reason = "no response is left for it, because rules before it take each of its statuses without a \
                      condition; put it before them";
        return Err(wrong(reason.to_owned()));
    }
    Ok(rule)
}

impl PartialEq for AnswerRules {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for AnswerRules {}

impl fmt::Debug for AnswerRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

impl Serialize for AnswerRules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for AnswerRules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(List)
    }
}

/// List of rules, as it is read.
struct List;

impl<'de> Visitor<'de> for List {
    type Value = AnswerRules;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("rules, each under [[target.answers]]")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut rules: S) -> Result<AnswerRules, S::Error> {
        let mut written = Vec::new();
        let mut compiled = Vec::new();
        while let Some(next) = rules.next_element_seed(Next { before: &compiled })? {
            let (rule, ready) = next;
            written.push(rule);
            compiled.push(ready);
        }
        Ok(AnswerRules { written, compiled: compiled.into() })
    }
}

/// Rule that follows others. Its errors are made while its table is visited, so that the parser
/// adds the line of that table.
struct Next<'r> {
    before: &'r [Rule],
}

impl<'de> DeserializeSeed<'de> for Next<'_> {
    type Value = (AnswerRule, Rule);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Next<'_> {
    type Value = (AnswerRule, Rule);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a rule, which is a table")
    }

    fn visit_map<M: MapAccess<'de>>(self, table: M) -> Result<Self::Value, M::Error> {
        let number = self.before.len() + 1;
        let written = AnswerRule::deserialize(MapAccessDeserializer::new(table)).map_err(|error| {
            let reason = error.to_string().trim_end().replace('\n', " ");
            M::Error::custom(format!("rule {number} of [[target.answers]]: {reason}"))
        })?;
        let rule = next_rule(&written, self.before).map_err(M::Error::custom)?;
        Ok((written, rule))
    }
}

#[cfg(test)]
mod tests;
