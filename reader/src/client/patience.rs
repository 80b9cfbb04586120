//! Patience of reads: a read that fails for a reason that may pass is made again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use truth::chain::chain;
use truth::clock::utc_ms;

use super::error::{Failure, ReadError};

/// First pause before a read is made again. Each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longest pause, unless the target names a longer one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Number of tries of a read that fails for a reason of its own, such as status 404.
const DEFINITE_TRIES: u32 = 2;

/// Number of tries of a read whose response breaks off each time.
const CUT_TRIES: u32 = 6;

/// Time for which a read that fails is made again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Patience {
    /// Each read is made once.
    #[default]
    Once,
    /// Each read for so long.
    Each(Duration),
    /// All reads until this moment.
    Until(Instant),
}

/// Course of the reads of a client and of its clones.
#[derive(Debug, Default)]
pub struct Trace {
    reached: AtomicBool,
    rows: AtomicU64,
    largest_age: Mutex<Option<u64>>,
    retrying: Mutex<Option<String>>,
    failure: Mutex<Option<String>>,
}

impl Trace {
    /// Number of rows that were read so far.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Largest `Age` header so far, in seconds.
    pub fn largest_age(&self) -> Option<u64> {
        *self.largest_age.lock().expect("no panic while it is held")
    }

    /// Failure of the read that is being made again, if there is one.
    pub fn retrying(&self) -> Option<String> {
        self.retrying.lock().expect("no panic while it is held").clone()
    }

    /// Takes the last failure of a read, whether it was made again or not.
    pub fn take_failure(&self) -> Option<String> {
        self.failure.lock().expect("no panic while it is held").take()
    }

    pub(crate) fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn answered(&self, headers: &HeaderMap) {
        self.reached.store(true, Ordering::Relaxed);
        let age = headers.get("age").and_then(|age| age.to_str().ok()?.trim().parse().ok());
        let mut largest = self.largest_age.lock().expect("no panic while it is held");
        *largest = (*largest).max(age);
    }

    fn fail(&self, error: &ReadError) {
        *self.failure.lock().expect("no panic while it is held") = Some(chain(error));
    }

    fn set_retrying(&self, failure: Option<String>) {
        *self.retrying.lock().expect("no panic while it is held") = failure;
    }
}

/// Repetition of one read.
pub(crate) struct Retry<'a> {
    trace: &'a Trace,
    /// End of the patience; none if the read is made once.
    end: Option<Instant>,
    definite: u32,
    cut: u32,
    pause: Duration,
}

impl<'a> Retry<'a> {
    pub(super) fn new(patience: Patience, trace: &'a Trace) -> Self {
        let end = match patience {
            Patience::Once => None,
            Patience::Each(time) => Some(Instant::now() + time),
            Patience::Until(end) => Some(end),
        };
        Self { trace, end, definite: 0, cut: 0, pause: FIRST_PAUSE }
    }

    /// Waits until the read may be made again. Returns the error if it may not.
    pub(crate) async fn after(&mut self, error: ReadError) -> Result<(), ReadError> {
        self.trace.fail(&error);
        let Some(pause) = self.next_pause(&error) else { return Err(error) };
        self.trace.set_retrying(Some(chain(&error)));
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn next_pause(&mut self, error: &ReadError) -> Option<Duration> {
        let left = self.end?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        // A target that never responded is not there. One that did may be starting again.
        let is_absent = error.is_unreachable() && !self.trace.reached.load(Ordering::Relaxed);
        let is_over = match error.failure() {
            Failure::Definite => {
                self.definite += 1;
                self.definite >= DEFINITE_TRIES
            }
            Failure::Cut => {
                self.cut += 1;
                self.cut >= CUT_TRIES
            }
            Failure::Passing => is_absent,
        };
        let pause = self.pause.max(error.retry_after().unwrap_or_default()).min(left);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        (!is_over).then_some(pause)
    }
}

impl Drop for Retry<'_> {
    fn drop(&mut self) {
        if self.cut + self.definite > 0 || self.pause > FIRST_PAUSE {
            self.trace.set_retrying(None);
        }
    }
}

/// Returns the pause that a response asks for.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    pause_asked_for(headers.get(RETRY_AFTER)?.to_str().ok()?)
}

/// Returns the pause that the text of a `Retry-After` asks for, as a number of seconds or as a
/// moment; none if that has passed, or the text is neither.
pub fn pause_asked_for(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let moment = jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_millisecond();
    u64::try_from(moment - utc_ms()).ok().map(Duration::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Access;

    fn status(status: u16, retry_after: Option<Duration>) -> ReadError {
        let access = Access::CommandLine;
        ReadError::Status { url: "http://h/stats".to_owned(), status, access, retry_after }
    }

    #[test]
    fn a_pause_is_asked_for_in_seconds_or_until_a_moment() {
        let asked = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            retry_after(&headers)
        };
        assert_eq!(asked("7"), Some(Duration::from_secs(7)));
        assert_eq!(asked("soon"), None);
        assert_eq!(asked("Sun, 06 Nov 1994 08:49:37 GMT"), None, "it has passed");
        let in_2124 = asked("Mon, 06 Nov 2124 08:49:37 GMT").unwrap();
        assert!(in_2124 > Duration::from_secs(86_400), "{in_2124:?}");
    }

    #[test]
    fn the_pauses_grow_heed_the_target_and_end() {
        let trace = Trace::default();
        let mut retry = Retry::new(Patience::Each(Duration::from_secs(60)), &trace);
        assert_eq!(retry.next_pause(&status(503, None)), Some(FIRST_PAUSE));
        assert_eq!(retry.next_pause(&status(429, None)), Some(FIRST_PAUSE * 2));
        let asked = Some(Duration::from_secs(20));
        assert_eq!(retry.next_pause(&status(503, asked)), asked);
        let bounded = retry.next_pause(&status(503, Some(Duration::from_secs(3_600)))).unwrap();
        assert!(bounded <= Duration::from_secs(60), "{bounded:?}");
        let mut retry = Retry::new(Patience::Each(Duration::ZERO), &trace);
        assert_eq!(retry.next_pause(&status(503, None)), None);
        assert_eq!(Retry::new(Patience::Once, &trace).next_pause(&status(503, None)), None);
    }

    #[test]
    fn a_definite_error_is_reported_after_the_second_try() {
        let trace = Trace::default();
        for code in [400, 401, 404, 500] {
            let mut retry = Retry::new(Patience::Each(Duration::from_secs(60)), &trace);
            assert!(retry.next_pause(&status(code, None)).is_some(), "{code}");
            assert!(retry.next_pause(&status(code, None)).is_none(), "{code}");
        }
    }

    #[test]
    fn a_target_that_responded_before_may_be_starting_again() {
        let trace = Trace::default();
        let refused = || ReadError::Connect { url: String::new(), reason: "refused".to_owned() };
        let pause = || Retry::new(Patience::Each(Duration::from_secs(60)), &trace).next_pause(&refused());
        assert_eq!(pause(), None);
        trace.answered(&HeaderMap::new());
        assert_eq!(pause(), Some(FIRST_PAUSE));
    }

    #[test]
    fn the_largest_age_is_kept() {
        let trace = Trace::default();
        for (age, largest) in [(None, None), (Some("9"), Some(9)), (Some("3"), Some(9)), (Some("x"), Some(9))]
        {
            let mut headers = HeaderMap::new();
            age.map(|age| headers.insert("age", age.parse().unwrap()));
            trace.answered(&headers);
            assert_eq!(trace.largest_age(), largest);
        }
    }
}
