//! The verdict as people and programs read it.

pub mod json;
pub mod junit;
pub mod text;

use truth::folder::Manifest;
use truth::scenario::{Scenario, numbered_topics};

/// The command that sends the same load again, under a new identity.
pub fn rerun(manifest: &Manifest) -> String {
    let (plan, load) = (&manifest.plan, &manifest.scenario.load);
    let mut command = format!("loadgen --count {} --dup {} --seed {}", load.count, load.dup, plan.seed);
    let defaults = Scenario::default();
    let mut add = |differs: bool, text: String| {
        if differs {
            command.push_str(&text);
        }
    };
    let (url, usual) = (&manifest.scenario.target.url, &defaults.target.url);
    add(url != usual, format!(" --target {url}"));
    add(load.batch != defaults.load.batch, format!(" --batch {}", load.batch));
    add(load.concurrency != defaults.load.concurrency, format!(" --concurrency {}", load.concurrency));
    let count = plan.topics.len() as u32;
    let is_counted = count > 1 && plan.topics == numbered_topics(count);
    let topics = if is_counted { count.to_string() } else { plan.topics.join(",") };
    add(plan.topics != defaults.events.topics, format!(" --topics {topics}"));
    add(load.retries != defaults.load.retries, format!(" --retries {}", load.retries));
    add(manifest.scenario.name != defaults.name, format!("  # scenario `{}`", manifest.scenario.name));
    command
}
