//! Requests and ids of the scenario: what the experiments showed, as keys.

use super::draft::Draft;
use super::meet::Met;
use super::roles::Candidate;
use super::sketch::Texts;
use super::toml_text::key;

/// Table of the requests.
const TABLE: &str = "target.publish";

/// Events in a request of the scenario, if the probe sent no more.
pub(super) const BATCH: u64 = 10;

/// Writes how events are sent.
pub(super) fn say(met: &Met, topics: &[String], is_careful: bool, draft: &mut Draft) {
    say_events(met, topics, draft);
    say_load(met, is_careful, draft);
    let texts = met.sketch.texts(&met.roles.holes(&met.identity.ids));
    for (name, value) in &texts.common {
        draft.template(
            "target",
            &format!("headers.{}", key(name)),
            value,
            "as it was given, with every request",
        );
    }
    if met.sketch.method != "POST" {
        draft.set(TABLE, "method", &met.sketch.method, "as it was given");
    }
    let evidence = format!("{} with one event answered {}", met.sketch.method, met.first.in_one_line());
    draft.template(TABLE, "path", &texts.path, &evidence);
    for (name, value) in &texts.headers {
        draft.template(TABLE, &format!("headers.{}", key(name)), value, "as it was given");
    }
    for note in &met.notes {
        draft.note(TABLE, note);
    }
    draft.guess(!met.identity.is_seen);
    say_body(met, &texts, draft);
    draft.guess(false);
    if let Some(sight) = &met.sight {
        draft.note(TABLE, &format!("seen by this: {sight}"));
    }
}

fn say_body(met: &Met, texts: &Texts, draft: &mut Draft) {
    let identity = &met.identity.evidence;
    match &met.sketch.separator {
        None => {
            let body = format!("{}{}{}", texts.before, texts.event, texts.after);
            draft.template(TABLE, "body", &body, &format!("a request holds one event; {identity}"));
        }
        Some(separator) => {
            let body = format!("{}{{{{events}}}}{}", texts.before, texts.after);
            draft.template(TABLE, "body", &body, "{{events}} stands for the events");
            draft.template(TABLE, "event", &texts.event, identity);
            if separator != "," {
                draft.set(TABLE, "separator", separator, "as it was given");
            }
        }
    }
}

/// Writes what events are made of.
fn say_events(met: &Met, topics: &[String], draft: &mut Draft) {
    let topic = match (topics, met.topic) {
        ([only], _) if only.is_empty() => "no value of the request looks like a topic".to_owned(),
        ([_], topic) => format!("another topic was refused, or would not be told apart{}", after(topic)),
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
