//! Ctrl-C, SIGTERM and a closed terminal as a value that every wait reads.
//!
//! Children run in process groups of their own, so a signal from the terminal reaches xtask alone.
//! The wait that notices it returns [`Interrupted`], and unwinding from there drops, and so ends,
//! all that runs.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// A request to stop this process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt {
    asked: Arc<AtomicBool>,
}

/// Error of a wait that an interrupt cut short.
#[derive(Debug)]
pub struct Interrupted;

impl Interrupt {
    /// Returns an interrupt that the signals set. A second signal ends the process at once, and the
    /// guards clean up.
    pub fn listen() -> Result<Self> {
        let interrupt = Self::default();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            // The order matters: the first signal finds the flag unset and sets it, the second
            // finds it set.
            flag::register_conditional_shutdown(signal, 130, Arc::clone(&interrupt.asked))
                .and_then(|_| flag::register(signal, Arc::clone(&interrupt.asked)))
                .context("cannot listen for signals")?;
        }
        Ok(interrupt)
    }

    /// Returns an interrupt that no signal sets, for tests: there the guards clean up when the test
    /// runner is ended.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Asks to stop, as a signal does.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// Returns an error after a request to stop.
    pub fn check(&self) -> Result<(), Interrupted> {
        if self.asked.load(Ordering::Relaxed) { Err(Interrupted) } else { Ok(()) }
    }

    /// Checks, and then sleeps: one turn of a polling loop.
    pub fn pause(&self, duration: Duration) -> Result<(), Interrupted> {
        self.check()?;
        thread::sleep(duration);
        Ok(())
    }
}

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interrupted {}
