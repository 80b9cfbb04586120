//! Three replicas behind a load balancer: one is killed and one hangs for a while, under load, and then they are judged as one
//! target.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::loading::Loading;
use super::stack::Stack;
use super::{Settings, healthy, received, say};
use crate::rig::interrupt::Interrupt;

/// The scenario as the container knows it.
const SCENARIO: &str = "scenarios/replicas.toml";

/// Longer than the scenario's time-out: what the replica was sent meanwhile is sent again to another one, and executed by both.
const PAUSE: Duration = Duration::from_secs(3);

/// On the database as it stands: what is stored there before is none of the run's.
pub(super) fn run(settings: &Settings, stack: &Stack, interrupt: &Interrupt) -> Result<ExitStatus> {
    say("three replicas behind a load balancer, on the same database");
    stack.show(&["down"])?;
    stack.show(&["--profile", "scale", "up", "-d", "--build", "balancer"])?;
    let address = healthy(stack, "balancer", interrupt)?;
    let (killed, paused) = (stack.container("replica-1")?, stack.container("replica-2")?);
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
    ensure!(said.contains(" timed_out="), "the pause came too late to hurt; try a larger --count");
    healthy(stack, "balancer", interrupt)?;
    // All are up; yet docker calls a container that was paused unhealthy until it looks again, and Compose would not begin.
    stack.status(&["run", "--rm", "--no-deps", "-T", "proof", "verify"])
}
