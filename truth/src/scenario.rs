//! A scenario: what a run should do, as people write it in TOML. Unknown keys are errors, with line and column.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use self::fault::Fault;
use self::promises::Promises;
use self::share::{Share, ShareError};
use crate::plan::twin::Twins;
use crate::plan::variant::Variants;
use crate::plan::{PLAN_VERSION, Plan, PlanError, PlanSpec, Weights};
use crate::target::{Database, Target};

mod check;
mod executor;
pub mod fault;
mod load;
pub mod promises;
pub mod rate;
mod request;
pub mod schedule;
pub mod share;
pub mod threshold;

pub use executor::written::ExecutorError;
pub use executor::{End, Executor, ExecutorKind, Executors, Stage, VuStage};
pub use load::{Demand, Load, NamedExecutor};
pub use request::FixedRequest;

/// Most topics that a number can stand for: each is a name in `run.json`.
pub const MAX_TOPICS: u32 = 100_000;

/// How many topics a message names: there may be thousands.
const NAMED_TOPICS: usize = 10;

/// Most requests without an event.
const MAX_EMPTY: u32 = 100;

/// A whole scenario; every part has a default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Part of the run folder's name.
    pub name: String,
    /// How much, how fast, how patient.
    pub load: Load,
    /// One request, sent over and over, instead of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<FixedRequest>,
    /// What events look like.
    pub events: EventSpec,
    /// Where repeats go.
    pub mix: Mix,
    /// Traps: what a careless target gets wrong. Off by default, because they poison some targets.
    pub traps: Traps,
    /// How the target speaks.
    pub target: Target,
    /// A second way to what it stored, beside its own listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// What the target claims.
    pub promises: Promises,
    /// What is done to it meanwhile.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "default".to_owned(),
            load: Load::default(),
            request: None,
            events: EventSpec::default(),
            mix: Mix::default(),
            traps: Traps::default(),
            target: Target::default(),
            database: None,
            promises: Promises::default(),
            faults: Vec::new(),
        }
    }
}

/// What events look like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSpec {
    /// The topics that keys are spread over; a number stands for so many.
    #[serde(deserialize_with = "named_or_counted")]
    pub topics: Vec<String>,
    /// The `source` of every event.
    pub source: String,
    /// The timestamp of key 0.
    pub epoch: Timestamp,
    /// The size of payloads.
    pub payload: PayloadSpec,
}

impl Default for EventSpec {
    fn default() -> Self {
        Self {
            topics: ["auth", "payment", "orders"].map(str::to_owned).to_vec(),
            source: "loadgen".to_owned(),
            epoch: Timestamp::constant(1_735_689_600, 0),
            payload: PayloadSpec::default(),
        }
    }
}

/// So many topics, named by their numbers: against a listing that shows only so much of each.
pub fn numbered_topics(count: u32) -> Vec<String> {
    let width = count.saturating_sub(1).to_string().len();
    (0..count).map(|number| format!("topic-{number:0width$}")).collect()
}

/// A list of names, or how many there are to be.
fn named_or_counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "topics are a list of names, or a number of them from 1 to 100000")]
    enum Topics {
        Named(Vec<String>),
        Counted(u32),
    }
    match Topics::deserialize(deserializer)? {
        Topics::Named(names) => Ok(names),
        Topics::Counted(count @ 1..=MAX_TOPICS) => Ok(numbered_topics(count)),
        Topics::Counted(count) => {
            Err(D::Error::custom(format!("{count} topics are asked for, and there can be 1 to {MAX_TOPICS}")))
        }
    }
}

/// What payloads look like.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PayloadSpec {
    /// Smallest and largest, uniform between them; with a template, those of its random text.
    pub bytes: [u32; 2],
    /// JSON of the user's own, with places for what differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The file that the template is in; it is read with the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

impl Default for PayloadSpec {
    fn default() -> Self {
        Self { bytes: [64, 256], template: None, file: None }
    }
}

impl PayloadSpec {
    /// Reads the file, from the folder of the scenario, so that what was read is what is sent and judged.
    fn resolve(&mut self, folder: &Path) -> Result<(), ScenarioError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if self.template.is_some() {
            return Err(ScenarioError::Setting("a payload has a template or a file, not both".to_owned()));
        }
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path);
        let text =
            text.map_err(|source| ScenarioError::Payload { path: path.display().to_string(), source })?;
        self.template = Some(text);
        Ok(())
    }
}

/// What a careless target gets wrong: one pair of keys, or one request, in so many; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traps {
    /// The same id under two topics.
    pub same_id: u32,
    /// Ids that differ in the case of letters alone.
    pub case: u32,
    /// Ids that differ in a space at the end.
    pub trailing_space: u32,
    /// Ids that differ in the normal form of a letter.
    pub normalisation: u32,
    /// Ids of 255 bytes that differ in the last.
    #[serde(skip_serializing_if = "is_zero")]
    pub long_id: u32,
    /// Ids that are numbers, without and with a zero before them.
    #[serde(skip_serializing_if = "is_zero")]
    pub numeric_id: u32,
    /// Keys whose copies carry one of two payloads of different data.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_payload: u32,
    /// Keys whose copies carry one JSON with its names in one of two orders.
    #[serde(skip_serializing_if = "is_zero")]
    pub key_order: u32,
    /// Keys whose copies carry one number in one of two spellings.
    #[serde(skip_serializing_if = "is_zero")]
    pub number_spelling: u32,
    /// Requests with an event besides that is none.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid: u32,
    /// Requests without an event, so many, before the first one with some.
    #[serde(skip_serializing_if = "is_zero")]
    pub empty: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Traps {
    /// Those that are pairs of keys.
    fn twins(self) -> Twins {
        let Self { same_id, case, trailing_space, normalisation, long_id, numeric_id, .. } = self;
        Twins { same_id, case, trailing_space, normalisation, long_id, numeric_id }
    }

    /// Those that are keys of two payloads.
    fn variants(self) -> Variants {
        let Self { other_payload, key_order, number_spelling, .. } = self;
        Variants { other_payload, key_order, number_spelling }
    }
}

impl From<Twins> for Traps {
    fn from(twins: Twins) -> Self {
        let Twins { same_id, case, trailing_space, normalisation, long_id, numeric_id } = twins;
        Self { same_id, case, trailing_space, normalisation, long_id, numeric_id, ..Self::default() }
    }
}

/// Where repeats go.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Requests in a group.
    pub group: u32,
    /// Weight of copies in one request.
    pub in_batch: u32,
    /// Weight of copies in requests that leave together.
    pub concurrent: u32,
    /// Weight of copies in the next requests.
    pub next: u32,
    /// Weight of copies of keys of earlier rounds.
    pub delayed: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { group: 4, in_batch: 1, concurrent: 2, next: 1, delayed: 1 }
    }
}

/// Why a scenario cannot be used.
#[derive(Debug, Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("cannot read scenario {path}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file with the payload cannot be read.
    #[error("cannot read the payload's file {path}")]
    Payload {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not a scenario; the message has line and column.
    #[error("scenario {path} is not valid")]
    Parse {
        /// The file.
        path: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Not a share.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// The keys of an executor do not make one.
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// Not a plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// Some number or text outside of what is possible.
    #[error("{0}")]
    Setting(String),
}

impl Scenario {
    /// Reads a scenario file.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: name.clone(), source })?;
        let mut scenario = Self::parse(&text, &name)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        scenario.events.payload.resolve(folder)?;
        scenario.target.connect.below(folder);
        if let Some(process) = &mut scenario.target.process {
            process.folder = folder.join(&process.folder);
        }
        Ok(scenario)
    }

    /// Reads a scenario's text; `path` is for messages.
    pub fn parse(text: &str, path: &str) -> Result<Self, ScenarioError> {
        toml::from_str(text)
            .map_err(|source| ScenarioError::Parse { path: path.to_owned(), source: Box::new(source) })
    }

    /// Returns the executors that the load asks for.
    pub fn executors(&self) -> Result<Executors, ScenarioError> {
        Ok(self.load.resolve()?)
    }

    /// The plan of this scenario for a seed and a nonce.
    pub fn plan(&self, seed: u32, nonce: u64) -> Result<Plan, ScenarioError> {
        let executors = self.check()?;
        let total = executors.total();
        let (repeats, of) = self.load.dup.parse::<Share>()?.resolve(total)?;
        let spec = PlanSpec {
            version: PLAN_VERSION,
            seed,
            nonce,
            share: [repeats, of],
            total,
            counts: executors.counts(),
            batch: self.load.batch,
            group: self.mix.group,
            weights: Weights {
                in_batch: self.mix.in_batch,
                concurrent: self.mix.concurrent,
                next: self.mix.next,
                delayed: self.mix.delayed,
            },
            topics: self.events.topics.clone(),
            source: self.events.source.clone(),
            epoch_ms: self.events.epoch.as_millisecond(),
            payload_bytes: self.events.payload.bytes,
            payload_template: self.events.payload.template.clone(),
            twins: self.traps.twins(),
            variants: self.traps.variants(),
            invalid: self.traps.invalid,
        };
        Ok(Plan::try_from(spec)?)
    }
}
