//! Check that a target that is asked for one topic shows only rows of that topic.

use truth::observed::rows::Row;
use truth::observed::topics::{Leak, TopicScope};
use truth::plan::event::Events;

use crate::client::TargetClient;

/// Number of topics to ask for, besides one that nobody used.
const ASKED: usize = 8;

/// Number of leaks that are kept as examples.
const EXAMPLES: usize = 8;

/// Topic that nobody used: each row that is shown for it is a leak.
const NOBODY: &str = "onceproof-nobody";

impl TargetClient {
    /// Asks for the first page of some topics, each by itself. None if the target cannot be asked
    /// for a topic or ignores it: then all pages are alike.
    /// `keys` is the number of the run's keys. A target that shows each row once is not asked.
    pub async fn scope(&self, topics: &[String], events: &Events, keys: u64) -> Option<TopicScope> {
        if !self.reading().is_some_and(|reading| reading.takes_topic && !reading.drains) {
            return None;
        }
        let nobody = NOBODY.to_owned();
        let mut pages: Vec<(&String, Vec<Row>)> = Vec::new();
        for topic in topics.iter().take(ASKED).chain([&nobody]) {
            // A target may answer a topic without rows with an error.
            if let Ok(rows) = self.first_rows(topic, events, keys).await {
                pages.push((topic, rows));
            }
        }
        let keys = |rows: &[Row]| -> Vec<(String, String)> {
            rows.iter().map(|row| (row.topic.clone(), row.event_id.clone())).collect()
        };
        if pages.windows(2).all(|pair| keys(&pair[0].1) == keys(&pair[1].1)) {
            return None;
        }
        let mut scope = TopicScope { asked: pages.len() as u32, rows: 0, leaked: 0, examples: Vec::new() };
        for (asked, rows) in pages {
            scope.rows += rows.len() as u64;
            for row in rows.into_iter().filter(|row| row.topic != *asked) {
                scope.leaked += 1;
                if scope.examples.len() < EXAMPLES {
                    let Row { topic, event_id, .. } = row;
                    scope.examples.push(Leak { asked: asked.clone(), topic, event_id });
                }
            }
        }
        Some(scope)
    }
}
