//! Premises: statements that a finding rests on, and how far each of them stands.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Statement about how a target shows or counts, about who else acts, or a promise of the target.
/// A finding is a failure only if its premises hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Premise {
    /// The listing would show the key.
    Whole,
    /// Acknowledged events are listed by now.
    Fresh,
    /// No acknowledged event is still to be stored.
    NothingWaits,
    /// Copies that are shown are there to stay.
    CopiesSettled,
    /// Nobody else writes to the target.
    NobodyElse,
    /// The ids of the run were not used before it.
    IdsUnused,
    /// The counters are exact, of one moment, and count from one start.
    Counters,
    /// The uptime is that of the process that answers.
    Uptime,
    /// The unique counter counts the rows that are stored.
    UniqueCountsRows,
    /// A response means what the scenario says.
    Words,
    /// An acknowledged event is stored by then.
    Committed,
    /// Nothing between the sender and the target sends a request again.
    NothingResends,
    /// One clock timed all requests.
    OneClock,
    /// Promise: a request is stored completely or not at all.
    Atomic,
    /// Promise: a refused request has no effect.
    RefusedWithoutEffect,
    /// Promise: a listing of one topic shows no other.
    TopicHeeded,
    /// Promise: the rows of a listing have an order, in which pages follow one another.
    RowsInOrder,
    /// Promise: a repeat is acknowledged.
    RepeatAccepted,
    /// Promise: of two payloads of one key, the first stays.
    FirstStays,
    /// Promise: a payload is shown as it was spelt.
    ToTheLetter,
}

impl Premise {
    /// Name in files and reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Fresh => "fresh",
            Self::NothingWaits => "nothing waits",
            Self::CopiesSettled => "copies settled",
            Self::NobodyElse => "nobody else",
            Self::IdsUnused => "ids unused",
            Self::Counters => "exact counters",
            Self::Uptime => "uptime of one process",
            Self::UniqueCountsRows => "unique counts rows",
            Self::Words => "words",
            Self::Committed => "committed",
            Self::NothingResends => "nothing resends",
            Self::OneClock => "one clock",
            Self::Atomic => "atomic batches",
            Self::RefusedWithoutEffect => "refused without effect",
            Self::TopicHeeded => "topic heeded",
            Self::RowsInOrder => "rows in order",
            Self::RepeatAccepted => "repeats accepted",
            Self::FirstStays => "first stays",
            Self::ToTheLetter => "to the letter",
        }
    }

    /// Statement, as a sentence.
    pub fn statement(self) -> &'static str {
        match self {
            Self::Whole => "the listing shows every stored event",
            Self::Fresh => "what was acknowledged is listed by now",
            Self::NothingWaits => "no acknowledged event is still to be stored",
            Self::CopiesSettled => "copies that are shown are there to stay",
            Self::NobodyElse => "nobody else writes to the target",
            Self::IdsUnused => "the ids of the run were not used before it",
            Self::Counters => "the counters are exact, of one moment, and count from one start",
            Self::Uptime => "the uptime is that of the process that answers",
            Self::UniqueCountsRows => "the unique counter counts the rows that are stored",
            Self::Words => "a response means what the scenario says",
            Self::Committed => "an acknowledged event is stored",
            Self::NothingResends => "nothing in between sends a request again",
            Self::OneClock => "one clock timed all requests",
            Self::Atomic => "a request is stored completely or not at all",
            Self::RefusedWithoutEffect => "a refused request has no effect",
            Self::TopicHeeded => "a listing of one topic shows no other",
            Self::RowsInOrder => "the pages of a listing follow one another in one order",
            Self::RepeatAccepted => "a repeat is acknowledged",
            Self::FirstStays => "of two payloads of one key, the first stays",
            Self::ToTheLetter => "a payload is shown as it was spelt",
        }
    }

    /// Line of a scenario that promises it.
    pub fn promised_by(self) -> &'static str {
        match self {
            Self::Whole => "`complete = true` under `[target.listing]`, or a `[database]`",
            Self::Fresh => "`visible = \"5s\"` under `[promises]`",
            Self::NothingWaits => {
                "`ack = \"committed\"` under `[promises]`, or `drain = \"30s\"` if events are stored later"
            }
            Self::CopiesSettled => {
                "`merge = \"0s\"` under `[promises]` if the store never merges copies, or the longest time in which it does"
            }
            Self::NobodyElse => {
                "`shared = false` under `[promises]` if nobody else writes, or `shared = true` if others do"
            }
            Self::IdsUnused => "a run of new ids, which a run without --run-id is",
            Self::Counters => {
                "`stats_lag = \"...\"` (the longest time until all is counted; none: `stats = \"snapshot\"`) and \
                 `counters = \"persistent\"` under `[promises]`"
            }
            Self::Uptime => "`preset = \"reference\"` under `[promises]`",
            Self::UniqueCountsRows => "`unique = \"rows\"` under `[promises]`",
            Self::Words => "`[target.answer]` and the statuses of `[target.publish]`",
            Self::Committed => "`ack = \"committed\"` under `[promises]`",
            Self::NothingResends => "`intermediary_resends = false` under `[promises]`",
            Self::OneClock => "sending and verifying from one machine",
            Self::Atomic => "`batch = \"atomic\"` under `[promises]`",
            Self::RefusedWithoutEffect => "`refused = \"no effect\"` under `[promises]`",
            Self::TopicHeeded => "`filter = true` under `[target.listing]`",
            Self::RowsInOrder => "`order = \"newest-first\"` under `[target.listing]`",
            Self::RepeatAccepted => "`repeat = \"accepted\"` under `[promises]`",
            Self::FirstStays => "`conflict = \"first-wins\"` under `[promises]`",
            Self::ToTheLetter => "`payload = \"exact\"` under `[promises]`",
        }
    }

    /// Returns true for a promise that a target may well not make. What breaks it is no fault of a
    /// target that did not make it.
    pub fn is_optional(self) -> bool {
        matches!(
            self,
            Self::Atomic
                | Self::RefusedWithoutEffect
                | Self::TopicHeeded
                | Self::RowsInOrder
                | Self::RepeatAccepted
                | Self::FirstStays
                | Self::ToTheLetter
                | Self::Uptime
                | Self::UniqueCountsRows
        )
    }
}

impl fmt::Display for Premise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.text())
    }
}

/// Sentence about a premise that nothing else is known of.
const NOTHING_SAYS: &str = "nothing promises or shows it";

/// Ground on which a premise stands in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// The scenario, or the preset that it names, says so.
    Promised,
    /// The run demonstrates it.
    Shown,
    /// Neither.
    Assumed,
    /// Evidence contradicts it.
    Refuted,
}

impl Standing {
    /// Name in files and reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::Promised => "promised",
            Self::Shown => "shown",
            Self::Assumed => "assumed",
            Self::Refuted => "refuted",
        }
    }
}

/// A premise in a run. [`fmt::Display`] writes its statement, and what would decide it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ground {
    /// The premise.
    pub premise: Premise,
    /// Its standing.
    pub standing: Standing,
    /// Sentence that says what promises, shows or refutes it.
    pub because: String,
}

impl fmt::Display for Ground {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.premise.statement())?;
        if self.because != NOTHING_SAYS {
            write!(out, " ({})", self.because)?;
        }
        match self.remedy() {
            Some(remedy) => write!(out, ": {remedy} decides"),
            None => Ok(()),
        }
    }
}

impl Ground {
    /// Makes a premise that the scenario promises.
    pub(crate) fn promised(premise: Premise) -> Self {
        Self::promised_by(premise, "the scenario promises it")
    }

    /// Makes a premise that the scenario promises by this.
    pub(crate) fn promised_by(premise: Premise, by: impl Into<String>) -> Self {
        Self { premise, standing: Standing::Promised, because: by.into() }
    }

    /// Makes a premise that the run demonstrates.
    pub(crate) fn shown(premise: Premise, by: impl Into<String>) -> Self {
        Self { premise, standing: Standing::Shown, because: by.into() }
    }

    /// Makes a premise that nothing promises or shows.
    pub(crate) fn assumed(premise: Premise) -> Self {
        Self::assumed_though(premise, NOTHING_SAYS)
    }

    /// Makes a premise that nothing promises or shows, with what is known of it.
    pub(crate) fn assumed_though(premise: Premise, because: impl Into<String>) -> Self {
        Self { premise, standing: Standing::Assumed, because: because.into() }
    }

    /// Makes a premise that evidence contradicts.
    pub(crate) fn refuted(premise: Premise, by: impl Into<String>) -> Self {
        Self { premise, standing: Standing::Refuted, because: by.into() }
    }

    /// Returns the promise that decides it, if it does not hold.
    pub fn remedy(&self) -> Option<&'static str> {
        match (self.standing, self.premise) {
            (Standing::Promised | Standing::Shown, _) => None,
            // To promise what the run contradicts decides nothing.
            (Standing::Refuted, Premise::Whole) => Some("a `[database]`, which shows what is stored"),
            // A queue stores later, whatever is promised.
            (Standing::Refuted, Premise::Committed) => None,
            // A queue has no order to promise.
            (Standing::Refuted, Premise::RowsInOrder) => None,
            (Standing::Refuted, Premise::Counters) => Some(
                "`stats_lag = \"...\"` under `[promises]` if they are only late, or `stats = {}` under \
                 `[target]` to leave them out",
            ),
            _ => Some(self.premise.promised_by()),
        }
    }

    /// Returns true if findings may rest on it.
    pub fn holds(&self) -> bool {
        matches!(self.standing, Standing::Promised | Standing::Shown)
    }
}
