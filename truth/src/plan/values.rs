//! Values of a scenario's own: `[events.values]`. Each key draws its values once, so they are the same
//! wherever they stand, in every copy.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::plan::rng::{derived, mix, scale};

pub mod rows;

use self::rows::File;

/// Values by their names.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(BTreeMap<String, Value>);

/// Values that keys draw from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
enum Value {
    /// A whole number between two, both included.
    Number([i64; 2]),
    /// One of a list.
    Choose(Vec<Json>),
    /// A column of the row of a file: that of the key's number, modulo the number of rows.
    File(File),
    /// One for each topic; `env:NAME` is an environment variable.
    ByTopic(BTreeMap<String, String>),
}

/// Value as people write it: exactly one of its keys.
#[derive(Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Written {
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<[i64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    choose: Option<Vec<Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<std::path::PathBuf>,
    /// Checksum of the file, once it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    by_topic: Option<BTreeMap<String, String>>,
}

impl TryFrom<Written> for Value {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { number, choose, file, sha256, by_topic } = written;
        let given = [number.is_some(), choose.is_some(), file.is_some(), by_topic.is_some()];
        if given.into_iter().filter(|is_given| *is_given).count() != 1 {
            return Err("a value has exactly one of number, choose, file and by_topic".to_owned());
        }
        if let Some([low, high]) = number {
            let is_usable = low <= high && high.checked_sub(low).is_some();
            return if is_usable {
                Ok(Self::Number([low, high]))
            } else {
                Err(format!("number = [{low}, {high}]: the first must not be above the second"))
            };
        }
        if let Some(choose) = choose {
            return if choose.is_empty() {
                Err("choose is empty: name at least one value".to_owned())
            } else {
                Ok(Self::Choose(choose))
            };
        }
        if let Some(path) = file {
            return Ok(Self::File(File::unread(path, sha256)));
        }
        Ok(Self::ByTopic(by_topic.unwrap_or_default()))
    }
}

impl From<Value> for Written {
    fn from(value: Value) -> Self {
        match value {
            Value::Number(number) => Self { number: Some(number), ..Self::default() },
            Value::Choose(choose) => Self { choose: Some(choose), ..Self::default() },
            Value::File(file) => Self { file: Some(file.path), sha256: file.sha256, ..Self::default() },
            Value::ByTopic(by_topic) => Self { by_topic: Some(by_topic), ..Self::default() },
        }
    }
}

/// Value of one key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Drawn<'a> {
    /// Text, or JSON that is no text.
    Value(Json),
    /// Text of a file or a scenario.
    Text(&'a str),
    /// Value of this environment variable.
    Env(&'a str),
}

impl Values {
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the names that holes can have, with those of columns.
    pub fn names(&self) -> Vec<String> {
        let names = self.0.iter().flat_map(|(name, value)| match value {
            Value::File(file) => {
                file.columns().into_iter().map(|column| format!("{name}.{column}")).collect()
            }
            _ => vec![name.clone()],
        });
        names.collect()
    }

    /// True if a hole can have this name.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some_and(|(value, column)| match (value, column) {
            (Value::File(file), Some(column)) => file.has(column),
            (Value::File(_), None) => false,
            (_, column) => column.is_none(),
        })
    }

    /// True if every value of this name is JSON that is no text.
    pub fn is_json(&self, name: &str) -> bool {
        let is_no_text = |value: &Json| !value.is_string();
        match self.find(name) {
            Some((Value::Number(_), _)) => true,
            Some((Value::Choose(values), _)) => values.iter().all(is_no_text),
            Some((Value::File(file), Some(column))) => file.all(column, |cell| match cell {
                Drawn::Value(value) => is_no_text(&value),
                Drawn::Text(text) => serde_json::from_str(text).is_ok_and(|value: Json| is_no_text(&value)),
                Drawn::Env(_) => false,
            }),
            _ => false,
        }
    }

    /// Returns the texts that this name can have; none for numbers and for secrets.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.find(name) {
            Some((Value::Choose(values), _)) => values.iter().map(text_of).collect(),
            Some((Value::File(file), Some(column))) => file.texts(column),
            Some((Value::ByTopic(values), _)) => values.values().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Returns the environment variables that values name.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        let by_topic = self.0.values().filter_map(|value| match value {
            Value::ByTopic(values) => Some(values.values()),
            _ => None,
        });
        by_topic.flatten().filter_map(|value| value.strip_prefix("env:"))
    }

    /// Returns the texts of lists and of topics, each with its name and the key that holds it.
    pub(crate) fn written_texts(&self) -> Vec<(String, &str, &str)> {
        let texts = self.0.iter().flat_map(|(name, value)| {
            let key = format!("events.values.{name}");
            let texts: Vec<(String, &str)> = match value {
                Value::Choose(values) => values
                    .iter()
                    .filter_map(|value| Some((format!("{key}.choose"), value.as_str()?)))
                    .collect(),
                Value::ByTopic(values) => {
                    let of_topic = |(topic, text)| (format!("{key}.by_topic.{topic}"), String::as_str(text));
                    values.iter().map(of_topic).collect()
                }
                Value::Number(_) | Value::File(_) => Vec::new(),
            };
            texts.into_iter().map(move |(key, text)| (key, name.as_str(), text))
        });
        texts.collect()
    }

    /// Returns why these values cannot be drawn for keys of these topics; none if they can.
    pub fn fault(&self, topics: &[String]) -> Option<String> {
        let is_word = |name: &String| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
        };
        if let Some(name) = self.0.keys().find(|name| !is_word(name)) {
            return Some(format!(
                "events.values has the name `{name}`: write it with letters, digits, _ and -"
            ));
        }
        if let Some(name) = self.0.keys().find(|name| TAKEN.contains(&name.as_str())) {
            return Some(format!(
                "events.values has the name `{name}`, which is a hole already: choose another"
            ));
        }
        self.0.iter().find_map(|(name, value)| {
            let Value::ByTopic(values) = value else { return None };
            let topic = topics.iter().find(|topic| !values.contains_key(*topic))?;
            Some(format!("events.values.{name}.by_topic has no value for topic `{topic}`: add one"))
        })
    }

    /// Returns the value of a key, or of its column after a dot.
    pub fn of(&self, name: &str, key: &KeyOfValues<'_>) -> Option<Drawn<'_>> {
        let (value, column) = self.find(name)?;
        let drawn = || mix(derived(key.seed, hash(name)) ^ mix(key.ordinal));
        Some(match value {
            Value::Number([low, high]) => {
                let span = high.abs_diff(*low).saturating_add(1);
                Drawn::Value(Json::from(low.saturating_add_unsigned(scale(drawn(), span))))
            }
            Value::Choose(values) => {
                let chosen = &values[scale(drawn(), values.len() as u64) as usize];
                chosen.as_str().map_or_else(|| Drawn::Value(chosen.clone()), Drawn::Text)
            }
            Value::File(file) => file.cell(key.ordinal, column?)?,
            Value::ByTopic(values) => {
                let value = values.get(key.topic)?;
                value.strip_prefix("env:").map_or(Drawn::Text(value), Drawn::Env)
            }
        })
    }

    /// Reads the files, which are named relative to this folder.
    pub fn read(&mut self, folder: &Path) -> Result<(), rows::RowsError> {
        self.files_mut().try_for_each(|(_, file)| file.read(folder))
    }

    /// Returns the files with the names of their values.
    pub fn files(&self) -> impl Iterator<Item = (&str, &File)> {
        self.0.iter().filter_map(|(name, value)| match value {
            Value::File(file) => Some((name.as_str(), file)),
            _ => None,
        })
    }

    /// Returns the files, to be read.
    pub fn files_mut(&mut self) -> impl Iterator<Item = (&str, &mut File)> {
        self.0.iter_mut().filter_map(|(name, value)| match value {
            Value::File(file) => Some((name.as_str(), file)),
            _ => None,
        })
    }

    fn find<'a>(&self, name: &'a str) -> Option<(&Value, Option<&'a str>)> {
        let (first, column) = match name.split_once('.') {
            Some((first, column)) => (first, Some(column)),
            None => (name, None),
        };
        Some((self.0.get(first)?, column))
    }
}

/// Names of holes, which values cannot have.
const TAKEN: [&str; 22] = [
    "topic",
    "event_id",
    "source",
    "n",
    "data",
    "payload",
    "timestamp",
    "place",
    "place1",
    "events",
    "count",
    "batch_id",
    "now",
    "body",
    "signature",
    "traceparent",
    "limit",
    "offset",
    "page",
    "cursor",
    "from",
    "to",
];

/// Key whose values are drawn.
#[derive(Clone, Copy, Debug)]
pub struct KeyOfValues<'a> {
    /// Seed of the plan.
    pub seed: u64,
    /// Ordinal of the key.
    pub ordinal: u64,
    /// Topic of the key.
    pub topic: &'a str,
}

/// Returns a value as it is written where it is no JSON: text without quotes.
fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Returns a number for a name, the same in every release.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0, |state, byte| mix(state ^ u64::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Values {
        toml::from_str(text).unwrap()
    }

    fn key(ordinal: u64) -> KeyOfValues<'static> {
        KeyOfValues { seed: 7, ordinal, topic: "a" }
    }

    #[test]
    fn a_key_draws_its_values_once_and_keys_draw_all_of_them() {
        let values = values("amount = { number = [-2, 2] }\ncurrency = { choose = [\"eur\", 7] }");
        let mut seen = std::collections::BTreeSet::new();
        for ordinal in 0..200 {
            let amount = values.of("amount", &key(ordinal)).unwrap();
            assert_eq!(Some(&amount), values.of("amount", &key(ordinal)).as_ref());
            seen.insert(format!("{amount:?}"));
            seen.insert(format!("{:?}", values.of("currency", &key(ordinal)).unwrap()));
        }
        assert_eq!(seen.len(), 7, "{seen:?}");
        assert!(values.is_json("amount") && !values.is_json("currency"));
        assert!(values.has("amount") && !values.has("amount.x") && !values.has("other"));
    }

    #[test]
    fn a_value_of_a_topic_may_be_a_variable() {
        let values = values("token = { by_topic = { a = \"env:TOKEN_A\", b = \"x\" } }");
        assert_eq!(values.of("token", &key(0)), Some(Drawn::Env("TOKEN_A")));
        assert_eq!(values.variables().collect::<Vec<_>>(), ["TOKEN_A"]);
        assert_eq!(values.fault(&["a".to_owned()]), None);
        assert!(values.fault(&["c".to_owned()]).unwrap().contains("topic `c`"));
    }

    #[test]
    fn a_value_that_is_none_is_refused() {
        for (text, says) in [
            ("a = {}", "exactly one"),
            ("a = { number = [1, 2], choose = [1] }", "exactly one"),
            ("a = { number = [2, 1] }", "the first must not be above"),
            ("a = { choose = [] }", "choose is empty"),
            ("a = { chose = [1] }", "unknown field `chose`"),
        ] {
            let error = toml::from_str::<Values>(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
        assert!(values("topic = { number = [1, 2] }").fault(&[]).unwrap().contains("a hole already"));
    }
}
