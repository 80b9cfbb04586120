//! The target of `cargo xtask mutants`: the reference contract from memory and an append-only file, with one defect at
//! a time, or none, in several modes.
//!
//! Without a defect it is sound, also across SIGKILL: a batch and its counters are one write to the file, and what was
//! only half written is cut off at the next start. Each defect is a switch at the place where somebody once got it wrong;
//! see [`defect::Defect`] for what each of them does.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Parser;

use defect::Defect;
use mode::Mode;
use store::Store;

mod counters;
mod defect;
mod event;
mod http;
mod journal;
mod mode;
mod queue;
mod store;
mod wrong;

/// Where to listen, what to keep, and what to get wrong.
#[derive(Debug, Parser)]
struct Settings {
    /// Address of the server
    #[arg(long, env = "LISTEN")]
    listen: SocketAddr,
    /// The file that outlives the process
    #[arg(long, env = "JOURNAL")]
    journal: PathBuf,
    /// What to get wrong
    #[arg(long, env = "DEFECT", value_enum, default_value = "none")]
    defect: Defect,
    /// How to keep the contract
    #[arg(long, env = "MODE", value_enum, default_value = "strict")]
    mode: Mode,
}

/// Workers of a target that stores later.
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
    axum::serve(listener, http::routes(store)).await.context("the server ended")
}
