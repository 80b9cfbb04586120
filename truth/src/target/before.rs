//! Requests before a run, such as a login: `[target] before`.
//!
//! Their kept values fill `{{kept.NAME}}` in all requests of the run, those that send events and
//! those that read the target.

use std::collections::BTreeSet;

use super::Target;
use super::template::{Hole, HoleName, Template};

impl Target {
    /// True if requests before the run keep a value under this name.
    pub fn keeps(&self, name: &str) -> bool {
        self.before.iter().any(|prelude| prelude.keep.contains_key(name))
    }

    /// Names of the values that requests before the run keep.
    pub fn kept_names(&self) -> BTreeSet<&str> {
        self.before.iter().flat_map(|prelude| prelude.keep.keys()).map(String::as_str).collect()
    }

    /// Templates of the requests before the run, with the keys that hold them.
    pub fn before_templates(&self) -> Vec<(String, &Template)> {
        let before = self.before.iter().enumerate();
        let keyed = before
            .flat_map(|(nth, prelude)| prelude.request().keyed_templates(&format!("target.before.{nth}")));
        keyed.collect()
    }

    /// Returns why a hole of the request before the run with this number has no value; none if it has
    /// one.
    pub fn before_fault(&self, nth: usize, hole: &Hole) -> Option<String> {
        let name = &hole.name;
        match name {
            HoleName::Env(_) | HoleName::Open => None,
            HoleName::Kept(kept)
                if self.before[..nth].iter().any(|earlier| earlier.keep.contains_key(kept)) =>
            {
                None
            }
            HoleName::Kept(kept) => Some(format!(
                "{{{{kept.{kept}}}}} has no value yet: no request of target.before above this one keeps it"
            )),
            _ => Some(format!(
                "{{{{{name}}}}} has no value before the run: only {{{{env:NAME}}}} has, and {{{{kept.NAME}}}} of an \
                 earlier request"
            )),
        }
    }

    /// Finds a value that requests for counters name and that nothing keeps. The error begins with the
    /// key.
    pub(crate) fn kept_fault(&self) -> Option<String> {
        let requests = self.stats.requests().filter_map(super::StatsFields::request);
        let holes = requests.flat_map(|request| request.templates()).flat_map(Template::holes);
        let kept = holes.filter_map(|hole| match &hole.name {
            HoleName::Kept(name) => Some(name),
            _ => None,
        });
        let unknown = kept.into_iter().find(|name| !self.keeps(name))?;
        Some(format!("stats: {}", self.not_kept(unknown)))
    }

    /// Returns the fault of a value that nothing keeps.
    pub(crate) fn not_kept(&self, name: &str) -> String {
        let known: Vec<String> =
            self.kept_names().iter().map(|name| format!("{{{{kept.{name}}}}}")).collect();
        let known = if known.is_empty() { String::new() } else { format!("; kept are {}", known.join(", ")) };
        format!(
            "{{{{kept.{name}}}}} has no value: name it in a `keep` of target.before, keep = {{ {name} = \"/place\" }}{known}"
        )
    }
}
