//! Program `loadgen`: see `loadgen --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(loadgen::main())
}
