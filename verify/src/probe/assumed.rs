//! Requests that are tried if nobody gave one: events as the reference takes them, under the usual
//! names and paths.

use serde_json::Value;

use super::given::Given;
use super::meet::Meeting;
use super::sketch::Sketch;
use super::unmet::Unmet;

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

/// Most requests that an error shows.
const SHOWN: usize = 3;

/// Place of a target that a URL names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Home {
    /// URL that paths of reads are added to.
    pub(super) url: String,
    /// Path of the requests with events, if the URL has one, with its query.
    path: Option<String>,
}

impl Home {
    /// Takes a URL apart. `path` is that of the requests with events, if a scenario says so.
    pub(super) fn of(url: &str, path: Option<&str>) -> Self {
        let url = url.trim();
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        if let Some(path) = path {
            return Self { url: url.trim_end_matches('/').to_owned(), path: Some(path.to_owned()) };
        }
        let scheme = url.find("://").map_or(0, |at| at + 3);
        let end = url[scheme..].find(['/', '?']).map_or(url.len(), |at| at + scheme);
        let (host, path) = url.split_at(end);
        match path {
            "" | "/" => Self { url: host.to_owned(), path: None },
            _ => match path.trim_end_matches('/').strip_suffix("/publish") {
                Some(prefix) => Self { url: format!("{host}{prefix}"), path: Some(WITH_RESULTS.to_owned()) },
                None => Self { url: host.to_owned(), path: Some(path.to_owned()) },
            },
        }
    }

    fn paths(&self) -> Vec<&str> {
        self.path.as_deref().map_or(PATHS.to_vec(), |path| vec![path])
    }
}

/// Tries paths, envelopes and names until an event is accepted.
pub(super) async fn find(meeting: &Meeting<'_>, home: &Home, topic: &str) -> Result<Sketch, Unmet> {
    let mut tried: Vec<String> = Vec::new();
    for path in home.paths() {
        for names in all_names() {
            let mut is_there = false;
            for body in bodies(&names, topic) {
                let url = format!("{}{path}", home.url);
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                let given = Given { method: "POST".to_owned(), url, headers, body, notes: Vec::new() };
                let sketch = Sketch::of(&given);
                let response = meeting.try_once(&sketch).await?;
                if response.is_success() {
                    return Ok(sketch);
                }
                is_there |= !matches!(response.status, 404 | 405 | 501);
                let answered = format!("POST {path} answered {}", response.in_one_line());
                if tried.len() < SHOWN && !tried.contains(&answered) {
                    tried.push(answered);
                }
            }
            if !is_there {
                break;
            }
        }
    }
    Err(Unmet::Refused(tried.join("; ")))
}

/// Names of an event's fields.
struct Names {
    topic: &'static str,
    event_id: &'static str,
    payload: &'static str,
}

/// Returns all combinations of names, the usual ones first.
fn all_names() -> Vec<Names> {
    let mut names = Vec::new();
    for payload in PAYLOADS {
        for topic in TOPICS {
            names.extend(IDS.map(|event_id| Names { topic, event_id, payload }));
        }
    }
    names
}

/// Returns bodies with one event: in a list, in a list within an object, and alone.
fn bodies(names: &Names, topic: &str) -> [String; 3] {
    let Names { topic: topic_name, event_id, payload } = names;
    let topic = Value::from(topic);
    let event = format!(
        "{{\"{topic_name}\":{topic},\"{event_id}\":\"00000000-0000-4000-a000-000000000000\",\
         \"timestamp\":\"2025-01-01T00:00:00.250Z\",\"source\":\"verify-probe\",\
         \"{payload}\":{{\"z\":1.50,\"n\":1,\"a\":\"probe\"}}}}"
    );
    [format!("[{event}]"), format!("{{\"events\":[{event}]}}"), event]
}

#[cfg(test)]
mod tests {
    use super::super::roles::Roles;
    use super::*;

    #[test]
    fn a_path_in_the_url_is_the_way_in() {
        for (text, url, path) in [
            ("localhost:8080", "http://localhost:8080", None),
            ("http://localhost:8080/publish", "http://localhost:8080", Some(WITH_RESULTS)),
            ("http://localhost:8080/api/publish/", "http://localhost:8080/api", Some(WITH_RESULTS)),
            ("http://localhost:8080/v1/ingest/", "http://localhost:8080", Some("/v1/ingest/")),
            ("http://localhost:8080/v1?env=a", "http://localhost:8080", Some("/v1?env=a")),
        ] {
            let home = Home::of(text, None);
            assert_eq!((home.url.as_str(), home.path.as_deref()), (url, path), "{text}");
        }
        assert_eq!(Home::of("http://h/", Some("/in/?a=b")).paths(), ["/in/?a=b"]);
    }

    #[test]
    fn each_assumed_request_has_all_roles() {
        for names in all_names() {
            for body in bodies(&names, "t") {
                let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
                let url = "http://h/publish".to_owned();
                let sketch =
                    Sketch::of(&Given { method: "POST".to_owned(), url, headers, body, notes: Vec::new() });
                let event = sketch.texts(&Roles::of(&sketch).holes(&[0])).event;
                for hole in ["{{topic}}", "\"{{event_id}}\"", "{{timestamp}}", "{{source}}", ":{{payload}}"] {
                    assert!(event.contains(hole), "{hole}: {event}");
                }
            }
        }
    }
}
