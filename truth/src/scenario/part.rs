//! Several executors in one load, side by side or one after the other: `[[load.executors]]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::load::{Executor, Load, Stage};
use crate::rate::Rate;

/// Most executors of a load: each has threads of its own.
const MAX_PARTS: usize = 64;

/// One executor of a load, and when it begins. It sends events of the one plan that all of them share.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// How it is called in the summary and in thresholds.
    pub name: String,
    /// How it shapes its load.
    pub executor: Executor,
    /// Attempts over all shards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// How much leaves in a second, over all shards; where it ramps, at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// For how long it leaves.
    #[serde(default, with = "crate::duration::optional", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
    /// How many connections there are at its start, where their number ramps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_vus: Option<u32>,
    /// How the rate, or the number of connections, changes, one stage after the other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<Stage>,
    /// Its connections, if not as many as the load says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// The executor that has to have ended before it begins; none if it begins with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// How long after that it begins.
    #[serde(default, with = "crate::duration")]
    pub start_time: Duration,
    /// Whether what it sends counts in rates, latencies and thresholds: a warm-up does not.
    #[serde(default = "is_measured")]
    pub measured: bool,
}

fn is_measured() -> bool {
    true
}

impl Part {
    /// The load of this executor alone.
    pub(super) fn load(&self, whole: &Load) -> Load {
        Load {
            executor: self.executor,
            count: self.count,
            rate: self.rate,
            duration: self.duration,
            start_vus: self.start_vus.unwrap_or(whole.start_vus),
            stages: self.stages.clone(),
            concurrency: self.concurrency.unwrap_or(whole.concurrency),
            executors: Vec::new(),
            ..whole.clone()
        }
    }
}

/// Why they make no load, if they do not.
pub(super) fn fault(parts: &[Part], whole: &Load) -> Option<String> {
    let is_shaped = whole.executor != Executor::SharedIterations
        || whole.count.is_some()
        || whole.rate.is_some()
        || whole.duration.is_some()
        || !whole.stages.is_empty();
    if is_shaped {
        return Some(
            "where there are [[load.executors]], each of them says its executor, count, rate, duration and stages, and \
             [load] says none of these"
                .to_owned(),
        );
    }
    if parts.len() > MAX_PARTS {
        return Some(format!("there can be up to {MAX_PARTS} [[load.executors]]"));
    }
    let faults = parts.iter().enumerate().filter_map(|(place, part)| {
        let why = own_fault(part, &parts[..place], whole)?;
        Some(format!("the executor \"{}\": {why}", part.name))
    });
    faults.into_iter().next()
}

fn own_fault(part: &Part, before: &[Part], whole: &Load) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    if part.name.is_empty() || part.name.len() > 64 || !part.name.chars().all(is_name) {
        return Some("its name must be 1 to 64 letters, digits, dots, dashes or underscores".to_owned());
    }
    let is_known = |name: &str| before.iter().any(|other| other.name == name);
    if is_known(&part.name) {
        return Some("its name is taken by another".to_owned());
    }
    if let Some(after) = part.after.as_deref().filter(|after| !is_known(after)) {
        return Some(format!("after = \"{after}\" names no executor that is listed above it"));
    }
    part.load(whole).fault()
}
