//! Promises of a target: the `[promises]` of a scenario. A target is judged by its own promises,
//! and nothing is promised that a scenario does not say, but for one thing: an acknowledged event
//! is stored once, and comes back equal in meaning.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Time that a preset promises to know a key for.
const WINDOW: Duration = Duration::from_secs(120);

/// Time for which a request may still take effect after its client gave up, unless a scenario says
/// another.
const ZOMBIE: Duration = Duration::from_secs(2);

/// Promises that a verdict is measured against. What is none is not promised.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "WrittenPromises")]
pub struct Promises {
    /// Set of promises that the others start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Meaning of an acknowledgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ack: Option<Ack>,
    /// Fate of a request of which a part is rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// Consistency of the counters in one response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<StatsPromise>,
    /// Longest time after a response in which the counters may lack what it acknowledged.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub stats_lag: Option<Duration>,
    /// Events that the received counter counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<Received>,
    /// Fate of the counters at a restart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counters: Option<CounterPromise>,
    /// Subject of the unique counter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unique: Option<Unique>,
    /// Comparison of a stored payload with the one that was sent.
    pub payload: PayloadEquality,
    /// Comparison of a stored timestamp with the one that was sent.
    pub timestamp: TimestampEquality,
    /// Fate of a key that comes again with another payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// Effect of a request that is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
    /// Answer to a repeat of an acknowledged event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// Subject of deduplication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// Longest time from an acknowledgement until every read shows the event.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub visible: Option<Duration>,
    /// Longest time for which copies of an event may be shown before they merge.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub merge: Option<Duration>,
    /// Time for which a stored key is deduplicated; none for ever.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// Longest time from the last response until everything accepted is stored.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// Longest time for which a request may still take effect after its client gave up.
    #[serde(with = "crate::duration")]
    pub zombie: Duration,
    /// False if nobody else writes to the target during the run, true if others do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shared: Option<bool>,
    /// True if something between the sender and the target may send a request again, false if
    /// nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intermediary_resends: Option<bool>,
}

/// Named sets of promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Everything that can be promised, as the reference target does.
    Reference,
    /// Stored before the response, counters exact and persistent, and nobody else writes.
    Strict,
    /// Accepted durably and stored later.
    Queued,
    /// The target has no listing.
    CountersOnly,
    /// A key is deduplicated for `window` only, which is two minutes by default.
    Windowed,
}

/// Meaning of an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// The events are stored.
    Committed,
    /// The events will be stored.
    Queued,
}

/// Fate of a request of which a part is rejected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batch {
    /// All of the request is rejected.
    Atomic,
    /// The rest is accepted.
    Partial,
}

/// Consistency of the counters in one response.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatsPromise {
    /// The counters of every response add up.
    Snapshot,
    /// The counters add up only while the target is at rest.
    Eventual,
}

/// Events that the received counter counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Received {
    /// Events that were accepted.
    Accepted,
    /// All events that arrived, rejected ones too.
    Offered,
}

/// Fate of the counters at a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CounterPromise {
    /// The counters survive.
    Persistent,
    /// The counters start again from zero.
    Volatile,
}

/// Comparison of a stored payload with the one that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadEquality {
    /// The text is the same.
    Exact,
    /// The JSON value is the same: names in any order, numbers by value, escapes undone. The JSON
    /// may also stand in a string.
    Json,
    /// The stored JSON value holds at least what was sent: every member is there, at any depth, and
    /// others may be.
    Contains,
    /// Nothing is promised.
    None,
}

/// Fate of a key that comes again with another payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// The first payload stays.
    FirstWins,
    /// The last payload stays.
    LastWins,
    /// The first payload stays, and a request with another one is rejected.
    Reject,
}

/// Comparison of a stored timestamp with the one that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampEquality {
    /// The text is the same.
    Exact,
    /// The moment is the same to the millisecond, in any form: another offset, no offset for UTC,
    /// a number of seconds, milli-, micro- or nanoseconds since 1970.
    Instant,
    /// Nothing is promised.
    None,
}

/// Subject of the unique counter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unique {
    /// The rows that are stored at the moment, as a `COUNT(*)` would say.
    Rows,
}

/// Effect of a request that is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Refused {
    /// Nothing of it is stored.
    #[serde(rename = "no effect")]
    NoEffect,
}

/// Subject of deduplication.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Each event by its key.
    Event,
    /// The whole request: only a copy that is the same to the byte is a repeat.
    Request,
}

/// Answer to a repeat of an acknowledged event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// An acknowledgement, as the first copy got.
    Accepted,
}

impl Preset {
    /// Returns the promises of this set.
    pub fn promises(self) -> Promises {
        let nothing = Promises { preset: Some(self), ..Promises::default() };
        let strict = Promises {
            ack: Some(Ack::Committed),
            batch: Some(Batch::Atomic),
            stats: Some(StatsPromise::Snapshot),
            received: Some(Received::Accepted),
            counters: Some(CounterPromise::Persistent),
            payload: PayloadEquality::Exact,
            timestamp: TimestampEquality::Exact,
            conflict: Some(Conflict::FirstWins),
            shared: Some(false),
            intermediary_resends: Some(false),
            ..nothing
        };
        match self {
            Self::Reference => Promises {
                unique: Some(Unique::Rows),
                refused: Some(Refused::NoEffect),
                repeat: Some(Repeat::Accepted),
                visible: Some(Duration::ZERO),
                merge: Some(Duration::ZERO),
                ..strict
            },
            Self::Strict => strict,
            Self::Queued => Promises { ack: Some(Ack::Queued), ..nothing },
            Self::Windowed => Promises { window: Some(WINDOW), ..nothing },
            Self::CountersOnly => nothing,
        }
    }
}

impl Default for Promises {
    fn default() -> Self {
        Self {
            preset: None,
            ack: None,
            batch: None,
            stats: None,
            stats_lag: None,
            received: None,
            counters: None,
            unique: None,
            payload: PayloadEquality::Json,
            timestamp: TimestampEquality::Instant,
            conflict: None,
            refused: None,
            repeat: None,
            unit: None,
            visible: None,
            merge: None,
            window: None,
            drain: None,
            zombie: ZOMBIE,
            shared: None,
            intermediary_resends: None,
        }
    }
}

impl Promises {
    /// Returns what a folder of release 0.1 promises. Its `run.json` holds every promise of its
    /// preset, said or not. So a value of the preset `strict`, the default of that release, says
    /// nothing.
    pub fn of_release_0_1(self) -> Self {
        if self.preset != Some(Preset::Strict) {
            return self;
        }
        let strict = Preset::Strict.promises();
        Self {
            preset: None,
            ack: unless(self.ack, strict.ack),
            batch: unless(self.batch, strict.batch),
            stats: unless(self.stats, strict.stats),
            received: unless(self.received, strict.received),
            counters: unless(self.counters, strict.counters),
            payload: match self.payload {
                PayloadEquality::Exact => PayloadEquality::Json,
                said => said,
            },
            timestamp: match self.timestamp {
                TimestampEquality::Exact => TimestampEquality::Instant,
                said => said,
            },
            conflict: unless(self.conflict, strict.conflict),
            shared: unless(self.shared, strict.shared),
            intermediary_resends: unless(self.intermediary_resends, strict.intermediary_resends),
            ..self
        }
    }

    /// Returns these promises, with those of another set where nothing is said.
    pub fn or(self, others: Self) -> Self {
        Self {
            ack: self.ack.or(others.ack),
            batch: self.batch.or(others.batch),
            stats: self.stats.or(others.stats),
            stats_lag: self.stats_lag.or(others.stats_lag),
            received: self.received.or(others.received),
            counters: self.counters.or(others.counters),
            unique: self.unique.or(others.unique),
            conflict: self.conflict.or(others.conflict),
            refused: self.refused.or(others.refused),
            repeat: self.repeat.or(others.repeat),
            unit: self.unit.or(others.unit),
            visible: self.visible.or(others.visible),
            merge: self.merge.or(others.merge),
            window: self.window.or(others.window),
            drain: self.drain.or(others.drain),
            shared: self.shared.or(others.shared),
            intermediary_resends: self.intermediary_resends.or(others.intermediary_resends),
            ..self
        }
    }

    /// True if an acknowledged event may be stored later.
    pub fn is_queued(&self) -> bool {
        self.ack == Some(Ack::Queued)
    }

    /// True if an acknowledged event is promised to be stored.
    pub fn is_committed(&self) -> bool {
        self.ack == Some(Ack::Committed)
    }

    /// True if a request is promised to be stored completely or not at all.
    pub fn is_atomic(&self) -> bool {
        self.batch == Some(Batch::Atomic)
    }

    /// True if only copies of whole requests are promised to be known again.
    pub fn is_by_request(&self) -> bool {
        self.unit == Some(Unit::Request)
    }

    /// True if others are said to write.
    pub fn is_shared(&self) -> bool {
        self.shared == Some(true)
    }

    /// True if something in between is said to send requests again.
    pub fn may_resend(&self) -> bool {
        self.intermediary_resends == Some(true)
    }

    /// True if the counters are promised to go on after a restart.
    pub fn counts_on(&self) -> bool {
        self.counters == Some(CounterPromise::Persistent)
    }

    /// True if the target is said to have no listing.
    pub fn has_no_listing(&self) -> bool {
        self.preset == Some(Preset::CountersOnly)
    }
}

/// Returns a promise, unless it is the one that its preset made anyway.
fn unless<T: PartialEq>(said: Option<T>, preset: Option<T>) -> Option<T> {
    if said == preset { None } else { said }
}

/// Promises as written: a preset, and what differs from it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct WrittenPromises {
    preset: Option<Preset>,
    ack: Option<Ack>,
    batch: Option<Batch>,
    stats: Option<StatsPromise>,
    #[serde(with = "crate::duration::optional")]
    stats_lag: Option<Duration>,
    received: Option<Received>,
    counters: Option<CounterPromise>,
    unique: Option<Unique>,
    payload: Option<PayloadEquality>,
    timestamp: Option<TimestampEquality>,
    conflict: Option<Conflict>,
    refused: Option<Refused>,
    repeat: Option<Repeat>,
    unit: Option<Unit>,
    #[serde(with = "crate::duration::optional")]
    visible: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    merge: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    window: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    drain: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    zombie: Option<Duration>,
    shared: Option<bool>,
    intermediary_resends: Option<bool>,
}

impl From<WrittenPromises> for Promises {
    fn from(written: WrittenPromises) -> Self {
        let base = written.preset.map(Preset::promises).unwrap_or_default();
        let said = Self {
            preset: written.preset,
            ack: written.ack,
            batch: written.batch,
            stats: written.stats,
            stats_lag: written.stats_lag,
            received: written.received,
            counters: written.counters,
            unique: written.unique,
            payload: written.payload.unwrap_or(base.payload),
            timestamp: written.timestamp.unwrap_or(base.timestamp),
            conflict: written.conflict,
            refused: written.refused,
            repeat: written.repeat,
            unit: written.unit,
            visible: written.visible,
            merge: written.merge,
            window: written.window,
            drain: written.drain,
            zombie: written.zombie.unwrap_or(base.zombie),
            shared: written.shared,
            intermediary_resends: written.intermediary_resends,
        };
        said.or(base)
    }
}
