//! Progress of an observation, as a plain line on standard error every few seconds.

use std::pin::pin;
use std::time::{Duration, Instant};

use judge::numbers::grouped;
use reader::client::TargetClient;
use reader::console::Notes;
use tokio::time::timeout;

/// Time between two lines.
const EVERY: Duration = Duration::from_secs(5);

/// Duration of a look from which its cost is said.
const COSTLY: Duration = Duration::from_secs(5);

/// Progress of one observation.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    client: TargetClient,
    notes: Notes,
    began: Instant,
    said: Instant,
}

impl Progress {
    pub(super) fn begin(client: &TargetClient, notes: Notes) -> Self {
        let now = Instant::now();
        Self { client: client.clone(), notes, began: now, said: now }
    }

    /// Waits for something that may take long, and says meanwhile how far it is.
    pub(super) async fn during<T>(&mut self, doing: impl Future<Output = T>) -> T {
        let mut doing = pin!(doing);
        loop {
            match timeout(EVERY, doing.as_mut()).await {
                Ok(done) => return done,
                Err(_) => self.say(""),
            }
        }
    }

    /// Says how far the observation is, unless that was said just now.
    pub(super) fn tick(&mut self, what: impl FnOnce() -> String) {
        if self.said.elapsed() >= EVERY {
            self.say(&what());
        }
    }

    /// Says what further looks cost, if that is much.
    pub(super) fn say_cost(&self, look: Duration) {
        if look >= COSTLY {
            self.notes.say(&format!(
                "looking again, because something is amiss: a look at all rows takes about {} s",
                look.as_secs()
            ));
        }
    }

    fn say(&mut self, what: &str) {
        self.said = Instant::now();
        let rows = grouped(self.client.trace().rows());
        let retrying = self.client.trace().retrying();
        let retrying = retrying.map_or_else(String::new, |failure| format!("; trying again: {failure}"));
        let elapsed_s = self.began.elapsed().as_secs();
        self.notes.say(&format!("looking for {elapsed_s} s: {rows} rows read{what}{retrying}"));
    }
}
