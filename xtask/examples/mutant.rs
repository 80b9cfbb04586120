//! Target of `cargo xtask mutants`: a broken target of the crate `mutants` as a program.

use anyhow::Result;
use clap::Parser;
use mutants::Settings;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    Ok(mutants::serve(Settings::parse()).await?)
}
