//! Places of a target's counters: one request, or several whose counters are put together.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pointer::Pointer;
use super::reads::RequestForm;
use super::template::{HoleName, Template};

mod series;

pub use series::Series;

/// Requests for the counters. A counter that several responses hold is their sum.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    tables: Vec<StatsFields>,
}

/// One request for counters, and their places in the response; any may be absent.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StatsFields {
    /// Base URL, if it is another than the target's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Method; GET if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query; none if the target has no counters.
    pub path: Option<Template>,
    /// Headers beyond those of every request.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// Body; none if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
    /// Form of the response.
    #[serde(skip_serializing_if = "StatsFormat::is_json")]
    pub format: StatsFormat,
    /// Number of events received.
    pub received: Option<String>,
    /// Number of events stored.
    pub unique: Option<String>,
    /// Number of duplicates dropped.
    pub duplicates: Option<String>,
    /// Number of events that were accepted and wait.
    pub pending: Option<String>,
    /// Number of events that are being stored.
    pub processing: Option<String>,
    /// Id of the responding process.
    pub instance: Option<String>,
    /// Time for which that process has run.
    pub uptime: Option<String>,
}

/// Form of a response with counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatsFormat {
    /// JSON; places are JSON pointers.
    #[default]
    Json,
    /// Prometheus' text format; places are names of metrics, with labels.
    Prometheus,
}

impl StatsFormat {
    fn is_json(&self) -> bool {
        *self == Self::Json
    }
}

impl From<StatsFields> for Stats {
    /// Returns one request, or none if the table is empty.
    fn from(fields: StatsFields) -> Self {
        let is_empty = fields == StatsFields::default();
        Self { tables: if is_empty { Vec::new() } else { vec![fields] } }
    }
}

impl Stats {
    /// Requests that are made: those with a path.
    pub fn requests(&self) -> impl Iterator<Item = &StatsFields> {
        self.tables.iter().filter(|fields| fields.path.is_some())
    }

    /// True if the target has counters.
    pub fn are_offered(&self) -> bool {
        self.requests().next().is_some()
    }

    /// Checks the requests and the places. The error begins with the key.
    pub fn fault(&self) -> Option<String> {
        self.tables.iter().find_map(StatsFields::fault)
    }
}

impl StatsFields {
    /// Form of the request; none if the target has no counters.
    pub fn request(&self) -> Option<RequestForm<'_>> {
        Some(RequestForm::new("GET", self.path.as_ref()?, &self.headers).with(
            self.url.as_deref(),
            self.method.as_deref(),
            self.body.as_ref(),
        ))
    }

    fn places(&self) -> [(&'static str, Option<&String>); 7] {
        [
            ("received", self.received.as_ref()),
            ("unique", self.unique.as_ref()),
            ("duplicates", self.duplicates.as_ref()),
            ("pending", self.pending.as_ref()),
            ("processing", self.processing.as_ref()),
            ("instance", self.instance.as_ref()),
            ("uptime", self.uptime.as_ref()),
        ]
    }

    fn fault(&self) -> Option<String> {
        let of_place = |(key, place): (&str, Option<&String>)| {
            let fault = match self.format {
                StatsFormat::Json => Pointer::parse(place?).err(),
                StatsFormat::Prometheus => Series::parse(place?).err(),
            };
            fault.map(|fault| format!("stats.{key} = {fault}"))
        };
        let request = self.request();
        let hole = request.and_then(|request| {
            let mut holes = request.templates().flat_map(Template::holes);
            let unknown = holes
                .find(|hole| !matches!(hole.name, HoleName::Env(_) | HoleName::Kept(_) | HoleName::Open));
            unknown.map(|hole| format!("stats: {{{{{}}}}} has no value in a request for counters", hole.name))
        });
        let of_request = request.and_then(|request| request.fault()).map(|fault| format!("stats.{fault}"));
        of_request.or(hole).or_else(|| self.places().into_iter().find_map(of_place))
    }
}

impl Serialize for Stats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.tables.as_slice() {
            [] => StatsFields::default().serialize(serializer),
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Stats {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StatsVisitor)
    }
}

struct StatsVisitor;

impl<'de> Visitor<'de> for StatsVisitor {
    type Value = Stats;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a table of counters, or a list of such tables")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Stats, A::Error> {
        StatsFields::deserialize(MapAccessDeserializer::new(map)).map(Stats::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Stats, A::Error> {
        Ok(Stats { tables: Vec::deserialize(SeqAccessDeserializer::new(list))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Table {
        stats: Stats,
    }

    fn stats(text: &str) -> Stats {
        toml::from_str::<Table>(text).unwrap().stats
    }

    #[test]
    fn counters_are_in_one_response_or_in_several() {
        let one = stats("[stats]\npath = \"/a\"\nunique = \"/n\"");
        let two =
            stats("[[stats]]\npath = \"/a\"\nunique = \"/n\"\n[[stats]]\npath = \"/b\"\nreceived = \"/n\"");
        assert_eq!((one.requests().count(), two.requests().count()), (1, 2));
        for stats in [one, two] {
            let json = serde_json::to_string(&Table { stats: stats.clone() }).unwrap();
            assert_eq!(serde_json::from_str::<Table>(&json).unwrap().stats, stats);
        }
        assert!(!stats("stats = {}").are_offered() && !stats("stats = []").are_offered());
    }

    #[test]
    fn a_place_is_of_the_form_of_the_response() {
        for (text, expected) in [
            ("[stats]\npath = \"/a\"\nunique = \"n\"", "stats.unique = \"n\" is not a JSON pointer"),
            ("[stats]\npath = \"/a\"\nformat = \"prometheus\"\nunique = \"/n\"", "stats.unique = \"/n\""),
            ("[stats]\npath = \"a\"", "stats.path = \"a\" must begin with /"),
            ("[stats]\npath = \"/{{topic}}\"", "{{topic}}"),
        ] {
            let fault = stats(text).fault().unwrap();
            assert!(fault.contains(expected), "{fault}");
        }
        let metrics = "[stats]\npath = \"/m\"\nformat = \"prometheus\"\nunique = 'n_total{a=\"b\"}'";
        assert_eq!(stats(metrics).fault(), None);
    }
}
