//! The way in: the path, the envelope and the names that a target takes an event by.

use serde_json::Value;
use truth::target::Envelope;

use super::asking::{Answer, Asker, Names, Sent};
use super::draft::Draft;

/// Where events are taken, most usual first.
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

/// The reference tells what became of each event if it is asked to; others do not mind being asked.
const WITH_RESULTS: &str = "/publish?results=true";

/// What the two parts of the key are called, and what is carried.
const IDS: [&str; 4] = ["event_id", "eventId", "id", "message_id"];
const TOPICS: [&str; 4] = ["topic", "type", "channel", "stream"];
const PAYLOADS: [&str; 3] = ["payload", "data", "body"];

/// How an event gets in, with the first that did.
#[derive(Clone, Debug)]
pub(super) struct WayIn {
    pub(super) path: String,
    pub(super) envelope: Envelope,
    pub(super) names: Names,
    pub(super) first: (Sent, Answer),
}

/// All that was sent, and the answers.
#[derive(Clone, Debug)]
pub(super) struct Exchanges {
    /// The last event that was new.
    pub(super) last: Sent,
    /// The first event, and the same again.
    pub(super) once: Answer,
    pub(super) again: Option<Answer>,
    /// Three new events and two of them again, in one request; none where requests hold one event.
    pub(super) batch: Option<Answer>,
    /// Attempts, keys and repeats among them.
    pub(super) totals: [u64; 3],
}

/// Tries paths, envelopes and names until an event is taken; else tells what was tried.
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
                let Some(answer) = asker.post(path, body).await else {
                    return Err(format!("POST {path} was not answered"));
                };
                if answer.is_success() {
                    return Ok(WayIn { path: path.to_owned(), envelope, names, first: (event, answer) });
                }
                is_there |= !matches!(answer.status, 404 | 405 | 501);
                if tried.len() < 3 {
                    tried.push(format!("POST {path} answered {}", answer.told()));
                }
            }
            if !is_there {
                break;
            }
        }
    }
    Err(tried.join("; "))
}

/// All combinations, the usual ones first.
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

/// Sends the first event again, and then three new ones and two of them again.
pub(super) async fn send_all(asker: &mut Asker, way_in: &WayIn) -> Exchanges {
    let (first, once) = way_in.first.clone();
    let mut exchanges = Exchanges { last: first.clone(), once, again: None, batch: None, totals: [1, 1, 0] };
    let text = asker.text(&first, &way_in.names);
    exchanges.again = asker.post(&way_in.path, wrapped(&way_in.envelope, &[text])).await;
    count(&mut exchanges.totals, exchanges.again.as_ref(), [1, 0, 1]);
    let new = [asker.event(), asker.event(), asker.event()];
    let texts: Vec<String> = [0, 1, 2, 0, 1].map(|nth: usize| asker.text(&new[nth], &way_in.names)).to_vec();
    if way_in.envelope == Envelope::Object {
        for (nth, text) in texts.into_iter().enumerate() {
            let answer = asker.post(&way_in.path, text).await;
            count(&mut exchanges.totals, answer.as_ref(), if nth < 3 { [1, 1, 0] } else { [1, 0, 1] });
        }
    } else {
        exchanges.batch = asker.post(&way_in.path, wrapped(&way_in.envelope, &texts)).await;
        count(&mut exchanges.totals, exchanges.batch.as_ref(), [5, 3, 2]);
    }
    let [.., last] = new;
    exchanges.last = last;
    exchanges
}

/// What an answered request adds.
fn count(totals: &mut [u64; 3], answer: Option<&Answer>, adds: [u64; 3]) {
    if answer.is_some() {
        totals.iter_mut().zip(adds).for_each(|(total, adds)| *total += adds);
    }
}

/// Says how events get in.
pub(super) fn say(way_in: &WayIn, draft: &mut Draft) {
    let WayIn { path, envelope, names, first } = way_in;
    let envelope_text = String::from(envelope.clone());
    let told = format!("POST {path} of one event answered {}", first.1.told());
    draft.set("target.publish", "path", path, &told);
    draft.set(
        "target.publish",
        "envelope",
        &envelope_text,
        "the first of array, {\"events\": [...]} and a single object that was taken",
    );
    if *envelope == Envelope::Object {
        draft.number("load", "batch", 1, "a request holds one event");
    }
    let fields = [("topic", &names.topic), ("event_id", &names.event_id), ("payload", &names.payload)];
    for (field, name) in fields.into_iter().filter(|(field, name)| field != name) {
        draft.set("target.fields", field, name, "the first name that was taken");
    }
}

/// Says what the answers and the reads allow to claim.
pub(super) fn say_promises(sent: &Exchanges, seen_at_once: Option<bool>, draft: &mut Draft) {
    let answered = [Some(&sent.once), sent.again.as_ref(), sent.batch.as_ref()];
    let is_later = answered.into_iter().flatten().any(|answer| answer.status == 202);
    match seen_at_once {
        Some(true) if !is_later => {
            draft.set("promises", "ack", "committed", "a listing right after the answer showed the event");
        }
        _ => draft.set(
            "promises",
            "ack",
            "queued",
            "a status 202, or an event that no listing showed right after its answer: it may be stored later",
        ),
    }
    draft.set(
        "promises",
        "stats",
        "eventual",
        "a few events cannot show whether every answer of the counters adds up: snapshot, if it is promised",
    );
    draft.note("promises", "batch = \"atomic\" is assumed: a request is stored whole or not at all. Where that is not promised, torn-batch means nothing");
}
