//! The image of one static program and nothing else: its root folder, and what docker makes of it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::archive::{self, Archive, copy, link_names};
use super::tools::{Tools, succeed};
use super::{VERSION, folder, fresh};
use crate::rig::cargo;
use crate::rig::interrupt::Interrupt;

/// User of the image, which deploy/static/Dockerfile names too.
const USER: &str = "10001";

/// An image that docker has.
pub(super) struct Image {
    pub(super) tag: String,
}

impl Image {
    /// Builds the image and saves it as a file, if there is docker.
    pub(super) fn build(
        tools: &Tools<'_>,
        archive: &Archive,
        target: &str,
        out: &Path,
    ) -> Result<Option<Self>> {
        let docker =
            Command::new("docker").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !docker.is_ok_and(|status| status.success()) {
            super::say("no image: `docker version` fails; install and start Docker");
            return Ok(None);
        }
        let context = folder("image");
        fresh(&context)?;
        copy(&cargo::workspace().join("deploy/static/Dockerfile"), &context.join("Dockerfile"))?;
        let certificates = tools.certificates()?;
        let program = archive.folder.join("onceproof");
        root(&program, &certificates, &context.join("root.tar"), tools.interrupt)?;
        let tag = tag();
        let mut build = Command::new("docker");
        tools.succeed(build.args(["build", "--quiet", "--tag", &tag]).arg(&context))?;
        let file = out.join(format!("{}.image.tar", archive::stem(target)));
        tools.succeed(Command::new("docker").args(["save", "--output"]).arg(&file).arg(&tag))?;
        // Docker saves it for its own user alone.
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).context("cannot set a file's mode")?;
        tools.succeed(Command::new("gzip").arg("-9n").arg(&file))?;
        Ok(Some(Self { tag }))
    }
}

/// Returns the name of the image.
pub(super) fn tag() -> String {
    format!("onceproof-static:{VERSION}")
}

/// Packs the root folder of the image: the program with its links, the certificates to trust, and
/// the folders to write in.
fn root(program: &Path, certificates: &Path, file: &Path, interrupt: &Interrupt) -> Result<()> {
    let root = file.with_extension("");
    fresh(&root)?;
    for part in ["bin", "tmp", "etc/ssl/certs", "onceproof/results"] {
        fs::create_dir_all(root.join(part))
            .with_context(|| format!("cannot make {part} in a root folder"))?;
    }
    copy(program, &root.join("bin/onceproof"))?;
    link_names(&root.join("bin"))?;
    copy(certificates, &root.join("etc/ssl/certs/ca-certificates.crt"))?;
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))
        .context("cannot set the mode of /tmp")?;
    let pack = |action: &str, owner: &str, parts: &[&str]| {
        let mut tar = Command::new("tar");
        tar.args([action, "--file"]).arg(file).arg("--directory").arg(&root);
        tar.args(["--sort=name", "--mtime=@0", "--numeric-owner"]);
        tar.arg(format!("--owner={owner}")).arg(format!("--group={owner}"));
        succeed(tar.args(parts), interrupt)
    };
    pack("--create", "0", &["bin", "etc", "tmp"])?;
    pack("--append", USER, &["onceproof"])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dist::tools::told;
    use crate::rig::scratch::Scratch;

    #[test]
    fn the_root_folder_has_the_names_the_certificates_and_folders_to_write_in() {
        let scratch = Scratch::new().unwrap();
        let [program, certificates] = ["program", "certificates"].map(|name| scratch.path().join(name));
        fs::write(&program, "program").unwrap();
        fs::write(&certificates, "certificates").unwrap();
        let file = scratch.path().join("root.tar");
        root(&program, &certificates, &file, &Interrupt::never()).unwrap();
        let mut list = Command::new("tar");
        list.args(["--list", "--verbose", "--numeric-owner", "--file"]).arg(file);
        let listed = told(&mut list, &Interrupt::never()).unwrap().stdout;
        // Mode, owner, and what stands after the time.
        let entries: Vec<String> = listed
            .lines()
            .map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                format!("{} {} {}", words[0], words[1], words[5..].join(" "))
            })
            .collect();
        for entry in [
            "lrwxrwxrwx 0/0 bin/verify -> onceproof",
            "drwxrwxrwt 0/0 tmp/",
            "drwxr-xr-x 10001/10001 onceproof/results/",
        ] {
            assert!(entries.iter().any(|found| found == entry), "no {entry} in {entries:?}");
        }
        assert!(listed.contains("etc/ssl/certs/ca-certificates.crt"), "{listed}");
        let dockerfile = fs::read_to_string(cargo::workspace().join("deploy/static/Dockerfile")).unwrap();
        assert!(dockerfile.contains(&format!("\nUSER {USER}:{USER}\n")), "{dockerfile}");
    }
}
