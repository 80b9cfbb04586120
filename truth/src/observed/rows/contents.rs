//! Contents of the rows of a whole listing: what is shown, and what differs from what was sent.
//!
//! A content that no row shows is not a finding; one that some rows show and others lack is. The
//! same holds for timestamps in a form that is not understood. So such rows stay open until all
//! rows were seen. For example, the first 100 rows lack their payload. If no later row has one, the
//! target does not show payloads. If a later row has one, all 100 are findings.
//!
//! Memory is bounded: open rows are counted by what they lack, and some are kept as examples.

use serde::{Deserialize, Serialize};

use crate::numbers::grouped;
use crate::observed::rows::{Anomaly, AnomalyClass, EXAMPLES, Row, shortened};

/// Names of the contents of an event, in the order of [`ContentsTally::each`].
pub const CONTENTS: [&str; 4] = ["timestamp", "source", "payload", "values"];

const TIMESTAMP: usize = 0;

/// Number of points that a row can leave open: each content may be missing, and the timestamp may
/// have a form that is not understood.
const POINTS: usize = CONTENTS.len() + 1;

/// Point of a timestamp whose form is not understood.
const UNCLEAR: usize = POINTS - 1;

/// Likeness of a content of a row to what was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Likeness {
    /// Equal to what was sent.
    Same,
    /// Different from what was sent.
    Changed,
    /// Its form is not understood.
    Unclear,
    /// The row does not show it.
    Missing,
}

/// Likeness of each content of a row; none for one that is not to be compared.
pub(super) type Likenesses = [Option<Likeness>; CONTENTS.len()];

/// Number of rows by the likeness of one content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ContentTally {
    same: u64,
    changed: u64,
    unclear: u64,
    missing: u64,
}

impl ContentTally {
    fn take(&mut self, likeness: Likeness) {
        let rows = match likeness {
            Likeness::Same => &mut self.same,
            Likeness::Changed => &mut self.changed,
            Likeness::Unclear => &mut self.unclear,
            Likeness::Missing => &mut self.missing,
        };
        *rows += 1;
    }

    /// Number of rows whose content was compared with what was sent.
    pub fn compared(&self) -> u64 {
        self.same + self.changed
    }

    /// True if not one of the compared rows has what was sent.
    pub fn is_foreign(&self) -> bool {
        self.changed > 0 && self.same == 0
    }

    fn shown(&self) -> u64 {
        self.compared() + self.unclear
    }

    pub(super) fn all(&self) -> u64 {
        self.shown() + self.missing
    }
}

/// Set of points, one bit for each.
type Points = usize;

/// Row that is a finding only if other rows have what it lacks.
#[derive(Clone, Debug)]
struct OpenRow {
    points: Points,
    ordinal: u64,
    topic: String,
    event_id: String,
    timestamp: String,
}

/// Totals of the contents of a listing's rows.
#[derive(Clone, Debug, Default)]
pub struct ContentsTally {
    /// Totals of each content.
    pub each: [ContentTally; CONTENTS.len()],
    /// Rows with a content that differs.
    changed: u64,
    /// Number of the other rows, by the points that they leave open.
    open: [u64; 1 << POINTS],
    /// Some of the open rows, of each point at least [`EXAMPLES`] if there are as many.
    examples: Vec<OpenRow>,
    /// Number of examples of each point.
    kept: [u64; POINTS],
}

impl ContentsTally {
    /// Adds a row.
    pub(super) fn take(&mut self, ordinal: u64, row: &Row, likenesses: Likenesses) {
        for (tally, likeness) in self.each.iter_mut().zip(likenesses) {
            if let Some(likeness) = likeness {
                tally.take(likeness);
            }
        }
        if likenesses.contains(&Some(Likeness::Changed)) {
            self.changed += 1;
            return;
        }
        let points = open_points(likenesses);
        self.open[points] += 1;
        let mut is_example = false;
        for point in (0..POINTS).filter(|point| has(points, *point)) {
            is_example |= self.kept[point] < EXAMPLES;
            self.kept[point] += 1;
        }
        if is_example {
            self.examples.push(OpenRow {
                points,
                ordinal,
                topic: row.topic.clone(),
                event_id: row.event_id.clone(),
                timestamp: row.timestamp.clone().unwrap_or_default(),
            });
        }
    }

    /// Number of rows with other contents than were sent, once all rows were added.
    pub(super) fn findings(&self) -> u64 {
        let decided = self.decided();
        let open = (0..self.open.len()).filter(|points| points & decided != 0);
        self.changed + open.map(|points| self.open[points]).sum::<u64>()
    }

    /// Returns examples of the open rows that are findings, once all rows were added.
    pub(super) fn anomalies(&self) -> impl Iterator<Item = Anomaly> {
        let decided = self.decided();
        let findings = self.examples.iter().filter(move |row| row.points & decided != 0);
        findings.map(move |row| Anomaly {
            class: AnomalyClass::PayloadChanged,
            ordinal: Some(row.ordinal),
            topic: row.topic.clone(),
            event_id: row.event_id.clone(),
            detail: self.detail(row, decided),
        })
    }

    /// Returns a timestamp whose form is not understood, if no row shows the one that was sent.
    pub(super) fn unclear(&self) -> Option<&str> {
        let row = self.examples.iter().find(|row| has(row.points, UNCLEAR))?;
        (self.each[TIMESTAMP].same == 0).then_some(&row.timestamp)
    }

    /// Points that make findings of the rows that leave them open.
    fn decided(&self) -> Points {
        let is_shown = |content: &usize| self.each[*content].shown() > 0;
        let missing = (0..CONTENTS.len()).filter(is_shown);
        let unclear = (self.each[TIMESTAMP].same > 0).then_some(UNCLEAR);
        missing.chain(unclear).map(|point| 1 << point).sum()
    }

    fn detail(&self, row: &OpenRow, decided: Points) -> String {
        let points = (0..POINTS).filter(|point| has(row.points & decided, *point));
        let point = points.map(|point| match point {
            UNCLEAR => {
                let tally = &self.each[TIMESTAMP];
                let listed = shortened(&row.timestamp);
                let understood = grouped(tally.compared());
                let rows = grouped(tally.shown());
                format!("timestamp is `{listed}`, a form that is not understood; that of {understood} of {rows} rows is")
            }
            content => {
                let tally = &self.each[content];
                let shown = grouped(tally.shown());
                let rows = grouped(tally.all());
                format!("{} is missing; {shown} of {rows} rows show it", CONTENTS[content])
            }
        });
        point.collect::<Vec<_>>().join("; ")
    }
}

fn open_points(likenesses: Likenesses) -> Points {
    let is_missing = |content: &usize| likenesses[*content] == Some(Likeness::Missing);
    let missing = (0..CONTENTS.len()).filter(is_missing);
    let unclear = (likenesses[TIMESTAMP] == Some(Likeness::Unclear)).then_some(UNCLEAR);
    missing.chain(unclear).map(|point| 1 << point).sum()
}

fn has(points: Points, point: usize) -> bool {
    points >> point & 1 == 1
}

/// Contents of a run's events, as the rows of its keys show them.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// Number of rows whose timestamp was compared; none if timestamps were not to be compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u64>,
    /// The same for sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<u64>,
    /// The same for payloads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<u64>,
    /// The same for values of the scenario's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<u64>,
    /// A timestamp in a form that is not understood, if no row shows the one that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unclear: Option<String>,
    /// Number of rows whose payload means what was sent, and is spelt otherwise.
    #[serde(skip_serializing_if = "is_zero")]
    pub respelled: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Contents {
    /// Returns the names of the contents that were compared in some rows.
    pub fn compared(&self) -> Vec<&'static str> {
        self.named(|rows| rows > 0)
    }

    /// Returns the names of the contents that no row shows, though they were to be compared.
    pub fn hidden(&self) -> Vec<&'static str> {
        let mut hidden = self.named(|rows| rows == 0);
        hidden.retain(|content| *content != CONTENTS[TIMESTAMP] || self.unclear.is_none());
        hidden
    }

    /// Number of rows of which something was compared.
    pub fn rows(&self) -> u64 {
        self.each().into_iter().flatten().max().unwrap_or(0)
    }

    fn each(&self) -> [Option<u64>; CONTENTS.len()] {
        [self.timestamp, self.source, self.payload, self.values]
    }

    fn named(&self, is_wanted: impl Fn(u64) -> bool) -> Vec<&'static str> {
        let each = CONTENTS.into_iter().zip(self.each());
        each.filter(|(_, rows)| rows.is_some_and(&is_wanted)).map(|(content, _)| content).collect()
    }

    /// Returns what two ways show: of each content, the way that shows it in more rows counts.
    pub fn and(self, other: Self) -> Self {
        Self {
            timestamp: self.timestamp.max(other.timestamp),
            source: self.source.max(other.source),
            payload: self.payload.max(other.payload),
            values: self.values.max(other.values),
            unclear: self.unclear.or(other.unclear),
            respelled: self.respelled.max(other.respelled),
        }
    }
}
