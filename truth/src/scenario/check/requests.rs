//! Rules of requests as text: each hole stands where it has a value, and what is written is what its
//! content type says.

use super::super::place::TextFault;
use super::super::{Scenario, ScenarioError};
use crate::plan::template as payload;
use crate::target::template::{Filter, Fit, Hole, HoleName};
use crate::target::{Flawed, RequestText, Target, Template};

/// Part of a request that a template is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Path,
    Header,
    /// Header of every request, also of those that read the target.
    CommonHeader,
    Body,
    Event,
    /// Invalid event.
    Invalid,
    /// Secret of a signature.
    Secret,
    /// Text that is signed.
    Signed,
}

/// Checks the requests with events.
pub(super) fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let target = &scenario.target;
    let method = &target.publish.method;
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method == "CONNECT" {
        return Err(ScenarioError::Setting(format!(
            "target.publish.method = \"{method}\": it must be a method in capitals, such as POST or PUT"
        )));
    }
    for (key, template) in target.publish_templates() {
        let part = part(&key);
        for hole in template.holes() {
            if let Some(reason) = hole_fault(scenario, part, hole) {
                return Err(TextFault::new(&key, template, hole.span.start, reason).into());
            }
        }
        if matches!(part, Part::Header | Part::CommonHeader)
            && let Some((at, _)) = template.literals().find(|(_, text)| text.iter().any(u8::is_ascii_control))
        {
            let reason = "a header value cannot hold a control character".to_owned();
            return Err(TextFault::new(&key, template, at, reason).into());
        }
    }
    check_before(target)?;
    if let Some(text) = &target.publish.text {
        check_text(scenario, text)?;
    }
    check_flaws(scenario)?;
    if scenario.request.is_none() && !names_ids(scenario) {
        let key = "target.publish.body";
        let body = target.publish.text.as_ref().map_or(&target.publish.path, |text| &text.body);
        let reason = "no hole of the request is {{event_id}}: without it, nobody can tell the events apart";
        return Err(TextFault::new(key, body, 0, reason.to_owned()).into());
    }
    Ok(())
}

/// Checks the requests before the run.
fn check_before(target: &Target) -> Result<(), ScenarioError> {
    for (nth, prelude) in target.before.iter().enumerate() {
        if let Some(fault) = prelude.fault() {
            return Err(ScenarioError::Setting(format!("target.before.{nth}.{fault}")));
        }
        let of_this = format!("target.before.{nth}.");
        let templates = target.before_templates();
        for (key, template) in templates.iter().filter(|(key, _)| key.starts_with(&of_this)) {
            for hole in template.holes() {
                if let Some(reason) = target.before_fault(nth, hole) {
                    return Err(TextFault::new(key, template, hole.span.start, reason).into());
                }
            }
        }
    }
    Ok(())
}

fn part(key: &str) -> Part {
    match key {
        "target.publish.path" => Part::Path,
        "target.publish.body" => Part::Body,
        "target.publish.event" => Part::Event,
        "target.publish.sign.secret" => Part::Secret,
        "target.publish.sign.over" => Part::Signed,
        _ if key.starts_with("target.publish.invalid.") => Part::Invalid,
        _ if key.starts_with("target.headers.") => Part::CommonHeader,
        _ => Part::Header,
    }
}

/// Returns why a hole cannot stand where it does; none if it can.
fn hole_fault(scenario: &Scenario, part: Part, hole: &Hole) -> Option<String> {
    let name = &hole.name;
    let is_single = scenario.load.batch == 1 && scenario.request.is_none();
    let has_one_topic = scenario.events.topics.len() == 1;
    match name {
        HoleName::Env(_) | HoleName::Open => None,
        _ if scenario.request.is_some() => Some(format!(
            "{{{{{name}}}}} has no value: [request] sends one request without events, and only {{{{env:NAME}}}} has"
        )),
        HoleName::Kept(kept) if part != Part::Secret => {
            (!scenario.target.keeps(kept)).then(|| scenario.target.not_kept(kept))
        }
        _ if part == Part::Secret => {
            Some(format!("{{{{{name}}}}} has no value in a secret, which {{{{env:NAME}}}} holds"))
        }
        _ if part == Part::CommonHeader => Some(format!(
            "{{{{{name}}}}} has no value in requests that read the target; write the header under \
             [target.publish]"
        )),
        HoleName::Body if part == Part::Signed => None,
        HoleName::Value(word) if !scenario.events.values.has(word) => Some(unknown(scenario, word)),
        HoleName::Count | HoleName::BatchId | HoleName::Now(_) | HoleName::Traceparent => None,
        HoleName::Signature if part != Part::Header => {
            Some("{{signature}} stands in header fields only, because it is made of the body".to_owned())
        }
        HoleName::Signature if scenario.target.publish.sign.is_none() => {
            Some("{{signature}} needs target.publish.sign, which says how it is made".to_owned())
        }
        HoleName::Signature => None,
        HoleName::Events if part != Part::Body => {
            Some("{{events}} stands in target.publish.body only".to_owned())
        }
        HoleName::Events
            if scenario.target.publish.text.as_ref().is_some_and(|text| text.event.is_none()) =>
        {
            Some("{{events}} needs target.publish.event, the text of one event".to_owned())
        }
        HoleName::Events => None,
        name if part == Part::Invalid && name.is_of_event() => {
            Some(format!("{{{{{name}}}}} has no value in an invalid event, which is none of the run's"))
        }
        name if name.is_of_event() => {
            let stands = part == Part::Event || is_single || (has_one_topic && *name == HoleName::Topic);
            (!stands).then(|| one_event_each(name)).or_else(|| header_fault(scenario, part, hole))
        }
        _ => Some(format!("{{{{{name}}}}} has no value in requests with events")),
    }
}

fn one_event_each(name: &HoleName) -> String {
    let or_one_topic = if *name == HoleName::Topic { ", or one topic" } else { "" };
    format!(
        "{{{{{name}}}}} is of a single event: outside target.publish.event it needs batch = 1 (--batch 1){or_one_topic}"
    )
}

fn unknown(scenario: &Scenario, word: &str) -> String {
    let values = scenario.events.values.names();
    let own =
        if values.is_empty() { String::new() } else { format!(", and the values {}", values.join(", ")) };
    format!(
        "unknown hole {{{{{word}}}}}. An event has topic, event_id, source, n, data, payload, timestamp, place and \
         place1. A request has events, count, batch_id, now, traceparent and signature. Both have env:NAME{own}"
    )
}

/// Returns why a header field cannot hold a value of the run; none if it can.
fn header_fault(scenario: &Scenario, part: Part, hole: &Hole) -> Option<String> {
    let is_encoded = hole.filters.iter().any(|filter| matches!(filter, Filter::Url | Filter::Base64));
    if part != Part::Header || is_encoded {
        return None;
    }
    let name = &hole.name;
    let traps = &scenario.traps;
    let is_odd = |text: &String| text.chars().any(char::is_control) || text.trim() != text;
    match name {
        HoleName::EventId if traps.trailing_space > 0 || traps.normalisation > 0 => Some(
            "{{event_id}} in a header field cannot show the traps trailing_space and normalisation: leave them out, \
             or write {{event_id | url}}"
                .to_owned(),
        ),
        HoleName::Topic => scenario.events.topics.iter().find(|topic| is_odd(topic)).map(|topic| {
            format!(
                "topic {topic:?} cannot stand in a header field, which drops spaces at its ends and has no control \
                 characters: write {{{{topic | url}}}}"
            )
        }),
        HoleName::Source if is_odd(&scenario.events.source) => {
            Some(format!("source {:?} cannot stand in a header field: write {{{{source | url}}}}", scenario.events.source))
        }
        HoleName::Payload if scenario.events.payload.template.as_ref().is_some_and(is_odd) => Some(
            "{{payload}} in a header field needs a payload template of one line: write {{payload | base64}}, or join \
             its lines"
                .to_owned(),
        ),
        HoleName::Value(word) => scenario.events.values.texts(word).into_iter().find(is_odd).map(|value| {
            format!("the value {value:?} cannot stand in a header field: write {{{{{word} | url}}}}")
        }),
        _ => None,
    }
}

/// Checks the flaws of requests with an invalid event.
fn check_flaws(scenario: &Scenario) -> Result<(), ScenarioError> {
    let target = &scenario.target;
    let refuse = |text: String| Err(ScenarioError::Setting(text));
    let flaws = &target.publish.invalid;
    let Some(text) = &target.publish.text else {
        return if flaws.is_empty() {
            Ok(())
        } else {
            refuse(
                "target.publish.invalid needs target.publish.body: the short form knows its own".to_owned(),
            )
        };
    };
    let headers = target.publish_headers();
    for flawed in flaws {
        match flawed {
            Flawed::Event(_) if !text.body.names(&HoleName::Events) => {
                return refuse(
                    "an event of target.publish.invalid needs {{events}} in target.publish.body".to_owned(),
                );
            }
            Flawed::Event(_) => {}
            Flawed::Without { without } => {
                let name = without.to_ascii_lowercase();
                let Some(value) = headers.get(&name) else {
                    return refuse(format!("target.publish.invalid: no header field is named `{without}`"));
                };
                let elsewhere = target.publish_templates().into_iter().any(|(_, template)| {
                    !std::ptr::eq(template, *value) && template.names(&HoleName::EventId)
                });
                if value.names(&HoleName::EventId) && !elsewhere {
                    return refuse(format!(
                        "target.publish.invalid leaves `{without}` out, and nothing else names {{{{event_id}}}}: an \
                         event that was stored all the same could not be told"
                    ));
                }
            }
        }
    }
    Ok(())
}

/// Checks body, event and separator.
fn check_text(scenario: &Scenario, text: &RequestText) -> Result<(), ScenarioError> {
    let fit = Fit::of_content_type(&scenario.target.content_type());
    let body = ("target.publish.body", &text.body, fit);
    let event = text.event.as_ref().map(|event| ("target.publish.event", event, text.event_fit(fit)));
    for (key, template, fit) in [Some(body), event].into_iter().flatten() {
        if let Some(at) = template.escape_in_words() {
            let escape = &template.as_str()[at..at + 2];
            let reason = format!(
                "`{escape}` is a backslash and a letter here, as TOML reads it within single quotes: write the text in \
                 double quotes"
            );
            return Err(TextFault::new(key, template, at, reason).into());
        }
        if let Some(hole) = template.holes().find(|hole| fit == Fit::Json && is_bare_text(scenario, hole)) {
            let reason =
                format!("{{{{{}}}}} is text, which JSON has in quotes: put quotes around it", hole.name);
            return Err(TextFault::new(key, template, hole.span.start, reason).into());
        }
    }
    if text.separator.contains("\\n") || text.separator.contains("\\r") {
        return Err(ScenarioError::Setting(format!(
            "target.publish.separator = '{}' is a backslash and a letter: write it in double quotes, \"\\n\"",
            text.separator
        )));
    }
    if text.event.is_some() && !text.body.names(&HoleName::Events) {
        let reason =
            "the body has no {{events}}, where the events of target.publish.event would stand".to_owned();
        return Err(TextFault::new(body.0, body.1, 0, reason).into());
    }
    if fit == Fit::Json { check_json(scenario, text) } else { Ok(()) }
}

/// True if a hole outside quotes is not JSON by itself.
fn is_bare_text(scenario: &Scenario, hole: &Hole) -> bool {
    let is_json = match &hole.name {
        HoleName::Value(word) => scenario.events.values.is_json(word),
        // Who sets the variable knows what it holds.
        HoleName::Env(_) => true,
        HoleName::EventId => scenario.events.id.is_number(),
        name => name.is_json(),
    };
    !hole.is_quoted && !hole.is_raw() && (!is_json || hole.filters.contains(&Filter::Base64))
}

/// Checks that the body is JSON, or one JSON value after the other.
fn check_json(scenario: &Scenario, text: &RequestText) -> Result<(), ScenarioError> {
    let count = if scenario.load.batch == 1 { 1 } else { 2 };
    let event = text.event.as_ref().map(|event| (event, event.sample(value)));
    let event_text = event.as_ref().map_or("", |(_, sample)| &sample.text);
    let events = vec![event_text; count].join(&text.separator);
    let quoted = inside_quotes(&events);
    let body = text.body.sample(|hole| match hole.name {
        HoleName::Events if hole.is_quoted => quoted.clone(),
        HoleName::Events => events.clone(),
        _ => value(hole),
    });
    let Some(fault) = json_fault(&body.text) else { return Ok(()) };
    let is_kept =
        "its content type says that it is JSON; set target.publish.headers.content-type if it is not";
    // A fault of the event shows in the event alone, unless events are parts of JSON only.
    if let Some((event, sample)) = &event
        && let Some(fault) = json_fault(&sample.text)
    {
        let reason = format!("the event is not JSON: {}; {is_kept}", fault.reason);
        return Err(TextFault::new("target.publish.event", event, sample.origin(fault.at), reason).into());
    }
    let listed = text.body.sample(|hole| match hole.name {
        HoleName::Events if !hole.is_quoted => format!("[{events}]"),
        _ => value(hole),
    });
    let way_out = match json_fault(&listed.text) {
        None => {
            "put the events into a list, [{{events}}]; for JSON lines, write separator = \"\\n\" and the \
                 content-type application/x-ndjson"
        }
        Some(_) => is_kept,
    };
    let reason = format!("the body is not JSON: {}; {way_out}", fault.reason);
    Err(TextFault::new("target.publish.body", &text.body, body.origin(fault.at), reason).into())
}

struct JsonFault {
    at: usize,
    reason: String,
}

/// Returns the first fault of a text of JSON values.
fn json_fault(text: &str) -> Option<JsonFault> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<serde::de::IgnoredAny>();
    let error = values.filter_map(Result::err).next()?;
    let lines = text.split_inclusive('\n').take(error.line().saturating_sub(1));
    let before = lines.map(str::len).sum::<usize>();
    let at = if error.is_eof() { text.len() } else { before + error.column().saturating_sub(1) };
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
    Some(JsonFault { at: at.min(text.len()), reason })
}

/// Returns a value that a hole may have.
fn value(hole: &Hole) -> String {
    let value = match &hole.name {
        HoleName::Open => "{{",
        HoleName::Payload => "{\"n\":7}",
        name if name.is_json() => "7",
        _ => "x",
    };
    if hole.is_quoted { inside_quotes(value) } else { value.to_owned() }
}

fn inside_quotes(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    crate::target::template::quote(0, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// True if the id of an event stands somewhere in its request.
fn names_ids(scenario: &Scenario) -> bool {
    let target = &scenario.target;
    if target.publish.text.is_none() {
        return true;
    }
    let templates: Vec<&Template> =
        target.publish_templates().into_iter().map(|(_, template)| template).collect();
    let has = |name: &HoleName| templates.iter().any(|template| template.names(name));
    let in_payload = || {
        let template = scenario.events.payload.template.as_deref()?;
        payload::Template::parse(template).ok().map(|template| template.has(payload::Place::EventId))
    };
    has(&HoleName::EventId) || (has(&HoleName::Payload) && in_payload().unwrap_or(false))
}
