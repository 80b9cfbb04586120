//! Effort of generating the load: a figure that compares machines better than a rate does.

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
        let status = std::fs::read_to_string("/proc/self/status").ok();
        Self {
            cpu_s: cpu.tv_sec as f64 + cpu.tv_nsec as f64 / 1e9,
            peak_rss_bytes: status.as_deref().and_then(peak_rss),
        }
    }
}

/// Reads `VmHWM:      9164 kB` in Linux's `/proc/self/status`.
fn peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_the_process() {
        assert_eq!(peak_rss("Name:\tloadgen\nVmHWM:\t    9164 kB\nVmRSS:\t 1 kB\n"), Some(9164 * 1024));
        assert_eq!(peak_rss("Name:\tloadgen\n"), None);
    }
}
