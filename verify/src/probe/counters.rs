//! Counters of a target, known by how much they grew.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::asking::Asker;
use super::draft::Draft;
use super::exchange::Totals;
use super::json::{escaped, scalar};
use super::pace::Pace;
use super::response::Response;

/// Paths that are tried.
pub(super) const PATHS: [&str; 7] =
    ["/stats", "/api/stats", "/counters", "/metrics.json", "/status", "/info", "/metrics"];

/// Table of the counters.
const TABLE: &str = "target.stats";

/// Largest factor by which a counter may move.
const LARGEST_FACTOR: u64 = 10;

/// Reads of counters that do not lag: after each sending, for an uptime, and one to spare.
pub(super) const READS: u32 = 4;

/// Time in which an uptime in seconds grows.
const TICK: Duration = Duration::from_millis(1_100);

/// Numbers by their places. The members of lists, and of maps by topic, are added up under `*`.
pub(super) type Sums = BTreeMap<String, u64>;

/// Numbers at one URL, before anything was sent.
#[derive(Debug)]
pub(super) struct Before {
    url: String,
    sums: Sums,
    body: Value,
    /// True if they are metrics of Prometheus.
    is_prometheus: bool,
}

/// Counters of a target.
#[derive(Debug)]
pub(super) struct Counted {
    /// Names of the counters that were not found.
    pub(super) missing: Vec<&'static str>,
    /// URL and place of the number of stored events.
    pub(super) unique: Option<(String, String)>,
    /// Keys of the scenario.
    pub(super) draft: Draft,
}

impl Counted {
    fn nothing(draft: Draft) -> Self {
        Self { missing: vec!["path", "received", "unique", "duplicates"], unique: None, draft }
    }
}

/// Numbers that grew by what was sent once, which may be a chance.
pub(super) struct Grown {
    before: Before,
    /// Numbers after it, and the body that showed them.
    now: Sums,
    body: Value,
    totals: Totals,
    found: Found,
    topic: String,
    /// Path of the counters.
    path: String,
}

impl Before {
    /// URL that showed the numbers.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

/// Reads the numbers at these URLs before anything is sent.
pub(super) async fn first_look(asker: &Asker, urls: &[String], topic: &str) -> Vec<Before> {
    let mut looks = Vec::new();
    for url in urls {
        // A target that did not answer one request is not sent the others.
        let Ok(response) = asker.get(url).await else { break };
        if let Some((body, is_prometheus)) = counters_in(response) {
            looks.push(Before { url: url.clone(), sums: sums(&body, topic), body, is_prometheus });
        }
    }
    looks
}

/// Returns the URL whose numbers grew most like counters. Without a difference, it is the first.
async fn most_like(asker: &Asker, mut looks: Vec<Before>, totals: Totals, topic: &str) -> Option<Before> {
    if looks.len() == 1 {
        return looks.pop();
    }
    let mut best: Option<(usize, Before)> = None;
    for before in looks {
        let now = read(asker, &before.url).await.map(|body| sums(&body, topic)).unwrap_or_default();
        let growths = [totals.attempts, totals.keys, totals.repeats];
        let fit = growths.iter().filter(|grown| grew_by(&before.sums, &now, **grown, &[]).is_some()).count();
        if best.as_ref().is_none_or(|(most, _)| fit > *most) {
            best = Some((fit, before));
        }
    }
    best.map(|(_, before)| before)
}

async fn read(asker: &Asker, url: &str) -> Option<Value> {
    counters_in(asker.get(url).await.ok()?).map(|(body, _)| body)
}

/// Value of one counter.
pub(super) async fn value(asker: &Asker, url: &str, place: &str, topic: &str) -> Option<u64> {
    sums(&read(asker, url).await?, topic).get(place).copied()
}

/// Returns the numbers of a response as an object, and true if they are metrics of Prometheus.
fn counters_in(response: Response) -> Option<(Value, bool)> {
    let response = Some(response).filter(Response::is_success)?;
    if let Some(body) = response.json {
        return body.is_object().then_some((body, false));
    }
    let is_metric = |line: &&str| !line.starts_with('#') && line.contains(' ');
    let metric = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        let value: f64 = value.trim().parse().ok()?;
        (value >= 0.0 && value.fract() == 0.0).then(|| (name.trim().to_owned(), Value::from(value as u64)))
    };
    let is_prometheus =
        response.text.lines().any(|line| line.starts_with("# TYPE ") || line.starts_with("# HELP "));
    let metrics: serde_json::Map<String, Value> =
        response.text.lines().filter(is_metric).filter_map(metric).collect();
    (is_prometheus && !metrics.is_empty()).then_some((Value::Object(metrics), true))
}

/// Finds the numbers that grew by what was sent. `home` is the base URL of the target.
pub(super) async fn grown(
    asker: &Asker,
    before: Vec<Before>,
    totals: Totals,
    topic: &str,
    home: &str,
) -> Result<Grown, Counted> {
    let mut draft = Draft::default();
    let tried: Vec<String> = before.iter().map(|before| before.url.clone()).collect();
    let Some(before) = most_like(asker, before, totals, topic).await else {
        draft.note(TABLE, "no counters were found");
        let keys = "fill in: path = \"/...\", received = \"/...\", unique = \"/...\", duplicates = \"/...\"";
        draft.note(TABLE, keys);
        return Err(Counted::nothing(draft));
    };
    let of = |now: &Sums| {
        NAMES.map(|name| (name, totals.of(name), grew_by(&before.sums, now, totals.of(name), &hints(name))))
    };
    let all_grew = |now: &Sums| of(now).iter().all(|(_, _, place)| place.is_some());
    let Some(body) = settled(asker, &before.url, topic, all_grew).await else {
        draft.note(TABLE, &format!("{} could not be read again", tried.join(", ")));
        return Err(Counted::nothing(draft));
    };
    let now = sums(&body, topic);
    let found = of(&now);
    let path = before.url.strip_prefix(home).unwrap_or(&before.url).to_owned();
    let grown = Grown { before, now, body, totals, found, topic: topic.to_owned(), path };
    if grown.found.iter().any(|(_, _, place)| place.is_some()) {
        return Ok(grown);
    }
    let Totals { attempts, keys, repeats } = totals;
    draft.note(TABLE, &format!("{}: no number grew by {attempts}, {keys} or {repeats}", grown.looked()));
    say_multiples(&grown.before.sums, &grown.now, totals, &mut draft);
    Err(Counted::nothing(draft))
}

impl Grown {
    fn looked(&self) -> String {
        let Totals { attempts, keys, .. } = self.totals;
        format!("GET {} before and after {attempts} attempts of {keys} keys", self.path)
    }

    /// Returns no counters, because what grew once may be a chance.
    pub(super) fn unconfirmed(self, reason: &str) -> Counted {
        let mut draft = Draft::default();
        draft.note(
            TABLE,
            &format!(
                "{}: some numbers fit, and {reason}. One agreement may be a chance, so none is used",
                self.looked()
            ),
        );
        Counted::nothing(draft)
    }

    /// Keeps the numbers that grew again by what was sent again.
    pub(super) async fn confirmed(self, asker: &Asker, again: Totals) -> Counted {
        let found = self.grown_again(asker, again).await;
        let Totals { attempts: more, keys: more_keys, .. } = again;
        if found.iter().all(|(_, _, place)| place.is_none()) {
            let reason =
                format!("after {more} further attempts of {more_keys} keys no number had grown by as much");
            return self.unconfirmed(&reason);
        }
        let mut draft = Draft::default();
        let looked = format!("{}, and again after {more} of {more_keys}", self.looked());
        draft.set(TABLE, "path", &self.path, &looked);
        let before = &self.before;
        if before.is_prometheus {
            draft.set(TABLE, "format", "prometheus", "the response is metrics as text");
        }
        let mut missing = Vec::new();
        let mut unique = None;
        for (name, grown, place) in found {
            let Some(place) = place else {
                missing.push(name);
                let why = format!(
                    "no number grew by {grown}, and again by as much as was sent; fill in: {name} = \"/...\""
                );
                draft.note(TABLE, &why);
                continue;
            };
            let written = if before.is_prometheus { series(&place) } else { place.clone() };
            let further = again.of(name);
            draft.template(TABLE, name, &written, &format!("it grew by {grown}, and then by {further}"));
            if name == "unique" {
                unique = Some((before.url.clone(), place));
            }
        }
        say_multiples(&before.sums, &self.now, self.totals, &mut draft);
        if !before.is_prometheus {
            say_waiting(&self.now, &mut draft);
            say_lifetime(asker, before, &self.body, &mut draft).await;
        }
        Counted { missing, unique, draft }
    }

    /// Returns the places of numbers that grew again. Counters may lag, so they are read until all
    /// agree.
    async fn grown_again(&self, asker: &Asker, again: Totals) -> Found {
        let of = |later: &Sums| {
            self.found.clone().map(|(name, grown, place)| {
                let by = [grown, again.of(name)];
                let place =
                    place.and_then(|_| grew_by_each(&self.before.sums, &self.now, later, by, &hints(name)));
                (name, grown, place)
            })
        };
        let as_many = |later: &Sums| {
            of(later).iter().zip(&self.found).all(|(again, once)| again.2.is_some() == once.2.is_some())
        };
        let later = settled(asker, &self.before.url, &self.topic, as_many).await;
        of(&later.map(|body| sums(&body, &self.topic)).unwrap_or_default())
    }
}

/// Names of the counters.
const NAMES: [&str; 3] = ["received", "unique", "duplicates"];

/// Names of counters, with the numbers that they grew by and their places.
type Found = [(&'static str, u64, Option<String>); 3];

/// Words in the names of a counter.
fn hints(name: &str) -> [&'static str; 3] {
    match name {
        "received" => ["received", "total", "ingested"],
        "unique" => ["unique", "stored", "processed"],
        _ => ["dup", "dropped", "skipped"],
    }
}

/// Writes the numbers that grew by a multiple of what was sent.
fn say_multiples(before: &Sums, now: &Sums, totals: Totals, draft: &mut Draft) {
    for factor in 2..=LARGEST_FACTOR {
        let Totals { attempts, keys, repeats } = totals;
        let places = [attempts, keys, repeats].map(|count| grew_by(before, now, count * factor, &[]));
        // One such number may be a chance; all three of one response are none.
        if let [Some(received), Some(unique), Some(duplicates)] = places {
            let note = format!(
                "{received}, {unique} and {duplicates} grew by {factor} times {attempts}, {keys} and {repeats}: the \
                 target may count each event {factor} times, so they are not used"
            );
            draft.note(TABLE, &note);
            return;
        }
    }
}

/// Writes the numbers of what waits.
fn say_waiting(now: &Sums, draft: &mut Draft) {
    let waiting = [
        ("pending", ["pending", "queue", "backlog"]),
        ("processing", ["processing", "in_flight", "inflight"]),
    ];
    for (name, hints) in waiting {
        let is_it = |(place, value): &(&String, &u64)| {
            **value == 0 && hints.iter().any(|hint| last_step(place).contains(hint))
        };
        if let Some((place, _)) = now.iter().find(is_it) {
            let evidence = "chosen by its name, and because it is 0 now that the counters are at rest";
            draft.set(TABLE, name, place, evidence);
        }
    }
}

/// Returns a pointer of one step as the name of a metric.
fn series(place: &str) -> String {
    place.trim_start_matches('/').replace("~1", "/").replace("~0", "~")
}

/// Writes the numbers that show a restart: a name of the process, and an uptime that was seen to grow.
async fn say_lifetime(asker: &Asker, before: &Before, body: &Value, draft: &mut Draft) {
    if let Some(place) = named(body, "instance", "") {
        let value = body.pointer(&place).map(Value::to_string).unwrap_or_default();
        draft.set(TABLE, "instance", &place, &format!("chosen by its name; its value was {value}"));
    }
    let Some(place) = named(body, "uptime", "") else { return };
    let at = |body: &Value| body.pointer(&place).and_then(scalar);
    let mut last = at(body);
    if at(&before.body) == last {
        tokio::time::sleep(TICK).await;
        last = read(asker, &before.url).await.and_then(|body| at(&body));
    }
    let was = at(&before.body).unwrap_or_default();
    match last.filter(|last| *last != was) {
        Some(last) => draft.set(TABLE, "uptime", &place, &format!("it was {was}, and later {last}")),
        None => {
            let note = format!("{place} is named uptime and was {was} each time: it is not used");
            draft.note(TABLE, &note);
        }
    }
}

/// Reads until the numbers fit, or nothing but times changes in a long pause.
async fn settled(asker: &Asker, url: &str, topic: &str, fit: impl Fn(&Sums) -> bool) -> Option<Value> {
    let timeless = |body: &Value| -> Sums {
        let mut sums = sums(body, topic);
        sums.retain(|place, _| !["uptime", "time", "_at", "second"].iter().any(|part| place.contains(part)));
        sums
    };
    let mut pace = Pace::begin();
    let mut last = read(asker, url).await?;
    while !fit(&sums(&last, topic)) && pace.next(asker).await {
        let Some(now) = read(asker, url).await else { break };
        let is_at_rest = pace.outlasted_a_pause() && timeless(&now) == timeless(&last);
        last = now;
        if is_at_rest {
            break;
        }
    }
    Some(last)
}

/// Returns the place of a number that grew by this. Names break ties, and a single number outranks
/// a sum.
fn grew_by(before: &Sums, now: &Sums, by: u64, hints: &[&str]) -> Option<String> {
    let was = |place: &String| before.get(place).copied().unwrap_or(0);
    let grown = now.iter().filter(|(place, value)| by > 0 && value.checked_sub(was(place)) == Some(by));
    best(grown.map(|(place, _)| place), hints)
}

/// Returns the place of a number that grew by the first of these, and then by the second.
fn grew_by_each(before: &Sums, now: &Sums, later: &Sums, by: [u64; 2], hints: &[&str]) -> Option<String> {
    let of = |sums: &Sums, place: &String| sums.get(place).copied().unwrap_or(0);
    let grows = |place: &&String| {
        let [was, is, then] = [before, now, later].map(|sums| of(sums, place));
        is.checked_sub(was) == Some(by[0]) && then.checked_sub(is) == Some(by[1])
    };
    best(later.keys().filter(grows), hints)
}

/// Returns the place whose name fits best.
fn best<'p>(places: impl Iterator<Item = &'p String>, hints: &[&str]) -> Option<String> {
    let hint =
        |place: &str| hints.iter().position(|hint| last_step(place).contains(hint)).unwrap_or(hints.len());
    let rank = |place: &&String| (hint(place), place.contains('*'), place.len());
    places.min_by_key(rank).cloned()
}

fn last_step(place: &str) -> String {
    place.rsplit('/').find(|step| *step != "*").unwrap_or_default().to_ascii_lowercase()
}

pub(super) fn sums(body: &Value, topic: &str) -> Sums {
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
    fn a_number_that_fits_once_by_chance_is_no_counter() {
        let [before, now, later] = [(0, 0, 9), (6, 6, 15), (10, 12, 15)]
            .map(|(a, b, c)| sums(&json!({"in": a, "jobs": b, "x": c}), "t"));
        assert_eq!(grew_by(&before, &now, 6, &["jobs"]).as_deref(), Some("/jobs"), "by its name");
        let place = grew_by_each(&before, &now, &later, [6, 4], &["jobs"]);
        assert_eq!(place.as_deref(), Some("/in"));
        assert_eq!(grew_by_each(&before, &now, &later, [6, 5], &[]), None);
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
    fn metrics_are_numbers_by_their_names_and_labels() {
        let text = "# TYPE events_total counter\nevents_total{result=\"new\"} 7\nload 0.5\n";
        let (body, is_prometheus) =
            counters_in(Response::of(200, Vec::new(), text.as_bytes(), None)).unwrap();
        assert!(is_prometheus);
        let now = sums(&body, "t");
        assert_eq!(now.len(), 1, "{now:?}");
        let place = grew_by(&Sums::new(), &now, 7, &[]).unwrap();
        assert_eq!(series(&place), "events_total{result=\"new\"}");
        assert!(counters_in(Response::of(200, Vec::new(), b"hello world", None)).is_none());
    }

    #[test]
    fn counters_that_move_by_a_multiple_are_told_with_their_factor() {
        let totals = Totals { attempts: 6, keys: 4, repeats: 2 };
        let now = sums(&json!({"in": 18, "kept": 12, "known": 6}), "t");
        let mut draft = Draft::default();
        say_multiples(&Sums::new(), &now, totals, &mut draft);
        assert!(draft.text().contains("by 3 times 6, 4 and 2"), "{}", draft.text());
        let mut draft = Draft::default();
        say_multiples(
            &Sums::new(),
            &sums(&json!({"in": 18, "kept": 4, "known": 2}), "t"),
            totals,
            &mut draft,
        );
        assert_eq!(draft.text(), "", "one number may be a chance");
    }

    #[test]
    fn a_member_is_found_by_its_name_at_any_depth() {
        let body = json!({"a": 1, "process": {"Uptime Seconds": "0:00:04"}});
        assert_eq!(named(&body, "uptime", "").as_deref(), Some("/process/Uptime Seconds"));
    }
}
