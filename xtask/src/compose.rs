//! `cargo xtask compose`: what the README says of containers, done whole, with a crash in the middle.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::http;
use crate::interrupt::Interrupt;
use crate::process::{Ending, Process, exit_code};
use crate::transcript::Transcript;
use stack::Stack;

mod stack;

/// Between two looks at how much is received.
const LOOK: Duration = Duration::from_millis(5);

/// How long the aggregator may take to answer again.
const HEALTHY_LIMIT: Duration = Duration::from_secs(60);

/// What the command takes.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Events to send, repeats included
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    count: u64,
    /// Events per request; smaller means that the run takes longer and more of it overlaps the kill
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
}

/// Builds, loads, kills, starts again, verifies, goes down and up, and verifies again. The exit code is verify's.
pub fn run(settings: &Settings, interrupt: &Interrupt) -> Result<ExitCode> {
    let stack = Stack::prepare(settings, interrupt)?;
    say(&format!("building the image, and starting {}", stack.name()));
    stack.show(&["up", "-d", "--build"])?;
    load(settings, &stack, interrupt)?;
    let verified = stack.status(&["run", "--rm", "-T", "verify"])?;
    if !verified.success() {
        return Ok(exit_code(verified));
    }
    say("down, and up again: what was stored has to be there");
    stack.show(&["down"])?;
    stack.show(&["up", "-d"])?;
    let verified = stack.status(&["run", "--rm", "-T", "verify"])?;
    Ok(exit_code(verified))
}

/// Loads, and kills the aggregator's container meanwhile. An error if that left no trace in the run.
fn load(settings: &Settings, stack: &Stack, interrupt: &Interrupt) -> Result<()> {
    let address = healthy(stack, interrupt)?;
    let container = stack.container("aggregator")?;
    let said = Transcript::new()?;
    let mut command = stack.command(&["run", "--rm", "-T", "loadgen"]);
    let mut loadgen = Process::spawn(command.stdout(said.stdio()?), Ending::Kill)?;
    let threshold = settings.count * 2 / 5;
    loop {
        if let Some(status) = loadgen.try_wait()? {
            bail!("the run was over ({status}) before {threshold} events were received: {}", said.text()?);
        }
        let received = received(address)?;
        if received >= threshold {
            container.kill()?;
            container.start()?;
            say(&format!("killed the aggregator's container at {received} received, and started it again"));
            break;
        }
        interrupt.pause(LOOK)?;
    }
    let status = loadgen.wait(interrupt)?;
    let said = said.text()?;
    print!("{said}");
    ensure!(status.success(), "loadgen did not run to its end ({status})");
    let last = said.lines().rfind(|line| line.starts_with("done ")).context("loadgen did not say `done`")?;
    ensure!(last.contains(" unknown="), "the kill came too late to hurt; try a larger --count");
    healthy(stack, interrupt)?;
    Ok(())
}

fn received(address: SocketAddr) -> Result<u64> {
    let stats = http::get_json(address, "/stats")?;
    stats["received"].as_u64().with_context(|| format!("/stats has no number of received events: {stats}"))
}

/// Waits until the aggregator answers, and says where: the port may be another after each start.
fn healthy(stack: &Stack, interrupt: &Interrupt) -> Result<SocketAddr> {
    let deadline = Instant::now() + HEALTHY_LIMIT;
    loop {
        let answer = stack.address("aggregator", 8080).and_then(|address| {
            http::get_json(address, "/health")?;
            Ok(address)
        });
        match answer {
            Ok(address) => return Ok(address),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("the aggregator was not healthy within {HEALTHY_LIMIT:?}")));
            }
            Err(_) => interrupt.pause(Duration::from_millis(100))?,
        }
    }
}

fn say(what: &str) {
    eprintln!("compose: {what}");
}
