//! Counters of a target, known by how much they grew.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answers::escaped;
use super::asking::{Asker, Response};
use super::draft::Draft;
use super::publish::{Exchanges, Totals};

/// Paths that are tried.
const PATHS: [&str; 7] = ["/stats", "/api/stats", "/counters", "/metrics.json", "/status", "/info", METRICS];

/// Path where Prometheus's format is usual, which the probe cannot read.
const METRICS: &str = "/metrics";

/// Longest time until counters come to rest.
const REST: Duration = Duration::from_secs(10);

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(300);

/// Numbers by their places. The members of lists, and of maps by topic, are added up under `*`.
type Sums = BTreeMap<String, u64>;

/// Numbers at one path, before anything was sent.
#[derive(Debug)]
pub(super) struct Before {
    path: &'static str,
    sums: Sums,
}

/// Reads the numbers at all paths before anything is sent.
pub(super) async fn first_look(asker: &Asker) -> Vec<Before> {
    let mut looks = Vec::new();
    for path in PATHS {
        // A target that did not answer one request is not sent the others.
        let Some(response) = asker.get(path).await else { break };
        if let Some(body) = counters_in(response) {
            looks.push(Before { path, sums: sums(&body, &asker.topic) });
        }
    }
    looks
}

/// Returns the path whose numbers grew most like counters. Without a difference, it is the first.
async fn most_like(asker: &Asker, looks: Vec<Before>, totals: Totals) -> Option<Before> {
    let mut best: Option<(usize, Before)> = None;
    for before in looks {
        let now = read(asker, before.path).await.map(|body| sums(&body, &asker.topic)).unwrap_or_default();
        let growths = [totals.attempts, totals.keys, totals.repeats];
        let fit = growths.iter().filter(|grown| grew_by(&before.sums, &now, **grown, &[]).is_some()).count();
        if best.as_ref().is_none_or(|(most, _)| fit > *most) {
            best = Some((fit, before));
        }
    }
    best.map(|(_, before)| before)
}

async fn read(asker: &Asker, path: &str) -> Option<Value> {
    counters_in(asker.get(path).await?)
}

fn counters_in(response: Response) -> Option<Value> {
    Some(response).filter(Response::is_success)?.json.filter(Value::is_object)
}

/// Writes the numbers that grew by what was sent, and returns the names of the counters that were
/// not found.
pub(super) async fn say(
    asker: &Asker,
    before: Vec<Before>,
    sent: &Exchanges,
    draft: &mut Draft,
) -> Vec<&'static str> {
    let Some(before) = most_like(asker, before, sent.totals).await else {
        draft.note("target.stats", &format!("no counters were found at {}", PATHS.join(", ")));
        if asker.get(METRICS).await.is_some_and(|response| response.is_success()) {
            draft.note(
                "target.stats",
                "/metrics answered, but not in JSON: the probe does not read Prometheus's format",
            );
        }
        draft.note(
            "target.stats",
            "fill in: path = \"/...\", received = \"/...\", unique = \"/...\", duplicates = \"/...\"",
        );
        return vec!["path", "received", "unique", "duplicates"];
    };
    let Some(body) = at_rest(asker, before.path).await else {
        draft.note("target.stats", &format!("{} could not be read again", before.path));
        return vec!["path", "received", "unique", "duplicates"];
    };
    let now = sums(&body, &asker.topic);
    let Totals { attempts, keys, repeats } = sent.totals;
    let looked = format!("GET {} before and after {attempts} attempts of {keys} keys", before.path);
    draft.set("target.stats", "path", before.path, &looked);
    let wanted = [
        ("received", attempts, ["received", "total", "ingested"]),
        ("unique", keys, ["unique", "stored", "processed"]),
        ("duplicates", repeats, ["dup", "dropped", "skipped"]),
    ];
    let mut missing = Vec::new();
    for (name, grown, hints) in wanted {
        match grew_by(&before.sums, &now, grown, &hints) {
            Some(place) => draft.set("target.stats", name, &place, &format!("it grew by {grown}")),
            None => {
                missing.push(name);
                let why = format!("no number grew by {grown}; fill in: {name} = \"/...\"");
                draft.note("target.stats", &why);
            }
        }
    }
    let waiting = [
        ("pending", ["pending", "queue", "backlog"]),
        ("processing", ["processing", "in_flight", "inflight"]),
    ];
    for (name, hints) in waiting {
        let is_it = |(place, value): &(&String, &u64)| {
            **value == 0 && hints.iter().any(|hint| last_step(place).contains(hint))
        };
        if let Some((place, _)) = now.iter().find(is_it) {
            draft.set(
                "target.stats",
                name,
                place,
                "chosen by its name, and because it is 0 now that the counters are at rest",
            );
        }
    }
    say_lifetime(&body, draft);
    missing
}

/// Writes the numbers that show a restart.
fn say_lifetime(body: &Value, draft: &mut Draft) {
    for name in ["uptime", "instance"] {
        if let Some(place) = named(body, name, "") {
            let value = body.pointer(&place).map(Value::to_string).unwrap_or_default();
            draft.set("target.stats", name, &place, &format!("chosen by its name; its value was {value}"));
        }
    }
}

/// Reads until nothing changes except times.
async fn at_rest(asker: &Asker, path: &str) -> Option<Value> {
    let deadline = Instant::now() + REST;
    let timeless = |body: &Value| -> Sums {
        let mut sums = sums(body, &asker.topic);
        sums.retain(|place, _| !["uptime", "time", "_at", "second"].iter().any(|part| place.contains(part)));
        sums
    };
    let mut last = read(asker, path).await?;
    let mut equal = 0;
    while equal < 3 && Instant::now() < deadline {
        tokio::time::sleep(LOOK).await;
        let now = read(asker, path).await?;
        equal = if timeless(&now) == timeless(&last) { equal + 1 } else { 0 };
        last = now;
    }
    Some(last)
}

/// Returns the place of a number that grew by this. Names break ties, and a single number outranks
/// a sum.
fn grew_by(before: &Sums, now: &Sums, by: u64, hints: &[&str]) -> Option<String> {
    let was = |place: &String| before.get(place).copied().unwrap_or(0);
    let grown = now.iter().filter(|(place, value)| by > 0 && value.checked_sub(was(place)) == Some(by));
    let hint =
        |place: &str| hints.iter().position(|hint| last_step(place).contains(hint)).unwrap_or(hints.len());
    let rank = |place: &&String| (hint(place), place.contains('*'), place.len());
    grown.map(|(place, _)| place).min_by_key(rank).cloned()
}

fn last_step(place: &str) -> String {
    place.rsplit('/').find(|step| *step != "*").unwrap_or_default().to_ascii_lowercase()
}

fn sums(body: &Value, topic: &str) -> Sums {
    let mut sums = Sums::new();
    add(body, topic, "", &mut sums);
    sums
}

fn add(value: &Value, topic: &str, at: &str, sums: &mut Sums) {
    match value {
        Value::Object(members) => {
            let is_by_topic = members.contains_key(topic);
            for (name, member) in members {
                let step = if is_by_topic { "*".to_owned() } else { escaped(name) };
                add(member, topic, &format!("{at}/{step}"), sums);
            }
        }
        Value::Array(members) => {
            members.iter().for_each(|member| add(member, topic, &format!("{at}/*"), sums));
        }
        Value::String(digits) => {
            if let Ok(number) = digits.trim().parse::<u64>() {
                *sums.entry(at.to_owned()).or_default() += number;
            }
        }
        number => {
            if let Some(number) = number.as_u64() {
                *sums.entry(at.to_owned()).or_default() += number;
            }
        }
    }
}

/// Returns the place of a member whose name contains this.
fn named(value: &Value, part: &str, at: &str) -> Option<String> {
    let members = value.as_object()?;
    let own = members.iter().find(|(name, member)| {
        name.to_ascii_lowercase().contains(part) && (member.is_string() || member.is_number())
    });
    let place = |name: &String| format!("{at}/{}", escaped(name));
    own.map(|(name, _)| place(name))
        .or_else(|| members.iter().find_map(|(name, member)| named(member, part, &place(name))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counters_are_known_by_what_they_grew_by() {
        let before = sums(&json!({"events": {"in": 10, "kept": 7, "uptime": 3}}), "t");
        let now = sums(&json!({"events": {"in": 17, "kept": 11, "uptime": 7}}), "t");
        assert_eq!(grew_by(&before, &now, 7, &["received"]).as_deref(), Some("/events/in"));
        assert_eq!(
            grew_by(&before, &now, 4, &["unique", "kept"]).as_deref(),
            Some("/events/kept"),
            "a name breaks the tie"
        );
        assert_eq!(grew_by(&before, &now, 3, &["dup"]), None);
    }

    #[test]
    fn lists_and_maps_by_topic_are_added_up() {
        let before = sums(&json!({"topics": [{"name": "a", "count": "2"}], "by": {"a": 2}}), "t");
        let now = sums(
            &json!({"topics": [{"name": "a", "count": "2"}, {"name": "t", "count": "4"}], "by": {"a": 2, "t": 4}}),
            "t",
        );
        assert_eq!(grew_by(&before, &now, 4, &["count"]).as_deref(), Some("/topics/*/count"));
        assert_eq!(now.get("/by/*"), Some(&6));
    }

    #[test]
    fn a_member_is_found_by_its_name_at_any_depth() {
        let body = json!({"a": 1, "process": {"Uptime Seconds": "0:00:04"}});
        assert_eq!(named(&body, "uptime", "").as_deref(), Some("/process/Uptime Seconds"));
    }
}
