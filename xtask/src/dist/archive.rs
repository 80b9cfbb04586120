//! Archives: the program, its links, licences, man pages and completions. The same program gives the
//! same bytes: order, owners and times are fixed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::tools::succeed;
use super::{VERSION, folder, fresh};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;

/// Names of the links to the program.
pub(super) const LINKS: [&str; 3] = ["loadgen", "verify", "aggregator"];

/// Names under which the program is started.
pub(super) const NAMES: [&str; 4] = ["onceproof", "loadgen", "verify", "aggregator"];

/// Files of the repository that go into an archive.
const FILES: [&str; 4] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md", "CHANGELOG.md"];

/// File of the checksums.
pub(super) const SUMS: &str = "SHA256SUMS";

/// Largest archive, in bytes.
const LIMIT: u64 = 12 << 20;

/// An archive, and the folder that it was made from.
pub(super) struct Archive {
    pub(super) file: PathBuf,
    pub(super) folder: PathBuf,
}

/// Returns the name of an archive and of its folder.
pub(super) fn stem(target: &str) -> String {
    format!("onceproof-{VERSION}-{target}")
}

/// Returns the file name of an archive.
pub(super) fn name(target: &str) -> String {
    format!("{}.tar.gz", stem(target))
}

/// Has the program write man pages and completions into a folder.
pub(super) fn pages(program: &Path, folder: &Path, interrupt: &Interrupt) -> Result<()> {
    fresh(folder)?;
    succeed(Command::new(program).arg("files").arg(folder), interrupt)
}

impl Archive {
    /// True if this machine can run the program.
    pub(super) fn runs_here(&self) -> bool {
        let version = Command::new(self.folder.join("onceproof")).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    }

    /// Packs the program of a target.
    pub(super) fn pack(
        program: &Path,
        pages: &Path,
        target: &str,
        out: &Path,
        interrupt: &Interrupt,
    ) -> Result<Self> {
        let folder = folder(&stem(target));
        fresh(&folder)?;
        copy(program, &folder.join("onceproof"))?;
        link_names(&folder)?;
        for file in FILES {
            copy(&cargo::workspace().join(file), &folder.join(file))?;
        }
        for part in ["man", "completions"] {
            copy_folder(&pages.join(part), &folder.join(part))?;
        }
        let file = out.join(name(target));
        tar(&folder, &file, interrupt)?;
        let size = fs::metadata(&file).context("tar made no file")?.len();
        ensure!(size <= LIMIT, "{} has {size} bytes, expected at most {LIMIT}", file.display());
        super::say(&format!("{} has {:.1} MiB", file.display(), size as f64 / f64::from(1 << 20)));
        Ok(Self { file, folder })
    }
}

/// Links the other names to the program in a folder.
pub(super) fn link_names(folder: &Path) -> Result<()> {
    for link in LINKS {
        symlink("onceproof", folder.join(link)).with_context(|| format!("cannot link {link}"))?;
    }
    Ok(())
}

fn tar(folder: &Path, file: &Path, interrupt: &Interrupt) -> Result<()> {
    let parent = folder.parent().context("the folder is in another")?;
    let name = folder.file_name().context("the folder has a name")?;
    let time = format!("--mtime=@{}", time_of_the_sources()?);
    let mut command = Command::new("tar");
    command.args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", &time]);
    command.args(["--use-compress-program", "gzip -9n", "--create", "--file"]).arg(file);
    succeed(command.arg("--directory").arg(parent).arg(name), interrupt)
}

/// Returns the second of the last commit, or what SOURCE_DATE_EPOCH says.
pub(super) fn time_of_the_sources() -> Result<u64> {
    if let Some(second) = std::env::var_os("SOURCE_DATE_EPOCH") {
        return second.to_string_lossy().parse().context("SOURCE_DATE_EPOCH is no number of seconds");
    }
    let mut git = Command::new("git");
    let output = git.args(["log", "-1", "--format=%ct"]).current_dir(cargo::workspace()).output();
    let output = output.context("cannot start git; SOURCE_DATE_EPOCH replaces it")?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().context("git tells no time of a commit; SOURCE_DATE_EPOCH replaces it")
}

/// Writes the checksums of all files in a folder into `SHA256SUMS`.
pub(super) fn sums(out: &Path, interrupt: &Interrupt) -> Result<()> {
    let mut names = Vec::new();
    for entry in out.read_dir().with_context(|| format!("cannot read {}", out.display()))? {
        names.push(entry?.file_name());
    }
    names.sort();
    let file = fs::File::create(out.join(SUMS)).context("cannot make a file of checksums")?;
    succeed(Command::new("sha256sum").args(names).current_dir(out).stdout(file), interrupt)
}

pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    let copied = fs::copy(from, to);
    copied.with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Copies the files of a folder.
pub(super) fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in from.read_dir().with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::scratch::Scratch;

    #[test]
    fn the_same_files_give_the_same_bytes_whenever_they_were_written() {
        let scratch = Scratch::new().unwrap();
        let [first, second] = ["first", "second"].map(|name| {
            let folder = scratch.path().join(name).join("onceproof");
            fs::create_dir_all(&folder).unwrap();
            let names = if name == "first" { ["a", "b"] } else { ["b", "a"] };
            names.iter().for_each(|file| fs::write(folder.join(file), file).unwrap());
            symlink("a", folder.join("link")).unwrap();
            let file = fs::File::open(folder.join("a")).unwrap();
            let moment =
                std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(name.len() as u64);
            file.set_modified(moment).unwrap();
            let archive = scratch.path().join(format!("{name}.tar.gz"));
            tar(&folder, &archive, &Interrupt::never()).unwrap();
            fs::read(archive).unwrap()
        });
        assert!(!first.is_empty() && first == second);
    }
}
