//! Signals that stop a program, from people, from terminals that close, and from container
//! runtimes.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

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
    /// stays so.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: (!is_hangup_ignored()).then(|| signal(SignalKind::hangup())).transpose()?,
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

/// Returns true if the process was started with SIGHUP ignored. Without `/proc`, it was not.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let bits = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    bits >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1
}
