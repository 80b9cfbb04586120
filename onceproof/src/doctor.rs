//! `onceproof doctor`: what on this machine would spoil a run or a measurement, and what to do.
//!
//! `machine` reads `/proc` and `/sys`, and nothing else does. The checks are plain functions of what
//! it finds, and of the limit of open files; the two of the disk and of the installed programs look
//! at those.

use std::path::PathBuf;

use clap::Args;
use reader::console::print_result;
use rustix::process::{Resource, Rlimit, getrlimit};
use truth::exit;

use finding::Finding;
use machine::Machine;

mod cgroup;
mod disk;
mod finding;
mod kernel;
mod machine;
mod network;
mod processors;
mod programs;

/// Options of the command.
#[derive(Clone, Debug, Args)]
pub struct Settings {
    /// Exit with 1 if there is a warning
    #[arg(long)]
    pub(crate) strict: bool,

    /// Folder of the results, whose disk is tried; it need not be there yet
    #[arg(long, value_name = "DIR", default_value = "results")]
    pub(crate) out: PathBuf,

    /// Folder that holds `proc` and `sys`
    #[arg(long, value_name = "DIR", default_value = "/", hide = true)]
    pub(crate) root: PathBuf,
}

/// Looks, prints a line for each finding, and returns the exit code.
pub(crate) fn run(settings: &Settings) -> u8 {
    let machine = Machine::under(&settings.root);
    let mut findings = look(&machine, getrlimit(Resource::Nofile));
    findings.extend(disk::look(&machine, &settings.out));
    findings.push(programs::look());
    let count = |is_such: fn(&Finding) -> bool| findings.iter().filter(|finding| is_such(finding)).count();
    let warnings = count(Finding::is_warning);
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let code = if settings.strict && warnings > 0 { exit::FAIL } else { exit::OK };
    let sum = sum(findings.len(), warnings, count(Finding::is_untold), machine.has("proc/self"));
    print_result(&format!("{lines}\n{sum}\n"), code)
}

/// Looks at the limit of open files, and at what `/proc` and `/sys` tell.
fn look(machine: &Machine, files: Rlimit) -> Vec<Finding> {
    let processors = processors::count(machine);
    vec![
        kernel::files(files),
        network::ports(machine),
        network::reuse(machine),
        network::tracking(machine),
        network::backlog(machine),
        processors::enough(machine),
        processors::quota(machine, processors),
        processors::governor(machine),
        processors::stolen(machine),
        processors::load(machine, processors),
        kernel::clock(machine),
        kernel::memory(machine),
    ]
}

fn sum(findings: usize, warnings: usize, untold: usize, has_proc: bool) -> String {
    let warnings = match warnings {
        0 => "no warning".to_owned(),
        1 => "1 warning".to_owned(),
        many => format!("{many} warnings"),
    };
    let untold = match untold {
        0 => String::new(),
        some if has_proc => format!("; this system does not report {some} of them"),
        some => format!("; {some} of them are not reported, because /proc is not here"),
    };
    format!("{findings} looked at, {warnings}{untold}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files that the checks read, with sound texts.
    const FILES: [(&str, &str); 19] = [
        ("proc/loadavg", "0.10 0 0 1/2 3"),
        ("proc/meminfo", "MemAvailable: 8388608 kB"),
        ("proc/net/sockstat", "TCP: inuse 3 orphan 0 tw 7 alloc 5 mem 1"),
        ("proc/self/cgroup", "3:cpu:/d\n2:memory:/d\n0::/a\n"),
        ("proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw"),
        ("proc/self/status", "Cpus_allowed_list:\t0-3"),
        ("proc/stat", "cpu  100 0 100 800 0 0 0 1 0 0"),
        ("proc/sys/net/core/somaxconn", "4096"),
        ("proc/sys/net/ipv4/ip_local_port_range", "32768 60999"),
        ("proc/sys/net/ipv4/tcp_tw_reuse", "2"),
        ("proc/sys/net/netfilter/nf_conntrack_count", "7"),
        ("proc/sys/net/netfilter/nf_conntrack_max", "262144"),
        ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet"),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc"),
        ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance"),
        ("sys/fs/cgroup/a/cpu.max", "400000 100000"),
        ("sys/fs/cgroup/a/memory.current", "4096"),
        ("sys/fs/cgroup/a/memory.max", "max"),
        ("sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "-1"),
    ];

    /// Limit that is enough.
    const LIMIT: Rlimit = Rlimit { current: Some(1024), maximum: Some(65536) };

    /// Texts that no kernel writes.
    const DAMAGED: [&str; 12] = [
        "",
        "\n",
        "0",
        "-1 -1",
        "NaN NaN",
        "inf inf",
        "1e999 1e999",
        "0 18446744073709551615",
        "0-18446744073709551615,0-18446744073709551615",
        "99999999999999999999999999 99999999999999999999999999",
        "cpu  18446744073709551615 18446744073709551615 1 1 1 1 1 1",
        "\u{0}\u{1b}[31m: : :::,,,--- - \u{fffd}",
    ];

    #[test]
    fn a_sound_machine_has_no_warning() {
        let (machine, _root) = machine::tests::machine(&FILES);
        for finding in look(&machine, LIMIT) {
            assert!(!finding.is_warning() && finding.to_string().starts_with("ok "), "{finding}");
        }
    }

    #[test]
    fn the_sum_says_how_much_is_not_known() {
        assert_eq!(sum(15, 0, 0, true), "15 looked at, no warning");
        assert_eq!(sum(15, 1, 2, true), "15 looked at, 1 warning; this system does not report 2 of them");
        let without = "15 looked at, 2 warnings; 11 of them are not reported, because /proc is not here";
        assert_eq!(sum(15, 2, 11, false), without);
    }

    #[test]
    fn whatever_a_file_holds_each_line_is_sound() {
        let (machine, root) = machine::tests::machine(&FILES);
        for (file, sound) in FILES {
            let path = root.path().join(file);
            // Behind the words that the checks look for, too.
            let word = sound.split_inclusive([' ', '\t', ':']).next().unwrap_or_default();
            for text in DAMAGED.iter().flat_map(|text| [(*text).to_owned(), format!("{word}{text}")]) {
                std::fs::write(&path, &text).unwrap();
                let lines =
                    look(&machine, LIMIT).iter().map(Finding::to_string).collect::<Vec<_>>().join("\n");
                assert!(!lines.contains('\u{1b}'), "{file} {text:?}: {lines:?}");
                // Names are shown as they are, and no number is odd.
                let is_name = file.contains("clocksource") || file.contains("governor");
                let is_odd = lines.contains("NaN") || lines.contains("inf ");
                assert!(is_name || !is_odd, "{file} {text:?}: {lines}");
            }
            std::fs::write(&path, sound).unwrap();
        }
    }
}
