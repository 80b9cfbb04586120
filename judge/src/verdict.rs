//! The verdict as a value: what `verdict.json` holds and what the reports print.

mod check_id;
mod decision;
mod doubt;
mod observation;
mod premise;
mod reason;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::record::ledger::Scope;

pub use self::check_id::CheckId;
pub use self::decision::Verdict;
pub use self::doubt::Doubt;
pub(crate) use self::doubt::OPEN_END;
pub use self::observation::Observation;
pub use self::premise::{Ground, Premise, Standing};
pub use self::reason::{Reason, Unproven};
use crate::books::coverage::Coverage;
use crate::books::region::{Bounds, Deltas};

/// Number of keys that a check shows at most.
pub const SHOWN_KEYS: usize = 8;

/// Result of one check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// No fault was found.
    Pass,
    /// A promise is broken.
    Fail,
    /// The evidence decides neither way.
    Unknown,
    /// The target offers, or promises, nothing to check.
    NotTested,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Name of the check.
    #[schemars(with = "String")]
    pub name: CheckId,
    /// Result of the check.
    pub status: Status,
    /// Number of faulty keys, rows, responses or numbers.
    pub count: u64,
    /// Sentence that says what was compared, or why nothing was.
    pub summary: String,
    /// The first faults, eight at most for keys.
    pub findings: Vec<Finding>,
    /// Premises that the faults rest on; empty if there are none, or they rest on nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub premises: Vec<Ground>,
}

/// One fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Number of the key in the plan, if the fault is on one.
    pub ordinal: Option<u64>,
    /// Topic, as sent or as listed.
    pub topic: Option<String>,
    /// Id, as sent or as listed.
    pub event_id: Option<String>,
    /// Sentence about the fault.
    pub detail: String,
    /// Trace context in the events of the key, or of the request; none if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Try of a request that the fault is on, if it is on one rather than on a key.
    #[serde(skip)]
    pub request: Option<TriedRequest>,
    /// Attempts of the key, in the order of their ends; of a fault on a request, that one.
    pub history: Vec<Attempt>,
}

/// Try of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TriedRequest {
    /// Round or list of the request.
    pub scope: Scope,
    /// Number of the request in it.
    pub request: u32,
    /// Number of the try: 0 for the first.
    pub try_number: u16,
}

/// One attempt, for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// Round or list of repeats: `round 3` or `list 1`.
    pub scope: String,
    /// Number of the request in the round or list.
    pub request: u32,
    /// Number of the event in the request.
    pub place: u32,
    /// Number of the try: 0 for the first.
    pub try_number: u16,
    /// Number of the connection.
    pub connection: u32,
    /// Start, in microseconds since the first frame of the ledger.
    pub start_us: u64,
    /// End, in microseconds since the first frame of the ledger; none if it never ended.
    pub end_us: Option<u64>,
    /// HTTP status; 0 without a response.
    pub status: u16,
    /// Fate: `new`, `duplicate`, `accepted`, `rejected`, `unclear`, `unknown`,
    /// `unknown (never ended)` or `never-sent`.
    #[schemars(with = "String")]
    pub outcome: Fate,
    /// Trace context of the try, in a run with `--trace`; none in others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Planned start, in microseconds since the first frame of the ledger; none if it never ended.
    /// Files do not keep it.
    #[serde(skip)]
    pub planned_us: Option<u64>,
    /// Number of the shard that sent it; none where one shard sends all. Files do not keep it.
    #[serde(skip)]
    pub shard: Option<u32>,
}

/// Fate of one attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// Acknowledged, and reported as new.
    New,
    /// Acknowledged, and reported as a duplicate.
    Duplicate,
    /// Acknowledged, without saying which of the two.
    Accepted,
    /// Rejected without effect.
    Rejected,
    /// Acknowledged by its status, and answered with a body that contradicts the target's
    /// description.
    Unclear,
    /// Executed once or not at all, at any later moment.
    Unknown,
    /// Unknown, because the ledger has no end of the attempt.
    #[serde(rename = "unknown (never ended)")]
    NeverEnded,
    /// No byte left.
    NeverSent,
}

impl Fate {
    /// Text in files and reports.
    pub fn text(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Duplicate => "duplicate",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
            Self::Unclear => "unclear",
            Self::Unknown => "unknown",
            Self::NeverEnded => "unknown (never ended)",
            Self::NeverSent => "never-sent",
        }
    }

    pub(crate) fn is_acked(self) -> bool {
        matches!(self, Self::New | Self::Duplicate | Self::Accepted)
    }
}

/// A defect that the judge planted in the run's own evidence, to test itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Planted {
    /// Name of the defect.
    pub defect: String,
    /// Name of the check that has to find it.
    #[schemars(with = "String")]
    pub check: CheckId,
    /// True if the check found it; none if the run has no suitable evidence to plant it in.
    pub seen: Option<bool>,
}

/// Bounds of the counters, and their growth.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CounterSlack {
    /// Bounds of `received`.
    pub received: Bounds,
    /// Bounds of `unique`.
    pub unique: Bounds,
    /// Bounds of `duplicates`.
    pub duplicates: Bounds,
    /// Growth of each counter since the baseline.
    pub deltas: Deltas,
}

/// Attempts by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Attempts {
    /// Attempts of the plan.
    pub planned: u64,
    /// Attempts that left, or may have left.
    pub sent: u64,
    /// Acknowledged attempts.
    pub acked: u64,
    /// Acknowledged attempts that were reported as new.
    #[serde(rename = "told_new")]
    pub reported_new: u64,
    /// Acknowledged attempts that were reported as duplicates.
    #[serde(rename = "told_duplicate")]
    pub reported_duplicate: u64,
    /// Attempts whose fate is unknown.
    pub unknown: u64,
    /// Attempts whose status acknowledges and whose body contradicts the target's description.
    #[serde(default)]
    pub unclear: u64,
    /// Attempts that were rejected without effect.
    pub rejected: u64,
    /// Attempts of which no byte left.
    pub never_sent: u64,
    /// Keys with an acknowledged attempt.
    pub acked_keys: u64,
    /// Keys whose attempts are all unknown.
    pub doubtful_keys: u64,
}

/// Outcomes of keys that `verify` sent again, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SentAgain {
    /// Number of keys.
    pub keys: u64,
    /// Keys that were reported as new.
    #[serde(rename = "told_new")]
    pub reported_new: u64,
    /// Keys that were reported as duplicates.
    #[serde(rename = "told_duplicate")]
    pub reported_duplicate: u64,
    /// Keys that were acknowledged, without saying which of the two.
    pub accepted: u64,
    /// Keys whose fate is unknown once more.
    pub unknown: u64,
    /// Keys whose response was unclear.
    #[serde(default)]
    pub unclear: u64,
    /// Keys that were rejected without effect.
    pub rejected: u64,
    /// Keys that never left, as the target could no longer be reached.
    pub never_sent: u64,
}

/// Content of `verdict.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Version of this file.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// Version of the program that judged.
    pub onceproof: String,
    /// Result of the run.
    pub verdict: Verdict,
    /// Number of the observation that was judged.
    pub observation: u32,
    /// Run folders.
    pub runs: Vec<String>,
    /// URL of the target that was read.
    pub target: String,
    /// Time from which the attempts are timed: `2026-01-31T12:00:00.000Z`. None without a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began_utc: Option<String>,
    /// Sentences that say why the verdict is no PASS.
    #[schemars(with = "Vec<String>")]
    pub reasons: Vec<Reason>,
    /// Sentences about what happened besides.
    #[schemars(with = "Vec<String>")]
    pub observations: Vec<Observation>,
    /// All checks, in the order of the registry.
    pub checks: Vec<Check>,
    /// Sentences about what was not tested.
    pub not_tested: Vec<String>,
    /// All premises, with their standing in this run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub premises: Vec<Ground>,
    /// Attempts of the run.
    pub attempts: Attempts,
    /// Repeats that were tried.
    pub coverage: Coverage,
    /// Bounds of the counters, if the target has any.
    pub counters: Option<CounterSlack>,
    /// Keys of unknown fate that were sent again (`--resolve`); none if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<SentAgain>,
    /// Acknowledged keys that were sent again (`--replay`); none if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<SentAgain>,
    /// Defects that the judge planted to test itself.
    pub planted: Vec<Planted>,
    /// Command that sends the same load again.
    pub rerun: String,
    /// Name by which verify was called: `verify`, or `onceproof verify`. Files do not keep it.
    #[serde(skip, default = "verify")]
    pub called: String,
}

fn verify() -> String {
    "verify".to_owned()
}

/// All checks, made.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// Checks, in the order of the registry.
    pub checks: Vec<Check>,
    /// Causes for UNKNOWN that no check stands for.
    pub doubts: Vec<Doubt>,
    /// Events worth knowing that decide nothing.
    pub observations: Vec<Observation>,
    /// Bounds of the counters, if they could be compared.
    pub slack: Option<CounterSlack>,
}

/// Verdict UNKNOWN without a check, for evidence that cannot be read.
pub fn undecided(reason: Reason) -> Judgement {
    Judgement { verdict: Verdict::Unknown, reasons: vec![reason], ..blank() }
}

pub(crate) fn blank() -> Judgement {
    Judgement {
        schema_version: 1,
        onceproof: env!("CARGO_PKG_VERSION").to_owned(),
        verdict: Verdict::Unknown,
        observation: 0,
        runs: Vec::new(),
        target: String::new(),
        began_utc: None,
        reasons: Vec::new(),
        observations: Vec::new(),
        checks: Vec::new(),
        not_tested: Vec::new(),
        premises: Vec::new(),
        attempts: Attempts::default(),
        coverage: Coverage::default(),
        counters: None,
        resolved: None,
        replayed: None,
        planted: Vec::new(),
        rerun: String::new(),
        called: verify(),
    }
}

impl Check {
    pub(crate) fn pass(name: CheckId, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Pass, 0, summary, Vec::new())
    }

    pub(crate) fn unknown(name: CheckId, count: u64, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Unknown, count, summary, Vec::new())
    }

    pub(crate) fn not_tested(name: CheckId, summary: impl Into<String>) -> Self {
        Self::of(name, Status::NotTested, 0, summary, Vec::new())
    }

    pub(crate) fn fail(
        name: CheckId,
        count: u64,
        summary: impl Into<String>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.truncate(SHOWN_KEYS);
        Self::of(name, Status::Fail, count, summary, findings)
    }

    /// Names the premises that the faults rest on, where the registry does not say it all.
    pub(crate) fn resting_on(self, premises: Vec<Ground>) -> Self {
        Self { premises, ..self }
    }

    fn of(
        name: CheckId,
        status: Status,
        count: u64,
        summary: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { name, status, count, summary: summary.into(), findings, premises: Vec::new() }
    }
}

impl Finding {
    /// Leaves of the attempts those of its request, one of the copies in it, if it is on a request.
    pub(crate) fn keep_its_request(&mut self) {
        let Some(TriedRequest { scope, request, try_number }) = self.request else { return };
        let scope = scope.to_string();
        let is_it =
            |one: &Attempt| (&one.scope, one.request, one.try_number) == (&scope, request, try_number);
        self.history.retain(is_it);
        self.history.truncate(1);
    }

    /// Makes a finding that is not on one key.
    pub(crate) fn plain(detail: String) -> Self {
        Self {
            ordinal: None,
            topic: None,
            event_id: None,
            detail,
            traceparent: None,
            request: None,
            history: Vec::new(),
        }
    }
}
