//! A target as people write it, with what is missing.
//!
//! A scenario with `publish.body` or `answers` starts from nothing: what it does not write, the
//! target does not have. Every other scenario starts from the reference contract. `run.json` holds the same form.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::publish::WrittenPublish;
use super::{
    AnswerFields, AnswerRules, Connect, EventFields, Listing, Prelude, Process, Stats, Target, TargetError,
    Template,
};

/// Target as it is written. A missing table has a default, which depends on the others.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(default, skip_serializing_if = "Connect::is_default")]
    connect: Connect,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, Template>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    before: Vec<Prelude>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    publish: Option<WrittenPublish>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerFields>,
    #[serde(default, skip_serializing_if = "AnswerRules::is_empty")]
    answers: AnswerRules,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stats: Option<Stats>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    listing: Option<Listing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fields: Option<EventFields>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    process: Option<Process>,
}

impl Written {
    fn starts_from_nothing(&self) -> bool {
        self.publish.as_ref().is_some_and(|publish| publish.body.is_some()) || !self.answers.is_empty()
    }

    /// Returns a key of the short form that says what responses mean, if there is one.
    fn short_answer(&self) -> Option<&'static str> {
        let publish = self.publish.as_ref();
        let keys = [
            ("publish.ack", publish.is_some_and(|publish| publish.ack.is_some())),
            ("publish.rejected", publish.is_some_and(|publish| publish.rejected.is_some())),
            ("answer", self.answer.is_some()),
        ];
        keys.into_iter().find(|(_, is_written)| *is_written).map(|(key, _)| key)
    }
}

impl TryFrom<Written> for Target {
    type Error = TargetError;

    fn try_from(written: Written) -> Result<Self, TargetError> {
        let defaults = if written.starts_from_nothing() { Self::nothing() } else { Self::default() };
        let has_text = written.publish.as_ref().is_some_and(|publish| publish.body.is_some());
        if has_text && written.fields.is_some() {
            return Err(TargetError::BothForms { short: "fields", new: "publish.event" });
        }
        if let Some(short) = written.short_answer().filter(|_| !written.answers.is_empty()) {
            return Err(TargetError::BothForms { short, new: "answers" });
        }
        let publish = match written.publish {
            Some(publish) => publish.over(defaults.publish)?,
            None => defaults.publish,
        };
        Ok(Self {
            url: written.url.unwrap_or(defaults.url),
            connect: written.connect,
            headers: written.headers,
            before: written.before,
            publish,
            answer: written.answer.unwrap_or(defaults.answer),
            answers: written.answers,
            stats: written.stats.unwrap_or(defaults.stats),
            listing: written.listing.map_or(defaults.listing, Listing::said),
            fields: written.fields.unwrap_or(defaults.fields),
            process: written.process,
        })
    }
}

impl From<Target> for Written {
    fn from(target: Target) -> Self {
        let has_text = target.publish.text.is_some();
        let has_rules = !target.answers.is_empty();
        let mut publish = WrittenPublish::from(target.publish);
        if has_rules {
            publish.ack = None;
            publish.rejected = None;
        }
        Self {
            url: Some(target.url),
            connect: target.connect,
            headers: target.headers,
            before: target.before,
            publish: Some(publish),
            answer: (!has_rules).then_some(target.answer),
            answers: target.answers,
            stats: Some(target.stats),
            listing: Some(target.listing.saved()),
            fields: (!has_text).then_some(target.fields),
            process: target.process,
        }
    }
}
