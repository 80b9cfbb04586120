//! Looks that wait for what was sent, each after three times the pause of the one before.

use std::time::{Duration, Instant};

use super::asking::Asker;

/// Pause between the first two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Most looks that wait for the same. The last of five is made ten seconds after the first.
pub(super) const MOST_LOOKS: u32 = 5;

/// Looks at a burst, right after its response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Looks {
    /// None was made, for this reason.
    None(String),
    /// All events were shown after this time; zero stands for the first look.
    Shown {
        /// Place that was looked at.
        place: String,
        /// Time since the response.
        after: Duration,
    },
    /// The last look did not show all events.
    Missed {
        /// Place that was looked at.
        place: String,
        /// Number of events that it showed.
        shown: u64,
        /// Number of looks.
        looks: u32,
        /// Time from the response to the last of them.
        within: Duration,
    },
}

/// Pace of looks: few of them, because each is a read of somebody's target.
pub(super) struct Pace {
    begun: Instant,
    pause: Duration,
    looks: u32,
}

impl Pace {
    pub(super) fn begin() -> Self {
        Self { begun: Instant::now(), pause: PAUSE, looks: 1 }
    }

    /// True at the first and the last look, which may take many reads.
    pub(super) fn is_first_or_last(&self) -> bool {
        self.looks == 1 || self.looks == MOST_LOOKS
    }

    /// Time since the beginning; zero at the first look.
    pub(super) fn after(&self) -> Duration {
        if self.looks == 1 { Duration::ZERO } else { self.begun.elapsed() }
    }

    /// Waits for the next look. Returns false if there were enough, or nothing more may be read.
    pub(super) async fn next(&mut self, asker: &Asker) -> bool {
        if self.looks >= MOST_LOOKS || asker.unreadable_because().is_some() {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        self.pause *= 3;
        self.looks += 1;
        true
    }

    /// True if the pause before the last look was so long that a target at rest is at rest.
    pub(super) fn outlasted_a_pause(&self) -> bool {
        self.looks >= MOST_LOOKS - 1
    }

    /// Returns looks that did not show all.
    pub(super) fn missed(&self, place: String, shown: u64) -> Looks {
        Looks::Missed { place, shown, looks: self.looks, within: self.begun.elapsed() }
    }
}
