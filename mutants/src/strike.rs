//! Faults that the target inflicts on itself when so many events have arrived. A watcher outside
//! would be late on a busy machine, after the run has ended.

use std::str::FromStr;
use std::sync::Mutex;

use rustix::process::{Signal, getpid, kill_process};

/// Signals that the process will send to itself.
#[derive(Clone, Debug)]
pub(crate) struct Planned(Vec<Strike>);

/// A signal and the number of events after which it is sent.
#[derive(Clone, Copy, Debug)]
struct Strike {
    signal: Signal,
    after: u64,
}

/// Reads a list such as `stop@800,kill@1400`, which may be empty.
impl FromStr for Planned {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',')
            .filter(|strike| !strike.is_empty())
            .map(Strike::read)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Strike {
    fn read(text: &str) -> Result<Self, String> {
        let expected = || format!("{text}, expected kill@N or stop@N");
        let (signal, after) = text.split_once('@').ok_or_else(expected)?;
        let signal = match signal {
            "kill" => Signal::KILL,
            "stop" => Signal::STOP,
            _ => return Err(expected()),
        };
        Ok(Self { signal, after: after.parse().map_err(|_| expected())? })
    }
}

/// Signals of this process, and the number of events that have arrived.
#[derive(Debug)]
pub(crate) struct Strikes {
    planned: Planned,
    arrived: Mutex<u64>,
}

impl Strikes {
    pub(crate) fn new(planned: Planned) -> Self {
        Self { planned, arrived: Mutex::new(0) }
    }

    /// Counts events that have arrived. Strikes where their number is reached, while other requests
    /// are being worked on. No further request begins meanwhile.
    pub(crate) fn count(&self, events: usize) {
        let mut arrived = self.arrived.lock().expect("a panic ends the process");
        let before = *arrived;
        *arrived += events as u64;
        let is_due = |strike: &&Strike| (before + 1..=*arrived).contains(&strike.after);
        for strike in self.planned.0.iter().filter(is_due) {
            kill_process(getpid(), strike.signal).expect("a process may signal itself");
            wait_for(strike.signal);
        }
    }
}

/// Waits until a thread has received this signal. The system may choose one that sleeps, and this
/// thread would go on until that one wakes.
fn wait_for(signal: Signal) {
    // SIGKILL ends every thread, and nothing after it may happen.
    while signal == Signal::KILL || is_pending(signal) {
        std::thread::yield_now();
    }
}

/// True if no thread has received this signal yet. False without `/proc`, where a process that stops
/// itself may do a little more before it stops.
fn is_pending(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    let pending = pending.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    pending >> (signal.as_raw() - 1) & 1 == 1
}
