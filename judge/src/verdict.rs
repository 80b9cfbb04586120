//! The verdict as a value: what `verdict.json` holds and what the reports print.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::exit;

use crate::books::coverage::Coverage;
use crate::books::region::{Bounds, Deltas};

/// Keys shown for each check.
pub const SHOWN_KEYS: usize = 8;

/// What a run has shown. Ordered so that the greatest of several is their merger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Every check that could be made holds.
    Pass,
    /// Nothing was tested that could have failed.
    Void,
    /// It cannot be told.
    Unknown,
    /// A promise is broken.
    Fail,
}

impl Verdict {
    /// The exit code of `verify`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => exit::OK,
            Self::Fail => exit::FAIL,
            Self::Unknown => exit::UNKNOWN,
            Self::Void => exit::VOID,
        }
    }

    /// As it is printed.
    pub fn text(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "UNKNOWN",
            Self::Void => "VOID",
        }
    }
}

/// What became of one check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be told.
    Unknown,
    /// The target offers, or promises, nothing to check it with.
    NotTested,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub status: Status,
    /// How many keys, rows, answers or numbers are at fault.
    pub count: u64,
    /// What was compared, or why it was not.
    pub summary: String,
    /// The worst of what is at fault.
    pub findings: Vec<Finding>,
}

/// One thing at fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The key's number in the plan, where there is one.
    pub ordinal: Option<u64>,
    /// Topic, as sent or as listed.
    pub topic: Option<String>,
    /// Id, as sent or as listed.
    pub event_id: Option<String>,
    /// What is wrong.
    pub detail: String,
    /// Every attempt of the key.
    pub history: Vec<Attempt>,
}

/// One attempt, for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attempt {
    /// `round 3` or `list 1`.
    pub scope: String,
    /// Which request in it.
    pub request: u32,
    /// Which place in the request.
    pub place: u32,
    /// Which try.
    pub try_number: u16,
    /// Which connection.
    pub connection: u32,
    /// Start, since the first frame of the ledger.
    pub start_us: u64,
    /// End; none if it was never seen.
    pub end_us: Option<u64>,
    /// HTTP status; 0 without an answer.
    pub status: u16,
    /// `new`, `duplicate`, `accepted`, `rejected`, `unknown` or `never-sent`.
    pub outcome: String,
}

impl Attempt {
    /// Whether it was acknowledged.
    pub(crate) fn is_acked(&self) -> bool {
        matches!(self.outcome.as_str(), "new" | "duplicate" | "accepted")
    }
}

/// A defect planted to see that the judge sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Planted {
    /// Which defect.
    pub defect: String,
    /// Which check has to name it.
    pub check: String,
    /// Whether it did; none if the evidence holds nothing to plant it in.
    pub seen: Option<bool>,
}

/// How much room the counters leave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CounterSlack {
    /// R.
    pub received: Bounds,
    /// U.
    pub unique: Bounds,
    /// D.
    pub duplicates: Bounds,
    /// What they grew by.
    pub deltas: Deltas,
}

/// Attempts by outcome.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Attempts {
    /// Planned in all.
    pub planned: u64,
    /// Left, or may have left.
    pub sent: u64,
    /// Acknowledged.
    pub acked: u64,
    /// Of these, told to be new.
    pub told_new: u64,
    /// Of these, told to be duplicates.
    pub told_duplicate: u64,
    /// Fate unknown.
    pub unknown: u64,
    /// Refused without effect.
    pub rejected: u64,
    /// Never left.
    pub never_sent: u64,
    /// Keys with an acknowledgement.
    pub acked_keys: u64,
    /// Keys whose attempts are all unknown.
    pub doubtful_keys: u64,
}

/// What became of keys that `verify` sent again, each once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SentAgain {
    /// How many.
    pub keys: u64,
    /// Told to be new.
    pub told_new: u64,
    /// Told to be duplicates.
    pub told_duplicate: u64,
    /// Acknowledged, without telling which of the two.
    pub accepted: u64,
    /// Fate unknown once more.
    pub unknown: u64,
    /// Refused without effect.
    pub rejected: u64,
    /// Never left: the target could no longer be reached.
    pub never_sent: u64,
}

/// `verdict.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// Version of this file.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// Version of the program that judged.
    pub onceproof: String,
    /// The word.
    pub verdict: Verdict,
    /// Which observation was judged.
    pub observation: u32,
    /// The run folders.
    pub runs: Vec<String>,
    /// The target that was read.
    pub target: String,
    /// Why it is no PASS, or no FAIL: one sentence each.
    pub reasons: Vec<String>,
    /// What happened besides: one sentence each.
    pub observations: Vec<String>,
    /// Every check.
    pub checks: Vec<Check>,
    /// What was not tested: one sentence each.
    pub not_tested: Vec<String>,
    /// The attempts of the run.
    pub attempts: Attempts,
    /// What was tried, and how hard.
    pub coverage: Coverage,
    /// How much room the counters leave.
    pub counters: Option<CounterSlack>,
    /// Keys of unknown fate that were sent again (`--resolve`); none if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved: Option<SentAgain>,
    /// Acknowledged keys that were sent again (`--replay`); none if none were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<SentAgain>,
    /// Which planted defects were seen.
    pub planted: Vec<Planted>,
    /// How to send the same load again.
    pub rerun: String,
}

/// All checks, made.
#[derive(Clone, Debug, Default)]
pub struct Examined {
    /// In the order of the registry.
    pub checks: Vec<Check>,
    /// What makes the verdict UNKNOWN, beyond the checks.
    pub doubts: Vec<String>,
    /// What happened besides.
    pub observations: Vec<String>,
    /// How much room the counters leave.
    pub slack: Option<CounterSlack>,
}

/// A verdict without a check: what kept the judge from looking.
pub fn undecided(reason: String) -> Judgement {
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
        reasons: Vec::new(),
        observations: Vec::new(),
        checks: Vec::new(),
        not_tested: Vec::new(),
        attempts: Attempts::default(),
        coverage: Coverage::default(),
        counters: None,
        resolved: None,
        replayed: None,
        planted: Vec::new(),
        rerun: String::new(),
    }
}

impl Check {
    pub(crate) fn pass(name: &str, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Pass, 0, summary, Vec::new())
    }

    pub(crate) fn unknown(name: &str, count: u64, summary: impl Into<String>) -> Self {
        Self::of(name, Status::Unknown, count, summary, Vec::new())
    }

    pub(crate) fn not_tested(name: &str, summary: impl Into<String>) -> Self {
        Self::of(name, Status::NotTested, 0, summary, Vec::new())
    }

    pub(crate) fn fail(
        name: &str,
        count: u64,
        summary: impl Into<String>,
        mut findings: Vec<Finding>,
    ) -> Self {
        findings.truncate(SHOWN_KEYS);
        Self::of(name, Status::Fail, count, summary, findings)
    }

    fn of(
        name: &str,
        status: Status,
        count: u64,
        summary: impl Into<String>,
        findings: Vec<Finding>,
    ) -> Self {
        Self { name: name.to_owned(), status, count, summary: summary.into(), findings }
    }
}

impl Finding {
    /// A finding that is not on one key.
    pub(crate) fn plain(detail: String) -> Self {
        Self { ordinal: None, topic: None, event_id: None, detail, history: Vec::new() }
    }
}
