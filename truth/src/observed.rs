//! Files of one observation, `observed/<n>/`. They keep what a target showed, so that it can be
//! judged again.

pub mod compared;
pub mod counters;
pub mod looks;
pub mod presence;
pub mod rows;
pub mod sentinels;
pub mod topics;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{FolderError, read_json, write_json};
use crate::observed::counters::Counters;
use crate::observed::looks::Looks;
use crate::observed::presence::{Presence, Winners};
use crate::observed::rows::{Anomaly, Contents, RowTally, SetSum};
use crate::observed::sentinels::Sentinels;
use crate::observed::topics::TopicScope;
use crate::plan::Plan;
use crate::target::secrets::masked_in_strings;

const MAGIC: [u8; 8] = *b"ONCESEEN";
const VERSION: u16 = 2;

/// State of the counters when the target was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// The counters include all that was acknowledged, and nothing moves.
    Reached,
    /// Nothing moves, but the counters lack some of what was acknowledged.
    Stuck,
    /// Nothing moves, although something still waits.
    Stalled,
    /// The counters still moved at the deadline.
    Moving,
    /// The target has no counters.
    NoCounters,
}

/// Contents of `stats.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatsObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// URL that was read.
    pub target: String,
    /// Counters at the end. With a bracketed listing they are the same before and after it.
    pub stats: Option<Counters>,
    /// Reason why the counters could not be read.
    pub unread: Option<String>,
    /// State in which the wait for rest ended.
    pub settled: Settled,
    /// Time that the wait took.
    pub waited_ms: u64,
    /// Monotonic time of this boot at which the counters were asked for; none if another clock timed
    /// the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<u64>,
    /// Monotonic time of this boot at which the counters were read, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_ns: Option<u64>,
    /// Monotonic time of this boot at which the looking ended, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ns: Option<u64>,
    /// Wall clock at that moment, in milliseconds since 1970. The monotonic clock stands still while
    /// the machine sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_utc_ms: Option<i64>,
    /// Number of the observation after which `verify` sent events and then looked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u32>,
    /// Number of segments that the run's ledger had; none in an observation of 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<u32>,
}

/// Way by which presence of keys was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// The target's own listing.
    #[default]
    Api,
    /// The database behind the target, because the target does not show all rows.
    Database,
}

impl Route {
    fn is_api(&self) -> bool {
        *self == Self::Api
    }
}

/// Reason why missing keys may still come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behind {
    /// The looking ended at `--max-wait`, and something moved shortly before.
    CatchingUp,
    /// The database is a replica, which follows the primary with a delay.
    Replica,
}

impl Behind {
    /// Returns the reason in words.
    pub fn why(self) -> &'static str {
        match self {
            Self::CatchingUp => "keys still appeared when the looking ended: look for longer with --max-wait",
            Self::Replica => {
                "the database is a replica, which may be behind: query the primary, or give it more time with --settle"
            }
        }
    }
}

/// Contents of `listing.json`: totals of the listing that counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListingObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// True if the target lists its events at all.
    pub offered: bool,
    /// Way by which presence was read.
    #[serde(default, skip_serializing_if = "Route::is_api")]
    pub route: Route,
    /// Reason why the counters could not be read.
    pub unread: Option<String>,
    /// True if the counters were the same before and after; without counters, a second listing is
    /// compared.
    pub bracketed: bool,
    /// Number of listings until then.
    pub brackets: u32,
    /// Reason why missing keys may still come, if some are missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    /// True if all topics were listed, not only those of the plan.
    pub all_topics: bool,
    /// Result of asking for single topics, where the target can be asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<TopicScope>,
    /// Number of rows.
    pub rows: u64,
    /// Number of pages.
    pub pages: u64,
    /// Rows of this run's keys, and of its sentinels, under their own topics.
    pub ours: SetSum,
    /// Sentinels that are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sentinels: Vec<u64>,
    /// Rows of other runs or writers.
    pub foreign: SetSum,
    /// Rows of this run's keys under other topics. Of two ways, the one that shows more counts; so
    /// it is with the next three numbers.
    pub wrong_topic: u64,
    /// Rows of this run's keys with changed contents.
    pub payload_changed: u64,
    /// Rows whose id decodes to a key that the plan does not have.
    pub never_planned: u64,
    /// Rows whose payload could be compared.
    pub compared: u64,
    /// Contents of events, as the rows show them; none in folders of 0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
    /// Number of acknowledged keys that the first listing did not show.
    pub missing_at_first: u64,
    /// Time for which these keys were looked for.
    pub looked_ms: u64,
}

impl ListingObservation {
    /// Returns an observation without any row, with the reason.
    pub fn none(offered: bool, unread: Option<String>) -> Self {
        Self {
            schema_version: 1,
            offered,
            route: Route::Api,
            unread,
            bracketed: false,
            brackets: 0,
            scope: None,
            behind: None,
            all_topics: false,
            rows: 0,
            pages: 0,
            ours: SetSum::default(),
            sentinels: Vec::new(),
            foreign: SetSum::default(),
            wrong_topic: 0,
            payload_changed: 0,
            never_planned: 0,
            compared: 0,
            contents: None,
            missing_at_first: 0,
            looked_ms: 0,
        }
    }

    /// Adds the totals of the rows.
    pub fn with_rows(self, tally: &RowTally<'_>, pages: u64) -> Self {
        let contents = tally.shown();
        Self {
            rows: tally.rows,
            pages,
            ours: tally.ours,
            sentinels: tally.sentinels.iter().copied().collect(),
            foreign: tally.foreign,
            wrong_topic: tally.wrong_topic,
            payload_changed: tally.payload_changed(),
            never_planned: tally.never_planned,
            compared: contents.payload.unwrap_or(0),
            contents: Some(contents),
            ..self
        }
    }

    /// Adds the anomalies of rows that another way showed.
    pub fn and_rows(self, tally: &RowTally<'_>) -> Self {
        let contents = self.contents.unwrap_or_default().and(tally.shown());
        Self {
            wrong_topic: self.wrong_topic.max(tally.wrong_topic),
            payload_changed: self.payload_changed.max(tally.payload_changed()),
            never_planned: self.never_planned.max(tally.never_planned),
            compared: contents.payload.unwrap_or(0),
            contents: Some(contents),
            ..self
        }
    }

    /// Returns what the rows show of the contents of events. Folders of 0.1 know it of payloads
    /// alone.
    pub fn shown(&self) -> Contents {
        let payloads = Some(self.compared).filter(|rows| *rows > 0);
        let of_payloads = || Contents { payload: payloads, ..Contents::default() };
        self.contents.clone().unwrap_or_else(of_payloads)
    }

    /// True if the rows can be relied on: they were read, stood still, and are not catching up.
    pub fn is_sound(&self) -> bool {
        self.offered && self.unread.is_none() && self.bracketed && self.behind.is_none()
    }
}

/// Contents of `database.json`: rows of the database, if the scenario has a query.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DatabaseObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// Reason why the database could not be read.
    pub unread: Option<String>,
    /// Number of rows.
    pub rows: u64,
    /// Rows of other runs or writers.
    #[serde(default)]
    pub foreign: SetSum,
    /// Differences from the listing; none if one of the two could not be read.
    pub apart: Option<Apart>,
}

impl DatabaseObservation {
    /// Returns the totals of the rows that were read, or the reason why none were.
    pub fn of(read: Result<&RowTally<'_>, &String>, apart: Option<Apart>) -> Self {
        Self {
            schema_version: 1,
            unread: read.err().cloned(),
            rows: read.map_or(0, |tally| tally.rows),
            foreign: read.map_or_else(|_| SetSum::default(), |tally| tally.foreign),
            apart,
        }
    }
}

/// Keys for which the listing and the database differ.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Apart {
    /// True if the listing should show all that the database holds. Otherwise only listed keys were
    /// looked up.
    pub is_whole: bool,
    /// Number of rows of this run's keys that were listed.
    pub listed: u64,
    /// Number of keys whose copies are listed and stored different numbers of times, or with
    /// different payloads.
    pub keys: u64,
    /// Some of these keys.
    pub examples: Vec<ApartKey>,
}

/// One key for which the listing and the database differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApartKey {
    /// Ordinal of the key.
    pub ordinal: u64,
    /// Number of times that the key is listed: 0 to 3, and 3 stands for more.
    pub listed: u8,
    /// Number of times that the database holds the key, likewise.
    pub stored: u8,
    /// True if listing and database show different ones of the key's two payloads.
    #[serde(default)]
    pub payloads: bool,
}

/// All files of an observation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// Contents of `stats.json`.
    pub stats: StatsObservation,
    /// Contents of `listing.json`.
    pub listing: ListingObservation,
    /// Contents of `database.json`, if the scenario has a query.
    pub database: Option<DatabaseObservation>,
    /// Contents of `presence.bin`.
    pub presence: Presence,
    /// Contents of `winners.bin`, if keys have two payloads.
    pub winners: Option<Winners>,
    /// Contents of `anomalies.ndjson`.
    pub anomalies: Vec<Anomaly>,
    /// Contents of `looks.json`; none of a folder of version 0.1.
    pub looks: Looks,
    /// Contents of `sentinels.json`, if sentinels were sent before this observation.
    pub sentinels: Option<Sentinels>,
}

impl Observed {
    /// Returns an observation in which no key was seen.
    pub fn blank(plan: &Plan, target: &str) -> Self {
        let stats = StatsObservation {
            schema_version: 1,
            target: target.to_owned(),
            stats: None,
            unread: None,
            settled: Settled::NoCounters,
            waited_ms: 0,
            asked_ns: None,
            read_ns: None,
            ended_ns: None,
            ended_utc_ms: None,
            follows: None,
            segments: None,
        };
        let presence = Presence::new(plan.keys().unwrap_or(0));
        let listing = ListingObservation::none(false, None);
        Self {
            stats,
            listing,
            database: None,
            presence,
            winners: None,
            anomalies: Vec::new(),
            looks: Looks::default(),
            sentinels: None,
        }
    }

    /// True if the observation covers this number of keys.
    pub fn is_of(&self, keys: u64) -> bool {
        let winners = self.winners.as_ref().map(Winners::as_presence);
        [Some(&self.presence), winners].into_iter().flatten().all(|presence| presence.keys() == keys)
    }

    /// Writes all files. `stats.json` is last, so a folder that has it is complete.
    pub fn save(&self, folder: &Path) -> Result<(), FolderError> {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
        write_presence(&folder.join("presence.bin"), &self.presence)?;
        if let Some(winners) = &self.winners {
            write_presence(&folder.join("winners.bin"), winners.as_presence())?;
        }
        write_renamed(&folder.join("anomalies.ndjson"), |out| {
            for anomaly in &self.anomalies {
                // A target may show a secret in place of a row.
                writeln!(out, "{}", masked_in_strings(&serde_json::to_string(anomaly)?))?;
            }
            Ok(())
        })?;
        write_json(&folder.join("looks.json"), &self.looks)?;
        write_json(&folder.join("listing.json"), &self.listing)?;
        if let Some(database) = &self.database {
            write_json(&folder.join("database.json"), database)?;
        }
        if let Some(sentinels) = &self.sentinels {
            write_json(&folder.join("sentinels.json"), sentinels)?;
        }
        write_json(&folder.join("stats.json"), &self.stats)
    }

    /// True if a folder holds a complete observation.
    pub fn is_complete(folder: &Path) -> bool {
        folder.join("stats.json").is_file()
    }

    /// Reads all files.
    pub fn load(folder: &Path) -> Result<Self, FolderError> {
        let database = folder.join("database.json");
        let winners = folder.join("winners.bin");
        let looks = folder.join("looks.json");
        let sentinels = folder.join("sentinels.json");
        Ok(Self {
            stats: read_json(&folder.join("stats.json"))?,
            listing: read_json(&folder.join("listing.json"))?,
            database: database.exists().then(|| read_json(&database)).transpose()?,
            presence: read_presence(&folder.join("presence.bin"))?,
            winners: winners
                .exists()
                .then(|| read_presence(&winners))
                .transpose()?
                .map(Winners::from_presence),
            anomalies: read_anomalies(&folder.join("anomalies.ndjson"))?,
            looks: if looks.exists() { read_json(&looks)? } else { Looks::default() },
            sentinels: sentinels.exists().then(|| read_json(&sentinels)).transpose()?,
        })
    }
}

fn write_presence(path: &Path, presence: &Presence) -> Result<(), FolderError> {
    let head = [&MAGIC[..], &VERSION.to_le_bytes(), &presence.keys().to_le_bytes()].concat();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&head), presence.as_bytes());
    write_renamed(path, |out| {
        out.write_all(&head)?;
        out.write_all(presence.as_bytes())?;
        out.write_all(&checksum.to_le_bytes())
    })
}

fn read_presence(path: &Path) -> Result<Presence, FolderError> {
    let bytes = fs::read(path).map_err(io("read", path))?;
    let invalid = || io("read", path)(std::io::Error::other("not a presence file of this version"));
    let (covered, checksum) = bytes.split_last_chunk::<4>().ok_or_else(invalid)?;
    let (magic, rest) = covered.split_first_chunk::<8>().ok_or_else(invalid)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(invalid)?;
    let (keys, bits) = rest.split_first_chunk::<8>().ok_or_else(invalid)?;
    if *magic != MAGIC || u16::from_le_bytes(*version) != VERSION {
        return Err(invalid());
    }
    if crc32c::crc32c(covered) != u32::from_le_bytes(*checksum) {
        let changed = std::io::Error::other("its checksum is wrong; verify again without --offline");
        return Err(io("read", path)(changed));
    }
    Presence::from_bytes(u64::from_le_bytes(*keys), bits.to_vec()).ok_or_else(invalid)
}

fn read_anomalies(path: &Path) -> Result<Vec<Anomaly>, FolderError> {
    let input = BufReader::new(File::open(path).map_err(io("read", path))?);
    let mut anomalies = Vec::new();
    for line in input.lines() {
        let line = line.map_err(io("read", path))?;
        let anomaly = serde_json::from_str(&line);
        anomalies.push(anomaly.map_err(|source| FolderError::Json { path: path.to_path_buf(), source })?);
    }
    Ok(anomalies)
}

fn write_renamed(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), FolderError> {
    let part: PathBuf = path.with_extension("part");
    let written = File::create(&part).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()
    });
    written.map_err(io("write", &part))?;
    fs::rename(&part, path).map_err(io("rename", &part))
}

fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(std::io::Error) -> FolderError + 'a {
    move |source| FolderError::Io { action, path: path.to_path_buf(), source }
}
