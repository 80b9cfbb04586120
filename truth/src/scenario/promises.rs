//! What a target claims: the `[promises]` of a scenario, as values. A target is judged by its own promises.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The claims that a verdict is measured against.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, from = "PartialPromises")]
pub struct Promises {
    /// The set of claims that the others start from.
    pub preset: Preset,
    /// What an acknowledgement means.
    pub ack: Ack,
    /// What becomes of a request with a part that is refused.
    pub batch: Batch,
    /// Whether one answer of the counters is one moment.
    pub stats: StatsPromise,
    /// How long after an answer the counters may still leave out what it acknowledged; none if nothing is promised.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub stats_lag: Option<Duration>,
    /// What the received counter counts.
    pub received: Received,
    /// Whether the counters survive a restart.
    pub counters: CounterPromise,
    /// How a stored payload compares with the one sent.
    pub payload: PayloadEquality,
    /// How a stored timestamp compares with the one sent.
    pub timestamp: TimestampEquality,
    /// What becomes of a key that comes again with another payload.
    pub conflict: Conflict,
    /// How long a key is known again, once it is stored; none if for ever.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub window: Option<Duration>,
    /// Within what time after the last answer everything accepted is stored; none if nothing is promised.
    #[serde(with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// How long a request that nobody waits for may still take effect.
    #[serde(with = "crate::duration")]
    pub zombie: Duration,
    /// Whether others write to the target during the run.
    pub shared: bool,
    /// Whether something between us and the target may send a request again.
    pub intermediary_resends: bool,
}

/// Named sets of claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The reference contract: stored before the answer, counters exact and persistent.
    #[default]
    Strict,
    /// Accepted durably, stored later; counters follow.
    Queued,
    /// CounterPromise are all that the target offers.
    CountersOnly,
    /// A key is known again for so long only: two minutes, if no `window` says otherwise.
    Windowed,
}

/// What an acknowledgement means.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ack {
    /// The events are stored.
    Committed,
    /// The events will be stored.
    Queued,
}

/// What becomes of a request with a part that is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Batch {
    /// All of it is refused.
    Atomic,
    /// The rest is taken.
    Partial,
}

/// Whether one answer of the counters is one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatsPromise {
    /// Every answer adds up.
    Snapshot,
    /// Only a quiet target adds up.
    Eventual,
}

/// What the received counter counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Received {
    /// Events that were taken.
    Accepted,
    /// All events that arrived, the refused ones too.
    Offered,
}

/// Whether the counters survive a restart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CounterPromise {
    /// They do.
    Persistent,
    /// They start again from zero.
    Volatile,
}

/// How a stored payload compares with the one sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadEquality {
    /// The same text.
    Exact,
    /// The same JSON: the order of names and white space do not count, numbers are compared as text. It may also be a
    /// string that holds the JSON.
    Json,
    /// Not promised.
    None,
}

/// What becomes of a key that comes again with another payload.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// The first is kept.
    FirstWins,
    /// The last is kept.
    LastWins,
    /// The first is kept, and one that differs from it is refused.
    Reject,
}

/// How a stored timestamp compares with the one sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimestampEquality {
    /// The same text.
    Exact,
    /// The same moment, in whatever form: another offset, no offset for UTC, seconds or milliseconds since 1970.
    Instant,
    /// Not promised.
    None,
}

impl Preset {
    /// The claims of this set.
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

/// The promises as written: a preset, and what is said beyond it.
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
            window: said.window.or(base.window),
            drain: said.drain.or(base.drain),
            zombie: said.zombie.unwrap_or(base.zombie),
            shared: said.shared.unwrap_or(base.shared),
            intermediary_resends: said.intermediary_resends.unwrap_or(base.intermediary_resends),
        }
    }
}
