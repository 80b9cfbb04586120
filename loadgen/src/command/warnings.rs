//! Warnings about a scenario that can run, and may not do what its author expects.

use std::path::Path;

use truth::scenario::{Scenario, names_key};
use truth::target::InClear;

/// Returns the warnings about secrets that the scenario holds in clear, and guards these from being
/// shown.
pub(crate) fn secrets_in_clear(scenario: &Scenario) -> Vec<String> {
    let found = scenario.secrets_in_clear();
    found.iter().for_each(InClear::guard);
    let warning = |one: &InClear| {
        format!("{} holds a secret in clear, which run.json repeats: {}", one.key, one.remedy)
    };
    found.iter().map(warning).collect()
}

/// Returns the warning about a file that describes a target and does not say where it is.
pub(crate) fn unplaced(scenario: &Scenario, file: &Path) -> Option<String> {
    let is_missing = scenario.target.starts_from_nothing() && !names_key(file, "target.url");
    is_missing.then(|| {
        format!(
            "[target] has no url, so a run is sent to {} unless --target or TARGET_URL names the target",
            scenario.target.url
        )
    })
}

/// Returns the warning about a target of which nothing can be read back. A load without a verdict
/// needs nothing.
pub(crate) fn unread(scenario: &Scenario) -> Option<String> {
    let is_judged = scenario.request.is_none();
    (is_judged && !scenario.can_be_read_back()).then(|| {
        "nothing shows what the target stores, so a verdict would be VOID: describe [target.listing], a counter \
         `unique` under [target.stats], or a [database]; a load without a verdict needs none"
            .to_owned()
    })
}
