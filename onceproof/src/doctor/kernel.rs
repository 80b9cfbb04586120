//! Limits, the clock and the memory of the kernel.

use rustix::process::Rlimit;
use truth::numbers::grouped;

use super::cgroup;
use super::finding::Finding;
use super::machine::Machine;

/// Open files that a run with a few thousand connections needs.
const FILES: u64 = 8_192;

/// Memory that a run with a target beside it needs.
const MEMORY_MIB: u64 = 512;

/// Sources of time that are read without leaving the processor for long. Others take microseconds a
/// reading, and a run reads the time several times a request.
const FAST_CLOCKS: [&str; 5] =
    ["tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "timebase"];

/// Limit of open files. `loadgen` raises the soft limit to the hard one by itself.
pub(super) fn files(limit: Rlimit) -> Finding {
    let shown = |limit: Option<u64>| limit.map_or_else(|| "unlimited".to_owned(), grouped);
    let seen = format!(
        "soft limit {}, hard limit {}, expected {} or more",
        shown(limit.current),
        shown(limit.maximum),
        grouped(FILES)
    );
    let remedy = "each connection takes one: raise the hard limit, with `ulimit -n 65536` as root, LimitNOFILE= of \
                  systemd, --ulimit nofile=65536 of docker, or in /etc/security/limits.conf";
    Finding::judged("files", limit.maximum.is_none_or(|hard| hard >= FILES), seen, remedy)
}

/// Source of the time.
pub(super) fn clock(machine: &Machine) -> Finding {
    const NAME: &str = "clock";
    let folder = "sys/devices/system/clocksource/clocksource0";
    let Some(current) = machine.text(&format!("{folder}/current_clocksource")) else {
        return Finding::untold(NAME, "the source of the time");
    };
    let available = machine.text(&format!("{folder}/available_clocksource")).unwrap_or_default();
    let is_fast = |clock: &str| FAST_CLOCKS.contains(&clock);
    let remedy = match available.split_whitespace().find(|clock| is_fast(clock)) {
        Some(fast) => {
            format!("a reading of it is slow: `echo {fast} > /{folder}/current_clocksource`, as root")
        }
        None => {
            "a reading of it is slow, and the kernel offers no fast one: times and rates are worse than the \
                 target's; use another machine, or one like it beside this for a comparison"
                .to_owned()
        }
    };
    let seen = format!("{current}, expected one of {}", FAST_CLOCKS.join(", "));
    Finding::judged(NAME, is_fast(&current), if is_fast(&current) { current } else { seen }, &remedy)
}

/// Memory that is free, in the machine and in the cgroup.
pub(super) fn memory(machine: &Machine) -> Finding {
    const NAME: &str = "memory";
    let available = machine.after("proc/meminfo", "MemAvailable:");
    let kib = available.and_then(|text| text.strip_suffix("kB")?.trim().parse::<u64>().ok());
    let Some(kib) = kib else { return Finding::untold(NAME, "the free memory") };
    let left = cgroup::memory_left(machine).map(|bytes| bytes >> 20);
    let mib = left.unwrap_or(u64::MAX).min(kib >> 10);
    let of = if mib == kib >> 10 { "available" } else { "left in the cgroup" };
    let seen = format!("{} MiB {of}, expected {MEMORY_MIB} or more", grouped(mib));
    let remedy =
        "end what is not needed, or give the container more memory: a run that swaps measures the disk";
    Finding::judged(NAME, mib >= MEMORY_MIB, seen, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    #[test]
    fn the_hard_limit_of_files_decides() {
        let files_of = |current, maximum| files(Rlimit { current, maximum });
        assert!(!files_of(Some(256), Some(8192)).is_warning());
        assert!(files_of(Some(256), Some(8191)).is_warning());
        assert!(!files_of(None, None).is_warning());
        let shown = files_of(Some(1024), Some(4096)).to_string();
        assert!(
            shown.starts_with("warn  files      soft limit 1,024, hard limit 4,096, expected"),
            "{shown}"
        );
    }

    #[test]
    fn a_slow_clock_is_told_with_a_fast_one_if_there_is_one() {
        let path = "sys/devices/system/clocksource/clocksource0/current_clocksource";
        let available = "sys/devices/system/clocksource/clocksource0/available_clocksource";
        let (fast, _root) = machine(&[(path, "tsc\n")]);
        assert!(!clock(&fast).is_warning());
        let (slow, _root) = machine(&[(path, "hpet\n"), (available, "tsc hpet acpi_pm \n")]);
        assert!(clock(&slow).is_warning());
        assert!(clock(&slow).to_string().contains("`echo tsc > /sys/"), "{}", clock(&slow));
        let (without, _root) = machine(&[(path, "hpet\n"), (available, "hpet acpi_pm \n")]);
        assert!(clock(&without).to_string().contains("offers no fast one"), "{}", clock(&without));
    }

    #[test]
    fn the_smaller_of_machine_and_cgroup_decides_about_memory() {
        let meminfo = |kib: u64| format!("MemTotal: 9 kB\nMemAvailable:   {kib} kB\n");
        let (room, _root) = machine(&[("proc/meminfo", &meminfo(512 << 10))]);
        assert!(!memory(&room).is_warning());
        let (little, _root) = machine(&[("proc/meminfo", &meminfo((512 << 10) - 1))]);
        assert!(memory(&little).is_warning());
        let (confined, _root) = machine(&[
            ("proc/meminfo", &meminfo(8 << 20)),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/memory.current", "805306368\n"),
        ]);
        assert!(memory(&confined).to_string().contains("256 MiB left in the cgroup"));
        assert!(memory(&confined).is_warning());
    }
}
