//! Signals that stop a program, from people, from terminals that close, and from container
//! runtimes.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::system;

/// Listener for the signals that say stop: SIGINT, SIGTERM and SIGHUP.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    /// None if the program was started so that it outlives its terminal.
    hangup: Option<Signal>,
}

impl Signals {
    /// Takes over the signals, which then do not end the process. `nohup` has SIGHUP ignored, and it
    /// stays so where the system tells that it is.
    pub fn listen() -> io::Result<Self> {
        let hangup = SignalKind::hangup();
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: (!system::is_ignored(hangup.as_raw_value())).then(|| signal(hangup)).transpose()?,
        })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            () = next_of(self.hangup.as_mut()) => {}
        }
    }
}

async fn next_of(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}
