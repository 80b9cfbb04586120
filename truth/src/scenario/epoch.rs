//! Timestamp of the first key: a time, or the start of the run.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::clock::utc_ms;
use crate::time;

/// Word for the start of the run.
const NOW: &str = "now";

/// Timestamp of the first key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Epoch {
    /// Start of the run, which is not known yet.
    Now,
    /// This time.
    At(Timestamp),
}

impl Epoch {
    /// Returns the time in milliseconds since 1970; the present one if the run did not start yet.
    pub fn ms(self) -> i64 {
        match self {
            Self::Now => utc_ms(),
            Self::At(time) => time.as_millisecond(),
        }
    }

    /// Returns the epoch of a run that starts now.
    #[must_use]
    pub fn at_start(self) -> Self {
        match self {
            Self::Now => Timestamp::from_millisecond(utc_ms()).map_or(self, Self::At),
            Self::At(_) => self,
        }
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == NOW {
            return Ok(Self::Now);
        }
        time::parse(&text).map(Self::At).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Epoch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Now => serializer.serialize_str(NOW),
            Self::At(time) => serializer.collect_str(time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_of_a_run_is_resolved_once() {
        let now: Epoch = serde_json::from_str("\"now\"").unwrap();
        assert_eq!(now, Epoch::Now);
        let started = now.at_start();
        assert_eq!(started, started.at_start());
        let saved = serde_json::to_string(&started).unwrap();
        assert_eq!(serde_json::from_str::<Epoch>(&saved).unwrap(), started, "{saved}");
        assert!(serde_json::from_str::<Epoch>("\"soon\"").is_err());
    }
}
