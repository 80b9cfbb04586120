//! A run of loadgen in a container.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::received;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Pause between two reads of the received count.
const LOOK: Duration = Duration::from_millis(5);

/// A running loadgen.
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

    /// Waits until the target has received `threshold` events and returns the number received.
    /// Returns an error if the run ends before.
    pub(super) fn wait_for(
        &mut self,
        threshold: u64,
        address: SocketAddr,
        interrupt: &Interrupt,
    ) -> Result<u64> {
        loop {
            if let Some(status) = self.process.try_wait()? {
                let said = self.said.text()?;
                bail!("the run ended ({status}) before {threshold} events were received: {said}");
            }
            match received(address) {
                Ok(received) if received >= threshold => return Ok(received),
                // A request through the balancer can meet a replica that was killed.
                Ok(_) | Err(_) => interrupt.pause(LOOK)?,
            }
        }
    }

    /// Waits for the end, shows the output and returns it. Returns an error if no connection broke.
    pub(super) fn finish(mut self, interrupt: &Interrupt) -> Result<String> {
        let status = self.process.wait(interrupt)?;
        let said = self.said.text()?;
        print!("{said}");
        ensure!(status.success(), "loadgen ended with {status}, expected exit code 0");
        let last =
            said.lines().rfind(|line| line.starts_with("done ")).context("loadgen printed no line `done`")?;
        ensure!(last.contains(" unknown="), "the kill came too late; try a larger --count");
        Ok(said)
    }
}
