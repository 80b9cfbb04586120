//! Rules of `[[load.beside]]`: requests that can be sent beside the load.

use super::super::place::TextFault;
use super::super::{Scenario, ScenarioError};
use crate::target::template::HoleName;

/// Most kinds of requests beside a load.
const MAX_BESIDE: usize = 16;

/// Checks the requests beside the load.
pub(super) fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let all = &scenario.load.beside;
    if all.len() > MAX_BESIDE {
        let number = all.len();
        return Err(ScenarioError::Setting(format!(
            "there are {number} [[load.beside]]: at most {MAX_BESIDE} are possible"
        )));
    }
    for (nth, beside) in all.iter().enumerate() {
        if let Some(fault) = beside.fault(&all[..nth]) {
            return Err(ScenarioError::Setting(format!("[[load.beside]] \"{}\": {fault}", beside.name)));
        }
    }
    for (key, template) in scenario.load.beside_templates() {
        for hole in template.holes() {
            let reason = match &hole.name {
                HoleName::Env(_) | HoleName::Open | HoleName::Now(_) => continue,
                HoleName::Kept(name) if scenario.target.keeps(name) => continue,
                HoleName::Kept(name) => scenario.target.not_kept(name),
                name => format!(
                    "{{{{{name}}}}} has no value beside the load: only {{{{env:NAME}}}}, {{{{now}}}} and \
                     {{{{kept.NAME}}}} have"
                ),
            };
            return Err(TextFault::new(&key, template, hole.span.start, reason).into());
        }
    }
    Ok(())
}
