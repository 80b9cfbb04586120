//! A list in a response with an entry for each event.

use std::collections::BTreeMap;

use serde_json::Value;

use super::rule::{Fate, Rule, Seen};
use crate::probe::json::{find_lists, scalar};
use crate::probe::names::plain;
use crate::probe::response::leaves;

/// Returns the rule of a list whose entries tell the fates apart.
pub(super) fn of(successes: &[&Seen]) -> Option<Rule> {
    let first = successes.first()?;
    let mut lists = Vec::new();
    find_lists(first.response.json.as_ref()?, "", &mut lists);
    let rule = lists.iter().find_map(|list| of_list(successes, list))?;
    Some(Rule { is_lines: first.response.is_lines, ..rule })
}

fn of_list(successes: &[&Seen], list: &str) -> Option<Rule> {
    let mut entries: Vec<(Fate, &Value)> = Vec::new();
    for seen in successes {
        let own = seen.response.json.as_ref()?.pointer(list)?.as_array()?;
        if own.len() != seen.fates.len() {
            return None;
        }
        entries.extend(seen.fates.iter().copied().zip(own));
    }
    let mut facts = BTreeMap::new();
    let (_, first) = entries.first()?;
    leaves(first, String::new(), &mut facts);
    let mut places: Vec<String> = facts.into_keys().collect();
    places.sort_by_key(|place| (!is_word(place), place.matches('/').count()));
    let mut found: Vec<(String, Vec<(String, &'static str)>)> =
        places.into_iter().filter_map(|place| Some((place.clone(), words(&entries, &place)?))).collect();
    // Statuses come in classes, so that those that were not seen have a meaning too.
    found.sort_by_key(|(_, words)| words.iter().all(|(word, _)| word != "4xx"));
    found.into_iter().find_map(|(place, words)| {
        let evidence =
            format!("{list} has an entry for each event: {}", successes.last()?.response.in_one_line());
        Some(Rule {
            status: vec!["\"2xx\"".to_owned()],
            each: Some(format!("{list}/*")),
            word: Some(place).filter(|place| !place.is_empty()),
            words,
            evidence,
            ..Rule::default()
        })
    })
}

fn is_word(place: &str) -> bool {
    let name = plain(place.rsplit('/').next().unwrap_or_default());
    ["status", "result", "outcome", "state", "code"].contains(&name.as_str())
}

/// Returns the words at a place of the entries, if new and known events have one each.
fn words(entries: &[(Fate, &Value)], place: &str) -> Option<Vec<(String, &'static str)>> {
    let of = |fate: Fate| -> Option<Vec<String>> {
        let own = entries.iter().filter(|(own, _)| *own == fate);
        let mut words: Vec<String> = own
            .map(|(_, entry)| entry.pointer(place).map_or_else(|| Some("absent".to_owned()), scalar))
            .collect::<Option<_>>()?;
        words.sort();
        words.dedup();
        Some(words)
    };
    let (new, known, invalid) = (of(Fate::New)?, of(Fate::Known)?, of(Fate::Invalid)?);
    let ([new], [known]) = (new.as_slice(), known.as_slice()) else { return None };
    if new == known || invalid.contains(new) || invalid.contains(known) {
        return None;
    }
    let mut words = vec![(new.clone(), "new"), (known.clone(), "duplicate")];
    let is_status = |word: &String| word.len() == 3 && word.parse::<u16>().is_ok_and(|status| status >= 100);
    if is_status(new) {
        words.extend(["4xx", "5xx"].map(str::to_owned).into_iter().zip(["rejected", "unknown"]));
    } else {
        words.extend(invalid.into_iter().map(|word| (word, "rejected")));
    }
    Some(words)
}
