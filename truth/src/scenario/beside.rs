//! Requests beside the load: `[[load.beside]]`. They are other requests of the same target, measured
//! by themselves, recorded in no ledger and never judged.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rate::Rate;
use super::share::Share;
use crate::target::{InClear, RequestForm, Template};

/// One kind of requests beside the load.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// Name in the summary.
    pub name: String,
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
    /// Number of connections, as a share of those of the load; none at a rate. Text, because a TOML
    /// float is binary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<String>,
    /// Requests a second; none for as many as the connections carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
}

impl Beside {
    /// Form of the request.
    pub fn request(&self) -> RequestForm<'_> {
        RequestForm::new("GET", &self.path, &self.headers).with(
            self.url.as_deref(),
            self.method.as_deref(),
            self.body.as_ref(),
        )
    }

    /// Number of connections beside a load of so many: at least one. At a rate, one for each request
    /// a second, and not more than the load has.
    pub fn connections(&self, of_load: u32) -> u32 {
        let number = match (self.rate, self.shared()) {
            (Some(rate), _) => rate.requests_per_s(1).ceil() as u32,
            (None, Some(share)) => share.of(of_load),
            (None, None) => 1,
        };
        number.clamp(1, of_load.max(1))
    }

    fn shared(&self) -> Option<Share> {
        self.share.as_deref()?.parse().ok()
    }

    /// Templates of the request, with the keys that hold them. `nth` is its place in the list.
    pub(super) fn templates(&self, nth: usize) -> Vec<(String, &Template)> {
        self.request().keyed_templates(&format!("load.beside.{nth}"))
    }

    /// Secrets of the request that are written in clear. `nth` is its place in the list.
    pub(super) fn secrets_in_clear(&self, nth: usize) -> Vec<InClear> {
        InClear::of_request(&format!("load.beside.{nth}"), self.request())
    }

    pub(super) fn fault(&self, before: &[Self]) -> Option<String> {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(is_name) {
            return Some("its name must be 1 to 64 letters, digits, dots, dashes or underscores".to_owned());
        }
        if before.iter().any(|other| other.name == self.name) {
            return Some("an entry above has the same name: give each its own".to_owned());
        }
        let is_share = |text: &String| text.parse::<Share>().is_ok_and(|share| share != Share::ZERO);
        let how = "write share = \"20%\" for that share of the connections, or rate = \"50/s\"";
        match (&self.share, self.rate) {
            (Some(_), Some(_)) => Some(format!("share and rate are both set: {how}")),
            (None, None) => Some(format!("neither share nor rate is set: {how}")),
            (None, Some(rate)) if rate == Rate::ZERO => Some(format!("its rate is 0: {how}")),
            (Some(share), None) if !is_share(share) => {
                Some(format!("share = \"{share}\" is no share: {how}"))
            }
            _ => self.request().fault(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beside(keys: &str) -> Beside {
        toml::from_str(&format!("name = \"search\"\npath = \"/search\"\n{keys}")).unwrap()
    }

    #[test]
    fn connections_are_a_share_of_those_of_the_load_or_follow_a_rate() {
        for (keys, of_load, expected) in [
            ("share = \"20%\"", 50, 10),
            ("share = \"0.001\"", 50, 1),
            ("share = \"20%\"", 1, 1),
            ("rate = \"5/s\"", 50, 5),
            ("rate = \"500/s\"", 50, 50),
            ("rate = \"6/m\"", 50, 1),
        ] {
            assert_eq!(beside(keys).connections(of_load), expected, "{keys}");
        }
    }

    #[test]
    fn a_request_beside_has_a_share_or_a_rate() {
        for (keys, expected) in [
            ("", Some("neither share nor rate")),
            ("share = \"20%\"\nrate = \"1/s\"", Some("both set")),
            ("rate = \"0\"", Some("rate is 0")),
            ("share = \"x\"", Some("is no share")),
            ("share = \"0\"", Some("is no share")),
            ("share = \"20%\"\nmethod = \"get\"", Some("method = \"get\"")),
            ("share = \"20%\"", None),
        ] {
            let fault = beside(keys).fault(&[]);
            assert_eq!(fault.is_some(), expected.is_some(), "{keys}");
            assert!(fault.unwrap_or_default().contains(expected.unwrap_or_default()), "{keys}");
        }
        let twice = beside("share = \"20%\"");
        assert!(twice.fault(std::slice::from_ref(&twice)).unwrap().contains("same name"));
    }
}
