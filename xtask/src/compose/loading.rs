//! A run of loadgen in a container.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::received;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Between two looks at how much is received.
const LOOK: Duration = Duration::from_millis(5);

/// A run on its way.
pub(super) struct Loading {
    process: Process,
    said: Transcript,
}

impl Loading {
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let said = Transcript::new()?;
        let process = Process::spawn(command.stdout(said.stdio()?), Ending::Kill)?;
        Ok(Self { process, said })
    }

    /// Waits until the target has received so many events; answers how many it had by then. An error if the run was over
    /// before.
    pub(super) fn wait_for(
        &mut self,
        threshold: u64,
        address: SocketAddr,
        interrupt: &Interrupt,
    ) -> Result<u64> {
        loop {
            if let Some(status) = self.process.try_wait()? {
                let said = self.said.text()?;
                bail!("the run was over ({status}) before {threshold} events were received: {said}");
            }
            match received(address) {
                Ok(received) if received >= threshold => return Ok(received),
                // Behind a balancer a question may meet a replica that was killed.
                Ok(_) | Err(_) => interrupt.pause(LOOK)?,
            }
        }
    }

    /// Waits for the end, shows what was said, and answers it. An error if nothing that was done meanwhile left a trace.
    pub(super) fn finish(mut self, interrupt: &Interrupt) -> Result<String> {
        let status = self.process.wait(interrupt)?;
        let said = self.said.text()?;
        print!("{said}");
        ensure!(status.success(), "loadgen did not run to its end ({status})");
        let last =
            said.lines().rfind(|line| line.starts_with("done ")).context("loadgen did not say `done`")?;
        ensure!(last.contains(" unknown="), "the kill came too late to hurt; try a larger --count");
        Ok(said)
    }
}
