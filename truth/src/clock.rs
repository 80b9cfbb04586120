//! Clocks of a run: a monotonic one for order, and the wall clock for people.

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Returns `CLOCK_MONOTONIC` in nanoseconds. Processes of one boot can compare it; boots and
/// machines cannot.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock starts at zero");
    let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are 0 to 999,999,999");
    seconds * 1_000_000_000 + nanos
}

/// Returns the wall clock, in milliseconds since 1970.
pub fn utc_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// Returns the id of this boot of this machine. Values of [`monotonic_ns`] compare only within one
/// boot.
///
/// If the kernel gives no id, the wall clock makes one. Then no two runs share a boot, and no order
/// is judged between them.
pub fn boot_id() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) if !id.trim().is_empty() => id.trim().to_owned(),
        _ => format!("no-boot-id-{}", Timestamp::now().as_nanosecond()),
    }
}
