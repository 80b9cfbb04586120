//! Program `onceproof`, which holds `loadgen`, `verify` and `aggregator`: see `onceproof --help`.

use std::process::ExitCode;

use onceproof::{Cli, bound};
use reader::invocation::{Invocation, Program};

fn main() -> ExitCode {
    bound::end_with_the_starter();
    let Invocation { program, name, arguments, .. } = Invocation::of_holder();
    match program {
        Some(Program::Loadgen) => loadgen::main().into(),
        Some(Program::Verify) => verify::main().into(),
        Some(Program::Aggregator) => aggregator::program::start(&name, &arguments),
        None => onceproof::run(Cli::from_arguments()).into(),
    }
}
