//! Scenarios: what a run should do, as people write it in TOML. An unknown key is an error with its
//! line and column.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use self::fault::Fault;
use self::promises::{Preset, Promises, Unit};
use self::share::Share;
use crate::plan::id::IdSpec;
use crate::plan::sentinel::MAX_KEYS;
use crate::plan::twin::Twins;
use crate::plan::values::Values;
use crate::plan::variant::Variants;
use crate::plan::{PLAN_VERSION, Plan, PlanError, PlanSpec, Weights};
use crate::target::{Database, InClear, RowOrder, Target};

mod beside;
mod check;
mod epoch;
mod error;
mod executor;
pub mod fault;
mod load;
mod misplaced;
mod place;
pub mod promises;
pub mod rate;
mod request;
pub mod schedule;
pub mod share;
pub mod threshold;

pub use beside::Beside;
pub use epoch::Epoch;
pub use error::ScenarioError;
pub use executor::written::ExecutorError;
pub use executor::{End, Executor, ExecutorKind, Executors, Stage, VuStage};
pub use load::{Demand, Load, NamedExecutor};
pub use place::{TextFault, names_key};
pub use request::FixedRequest;
pub use request::body::{self, Body};

/// Scenario of the reference target.
const REFERENCE: &str = include_str!("../scenarios/reference.toml");

/// Most topics that a number can stand for: each is a name in `run.json`.
pub const MAX_TOPICS: u32 = 100_000;

/// Most topics that a message names: there may be thousands.
const NAMED_TOPICS: usize = 10;

/// Most requests without an event.
const MAX_EMPTY: u32 = 100;

/// A whole scenario. Every part has a default.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Name, which is part of the run folder's name.
    pub name: String,
    /// Amount and pace of the load.
    pub load: Load,
    /// One request that is sent over and over instead of events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<FixedRequest>,
    /// Contents of events.
    pub events: EventSpec,
    /// Placement of duplicates.
    pub mix: Mix,
    /// Traps: events that careless targets get wrong. Off by default, because they poison some
    /// targets.
    pub traps: Traps,
    /// Description of the target.
    pub target: Target,
    /// A second way to the stored rows, beside the target's own listing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<Database>,
    /// Promises of the target.
    pub promises: Promises,
    /// Faults of the target during the run.
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

/// Contents of events.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EventSpec {
    /// Topics that keys are spread over; a number stands for so many.
    #[serde(deserialize_with = "named_or_counted")]
    pub topics: Vec<String>,
    /// Form of the ids.
    #[serde(skip_serializing_if = "IdSpec::is_plain")]
    pub id: IdSpec,
    /// The `source` of every event.
    pub source: String,
    /// Timestamp of key 0.
    pub epoch: Epoch,
    /// Payloads.
    pub payload: PayloadSpec,
    /// Values of the scenario's own, for the texts of requests.
    #[serde(skip_serializing_if = "Values::is_empty")]
    pub values: Values,
}

impl Default for EventSpec {
    fn default() -> Self {
        Self {
            topics: ["auth", "payment", "orders"].map(str::to_owned).to_vec(),
            id: IdSpec::default(),
            source: "loadgen".to_owned(),
            epoch: Epoch::At(Timestamp::constant(1_735_689_600, 0)),
            payload: PayloadSpec::default(),
            values: Values::default(),
        }
    }
}

/// Returns this many topics, named by their numbers, for targets that list only so many rows of
/// each.
pub fn numbered_topics(count: u32) -> Vec<String> {
    let width = count.saturating_sub(1).to_string().len();
    (0..count).map(|number| format!("topic-{number:0width$}")).collect()
}

/// Reads a list of names, or their number.
fn named_or_counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "topics must be a list of names, or their number from 1 to 100000")]
    enum Topics {
        Named(Vec<String>),
        Counted(u32),
    }
    match Topics::deserialize(deserializer)? {
        Topics::Named(names) => Ok(names),
        Topics::Counted(count @ 1..=MAX_TOPICS) => Ok(numbered_topics(count)),
        Topics::Counted(count) => Err(D::Error::custom(format!(
            "topics is {count}: it must be 1 to {MAX_TOPICS}, or a list of names"
        ))),
    }
}

/// Contents of payloads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PayloadSpec {
    /// Smallest and largest size in bytes, uniform between them. With a template, these are the
    /// limits of its random text.
    pub bytes: [u32; 2],
    /// JSON by the user, with places for the values that differ between events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// File of the template; it is read with the scenario.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

impl Default for PayloadSpec {
    fn default() -> Self {
        Self { bytes: [64, 256], template: None, file: None }
    }
}

impl PayloadSpec {
    /// Reads the template, from the folder of the scenario. What was read is then sent and judged,
    /// even if the file changes.
    fn resolve(&mut self, folder: &Path) -> Result<(), ScenarioError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        if self.template.is_some() {
            return Err(ScenarioError::Setting(
                "events.payload has both template and file: leave one out".to_owned(),
            ));
        }
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path);
        let text =
            text.map_err(|source| ScenarioError::Payload { path: path.display().to_string(), source })?;
        self.template = Some(text);
        Ok(())
    }
}

/// Frequencies of traps: one pair of keys, or one request, in this many; 0 for none.
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
    /// Keys with the timestamp of another.
    #[serde(skip_serializing_if = "is_zero")]
    pub same_timestamp: u32,
    /// Keys with the payload of another.
    #[serde(skip_serializing_if = "is_zero")]
    pub same_payload: u32,
    /// Keys whose copies carry one of two timestamps.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_timestamp: u32,
    /// Keys whose copies carry one of two sources.
    #[serde(skip_serializing_if = "is_zero")]
    pub other_source: u32,
    /// Requests with an invalid event besides their own.
    #[serde(skip_serializing_if = "is_zero")]
    pub invalid: u32,
    /// Number of requests without an event, before the first one with events.
    #[serde(skip_serializing_if = "is_zero")]
    pub empty: u32,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl Traps {
    /// Returns the traps that are pairs of keys.
    fn twins(self) -> Twins {
        Twins {
            same_id: self.same_id,
            case: self.case,
            trailing_space: self.trailing_space,
            normalisation: self.normalisation,
            long_id: self.long_id,
            numeric_id: self.numeric_id,
            same_timestamp: self.same_timestamp,
            same_payload: self.same_payload,
        }
    }

    /// Returns the traps that are keys with copies of two kinds.
    fn variants(self) -> Variants {
        Variants {
            other_payload: self.other_payload,
            key_order: self.key_order,
            number_spelling: self.number_spelling,
            other_timestamp: self.other_timestamp,
            other_source: self.other_source,
        }
    }
}

impl From<Twins> for Traps {
    fn from(twins: Twins) -> Self {
        Self {
            same_id: twins.same_id,
            case: twins.case,
            trailing_space: twins.trailing_space,
            normalisation: twins.normalisation,
            long_id: twins.long_id,
            numeric_id: twins.numeric_id,
            same_timestamp: twins.same_timestamp,
            same_payload: twins.same_payload,
            ..Self::default()
        }
    }
}

/// Placement of duplicates.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mix {
    /// Number of requests in a group.
    pub group: u32,
    /// Weight of copies in one request.
    pub in_batch: u32,
    /// Weight of copies in requests that leave together.
    pub concurrent: u32,
    /// Weight of copies in the next requests.
    pub next: u32,
    /// Weight of copies of keys of earlier rounds.
    pub delayed: u32,
    /// Weight of copies of whole requests.
    #[serde(skip_serializing_if = "is_zero")]
    pub request: u32,
}

impl Default for Mix {
    fn default() -> Self {
        Self { group: 4, in_batch: 1, concurrent: 2, next: 1, delayed: 1, request: 0 }
    }
}

impl Scenario {
    /// Reads a scenario file, and the files that it names. `reference` is the scenario of the
    /// reference target, unless there is a file of this name.
    pub fn load(path: &Path) -> Result<Self, ScenarioError> {
        let name = path.display().to_string();
        if path == Path::new("reference") && !path.exists() {
            return Self::parse(REFERENCE, &name);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::Read { path: name.clone(), source })?;
        let mut scenario = Self::parse(&text, &name)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        scenario.events.payload.resolve(folder)?;
        scenario.events.values.read(folder)?;
        scenario.target.connect.below(folder);
        if let Some(process) = &mut scenario.target.process {
            process.folder = folder.join(&process.folder);
        }
        Ok(scenario)
    }

    /// Parses the text of a scenario; `path` is for messages.
    pub fn parse(text: &str, path: &str) -> Result<Self, ScenarioError> {
        let parsed = toml::from_str(text);
        let mut scenario: Self = parsed.map_err(|error| place::of_parse(text, path, &error))?;
        scenario.apply_preset();
        Ok(scenario)
    }

    /// Describes the listing as the preset of the promises does.
    fn apply_preset(&mut self) {
        let listing = &mut self.target.listing;
        match self.promises.preset {
            Some(Preset::CountersOnly) => listing.path = None,
            Some(Preset::Reference) => {
                listing.complete.get_or_insert(true);
                listing.filter.get_or_insert(true);
                listing.order.get_or_insert(RowOrder::NewestFirst);
            }
            Some(Preset::Strict | Preset::Queued | Preset::Windowed) | None => {}
        }
    }

    /// Returns the secrets that requests, values and commands hold in clear.
    pub fn secrets_in_clear(&self) -> Vec<InClear> {
        let beside = self.load.beside.iter().enumerate();
        let beside = beside.flat_map(|(nth, beside)| beside.secrets_in_clear(nth));
        let values = self.events.values.written_texts().into_iter();
        let values = values.filter_map(|(key, name, text)| InClear::of_value(key, name, text));
        let faults = (0..).zip(&self.faults).flat_map(|(nth, fault)| fault.secrets_in_clear(nth));
        let fixed = self.request.iter().flat_map(FixedRequest::secrets_in_clear);
        let target = self.target.secrets_in_clear().into_iter();
        target.chain(beside).chain(values).chain(faults).chain(fixed).collect()
    }

    /// True if something shows what the target stores: a listing, a count of its events, or its
    /// database.
    pub fn can_be_read_back(&self) -> bool {
        let lists = self.target.reading().is_ok_and(|reading| reading.is_some());
        let counts = self.target.stats.requests().any(|fields| fields.unique.is_some());
        lists || counts || self.database.is_some()
    }

    /// Returns the executors that the load asks for.
    pub fn executors(&self) -> Result<Executors, ScenarioError> {
        Ok(self.load.resolve()?)
    }

    /// Returns the weights of the ways in which duplicates are placed. A target that knows whole
    /// requests again, and no single events, gets copies of whole requests alone.
    fn weights(&self) -> Weights {
        let Mix { in_batch, concurrent, next, delayed, request, .. } = self.mix;
        match self.promises.unit {
            Some(Unit::Request) => Weights { request, ..Weights::from([0; 4]) },
            Some(Unit::Event) | None => Weights { in_batch, concurrent, next, delayed, request },
        }
    }

    /// Returns the plan of this scenario for a seed and a nonce.
    pub fn plan(&self, seed: u32, nonce: u64) -> Result<Plan, ScenarioError> {
        let executors = self.check()?;
        let total = executors.total();
        let (repeats, of) = self
            .load
            .dup
            .parse()
            .and_then(|share: Share| share.resolve(total))
            .map_err(ScenarioError::Share)?;
        let spec = PlanSpec {
            version: PLAN_VERSION,
            seed,
            nonce,
            share: [repeats, of],
            total,
            counts: executors.counts(),
            batch: self.load.batch,
            group: self.mix.group,
            weights: self.weights(),
            topics: self.events.topics.clone(),
            source: self.events.source.clone(),
            epoch_ms: self.events.epoch.ms(),
            payload_bytes: self.events.payload.bytes,
            payload_template: self.events.payload.template.clone(),
            twins: self.traps.twins(),
            variants: self.traps.variants(),
            invalid: self.traps.invalid,
            id: self.events.id.clone(),
            values: self.events.values.clone(),
        };
        let plan = Plan::try_from(spec)?;
        match plan.keys() {
            // One request, sent over and over, has no keys.
            Some(keys) if keys > MAX_KEYS && self.request.is_none() => {
                Err(PlanError::TooManyKeys { keys }.into())
            }
            _ => Ok(plan),
        }
    }
}
