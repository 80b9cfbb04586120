//! Sketch of a request: its text cut into pieces, so that each value of it can be replaced and all
//! else stays as its owner wrote it.
//!
//! The same pieces make the requests of the experiments and, with holes, the texts of the scenario.
//! So a request of a run differs from one of the probe in its values alone.

mod body;
mod cut;
mod leaves;
mod numbered;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use self::body::cut;
use self::leaves::{Found, of_header, of_path, of_query};
use super::class::Class;
use super::given::{Given, MARKS, unmarked};
use super::json::Kind;
use super::names::{id_score, is_of_one_request, says_who_asks, topic_score};

/// Header fields that a client makes by itself, or that say nothing to the target.
const DROPPED: [&str; 14] = [
    "host",
    "content-length",
    "connection",
    "user-agent",
    "accept-encoding",
    "accept-language",
    "origin",
    "referer",
    "transfer-encoding",
    "cache-control",
    "pragma",
    "priority",
    "dnt",
    "content-encoding",
];

/// Weight of a name from which on a header field may hold the id.
const CANDIDATE: u32 = 40;

/// Request of one event, in pieces.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    /// Scheme and host.
    pub(super) base: String,
    /// Method.
    pub(super) method: String,
    path: Vec<Piece>,
    /// Header fields of every request: those that hold a secret, or say who asks.
    common: BTreeMap<String, String>,
    headers: BTreeMap<String, Vec<Piece>>,
    /// Header fields that look the same for every request, and may be needed by a listing, too.
    fixed: BTreeMap<String, String>,
    before: Vec<Piece>,
    event: Vec<Piece>,
    after: Vec<Piece>,
    /// Text between two events; none if a request holds one.
    pub(super) separator: Option<String>,
    /// Values that may be replaced.
    pub(super) leaves: Vec<Leaf>,
    /// Segment of the path that is the topic, as the path of a listing shows.
    pub(super) topic: Option<usize>,
}

/// Piece of a text.
#[derive(Clone, Debug)]
enum Piece {
    /// Text of a template.
    Text(String),
    /// Value, by its number.
    Leaf(usize),
}

/// Value of a request that may be replaced.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Leaf {
    /// Name, such as that of its member or parameter.
    pub(super) name: String,
    /// Place for people: `body /user/id`, `header x-id`.
    pub(super) place: String,
    /// Text of the template that writes what was given.
    pub(super) raw: String,
    /// Value that was given.
    pub(super) value: String,
    /// Class of the value.
    pub(super) class: Class,
    /// Part of the request in which it stands.
    pub(super) part: Part,
    /// Kind of the value.
    pub(super) kind: Kind,
    /// True if it stands in JSON that a text holds.
    pub(super) is_nested: bool,
}

/// Part of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Path, query or header fields.
    Head,
    /// Body around the events.
    Frame,
    /// Event.
    Event,
}

/// Texts of templates that take the place of values, by the numbers of the values.
pub(super) type Choice = BTreeMap<usize, String>;

/// Texts of the templates of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Texts {
    /// Path and query.
    pub(super) path: String,
    /// Header fields of every request.
    pub(super) common: BTreeMap<String, String>,
    /// Header fields of requests with events.
    pub(super) headers: BTreeMap<String, String>,
    /// Body before, and after, the events.
    pub(super) before: String,
    /// Body after the events.
    pub(super) after: String,
    /// Event.
    pub(super) event: String,
}

impl Sketch {
    /// Cuts a request, whose secrets are marked.
    pub(super) fn of(given: &Given) -> Self {
        let mut builder = Builder::default();
        let (scheme, rest) = given.url.split_once("://").unwrap_or(("http", &given.url));
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let path = if path.is_empty() { "/" } else { path };
        let mut pieces = builder.cut(path, of_path(path), Part::Head, graphic);
        if let Some(query) = query {
            pieces.push(Piece::Text("?".to_owned()));
            pieces.extend(builder.cut(query, of_query(query), Part::Head, graphic));
        }
        let mut common = BTreeMap::new();
        let mut headers = BTreeMap::new();
        let mut fixed = BTreeMap::new();
        for (name, value) in &given.headers {
            let name = name.to_ascii_lowercase();
            let is_dropped = DROPPED.contains(&name.as_str())
                || name.starts_with("sec-")
                || (name == "accept" && value.trim() == "*/*");
            if is_dropped {
                continue;
            }
            let varies = name != "content-type" && may_vary(&name, value);
            if value.contains(MARKS) || (says_who_asks(&name) && !varies) {
                common.insert(name, template(value, str::to_owned));
                continue;
            }
            let is_own = is_of_one_request(&name);
            let found = if is_own { Vec::new() } else { of_header(&name, value) };
            if !is_own && !varies {
                fixed.insert(name.clone(), template(value, str::to_owned));
            }
            let pieces = builder.cut(value, found, Part::Head, str::to_owned);
            headers.insert(name, pieces);
        }
        let content_type = given.header("content-type").unwrap_or_default().to_owned();
        let cut = cut(&given.body, &content_type);
        let body = &given.body;
        let before = builder.cut(&body[..cut.event.start], cut.before, Part::Frame, str::to_owned);
        let event = builder.cut(&body[cut.event.clone()], cut.found, Part::Event, str::to_owned);
        let after = builder.cut(&body[cut.end..], cut.after, Part::Frame, str::to_owned);
        let base = format!("{scheme}://{host}");
        let leaves = builder.leaves;
        let separator = cut.separator;
        Self {
            base,
            method: given.method.clone(),
            path: pieces,
            common,
            headers,
            fixed,
            before,
            event,
            after,
            separator,
            leaves,
            topic: None,
        }
    }

    /// Takes header fields that a scenario describes in place of those that were given.
    pub(super) fn take_headers<'h>(&mut self, headers: impl Iterator<Item = (&'h String, &'h str)>) {
        for (name, text) in headers {
            self.common.remove(name);
            self.fixed.remove(name);
            self.headers.insert(name.clone(), vec![Piece::Text(text.to_owned())]);
        }
    }

    /// Takes the segment of the path for the topic that stands where the path of a listing has the
    /// topic: `/orders/_create/1` beside `/{{topic}}/_search`.
    pub(super) fn take_topic_of(&mut self, listing: &str) {
        let listing: Vec<&str> = listing.split('?').next().unwrap_or_default().split('/').collect();
        let Some(nth) = listing.iter().position(|segment| segment.replace(' ', "") == "{{topic}}") else {
            return;
        };
        let path = self.texts(&Choice::new()).path;
        let own: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
        if nth == 0
            || own.get(..nth) != Some(&listing[..nth])
            || own.get(nth).is_none_or(|own| own.is_empty())
        {
            return;
        }
        let start = own[..nth].iter().map(|segment| segment.len() + 1).sum::<usize>();
        let mut at = 0;
        for place in 0..self.path.len() {
            match &self.path[place] {
                Piece::Leaf(leaf) if at == start => self.topic = Some(*leaf),
                Piece::Leaf(leaf) => at += self.leaves[*leaf].raw.len(),
                Piece::Text(text) if (at..at + text.len()).contains(&start) => {
                    let text = text.clone();
                    let (before, rest) = text.split_at(start - at);
                    let (segment, after) = rest.split_at(own[nth].len().min(rest.len()));
                    let leaf = Leaf {
                        name: String::new(),
                        place: format!("path {}", own[nth - 1]),
                        raw: segment.to_owned(),
                        value: percent_decode_str(segment).decode_utf8_lossy().into_owned(),
                        class: Class::Text,
                        part: Part::Head,
                        kind: Kind::Text,
                        is_nested: false,
                    };
                    self.topic = Some(self.leaves.len());
                    let pieces = [
                        Piece::Text(before.to_owned()),
                        Piece::Leaf(self.leaves.len()),
                        Piece::Text(after.to_owned()),
                    ];
                    self.leaves.push(leaf);
                    self.path.splice(place..=place, pieces);
                }
                Piece::Text(text) => at += text.len(),
            }
            if self.topic.is_some() {
                return;
            }
        }
    }

    /// Returns the texts with these values in place of those that were given.
    pub(super) fn texts(&self, choice: &Choice) -> Texts {
        let text = |pieces: &[Piece]| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Leaf(leaf) => choice.get(leaf).unwrap_or(&self.leaves[*leaf].raw).clone(),
            };
            pieces.iter().map(piece).collect()
        };
        Texts {
            path: text(&self.path),
            common: self.common.clone(),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            before: text(&self.before),
            after: text(&self.after),
            event: text(&self.event),
        }
    }

    /// Returns the header fields that stay the same and may be needed by a listing, too.
    pub(super) fn sharable(&self) -> BTreeMap<String, String> {
        self.fixed.clone()
    }

    /// Returns the same request with one event a request.
    pub(super) fn single(mut self) -> Self {
        self.separator = None;
        self
    }

    /// True if requests can hold several events.
    pub(super) fn is_batch(&self) -> bool {
        self.separator.is_some()
    }
}

/// Values that were found so far.
#[derive(Default)]
struct Builder {
    leaves: Vec<Leaf>,
}

impl Builder {
    /// Cuts a text at values. `keep` writes the text of it that stays.
    fn cut(&mut self, text: &str, found: Vec<Found>, part: Part, keep: fn(&str) -> String) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for found in found {
            if found.span.start < at || text[found.span.clone()].contains(MARKS) && found.kind != Kind::Object
            {
                continue;
            }
            pieces.push(Piece::Text(template(&text[at..found.span.start], keep)));
            pieces.push(Piece::Leaf(self.leaves.len()));
            at = found.span.end;
            self.leaves.push(Leaf {
                raw: template(&text[found.span], keep),
                class: if found.kind == Kind::Object { Class::Text } else { Class::of(&found.value) },
                name: found.name,
                place: found.place,
                value: found.value,
                kind: found.kind,
                is_nested: found.is_nested,
                part,
            });
        }
        pieces.push(Piece::Text(template(&text[at..], keep)));
        pieces
    }
}

/// True if the value of a header field may differ from event to event. Others go with every request.
fn may_vary(name: &str, value: &str) -> bool {
    let class = Class::of(value.trim_matches('"'));
    let is_id = class.is_unique() || id_score(name, class) >= CANDIDATE;
    is_id || matches!(class, Class::Time(_)) || topic_score(name) > 0
}

/// Returns text as a template that writes it, with a hole for each mark.
fn template(text: &str, keep: fn(&str) -> String) -> String {
    unmarked(
        text,
        |part| keep(part).replace("{{", "{{open}}"),
        |variable| format!("{{{{env:{}}}}}", variable.replace('|', " | ")),
    )
}

/// Returns a path in which all is written as URLs allow.
fn graphic(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::super::given::mark;
    use super::*;

    fn sketch(url: &str, headers: &[(&str, &str)], body: &str) -> Sketch {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let given = Given {
            method: "POST".to_owned(),
            url: url.to_owned(),
            headers,
            body: body.to_owned(),
            notes: Vec::new(),
        };
        Sketch::of(&given)
    }

    fn named(sketch: &Sketch) -> Vec<(&str, &str)> {
        sketch.leaves.iter().map(|leaf| (leaf.place.as_str(), leaf.value.as_str())).collect()
    }

    const UUID: &str = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";

    #[test]
    fn a_request_is_cut_and_put_together_again() {
        let body = format!(
            r#"{{"sent":"2025-01-01T00:00:00Z","batch":[{{"id":"{UUID}","p":{{"a":1}}}},{{"id":"x"}}],"z":"{{{{"}}"#
        );
        let json = [("Content-Type", "application/json"), ("Host", "h"), ("X-Id", "7f"), ("Sec-X", "y")];
        let made = sketch("http://h:1/v1/e%20x/?a=b", &json, &body);
        let texts = made.texts(&Choice::new());
        assert_eq!((made.base.as_str(), texts.path.as_str()), ("http://h:1", "/v1/e%20x/?a=b"));
        assert_eq!(texts.before, r#"{"sent":"2025-01-01T00:00:00Z","batch":["#);
        assert_eq!(texts.event, format!(r#"{{"id":"{UUID}","p":{{"a":1}}}}"#));
        assert_eq!((texts.after.as_str(), made.separator.as_deref()), (r#"],"z":"{{open}}"}"#, Some(",")));
        assert_eq!(texts.headers.keys().collect::<Vec<_>>(), ["content-type", "x-id"]);
        let id = made.leaves.iter().position(|leaf| leaf.value == UUID).unwrap();
        let changed = made.texts(&[(id, "{{event_id}}".to_owned())].into());
        assert_eq!(changed.event, r#"{"id":"{{event_id}}","p":{"a":1}}"#);
        let bare = sketch("http://h", &[], "x");
        assert_eq!(bare.texts(&Choice::new()).path, "/");
    }

    #[test]
    fn lines_forms_headers_and_paths_have_values() {
        let bulk = format!(
            "{{\"create\":{{\"_index\":\"orders\",\"_id\":\"{UUID}\"}}}}\n{{\"at\":1735689600250}}\n"
        );
        let lines =
            sketch("http://h/_bulk", &[("content-type", "application/x-ndjson")], &format!("{bulk}{bulk}"));
        assert_eq!(
            named(&lines),
            [("body /create/_index", "orders"), ("body /create/_id", UUID), ("body /at", "1735689600250")]
        );
        assert_eq!(
            (lines.separator.as_deref(), lines.texts(&Choice::new()).after.as_str()),
            (Some("\n"), "\n")
        );
        let form = sketch(
            &format!("http://h/items/{UUID}?topic=a%20b"),
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("idempotency-key", "\"k-1\""),
                ("x", &mark("K")),
            ],
            "amount=5&text=a+b%26&x=",
        );
        assert_eq!(
            named(&form),
            [
                ("path items", UUID),
                ("query topic", "a b"),
                ("header idempotency-key", "k-1"),
                ("body amount", "5"),
                ("body text", "a b&")
            ]
        );
        assert_eq!(
            (form.separator.clone(), form.texts(&Choice::new()).common["x"].as_str()),
            (None, "{{env:K}}")
        );
    }

    #[test]
    fn the_path_of_a_listing_shows_which_segment_is_the_topic() {
        for (url, listing, topic) in [
            ("http://h/orders/_create/1", "/{{topic}}/_search?x=1", Some("orders")),
            ("http://h/v1/topics/a%20b", "/v1/topics/{{ topic }}/rows", Some("a b")),
            ("http://h/v1/orders", "/v2/{{topic}}", None),
            ("http://h/orders/1", "/rows?topic={{topic}}", None),
            ("http://h/", "/{{topic}}", None),
        ] {
            let mut made = sketch(url, &[], "{}");
            let before = made.texts(&Choice::new()).path;
            made.take_topic_of(listing);
            let found = made.topic.map(|leaf| made.leaves[leaf].value.as_str());
            assert_eq!(found, topic, "{url}");
            assert_eq!(made.texts(&Choice::new()).path, before);
            if let Some(leaf) = made.topic {
                let holes = made.texts(&[(leaf, "{{topic}}".to_owned())].into()).path;
                assert!(holes.contains("/{{topic}}"), "{holes}");
            }
        }
    }

    #[test]
    fn a_payload_is_one_value_unless_it_holds_the_id() {
        let plain = sketch("http://h", &[], r#"[{"id":"a","properties":{"amount":5,"ts":"now"}}]"#);
        assert_eq!(named(&plain), [("body /id", "a"), ("body /properties", r#"{"amount":5,"ts":"now"}"#)]);
        let wrapped = r#"[{"id":"a","payload":{"at":"2025-01-01T00:00:00Z","data":{"x":1}}}]"#;
        let found = sketch("http://h", &[], wrapped);
        let expected = [("body /payload/at", "2025-01-01T00:00:00Z"), ("body /payload/data", r#"{"x":1}"#)];
        assert_eq!(named(&found)[1..], expected);
        let within = sketch("http://h", &[], &format!(r#"{{"data":{{"id":"{UUID}","n":5}}}}"#));
        assert_eq!(named(&within), [("body /data/id", UUID), ("body /data/n", "5")]);
    }
}
