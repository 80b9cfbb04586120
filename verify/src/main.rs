//! Program `verify`: see `verify --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let cli = verify::Cli::from_arguments();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("verify: cannot start a runtime: {error}");
            return ExitCode::from(truth::exit::USAGE);
        }
    };
    ExitCode::from(runtime.block_on(verify::start(cli)))
}
