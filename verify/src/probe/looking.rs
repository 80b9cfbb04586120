//! Looks at what a target stored, for experiments whose responses do not tell: rows that hold an id,
//! or a number that grows with new events alone.

use std::time::Duration;

use tokio::time::sleep;

use super::asking::Asker;
use super::counters::{Sums, sums};
use super::json::{elements_at, find_lists};
use super::response::Response;
use super::sight::Taken;
use super::view::{Keys, View};

/// Pauses before the looks at what a request did: a target may store later.
const PAUSES: [Duration; 2] = [Duration::from_millis(300), Duration::from_millis(1_500)];

/// Place to look at.
#[derive(Clone, Debug)]
pub(super) struct Glass {
    rows: Rows,
    /// URL of counters, and what they were.
    stats: Option<String>,
    before: Option<Sums>,
    /// Place of a number that grows with new events alone, and its value.
    unique: Option<(String, u64)>,
    /// Ids that were sent, and the number of rows that hold one.
    known: Vec<String>,
    shown: u64,
    pause: Duration,
    /// Reason why rows could not be read.
    failure: Option<String>,
}

/// Place of rows.
#[derive(Clone, Debug)]
pub(super) enum Rows {
    /// No place is known.
    Nowhere,
    /// URL of a listing.
    Url(String),
    /// View that the scenario describes.
    View {
        /// View.
        view: Box<View>,
        /// Topics of the experiments.
        topics: Vec<String>,
        /// Keys that were shown at the last look, or ever if a look drains.
        shown: Keys,
    },
}

impl Rows {
    /// Returns a place of rows, by the scenario or a URL.
    pub(super) fn of(view: Option<View>, url: Option<String>) -> Self {
        match (view, url) {
            (_, Some(url)) => Self::Url(url),
            (Some(view), None) => {
                Self::View { view: Box::new(view), topics: Vec::new(), shown: Keys::default() }
            }
            (None, None) => Self::Nowhere,
        }
    }

    /// Number of rows that hold one of these ids, for each list of ids.
    async fn count(&mut self, asker: &Asker, all: &[&[String]]) -> Result<Vec<u64>, String> {
        match self {
            Self::Nowhere => Ok(vec![0; all.len()]),
            Self::Url(url) => {
                let page = asker.get(url).await?;
                Ok(all.iter().map(|ids| rows_with(&page, ids)).collect())
            }
            Self::View { view, topics, shown } => {
                if !view.drains() {
                    shown.0.clear();
                }
                view.look(asker, topics, shown).await?;
                Ok(all.iter().map(|ids| shown.of(ids).count() as u64).collect())
            }
        }
    }

    /// Topic under which a view shows one of these ids.
    fn topic_of(&self, ids: &[String]) -> Option<String> {
        match self {
            Self::View { shown, .. } => shown.of(ids).map(|[topic, _]| topic.clone()).next(),
            Self::Url(_) | Self::Nowhere => None,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::View { view, .. } => view.name(),
            Self::Url(_) | Self::Nowhere => "the listing",
        }
    }
}

impl Glass {
    pub(super) fn new(rows: Rows, stats: Option<String>) -> Self {
        Self {
            rows,
            stats,
            before: None,
            unique: None,
            known: Vec::new(),
            shown: 0,
            pause: PAUSES[0],
            failure: None,
        }
    }

    /// Says which topics the experiments have.
    pub(super) fn expect(&mut self, of_experiments: &[String]) {
        if let Rows::View { topics, .. } = &mut self.rows {
            of_experiments.clone_into(topics);
        }
    }

    /// Looks before anything is sent.
    pub(super) async fn begin(&mut self, asker: &Asker) {
        self.before = self.counted(asker).await;
    }

    async fn counted(&self, asker: &Asker) -> Option<Sums> {
        let response = asker.get(self.stats.as_ref()?).await.ok()?;
        Some(sums(response.json.as_ref()?, ""))
    }

    async fn count(&mut self, asker: &Asker, all: &[&[String]]) -> Option<Vec<u64>> {
        self.rows.count(asker, all).await.map_err(|reason| self.failure = Some(reason)).ok()
    }

    /// Learns how two new events, and one of them again, show.
    pub(super) async fn learn(&mut self, asker: &Asker, first: &[String], other: &[String]) {
        for pause in PAUSES {
            self.pause = pause;
            sleep(pause).await;
            let counts = self.count(asker, &[first, other]).await.unwrap_or_default();
            if let [one, another] = counts[..]
                && one > 0
                && another > 0
            {
                self.known = first.to_vec();
                self.shown = one;
                return;
            }
            let now = self.counted(asker).await;
            if let (Some(before), Some(now)) = (&self.before, now) {
                let grown = now.iter().find(|(place, value)| **value == before.get(*place).unwrap_or(&0) + 2);
                self.unique = grown.map(|(place, value)| (place.clone(), *value));
                if self.unique.is_some() {
                    return;
                }
            }
        }
    }

    /// Looks after requests whose events are not judged.
    pub(super) async fn skip(&mut self, asker: &Asker) {
        let Some((place, _)) = self.unique.clone() else { return };
        sleep(self.pause).await;
        let now = self.counted(asker).await.and_then(|now| now.get(&place).copied());
        self.unique = now.map(|now| (place, now));
    }

    /// True if the scenario describes what is looked at, so that topics are shown.
    pub(super) fn is_described(&self) -> bool {
        matches!(self.rows, Rows::View { .. })
    }

    /// Topic under which an event with these ids is shown, if the scenario says where it stands.
    pub(super) fn topic_of(&self, ids: &[String]) -> Option<String> {
        self.rows.topic_of(ids).filter(|topic| !topic.is_empty())
    }

    /// True if it shows new events.
    pub(super) fn shows(&self) -> bool {
        self.shown > 0 || self.unique.is_some()
    }

    /// Tells if an event with these ids, which was just sent, was new.
    pub(super) async fn judge(&mut self, asker: &Asker, ids: &[String]) -> Option<Taken> {
        sleep(self.pause).await;
        if self.shown > 0 {
            self.known.extend(ids.iter().filter(|id| !self.known.contains(id)).cloned().collect::<Vec<_>>());
            let known = self.known.clone();
            let rows = *self.count(asker, &[&known]).await?.first()?;
            let is_new = rows > self.shown;
            self.shown = rows;
            return Some(if is_new { Taken::New } else { Taken::Repeat });
        }
        let place = self.unique.as_ref()?.0.clone();
        let now = *self.counted(asker).await?.get(&place)?;
        let was = self.unique.replace((place, now))?.1;
        Some(match now.checked_sub(was) {
            Some(0) => Taken::Repeat,
            Some(1) => Taken::New,
            _ => Taken::Unclear,
        })
    }

    /// Sentence that says what was seen.
    pub(super) fn in_words(&self) -> Option<String> {
        match (&self.unique, self.shown) {
            (_, 1..) => {
                let name = self.rows.name();
                Some(format!("{name} shows a row for a new event and none for the same again"))
            }
            (Some((place, _)), _) => Some(format!("the number at {place} grows with new events alone")),
            (None, 0) => None,
        }
    }

    /// Sentence that says why rows could not be read.
    pub(super) fn failure(&self) -> Option<String> {
        let reason = self.failure.as_ref().filter(|_| !self.shows())?;
        Some(format!("{} could not be read: {reason}", self.rows.name()))
    }
}

/// Number of listed rows that hold one of these ids.
fn rows_with(page: &Response, ids: &[String]) -> u64 {
    let Some(json) = page.json.as_ref().filter(|_| page.is_success()) else { return 0 };
    let mut lists = Vec::new();
    find_lists(json, "", &mut lists);
    let holds = |row: &&&serde_json::Value| {
        let text = row.to_string();
        ids.iter().any(|id| text.contains(id.as_str()))
    };
    let rows = lists.iter().map(|list| elements_at(json, list));
    rows.map(|rows| rows.iter().filter(holds).count() as u64).max().unwrap_or(0)
}
