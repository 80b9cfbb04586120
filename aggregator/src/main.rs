//! Program `aggregator`: see `aggregator --help`.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    aggregator::program::start("aggregator", &arguments)
}
