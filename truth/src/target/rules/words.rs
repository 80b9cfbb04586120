//! Meaning of responses in words, for people who check a scenario.

use super::compiled::{BODY, HEADER};
use super::written::{AnswerRule, BodyFormat, Condition, Meaning};
use crate::target::{StatusPattern, Target};

impl Target {
    /// Returns what responses to a publish mean, one line for each rule, in the order in which they
    /// are tried.
    pub fn answers_in_words(&self) -> Vec<String> {
        let mut lines: Vec<String> = match self.answers.written() {
            [] => vec![
                format!("{}: acknowledged{}", statuses(&self.publish.ack), self.short_form()),
                format!("{}: rejected", statuses(&self.publish.rejected)),
            ],
            rules => (1..).zip(rules).map(|(number, rule)| format!("{number}. {}", of_rule(rule))).collect(),
        };
        lines.push("any other response: unknown".to_owned());
        lines
    }

    /// True if the target's description does not say what the body of a 2xx means: statuses alone
    /// decide, and an event that is refused in such a body counts as acknowledged.
    pub fn leaves_bodies_aside(&self) -> bool {
        if self.answers.is_empty() {
            return !self.answer.any();
        }
        self.answers.written().iter().any(|rule| {
            let is_of_success = rule.status.is_empty()
                || rule.status.iter().any(|pattern| match pattern {
                    StatusPattern::Class(class) => *class == 2,
                    // These statuses have no body.
                    StatusPattern::Exact(204 | 205) => false,
                    StatusPattern::Exact(status) => status / 100 == 2,
                });
            let reads_body = rule.each.is_some()
                || rule.word.is_some()
                || !rule.counts.is_empty()
                || rule.conditions.keys().any(|place| !place.starts_with(HEADER));
            is_of_success && !reads_body && rule.means.is_some_and(Meaning::takes)
        })
    }

    fn short_form(&self) -> String {
        let fields = &self.answer;
        let places =
            [&fields.accepted, &fields.inserted, &fields.duplicates, &fields.results, &fields.refused];
        let places: Vec<&str> = places.into_iter().filter_map(Option::as_deref).map(place).collect();
        match places.as_slice() {
            [] => String::new(),
            places => format!(", as the body says at {}", places.join(", ")),
        }
    }
}

fn of_rule(rule: &AnswerRule) -> String {
    let mut text = match rule.status.as_slice() {
        [] => "any status".to_owned(),
        patterns => statuses(patterns),
    };
    let conditions: Vec<String> =
        rule.conditions.iter().map(|(place, condition)| of_condition(place, condition)).collect();
    if !conditions.is_empty() {
        text.push_str(&format!(" where {}", conditions.join(" and ")));
    }
    text.push_str(": ");
    if rule.format == BodyFormat::Ndjson {
        text.push_str("of the values one after the other, ");
    }
    if let Some(each) = &rule.each {
        text.push_str(&format!("each entry at {each} is for {}, and says ", of_naming(rule)));
    }
    text.push_str(&of_saying(rule));
    if let Some(rest) = rule.rest {
        text.push_str(&format!("; those without an entry are {rest}"));
    }
    let counts: Vec<String> = rule
        .counts
        .named()
        .into_iter()
        .filter_map(|(name, pointer)| Some(format!("{name} at {}", place(pointer?))))
        .collect();
    if !counts.is_empty() {
        text.push_str(&format!("; it counts {}", counts.join(", ")));
    }
    text
}

fn of_naming(rule: &AnswerRule) -> String {
    if let Some(index) = &rule.index {
        return format!("the event with the number at {}, from {} on", place(index), rule.first.unwrap_or(0));
    }
    match (&rule.id, &rule.topic) {
        (Some(id), Some(topic)) => {
            format!("the event with the id at {} and the topic at {}", place(id), place(topic))
        }
        (Some(id), None) => format!("the event with the id at {}", place(id)),
        (None, _) => "the next event of the request".to_owned(),
    }
}

fn of_saying(rule: &AnswerRule) -> String {
    if let Some(meaning) = rule.means {
        return meaning.to_string();
    }
    let words: Vec<String> =
        rule.words.iter().map(|(word, meaning)| format!("{word} is {meaning}")).collect();
    format!("by its word at {}: {}", place(rule.word.as_deref().unwrap_or_default()), words.join(", "))
}

fn of_condition(name: &str, condition: &Condition) -> String {
    let name = match name.strip_prefix(HEADER) {
        Some(header) => format!("header {header}"),
        None if name == BODY => "the body".to_owned(),
        None => place(name).to_owned(),
    };
    match condition {
        Condition::Exists(wanted) if wanted.exists => format!("{name} exists"),
        Condition::Exists(_) => format!("{name} does not exist"),
        Condition::Has(part) => format!("{name} has {:?}", part.has),
        Condition::Is(value) => format!("{name} is {value}"),
    }
}

/// Returns a pointer as people read it.
fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "its top level" } else { pointer }
}

fn statuses(patterns: &[StatusPattern]) -> String {
    let each: Vec<String> = patterns.iter().map(StatusPattern::to_string).collect();
    match each.as_slice() {
        [] => "no status".to_owned(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}
