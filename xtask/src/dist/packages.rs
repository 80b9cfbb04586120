//! The Debian package and the wheel.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::archive::{Archive, LINKS, copy};
use super::tools::{Tools, succeed};
use super::{VERSION, fresh};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;

/// Makes the Debian package from an archive's folder. The program is static, so it depends on
/// nothing.
pub(super) fn debian(archive: &Archive, out: &Path, interrupt: &Interrupt) -> Result<()> {
    let name = archive.folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let architecture = if name.contains("aarch64") { "arm64" } else { "amd64" };
    let root = cargo::workspace().join("target/release-folders/debian");
    fresh(&root)?;
    let folder = |path: &str| -> Result<_> {
        let folder = root.join(path);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    };
    let bin = folder("usr/bin")?;
    copy(&archive.folder.join("onceproof"), &bin.join("onceproof"))?;
    for link in LINKS {
        symlink("onceproof", bin.join(link)).with_context(|| format!("cannot link {link}"))?;
    }
    let man = folder("usr/share/man/man1")?;
    for page in archive.folder.join("man").read_dir().context("the archive has man pages")? {
        let page = page?;
        copy(&page.path(), &man.join(page.file_name()))?;
        succeed(Command::new("gzip").arg("-9n").arg(man.join(page.file_name())), interrupt)?;
    }
    let docs = folder("usr/share/doc/onceproof")?;
    fs::write(docs.join("copyright"), copyright()?).context("cannot write the copyright")?;
    let completions = folder("usr/share/bash-completion/completions")?;
    for program in LINKS.into_iter().chain(["onceproof"]) {
        let script = archive.folder.join(format!("completions/{program}.bash"));
        copy(&script, &completions.join(program))?;
    }
    fs::write(folder("DEBIAN")?.join("control"), control(architecture, size(&bin)?))
        .context("cannot write the control file")?;
    fs::set_permissions(bin.join("onceproof"), fs::Permissions::from_mode(0o755))?;
    let file = out.join(format!("onceproof_{VERSION}-1_{architecture}.deb"));
    let mut command = Command::new("dpkg-deb");
    command.args(["--root-owner-group", "--build"]).arg(&root).arg(file);
    succeed(&mut command, interrupt)
}

/// Returns the package's description for dpkg.
fn control(architecture: &str, kib: u64) -> String {
    format!(
        "Package: onceproof\nVersion: {VERSION}-1\nArchitecture: {architecture}\n\
         Maintainer: The Onceproof authors <nobody@onceproof.invalid>\nInstalled-Size: {kib}\nSection: utils\n\
         Priority: optional\nDescription: proof that an event endpoint stores every event exactly once\n \
         It sends a known set of events to an HTTP endpoint, repeats some of them on\n purpose, reads the \
         endpoint back, and says whether each event is stored exactly\n once, or shows one that was lost, \
         stored twice or changed.\n"
    )
}

fn copyright() -> Result<String> {
    let text = |file: &str| {
        let path = cargo::workspace().join(file);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    Ok(format!("{}\n{}", text("LICENSE-MIT")?, text("LICENSE-APACHE")?))
}

/// Returns the size of the program in KiB.
fn size(bin: &Path) -> Result<u64> {
    Ok(fs::metadata(bin.join("onceproof")).context("the package has the program")?.len().div_ceil(1024))
}

/// Makes the wheel, and checks that it holds the program.
pub(super) fn wheel(tools: &Tools<'_>, target: &str, out: &Path) -> Result<()> {
    tools.wheel(target, out)?;
    let entries = out.read_dir().context("there is a folder for the wheel")?;
    let wheels = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let wheels: Vec<String> = wheels.filter(|name| name.ends_with(".whl")).collect();
    ensure!(wheels.len() == 1, "maturin made {wheels:?}, expected one wheel");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_goes_on_in_lines_that_begin_with_a_blank() {
        let control = control("amd64", 7);
        assert!(
            control.starts_with(&format!("Package: onceproof\nVersion: {VERSION}-1\nArchitecture: amd64\n"))
        );
        let (_, description) = control.split_once("\nDescription: ").unwrap();
        assert!(description.ends_with('\n'));
        assert!(
            description.lines().skip(1).all(|line| line.starts_with(' ') && line.len() < 90),
            "{control}"
        );
    }
}
