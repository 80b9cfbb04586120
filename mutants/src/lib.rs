//! Broken targets: the reference contract from memory and an append-only file, in several modes,
//! with one defect or none.
//!
//! Without a defect the target is sound, also across SIGKILL: a batch and its counters are one
//! write to the file, and the next start cuts off a record that was half written. Each defect is a
//! switch at the place where some service once had it; [`Defect`] lists them. The crate knows
//! nothing of the programs that judge it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use tokio::net::TcpListener;

use mode::Mode;
use store::Store;
use strike::{Planned, Strikes};

mod counters;
mod defect;
mod error;
mod event;
mod http;
mod journal;
mod mode;
mod queue;
mod store;
mod strike;
mod wrong;

pub use defect::Defect;
pub use error::MutantError;

/// Settings of the target.
#[derive(Debug, Parser)]
pub struct Settings {
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

/// Listens, prints the address, and serves until the process ends.
///
/// # Errors
/// The file cannot be used, or the address.
pub async fn serve(settings: Settings) -> Result<(), MutantError> {
    let store = Store::open(&settings.journal, settings.defect, settings.mode)?;
    if settings.mode == Mode::Queued {
        (0..WORKERS).for_each(|_| drop(tokio::spawn(store.clone().work())));
    }
    let address = settings.listen;
    let failed = |source| MutantError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    println!("listening on http://{}", listener.local_addr().map_err(failed)?);
    let served = axum::serve(listener, http::routes(store, Strikes::new(settings.strikes))).await;
    served.map_err(|source| MutantError::Ended { source })
}
