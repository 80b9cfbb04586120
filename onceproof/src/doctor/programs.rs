//! Programs on the PATH: those of another version would read folders of another form.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use reader::invocation::Program;
use rustix::process::{Pid, Signal, kill_process_group};
use truth::duration::format;

use super::finding::Finding;

/// Longest time for a program to print its version.
const LIMIT: Duration = Duration::from_secs(5);

/// Bytes of what it prints that are looked at.
const SHOWN: u64 = 80;

/// Compares the programs on the PATH with this one.
pub(super) fn look() -> Finding {
    let names = Program::ALL.map(Program::name);
    let found = names.into_iter().chain(["onceproof"]).filter_map(|name| Some((name, version(name)?)));
    compare(&found.collect::<Vec<_>>())
}

fn compare(found: &[(&str, String)]) -> Finding {
    const NAME: &str = "versions";
    let own = env!("CARGO_PKG_VERSION");
    let others: Vec<String> = found
        .iter()
        .filter(|(name, version)| *version != format!("{name} {own}"))
        .map(|(name, version)| format!("`{name} --version` prints {version:?}"))
        .collect();
    let this = format!("onceproof {own} for {}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if others.is_empty() {
        let same: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let same = if same.is_empty() { "none".to_owned() } else { same.join(", ") };
        return Finding::ok(NAME, format!("{this}; on the PATH with this version: {same}"));
    }
    let remedy = "programs of one version belong together: install them anew, or name them with their folder";
    Finding::warning(NAME, format!("{this}; {}", others.join("; ")), remedy)
}

/// Returns the first line that a program on the PATH prints about its version.
fn version(name: &str) -> Option<String> {
    asked(Command::new(on_path(name)?), LIMIT)
}

/// Asks a program for its version. It may be a program of somebody else that only has the name.
fn asked(mut command: Command, limit: Duration) -> Option<String> {
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.process_group(0).spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (reading, line) = mpsc::channel();
    thread::spawn(move || {
        let mut start = Vec::new();
        stdout.by_ref().take(SHOWN).read_to_end(&mut start).ok();
        reading.send(start).ok();
    });
    let start = line.recv_timeout(limit);
    // It has ended, or is not worth a longer wait.
    kill_process_group(Pid::from_child(&child), Signal::KILL).ok();
    child.wait().ok();
    let Ok(start) = start else { return Some(format!("nothing within {}", format(limit))) };
    Some(String::from_utf8_lossy(&start).lines().next().unwrap_or_default().to_owned())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_another_version_are_told_and_those_of_this_one_listed() {
        let own = |name: &'static str| (name, format!("{name} {}", env!("CARGO_PKG_VERSION")));
        let same = compare(&[own("loadgen"), own("verify")]);
        assert!(!same.is_warning() && same.to_string().ends_with("loadgen, verify"), "{same}");
        let other = compare(&[own("loadgen"), ("verify", "verify 0.1.0".to_owned())]);
        assert!(other.is_warning() && other.to_string().contains("\"verify 0.1.0\""), "{other}");
        assert!(!compare(&[]).is_warning());
    }

    #[test]
    fn a_program_that_prints_for_ever_or_nothing_is_ended() {
        let shell = |script: &str, limit_ms| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            asked(command, Duration::from_millis(limit_ms))
        };
        assert_eq!(shell("while :; do echo a line; done", 60_000).as_deref(), Some("a line"));
        assert_eq!(shell("exec sleep 1000", 20).as_deref(), Some("nothing within 20ms"));
        assert_eq!(asked(Command::new("/no/such/program"), LIMIT), None);
    }
}
