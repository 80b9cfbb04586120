//! Effort of generating the load: a figure that compares machines better than a rate does.

use reader::system;
use rustix::time::{ClockId, clock_gettime};
use schemars::JsonSchema;
use serde::Serialize;

/// Effort of this process so far.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct Effort {
    /// Processor time, user and system.
    pub(super) cpu_s: f64,
    /// Peak of resident memory; `null` if the system does not report it.
    pub(super) peak_rss_bytes: Option<u64>,
}

impl Effort {
    pub(super) fn of_this_process() -> Self {
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        Self { cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9, peak_rss_bytes: system::peak_memory() }
    }
}
