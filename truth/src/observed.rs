//! The files of one observation, `observed/<n>/`: what a target showed, kept so that it can be judged again.

pub mod counters;
pub mod presence;
pub mod rows;
pub mod topics;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::files::{FolderError, read_json, write_json};
use crate::observed::counters::Counters;
use crate::observed::presence::{Presence, Winners};
use crate::observed::rows::{Anomaly, RowTally, SetSum};
use crate::observed::topics::TopicScope;
use crate::plan::Plan;

const MAGIC: [u8; 8] = *b"ONCESEEN";
const VERSION: u16 = 2;

/// How the counters stood when the target was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Settled {
    /// All that was acknowledged is counted, and nothing moves.
    Reached,
    /// Nothing moves, but not all that was acknowledged is counted.
    Stuck,
    /// Nothing moves, though something is still waiting.
    Stalled,
    /// The counters still moved at the deadline.
    Moving,
    /// There are no counters to tell.
    NoCounters,
}

/// `stats.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StatsObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// Where it was read.
    pub target: String,
    /// The counters at the end; equal before and after the listing if that is bracketed.
    pub stats: Option<Counters>,
    /// Why they could not be read.
    pub unread: Option<String>,
    /// How they came to rest.
    pub settled: Settled,
    /// How long that took.
    pub waited_ms: u64,
    /// Monotonic time of this boot when the counters were there; none if the run was timed by another clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_ns: Option<u64>,
    /// The observation after which `verify` sent and then looked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<u32>,
}

/// By which way it was read whether a key is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Route {
    /// The target's own listing.
    #[default]
    Api,
    /// The database behind it, because the target does not show all.
    Database,
}

impl Route {
    fn is_api(&self) -> bool {
        *self == Self::Api
    }
}

/// Why what is missing may still come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Behind {
    /// Less was missing with one of the last looks than with those before.
    CatchingUp,
    /// The database is a replica, which follows the one that is written to.
    Replica,
}

impl Behind {
    /// In words.
    pub fn why(self) -> &'static str {
        match self {
            Self::CatchingUp => "they still became fewer: give the target more time with --settle",
            Self::Replica => {
                "the database is a replica, which may be behind: ask the one that is written to, or give it more time \
                 with --settle"
            }
        }
    }
}

/// `listing.json`: totals of the listing that counts.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ListingObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// Whether the target shows its events at all.
    pub offered: bool,
    /// By which way it was read.
    #[serde(default, skip_serializing_if = "Route::is_api")]
    pub route: Route,
    /// Why they could not be read.
    pub unread: Option<String>,
    /// Whether the counters (or, without any, a second listing) were the same before and after.
    pub bracketed: bool,
    /// How many listings were made until then.
    pub brackets: u32,
    /// Whether there is reason to think that not all rows were shown.
    pub capped: bool,
    /// Where topics are listed one by one up to a cap: those that reached it. All others are whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut_off: Vec<String>,
    /// Some of the keys that a capped listing shows, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<u64>,
    /// Why what is missing may still come, where something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behind: Option<Behind>,
    /// Whether all topics were listed, not only the plan's.
    pub all_topics: bool,
    /// What single topics showed, where the target can be asked for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<TopicScope>,
    /// Rows.
    pub rows: u64,
    /// Pages.
    pub pages: u64,
    /// Rows of this run's keys under their own topics.
    pub ours: SetSum,
    /// Rows that are not of this run.
    pub foreign: SetSum,
    /// Rows of this run's keys under other topics; of two ways, by the one that shows more. So are the next three.
    pub wrong_topic: u64,
    /// Rows of this run's keys with other contents.
    pub payload_changed: u64,
    /// Rows whose id decodes to a key that the plan does not have.
    pub never_planned: u64,
    /// Rows whose payload could be compared.
    pub compared: u64,
    /// Acknowledged keys that the first listing did not show.
    pub missing_at_first: u64,
    /// How long these were looked for.
    pub looked_ms: u64,
}

impl ListingObservation {
    /// An observation without a single row, for this reason.
    pub fn none(offered: bool, unread: Option<String>) -> Self {
        Self {
            schema_version: 1,
            offered,
            route: Route::Api,
            unread,
            bracketed: false,
            brackets: 0,
            capped: false,
            cut_off: Vec::new(),
            sample: Vec::new(),
            scope: None,
            behind: None,
            all_topics: false,
            rows: 0,
            pages: 0,
            ours: SetSum::default(),
            foreign: SetSum::default(),
            wrong_topic: 0,
            payload_changed: 0,
            never_planned: 0,
            compared: 0,
            missing_at_first: 0,
            looked_ms: 0,
        }
    }

    /// Takes over the totals of the rows.
    pub fn with_rows(self, tally: &RowTally<'_>, pages: u64) -> Self {
        Self {
            rows: tally.rows,
            pages,
            ours: tally.ours,
            foreign: tally.foreign,
            wrong_topic: tally.wrong_topic,
            payload_changed: tally.payload_changed,
            never_planned: tally.never_planned,
            compared: tally.compared,
            ..self
        }
    }

    /// Takes over what is wrong with rows that another way showed.
    pub fn and_rows(self, tally: &RowTally<'_>) -> Self {
        Self {
            wrong_topic: self.wrong_topic.max(tally.wrong_topic),
            payload_changed: self.payload_changed.max(tally.payload_changed),
            never_planned: self.never_planned.max(tally.never_planned),
            compared: self.compared.max(tally.compared),
            ..self
        }
    }

    /// Whether it tells of every key whether it is there.
    pub fn tells_presence(&self) -> bool {
        self.is_sound() && !self.capped
    }

    /// Whether it tells of every key of a topic whether it is there: a topic below the cap that others reached is whole.
    pub fn tells_topic(&self, topic: &str) -> bool {
        let is_cut_off = || self.cut_off.iter().any(|cut_off| cut_off == topic);
        self.is_sound() && (!self.capped || (!self.cut_off.is_empty() && !is_cut_off()))
    }

    /// Some of the keys that it shows, in its order, where it is not whole and can be relied on for what it shows.
    pub fn tells_within(&self) -> &[u64] {
        if self.is_sound() { &self.sample } else { &[] }
    }

    fn is_sound(&self) -> bool {
        self.offered && self.unread.is_none() && self.bracketed && self.behind.is_none()
    }
}

/// `database.json`: what the database showed, where the scenario says how to ask it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DatabaseObservation {
    /// Version of this file.
    pub schema_version: u32,
    /// Why it could not be read.
    pub unread: Option<String>,
    /// Rows.
    pub rows: u64,
    /// Rows that are not of this run.
    #[serde(default)]
    pub foreign: SetSum,
    /// How it compares with what the target lists; none where one of the two could not be read.
    pub apart: Option<Apart>,
}

impl DatabaseObservation {
    /// What was read, or why it was not.
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

/// The keys of which a listing and the database tell different things.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Apart {
    /// Whether the listing was to show all that the database holds; else only what it shows was looked up.
    pub is_whole: bool,
    /// Rows of this run's keys that were listed.
    pub listed: u64,
    /// Keys that are listed another number of times than they are stored, or with another one of their payloads.
    pub keys: u64,
    /// Some of them.
    pub examples: Vec<ApartKey>,
}

/// One key of which a listing and the database tell different things.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApartKey {
    /// The key.
    pub ordinal: u64,
    /// How often it is listed: 0 to 3, three standing for more.
    pub listed: u8,
    /// How often the database holds it.
    pub stored: u8,
    /// Whether each shows another one of the key's two payloads.
    #[serde(default)]
    pub payloads: bool,
}

/// A whole observation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observed {
    /// `stats.json`.
    pub stats: StatsObservation,
    /// `listing.json`.
    pub listing: ListingObservation,
    /// `database.json`, where the scenario says how to ask it.
    pub database: Option<DatabaseObservation>,
    /// `presence.bin`.
    pub presence: Presence,
    /// `winners.bin`, where keys have two payloads.
    pub winners: Option<Winners>,
    /// `anomalies.ndjson`.
    pub anomalies: Vec<Anomaly>,
}

impl Observed {
    /// Nothing seen yet of a run's keys.
    pub fn blank(plan: &Plan, target: &str) -> Self {
        let stats = StatsObservation {
            schema_version: 1,
            target: target.to_owned(),
            stats: None,
            unread: None,
            settled: Settled::NoCounters,
            waited_ms: 0,
            read_ns: None,
            follows: None,
        };
        let presence = Presence::new(plan.keys().unwrap_or(0));
        let listing = ListingObservation::none(false, None);
        Self { stats, listing, database: None, presence, winners: None, anomalies: Vec::new() }
    }

    /// Whether it is of so many keys.
    pub fn is_of(&self, keys: u64) -> bool {
        let winners = self.winners.as_ref().map(Winners::as_presence);
        [Some(&self.presence), winners].into_iter().flatten().all(|presence| presence.keys() == keys)
    }

    /// Writes all files; `stats.json` last, so that a folder that has one is complete.
    pub fn save(&self, folder: &Path) -> Result<(), FolderError> {
        fs::create_dir_all(folder).map_err(io("create", folder))?;
        write_presence(&folder.join("presence.bin"), &self.presence)?;
        if let Some(winners) = &self.winners {
            write_presence(&folder.join("winners.bin"), winners.as_presence())?;
        }
        write_renamed(&folder.join("anomalies.ndjson"), |out| {
            for anomaly in &self.anomalies {
                serde_json::to_writer(&mut *out, anomaly)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        })?;
        write_json(&folder.join("listing.json"), &self.listing)?;
        if let Some(database) = &self.database {
            write_json(&folder.join("database.json"), database)?;
        }
        write_json(&folder.join("stats.json"), &self.stats)
    }

    /// Whether a folder holds a whole observation.
    pub fn is_complete(folder: &Path) -> bool {
        folder.join("stats.json").is_file()
    }

    /// Reads all files.
    pub fn load(folder: &Path) -> Result<Self, FolderError> {
        let (database, winners) = (folder.join("database.json"), folder.join("winners.bin"));
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
    let invalid = || io("understand", path)(std::io::Error::other("not a presence file of this version"));
    let (covered, checksum) = bytes.split_last_chunk::<4>().ok_or_else(invalid)?;
    let (magic, rest) = covered.split_first_chunk::<8>().ok_or_else(invalid)?;
    let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(invalid)?;
    let (keys, bits) = rest.split_first_chunk::<8>().ok_or_else(invalid)?;
    if *magic != MAGIC || u16::from_le_bytes(*version) != VERSION {
        return Err(invalid());
    }
    if crc32c::crc32c(covered) != u32::from_le_bytes(*checksum) {
        let changed = std::io::Error::other("it is not as it was written; verify again without --offline");
        return Err(io("understand", path)(changed));
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
