//! Stand-ins for the APIs that `targets/` describes. Each parses the requests that its documents
//! describe, refuses those that they say are refused, keeps what it was sent, and lists it. `--defect`
//! gives it one defect of its own kind.
//!
//! It keeps everything in memory, and in an SQLite file where a scenario reads a database.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Parser;

use setup::Setup;

mod apis;
mod echo;
mod reply;
mod request;
mod rows;
mod server;
mod setup;
mod warehouse;

/// Settings of a stand-in.
#[derive(Debug, Parser)]
struct Settings {
    /// API to stand in for
    #[arg(env = "STANDIN", required_unless_present = "list")]
    name: Option<String>,
    /// Print the names of all APIs, each with its defect
    #[arg(long)]
    list: bool,
    /// Have the API's defect
    #[arg(long = "defect", env = "DEFECT")]
    has_defect: bool,
    /// Repeat credentials in bodies, links and errors
    #[arg(long = "echo", env = "ECHO")]
    is_echoing: bool,
    /// Address of the server
    #[arg(long, env = "LISTEN", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// SQLite file of an API whose scenario reads a database
    #[arg(long, env = "FILE")]
    file: Option<PathBuf>,
    /// Value of every key, token and password that clients need
    #[arg(long, env = "SECRET", default_value = "a-secret-of-the-standin")]
    secret: String,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    if settings.list {
        apis::ALL.iter().for_each(|entry| println!("{}\t{}", entry.name, entry.defect));
        return Ok(());
    }
    let name = settings.name.unwrap_or_default();
    let Some(entry) = apis::ALL.iter().find(|entry| entry.name == name) else {
        let known: Vec<&str> = apis::ALL.iter().map(|entry| entry.name).collect();
        bail!("no API is named `{name}`, expected one of {}", known.join(", "));
    };
    let setup = Setup { has_defect: settings.has_defect, secret: settings.secret, file: settings.file };
    let api = (entry.open)(&setup).with_context(|| format!("cannot start {name}"))?;
    let listener = tokio::net::TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, server::routes(api, settings.is_echoing)).await.context("the server ended")
}
