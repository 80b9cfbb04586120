//! A scenario: what a run should do, as people write it in TOML. Unknown keys are errors, with line and column.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;

use crate::fault::{At, Fault};
use crate::mapping::{Database, Envelope, Paging, Target};
use crate::plan::{PLAN_VERSION, Plan, PlanError, PlanSpec, Weights};
use crate::promises::{Batch, Promises, Received};
use crate::share::{Share, ShareError};
use crate::template::{Place, Template};
use crate::twin::Twins;
use crate::variant::Variants;

mod load;
mod part;
mod request;

pub use load::{Demand, Executor, Load, Stage};
pub use part::Part;
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

    /// The plan of this scenario for a seed and a nonce.
    pub fn plan(&self, seed: u32, nonce: u64) -> Result<Plan, ScenarioError> {
        self.check()?;
        let total = self.load.total();
        let (repeats, of) = self.load.dup.parse::<Share>()?.resolve(total)?;
        let spec = PlanSpec {
            version: PLAN_VERSION,
            seed,
            nonce,
            share: [repeats, of],
            total,
            counts: self.load.counts(),
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

    fn check(&self) -> Result<(), ScenarioError> {
        let refuse = |message: &str| Err(ScenarioError::Setting(message.to_owned()));
        let visible = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(visible) {
            return refuse(
                "the scenario's name must be 1 to 64 letters, digits, dots, dashes or underscores",
            );
        }
        if let Some(fault) = self.load.fault() {
            return refuse(&fault);
        }
        if let Some(fault) = self.thresholds_fault() {
            return refuse(&fault);
        }
        if self.target.publish.envelope == Envelope::Object && self.load.batch != 1 {
            return refuse("a target that takes single objects (envelope = \"object\") needs batch = 1");
        }
        if let Some(fault) = self.request.as_ref().and_then(|request| request.fault(self)) {
            return refuse(&fault);
        }
        if let Some(fault) = self.target.fields.fault() {
            return refuse(&fault);
        }
        if let Some(fault) = self.database.as_ref().and_then(Database::fault) {
            return refuse(&fault);
        }
        if let Some(fault) = self.faults_fault() {
            return refuse(&fault);
        }
        let target = &self.target;
        let paths = [Some(&target.publish.path), target.stats.path.as_ref(), target.listing.path.as_ref()];
        let usable =
            |path: &String| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
        if !paths.into_iter().flatten().all(usable) {
            return refuse("the paths of a target begin with / and hold no spaces");
        }
        if let Some(fault) = target.pointers_fault() {
            return refuse(&fault);
        }
        // A URL with a secret in it would be written to run.json.
        if let Err(error) = self.target.endpoint() {
            return refuse(&error.to_string());
        }
        if self.promises.batch == Batch::Partial && !self.target.answer.tells_each() {
            return refuse(
                "a target that takes parts of a request (batch = \"partial\") needs answer.results or answer.refused, to \
                 tell which",
            );
        }
        if self.target.listing.paging == Paging::Cursor && self.target.listing.next.is_none() {
            return refuse(
                "listing.paging = \"cursor\" needs listing.next, where the next cursor stands in the body",
            );
        }
        if let Some(fault) = self.traps_fault() {
            return refuse(fault);
        }
        if !(1..=100_000).contains(&self.target.listing.limit) {
            return refuse("listing.limit must be 1 to 100000");
        }
        Ok(())
    }

    /// Why a threshold looks at what there will not be.
    fn thresholds_fault(&self) -> Option<String> {
        self.topic_fault().or_else(|| self.executor_fault())
    }

    fn executor_fault(&self) -> Option<String> {
        let named = self.load.thresholds.iter().filter_map(|demand| {
            let executor = demand.parse().ok()?.tags.executor?;
            Some((&demand.threshold, executor))
        });
        let parts = &self.load.executors;
        let is_measured = |name: &String| parts.iter().any(|part| part.measured && part.name == *name);
        let (threshold, executor) = named.into_iter().find(|(_, name)| !is_measured(name))?;
        let measured = parts.iter().filter(|part| part.measured).map(|part| &*part.name);
        Some(match measured.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => {
                format!("threshold `{threshold}` names an executor, and here none has a name and is measured")
            }
            names => format!("threshold `{threshold}`: no executor `{executor}` is measured, but {names}"),
        })
    }

    fn topic_fault(&self) -> Option<String> {
        let topics = &self.events.topics;
        let named = self.load.thresholds.iter().filter_map(|demand| {
            let topic = demand.parse().ok()?.tags.topic?;
            Some((&demand.threshold, topic))
        });
        let is_absent = |topic: &String| self.request.is_some() || !topics.contains(topic);
        let (threshold, topic) = named.into_iter().find(|(_, topic)| is_absent(topic))?;
        Some(if self.request.is_some() {
            format!(
                "threshold `{threshold}` names a topic, and one request that is sent over and over has none"
            )
        } else {
            let more = topics.len().saturating_sub(NAMED_TOPICS);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let some = &topics[..topics.len().min(NAMED_TOPICS)];
            format!("threshold `{threshold}`: there is no topic `{topic}`, but {}{more}", some.join(", "))
        })
    }

    /// Why what is to be done to the target cannot be done.
    fn faults_fault(&self) -> Option<String> {
        let process = self.target.process.as_ref();
        if process.is_some_and(|process| process.command.is_empty()) {
            return Some(
                "target.process.command is empty; write it as [\"./server\", \"--port\", \"8080\"]"
                    .to_owned(),
            );
        }
        let is_at_share = |fault: &Fault| matches!(fault.due(0, 0), At::Share(_));
        let one = self.faults.iter().find_map(|fault| fault.fault(process.is_some()));
        one.or_else(|| {
            let lacks_count = self.load.total().is_none() && self.faults.iter().any(is_at_share);
            lacks_count.then(|| {
                "a fault at a share of the attempts needs a count: say when it strikes as a time (2s)"
                    .to_owned()
            })
        })
    }

    /// Why a trap cannot be set here.
    fn traps_fault(&self) -> Option<&'static str> {
        let is_single = self.target.publish.envelope == Envelope::Object;
        match self.traps {
            Traps { invalid: 1.., .. } if is_single => Some(
                "the trap invalid spoils one event of a request, and here a request is one event: leave it out",
            ),
            Traps { invalid: 1.., .. } if self.promises.received == Received::Offered => Some(
                "the trap invalid leaves open what received = \"offered\" counts of a spoilt request: leave it out",
            ),
            Traps { empty, .. } if empty > MAX_EMPTY => {
                Some("the trap empty sends 0 to 100 requests without an event")
            }
            Traps { empty: 1.., .. } if is_single => {
                Some("the trap empty needs requests that can be without an event: here one is one event")
            }
            _ => self.variants_fault(),
        }
    }

    /// Why keys cannot have two payloads here.
    fn variants_fault(&self) -> Option<&'static str> {
        let (variants, payload) = (self.traps.variants(), &self.events.payload);
        if variants.is_off() {
            return None;
        }
        if self.target.fields.payload.is_empty() {
            return Some("traps on payloads need fields.payload: here no event carries one");
        }
        let template = payload.template.as_deref()?;
        if variants.key_order > 0 || variants.number_spelling > 0 {
            return Some("the traps key_order and number_spelling are for payloads without a template");
        }
        let has_data = Template::parse(template).is_ok_and(|template| template.has(Place::Data));
        (!has_data).then_some(
            "the trap other_payload needs {{data}} in the payload's template, where the two differ",
        )
    }
}
