//! What the program says, on standard error: as text for people, or as JSON for whatever collects logs.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::EnvFilter;

use crate::settings::LogFormat;

/// Begins to write what the program says, in this form. To be called once, by the program.
pub fn init(format: LogFormat) {
    // The database's own notices, such as a table that is there already, are for those who ask for them.
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    match format {
        LogFormat::Text => {
            let colours = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            logs.with_ansi(colours).init();
        }
        // Flat, so that a field of ours is found where collectors look for fields.
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}

/// Says why the program ends.
pub fn fatal(format: LogFormat, error: &dyn std::fmt::Display) {
    match format {
        LogFormat::Text => eprintln!("aggregator: {error}"),
        LogFormat::Json => tracing::error!("{error}"),
    }
}
