//! Three replicas behind a load balancer. Under load one is killed and one hangs for a while, and
//! then all are judged as one target.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::loading::Loading;
use super::stack::Stack;
use super::{Settings, healthy, received, say};
use crate::rig::interrupt::Interrupt;

/// Path of the scenario in the container.
const SCENARIO: &str = "scenarios/replicas.toml";

/// Length of the pause. It exceeds the scenario's timeout, so the balancer's other replicas get the
/// retries and both execute them.
const PAUSE: Duration = Duration::from_secs(3);

/// Runs on the database as it stands: events of earlier runs are not this run's.
pub(super) fn run(settings: &Settings, stack: &Stack, interrupt: &Interrupt) -> Result<ExitStatus> {
    say("three replicas behind a load balancer, on the same database");
    stack.show(&["down"])?;
    stack.show(&["--profile", "scale", "up", "-d", "--build", "balancer"])?;
    let address = healthy(stack, "balancer", interrupt)?;
    let killed = stack.container("replica-1")?;
    let paused = stack.container("replica-2")?;
    let before = received(address)?;
    let mut loading = Loading::start(&mut stack.command(&[
        "run",
        "--rm",
        "-T",
        "proof",
        "loadgen",
        "--scenario",
        SCENARIO,
    ]))?;

    let at = loading.wait_for(before + settings.count / 5, address, interrupt)?;
    killed.kill()?;
    say(&format!("killed replica-1 at {} received", at - before));
    let at = loading.wait_for(before + settings.count * 2 / 5, address, interrupt)?;
    paused.pause()?;
    say(&format!("paused replica-2 at {} received", at - before));
    interrupt.pause(PAUSE)?;
    paused.resume()?;
    killed.start()?;
    say(&format!("resumed replica-2 after {PAUSE:?}, and started replica-1 again"));

    let said = loading.finish(interrupt)?;
    ensure!(said.contains(" timed_out="), "the pause came too late; try a larger --count");
    healthy(stack, "balancer", interrupt)?;
    // Every service is up, but docker calls a container that was paused unhealthy until its next
    // check, and Compose would not start.
    stack.status(&["run", "--rm", "--no-deps", "-T", "proof", "verify"])
}
