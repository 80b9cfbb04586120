//! `onceproof doctor`: what on this machine would spoil a run or a measurement, and what to do.
//!
//! `machine` reads `/proc` and `/sys`, and nothing else does. The checks are plain functions of what
//! it finds; the two of the disk and of the installed programs look at those.

use std::path::PathBuf;

use clap::Args;
use reader::console::print_result;
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
    let mut findings = look(&machine);
    findings.extend(disk::look(&machine, &settings.out));
    findings.push(programs::look());
    let warnings = findings.iter().filter(|finding| finding.is_warning()).count();
    let lines: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let code = if settings.strict && warnings > 0 { exit::FAIL } else { exit::OK };
    print_result(&format!("{lines}\n{}\n", sum(findings.len(), warnings)), code)
}

/// Looks at what `/proc` and `/sys` tell.
fn look(machine: &Machine) -> Vec<Finding> {
    let processors = processors::count(machine);
    vec![
        kernel::files(machine),
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

fn sum(findings: usize, warnings: usize) -> String {
    match warnings {
        0 => format!("{findings} looked at, no warning"),
        1 => format!("{findings} looked at, 1 warning"),
        many => format!("{findings} looked at, {many} warnings"),
    }
}
