//! Roles of the values of a request: which may be the id, the topic, the time and the payload of its
//! event, and the texts that stand for them.

use std::collections::{BTreeMap, BTreeSet};

use truth::target::template::TimeForm;

use super::class::Class;
use super::json::Kind;
use super::names::{holds_topics, id_score, payload_score, plain, topic_score};
use super::sketch::{Choice, Leaf, Part, Sketch};

/// Weight of a name from which on a value may be the id.
const CANDIDATE: u32 = 40;

/// Most values that are tried as the id.
const MOST: usize = 4;

/// Most values that are tried as the topic, beside the best one.
const MOST_TOPICS: usize = 2;

/// Most characters of a topic.
const LONGEST_TOPIC: usize = 100;

/// Payload of the experiments. Numbers and names are written so that a store that parses numbers, or
/// sorts names, shows it.
pub(super) const PAYLOAD: &str = r#"{"z":1.50,"n":1,"a":"probe"}"#;

/// Another payload.
pub(super) const OTHER_PAYLOAD: &str = r#"{"z":2.50,"n":2,"a":"other"}"#;

/// Values that may have a role, found by names and looks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Roles {
    /// Candidates for the id, the best first.
    pub(super) ids: Vec<Candidate>,
    /// Values that are the topic.
    pub(super) topic: Vec<usize>,
    /// Other values that may be the topic, the best first.
    pub(super) other_topics: Vec<Vec<usize>>,
    /// Times of the event.
    pub(super) times: Vec<(usize, TimeForm)>,
    /// Payload.
    pub(super) payload: Option<usize>,
    /// Source, which stays as it was given.
    pub(super) source: Option<usize>,
    /// Times of the request.
    now: Vec<(usize, TimeForm)>,
    /// Ids of the request.
    batch_ids: Vec<usize>,
    /// Places of the event in its request, counted from this number.
    places: Vec<(usize, u32)>,
    /// Texts in JSON that a text holds, which have escapes of their own.
    nested: BTreeSet<usize>,
}

/// Candidate for the id: values that were given as the same text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    /// Numbers of the values.
    pub(super) leaves: Vec<usize>,
    /// Place for people.
    pub(super) place: String,
    /// Form of the ids, as `events.id` names it.
    pub(super) form: String,
    before: String,
    class: Class,
}

/// Values of one event of an experiment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Values {
    /// Value of each candidate for the id.
    pub(super) ids: Vec<String>,
    /// Time, in milliseconds since 1970; none for the times that were given.
    pub(super) time_ms: Option<i64>,
    /// Topic; none for the one that was given.
    pub(super) topic: Option<String>,
    /// True to take the payload of the probe, and not the one that was given.
    pub(super) has_payload: bool,
    /// Id of the request.
    pub(super) batch_id: String,
}

impl Roles {
    /// Guesses the roles of a request's values.
    pub(super) fn of(sketch: &Sketch) -> Self {
        let mut roles = Self::default();
        let is_batch = sketch.is_batch();
        let leaves: Vec<(usize, &Leaf)> = sketch.leaves.iter().enumerate().collect();
        let is_of_event = |leaf: &Leaf| leaf.part == Part::Event || (!is_batch && leaf.part == Part::Head);
        for (at, leaf) in &leaves {
            if leaf.kind == Kind::Text && leaf.is_nested {
                roles.nested.insert(*at);
            }
            match leaf.class {
                _ if leaf.kind == Kind::Place => {
                    roles.places.push((*at, leaf.value.parse().unwrap_or_default()));
                }
                // The version of an interface may be written as a date.
                Class::Time(_) if plain(&leaf.name).ends_with("version") => {}
                Class::Time(form) if is_of_event(leaf) => roles.times.push((*at, form)),
                Class::Time(form) => roles.now.push((*at, form)),
                class
                    if !is_of_event(leaf) && class.is_unique() && id_score(&leaf.name, class) > CANDIDATE =>
                {
                    roles.batch_ids.push(*at);
                }
                _ => {}
            }
        }
        let own: Vec<(usize, &Leaf)> = leaves.iter().filter(|(_, leaf)| is_of_event(leaf)).copied().collect();
        roles.ids = candidates(&own);
        roles.take_places(&own, is_batch);
        let mut topics = topics(&leaves, &roles, sketch.topic, is_batch).into_iter();
        roles.topic = topics.next().unwrap_or_default();
        roles.other_topics = topics.take(MOST_TOPICS).collect();
        roles.payload = payload(&own, &roles);
        let is_source = |(at, leaf): &&(usize, &Leaf)| {
            let is_free = !roles.is_id(*at) && !roles.topic.contains(at) && leaf.class == Class::Text;
            is_free && leaf.part == Part::Event && plain(&leaf.name) == "source" && leaf.kind == Kind::Text
        };
        let source = own.iter().find(is_source).map(|(at, _)| *at);
        roles.source = source;
        roles
    }

    /// Takes a candidate such as `"Id": "0"` for the place of the event, if there is another one.
    fn take_places(&mut self, own: &[(usize, &Leaf)], is_batch: bool) {
        let value = |candidate: &Candidate| {
            own.iter().find(|(at, _)| *at == candidate.leaves[0]).map(|(_, leaf)| leaf.value.as_str())
        };
        let is_place = |candidate: &Candidate| matches!(value(candidate), Some("0" | "1"));
        if !is_batch || self.ids.iter().all(is_place) {
            return;
        }
        for candidate in self.ids.iter().filter(|candidate| is_place(candidate)) {
            let first = u32::from(value(candidate) == Some("1"));
            self.places.extend(candidate.leaves.iter().map(|leaf| (*leaf, first)));
        }
        let places: Vec<usize> = self.places.iter().map(|(leaf, _)| *leaf).collect();
        self.ids.retain(|candidate| !places.contains(&candidate.leaves[0]));
    }

    /// Returns the same roles without times, which stay as they were given.
    pub(super) fn untimed(&self) -> Self {
        Self { times: Vec::new(), now: Vec::new(), ..self.clone() }
    }

    /// Returns the hole of a value of any text. In JSON that a text holds, it is escaped once more.
    fn hole(&self, name: &str, leaf: usize) -> String {
        let filter = if self.nested.contains(&leaf) { " | json" } else { "" };
        format!("{{{{{name}{filter}}}}}")
    }

    /// Takes the next best values for the topic. Returns false if there are none.
    pub(super) fn take_next_topic(&mut self) -> bool {
        if self.other_topics.is_empty() {
            return false;
        }
        self.topic = self.other_topics.remove(0);
        self.payload = self.payload.filter(|leaf| !self.topic.contains(leaf));
        true
    }

    /// Takes the values for the topic that a stored event is shown to have.
    pub(super) fn take_shown_topic(&mut self, sketch: &Sketch, shown: &str) {
        let is_shown = |(at, leaf): &(usize, &Leaf)| {
            leaf.value == shown
                && (leaf.class, leaf.kind) == (Class::Text, Kind::Text)
                && leaf.part != Part::Frame
                && !self.is_id(*at)
        };
        let leaves: Vec<usize> =
            sketch.leaves.iter().enumerate().filter(is_shown).map(|(at, _)| at).collect();
        if leaves.is_empty() || leaves == self.topic {
            return;
        }
        self.other_topics.clear();
        self.payload = self.payload.filter(|leaf| !leaves.contains(leaf));
        self.topic = leaves;
    }

    fn is_id(&self, leaf: usize) -> bool {
        self.ids.iter().any(|candidate| candidate.leaves.contains(&leaf))
    }

    /// Returns the values of a fresh event at this time.
    pub(super) fn fresh(&self, time_ms: i64) -> Values {
        Values {
            ids: self.ids.iter().map(Candidate::fresh).collect(),
            time_ms: Some(time_ms),
            topic: None,
            has_payload: false,
            batch_id: Class::Uuid.fresh(0),
        }
    }

    /// Returns the texts that take the place of the values for one event of an experiment, which
    /// stands at this place of its request.
    pub(super) fn choice(&self, values: &Values, place: u32) -> Choice {
        let mut choice = Choice::new();
        for (candidate, id) in self.ids.iter().zip(&values.ids) {
            choice.extend(candidate.leaves.iter().map(|leaf| (*leaf, id.clone())));
        }
        for (leaf, form) in self.times.iter().chain(&self.now) {
            if let Some(ms) = values.time_ms {
                let mut text = Vec::new();
                form.write(ms, &mut text);
                choice.insert(*leaf, String::from_utf8_lossy(&text).into_owned());
            }
        }
        if values.topic.is_some() {
            choice.extend(self.topic.iter().map(|leaf| (*leaf, self.hole("topic", *leaf))));
        }
        if let Some(leaf) = self.payload.filter(|_| values.has_payload) {
            choice.insert(leaf, self.hole("payload", leaf));
        }
        choice.extend(self.batch_ids.iter().map(|leaf| (*leaf, values.batch_id.clone())));
        choice.extend(self.places.iter().map(|(leaf, first)| (*leaf, (place + first).to_string())));
        choice
    }

    /// Returns the holes that take the place of the values in a scenario, with these candidates as
    /// the id.
    pub(super) fn holes(&self, ids: &[usize]) -> Choice {
        let hole = |name: &str| format!("{{{{{name}}}}}");
        let timed = |word: &str, form: TimeForm| {
            let suffix = match form {
                TimeForm::Rfc3339 => "",
                TimeForm::EpochS => ".epoch_s",
                TimeForm::EpochMs => ".epoch_ms",
                TimeForm::EpochUs => ".epoch_us",
                TimeForm::EpochNs => ".epoch_ns",
                TimeForm::Date => ".date",
            };
            hole(&format!("{word}{suffix}"))
        };
        let mut choice = Choice::new();
        choice.extend(self.times.iter().map(|(leaf, form)| (*leaf, timed("timestamp", *form))));
        choice.extend(self.now.iter().map(|(leaf, form)| (*leaf, timed("now", *form))));
        choice.extend(self.topic.iter().map(|leaf| (*leaf, self.hole("topic", *leaf))));
        choice.extend(self.source.iter().map(|leaf| (*leaf, self.hole("source", *leaf))));
        choice.extend(self.payload.iter().map(|leaf| (*leaf, self.hole("payload", *leaf))));
        choice.extend(self.batch_ids.iter().map(|leaf| (*leaf, hole("batch_id"))));
        choice.extend(
            self.places
                .iter()
                .map(|(leaf, first)| (*leaf, hole(if *first == 0 { "place" } else { "place1" }))),
        );
        for candidate in ids.iter().filter_map(|at| self.ids.get(*at)) {
            choice.extend(candidate.leaves.iter().map(|leaf| (*leaf, hole("event_id"))));
        }
        choice
    }
}

impl Candidate {
    /// Returns a fresh id.
    fn fresh(&self) -> String {
        format!("{}{}", self.before, self.class.fresh(0))
    }
}

/// Returns the candidates for the id, the best first. Values that were given as the same text are one.
fn candidates(own: &[(usize, &Leaf)]) -> Vec<Candidate> {
    let mut by_value = BTreeMap::<&str, Vec<(usize, &Leaf)>>::new();
    for (at, leaf) in own {
        if leaf.kind != Kind::Object && id_score(&leaf.name, leaf.class) >= CANDIDATE {
            by_value.entry(leaf.value.as_str()).or_default().push((*at, leaf));
        }
    }
    let score =
        |group: &Vec<(usize, &Leaf)>| group.iter().map(|(_, leaf)| id_score(&leaf.name, leaf.class)).max();
    let mut groups: Vec<Vec<(usize, &Leaf)>> = by_value.into_values().collect();
    groups.sort_by_key(|group| (std::cmp::Reverse(score(group)), group[0].0));
    groups.truncate(MOST);
    groups.iter().map(|group| candidate(group)).collect()
}

fn candidate(group: &[(usize, &Leaf)]) -> Candidate {
    let best =
        group.iter().max_by_key(|(at, leaf)| (id_score(&leaf.name, leaf.class), std::cmp::Reverse(*at)));
    let (_, leaf) = best.unwrap_or(&group[0]);
    let (before, class) = core(&leaf.value, leaf.class);
    let word = match class {
        Class::Uuid7 => "uuid7",
        Class::Hex(_) => "hex",
        Class::Ulid => "ulid",
        Class::Integer(_) => "integer",
        Class::Uuid | Class::Text | Class::Time(_) => "uuid",
    };
    Candidate {
        leaves: group.iter().map(|(at, _)| *at).collect(),
        place: leaf.place.clone(),
        form: if before.is_empty() { word.to_owned() } else { format!("{before}{{{{{word}}}}}") },
        before,
        class,
    }
}

/// Splits `evt_4711` into the text before the id proper, and the class of that.
fn core(value: &str, class: Class) -> (String, Class) {
    let whole = (String::new(), class);
    if class != Class::Text {
        return whole;
    }
    let is_usable =
        |before: &str| before.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\{}".contains(&byte));
    let ends = value.match_indices(['_', '-', ':', '.', '/']).map(|(at, _)| at + 1);
    for (before, rest) in ends.filter_map(|end| value.split_at_checked(end)) {
        let class = Class::of(rest);
        let is_core = class.is_unique() || matches!(class, Class::Integer(_));
        if is_core && before.len() <= 32 && is_usable(before) {
            return (before.to_owned(), class);
        }
    }
    whole
}

/// Returns the values that may be the topic, the best first. Values that were given as the same text
/// are one. `shown` is a value that a listing shows to be the topic.
fn topics(all: &[(usize, &Leaf)], roles: &Roles, shown: Option<usize>, is_batch: bool) -> Vec<Vec<usize>> {
    let score = |leaf: &Leaf| match leaf.place.starts_with("path ") {
        true => usize::from(holds_topics(&leaf.name)),
        false => topic_score(&leaf.name),
    };
    let is_text = |(at, leaf): &&(usize, &Leaf)| {
        let is_named = score(leaf) > 0 || shown == Some(*at);
        leaf.class == Class::Text
            && leaf.kind == Kind::Text
            && !roles.is_id(*at)
            && leaf.part != Part::Frame
            && !leaf.value.is_empty()
            && leaf.value.len() <= LONGEST_TOPIC
            && is_named
    };
    // Outside the event, a batch has one topic alone.
    let rank = |(at, leaf): &&(usize, &Leaf)| {
        let is_inside = leaf.part == Part::Event || !is_batch;
        (shown == Some(*at), is_inside, score(leaf), std::cmp::Reverse(*at))
    };
    let mut ranked: Vec<&(usize, &Leaf)> = all.iter().filter(is_text).collect();
    ranked.sort_by_key(|one| std::cmp::Reverse(rank(one)));
    let mut values: Vec<&str> = Vec::new();
    for (_, leaf) in &ranked {
        if !values.contains(&leaf.value.as_str()) {
            values.push(&leaf.value);
        }
    }
    let of = |value: &str| -> Vec<usize> {
        let is_same = |(_, leaf): &&(usize, &Leaf)| leaf.value == value;
        all.iter().filter(is_text).filter(is_same).map(|(at, _)| *at).collect()
    };
    values.into_iter().map(of).collect()
}

/// Returns the value that may be the payload: an object, a text whose name is that of a payload, or
/// else the longest text of several words.
fn payload(own: &[(usize, &Leaf)], roles: &Roles) -> Option<usize> {
    let is_free = |(at, leaf): &&(usize, &Leaf)| {
        let is_taken = roles.is_id(*at) || roles.topic.contains(at) || leaf.part != Part::Event;
        !is_taken && leaf.class == Class::Text && leaf.kind != Kind::Scalar && plain(&leaf.name) != "source"
    };
    let rank = |(_, leaf): &&(usize, &Leaf)| (leaf.kind == Kind::Object, payload_score(&leaf.name));
    let is_named = |(_, leaf): &&(usize, &Leaf)| leaf.kind == Kind::Object || payload_score(&leaf.name) > 0;
    let is_prose = |(_, leaf): &&(usize, &Leaf)| leaf.value.trim().contains(' ');
    let named = own.iter().filter(is_free).filter(is_named).max_by_key(rank);
    let longest = || own.iter().filter(is_free).filter(is_prose).max_by_key(|(_, leaf)| leaf.value.len());
    named.or_else(longest).map(|(at, _)| *at)
}

#[cfg(test)]
mod tests {
    use super::super::given::Given;
    use super::*;

    const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    fn sketch(kind: &str, body: &str) -> Sketch {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        let url = "http://h/v1".to_owned();
        Sketch::of(&Given {
            method: "POST".to_owned(),
            url,
            headers,
            body: body.to_owned(),
            notes: Vec::new(),
        })
    }

    fn event(sketch: &Sketch, roles: &Roles) -> String {
        sketch.texts(&roles.holes(&[0])).event
    }

    #[test]
    fn roles_are_guessed_by_names_and_looks() {
        for (body, expected) in [
            (
                format!(
                    r#"[{{"topic":"a","event_id":"{UUID}","timestamp":"2025-01-01T00:00:00Z","payload":{{"a":1}}}}]"#
                ),
                r#"{"topic":"{{topic}}","event_id":"{{event_id}}","timestamp":"{{timestamp}}","payload":{{payload}}}"#,
            ),
            (
                format!(
                    "{{\"batch\":[{{\"type\":\"track\",\"messageId\":\"{UUID}\",\"userId\":\"u1\",\"properties\":{{}}}}],\
                     \"sentAt\":1735689600250}}"
                ),
                r#"{"type":"{{topic}}","messageId":"{{event_id}}","userId":"u1","properties":{{payload}}}"#,
            ),
            (
                r#"{"Entries":[{"Id":"0","MessageDeduplicationId":"d-1","MessageBody":"x"}]}"#.to_owned(),
                r#"{"Id":"{{place}}","MessageDeduplicationId":"{{event_id}}","MessageBody":"{{payload}}"}"#,
            ),
        ] {
            let sketch = sketch("application/json", &body);
            assert_eq!(event(&sketch, &Roles::of(&sketch)), expected);
        }
        let bulk = format!(
            "{{\"create\":{{\"_index\":\"o\",\"_id\":\"{UUID}\"}}}}\n{{\"id\":\"{UUID}\",\"ts\":1735689600}}\n"
        );
        let bulk = sketch("application/x-ndjson", &bulk);
        let roles = Roles::of(&bulk);
        assert_eq!(roles.ids.len(), 1, "two places of one value are one candidate");
        let expected = "{\"create\":{\"_index\":\"{{topic}}\",\"_id\":\"{{event_id}}\"}}\n\
                        {\"id\":\"{{event_id}}\",\"ts\":{{timestamp.epoch_s}}}";
        assert_eq!(event(&bulk, &roles), expected);
    }

    #[test]
    fn values_in_a_text_that_holds_json_have_holes_of_their_own() {
        let line = format!(r#"{{"topic":"a","id":"{UUID}","data":"x"}}"#);
        let body = serde_json::json!({"Entries": [{"Id": "0", "MessageDeduplicationId": UUID, "MessageBody": line}]});
        let json = sketch("application/json", &body.to_string());
        let expected = r#"{"Id":"{{place}}","MessageBody":"{\"topic\":\"{{topic | json}}\",\"id\":\"{{event_id}}\",\"data\":\"{{payload | json}}\"}","MessageDeduplicationId":"{{event_id}}"}"#;
        assert_eq!(event(&json, &Roles::of(&json)), expected);
        let form = format!(
            "Action=Send&Version=2012-11-05&E.1.Id=0&E.1.MessageDeduplicationId={UUID}&E.2.Id=1&E.2.MessageDeduplicationId=x"
        );
        let form = sketch("application/x-www-form-urlencoded", &form);
        let expected = "E.{{place1}}.Id={{place}}&E.{{place1}}.MessageDeduplicationId={{event_id}}";
        assert_eq!(event(&form, &Roles::of(&form)), expected);
        let before = form.texts(&Roles::of(&form).holes(&[0])).before;
        assert_eq!(before, "Action=Send&Version=2012-11-05&", "a version is no time");
        assert_eq!(form.separator.as_deref(), Some("&"));
    }

    #[test]
    fn other_values_may_be_the_topic() {
        let body = format!(
            r#"{{"batch":[{{"type":"track","event":"Paid","messageId":"{UUID}","properties":{{}}}}]}}"#
        );
        let sketch = sketch("application/json", &body);
        let mut roles = Roles::of(&sketch);
        let named = |roles: &Roles| sketch.leaves[roles.topic[0]].value.clone();
        assert_eq!(named(&roles), "track");
        assert!(roles.take_next_topic() && named(&roles) == "Paid" && !roles.take_next_topic());
        assert!(roles.payload.is_some());
        roles.take_shown_topic(&sketch, "track");
        assert_eq!(named(&roles), "track", "what the store shows outranks names");
        roles.take_shown_topic(&sketch, "of nobody");
        assert_eq!(named(&roles), "track");
    }

    #[test]
    fn an_id_keeps_its_text_around() {
        let made = sketch("application/json", r#"{"id":"evt_4711","n":5}"#);
        let roles = Roles::of(&made);
        assert_eq!(roles.ids[0].form, "evt_{{integer}}");
        let values = roles.fresh(0);
        assert!(values.ids[0].starts_with("evt_") && values.ids[0] != "evt_4711", "{values:?}");
        let event = made.texts(&roles.choice(&values, 0)).event;
        assert_eq!(event, format!(r#"{{"id":"{}","n":5}}"#, values.ids[0]));
    }

    #[test]
    fn candidates_are_tried_in_the_order_of_their_names() {
        let made = sketch(
            "application/json",
            &format!(r#"{{"orderId":"7001","userId":"{UUID}","idempotency_key":"k"}}"#),
        );
        let places: Vec<String> = Roles::of(&made).ids.into_iter().map(|candidate| candidate.place).collect();
        assert_eq!(places, ["body /idempotency_key", "body /orderId", "body /userId"]);
    }
}
