//! Numbers of events in a response, known by how they change with what was sent.

use super::rule::{Fate, Seen};
use crate::probe::json::scalar;

/// Number of events of a kind in a request.
type Count<'a> = &'a dyn Fn(&Seen) -> u64;

/// Returns the places of the numbers that fit all responses; of each kind the shortest.
pub(super) fn of(successes: &[&Seen]) -> Vec<(&'static str, String)> {
    let taken = |seen: &Seen| seen.count(Fate::New) + seen.count(Fate::Known);
    let kinds: [(&'static str, Count<'_>); 4] = [
        ("accepted", &taken),
        ("new", &|seen| seen.count(Fate::New)),
        ("duplicate", &|seen| seen.count(Fate::Known)),
        ("rejected", &|seen| seen.count(Fate::Invalid)),
    ];
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for (name, count) in kinds {
        if !varies(successes, count) {
            continue;
        }
        let place = place_of(successes, count, &found);
        found.extend(place.map(|place| (name, place)));
    }
    found
}

/// True if the number differs between the responses, so that a constant cannot be taken for it.
fn varies(successes: &[&Seen], count: Count<'_>) -> bool {
    let mut counts = successes.iter().map(|seen| count(seen));
    let first = counts.next();
    counts.any(|count| Some(count) != first)
}

fn place_of(successes: &[&Seen], count: Count<'_>, taken: &[(&'static str, String)]) -> Option<String> {
    let first = successes.first()?.response.facts();
    let is_free = |place: &&String| place.starts_with('/') && taken.iter().all(|(_, own)| own != *place);
    let fits = |place: &&String| {
        successes.iter().all(|seen| {
            let value = seen.response.json.as_ref().and_then(|json| json.pointer(place));
            value.and_then(scalar).is_some_and(|text| text == count(seen).to_string())
        })
    };
    first.keys().filter(is_free).filter(fits).min_by_key(|place| place.matches('/').count()).cloned()
}
