//! Logs on standard error: text for people, or JSON for log collectors.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;
use crate::settings::environment::variable;

/// Starts the logs in this format. The program calls it once.
pub fn init(format: LogFormat) {
    // The database's notices (such as "table exists already") are shown on request only.
    let asked = variable("RUST_LOG").and_then(|filter| EnvFilter::try_new(filter).ok());
    let filter = asked.unwrap_or_else(|| EnvFilter::new("info,sqlx=warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => {
            let colours = io::stderr().is_terminal() && variable("NO_COLOR").is_none();
            logs.with_ansi(colours).init();
        }
        // Flat, so that collectors find the fields where they look for them.
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}

/// Logs the error that ends the program of this name.
pub fn fatal(name: &str, format: LogFormat, error: &dyn std::fmt::Display) {
    match format {
        LogFormat::Text => eprintln!("{name}: {error}"),
        LogFormat::Json => tracing::error!("{error}"),
    }
}
