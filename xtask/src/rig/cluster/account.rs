//! User that the server runs as: PostgreSQL refuses to run as root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// Users to try in order: the one that packages make for the purpose, and one that every system
/// has.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// User that runs the server and owns its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Account {
    /// The user of this process.
    Own,
    /// Another user, because this process runs as root.
    Other { uid: u32, gid: u32 },
}

impl Account {
    /// Returns the account to use.
    pub(super) fn choose() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        CANDIDATES
            .iter()
            .find_map(|name| Some(Self::Other { uid: ask("-u", name)?, gid: ask("-g", name)? }))
            .context(
                "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it",
            )
    }

    /// Makes `command` run as this account. std drops root's supplementary groups along with root.
    pub(super) fn run(self, command: &mut Command) {
        if let Self::Other { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
    }

    /// Makes this account the owner of `folder`.
    pub(super) fn own(self, folder: &Path) -> Result<()> {
        if let Self::Other { uid, gid } = self {
            std::os::unix::fs::chown(folder, Some(uid), Some(gid))
                .with_context(|| format!("cannot make user {uid} the owner of {}", folder.display()))?;
        }
        Ok(())
    }

    /// True if this account can enter `folder`, as far as the permissions for everybody tell.
    pub(super) fn reaches(self, folder: &Path) -> bool {
        self == Self::Own || folder.ancestors().all(is_open_to_all)
    }
}

/// Returns a number from `id`, which knows every source of users that the system has.
fn ask(question: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([question, name]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn is_open_to_all(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    folder.metadata().is_ok_and(|found| found.permissions().mode() & 0o001 != 0)
}
