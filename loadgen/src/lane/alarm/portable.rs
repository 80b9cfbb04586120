//! Alarms by timers of the event loop. On Linux, only tests use them.

use std::io;
use std::time::Duration;

use truth::clock::monotonic_ns;

/// Timer that one task waits for.
#[derive(Debug)]
pub(crate) struct Alarm;

impl Alarm {
    /// Makes an alarm; the event loop has its timers already.
    #[expect(clippy::unnecessary_wraps, reason = "a timer of Linux may be refused")]
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the instant; for ever if there is none.
    pub(crate) async fn until(&self, at_ns: Option<u64>) {
        let Some(at_ns) = at_ns else { return std::future::pending().await };
        tokio::time::sleep(Duration::from_nanos(at_ns.saturating_sub(monotonic_ns()))).await;
    }
}
