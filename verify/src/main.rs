//! Program `verify`: see `verify --help`.

use std::process::ExitCode;

use reader::console::{self, say};
use reader::environment;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(environment::variable("RUST_LOG").unwrap_or_default()))
        .with_writer(console::log)
        .init();
    let cli = verify::Cli::from_arguments();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say(&format!("verify: cannot start a runtime: {error}"));
            return ExitCode::from(truth::exit::USAGE);
        }
    };
    ExitCode::from(runtime.block_on(verify::start(cli)))
}
