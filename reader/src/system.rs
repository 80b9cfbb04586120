//! Facts about this process that some systems tell.
//!
//! All that this crate and `loadgen` ask of `/proc` is here. It is Linux's; each function says what
//! holds on a system without it.

use std::fs::read_to_string;

/// Status of this process on Linux.
const STATUS: &str = "/proc/self/status";

/// Folder with an entry for each open file of the process that reads it, on most systems.
const OPEN_FILES: &str = "/dev/fd";

/// Returns the peak of resident memory in bytes. None without `/proc`.
pub fn peak_memory() -> Option<u64> {
    peak_in(&status()?)
}

/// Returns true if the signal of this number was ignored when this process began. False without
/// `/proc`.
pub fn is_ignored(signal: i32) -> bool {
    status().is_some_and(|status| is_ignored_in(&status, signal))
}

/// Returns the number of files that are open now. None if nothing tells.
pub fn open_files() -> Option<u64> {
    let files = std::fs::read_dir(OPEN_FILES).ok()?.count() as u64;
    // The folder itself was open while it was read.
    files.checked_sub(1)
}

fn status() -> Option<String> {
    read_to_string(STATUS).ok()
}

/// Reads `VmHWM:      9164 kB`.
fn peak_in(status: &str) -> Option<u64> {
    let kilobytes: u64 = field(status, "VmHWM:")?.strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Reads `SigIgn: 0000000000000001`, a set in which the lowest bit is signal 1.
fn is_ignored_in(status: &str, signal: i32) -> bool {
    let set = field(status, "SigIgn:").and_then(|set| u64::from_str_radix(set, 16).ok()).unwrap_or(0);
    u32::try_from(signal - 1).is_ok_and(|bit| set.checked_shr(bit).unwrap_or(0) & 1 == 1)
}

fn field<'s>(status: &'s str, name: &str) -> Option<&'s str> {
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_read_from_the_status_of_the_process() {
        assert_eq!(peak_in("Name:\tloadgen\nVmHWM:\t    9164 kB\nVmRSS:\t 1 kB\n"), Some(9164 * 1024));
        assert_eq!(peak_in("Name:\tloadgen\n"), None);
    }

    #[test]
    fn the_lowest_bit_of_the_ignored_signals_is_signal_1() {
        let status = "Name:\tloadgen\nSigIgn:\t0000000000001001\n";
        let ignored: Vec<i32> = (0..=64).filter(|signal| is_ignored_in(status, *signal)).collect();
        assert_eq!(ignored, [1, 13]);
        assert!(!is_ignored_in("Name:\tloadgen\n", 1));
    }

    #[test]
    fn open_files_are_counted() {
        let before = open_files().expect("a system with /dev/fd");
        let files: Vec<_> = (0..50).map(|_| tempfile::tempfile().expect("a file")).collect();
        // Other tests of this process open and close files meanwhile.
        assert!(open_files().expect("a system with /dev/fd") > before + 25);
        drop(files);
    }
}
