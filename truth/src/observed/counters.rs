//! Counters of a target, as one response gives them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::target::{StatsFields, StatsFormat};

mod metrics;
mod uptime;

/// Counters in one response; none for each that the target does not report.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Number of events received (R).
    pub received: Option<u64>,
    /// Number of events stored (U).
    pub unique: Option<u64>,
    /// Number of duplicates dropped (D).
    pub duplicates: Option<u64>,
    /// Number of events that were accepted and wait.
    pub pending: Option<u64>,
    /// Number of events that are being stored.
    pub processing: Option<u64>,
    /// Id of the process that responded.
    pub instance: Option<String>,
    /// Time for which that process has run. It always grows, so [`Counters::stands_as`] ignores it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
}

impl Counters {
    /// Returns the number of events accepted and not yet stored; 0 if the target does not report
    /// it.
    pub fn backlog(&self) -> u64 {
        self.pending.unwrap_or(0).saturating_add(self.processing.unwrap_or(0))
    }

    /// True if two responses report the same state of the store by the same process. Only the
    /// uptime may differ.
    pub fn stands_as(&self, other: &Self) -> bool {
        let timeless = |counters: &Self| Self { uptime_ms: None, ..counters.clone() };
        timeless(self) == timeless(other)
    }

    /// True if R = U + D, or R = U + D + backlog; false if neither holds. Targets differ in whether
    /// they count an event as received when it arrives, or when it is stored. `None` if the target
    /// does not report all of it.
    pub fn adds_up(&self) -> Option<bool> {
        let done = self.unique?.saturating_add(self.duplicates?);
        let received = self.received?;
        Some(received == done || received == done.saturating_add(self.backlog()))
    }

    /// Reads the counters from the body of a response; the error is the reason why it holds none.
    pub fn read(fields: &StatsFields, body: &[u8]) -> Result<Self, String> {
        match fields.format {
            StatsFormat::Json => Self::of_json(fields, body),
            StatsFormat::Prometheus => metrics::read(fields, body),
        }
    }

    /// Puts the counters of two responses together. A counter that both hold is their sum.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        Self {
            received: sum(self.received, other.received),
            unique: sum(self.unique, other.unique),
            duplicates: sum(self.duplicates, other.duplicates),
            pending: sum(self.pending, other.pending),
            processing: sum(self.processing, other.processing),
            instance: self.instance.or(other.instance),
            uptime_ms: self.uptime_ms.or(other.uptime_ms),
        }
    }

    fn of_json(fields: &StatsFields, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("not JSON: {error}"))?;
        let number = |pointer: &Option<String>| match pointer.as_deref() {
            None => Ok(None),
            Some(pointer) => match sum_at(&body, pointer) {
                Some(number) => Ok(Some(number)),
                None => Err(format!("no whole number at {pointer}")),
            },
        };
        let told = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| body.pointer(pointer));
        let instance = told(&fields.instance);
        Ok(Self {
            received: number(&fields.received)?,
            unique: number(&fields.unique)?,
            duplicates: number(&fields.duplicates)?,
            pending: number(&fields.pending)?,
            processing: number(&fields.processing)?,
            instance: instance.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            uptime_ms: told(&fields.uptime).and_then(uptime::millis),
        })
    }
}

/// Returns the number at a JSON pointer. A `*` in the pointer stands for every member, and the
/// result is their sum. A number may stand in quotes.
fn sum_at(body: &Value, pointer: &str) -> Option<u64> {
    let Some((before, after)) = pointer.split_once("/*") else {
        return match body.pointer(pointer)? {
            Value::String(digits) => digits.trim().parse().ok(),
            number => number.as_u64(),
        };
    };
    let sum = |mut numbers: Box<dyn Iterator<Item = Option<u64>> + '_>| {
        numbers.try_fold(0_u64, |sum, number| sum.checked_add(number?))
    };
    match body.pointer(before)? {
        Value::Array(members) => sum(Box::new(members.iter().map(|member| sum_at(member, after)))),
        Value::Object(members) => sum(Box::new(members.values().map(|member| sum_at(member, after)))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_waits_is_received_or_will_be() {
        let counters = |received, unique, duplicates, pending, processing| Counters {
            received: Some(received),
            unique: Some(unique),
            duplicates: Some(duplicates),
            pending: Some(pending),
            processing: Some(processing),
            ..Counters::default()
        };
        assert_eq!(counters(120, 71, 49, 1_160, 3).adds_up(), Some(true));
        assert_eq!(counters(1_283, 71, 49, 1_160, 3).adds_up(), Some(true));
        for received in [119, 121, 1_280, 1_282, 1_284] {
            assert_eq!(counters(received, 71, 49, 1_160, 3).adds_up(), Some(false), "{received}");
        }
        assert_eq!(Counters { unique: None, ..counters(0, 0, 0, 0, 0) }.adds_up(), None);
    }

    #[test]
    fn counters_of_several_responses_are_put_together() {
        let one = Counters { received: Some(7), pending: Some(1), ..Counters::default() };
        let other = Counters { unique: Some(5), pending: Some(2), ..Counters::default() };
        let both = Counters { received: Some(7), unique: Some(5), pending: Some(3), ..Counters::default() };
        assert_eq!(one.and(other), both);
    }

    #[test]
    fn a_counter_is_one_number_or_the_sum_of_many() {
        let body = json!({
            "events": {"in all": 7, "as text": " 12 "},
            "topics": [{"name": "a", "count": 2}, {"name": "b", "count": 3}],
            "by topic": {"a": 4, "b": "5"},
            "none": [],
        });
        for (pointer, number) in [
            ("/events/in all", Some(7)),
            ("/events/as text", Some(12)),
            ("/topics/*/count", Some(5)),
            ("/by topic/*", Some(9)),
            ("/none/*/count", Some(0)),
            ("/topics/*/name", None),
            ("/topics/*", None),
            ("/events/*/count", None),
            ("/missing", None),
        ] {
            assert_eq!(sum_at(&body, pointer), number, "{pointer}");
        }
    }
}
