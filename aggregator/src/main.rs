//! The program: settings, logs, signals, exit code. All else is in the library.

use std::fmt::Display;
use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use aggregator::Settings;
use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Settings::parse();
    // The database's own notices, such as a table that is there already, are for those who ask for them.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colours).with_writer(io::stderr).init();
    let shutdown = match told_to_stop() {
        Ok(shutdown) => shutdown,
        Err(error) => return fail(&error),
    };
    match aggregator::run(settings, shutdown).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Ends with the first SIGTERM or SIGINT. Both are caught from here on, also where the process is a container's first.
fn told_to_stop() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Says what is wrong, once; the errors carry the reason and the way out in one sentence.
fn fail(error: &impl Display) -> ExitCode {
    eprintln!("aggregator: {error}");
    ExitCode::FAILURE
}
