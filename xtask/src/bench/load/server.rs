//! The null server as a process. It counts its responses, which is the same measure for every
//! client.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::super::machine::Place;
use crate::null_server::ANNOUNCEMENT;
use crate::rig::http::get_json;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::transcript::Transcript;

/// Limit of the start. The server does nothing before it listens.
const START_LIMIT: Duration = Duration::from_secs(10);

/// A running null server.
pub(super) struct NullServer {
    address: SocketAddr,
    _process: Process,
}

impl NullServer {
    pub(super) fn start(programs: &Programs, place: Place, body: &str) -> Result<Self> {
        let said = Transcript::new()?;
        let mut command = place.command(&programs.path("xtask")?);
        command.args(["null-server", "--body", body]).stdout(said.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let text = said.text()?;
            if let Some((line, _)) = text.split_once('\n') {
                let address =
                    line.strip_prefix(ANNOUNCEMENT).context("the null server printed no address")?;
                return Ok(Self { address: address.parse()?, _process: process });
            }
            if let Some(status) = process.try_wait()? {
                bail!("the null server ended at its start ({status})");
            }
            anyhow::ensure!(Instant::now() < deadline, "the null server did not listen in {START_LIMIT:?}");
            programs.interrupt().pause(Duration::from_millis(2))?;
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the number of POSTs that it has responded to.
    pub(super) fn answered(&self) -> Result<u64> {
        get_json(self.address, "/answered")?.as_u64().context("the null server returned no number")
    }
}
