//! What a target said of itself before the first send.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use truth::folder::{FolderError, RunFolder, read_json, write_json};

use crate::observe::client::TargetClient;
use crate::observe::stats::Counters;

/// How far apart the two readings are.
const APART: Duration = Duration::from_millis(250);

/// The file's name in the run folder.
const FILE: &str = "baseline.json";

/// `baseline.json`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Baseline {
    /// Version of this file.
    pub schema_version: u32,
    /// The counters, if they could be read.
    pub stats: Option<Counters>,
    /// Why they could not.
    pub unread: Option<String>,
    /// Whether two readings differed: somebody else writes.
    pub moving: bool,
}

impl Baseline {
    /// Reads the counters twice, a quarter of a second apart. A target that cannot be read has no baseline, and that
    /// is a fact, not a failure.
    pub async fn take(client: &TargetClient) -> Self {
        let unread = |reason: String| Self {
            schema_version: 1,
            stats: None,
            unread: Some(reason),
            moving: false,
        };
        let first = match client.stats().await {
            Ok(counters) => counters,
            Err(error) => return unread(chain(&error)),
        };
        tokio::time::sleep(APART).await;
        match client.stats().await {
            Ok(second) => {
                let moving = first != second;
                Self {
                    schema_version: 1,
                    stats: Some(second),
                    unread: None,
                    moving,
                }
            }
            Err(error) => unread(chain(&error)),
        }
    }

    /// Whether upper bounds of counters hold: nobody else writes, and nothing of before was still waiting.
    pub fn is_firm(&self) -> bool {
        !self.moving && self.stats.as_ref().is_some_and(|stats| stats.backlog() == 0)
    }

    /// Writes the file.
    pub fn save(&self, folder: &RunFolder) -> Result<(), FolderError> {
        write_json(&folder.file(FILE), self)
    }

    /// Reads the file; a run that was killed before it wrote one has none.
    pub fn load(folder: &RunFolder) -> Result<Option<Self>, FolderError> {
        let path = folder.file(FILE);
        if path.exists() {
            read_json(&path).map(Some)
        } else {
            Ok(None)
        }
    }
}

/// An error and its causes, on one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
