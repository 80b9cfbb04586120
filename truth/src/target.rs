//! Description of a target: the `[target]` of a scenario.
//!
//! The defaults are the reference contract. A table that is given replaces the default table as a
//! whole. Keys that it leaves out are absent if a target may lack them (`stats = {}` says that the
//! target has no counters). The others (statuses, the envelope, the names of fields) are those of
//! the reference.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::{Position, Url};

pub mod answer;
mod answer_fields;
mod before;
mod connect;
mod contained;
mod database;
mod error;
mod fields;
mod hosts;
mod in_clear;
mod kept;
mod listing;
pub mod needed;
pub mod pointer;
mod prelude;
mod process;
mod proxy;
mod publish;
mod reads;
pub mod request;
mod rules;
pub mod secrets;
pub mod sign;
mod stats;
pub mod template;
mod tree;
pub mod wire;
mod written;

pub use answer_fields::AnswerFields;
pub use connect::{Connect, Endpoint, Place};
pub use contained::{Contained, SentTime};
pub use database::{DATABASE_URL_FORM, Database, DatabaseKind, without_password};
pub use error::TargetError;
pub use fields::EventFields;
pub use in_clear::InClear;
pub use kept::Kept;
pub use listing::{
    Field, Format, ListedTopics, Listing, Next, One, Paging, Parameters, Reading, RowFields, RowOrder,
    RowPlaces, Way,
};
pub use prelude::{Prelude, ResponsePlace, Unkept};
pub use process::Process;
pub use proxy::{Proxy, ProxyKind};
pub use publish::{Envelope, Flawed, Publish, RequestText, StatusPattern};
pub use reads::RequestForm;
pub(crate) use reads::{path_fault, url_fault};
pub use rules::{
    AnswerRule, AnswerRules, BodyFormat, Condition, Containing, CountPlaces, Existence, Meaning,
};
pub use stats::{Series, Stats, StatsFields, StatsFormat};
pub use template::Template;
use written::Written;

/// Description of a target.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Target {
    /// Base URL, without the publish path.
    pub url: String,
    /// Ways of connecting that the URL does not hold.
    pub connect: Connect,
    /// Header fields of every request, by their names.
    pub headers: BTreeMap<String, Template>,
    /// Requests before the run, made again when the target asks for a login.
    pub before: Vec<Prelude>,
    /// Form of the requests with events.
    pub publish: Publish,
    /// Places in the response to a publish.
    pub answer: AnswerFields,
    /// Rules that say what a response to a publish means. Without them, `answer` and the statuses of
    /// `publish` do.
    pub answers: AnswerRules,
    /// Places of the counters.
    pub stats: Stats,
    /// Listing of the stored events.
    pub listing: Listing,
    /// Names of an event's fields.
    pub fields: EventFields,
    /// Process of the target, if the tools start it.
    pub process: Option<Process>,
}

impl Default for Target {
    fn default() -> Self {
        Self {
            url: "http://127.0.0.1:8080".to_owned(),
            connect: Connect::default(),
            headers: BTreeMap::new(),
            before: Vec::new(),
            publish: Publish::default(),
            answer: AnswerFields {
                accepted: Some("/accepted".to_owned()),
                inserted: Some("/inserted".to_owned()),
                duplicates: Some("/duplicates".to_owned()),
                results: Some("/results".to_owned()),
                new: vec!["inserted".to_owned()],
                duplicate: vec!["duplicate".to_owned()],
                ..AnswerFields::default()
            },
            answers: AnswerRules::default(),
            stats: Stats::from(StatsFields {
                path: Some(Template::literal("/stats")),
                received: Some("/received".to_owned()),
                unique: Some("/unique_processed".to_owned()),
                duplicates: Some("/duplicate_dropped".to_owned()),
                pending: Some("/queue/pending".to_owned()),
                processing: Some("/queue/processing".to_owned()),
                instance: Some("/instance_id".to_owned()),
                uptime: Some("/uptime".to_owned()),
                ..StatsFields::default()
            }),
            listing: Listing { path: Some(Template::literal("/events")), ..Listing::default() },
            fields: EventFields::default(),
            process: None,
        }
    }
}

impl Target {
    /// Returns a target that has nothing but a URL: no counters, no listing, and responses of which
    /// only the status says something.
    pub fn nothing() -> Self {
        Self {
            publish: Publish::nothing(),
            answer: AnswerFields::default(),
            stats: Stats::default(),
            listing: Listing::default(),
            ..Self::default()
        }
    }

    /// True if the scenario describes its requests as text, or responses by rules, so that what it
    /// leaves out is absent.
    pub fn starts_from_nothing(&self) -> bool {
        self.publish.text.is_some() || !self.answers.is_empty()
    }

    /// Returns the header fields of requests with events, by their names in small letters. Those of
    /// `[target.publish]` outrank those of the target.
    pub fn publish_headers(&self) -> BTreeMap<String, &Template> {
        let both = self.headers.iter().chain(&self.publish.headers);
        both.map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
    }

    /// True if requests with events are text with holes, in whole or in part.
    pub fn has_texts(&self) -> bool {
        let templates = self.publish_templates();
        self.publish.text.is_some() || templates.iter().any(|(_, template)| template.holes().next().is_some())
    }

    /// Returns the content type of requests with events: JSON, unless the scenario says otherwise.
    pub fn content_type(&self) -> String {
        let said = self.publish_headers().get("content-type").map(|template| template.as_str().to_owned());
        said.unwrap_or_else(|| "application/json".to_owned())
    }

    /// Returns the templates of requests with events, with the keys that hold them.
    pub fn publish_templates(&self) -> Vec<(String, &Template)> {
        let mut all = vec![("target.publish.path".to_owned(), &self.publish.path)];
        for (table, headers) in [("target", &self.headers), ("target.publish", &self.publish.headers)] {
            all.extend(headers.iter().map(|(name, value)| (format!("{table}.headers.{name}"), value)));
        }
        for (nth, flawed) in self.publish.invalid.iter().enumerate() {
            if let Flawed::Event(event) = flawed {
                all.push((format!("target.publish.invalid.{nth}"), event));
            }
        }
        if let Some(sign) = &self.publish.sign {
            all.push(("target.publish.sign.secret".to_owned(), &sign.secret));
            all.push(("target.publish.sign.over".to_owned(), &sign.over));
        }
        if let Some(text) = &self.publish.text {
            all.push(("target.publish.body".to_owned(), &text.body));
            all.extend(text.event.as_ref().map(|event| ("target.publish.event".to_owned(), event)));
        }
        all
    }

    /// Sets the base URL as people write it: with or without the scheme, a slash at the end, or the
    /// publish path.
    pub fn set_url(&mut self, text: &str) -> Result<(), TargetError> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let publish = self.publish.path.as_str().split('?').next().unwrap_or_default();
        let trimmed = full.trim_end_matches('/');
        let base = trimmed.strip_suffix(publish).unwrap_or(trimmed).trim_end_matches('/');
        // The ways of connecting may be meant for another URL, so they are checked once that is
        // known.
        Endpoint::new(base, &Connect::default()).map_err(|error| match error {
            TargetError::Url { reason, .. } => TargetError::Url { text: text.to_owned(), reason },
            other => other,
        })?;
        self.url = base.to_owned();
        Ok(())
    }

    /// Sets the base URL of another target and drops the ways of connecting, which were those of
    /// the target before. The same URL changes nothing.
    pub fn retarget(&mut self, text: &str) -> Result<(), TargetError> {
        let before = self.url.clone();
        self.set_url(text)?;
        if self.url != before && self.publish.url.is_some() {
            self.url = before;
            return Err(TargetError::TwoHosts);
        }
        if self.url != before {
            (self.connect.to, self.connect.unix_socket, self.connect.proxy) = (None, None, None);
            if !self.url.starts_with("https:") {
                self.connect = Connect { http2: self.connect.http2, ..Connect::default() };
            }
        }
        Ok(())
    }

    /// Returns a target that is known by its URL alone. Each response below 400 is a success, as in
    /// k6.
    pub fn of_url(text: &str) -> Result<Self, TargetError> {
        let text = text.trim();
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let named = Url::parse(&full).ok().filter(Url::has_host);
        let (base, path) = match &named {
            Some(url) => (&url[..Position::BeforePath], &url[Position::BeforePath..Position::AfterQuery]),
            None => (&*full, "/"),
        };
        Endpoint::new(base, &Connect::default())?;
        let publish = Publish {
            path: Template::literal(path),
            ack: vec![StatusPattern::Class(2), StatusPattern::Class(3)],
            rejected: vec![StatusPattern::Class(4), StatusPattern::Exact(503)],
            ..Publish::default()
        };
        Ok(Self { url: base.to_owned(), publish, ..Self::nothing() })
    }

    /// Checks the JSON pointers.
    pub(crate) fn pointers_fault(&self) -> Option<String> {
        let answer = &self.answer;
        let places = [
            ("answer.accepted", answer.accepted.as_ref()),
            ("answer.inserted", answer.inserted.as_ref()),
            ("answer.duplicates", answer.duplicates.as_ref()),
            ("answer.results", answer.results.as_ref()),
            ("answer.result", answer.result.as_ref()),
            ("answer.refused", answer.refused.as_ref()),
            ("answer.refused_place", answer.refused_place.as_ref()),
        ];
        let is_none = |place: &&String| !place.is_empty() && !place.starts_with('/');
        let (name, place) =
            places.into_iter().find_map(|(name, place)| Some((name, place.filter(is_none)?)))?;
        Some(format!("{name} = \"{place}\" is not a JSON pointer; write it as \"/{place}\""))
    }

    /// Returns what the listing comes to; none if the target lists no events. The error is a
    /// sentence.
    pub fn reading(&self) -> Result<Option<Reading>, String> {
        // Rows of a listing with holes show what `fields` names, and nothing else.
        let requests = (!self.listing.is_request()).then_some(&self.fields);
        self.listing.reading_beside(requests, &self.kept_names())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_taken_as_people_write_it() {
        for text in [
            "http://localhost:8080",
            "http://localhost:8080/",
            "localhost:8080",
            "http://localhost:8080/publish",
            " http://localhost:8080/publish/",
        ] {
            let mut target = Target::default();
            target.set_url(text).unwrap();
            assert_eq!(target.url, "http://localhost:8080", "{text:?}");
        }
        let mut target = Target::default();
        target.set_url("http://[::1]:9000/api/publish").unwrap();
        let endpoint = target.endpoint().unwrap();
        assert_eq!(endpoint.place, Place::Tcp("::1".to_owned(), 9000));
        assert_eq!((endpoint.prefix.as_str(), endpoint.tls_name), ("/api", None));
        assert_eq!(endpoint.authority, "[::1]:9000");
    }

    #[test]
    fn another_target_is_not_connected_to_as_the_one_before() {
        let connect = Connect {
            to: Some("10.0.0.5:1".to_owned()),
            proxy: Some("http://10.0.0.6:3128".to_owned()),
            http2: true,
            cacert: Some("ca.pem".into()),
            ..Connect::default()
        };
        let mut target = Target { url: "https://a".to_owned(), connect, ..Target::default() };
        let before = target.clone();
        target.retarget("https://a/publish").unwrap();
        assert_eq!(target, before, "the same");
        target.retarget("https://b").unwrap();
        assert_eq!((target.connect.to.as_ref(), target.connect.cacert.is_some()), (None, true));
        assert_eq!(target.connect.proxy, None);
        target.retarget("http://b").unwrap();
        assert_eq!(target.connect, Connect { http2: true, ..Connect::default() });
        assert!(target.retarget("ftp://b").is_err());
    }

    #[test]
    fn a_url_alone_is_a_target_without_counters() {
        for (text, url, path) in [
            ("localhost:8080", "http://localhost:8080", "/"),
            ("https://a/b/c?d=e f#g", "https://a", "/b/c?d=e%20f"),
            ("http://[::1]:9/x", "http://[::1]:9", "/x"),
        ] {
            let target = Target::of_url(text).unwrap();
            assert_eq!((target.url.as_str(), target.publish.path.as_str()), (url, path), "{text}");
            assert_eq!((target.stats.are_offered(), target.listing.path), (false, None));
        }
        for text in ["http://", "", "ftp://a/b", "http://user:hunter2@a/b"] {
            let error = Target::of_url(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_target_that_cannot_be_used_is_refused_without_repeating_a_secret() {
        let mut target = Target::default();
        for text in ["wss://localhost", "http://", "http://localhost/?a=1", "ftp://localhost"] {
            assert!(target.set_url(text).is_err(), "{text:?}");
        }
        for text in [
            "http://user:hunter2@localhost",
            "https://user:hunter2@localhost",
            "user:hunter2@localhost:99999",
        ] {
            let error = target.set_url(text).unwrap_err();
            assert_eq!(error, TargetError::Credentials);
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(target, Target::default(), "a refused URL changes nothing");
    }
}
