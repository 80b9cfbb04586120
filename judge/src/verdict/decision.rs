//! The verdict: one of four words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use truth::exit;

/// Result of a run. Of several results the greatest is the result of all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verdict {
    /// Every check that could be made passes.
    Pass,
    /// Nothing was tested that could have failed.
    Void,
    /// The evidence decides neither way.
    Unknown,
    /// A promise is broken.
    Fail,
}

impl Verdict {
    /// Exit code of `verify`.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => exit::OK,
            Self::Fail => exit::FAIL,
            Self::Unknown => exit::UNKNOWN,
            Self::Void => exit::VOID,
        }
    }

    /// Printed form.
    pub fn text(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "UNKNOWN",
            Self::Void => "VOID",
        }
    }
}
