//! Settings of the target: one enum for each part of its behaviour. The defaults are the reference
//! contract.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Settings of the target.
#[derive(Clone, Debug, Parser)]
pub(crate) struct Settings {
    /// Address of the server
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// SQLite file that outlives the process
    #[arg(long, env = "FILE")]
    pub(crate) file: PathBuf,
    /// Divisor of all delays
    #[arg(long, env = "SCALE", default_value = "1")]
    pub(crate) scale: NonZeroU32,
    /// Rows that a listing can show
    #[arg(long, env = "VIEW", value_enum, default_value = "whole")]
    pub(crate) view: View,
    /// Order of a listing
    #[arg(long, env = "ORDER", value_enum, default_value = "newest-first")]
    pub(crate) order: Order,
    /// Pages of a listing
    #[arg(long, env = "PAGING", value_enum, default_value = "link")]
    pub(crate) paging: Paging,
    /// Use of a listing's topic parameter
    #[arg(long, env = "FILTER", value_enum, default_value = "heeded")]
    pub(crate) filter: Filter,
    /// Form of a row
    #[arg(long, env = "FORM", value_enum, default_value = "as-sent")]
    pub(crate) form: Form,
    /// Fate of a read
    #[arg(long, env = "READS", value_enum, default_value = "plain")]
    pub(crate) reads: Reads,
    /// Counters
    #[arg(long, env = "STATS", value_enum, default_value = "exact")]
    pub(crate) stats: Stats,
    /// Uptime beside the counters
    #[arg(long, env = "UPTIME", value_enum, default_value = "seconds")]
    pub(crate) uptime: Uptime,
    /// Moment and words of an acknowledgement
    #[arg(long, env = "ACK", value_enum, default_value = "committed")]
    pub(crate) ack: Ack,
    /// Publishes that fail
    #[arg(long, env = "TROUBLE", value_enum, default_value = "none")]
    pub(crate) trouble: Trouble,
    /// Fate of the events of one request
    #[arg(long, env = "BATCH", value_enum, default_value = "atomic")]
    pub(crate) batch: Batch,
    /// Fate of a known key with other content
    #[arg(long, env = "CONFLICT", value_enum, default_value = "first-wins")]
    pub(crate) conflict: Conflict,
    /// Others who use the target
    #[arg(long, env = "OTHERS", value_enum, default_value = "nobody")]
    pub(crate) others: Others,
    /// Defect
    #[arg(long, env = "DEFECT", value_enum, default_value = "none")]
    pub(crate) defect: Defect,
}

impl Settings {
    /// Returns a delay, given as it is without a scale.
    pub(crate) fn delay(&self, unscaled: Duration) -> Duration {
        unscaled / self.scale.get()
    }
}

/// Rows that a listing can show. The store holds all of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum View {
    /// All rows.
    Whole,
    /// The newest 500.
    Newest,
    /// The newest 150 of each topic.
    NewestOfTopic,
    /// The oldest 500.
    Oldest,
    /// Those stored in the last 10 s.
    Young,
    /// One in ten.
    Sampled,
    /// Those stored by this process.
    SinceStart,
    /// Those stored 20 s ago or earlier.
    Late,
    /// The same for the topic `auth`; others at once.
    LateTopic,
    /// The same for a quarter of all keys.
    LateShard,
    /// Every second read comes from a replica that is 30 s behind.
    Replica,
    /// Each repeat adds a copy, which is merged away after 30 s.
    Merging,
}

/// Order of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Order {
    NewestFirst,
    OldestFirst,
    /// By topic and id.
    Key,
    /// By the time of the request, newest first. Rows of one request are in the order in which they
    /// came on the first page, and in the opposite order behind it.
    Ties,
}

/// Pages of a listing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Paging {
    /// A Link header names the last row of the page; the next page begins behind it.
    Link,
    /// The same, but the next page begins with that row.
    Inclusive,
    /// By an offset.
    Offset,
    /// One page of at most 1,000 rows, which heeds a smaller limit.
    One,
    /// One page of all rows, whatever the limit.
    Unlimited,
}

/// Use of a listing's topic parameter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Filter {
    Heeded,
    Ignored,
}

/// Form of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Form {
    /// The payload to the byte.
    AsSent,
    /// Names in alphabetical order, blanks, and escapes for all that is not ASCII.
    Rewritten,
    /// The timestamp in milliseconds since 1970.
    EpochMs,
    /// The timestamp with the offset +02:00.
    WithOffset,
    /// The timestamp with six digits behind the second.
    Micros,
    /// The payload as JSON in a string.
    PayloadAsText,
    /// No payload.
    NoPayload,
    /// Null as the source.
    NullSource,
    /// Further fields.
    Extra,
}

/// Fate of a read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Reads {
    Plain,
    /// Every third page gets 503 first.
    Unavailable,
    /// Every fourth page gets 429 with `Retry-After: 1` first.
    Busy,
    /// Every fourth page is cut in its middle first.
    Cut,
    /// Pages are packed with gzip.
    Gzip,
    /// A cache keeps every response for 60 s and tells its age.
    Cached,
}

/// Counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Stats {
    /// Durable, and changed in the step that stores.
    Exact,
    /// None.
    Absent,
    /// Those of up to 30 s ago.
    Refreshed,
    /// Duplicates are those of up to 20 s ago.
    LateDuplicates,
    /// Counted by the process.
    Volatile,
    /// Counted by two instances, which take turns.
    TwoInstances,
    /// The unique ones are the rows that are there.
    Rows,
    /// The unique ones are estimated, 2 % too high.
    Estimated,
    /// They never move.
    Still,
    /// 50,000 events of earlier times are counted too, of which no row is left.
    SinceDeployment,
    /// Rejected events are received ones too.
    Offered,
    /// Requests are received instead of events.
    Requests,
}

/// Uptime beside the counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Uptime {
    Seconds,
    WholeSeconds,
    Milliseconds,
    /// Since the first start on this file.
    SinceDeployment,
}

/// Moment and words of an acknowledgement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Ack {
    /// 200 after the events are stored, with a word for each.
    Committed,
    /// The same with counts alone.
    Counts,
    /// The same without a body.
    Empty,
    /// The same with the words `created` and `exists`.
    OtherWords,
    /// The same, but 409 where all events are known.
    Conflict,
    /// 202 once the events are in a durable queue, which takes 20 ms for a request.
    Queued,
    /// The same with 200.
    QueuedOk,
    /// 202 once the events are in a durable queue, which is stored every 15 s.
    MicroBatch,
    /// 202 once the events are in a durable queue. What a killed consumer had claimed is claimed
    /// again after 20 s.
    Reclaiming,
}

impl Ack {
    /// True if the events are stored after the response.
    pub(crate) fn is_early(self) -> bool {
        matches!(self, Self::Queued | Self::QueuedOk | Self::MicroBatch | Self::Reclaiming)
    }
}

/// Publishes that fail.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Trouble {
    None,
    /// Every 20th request gets 503 and has no effect.
    Unavailable,
    /// Every 30th request gets 500 and has no effect.
    Fails,
    /// Every 30th request gets 500 after it is stored.
    FailsStored,
    /// Every 30th response is cut after the request is stored.
    Cut,
}

/// Fate of the events of one request.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Batch {
    /// All are stored in one step, or none.
    Atomic,
    /// Each is stored in a step of its own.
    EachAlone,
    /// Invalid ones are refused, the others stored.
    Partial,
}

/// Fate of a known key with other content.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Conflict {
    FirstWins,
    LastWins,
    /// The first stays, and the request gets 409.
    Rejected,
}

/// Others who use the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Others {
    Nobody,
    /// 300 events were stored before.
    Before,
    /// Somebody stores an event every 500 ms.
    Writer,
    /// A monitor repeats its own event every 500 ms.
    Monitor,
    /// Events of somebody whom the listing does not show are counted, one every 500 ms.
    Tenant,
    /// 300 events were stored before; from the first publish on, one is deleted every 100 ms.
    Retention,
}

/// Defect.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Defect {
    None,
    /// One new event in 200 is counted and told to be new, and not stored.
    LosesOne,
    /// One new event in 200 is stored twice.
    StoresTwice,
    /// One event in 100 is stored with another payload.
    ChangesPayload,
    /// One event in 100 is stored with a timestamp one second later.
    ChangesTimestamp,
    /// One request in 40 is acknowledged, and nothing else happens.
    Drops,
    /// The identity of an event is its topic, its id and its timestamp.
    KeyHasTimestamp,
    /// The known keys are forgotten when the process ends.
    ForgetsKeys,
}
