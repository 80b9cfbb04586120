//! Poller: reads the target's counters while the target is loaded, beside what the lanes know at
//! that moment.
//!
//! The order makes the polls evidence. What was reported is read before the question is sent, so
//! the target must know it. What was started is read after the response, so the target cannot know
//! more.

use std::sync::Arc;
use std::time::Duration;

use reader::client::TargetClient;
use reader::client::patience::Patience;
use tokio::time::{MissedTickBehavior, interval_at, timeout};
use truth::chain::chain;
use truth::clock::monotonic_ns;
use truth::files::FolderError;
use truth::files::lines::LineWriter;
use truth::record::folder::RunFolder;
use truth::record::polls::{self, Poll};

use crate::meter::live::{self, LiveSums};
use crate::watch::view::View;

/// Interval of the polls.
const INTERVAL: Duration = Duration::from_millis(250);

/// Longest time for one poll. A target under load may be slow; one that is down is asked again.
const PATIENCE: Duration = Duration::from_secs(5);

/// Poller of one target.
pub(crate) struct Poller {
    client: TargetClient,
    writer: LineWriter,
    lanes: Vec<Arc<LiveSums>>,
    view: Arc<View>,
}

impl Poller {
    /// Creates the file of polls.
    pub(crate) fn create(
        client: TargetClient,
        folder: &RunFolder,
        lanes: Vec<Arc<LiveSums>>,
        view: Arc<View>,
    ) -> Result<Self, FolderError> {
        let writer = polls::create(folder)?;
        Ok(Self { client, writer, lanes, view })
    }

    /// Polls again and again; ends only if a poll cannot be written. May be dropped at any time.
    pub(crate) async fn poll_on(&mut self) -> FolderError {
        let mut ticks = interval_at(tokio::time::Instant::now() + INTERVAL, INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let poll = self.ask().await;
            if let Some(counters) = &poll.stats {
                self.view.counted(counters);
            }
            if let Err(error) = self.writer.write(&poll) {
                return error;
            }
        }
    }

    /// Takes the closing poll, after all responses. A target that is busy is asked again.
    pub(crate) async fn close(mut self) -> Result<(), FolderError> {
        self.client = self.client.patient(Patience::Each(PATIENCE));
        let poll = self.ask().await;
        self.writer.write(&Poll { closing: true, ..poll })
    }

    async fn ask(&self) -> Poll {
        let reported = live::reported(&self.lanes);
        let t_sent_ns = monotonic_ns();
        let answer = timeout(PATIENCE, self.client.stats()).await;
        let t_answered_ns = monotonic_ns();
        let started = live::started(&self.lanes);
        let (stats, error) = match answer {
            Ok(Ok(counters)) => (Some(counters), None),
            Ok(Err(error)) => (None, Some(chain(&error))),
            Err(_) => (None, Some(format!("no response within {} s", PATIENCE.as_secs()))),
        };
        Poll {
            t_sent_ns,
            t_answered_ns,
            acked: reported.acked,
            reported_new: reported.new,
            reported_duplicate: reported.duplicate,
            started,
            stats,
            error,
            closing: false,
        }
    }
}
