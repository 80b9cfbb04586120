//! `cargo xtask compose`: the README's container commands with a crash in the middle, for one
//! aggregator and for three behind a load balancer.

use std::net::SocketAddr;
use std::process::{ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::rig::http;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::exit_code;
use loading::Loading;
use stack::Stack;

mod loading;
mod replicas;
mod stack;

/// Limit for a service to respond again.
const HEALTHY_LIMIT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Events to send in each run, repeats included
    #[arg(long, default_value_t = COUNT, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Events per request. Smaller requests make a longer run, and more of it overlaps the kill
    #[arg(long, default_value_t = BATCH, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
}

const COUNT: u64 = 100_000;
const BATCH: u64 = 20;

impl Default for Settings {
    fn default() -> Self {
        Self { count: COUNT, batch: BATCH }
    }
}

/// Runs one aggregator, then several. Returns the exit code of the last verify.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let stack = Stack::prepare(settings, interrupt)?;
    let verified = one(settings, &stack, interrupt)?;
    if !verified.success() {
        return Ok(exit_code(verified));
    }
    Ok(exit_code(replicas::run(settings, &stack, interrupt)?))
}

/// Builds, loads, kills, starts again, verifies, goes down and up, and verifies again.
fn one(settings: &Settings, stack: &Stack, interrupt: &Interrupt) -> Result<ExitStatus> {
    say(&format!("building the image, and starting {}", stack.name()));
    stack.show(&["up", "-d", "--build"])?;
    load(settings, stack, interrupt)?;
    let verified = stack.status(&["run", "--rm", "-T", "verify"])?;
    if !verified.success() {
        return Ok(verified);
    }
    say("down, and up again: the stored events have to be there");
    stack.show(&["down"])?;
    stack.show(&["up", "-d"])?;
    stack.status(&["run", "--rm", "-T", "verify"])
}

/// Loads, and kills the aggregator's container meanwhile. Returns an error if no connection broke.
fn load(settings: &Settings, stack: &Stack, interrupt: &Interrupt) -> Result<()> {
    let address = healthy(stack, "aggregator", interrupt)?;
    let container = stack.container("aggregator")?;
    let mut loading = Loading::start(&mut stack.command(&["run", "--rm", "-T", "loadgen"]))?;
    let received = loading.wait_for(settings.count * 2 / 5, address, interrupt)?;
    container.kill()?;
    container.start()?;
    say(&format!("killed the aggregator's container at {received} received, and started it again"));
    loading.finish(interrupt)?;
    healthy(stack, "aggregator", interrupt)?;
    Ok(())
}

fn received(address: SocketAddr) -> Result<u64> {
    let stats = http::get_json(address, "/stats")?;
    stats["received"].as_u64().with_context(|| format!("/stats has no number of received events: {stats}"))
}

/// Waits until a service responds and returns its address. The port may change at each start.
fn healthy(stack: &Stack, service: &str, interrupt: &Interrupt) -> Result<SocketAddr> {
    let deadline = Instant::now() + HEALTHY_LIMIT;
    loop {
        let answer = stack.address(service, 8080).and_then(|address| {
            http::get_json(address, "/health")?;
            Ok(address)
        });
        match answer {
            Ok(address) => return Ok(address),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("the {service} was not healthy within {HEALTHY_LIMIT:?}")));
            }
            Err(_) => interrupt.pause(Duration::from_millis(100))?,
        }
    }
}

fn say(what: &str) {
    eprintln!("compose: {what}");
}
