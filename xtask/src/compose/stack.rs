//! Containers of one run of the command, under a name of their own, removed with their owner.

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};

use super::Settings;
use crate::rig::cargo;
use crate::rig::guard::Guard;
use crate::rig::interrupt::Interrupt;
use crate::rig::process::{Ending, Process};
use crate::rig::transcript::Transcript;

/// Programs of Compose: docker's own command, and the older program.
const TOOLS: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];

/// Arguments that tear the project down with its volumes: nobody else uses them.
const TEAR_DOWN: [&str; 4] = ["down", "--volumes", "--remove-orphans", "--timeout=2"];

/// Compose project. Dropping it tears it down.
pub(super) struct Stack {
    tool: &'static [&'static str],
    name: String,
    variables: Vec<(&'static str, String)>,
    interrupt: Interrupt,
    _guard: Guard,
}

impl Stack {
    /// Finds Compose and a name that is free. Starts nothing.
    pub(super) fn prepare(settings: &Settings, interrupt: &Interrupt) -> Result<Self> {
        let answers = |tool: &&&[&str]| {
            let mut version = Command::new(tool[0]);
            version.args(&tool[1..]).arg("version").stdout(Stdio::null()).stderr(Stdio::null());
            version.status().is_ok_and(|status| status.success())
        };
        let tool = *TOOLS.iter().find(answers).context(
            "neither `docker compose` nor `docker-compose` (1.29 or later) answers; install Docker with Compose",
        )?;
        let name = format!("onceproof-xtask-{}", std::process::id());
        let variables = vec![
            // A free port, so that several projects can run side by side.
            ("HTTP_PORT", "0".to_owned()),
            ("BALANCER_PORT", "0".to_owned()),
            ("COUNT", settings.count.to_string()),
            ("BATCH_SIZE", settings.batch.to_string()),
            ("DUP_RATE", "0.3".to_owned()),
            ("CONCURRENCY", "50".to_owned()),
            ("TOPICS", "auth,payment,orders".to_owned()),
        ];
        let tear_down = command(tool, &name, &variables, &TEAR_DOWN);
        let words: Vec<OsString> = std::iter::once(OsString::from("env"))
            .chain(variables.iter().map(|(name, value)| format!("{name}={value}").into()))
            .chain(std::iter::once(tear_down.get_program().to_owned()))
            .chain(tear_down.get_args().map(OsStr::to_owned))
            .collect();
        let guard = Guard::of_command(words.iter().map(OsString::as_os_str))?;
        Ok(Self { tool, name, variables, interrupt: interrupt.clone(), _guard: guard })
    }

    /// Returns the project's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns a command of Compose on this project.
    pub(super) fn command(&self, args: &[&str]) -> Command {
        command(self.tool, &self.name, &self.variables, args)
    }

    /// Runs a command to its end, shows its output and returns its status.
    pub(super) fn status(&self, args: &[&str]) -> Result<ExitStatus> {
        Process::spawn(&mut self.command(args), Ending::Kill)?.wait(&self.interrupt)
    }

    /// Runs a command to its end and shows its output. Returns an error if it fails.
    pub(super) fn show(&self, args: &[&str]) -> Result<()> {
        let status = self.status(args)?;
        ensure!(status.success(), "`{} {}` failed ({status})", self.tool.join(" "), args.join(" "));
        Ok(())
    }

    /// Returns the address at which a port of a service is published.
    pub(super) fn address(&self, service: &str, port: u16) -> Result<SocketAddr> {
        let said = self.told(&["port", service, &port.to_string()])?;
        said.parse().with_context(|| format!("port {port} of {service} is not published: {said}"))
    }

    /// Returns the only container of a service.
    pub(super) fn container(&self, service: &str) -> Result<Container> {
        let id = self.told(&["ps", "-q", service])?;
        ensure!(
            !id.is_empty() && !id.contains(char::is_whitespace),
            "{service} has the containers `{id}`, expected one"
        );
        Ok(Container { id, interrupt: self.interrupt.clone() })
    }

    /// Returns the output of a command.
    fn told(&self, args: &[&str]) -> Result<String> {
        let said = Transcript::new()?;
        let mut command = self.command(args);
        let mut process = Process::spawn(command.stdout(said.stdio()?).stderr(Stdio::null()), Ending::Kill)?;
        let status = process.wait(&self.interrupt)?;
        let said = said.text()?;
        ensure!(status.success(), "`{} {}` failed ({status})", self.tool.join(" "), args.join(" "));
        Ok(said.trim().to_owned())
    }
}

/// A container that docker itself controls: Compose takes half a second to start, and a run may end
/// within it.
pub(super) struct Container {
    id: String,
    interrupt: Interrupt,
}

impl Container {
    /// Sends SIGKILL.
    pub(super) fn kill(&self) -> Result<()> {
        self.docker("kill")
    }

    /// Starts the container again.
    pub(super) fn start(&self) -> Result<()> {
        self.docker("start")
    }

    /// Stops all processes in the container until [`Self::resume`].
    pub(super) fn pause(&self) -> Result<()> {
        self.docker("pause")
    }

    /// Continues after [`Self::pause`].
    pub(super) fn resume(&self) -> Result<()> {
        self.docker("unpause")
    }

    fn docker(&self, action: &str) -> Result<()> {
        let mut command = Command::new("docker");
        command.args([action, &self.id]).stdout(Stdio::null());
        let status = Process::spawn(&mut command, Ending::Kill)?.wait(&self.interrupt)?;
        ensure!(status.success(), "`docker {action} {}` failed ({status})", self.id);
        Ok(())
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        eprintln!("compose: taking {} down", self.name);
        // No interrupt is read here, so that no container is left behind. The guard does not run
        // this a second time.
        match self.command(&TEAR_DOWN).status() {
            Ok(status) if status.success() => {}
            Ok(status) => {
                eprintln!("compose: `down` failed ({status}); containers of {} may be left", self.name);
            }
            Err(error) => eprintln!("compose: `down` could not be run: {error}"),
        }
    }
}

fn command(tool: &[&str], name: &str, variables: &[(&'static str, String)], args: &[&str]) -> Command {
    let file = cargo::workspace().join("docker-compose.yml");
    let mut command = Command::new(tool[0]);
    command.args(&tool[1..]).arg("-f").arg(file).args(["-p", name]);
    // `up` leaves out the services of profiles; `run` and `down` need to know them.
    if !args.starts_with(&["up"]) {
        command.args(["--profile", "bench", "--profile", "scale"]);
    }
    command.args(args);
    command.envs(variables.iter().map(|(name, value)| (name, value))).current_dir(cargo::workspace());
    command
}
