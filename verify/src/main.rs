//! Program `verify`: see `verify --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(verify::main())
}
