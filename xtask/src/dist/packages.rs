//! The Debian package and the wheel. What is in them stands in onceproof/Cargo.toml and in
//! pyproject.toml.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::paths::PROFILE;
use super::tools::Tools;
use super::{VERSION, archive};

/// Returns the file name of the Debian package of a target.
pub(super) fn debian_name(target: &str) -> String {
    let architecture = if target.starts_with("aarch64") { "arm64" } else { "amd64" };
    format!("onceproof_{VERSION}-1_{architecture}.deb")
}

/// Makes the Debian package of a target that is built, with the pages of all programs. The program
/// is static, so the package depends on nothing.
pub(super) fn debian(tools: &Tools<'_>, target: &str, out: &Path) -> Result<PathBuf> {
    let file = out.join(debian_name(target));
    let mut command = tools.cargo_deb()?;
    command.args(["--package", "onceproof", "--no-build", "--no-strip", "--locked", "--profile", PROFILE]);
    command.args(["--target", target, "--output"]).arg(&file);
    command.env("SOURCE_DATE_EPOCH", archive::time_of_the_sources()?.to_string());
    tools.succeed(&mut command)?;
    Ok(file)
}

/// Builds the program of a target, and makes a wheel of it with its bill of materials.
pub(super) fn wheel(tools: &Tools<'_>, target: &str, bill: &Path, out: &Path) -> Result<PathBuf> {
    let before = wheels(out)?;
    tools.build_wheel(target, bill, out)?;
    let new: Vec<PathBuf> = wheels(out)?.into_iter().filter(|wheel| !before.contains(wheel)).collect();
    let [wheel] = &new[..] else {
        bail!("maturin made {new:?}, expected one wheel");
    };
    Ok(wheel.clone())
}

fn wheels(out: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in out.read_dir().with_context(|| format!("cannot read {}", out.display()))? {
        found.push(entry?.path());
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "whl"));
    Ok(found)
}
