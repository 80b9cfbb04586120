//! Way in: the path, the envelope and the field names by which a target accepts an event.

use serde_json::Value;
use truth::target::Envelope;

use super::asking::{Asker, Names, Response, Sent};
use super::draft::Draft;

/// Paths that are tried, the most usual first.
const PATHS: [&str; 9] = [
    WITH_RESULTS,
    "/events",
    "/ingest",
    "/api/publish",
    "/api/events",
    "/v1/events",
    "/logs",
    "/collect",
    "/",
];

/// Path of the reference, with a parameter that asks for the result of each event. Other targets
/// ignore it.
const WITH_RESULTS: &str = "/publish?results=true";

/// Names of the id that are tried.
const IDS: [&str; 4] = ["event_id", "eventId", "id", "message_id"];

/// Names of the topic that are tried.
const TOPICS: [&str; 4] = ["topic", "type", "channel", "stream"];

/// Names of the payload that are tried.
const PAYLOADS: [&str; 3] = ["payload", "data", "body"];

/// Way in that was found, with the first event that was accepted.
#[derive(Clone, Debug)]
pub(super) struct WayIn {
    pub(super) path: String,
    pub(super) envelope: Envelope,
    pub(super) names: Names,
    pub(super) first: Sent,
    pub(super) response: Response,
}

/// Requests that were sent, and the responses.
#[derive(Clone, Debug)]
pub(super) struct Exchanges {
    /// Last event that was new.
    pub(super) last: Sent,
    /// Response to the first event.
    pub(super) once: Response,
    /// Response to the first event, sent again.
    pub(super) again: Option<Response>,
    /// Response to three new events and two of them again, in one request; none if requests hold
    /// one event.
    pub(super) batch: Option<Response>,
    pub(super) totals: Totals,
}

/// Number of events that were sent, as counters count them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Totals {
    pub(super) attempts: u64,
    pub(super) keys: u64,
    pub(super) repeats: u64,
}

impl Totals {
    const NEW: Self = Self { attempts: 1, keys: 1, repeats: 0 };
    const REPEAT: Self = Self { attempts: 1, keys: 0, repeats: 1 };
    const BATCH: Self = Self { attempts: 5, keys: 3, repeats: 2 };

    /// Adds what an answered request sent.
    fn count(&mut self, response: Option<&Response>, sent: Self) {
        if response.is_some() {
            self.attempts += sent.attempts;
            self.keys += sent.keys;
            self.repeats += sent.repeats;
        }
    }
}

/// Tries paths, envelopes and names until an event is accepted. The error says what was tried.
pub(super) async fn find(asker: &mut Asker, named: Option<&str>) -> Result<WayIn, String> {
    let paths = match named {
        None => PATHS.to_vec(),
        Some("/publish") => vec![WITH_RESULTS],
        Some(path) => vec![path],
    };
    let mut tried = Vec::new();
    for path in paths {
        for names in all_names() {
            let mut is_there = false;
            for envelope in [Envelope::Array, Envelope::Under("events".to_owned()), Envelope::Object] {
                let event = asker.event();
                let body = wrapped(&envelope, &[asker.text(&event, &names)]);
                let Some(response) = asker.post(path, body).await else {
                    return Err(format!("POST {path} had no complete response"));
                };
                if response.is_success() {
                    return Ok(WayIn { path: path.to_owned(), envelope, names, first: event, response });
                }
                is_there |= !matches!(response.status, 404 | 405 | 501);
                let answered = format!("POST {path} answered {}", response.in_one_line());
                if tried.len() < 3 && !tried.contains(&answered) {
                    tried.push(answered);
                }
            }
            if !is_there {
                break;
            }
        }
    }
    Err(tried.join("; "))
}

/// Returns all combinations of names, the usual ones first.
fn all_names() -> Vec<Names> {
    let own = |text: &str| text.to_owned();
    let mut names = Vec::new();
    for payload in PAYLOADS {
        for topic in TOPICS {
            for event_id in IDS {
                let timestamp = own("timestamp");
                names.push(Names {
                    topic: own(topic),
                    event_id: own(event_id),
                    timestamp,
                    payload: own(payload),
                });
            }
        }
    }
    names
}

fn wrapped(envelope: &Envelope, events: &[String]) -> String {
    match envelope {
        Envelope::Array => format!("[{}]", events.join(",")),
        Envelope::Object => events.first().cloned().unwrap_or_default(),
        Envelope::Under(name) => format!("{{{}:[{}]}}", Value::from(name.as_str()), events.join(",")),
    }
}

/// Sends the first event again, then three new events and two of them again.
pub(super) async fn send_all(asker: &mut Asker, way_in: &WayIn) -> Exchanges {
    let mut exchanges = Exchanges {
        last: way_in.first.clone(),
        once: way_in.response.clone(),
        again: None,
        batch: None,
        totals: Totals::NEW,
    };
    let text = asker.text(&way_in.first, &way_in.names);
    exchanges.again = asker.post_again(&way_in.path, wrapped(&way_in.envelope, &[text])).await;
    exchanges.totals.count(exchanges.again.as_ref(), Totals::REPEAT);
    let new = [asker.event(), asker.event(), asker.event()];
    let texts: Vec<String> = [0, 1, 2, 0, 1].map(|nth: usize| asker.text(&new[nth], &way_in.names)).to_vec();
    if way_in.envelope == Envelope::Object {
        for (nth, text) in texts.into_iter().enumerate() {
            let response = asker.post_again(&way_in.path, text).await;
            exchanges.totals.count(response.as_ref(), if nth < 3 { Totals::NEW } else { Totals::REPEAT });
        }
    } else {
        exchanges.batch = asker.post_again(&way_in.path, wrapped(&way_in.envelope, &texts)).await;
        exchanges.totals.count(exchanges.batch.as_ref(), Totals::BATCH);
    }
    let [.., last] = new;
    exchanges.last = last;
    exchanges
}

/// Writes how events are sent.
pub(super) fn say(way_in: &WayIn, draft: &mut Draft) {
    let WayIn { path, envelope, names, response, .. } = way_in;
    let envelope_text = String::from(envelope.clone());
    let evidence = format!("POST {path} with one event answered {}", response.in_one_line());
    draft.set("target.publish", "path", path, &evidence);
    draft.set(
        "target.publish",
        "envelope",
        &envelope_text,
        "the first that was accepted of an array, {\"events\": [...]} and a single object",
    );
    if *envelope == Envelope::Object {
        draft.number("load", "batch", 1, "a request holds one event");
    }
    let fields = [("topic", &names.topic), ("event_id", &names.event_id), ("payload", &names.payload)];
    for (field, name) in fields.into_iter().filter(|(field, name)| field != name) {
        draft.set("target.fields", field, name, "the first name that was accepted");
    }
}

/// Writes the promise that the responses and the listing show.
pub(super) fn say_promises(sent: &Exchanges, seen_at_once: Option<bool>, draft: &mut Draft) {
    let responses = [Some(&sent.once), sent.again.as_ref(), sent.batch.as_ref()];
    let is_later = responses.into_iter().flatten().any(|response| response.status == 202);
    if is_later || seen_at_once != Some(true) {
        draft.set(
            "promises",
            "ack",
            "queued",
            "a response had status 202, or no listing right after it showed the event: it may be stored later",
        );
    }
}
