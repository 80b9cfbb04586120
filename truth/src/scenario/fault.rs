//! Faults that a scenario plans for its target.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::duration;
use crate::plan::rng::{derived, scale};
use crate::target::InClear;

/// First thousandth of the run at which a fault without a time may fall.
const DRAWN_FROM: u64 = 100;
/// End of the thousandths at which it may fall.
const DRAWN_TO: u64 = 800;

/// One planned fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Time of the fault; none to draw it from the seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<At>,
    /// Action.
    #[serde(rename = "do")]
    pub action: Action,
    /// Time for which the target stays down, or paused.
    #[serde(rename = "for", default = "lasts", with = "crate::duration")]
    pub lasts: Duration,
    /// Command of `run`, for `sh -c`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Command that undoes `run` after that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heal: Option<String>,
}

fn lasts() -> Duration {
    Duration::from_millis(500)
}

impl Fault {
    /// Secrets of its commands that are written in clear. `nth` is its place in the list.
    pub(super) fn secrets_in_clear(&self, nth: usize) -> Vec<InClear> {
        let commands = [("run", &self.run), ("heal", &self.heal)];
        let given = commands.into_iter().filter_map(|(key, command)| Some((key, command.as_deref()?)));
        given
            .flat_map(|(key, command)| InClear::of_command(&format!("faults.{nth}.{key}"), command))
            .collect()
    }
}

/// Action of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// SIGKILL, and a new start.
    Kill,
    /// SIGTERM, and a new start.
    Terminate,
    /// SIGSTOP, and SIGCONT.
    Pause,
    /// A command of the user.
    Run,
}

/// Time of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum At {
    /// The fault comes once this many thousandths of the attempts have ended.
    Share(u32),
    /// The fault comes this long after the first send.
    Time(Duration),
}

/// Error of a text that is not a time of a fault.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("`{text}` is not a time of a fault; write a share of the events as 30%, or a time as 2s")]
pub struct AtError {
    text: String,
}

impl FromStr for At {
    type Err = AtError;

    fn from_str(text: &str) -> Result<Self, AtError> {
        let refuse = || AtError { text: text.to_owned() };
        let Some(percent) = text.trim().strip_suffix('%') else {
            return duration::parse(text).map(Self::Time).map_err(|_| refuse());
        };
        let (whole, tenth) = percent.split_once('.').unwrap_or((percent, "0"));
        let digits = |part: &str| part.trim().parse::<u32>().ok().filter(|_| !part.starts_with('+'));
        let (whole, tenth) =
            digits(whole).zip(digits(tenth).filter(|tenth| *tenth < 10)).ok_or_else(refuse)?;
        Some(whole)
            .filter(|whole| *whole <= 100)
            .map(|whole| Self::Share(whole * 10 + tenth))
            .ok_or_else(refuse)
    }
}

impl TryFrom<String> for At {
    type Error = AtError;

    fn try_from(text: String) -> Result<Self, AtError> {
        text.parse()
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(thousandths) if thousandths.is_multiple_of(10) => write!(f, "{}%", thousandths / 10),
            Self::Share(thousandths) => write!(f, "{}.{}%", thousandths / 10, thousandths % 10),
            Self::Time(time) => f.write_str(&duration::format(*time)),
        }
    }
}

impl From<At> for String {
    fn from(at: At) -> Self {
        at.to_string()
    }
}

impl Action {
    /// Returns the name in scenarios.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "kill",
            Self::Terminate => "terminate",
            Self::Pause => "pause",
            Self::Run => "run",
        }
    }
}

impl Fault {
    /// Returns the time of this fault, which has a number in the scenario, in a run of this seed.
    pub fn due(&self, seed: u32, number: usize) -> At {
        self.at.unwrap_or_else(|| {
            let drawn = scale(derived(u64::from(seed), 0x0fa1 + number as u64), DRAWN_TO - DRAWN_FROM);
            At::Share((DRAWN_FROM + drawn) as u32)
        })
    }

    /// Checks that the fault can be done.
    pub fn fault(&self, has_process: bool) -> Option<String> {
        let name = self.action.name();
        match (self.action, &self.run) {
            (Action::Run, None) => {
                Some("a fault with do = \"run\" needs run = \"...\", the command".to_owned())
            }
            (Action::Run, Some(_)) => None,
            (_, Some(_)) => Some(format!("run = \"...\" needs do = \"run\", and do is \"{name}\"")),
            (_, None) if self.heal.is_some() => {
                Some(format!("heal = \"...\" needs do = \"run\"; do = \"{name}\" heals by itself"))
            }
            (_, None) if !has_process => Some(format!(
                "a fault with do = \"{name}\" needs [target.process], the process that it acts on"
            )),
            (_, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_shares_read_as_written() {
        for (text, at) in [
            ("30%", At::Share(300)),
            ("2.5%", At::Share(25)),
            ("100%", At::Share(1000)),
            ("2s", At::Time(Duration::from_secs(2))),
            ("250ms", At::Time(Duration::from_millis(250))),
        ] {
            assert_eq!(text.parse(), Ok(at));
            assert_eq!(at.to_string(), text);
        }
        for text in ["", "30", "101%", "-1%", "+1%", "1.25%", "soon", "%"] {
            assert!(text.parse::<At>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_said_is_drawn_from_the_seed_within_the_run() {
        let fault = Fault { at: None, action: Action::Kill, lasts: lasts(), run: None, heal: None };
        let due = |seed, number| match fault.due(seed, number) {
            At::Share(share) => share,
            At::Time(_) => panic!("a time"),
        };
        assert_eq!(due(7, 0), due(7, 0));
        assert_ne!(due(7, 0), due(7, 1));
        assert!((0..1_000).all(|seed| (100..800).contains(&due(seed, 0))));
    }
}
