//! Words of a rule and their meanings.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::conditions::text_of;
use super::written::Meaning;
use crate::target::StatusPattern;

/// Word for a place that holds null.
const NULL: &str = "null";

/// Word for a place that is not there.
const ABSENT: &str = "absent";

/// Meanings of words. A text is compared by its letters; a number, true and false by how they are
/// written. A number is also of its class: 404 is `4xx`.
#[derive(Clone, Debug)]
pub(super) struct Vocabulary {
    null: Option<Meaning>,
    absent: Option<Meaning>,
    exact: Vec<(Box<str>, Meaning)>,
    classes: Vec<(StatusPattern, Meaning)>,
}

impl Vocabulary {
    pub(super) fn of(words: &BTreeMap<String, Meaning>) -> Self {
        let is_plain = |word: &str| word != NULL && word != ABSENT;
        let exact = words.iter().filter(|(word, _)| is_plain(word));
        let class = |(word, meaning): (&String, &Meaning)| {
            let pattern: StatusPattern = word.parse().ok()?;
            matches!(pattern, StatusPattern::Class(_)).then_some((pattern, *meaning))
        };
        Self {
            null: words.get(NULL).copied(),
            absent: words.get(ABSENT).copied(),
            exact: exact.map(|(word, meaning)| (word.as_str().into(), *meaning)).collect(),
            classes: words.iter().filter_map(class).collect(),
        }
    }

    /// Returns the meaning of the word that stands at a place, as JSON; none if it is not listed.
    pub(super) fn meaning(&self, json: Option<&str>) -> Option<Meaning> {
        let Some(json) = json else { return self.absent };
        if json == NULL {
            return self.null;
        }
        if json.starts_with(['{', '[']) {
            return None;
        }
        let word = text_of(json).unwrap_or(Cow::Borrowed(json));
        let exact = self.exact.iter().find(|(known, _)| **known == *word);
        exact.map(|(_, meaning)| *meaning).or_else(|| self.meaning_of_class(&word))
    }

    fn meaning_of_class(&self, word: &str) -> Option<Meaning> {
        if self.classes.is_empty() || word.len() != 3 || !word.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let status = word.parse().ok()?;
        self.classes.iter().find(|(class, _)| class.takes(status)).map(|(_, meaning)| *meaning)
    }
}

impl StatusPattern {
    /// True if a rule with this pattern takes a status. A class does not hold 408 and 499: the
    /// request may still be under way.
    pub(super) fn takes(self, status: u16) -> bool {
        self.is_exactly(status) || (self.is_class_of(status) && !matches!(status, 408 | 499))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary(words: &[(&str, Meaning)]) -> Vocabulary {
        Vocabulary::of(&words.iter().map(|(word, meaning)| ((*word).to_owned(), *meaning)).collect())
    }

    #[test]
    fn a_word_is_known_by_how_it_is_written() {
        use Meaning::{Accepted, Busy, Duplicate, New, Rejected, Unknown};
        let words = vocabulary(&[
            ("201", New),
            ("409", Duplicate),
            ("4xx", Rejected),
            ("429", Busy),
            ("null", Accepted),
            ("absent", Unknown),
            ("true", New),
            ("créé", New),
        ]);
        for (json, meaning) in [
            ("201", Some(New)),
            ("\"201\"", Some(New)),
            ("409", Some(Duplicate)),
            ("429", Some(Busy)),
            ("404", Some(Rejected)),
            ("\"404\"", Some(Rejected)),
            ("408", None),
            ("499", None),
            ("500", None),
            ("4040", None),
            ("-404", None),
            ("201.0", None),
            ("null", Some(Accepted)),
            ("\"null\"", None),
            ("\"absent\"", None),
            ("true", Some(New)),
            ("false", None),
            ("\"cr\\u00e9é\"", Some(New)),
            ("\"Créé\"", None),
            ("[201]", None),
            ("{}", None),
            ("\"\"", None),
        ] {
            assert_eq!(words.meaning(Some(json)), meaning, "{json}");
        }
        assert_eq!(words.meaning(None), Some(Unknown));
    }

    #[test]
    fn what_is_not_listed_has_no_meaning() {
        let words = vocabulary(&[("ok", Meaning::New)]);
        assert_eq!([None, Some("null"), Some("200")].map(|json| words.meaning(json)), [None; 3]);
    }
}
