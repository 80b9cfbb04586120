//! Which user the server runs as: PostgreSQL refuses to run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// In order: the one that packages make for the purpose, and one that every system has.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// The user that runs the server and owns its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// Whoever runs this.
    Own,
    /// Somebody else, because this runs as root.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// The account to use.
    pub(super) fn choose() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        CANDIDATES
            .iter()
            .find_map(|name| Some(Self::Other { uid: ask("-u", name)?, gid: ask("-g", name)? }))
            .context("PostgreSQL does not run as root, and neither a user `postgres` nor `nobody` is there to run it")
    }

    /// Makes `command` run as this account; std drops root's supplementary groups along with root.
    pub(super) fn run(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Hands `folder` over to this account.
    pub(super) fn own(self, folder: &Path) -> Result<()> {
        if let Self::Other { uid, gid } = self {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                .with_context(|| format!("cannot hand {} over to user {uid}", folder.display()))?;
        }
        Ok(())
    }

    /// Whether this account can reach what is in `folder`, as far as its permissions for everybody tell.
    pub(super) fn reaches(self, folder: &Path) -> bool {
        self == Self::Own || folder.ancestors().all(is_open_to_all)
    }
}

/// A number from `id`, which knows every source of users that the system has.
fn ask(question: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([question, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn is_open_to_all(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
}
