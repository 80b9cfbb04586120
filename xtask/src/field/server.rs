//! Real server: how it is installed, started and asked.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::Case;
use crate::rig::interrupt::Interrupt;
use crate::rig::port;
use crate::rig::process::{Ending, Process};
use crate::rig::programs::in_our_environment;
use crate::rig::scratch::Scratch;
use crate::rig::transcript::Transcript;

/// Longest time until a server listens.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Longest time of a request.
const LIMIT: Duration = Duration::from_secs(30);

/// Real server.
pub(super) struct Server {
    pub(super) name: &'static str,
    /// Name of its file in `targets/`.
    pub(super) file: &'static str,
    /// Commands of the installation, as the page shows them.
    pub(super) installed_by: &'static str,
    /// Installs it if it is missing; the folder is for Python programs.
    pub(super) install: fn(&Path, &Interrupt) -> Result<()>,
    /// Returns the command that starts it.
    pub(super) command: fn(&Place<'_>) -> Result<Command>,
    pub(super) version: fn(&Started) -> Result<String>,
    /// Header fields of requests that prepare it.
    pub(super) fields: fn() -> String,
    pub(super) cases: &'static [Case],
}

/// Folder and port of a server that is to be started.
pub(super) struct Place<'a> {
    /// Folder of installed Python programs.
    pub(super) installed: &'a Path,
    pub(super) folder: &'a Path,
    pub(super) port: u16,
}

/// Running server. Dropping it ends it with SIGKILL.
pub(super) struct Started {
    pub(super) url: String,
    /// Folder of installed Python programs.
    pub(super) installed: PathBuf,
    fields: String,
    address: SocketAddr,
    _process: Process,
    _folder: Scratch,
}

impl Started {
    /// Starts a server in a fresh folder, and waits until it listens.
    pub(super) fn start(server: &Server, installed: &Path, interrupt: &Interrupt) -> Result<Self> {
        let folder = Scratch::new()?;
        let port = port::free()?;
        let mut command = (server.command)(&Place { installed, folder: folder.path(), port })?;
        let log = Transcript::new()?;
        command.stdout(log.stdio()?).stderr(log.stdio()?);
        let mut process = Process::spawn(&mut command, Ending::Kill)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let deadline = Instant::now() + START_LIMIT;
        while TcpStream::connect(address).is_err() {
            let ended = process.try_wait()?;
            ensure!(ended.is_none(), "{} ended at its start: {}", server.name, log.text()?);
            ensure!(Instant::now() < deadline, "{} does not listen: {}", server.name, log.text()?);
            interrupt.pause(Duration::from_millis(50))?;
        }
        let fields = (server.fields)();
        let url = format!("http://{address}");
        Ok(Self { url, installed: installed.to_owned(), fields, address, _process: process, _folder: folder })
    }

    /// Sends a request that has to succeed, and returns the body of its response.
    pub(super) fn request(&self, method: &str, path: &str, body: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let Self { fields, address, .. } = self;
        let length = body.len();
        // HTTP/1.0: the response is complete where the connection ends.
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{fields}Content-Length: {length}\r\n\r\n{body}"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).with_context(|| format!("{method} {path} had no response"))?;
        let (head, body) = answer.split_once("\r\n\r\n").context("a response has no end of its head")?;
        let is_success = head.split(' ').nth(1).is_some_and(|status| status.starts_with('2'));
        ensure!(is_success, "{method} {path} was answered with {answer}");
        Ok(body.trim().to_owned())
    }
}

/// Installs packages of Debian's, if a program of theirs is missing.
pub(super) fn install_packages(program: &str, packages: &[&str], interrupt: &Interrupt) -> Result<()> {
    if in_our_environment("which").arg(program).output()?.status.success() {
        return Ok(());
    }
    eprintln!("xtask: installing {} with apt-get", packages.join(" "));
    for args in [&["update", "-qq"][..], &["install", "-qq", "-y", "--no-install-recommends"][..]] {
        let mut command = in_our_environment("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        if args[0] == "install" {
            command.args(packages);
        }
        let status = Process::spawn(&mut command, Ending::Kill)?.wait(interrupt)?;
        ensure!(status.success(), "apt-get {} failed ({status}): run this as root", args.join(" "));
    }
    Ok(())
}

/// Installs packages of PyPI's into an environment of the server's own, if it is not there.
pub(super) fn install_python(folder: &Path, packages: &[&str], interrupt: &Interrupt) -> Result<()> {
    let pip = folder.join("bin/pip");
    if !pip.exists() {
        let made =
            Process::spawn(in_our_environment("python3").args(["-m", "venv"]).arg(folder), Ending::Kill)?
                .wait(interrupt)?;
        ensure!(made.success(), "cannot make a Python environment ({made}): install python3-venv");
    }
    let mut command = in_our_environment(&pip);
    command.args(["install", "--quiet", "--disable-pip-version-check"]).args(packages);
    let status = Process::spawn(&mut command, Ending::Kill)?.wait(interrupt)?;
    ensure!(status.success(), "cannot install {} ({status})", packages.join(", "));
    Ok(())
}

/// Returns the version of an installed Python package.
pub(super) fn python_version(folder: &Path, package: &str) -> Result<String> {
    let output = in_our_environment(folder.join("bin/pip")).args(["show", package]).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
    version.map(str::to_owned).with_context(|| format!("{package} is not installed"))
}
