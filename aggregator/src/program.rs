//! The program: settings, logs, signals, exit code.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::settings::{Command, Settings, environment, reference};
use crate::{check, logs};

/// Runs the program that was started under `name` with these arguments.
#[tokio::main]
pub async fn start(name: &str, arguments: &[OsString]) -> ExitCode {
    let settings = environment::parse(name, arguments).unwrap_or_else(|error| error.exit());
    if let Some(Command::Reference) = settings.command {
        print!("{}", reference::page());
        return ExitCode::SUCCESS;
    }
    if let Some(url) = &settings.check_ready {
        let url = Some(url.as_str()).filter(|url| !url.is_empty());
        return match check::ready(url, &settings.listen) {
            Ok(()) => ExitCode::SUCCESS,
            Err(reason) => {
                eprintln!("{name}: {reason}");
                ExitCode::FAILURE
            }
        };
    }
    serve(name, settings).await
}

async fn serve(name: &str, settings: Settings) -> ExitCode {
    let format = settings.log_format;
    logs::init(format);
    let served = match stop_signal() {
        Ok(shutdown) => crate::run(settings, shutdown).await.map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        // It names its reason and what to do in one sentence.
        Err(error) => {
            logs::fatal(name, format, &error);
            ExitCode::FAILURE
        }
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
