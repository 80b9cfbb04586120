//! Description of the machine, and programs on processors of their own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::rig::cargo;
use crate::rig::programs::in_our_environment;

/// Returns a line with the machine, the time and the command; `versions` are those of the programs
/// that took part.
pub(super) fn line(command: &str, versions: &[String]) -> String {
    let onceproof = match said("git", &["describe", "--always", "--dirty", "--abbrev=10"]) {
        Some(commit) => format!("onceproof {} at {commit}", env!("CARGO_PKG_VERSION")),
        None => format!("onceproof {}", env!("CARGO_PKG_VERSION")),
    };
    let software: Vec<String> = [Some(onceproof), said("rustc", &["--version"])]
        .into_iter()
        .flatten()
        .chain(versions.to_vec())
        .collect();
    format!(
        "`{command}`, {}, on {}: {}.\n",
        said("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default(),
        hardware(),
        software.join(", ")
    )
}

fn hardware() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model(&cpuinfo).unwrap_or("a processor that does not say its name");
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = said("uname", &["-sr"]).unwrap_or_default();
    format!("{model}, {cores} cores, {kernel}")
}

/// Returns the load average of the last minute; none where the system does not tell.
pub(super) fn load_average() -> Option<String> {
    let averages = std::fs::read_to_string("/proc/loadavg").ok()?;
    averages.split(' ').next().map(str::to_owned)
}

/// Reads `model name\t: Intel(R) Xeon(R) Processor @ 2.60GHz`.
fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// Returns the first line that a program prints; none if it prints none or fails.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(cargo::workspace()).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}

/// Returns the path of a program on the PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// Processors that a program may run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// This processor alone.
    Core(u32),
    /// Any processor.
    Anywhere,
}

impl Place {
    /// Returns two places that do not disturb each other, if there are two processors and
    /// `taskset`.
    pub(super) fn two_apart() -> [Self; 2] {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        match allowed_cores(&status).as_slice() {
            [one, other, ..] if on_path("taskset").is_some() => [Self::Core(*one), Self::Core(*other)],
            _ => [Self::Anywhere; 2],
        }
    }

    /// Returns a command that runs a program here, in the environment of all programs.
    pub(super) fn command(self, program: &Path) -> Command {
        match self {
            Self::Anywhere => in_our_environment(program),
            Self::Core(core) => {
                let mut command = in_our_environment(OsStr::new("taskset"));
                command.arg("-c").arg(core.to_string()).arg(program);
                command
            }
        }
    }
}

/// Reads `Cpus_allowed_list:\t0-2,5`.
fn allowed_cores(status: &str) -> Vec<u32> {
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.trim().split(',').filter_map(range).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_processors_are_a_list_of_ranges() {
        assert_eq!(allowed_cores("Name:\tx\nCpus_allowed_list:\t0-2,5\nNext:\t1\n"), [0, 1, 2, 5]);
        assert_eq!(allowed_cores("Cpus_allowed_list:\t7\n"), [7]);
        assert_eq!(allowed_cores("Name:\tx\n"), [0; 0]);
    }

    #[test]
    fn the_model_is_named_once() {
        let cpuinfo = "processor\t: 0\nmodel name\t: A Processor @ 2 GHz\nprocessor\t: 1\nmodel name\t: B\n";
        assert_eq!(model(cpuinfo), Some("A Processor @ 2 GHz"));
        assert_eq!(model("processor : 0"), None);
    }
}
