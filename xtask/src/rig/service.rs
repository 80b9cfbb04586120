//! A server, the aggregator or a mutant, that can be killed and started again on its port.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::Signal;

use crate::rig::process::{Ending, Process};
use crate::rig::programs::Programs;
use crate::rig::transcript::Transcript;
use crate::rig::{http, port};

/// Limit of a start: it covers migrations, a recovery after a kill, and a busy machine.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Limit of the time for which another process may hold the port at a restart.
const PORT_LIMIT: Duration = Duration::from_secs(10);

/// Ports to try at the first start, because another process may take each at the same moment.
const PORTS: u32 = 8;

/// Text before the address in the log.
const ANNOUNCEMENT: &str = "listening on ";

/// A server, running or killed. Dropping it ends it with SIGKILL; its caller owns the store.
#[derive(Debug)]
pub struct Service {
    programs: Programs,
    program: &'static str,
    settings: Vec<(&'static str, String)>,
    port: u16,
    process: Option<Process>,
    log: Transcript,
}

/// Result of a start.
enum Launched {
    Listening(Process),
    PortTaken,
}

impl Service {
    /// Starts a program with these settings in its environment, on a free port of 127.0.0.1, and
    /// waits until it listens.
    pub fn start(
        programs: &Programs,
        program: &'static str,
        settings: Vec<(&'static str, String)>,
    ) -> Result<Self> {
        let log = Transcript::new()?;
        let mut service = Self { programs: programs.clone(), program, settings, port: 0, process: None, log };
        for _ in 0..PORTS {
            service.port = port::free()?;
            if let Launched::Listening(process) = service.launch()? {
                service.process = Some(process);
                return Ok(service);
            }
        }
        bail!("{program} found each of {PORTS} ports taken by another process")
    }

    /// Starts the server again on the same store and port, after it was ended.
    pub fn restart(&mut self) -> Result<()> {
        ensure!(self.process.is_none(), "the {} on port {} still runs", self.program, self.port);
        let deadline = Instant::now() + PORT_LIMIT;
        loop {
            if let Launched::Listening(process) = self.launch()? {
                self.process = Some(process);
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "port {} is taken by another process", self.port);
            self.programs.interrupt().pause(Duration::from_millis(50))?;
        }
    }

    /// Sends SIGKILL and waits for the end.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.process.take().context("the server does not run")?.kill()
    }

    /// Sends SIGTERM and waits for the end, for at most `limit`.
    pub fn terminate(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.process.take().context("the server does not run")?.terminate(limit)
    }

    /// Changes a setting for the next start.
    pub fn set(&mut self, name: &'static str, value: String) {
        self.settings.retain(|(set, _)| *set != name);
        self.settings.push((name, value));
    }

    /// True if the server has ended by itself; it can be started again then.
    pub fn has_ended(&mut self) -> Result<bool> {
        let process = self.process.as_mut().context("the server does not run")?;
        let has_ended = process.try_wait()?.is_some();
        if has_ended {
            self.process = None;
        }
        Ok(has_ended)
    }

    /// True if the server is stopped (SIGSTOP).
    pub fn is_stopped(&self) -> Result<bool> {
        self.process.as_ref().context("the server does not run")?.is_stopped()
    }

    /// Stops the server (SIGSTOP) until [`Self::resume`].
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Continues (SIGCONT) after [`Self::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.process.as_ref().context("the server does not run")?.signal(signal);
        Ok(())
    }

    /// Returns the URL, such as `http://127.0.0.1:23456`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Returns the process id.
    pub fn id(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("the server does not run")?.id())
    }

    /// Returns the number of received events that the server counts.
    pub fn received(&self) -> Result<u64> {
        let stats = http::get_json(self.address(), "/stats")?;
        stats["received"]
            .as_u64()
            .with_context(|| format!("/stats has no number of received events: {stats}"))
    }

    /// Returns an error if the server ended by itself.
    pub fn check(&mut self) -> Result<()> {
        if let Some(process) = &mut self.process
            && let Some(status) = process.try_wait()?
        {
            bail!("the {} ended by itself ({status}): {}", self.program, self.log()?);
        }
        Ok(())
    }

    /// Returns the output since the first start.
    pub fn log(&self) -> Result<String> {
        self.log.text()
    }

    fn launch(&self) -> Result<Launched> {
        let already = self.log.len()?;
        let mut command = self.programs.command(self.program)?;
        command
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .env("LISTEN", self.address().to_string())
            // The server logs its address at this level.
            .env("RUST_LOG", "info")
            .env("NO_COLOR", "1")
            .stdout(self.log.stdio()?)
            .stderr(self.log.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let ended = process.try_wait()?;
            let log = self.log.text_from(already)?;
            if let Some(announced) = announced_port(&log) {
                ensure!(
                    announced == self.port,
                    "the server listens on port {announced}, expected {}",
                    self.port
                );
                return Ok(Launched::Listening(process));
            }
            match ended {
                Some(_) if log.contains("ddress already in use") => return Ok(Launched::PortTaken),
                Some(status) => bail!("the {} ended at its start ({status}): {log}", self.program),
                None => ensure!(
                    Instant::now() < deadline,
                    "no address was announced within {START_LIMIT:?}: {log}"
                ),
            }
            self.programs.interrupt().pause(Duration::from_millis(5))?;
        }
    }
}

/// Returns the port of the announced address, if its line is complete.
fn announced_port(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once(ANNOUNCEMENT)?;
    let (line, _) = rest.split_once('\n')?;
    let (_, port) = line.split_whitespace().next()?.rsplit_once(':')?;
    port.trim_end_matches(|end: char| !end.is_ascii_digit()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_a_whole_line_only() {
        let line =
            "2025-01-01T00:00:00Z  INFO aggregator: listening on http://127.0.0.1:23456, events go to x\n";
        assert_eq!(announced_port(line), Some(23456));
        assert_eq!(announced_port("listening on http://127.0.0.1:23456\n"), Some(23456));
        assert_eq!(announced_port("listening on http://127.0.0.1:234"), None);
        assert_eq!(announced_port("starting\n"), None);
    }
}
