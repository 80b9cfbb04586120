//! `cargo xtask`: the developer commands of Onceproof.

use std::process::ExitCode;

use xtask::rig::interrupt::{Interrupt, Interrupted};

fn main() -> ExitCode {
    let outcome = Interrupt::listen().and_then(|interrupt| xtask::run(&xtask::Cli::read(), &interrupt));
    match outcome {
        Ok(code) => code,
        // Each owner ended its programs when it was dropped, before the error arrives here.
        Err(error) if error.is::<Interrupted>() => {
            eprintln!("xtask: interrupted; nothing was left running");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
