//! Rules of repeats: copies of an event or of a whole request must be what a target can know again.

use super::super::place::TextFault;
use super::super::{Scenario, ScenarioError};
use crate::scenario::share::Share;
use crate::target::template::HoleName;

/// End of the names of header fields that hold an idempotency key.
const KEY: &str = "idempotency-key";

/// Checks that what is repeated is the same each time.
pub(super) fn check(scenario: &Scenario) -> Result<(), ScenarioError> {
    let repeats = scenario.load.dup.parse::<Share>().is_ok_and(|share| share != Share::ZERO);
    let refuse = |text: &str| Err(ScenarioError::Setting(text.to_owned()));
    if repeats && scenario.promises.is_by_request() && scenario.mix.request == 0 {
        return refuse(
            "promises.unit = \"request\" knows whole requests again, and [mix] repeats none: set request = 1 in [mix], \
             or dup to 0",
        );
    }
    let sends_copies = repeats && scenario.mix.request > 0;
    if sends_copies && scenario.traps.invalid > 0 {
        return refuse(
            "the trap invalid adds an event to some requests, which [mix] request would repeat with it: leave one of \
             them out",
        );
    }
    let (varies, says): (fn(&str, &HoleName) -> bool, _) = match (sends_copies, repeats && has_key(scenario))
    {
        (true, _) => {
            (varies_between_requests, "the copies of a request, which [mix] request sends byte for byte")
        }
        (false, true) => (
            varies_between_copies,
            "the copies of an event, and a target that knows its idempotency key refuses another body",
        ),
        (false, false) => return Ok(()),
    };
    for (key, template) in scenario.target.publish_templates() {
        if let Some(hole) = template.holes().find(|hole| varies(&key, &hole.name)) {
            let remedy = match &hole.name {
                HoleName::Kept(_) => {
                    "a new login during the run changes it, so write it in a header, or leave it out"
                }
                _ => "leave it out, or write a value of the event, such as {{timestamp}}",
            };
            let reason = format!("{{{{{}}}}} differs between {says}: {remedy}", hole.name);
            return Err(TextFault::new(&key, template, hole.span.start, reason).into());
        }
    }
    Ok(())
}

/// True if a hole of this text differs between two requests of the same events.
fn varies_between_requests(key: &str, name: &HoleName) -> bool {
    // Each request has a trace context of its own, which is none of what it asks for.
    let is_header = key.starts_with("target.publish.headers.") || key.starts_with("target.headers.");
    match name {
        HoleName::Now(_) => true,
        HoleName::Traceparent => !is_header && key != "target.publish.event",
        // A header field tells who asks, as does the signature, which stands in one.
        HoleName::Kept(_) => !is_header && !key.starts_with("target.publish.sign."),
        _ => false,
    }
}

/// True if a hole of this text differs between two copies of an event, in what a target compares with
/// the first one.
fn varies_between_copies(key: &str, name: &HoleName) -> bool {
    let is_body = key == "target.publish.body" || key == "target.publish.event";
    is_body && matches!(name, HoleName::Now(_) | HoleName::BatchId | HoleName::Kept(_))
}

/// True if requests carry the id of an event as their idempotency key.
fn has_key(scenario: &Scenario) -> bool {
    let headers = scenario.target.publish_headers();
    let mut keys = headers.iter().filter(|(name, _)| name.ends_with(KEY));
    keys.any(|(_, template)| template.names(&HoleName::EventId))
}
