//! Processor time and peak memory of a child process, from Linux's `/proc`.
//!
//! Processor time is read after the process has ended and before it is reaped, so it is complete.
//! Memory is gone by then: the system's own high-water mark is read at every turn of the wait, so
//! that only growth in the last turn is missed.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::rig::interrupt::Interrupt;
use crate::rig::process::Process;

/// Pause between two looks at the process.
const TURN: Duration = Duration::from_millis(2);

/// Unit of processor time in `/proc/PID/stat`, on every machine.
const TICK: Duration = Duration::from_millis(10);

/// Usage of a process from its start to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Processor time of all its threads, user and system, to a hundredth of a second.
    pub cpu: Duration,
    /// Highest resident memory.
    pub peak_rss_bytes: u64,
}

/// Waits for the end of a process, for at most `limit`, and returns its usage.
pub fn measured(
    process: &mut Process,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<(ExitStatus, Usage)> {
    let deadline = Instant::now() + limit;
    let mut peak_rss_bytes = 0;
    loop {
        let status = read(process.id(), "status")?;
        peak_rss_bytes = peak_rss_bytes.max(peak_rss(&status).unwrap_or(0));
        if process.is_zombie()? {
            let stat = read(process.id(), "stat")?;
            let cpu = cpu(&stat).with_context(|| format!("/proc has no processor time: {stat}"))?;
            return Ok((process.wait(interrupt)?, Usage { cpu, peak_rss_bytes }));
        }
        ensure!(Instant::now() < deadline, "process {} did not end within {limit:?}", process.id());
        interrupt.pause(TURN)?;
    }
}

/// Returns the processor time so far of a process and of all that it started: of those that run,
/// and of those that it has reaped.
pub fn family_cpu(id: u32) -> Result<Duration> {
    let stat = read(id, "stat")?;
    let told = || format!("/proc has no processor time: {stat}");
    let mut total = cpu(&stat).with_context(told)? + reaped_cpu(&stat).with_context(told)?;
    for entry in std::fs::read_dir("/proc").context("cannot read /proc")? {
        let stat = std::fs::read_to_string(entry?.path().join("stat")).unwrap_or_default();
        if parent(&stat) == Some(id) {
            total += cpu(&stat).unwrap_or_default();
        }
    }
    Ok(total)
}

fn read(id: u32, file: &str) -> Result<String> {
    let path = format!("/proc/{id}/{file}");
    std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {path}: processor time is measured on Linux only"))
}

/// Returns user and system time.
fn cpu(stat: &str) -> Option<Duration> {
    Some(TICK * (field(stat, 14)? + field(stat, 15)?))
}

/// Returns user and system time of the children that the process has reaped.
fn reaped_cpu(stat: &str) -> Option<Duration> {
    Some(TICK * (field(stat, 16)? + field(stat, 17)?))
}

fn parent(stat: &str) -> Option<u32> {
    field(stat, 4)
}

/// Returns a field by its number in proc(5). The name in the second field may hold any sign, but
/// only it holds parentheses.
fn field(stat: &str, number: usize) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(number - 3)?.parse().ok()
}

/// Reads the peak from a line `VmHWM: 9164 kB`. A process that has ended has no such line.
fn peak_rss(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::rig::process::Ending;

    #[test]
    fn times_are_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "12 (a (b) c) Z 1 12 12 0 -1 4228100 190 0 0 0 7 5 2 3 20 0 1 0 100 0 0";
        assert_eq!(cpu(stat), Some(Duration::from_millis(120)));
        assert_eq!(cpu("12 (a) Z 1"), None);
        assert_eq!(reaped_cpu(stat), Some(Duration::from_millis(50)));
        assert_eq!(parent(stat), Some(1));
    }

    #[test]
    fn the_peak_is_read_from_the_status() {
        assert_eq!(peak_rss("Name:\tx\nVmHWM:\t    9164 kB\nVmRSS:\t 1 kB\n"), Some(9164 * 1024));
        assert_eq!(peak_rss("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    fn a_process_is_charged_with_its_work() {
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; exit 3";
        let mut busy = Process::spawn(Command::new("sh").args(["-c", script]), Ending::Kill).unwrap();
        let (status, usage) = measured(&mut busy, Duration::from_secs(60), &Interrupt::never()).unwrap();
        assert_eq!(status.code(), Some(3));
        assert!(usage.cpu > Duration::ZERO && usage.peak_rss_bytes > 0, "{usage:?}");
    }

    #[test]
    fn the_work_of_children_is_charged_too() {
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done";
        let twice = format!("sh -c '{script}'; sh -c '{script}; sleep 600'; :");
        let parent = Process::spawn(Command::new("sh").args(["-c", &twice]), Ending::Kill).unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        let own = || cpu(&read(parent.id(), "stat").unwrap()).unwrap();
        // The parent does next to nothing itself; its reaped and its running children are counted.
        while family_cpu(parent.id()).unwrap() < own() + TICK * 2 {
            assert!(Instant::now() < deadline, "no work of a child was seen");
        }
    }

    #[test]
    fn one_that_does_not_end_is_an_error() {
        let mut idle = Process::spawn(Command::new("sleep").arg("600"), Ending::Kill).unwrap();
        let error = measured(&mut idle, Duration::from_millis(10), &Interrupt::never()).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }
}
