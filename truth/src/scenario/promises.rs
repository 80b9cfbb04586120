//! Promises of a target: the `[promises]` of a scenario. A target is judged by its own promises.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Promises that a verdict is measured against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "PartialPromises")]
pub struct Promises {
    /// Set of promises that the others start from.
    pub preset: Preset,
    /// Meaning of an acknowledgement.
    pub ack: Ack,
    /// Fate of a request of which a part is rejected.
    pub batch: Batch,
    /// Consistency of the counters in one response.
    pub stats: StatsPromise,
    /// Longest time after a response in which the counters may lack what it acknowledged; none
    /// without a promise.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub stats_lag: Option<Duration>,
    /// Events that the received counter counts.
    pub received: Received,
    /// Fate of the counters at a restart.
    pub counters: CounterPromise,
    /// Comparison of a stored payload with the one that was sent.
    pub payload: PayloadEquality,
    /// Comparison of a stored timestamp with the one that was sent.
    pub timestamp: TimestampEquality,
    /// Fate of a key that comes again with another payload.
    pub conflict: Conflict,
    /// Answer to a repeat of an acknowledged event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Repeat>,
    /// Time for which a stored key is deduplicated; none for ever.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// Longest time from the last response until everything accepted is stored; none without a
    /// promise.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// Longest time for which a request may still take effect after its client gave up.
    #[serde(with = "crate::duration")]
    pub zombie: Duration,
    /// True if others write to the target during the run.
    pub shared: bool,
    /// True if something between the sender and the target may send a request again.
    pub intermediary_resends: bool,
}

/// Named sets of promises.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The reference contract: stored before the response; counters exact and persistent.
    #[default]
    Strict,
    /// Accepted durably and stored later; the counters follow.
    Queued,
    /// The target offers nothing but counters.
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
    /// The JSON is the same. The order of names and white space do not count, and numbers are
    /// compared as text. The JSON may also stand in a string.
    Json,
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

/// Answer to a repeat of an acknowledged event.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// A repeat is accepted as its first copy was.
    Accepted,
}

/// Comparison of a stored timestamp with the one that was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampEquality {
    /// The text is the same.
    Exact,
    /// The moment is the same in any form: another offset, no offset for UTC, seconds or
    /// milliseconds since 1970.
    Instant,
    /// Nothing is promised.
    None,
}

impl Preset {
    /// Returns the promises of this set.
    pub fn promises(self) -> Promises {
        let strict = Promises {
            preset: self,
            ack: Ack::Committed,
            batch: Batch::Atomic,
            stats: StatsPromise::Snapshot,
            stats_lag: None,
            received: Received::Accepted,
            counters: CounterPromise::Persistent,
            payload: PayloadEquality::Exact,
            timestamp: TimestampEquality::Exact,
            conflict: Conflict::FirstWins,
            repeat: None,
            window: None,
            drain: None,
            zombie: Duration::from_secs(2),
            shared: false,
            intermediary_resends: false,
        };
        match self {
            Self::Strict => strict,
            Self::Queued => Promises {
                ack: Ack::Queued,
                stats: StatsPromise::Eventual,
                payload: PayloadEquality::Json,
                timestamp: TimestampEquality::Instant,
                ..strict
            },
            Self::Windowed => Promises { window: Some(Duration::from_secs(120)), ..strict },
            Self::CountersOnly => Promises {
                stats: StatsPromise::Eventual,
                payload: PayloadEquality::None,
                timestamp: TimestampEquality::None,
                ..strict
            },
        }
    }
}

impl Default for Promises {
    fn default() -> Self {
        Preset::default().promises()
    }
}

/// Promises as written: a preset, and what differs from it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct PartialPromises {
    preset: Preset,
    ack: Option<Ack>,
    batch: Option<Batch>,
    stats: Option<StatsPromise>,
    #[serde(with = "crate::duration::optional")]
    stats_lag: Option<Duration>,
    received: Option<Received>,
    counters: Option<CounterPromise>,
    payload: Option<PayloadEquality>,
    timestamp: Option<TimestampEquality>,
    conflict: Option<Conflict>,
    repeat: Option<Repeat>,
    #[serde(with = "crate::duration::optional")]
    window: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    drain: Option<Duration>,
    #[serde(with = "crate::duration::optional")]
    zombie: Option<Duration>,
    shared: Option<bool>,
    intermediary_resends: Option<bool>,
}

impl From<PartialPromises> for Promises {
    fn from(said: PartialPromises) -> Self {
        let base = said.preset.promises();
        Self {
            preset: said.preset,
            ack: said.ack.unwrap_or(base.ack),
            batch: said.batch.unwrap_or(base.batch),
            stats: said.stats.unwrap_or(base.stats),
            stats_lag: said.stats_lag.or(base.stats_lag),
            received: said.received.unwrap_or(base.received),
            counters: said.counters.unwrap_or(base.counters),
            payload: said.payload.unwrap_or(base.payload),
            timestamp: said.timestamp.unwrap_or(base.timestamp),
            conflict: said.conflict.unwrap_or(base.conflict),
            repeat: said.repeat.or(base.repeat),
            window: said.window.or(base.window),
            drain: said.drain.or(base.drain),
            zombie: said.zombie.unwrap_or(base.zombie),
            shared: said.shared.unwrap_or(base.shared),
            intermediary_resends: said.intermediary_resends.unwrap_or(base.intermediary_resends),
        }
    }
}
