//! Requests and ids of the scenario: what the experiments showed, as keys.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::meet::Met;
use super::roles::Candidate;
use super::sketch::Texts;
use super::toml_text::key;

/// Table of the requests.
const TABLE: &str = "target.publish";

/// Note on a request of which no value may be another one.
const NO_PAYLOAD: &str = "not found: payload; what the event holds beside its id, topic and time stays as it was \
                          given. To have contents compared, write {{payload}}, or a value of [events.values], in \
                          place of a value that the target stores";

/// Events in a request of the scenario, if the probe sent no more.
pub(super) const BATCH: u64 = 10;

/// Properties of the probe's requests that requests of the scenario keep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Habit {
    /// True if a request holds as many events as one of the probe.
    pub(super) is_careful: bool,
    /// True if the listing was shown to need the fixed header fields of the request.
    pub(super) shares_headers: bool,
}

/// Writes how events are sent.
pub(super) fn say(met: &Met, topics: &[String], habit: Habit, draft: &mut Draft) {
    say_events(met, topics, draft);
    say_load(met, habit.is_careful, draft);
    let texts = met.sketch.texts(&met.roles.holes(&met.identity.ids));
    for (name, value) in &texts.common {
        let evidence = match value.contains("| base64}}") {
            true => "with every request; the variable holds name:password, which is encoded here",
            false => "as it was given, with every request",
        };
        draft.template("target", &format!("headers.{}", key(name)), value, evidence);
    }
    let shared = if habit.shares_headers { met.sketch.sharable() } else { BTreeMap::new() };
    for (name, value) in &shared {
        let evidence = "as it was given; the listing was refused without it, or without another of these";
        draft.template("target", &format!("headers.{}", key(name)), value, evidence);
    }
    if met.sketch.method != "POST" {
        draft.set(TABLE, "method", &met.sketch.method, "as it was given");
    }
    let evidence = format!("{} with one event answered {}", met.sketch.method, met.first.in_one_line());
    draft.template(TABLE, "path", &texts.path, &evidence);
    for (name, value) in texts.headers.iter().filter(|(name, _)| !shared.contains_key(*name)) {
        draft.template(TABLE, &format!("headers.{}", key(name)), value, "as it was given");
    }
    for note in &met.notes {
        draft.note(TABLE, note);
    }
    say_body(met, &texts, draft);
    if met.roles.payload.is_none() {
        draft.note(TABLE, NO_PAYLOAD);
    }
    if let Some(sight) = &met.sight {
        draft.note(TABLE, &format!("seen by this: {sight}"));
    }
}

fn say_body(met: &Met, texts: &Texts, draft: &mut Draft) {
    let identity = &met.identity.evidence;
    let is_guess = !met.identity.is_seen;
    match &met.sketch.separator {
        None => {
            let body = format!("{}{}{}", texts.before, texts.event, texts.after);
            draft.guess(is_guess);
            draft.template(TABLE, "body", &body, &format!("{{{{event_id}}}} is the id: {identity}"));
        }
        Some(separator) => {
            let body = format!("{}{{{{events}}}}{}", texts.before, texts.after);
            draft.template(TABLE, "body", &body, "{{events}} stands for the events");
            draft.guess(is_guess);
            draft.template(TABLE, "event", &texts.event, &format!("{{{{event_id}}}} is the id: {identity}"));
            draft.guess(false);
            if separator != "," {
                draft.set(TABLE, "separator", separator, "as it was given");
            }
        }
    }
    draft.guess(false);
}

/// Writes what events are made of.
fn say_events(met: &Met, topics: &[String], draft: &mut Draft) {
    let topic = match (topics, met.topic) {
        ([only], _) if only.is_empty() => "no value of the request looks like a topic".to_owned(),
        ([_], topic) => format!("{}{}", met.why_one, after(topic)),
        (_, topic) => format!("both were accepted{}", after(topic)),
    };
    draft.list("events", "topics", topics, &topic);
    let ids = met.identity.ids.iter().filter_map(|at| met.roles.ids.get(*at));
    let form = ids.map(|candidate: &Candidate| candidate.form.as_str()).next().unwrap_or("uuid");
    if form != "uuid" {
        draft.set("events", "id", form, "the form of the id that was given");
    }
    if let Some(leaf) = met.roles.source {
        draft.set("events", "source", &met.sketch.leaves[leaf].value, "as it was given");
    }
    draft.set("events", "epoch", "now", "events are as old as the run: some targets refuse older ones");
}

fn after(sentence: Option<&str>) -> String {
    sentence.map(|sentence| format!("; {sentence}")).unwrap_or_default()
}

fn say_load(met: &Met, is_careful: bool, draft: &mut Draft) {
    if !met.sketch.is_batch() {
        draft.number("load", "batch", 1, "a request holds one event");
        draft.number("mix", "in_batch", 0, "a request holds one event");
    } else if is_careful {
        draft.number(
            "load",
            "batch",
            BATCH,
            "as many events as the probe sent in a request; more were not tried",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::super::findings::Identity;
    use super::super::given::{Given, mark};
    use super::super::response::Response;
    use super::super::roles::Roles;
    use super::super::sketch::Sketch;
    use super::*;

    const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    fn met(given: &Given, is_seen: bool) -> Met {
        let sketch = Sketch::of(given);
        let roles = Roles::of(&sketch);
        let evidence = "an event with a fresh id alone was new".to_owned();
        Met {
            identity: Identity { ids: vec![0], evidence, is_seen },
            sight: Some("status is \"201\" for a new event and \"200\" for the same again".to_owned()),
            topic: Some("the same id under another topic was a repeat"),
            topics: Vec::new(),
            first: Response::of(201, Vec::new(), b"{\"ok\":true}", None),
            notes: Vec::new(),
            why_one: "another topic was refused",
            sketch,
            roles,
        }
    }

    fn written(given: &Given, topics: &[&str], is_seen: bool) -> String {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let mut draft = Draft::default();
        let habit = Habit { is_careful: true, shares_headers: false };
        say(&met(given, is_seen), &topics, habit, &mut draft);
        draft.text()
    }

    #[test]
    fn a_batch_is_written_with_its_secret_by_name_and_its_event_with_holes() {
        let fields =
            [("Authorization", format!("Bearer {}", mark("TOKEN"))), ("X-Tenant", "acme".to_owned())];
        let body = format!(
            r#"{{"batch":[{{"type":"a","messageId":"evt_{UUID}","ts":1735689600,"properties":{{"x":1}}}}],"sent":1735689600250}}"#
        );
        let given = Given {
            method: "PUT".to_owned(),
            url: "http://h/v1/batch?env=a".to_owned(),
            headers: fields.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            body,
            notes: Vec::new(),
        };
        let expected = r#"
[load]
# as many events as the probe sent in a request; more were not tried
batch = 10

[events]
# both were accepted; the same id under another topic was a repeat
topics = ["a", "b"]
# the form of the id that was given
id = "evt_{{uuid}}"
# events are as old as the run: some targets refuse older ones
epoch = "now"

[target]
# as it was given, with every request
headers.authorization = "Bearer {{env:TOKEN}}"
# as it was given, with every request
headers.x-tenant = "acme"

[target.publish]
# as it was given
method = "PUT"
# PUT with one event answered 201 {"ok":true}
path = "/v1/batch?env=a"
# {{events}} stands for the events
body = '{"batch":[{{events}}],"sent":{{now.epoch_ms}}}'
# {{event_id}} is the id: an event with a fresh id alone was new
event = '{"type":"{{topic}}","messageId":"{{event_id}}","ts":{{timestamp.epoch_s}},"properties":{{payload}}}'
# seen by this: status is "201" for a new event and "200" for the same again
"#;
        assert_eq!(written(&given, &["a", "b"], true), expected);
    }

    #[test]
    fn a_single_event_without_a_topic_is_written_and_a_guess_is_marked() {
        let given = Given {
            method: "POST".to_owned(),
            url: format!("http://h/hooks/{UUID}"),
            headers: vec![("content-type".to_owned(), "application/x-www-form-urlencoded".to_owned())],
            body: "amount=5&description=a%20b".to_owned(),
            notes: Vec::new(),
        };
        let expected = r#"
[load]
# a request holds one event
batch = 1

[events]
# no value of the request looks like a topic
topics = [""]
# events are as old as the run: some targets refuse older ones
epoch = "now"

[mix]
# a request holds one event
in_batch = 0

[target.publish]
# POST with one event answered 201 {"ok":true}
path = "/hooks/{{event_id}}"
# as it was given
headers.content-type = "application/x-www-form-urlencoded"
# a guess, which nothing showed: {{event_id}} is the id: an event with a fresh id alone was new
body = "amount=5&description={{payload}}"
# seen by this: status is "201" for a new event and "200" for the same again
"#;
        assert_eq!(written(&given, &[""], false), expected);
    }
}
