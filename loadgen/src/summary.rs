//! What a run came to, in numbers: `summary.json`, `latency.hlog`, and the block that people read.

mod effort;
mod latency_log;
mod text;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use truth::folder::{FolderError, Manifest, RunFolder, write_json};

use crate::load::{Ending, Load, Share};
use crate::meter::latency::{Latencies, Quantiles};
use crate::meter::{Connections, Doubts, Races};
use crate::settings::Settings;
use effort::Effort;

/// The version of `summary.json`.
const VERSION: u32 = 1;

/// `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    schema_version: u32,
    started_utc: Timestamp,
    ended: Ending,
    ledger_written: bool,
    /// From the first byte sent to the last answer.
    duration_s: f64,
    seed: u32,
    connections_used: u32,
    lanes: u16,
    planned: Planned,
    events: Events,
    requests: Requests,
    answers: Answers,
    races: Races,
    response_time: Option<Quantiles>,
    service_time: Option<Quantiles>,
    events_per_s: f64,
    requests_per_s: f64,
    sent_bytes: u64,
    received_bytes: u64,
    /// At the top, because whoever breaks the target on purpose asks for it first.
    connections_broken: u64,
    connections: Connections,
    generator: Effort,
}

/// What this shard was to send.
#[derive(Clone, Copy, Debug, Serialize)]
struct Planned {
    events: u64,
    requests: u64,
}

/// Attempts by outcome, counted in events.
#[derive(Clone, Copy, Debug, Serialize)]
struct Events {
    acked: u64,
    told_new: u64,
    told_duplicate: u64,
    rejected: u64,
    unknown: u64,
    never_sent: u64,
}

/// Requests that left, retries included.
#[derive(Clone, Debug, Serialize)]
struct Requests {
    sent: u64,
    failed: u64,
    retries: u64,
    statuses: BTreeMap<u16, u64>,
    unknown_because: Doubts,
}

/// The sums of what the answers say; `null` where some answer does not say it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Answers {
    received: u64,
    inserted: Option<u64>,
    duplicates: Option<u64>,
}

impl Summary {
    pub(crate) fn new(settings: &Settings, share: &Share, manifest: &Manifest, load: &Load) -> Self {
        let tally = &load.tally;
        let duration_s = tally.last_end_ns.saturating_sub(tally.first_start_ns) as f64 / 1e9;
        let per_s = |count: u64| if duration_s > 0.0 { count as f64 / duration_s } else { 0.0 };
        Self {
            schema_version: VERSION,
            started_utc: manifest.started_utc,
            ended: load.ending,
            ledger_written: load.ledger_failure.is_none(),
            duration_s,
            seed: settings.plan.seed,
            connections_used: share.connections,
            lanes: share.lanes,
            planned: Planned { events: share.events, requests: share.requests },
            events: Events {
                acked: tally.acked,
                told_new: tally.told_new,
                told_duplicate: tally.told_duplicate,
                rejected: tally.rejected,
                unknown: tally.unknown,
                never_sent: tally.never_sent,
            },
            requests: Requests {
                sent: tally.requests_sent,
                failed: tally.requests_failed,
                retries: tally.retries,
                statuses: tally.statuses.clone(),
                unknown_because: tally.doubts,
            },
            answers: Answers {
                received: tally.received,
                inserted: (!tally.inserted_untold).then_some(tally.inserted),
                duplicates: (!tally.duplicates_untold).then_some(tally.duplicates),
            },
            races: tally.races,
            response_time: Quantiles::of(&tally.latencies.response),
            service_time: Quantiles::of(&tally.latencies.service),
            events_per_s: per_s(tally.acked + tally.rejected + tally.unknown),
            requests_per_s: per_s(tally.requests_sent),
            sent_bytes: tally.sent_bytes,
            received_bytes: tally.received_bytes,
            connections_broken: tally.connections.broken,
            connections: tally.connections,
            generator: Effort::of_this_process(),
        }
    }

    /// Writes the files that are read by machines.
    pub(crate) fn save(&self, folder: &RunFolder, latencies: &Latencies) -> Result<(), FolderError> {
        write_json(&folder.file("summary.json"), self)?;
        latency_log::write(&folder.file("latency.hlog"), self.started_utc, self.duration_s, latencies)
    }

    /// The block that people read, and the last line that scripts grep.
    pub(crate) fn text(&self, folder: &RunFolder, out: &Path) -> String {
        text::render(self, folder.path(), out)
    }
}
