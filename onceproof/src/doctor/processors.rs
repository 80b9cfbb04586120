//! Processors: how many, how much of them, at what speed, and who else uses them.

use std::collections::BTreeSet;

use truth::numbers::{counted, grouped};

use super::cgroup;
use super::finding::Finding;
use super::machine::Machine;

/// Share of the time since the start that a host may have taken away.
const STOLEN_PERCENT: f64 = 1.0;

/// Load of each processor that others may make.
const LOAD_EACH: f64 = 0.25;

/// Returns the number of processors that this process may run on; none if nothing tells.
pub(super) fn count(machine: &Machine) -> Option<u64> {
    let list = machine.after("proc/self/status", "Cpus_allowed_list:")?;
    let ranges = list.split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_add(1)?.checked_sub(first)
    });
    ranges.into_iter().try_fold(0_u64, |sum, range| sum.checked_add(range?)).filter(|count| *count > 0)
}

/// Number of processors: one for the load, and one for the target beside it.
pub(super) fn enough(machine: &Machine) -> Finding {
    const NAME: &str = "CPUs";
    let Some(count) = count(machine) else { return Finding::untold(NAME, "the number of processors") };
    let remedy = "load and target take turns on it, so rates and response times say little: use a machine with more, \
                  or another one for the target";
    Finding::judged(NAME, count >= 2, format!("{}, expected 2 or more", grouped(count)), remedy)
}

/// Quota of the control group.
pub(super) fn quota(machine: &Machine, processors: Option<u64>) -> Finding {
    const NAME: &str = "quota";
    let Some(quota) = cgroup::quota(machine) else {
        return match cgroup::is_there(machine) {
            true => Finding::ok(NAME, "none is set"),
            false => Finding::untold(NAME, "the quota of CPU time"),
        };
    };
    let throttled = quota
        .throttled
        .map_or_else(String::new, |times| format!(", used up {} so far", counted(times, "time", "times")));
    let seen = format!("{:.2} CPUs by the cgroup{throttled}", quota.processors);
    // As many as there are cannot be used up.
    let is_ok = processors.is_some_and(|count| quota.processors >= count as f64);
    let remedy = "a quota that is used up stops all threads for up to 0.1 s, which shows as response time: give whole \
                  CPUs (--cpuset-cpus of docker, a static CPU policy of Kubernetes) instead";
    Finding::judged(NAME, is_ok, seen, remedy)
}

/// Governor of the frequency.
pub(super) fn governor(machine: &Machine) -> Finding {
    const NAME: &str = "governor";
    let folder = "sys/devices/system/cpu";
    let governors: BTreeSet<String> = machine
        .names(folder)
        .iter()
        .filter_map(|cpu| machine.text(&format!("{folder}/{cpu}/cpufreq/scaling_governor")))
        .collect();
    let seen = governors.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match governors.len() {
        0 if machine.has(folder) => Finding::ok(NAME, "none, so the frequency is fixed or the host's"),
        0 => Finding::untold(NAME, "the governor of the CPU frequency"),
        1 if seen == "performance" => Finding::ok(NAME, seen),
        _ => Finding::warning(
            NAME,
            format!("{seen}, expected performance"),
            "the frequency follows the load, so rates change with it: `cpupower frequency-set -g performance`",
        ),
    }
}

/// Time that the host gave to others, of a virtual machine.
pub(super) fn stolen(machine: &Machine) -> Finding {
    const NAME: &str = "stolen";
    let line = machine.after("proc/stat", "cpu ").unwrap_or_default();
    let times: Vec<f64> = line
        .split_whitespace()
        .filter_map(|ticks| ticks.parse::<u64>().ok())
        .map(|ticks| ticks as f64)
        .collect();
    // user nice system idle iowait irq softirq steal
    let (Some(stolen), Some(all)) = (times.get(7), times.get(..8)) else {
        return Finding::untold(NAME, "the time that a host takes away");
    };
    let percent = stolen * 100.0 / all.iter().sum::<f64>().max(1.0);
    let seen =
        format!("{percent:.1} % of the time since the machine started, expected {STOLEN_PERCENT} % at most");
    let remedy = "the host gives this machine's CPUs to others meanwhile: compare only runs side by side, or use a \
                  machine with CPUs of its own";
    Finding::judged(NAME, percent <= STOLEN_PERCENT, seen, remedy)
}

/// Load of the last minute.
pub(super) fn load(machine: &Machine, processors: Option<u64>) -> Finding {
    const NAME: &str = "load";
    let text = machine.text("proc/loadavg").unwrap_or_default();
    let load = text.split(' ').next().and_then(|load| load.parse::<f64>().ok());
    let load = load.filter(|load| load.is_finite() && *load >= 0.0);
    let Some(load) = load else { return Finding::untold(NAME, "the load average") };
    let most = LOAD_EACH * processors.unwrap_or(1) as f64;
    let seen = format!("{load:.2} in the last minute, expected {most:.2} at most");
    let remedy = "other programs use the CPUs: end them, or wait (a run of a moment ago counts too)";
    Finding::judged(NAME, load <= most, seen, remedy)
}

#[cfg(test)]
mod tests {
    use super::super::machine::tests::machine;
    use super::*;

    fn count_of(list: &str) -> Option<u64> {
        let (machine, _root) = machine(&[("proc/self/status", &format!("Cpus_allowed_list:\t{list}\n"))]);
        count(&machine)
    }

    #[test]
    fn processors_are_counted_from_ranges() {
        assert_eq!(["0", "0-3", "0-1,4,6-7"].map(count_of), [Some(1), Some(4), Some(5)]);
        assert_eq!(count_of("some"), None);
        let (one, _root) = machine(&[("proc/self/status", "Cpus_allowed_list:\t3\n")]);
        assert!(enough(&one).is_warning());
        let (two, _root) = machine(&[("proc/self/status", "Cpus_allowed_list:\t3,5\n")]);
        assert!(!enough(&two).is_warning());
    }

    #[test]
    fn a_quota_below_the_processors_is_a_warning() {
        let quota_of = |text: &str| {
            let (machine, _root) =
                machine(&[("proc/self/cgroup", "0::/\n"), ("sys/fs/cgroup/cpu.max", text)]);
            quota(&machine, Some(2)).is_warning()
        };
        assert!(quota_of("150000 100000"));
        assert!(!quota_of("200000 100000"));
        assert!(!quota_of("max 100000"));
        assert!(quota(&machine(&[]).0, Some(2)).to_string().starts_with("-     quota"));
    }

    #[test]
    fn every_processor_needs_the_governor_of_performance() {
        let path = |cpu: u32| format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/scaling_governor");
        let (both, _root) = machine(&[(&path(0), "performance\n"), (&path(1), "performance\n")]);
        assert!(!governor(&both).is_warning());
        let (one, _root) = machine(&[(&path(0), "performance\n"), (&path(1), "powersave\n")]);
        let found = governor(&one);
        assert!(found.is_warning() && found.to_string().contains("performance, powersave"), "{found}");
        let (fixed, _root) = machine(&[("sys/devices/system/cpu/online", "0-1\n")]);
        assert!(governor(&fixed).to_string().starts_with("ok    governor   none"));
        assert!(governor(&machine(&[]).0).to_string().starts_with("-     governor"));
    }

    #[test]
    fn stolen_time_and_load_have_their_limits() {
        let stolen_of = |ticks: u32| {
            let (machine, _root) =
                machine(&[("proc/stat", &format!("cpu  100 0 100 {} 0 0 0 {ticks} 0 0\n", 800 - ticks))]);
            stolen(&machine).is_warning()
        };
        assert!(!stolen_of(10) && stolen_of(11));
        let load_of = |text: &str| {
            let (machine, _root) = machine(&[("proc/loadavg", text)]);
            load(&machine, Some(2)).is_warning()
        };
        assert!(!load_of("0.50 9 9 1/2 3") && load_of("0.51 0 0 1/2 3"));
    }
}
