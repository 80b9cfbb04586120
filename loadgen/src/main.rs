//! Program `loadgen`: see `loadgen --help`.

use std::process::ExitCode;

use reader::{console, environment};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let filter = environment::variable("RUST_LOG").unwrap_or_else(|| "warn".to_owned());
    let filter = EnvFilter::new(filter);
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(console::log).init();
    ExitCode::from(loadgen::run(loadgen::Program::from_arguments()))
}
