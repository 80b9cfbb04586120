//! One rule, and what it is made from.

use super::super::response::Response;
use super::super::toml_text::quoted;

/// Fate that an event of a request should have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::probe) enum Fate {
    /// New: the event was not sent before.
    New,
    /// Known: the event was stored before.
    Known,
    /// Invalid: the target should reject the event.
    Invalid,
}

/// Request that was sent, and its response.
#[derive(Clone, Debug)]
pub(in crate::probe) struct Seen {
    /// Name for people.
    pub(in crate::probe) name: &'static str,
    /// Fates of its events, in order.
    pub(in crate::probe) fates: Vec<Fate>,
    /// Ids of its events.
    pub(in crate::probe) ids: Vec<String>,
    /// Response.
    pub(in crate::probe) response: Response,
}

impl Seen {
    pub(super) fn is_all(&self, fate: Fate) -> bool {
        !self.fates.is_empty() && self.fates.iter().all(|own| *own == fate)
    }

    pub(super) fn count(&self, fate: Fate) -> u64 {
        self.fates.iter().filter(|own| **own == fate).count() as u64
    }
}

/// One rule, with the sentence that says what was seen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::probe) struct Rule {
    pub(in crate::probe) evidence: String,
    /// Statuses as TOML.
    pub(super) status: Vec<String>,
    pub(super) conditions: Vec<(String, String)>,
    pub(super) is_lines: bool,
    pub(super) means: Option<&'static str>,
    pub(super) each: Option<String>,
    pub(super) word: Option<String>,
    pub(super) words: Vec<(String, &'static str)>,
    pub(super) counts: Vec<(&'static str, String)>,
}

impl Rule {
    pub(super) fn of_status(status: &[&str], means: &'static str, evidence: &str) -> Self {
        let status = status.iter().map(|text| quoted(text)).collect();
        Self { status, means: Some(means), evidence: evidence.to_owned(), ..Self::default() }
    }

    /// Returns the rule of a response to one of two requests that were sent at once.
    pub(in crate::probe) fn busy(response: &Response) -> Self {
        let evidence = format!("one of two equal requests at once was answered {}", response.in_one_line());
        Self::of_status(&[&response.status.to_string()], "busy", &evidence)
    }

    /// True if it reads the body.
    pub(in crate::probe) fn reads_body(&self) -> bool {
        self.each.is_some() || self.word.is_some() || !self.counts.is_empty()
    }

    /// True if it names rejected events by their word.
    pub(in crate::probe) fn names_rejected(&self) -> bool {
        self.each.is_some() && self.words.iter().any(|(_, means)| *means == "rejected")
    }

    /// Returns its keys as lines of TOML.
    pub(in crate::probe) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match self.status.as_slice() {
            [] => {}
            [one] => lines.push(format!("status = {one}")),
            many => lines.push(format!("status = [{}]", many.join(", "))),
        }
        let table = |pairs: Vec<String>| format!("{{ {} }}", pairs.join(", "));
        if !self.conditions.is_empty() {
            let pairs = self.conditions.iter().map(|(place, value)| format!("{} = {value}", quoted(place)));
            lines.push(format!("where = {}", table(pairs.collect())));
        }
        if self.is_lines {
            lines.push("format = \"ndjson\"".to_owned());
        }
        let texts = [("each", &self.each), ("word", &self.word)];
        lines.extend(
            texts.into_iter().filter_map(|(key, value)| Some(format!("{key} = {}", quoted(value.as_ref()?)))),
        );
        if !self.words.is_empty() {
            let pairs = self.words.iter().map(|(word, means)| format!("{} = \"{means}\"", quoted(word)));
            lines.push(format!("words = {}", table(pairs.collect())));
        }
        lines.extend(self.means.map(|means| format!("means = \"{means}\"")));
        if !self.counts.is_empty() {
            let pairs = self.counts.iter().map(|(name, place)| format!("{name} = {}", quoted(place)));
            lines.push(format!("counts = {}", table(pairs.collect())));
        }
        lines
    }
}
