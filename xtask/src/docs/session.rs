//! One bash that runs the commands of a page, one after the other.
//!
//! The script prints a mark before each command, so that a failure and a time limit are reported
//! with the page's line. Commands in the background are in the script's process group and end with
//! it.

use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, test_kill_process_group};

use super::fences::{Block, Command};
use crate::rig::follow::{Followed, TURN};
use crate::rig::programs::{Programs, in_our_environment};

/// Time that the commands of one block may take.
const BLOCK_LIMIT: Duration = Duration::from_secs(60);

/// Time that ended programs may take to be gone, and to give back what they listened on.
const GONE_LIMIT: Duration = Duration::from_secs(5);

/// Begins a line that says which block and which command comes next.
const MARK: &str = "\u{1}onceproof ";

/// Runs the blocks in `folder`, with the built programs on the PATH.
pub(super) fn run(place: &str, blocks: &[Block], folder: &Path, programs: &Programs) -> Result<()> {
    let built = programs.path("verify")?;
    let built = built.parent().context("a program is in a folder")?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    // The stand-ins are examples.
    let ours = [built.to_owned(), built.join("examples")];
    let path = std::env::join_paths(ours.into_iter().chain(std::env::split_paths(&path)))?;
    let mut command = in_our_environment("bash");
    command.args(["-e", "-c", &script(blocks)]).current_dir(folder).env("PATH", path);

    let mut followed = Followed::start(&mut command).context("cannot start bash")?;
    let group = followed.id();
    let mut page = Page { place, blocks, at: None, output: String::new(), begun: Instant::now() };
    let status = loop {
        if let Some(status) = followed.turn(|line| page.read(line))? {
            break status;
        }
        if page.begun.elapsed() > BLOCK_LIMIT {
            bail!("{}: the block did not end within {BLOCK_LIMIT:?}\n{}", page.command(), page.output);
        }
        programs.interrupt().pause(TURN)?;
    };
    wait_until_gone(group, programs)?;
    page.judge(status)
}

/// Returns the script. A command that has to fail runs without `set -e`; another exit code than the
/// expected one becomes the script's.
fn script(blocks: &[Block]) -> String {
    let mut script = String::new();
    for (block, commands) in blocks.iter().enumerate() {
        for (index, command) in commands.commands.iter().enumerate() {
            script += &format!("printf '%s\\n' '{MARK}{block} {index}'\n");
            let Command { text, exit, is_background, .. } = command;
            script += &match (is_background, exit) {
                // Braces keep a here-document and a list of commands whole.
                (true, _) => format!("{{ {text}\n}} &\n"),
                (false, 0) => format!("{text}\n"),
                (false, exit) => format!(
                    "set +e\n{text}\nonceproof_code=$?\nset -e\n\
                     [ $onceproof_code = {exit} ] || exit $(( onceproof_code ? onceproof_code : 254 ))\n"
                ),
            };
        }
    }
    script
}

/// A page while its commands run.
struct Page<'a> {
    place: &'a str,
    blocks: &'a [Block],
    /// Block and command that run.
    at: Option<[usize; 2]>,
    /// Output of the command that runs.
    output: String,
    /// Beginning of the block that runs.
    begun: Instant,
}

impl Page<'_> {
    fn read(&mut self, line: &str) {
        let Some(mark) = line.strip_prefix(MARK) else {
            self.output += &format!("{line}\n");
            return;
        };
        let mut numbers = mark.split(' ').map(|number| number.parse().expect("the script wrote a number"));
        let at = [numbers.next().expect("a block"), numbers.next().expect("a command")];
        if self.at.is_none_or(|before| before[0] != at[0]) {
            self.begun = Instant::now();
        }
        self.at = Some(at);
        self.output.clear();
    }

    /// Returns the place and the text of the command that runs.
    fn command(&self) -> String {
        match self.at {
            None => self.place.to_owned(),
            Some([block, command]) => {
                let command = &self.blocks[block].commands[command];
                format!("{}:{}: `{}`", self.place, command.line, command.text)
            }
        }
    }

    /// Fails if the script did.
    fn judge(&self, status: ExitStatus) -> Result<()> {
        if status.success() {
            return Ok(());
        }
        let expected = self.at.map_or(0, |[block, command]| self.blocks[block].commands[command].exit);
        // The script ends with 254 in place of a 0 that was not expected.
        let code = match status.code() {
            Some(254) if expected != 0 => "exit code 0".to_owned(),
            Some(code) => format!("exit code {code}"),
            None => status.to_string(),
        };
        bail!("{} ended with {code}, expected {expected}\n{}", self.command(), self.output)
    }
}

/// Waits until nothing of the group is left: the next page may listen on the same port.
fn wait_until_gone(group: u32, programs: &Programs) -> Result<()> {
    let group =
        i32::try_from(group).ok().and_then(Pid::from_raw).context("a process id is a positive number")?;
    let deadline = Instant::now() + GONE_LIMIT;
    while test_kill_process_group(group).is_ok() && Instant::now() < deadline {
        programs.interrupt().pause(TURN)?;
    }
    Ok(())
}
