//! Target of `cargo xtask mutants`: the reference contract from memory and an append-only file, in
//! several modes, with one defect or none.
//!
//! Without a defect it is sound, also across SIGKILL: a batch and its counters are one write to the
//! file, and the next start cuts off a record that was half written. Each defect is a switch at the
//! place where some service once had it; [`defect::Defect`] lists them.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use defect::Defect;
use mode::Mode;
use store::Store;
use strike::{Planned, Strikes};

mod counters;
mod defect;
mod event;
mod http;
mod journal;
mod mode;
mod queue;
mod store;
mod strike;
mod wrong;

/// Settings of the target.
#[derive(Debug, Parser)]
struct Settings {
    /// Address of the server
    #[arg(long, env = "LISTEN")]
    listen: SocketAddr,
    /// File that outlives the process
    #[arg(long, env = "JOURNAL")]
    journal: PathBuf,
    /// Defect of the target
    #[arg(long, env = "DEFECT", value_enum, default_value = "none")]
    defect: Defect,
    /// Mode of the target
    #[arg(long, env = "MODE", value_enum, default_value = "strict")]
    mode: Mode,
    /// Signals that the target sends to itself
    #[arg(long, env = "STRIKES", default_value = "")]
    strikes: Planned,
}

/// Workers of a target that stores events later.
const WORKERS: usize = 2;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let settings = Settings::parse();
    let store = Store::open(&settings.journal, settings.defect, settings.mode)?;
    if settings.mode == Mode::Queued {
        (0..WORKERS).for_each(|_| drop(tokio::spawn(store.clone().work())));
    }
    let listener = tokio::net::TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, http::routes(store, Strikes::new(settings.strikes)))
        .await
        .context("the server ended")
}
