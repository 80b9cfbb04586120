//! Trouble of a run, as `summary.json` keeps it: reasons why requests have no usable response, and
//! the first responses that nobody expects.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ending::LedgerEnd;
use super::folder::RunFolder;
use crate::files::{FolderError, read_json};

/// Trouble of a run. Text of the target is cut and escaped.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// Reasons why requests have no whole response, in the order of their names.
    pub lost_because: Vec<LostBecause>,
    /// First response whose status does not acknowledge; `null` if there was none.
    pub first_unexpected: Option<Specimen>,
    /// First response whose status acknowledges and whose body contradicts `[target.answer]`; `null` if
    /// there was none.
    #[serde(default)]
    pub first_unclear: Option<Specimen>,
    /// Number of responses with a redirect, which is not followed.
    pub redirects: u64,
    /// First of them; `null` if there was none.
    pub first_redirect: Option<Specimen>,
}

/// Reason why requests have no whole response.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct LostBecause {
    /// Name of the reason: `closed-early`, `connection-reset`, `chunks` and so on.
    pub cause: String,
    /// Number of requests, retries included.
    pub requests: u64,
    /// Sentence about the first of them.
    pub example: String,
}

/// Response that is shown.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Specimen {
    /// HTTP status.
    pub status: u16,
    /// Place that a redirect leads to; `null` without one.
    pub location: Option<String>,
    /// Beginning of the body; empty if there was none.
    pub body: String,
}

#[derive(Deserialize)]
struct Kept {
    #[serde(default)]
    trouble: Trouble,
}

impl Trouble {
    /// Reads the trouble of a run; none if the run wrote no summary, or an older release did.
    pub fn read(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = LedgerEnd::path(folder);
        if path.exists() { Ok(read_json::<Kept>(&path)?.trouble) } else { Ok(Self::default()) }
    }

    /// Returns the trouble of several shards.
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        all.fold(Self::default(), |mut sum, trouble| {
            sum.add(trouble);
            sum
        })
    }

    fn add(&mut self, other: &Self) {
        for more in &other.lost_because {
            match self.lost_because.iter_mut().find(|known| known.cause == more.cause) {
                Some(known) => known.requests += more.requests,
                None => self.lost_because.push(more.clone()),
            }
        }
        self.redirects += other.redirects;
        self.first_unexpected = self.first_unexpected.take().or_else(|| other.first_unexpected.clone());
        self.first_unclear = self.first_unclear.take().or_else(|| other.first_unclear.clone());
        self.first_redirect = self.first_redirect.take().or_else(|| other.first_redirect.clone());
    }
}

impl std::fmt::Display for Specimen {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "status {}", self.status)?;
        if let Some(location) = &self.location {
            write!(out, " to {location}")?;
        }
        match &*self.body {
            "" => out.write_str(", without a body"),
            body => write!(out, ", body `{body}`"),
        }
    }
}
