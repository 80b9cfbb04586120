//! Server of another kind, as a process on a free port. It ends with its owner, and after two
//! minutes in any case.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Command that ends a server whose owner was killed before it could: uvicorn waits for its
/// handlers, and must be forced.
const BOUNDED: [&str; 3] = ["--kill-after=1", "120", "env"];

/// Time that a server may take to listen on a busy machine.
const START: Duration = Duration::from_secs(30);

/// Running server.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    child: Child,
    folder: TempDir,
}

impl Peer {
    /// Starts uvicorn with the application in `app.py`.
    pub(crate) fn uvicorn(mode: &str, arguments: &[&str]) -> Self {
        let application = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers");
        Self::start("python3-uvicorn", |address, _| {
            let mut command = Command::new("timeout");
            let port = address.port().to_string();
            command.args(BOUNDED).args([python(), "-m", "uvicorn", "app:app", "--log-level", "critical"]);
            command.args(["--port", &port]).args(arguments);
            command.current_dir(&application).env("MODE", mode).env("PYTHONDONTWRITEBYTECODE", "1");
            command
        })
    }

    /// Starts Node's server with the application in `app.js`.
    pub(crate) fn node(mode: &str) -> Self {
        let application = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers/app.js");
        Self::start("nodejs", |address, _| {
            let mut command = Command::new("timeout");
            command.args(BOUNDED).arg("node").arg(&application).arg(address.port().to_string());
            command.env("MODE", mode);
            command
        })
    }

    /// Starts nginx with this inside its one `server`.
    pub(crate) fn nginx(server: &str) -> Self {
        Self::nginx_that_listens("", server)
    }

    /// Starts nginx with TLS, with a certificate that `server` names.
    pub(crate) fn nginx_with_tls(server: &str) -> Self {
        Self::nginx_that_listens("ssl", server)
    }

    /// Starts nginx with TLS and HTTP/2.
    pub(crate) fn nginx_with_tls_and_http2(server: &str) -> Self {
        Self::nginx_that_listens("ssl http2", server)
    }

    /// Starts nginx that speaks only HTTP/2, without TLS.
    pub(crate) fn nginx_with_http2(server: &str) -> Self {
        Self::nginx_that_listens("http2", server)
    }

    /// Starts the server of `openssl`, with these arguments separated by blanks.
    pub(crate) fn openssl(arguments: &str) -> Self {
        Self::start("openssl", |address, _| {
            let mut command = Command::new("timeout");
            command.args(BOUNDED).args(["openssl", "s_server", "-www", "-cipher", "DEFAULT@SECLEVEL=0"]);
            command.args(["-accept", &address.to_string()]).args(arguments.split_ascii_whitespace());
            command.stdout(Stdio::null()).stderr(Stdio::null());
            command
        })
    }

    fn nginx_that_listens(how: &str, server: &str) -> Self {
        Self::start("nginx-light", |address, folder| {
            let config = format!(
                "daemon off; master_process off; pid nginx.pid; error_log stderr crit;\n\
                 events {{}}\n\
                 http {{\n\
                 access_log off; client_body_temp_path body; proxy_temp_path proxy;\n\
                 fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;\n\
                 server {{ listen {address} {how}; {server} }}\n\
                 }}\n"
            );
            std::fs::write(folder.join("nginx.conf"), config).unwrap();
            let mut command = Command::new("timeout");
            // Debian keeps it in a folder that only root's PATH has.
            let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
            command
                .args(BOUNDED)
                .args(["nginx", "-p"])
                .arg(folder)
                .args(["-c", "nginx.conf"])
                .env("PATH", path);
            command
        })
    }

    fn start(package: &str, command: impl Fn(SocketAddr, &Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port in the same moment.
        for _ in 0..5 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let mut child = command(address, folder.path()).stdin(Stdio::null()).spawn().unwrap();
            let until = Instant::now() + START;
            while Instant::now() < until {
                if TcpStream::connect(address).is_ok() {
                    return Self { address, child, folder };
                }
                if let Some(status) = child.try_wait().unwrap() {
                    assert!(
                        !matches!(status.code(), Some(126 | 127)),
                        "the tests need {package}: apt-get install {package}"
                    );
                    break;
                }
                std::thread::sleep(Duration::from_millis(10));
            }
            end(&mut child);
        }
        panic!("{package} does not come up; is it installed? apt-get install {package}");
    }

    /// Waits until it has ended by itself.
    pub(crate) fn wait(&mut self) {
        self.child.wait().unwrap();
    }

    /// Folder for its files.
    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

/// Sends SIGKILL to `timeout` and what it runs, which form a process group.
fn end(child: &mut Child) {
    rustix::process::kill_process_group(
        rustix::process::Pid::from_child(child),
        rustix::process::Signal::KILL,
    )
    .ok();
    child.wait().ok();
}

/// Returns the interpreter of the distribution's packages, if there is one.
fn python() -> &'static str {
    if Path::new("/usr/bin/python3").exists() { "/usr/bin/python3" } else { "python3" }
}
