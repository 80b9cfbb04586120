//! The two clocks of a run: one that only goes forward, for order, and the one on the wall, for people.

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds of `CLOCK_MONOTONIC`: comparable between processes of one boot, not across boots or machines.
pub fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).expect("the monotonic clock starts at zero");
    let nanos = u64::try_from(now.tv_nsec).expect("nanoseconds are 0 to 999,999,999");
    seconds * 1_000_000_000 + nanos
}

/// Milliseconds since 1970 on the wall clock.
pub fn utc_ms() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The id of this boot of this machine, the domain in which [`monotonic_ns`] can be compared.
///
/// Where the kernel tells none, it is made of the wall clock, so that no two runs share it and no order is judged
/// between them.
pub fn boot_id() -> String {
    match std::fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(id) if !id.trim().is_empty() => id.trim().to_owned(),
        _ => format!("no-boot-id-{}", Timestamp::now().as_nanosecond()),
    }
}
