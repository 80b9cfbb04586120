//! Defects: what a target with one stores of a new event.

use jiff::{Timestamp, ToSpan};
use serde_json::value::RawValue;

use crate::event::{Event, Key};
use crate::settings::Defect;

/// Distance of new events that are lost or stored twice.
const ONE_IN: u64 = 200;

/// Distance of events that are changed.
const CHANGES_ONE_IN: u64 = 100;

/// Distance of requests that are dropped.
pub(crate) const DROPS_ONE_IN: u64 = 40;

/// Returns the identity of an event.
pub(crate) fn key(defect: Defect, event: &Event) -> Key {
    let (topic, id) = event.key();
    match defect {
        Defect::KeyHasTimestamp => (topic, format!("{id} {}", event.timestamp)),
        _ => (topic, id),
    }
}

/// Returns the events to store for a new one, the `nth` of this process.
pub(crate) fn stored(defect: Defect, event: &Event, nth: u64) -> Vec<Event> {
    let event = event.clone();
    let is_changed = nth.is_multiple_of(CHANGES_ONE_IN);
    match defect {
        Defect::LosesOne if nth.is_multiple_of(ONE_IN) => Vec::new(),
        Defect::StoresTwice if nth.is_multiple_of(ONE_IN) => vec![event.clone(), event],
        Defect::ChangesPayload if is_changed => vec![with_another_payload(event)],
        Defect::ChangesTimestamp if is_changed => vec![one_second_later(event)],
        _ => vec![event],
    }
}

fn with_another_payload(event: Event) -> Event {
    let payload = RawValue::from_string("{\"n\":-1}".to_owned()).expect("this is JSON");
    Event { payload, ..event }
}

fn one_second_later(event: Event) -> Event {
    let timestamp: Timestamp = event.timestamp.parse().expect("a sender writes timestamps");
    Event { timestamp: (timestamp + 1.second()).to_string(), ..event }
}
