//! Request for a single key: a second way to what is stored.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::target::publish::StatusPattern;
use crate::target::reads::RequestForm;
use crate::target::template::Template;

/// Request for a single key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct One {
    /// Base URL, if it is another than the target's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Method; GET if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Path and query.
    pub path: Template,
    /// Headers beyond those of every request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, Template>,
    /// Body; none if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
    /// Statuses that say that the key is stored.
    #[serde(default = "found")]
    pub found: Vec<StatusPattern>,
    /// Statuses that say that it is not.
    #[serde(default = "absent")]
    pub absent: Vec<StatusPattern>,
}

fn found() -> Vec<StatusPattern> {
    vec![StatusPattern::Exact(200)]
}

fn absent() -> Vec<StatusPattern> {
    vec![StatusPattern::Exact(404)]
}

impl One {
    /// Form of the request.
    pub fn request(&self) -> RequestForm<'_> {
        RequestForm::new("GET", &self.path, &self.headers).with(
            self.url.as_deref(),
            self.method.as_deref(),
            self.body.as_ref(),
        )
    }

    /// True if this status says that the key is stored, false if it says that it is not; none if it
    /// says neither. One status outranks a class.
    pub fn says(&self, status: u16) -> Option<bool> {
        let is_exact = |patterns: &[StatusPattern]| patterns.iter().any(|one| one.is_exactly(status));
        let is_class = |patterns: &[StatusPattern]| patterns.iter().any(|one| one.is_class_of(status));
        let [found, absent] = [is_exact(&self.found), is_exact(&self.absent)];
        if found || absent {
            return Some(found);
        }
        let [found, absent] = [is_class(&self.found), is_class(&self.absent)];
        (found || absent).then_some(found)
    }

    /// Checks the request and the statuses.
    pub fn fault(&self) -> Option<String> {
        let both = self.found.iter().find(|pattern| self.absent.contains(pattern));
        let both = both.map(|status| format!("found and absent both name {status}; leave it out of one"));
        let has_key =
            self.request().templates().flat_map(Template::holes).any(|hole| hole.name.is_of_event());
        let same = "has no hole of an event, so it asks the same for every key; write {{event_id}} into it";
        self.request().fault().or(both).or((!has_key).then(|| same.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> One {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_status_says_that_a_key_is_there_is_not_or_nothing() {
        let plain = one("path = \"/e/{{event_id}}\"");
        let said = |one: &One| [200, 204, 404, 410, 500].map(|status| one.says(status));
        assert_eq!(said(&plain), [Some(true), None, Some(false), None, None]);
        let wide = one("path = \"/e/{{event_id}}\"\nfound = [\"2xx\"]\nabsent = [\"204\", \"4xx\"]");
        assert_eq!(said(&wide), [Some(true), Some(false), Some(false), Some(false), None]);
        assert_eq!((plain.fault(), wide.fault()), (None, None));
    }

    #[test]
    fn a_request_that_asks_the_same_for_every_key_is_refused() {
        assert!(one("path = \"/e\"").fault().unwrap().contains("{{event_id}}"));
        let both = one("path = \"/e/{{event_id}}\"\nfound = [\"404\"]");
        assert!(both.fault().unwrap().contains("both name 404"));
    }
}
