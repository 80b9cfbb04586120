//! The program: settings, logs, signals, exit code. All else is in the library.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use aggregator::settings::{Command, environment, reference};
use aggregator::{check, logs};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let settings = environment::parse().unwrap_or_else(|error| error.exit());
    if let Some(Command::Reference) = settings.command {
        print!("{}", reference::page());
        return ExitCode::SUCCESS;
    }
    if let Some(url) = &settings.check_ready {
        let url = Some(url.as_str()).filter(|url| !url.is_empty());
        return match check::ready(url, &settings.listen) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => {
                eprintln!("aggregator: {reason}");
                ExitCode::FAILURE
            }
        };
    }
    let format = settings.log_format;
    logs::init(format);
    // Each error names its reason and what to do in one sentence.
    let fail = |error: &dyn Display| {
        logs::fatal(format, error);
        ExitCode::FAILURE
    };
    let shutdown = match stop_signal() {
        Ok(shutdown) => shutdown,
        Err(error) => return fail(&error),
    };
    match aggregator::run(settings, shutdown).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// Ends with the first SIGTERM or SIGINT. Both are caught from here on, even if the process is the
/// first of a container.
fn stop_signal() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
