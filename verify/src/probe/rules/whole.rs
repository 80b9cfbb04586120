//! Meaning of a response as a whole, where it speaks of all events of its request.

use std::collections::BTreeSet;

use super::rule::{Fate, Rule, Seen};
use crate::probe::response::Response;
use crate::probe::sight::Sight;
use crate::probe::toml_text::quoted;

/// Returns the rules of statuses that are no success and are given to repeats.
pub(super) fn of_failures(seen: &[Seen]) -> Vec<Rule> {
    let is_refusal = |seen: &&Seen| (300..500).contains(&seen.response.status) && seen.response.status != 429;
    let repeats = seen.iter().filter(|seen| seen.is_all(Fate::Known)).filter(is_refusal);
    let mut rules = Vec::new();
    for repeat in repeats {
        let status = repeat.response.status;
        let is_other = |other: &&Seen| other.response.status == status && !other.is_all(Fate::Known);
        let others: Vec<&Seen> = seen.iter().filter(is_other).collect();
        let evidence = format!("{} was answered {}", repeat.name, repeat.response.in_one_line());
        let rule = Rule::of_status(&[&status.to_string()], "duplicate", &evidence);
        let rule = match (others.is_empty(), condition(repeat, &others)) {
            (true, _) => Some(rule),
            (false, Some(condition)) => Some(Rule { conditions: vec![condition], ..rule }),
            (false, None) => None,
        };
        rules.extend(rule.filter(|rule| rules.iter().all(|own: &Rule| own.lines() != rule.lines())));
    }
    rules
}

/// Returns a fact of a response that no other has.
fn condition(repeat: &Seen, others: &[&Seen]) -> Option<(String, String)> {
    let facts = repeat.response.facts();
    let is_own = |(place, value): &(&String, &String)| {
        let holds_id = repeat.ids.iter().any(|id| value.contains(id.as_str()));
        let is_place = place.starts_with('/') || place.starts_with("header:");
        is_place && !holds_id && others.iter().all(|other| other.response.facts().get(*place) != Some(*value))
    };
    facts
        .iter()
        .find(is_own)
        .map(|(place, value)| (place.clone(), condition_value(&repeat.response, place, value)))
}

/// Returns a value as TOML, of the kind that the response has.
fn condition_value(response: &Response, place: &str, value: &str) -> String {
    match response.json.as_ref().and_then(|json| json.pointer(place)) {
        Some(found) if found.is_u64() || found.is_i64() || found.is_boolean() => value.to_owned(),
        _ => quoted(value),
    }
}

/// Returns the rules of successes: by their status, by a header field or by a word.
pub(super) fn of_successes(successes: &[&Seen]) -> Vec<Rule> {
    let of =
        |fate: Fate| -> Vec<&Seen> { successes.iter().filter(|seen| seen.is_all(fate)).copied().collect() };
    let (new, known) = (of(Fate::New), of(Fate::Known));
    let accepted = |evidence: &str| vec![Rule::of_status(&["2xx"], "accepted", evidence)];
    let Some(first) = new.first() else { return accepted("no new event was answered with 2xx") };
    let shown = format!("{} was answered {}", first.name, first.response.in_one_line());
    let holds_several = successes.iter().any(|seen| seen.fates.len() > 1);
    let Some(repeat) = known.first() else {
        // Repeats have a status of their own, unless one request holds several events.
        let means = if holds_several { "accepted" } else { "new" };
        return vec![Rule::of_status(&["2xx"], means, &shown)];
    };
    let other = new.last().unwrap_or(first);
    let ids: Vec<String> = successes.iter().flat_map(|seen| seen.ids.clone()).collect();
    let sight = Sight::of(&first.response, &repeat.response, &other.response, &ids);
    let evidence = format!("{shown}; {} {}", repeat.name, repeat.response.in_one_line());
    match sight {
        // What is said of a whole request says nothing of one that holds new events and repeats.
        _ if holds_several => accepted(&format!("{evidence}: it does not say which events are new")),
        Some(Sight::Kind { place, new: of_new, repeat: of_repeat }) => {
            of_kind(successes, &place, of_new, of_repeat, &evidence).unwrap_or_else(|| accepted(&evidence))
        }
        Some(Sight::Effect { .. }) | None => accepted(&evidence),
    }
}

fn of_kind(
    successes: &[&Seen],
    place: &str,
    new: Option<String>,
    repeat: Option<String>,
    evidence: &str,
) -> Option<Vec<Rule>> {
    if place == "status" {
        let rule = |status: Option<String>, means| Some(Rule::of_status(&[&status?], means, evidence));
        return Some(vec![rule(new, "new")?, rule(repeat, "duplicate")?]);
    }
    if place.starts_with('/') {
        let invalid: BTreeSet<String> = successes
            .iter()
            .filter(|seen| seen.is_all(Fate::Invalid))
            .filter_map(|seen| seen.response.facts().get(place).cloned())
            .collect();
        let word = |word: Option<String>| word.unwrap_or_else(|| "absent".to_owned());
        let mut words = vec![(word(new), "new"), (word(repeat), "duplicate")];
        words.extend(invalid.into_iter().map(|word| (word, "rejected")));
        let rule = Rule::of_status(&["2xx"], "new", evidence);
        return Some(vec![Rule { means: None, word: Some(place.to_owned()), words, ..rule }]);
    }
    let (place, of_repeat) = match (place, repeat) {
        ("body", Some(text)) => ("body", format!("{{ has = {} }}", quoted(&text))),
        (header, Some(value)) => (header, quoted(&value)),
        (header, None) if header != "body" => (header, "{ exists = false }".to_owned()),
        _ => return None,
    };
    let duplicate = Rule::of_status(&["2xx"], "duplicate", evidence);
    let duplicate = Rule { conditions: vec![(place.to_owned(), of_repeat)], ..duplicate };
    Some(vec![duplicate, Rule::of_status(&["2xx"], "new", evidence)])
}
