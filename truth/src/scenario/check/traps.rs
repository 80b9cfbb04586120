//! Rules of traps: each needs a part of the request that it can change.

use super::super::promises::Received;
use super::super::{MAX_EMPTY, Scenario, Traps};
use crate::plan::template::{Place, Template};
use crate::target::Envelope;
use crate::target::template::HoleName;

/// Parts of an event that requests carry.
struct Carried {
    timestamp: bool,
    source: bool,
    payload: bool,
    /// True if the random text of the payload stands in the request by itself.
    data: bool,
}

impl Carried {
    fn by(scenario: &Scenario) -> Self {
        let target = &scenario.target;
        if target.publish.text.is_none() {
            let fields = &target.fields;
            return Self {
                timestamp: !fields.timestamp.is_empty(),
                source: !fields.source.is_empty(),
                payload: !fields.payload.is_empty(),
                data: false,
            };
        }
        let templates = target.publish_templates();
        let any = |is_it: fn(&HoleName) -> bool| {
            templates.iter().flat_map(|(_, template)| template.holes()).any(|hole| is_it(&hole.name))
        };
        Self {
            timestamp: any(|name| matches!(name, HoleName::Timestamp(_))),
            source: any(|name| *name == HoleName::Source),
            payload: any(|name| *name == HoleName::Payload),
            data: any(|name| *name == HoleName::Data),
        }
    }
}

/// Checks the traps.
pub(super) fn fault(scenario: &Scenario) -> Option<&'static str> {
    let publish = &scenario.target.publish;
    let is_single = publish.text.is_none() && publish.envelope == Envelope::Object;
    let has_events = publish.text.as_ref().is_none_or(|text| text.body.names(&HoleName::Events));
    match scenario.traps {
        Traps { invalid: 1.., .. } if publish.text.is_some() && publish.invalid.is_empty() => Some(
            "the trap invalid needs target.publish.invalid beside target.publish.body, which says what is invalid: \
             add it, or leave the trap out",
        ),
        Traps { invalid: 1.., .. } if is_single => Some(
            "the trap invalid adds an event to a request, but envelope = \"object\" has one event a \
             request: leave it out",
        ),
        Traps { invalid: 1.., .. } if scenario.promises.received == Some(Received::Offered) => {
            Some("the trap invalid cannot be judged with received = \"offered\": leave one of them out")
        }
        Traps { empty, .. } if empty > MAX_EMPTY => Some("the trap empty must be 0 to 100 requests"),
        Traps { empty: 1.., .. } if is_single => Some(
            "the trap empty needs requests without events, but envelope = \"object\" has one event a \
             request: leave it out",
        ),
        Traps { empty: 1.., .. } if !has_events || has_single(scenario) => Some(
            "the trap empty needs requests without events, but the holes of target.publish need one event a \
             request: leave it out",
        ),
        _ => contents_fault(scenario, &Carried::by(scenario)),
    }
}

/// True if path, header fields or body have values of a single event.
fn has_single(scenario: &Scenario) -> bool {
    let templates = scenario.target.publish_templates();
    let outside = templates.iter().filter(|(key, _)| key != "target.publish.event");
    let mut holes = outside.flat_map(|(_, template)| template.holes());
    let has_one_topic = scenario.events.topics.len() == 1;
    holes.any(|hole| hole.name.is_of_event() && !(has_one_topic && hole.name == HoleName::Topic))
}

/// Checks the traps that make contents equal or different.
fn contents_fault(scenario: &Scenario, carried: &Carried) -> Option<&'static str> {
    let traps = &scenario.traps;
    let variants = traps.variants();
    if !carried.timestamp && (traps.same_timestamp > 0 || traps.other_timestamp > 0) {
        return Some(
            "the traps on timestamps need fields.timestamp, or {{timestamp}} in target.publish: give it a name, \
             or leave them out",
        );
    }
    if !carried.source && traps.other_source > 0 {
        return Some(
            "the trap other_source needs fields.source, or {{source}} in target.publish: give it a name, or \
             leave it out",
        );
    }
    let is_of_data = carried.data && variants.key_order == 0 && variants.number_spelling == 0;
    if !carried.payload && !is_of_data && (variants.has_two_payloads() || traps.same_payload > 0) {
        return Some(
            "the traps on payloads need fields.payload, or {{payload}} in target.publish: give it a name, or \
             leave them out",
        );
    }
    if !variants.has_two_payloads() || !carried.payload {
        return None;
    }
    let template = scenario.events.payload.template.as_deref()?;
    if variants.key_order > 0 || variants.number_spelling > 0 {
        return Some(
            "the traps key_order and number_spelling do not work with a payload template: leave one of them out",
        );
    }
    let has_data = Template::parse(template).is_ok_and(|template| template.has(Place::Data));
    (!has_data).then_some(
        "the trap other_payload needs {{data}} in the payload's template, where the two payloads differ",
    )
}
