//! Limits of the control group that this process is in, of both versions of control groups.

use super::machine::Machine;

/// Share of the time that the scheduler gives to a group, in processors, and how often it ran out.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Quota {
    pub(super) processors: f64,
    pub(super) throttled: Option<u64>,
}

/// True if this system has control groups.
pub(super) fn is_there(machine: &Machine) -> bool {
    machine.text("proc/self/cgroup").is_some_and(|groups| !groups.is_empty())
}

/// Returns the smallest quota of this process's groups; none if no group has one.
pub(super) fn quota(machine: &Machine) -> Option<Quota> {
    let of_second = folders(machine, "").into_iter().filter_map(|folder| {
        let text = machine.text(&format!("{folder}/cpu.max"))?;
        let (quota, period) = text.split_once(' ')?;
        share(quota, period).map(|share| (share, folder))
    });
    let of_first = folders(machine, "cpu").into_iter().filter_map(|folder| {
        let value = |name: &str| machine.text(&format!("{folder}/{name}"));
        let (quota, period) = (value("cpu.cfs_quota_us")?, value("cpu.cfs_period_us")?);
        share(&quota, &period).map(|share| (share, folder))
    });
    let (processors, folder) = of_second.chain(of_first).min_by(|a, b| a.0.total_cmp(&b.0))?;
    let throttled = machine.after(&format!("{folder}/cpu.stat"), "nr_throttled ");
    Some(Quota { processors, throttled: throttled.and_then(|text| text.parse().ok()) })
}

/// Returns the memory that the narrowest group of this process has left; none if no group has a
/// limit.
pub(super) fn memory_left(machine: &Machine) -> Option<u64> {
    let left = |folder: &str, limit: &str, used: &str| {
        let limit: u64 = machine.value(&format!("{folder}/{limit}"))?;
        let used: u64 = machine.value(&format!("{folder}/{used}"))?;
        Some(limit.saturating_sub(used))
    };
    let second = folders(machine, "");
    let second = second.iter().filter_map(|folder| left(folder, "memory.max", "memory.current"));
    let first = folders(machine, "memory");
    let first = first
        .iter()
        .filter_map(|folder| left(folder, "memory.limit_in_bytes", "memory.usage_in_bytes"))
        // Without a limit the first version tells a number near the largest.
        .filter(|left| *left < 1 << 60);
    second.chain(first).min()
}

/// Returns processors from a time in each period; none if it is not limited.
fn share(quota: &str, period: &str) -> Option<f64> {
    // A quota of the first version is -1 if there is none.
    let quota: u64 = quota.parse().ok()?;
    let period: u64 = period.parse().ok()?;
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// Returns the folders of this process's group and of those around it, under a controller of the
/// first version, or of the second if `controller` is empty.
fn folders(machine: &Machine, controller: &str) -> Vec<String> {
    let text = machine.text("proc/self/cgroup").unwrap_or_default();
    // hierarchy:controllers:path
    let path = text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let controllers = parts.next()?;
        parts.next().filter(|_| controllers.split(',').any(|one| one == controller))
    });
    let Some(path) = path else { return Vec::new() };
    let root = match controller {
        "" => "sys/fs/cgroup".to_owned(),
        controller => format!("sys/fs/cgroup/{controller}"),
    };
    let mut folders = vec![root.clone()];
    for name in path.split('/').filter(|name| !name.is_empty()) {
        folders.push(format!("{}/{name}", folders.last().unwrap_or(&root)));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    #[test]
    fn the_smallest_quota_on_the_way_to_the_root_holds() {
        let (second, _root) = machine(&[
            ("proc/self/cgroup", "0::/a/b\n"),
            ("sys/fs/cgroup/a/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/a/cpu.stat", "nr_periods 9\nnr_throttled 4\n"),
            ("sys/fs/cgroup/a/b/cpu.max", "max 100000\n"),
        ]);
        assert_eq!(quota(&second), Some(Quota { processors: 1.5, throttled: Some(4) }));
        let (free, _root) =
            machine(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", "max 100000\n")]);
        assert_eq!(quota(&free), None);
    }

    #[test]
    fn groups_of_the_first_version_are_read_too() {
        let (first, _root) = machine(&[
            ("proc/self/cgroup", "3:cpu,cpuacct:/d\n2:memory:/d\n"),
            ("sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "50000\n"),
            ("sys/fs/cgroup/cpu/d/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/memory/d/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/memory/d/memory.usage_in_bytes", "4096\n"),
        ]);
        assert_eq!(quota(&first), Some(Quota { processors: 0.5, throttled: None }));
        assert_eq!(memory_left(&first), None);
        let (unlimited, _root) = machine(&[
            ("proc/self/cgroup", "3:cpu:/\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(quota(&unlimited), None);
    }
}
