//! Folders of this machine, which no file of a release names. The compilers write other names in
//! their place.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::rig::cargo;

/// Profile of cargo that builds what is shipped.
pub(super) const PROFILE: &str = "dist";

/// A folder of this machine, and the name that is written in its place.
struct Folder {
    path: PathBuf,
    name: &'static str,
}

/// Returns cargo's folder of built files.
fn built() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cargo::workspace().join("target"), PathBuf::from)
}

/// Returns the file of the program that is built for a target.
pub(super) fn program(target: &str) -> PathBuf {
    built().join(target).join(PROFILE).join("onceproof")
}

/// Folders that a build reads sources from. Where one is in another, the inner stands last: the last
/// name that fits is written.
fn sources() -> Result<Vec<Folder>> {
    let home = std::env::home_dir().context("there is no home folder; HOME names it")?;
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut folders = vec![
        Folder { path: home, name: "/home" },
        Folder { path: cargo_home, name: "/cargo" },
        Folder { path: cargo::workspace().to_owned(), name: "/onceproof" },
        Folder { path: built(), name: "/target" },
    ];
    // The home of a user in a container may be the root, in which every path lies.
    folders.retain(|folder| folder.path.parent().is_some());
    Ok(folders)
}

/// Returns the flags of rustc that keep the folders out of what it writes, as cargo takes them in
/// `CARGO_ENCODED_RUSTFLAGS`.
pub(super) fn rust_flags() -> Result<String> {
    let flag = |folder: Folder| format!("--remap-path-prefix={}={}", folder.path.display(), folder.name);
    Ok(sources()?.into_iter().map(flag).collect::<Vec<_>>().join("\u{1f}"))
}

/// Fails if a file in a folder, or the file itself, names a folder of this machine. Links are passed
/// over.
pub(super) fn none_in(place: &Path) -> Result<()> {
    let folders: Vec<String> =
        sources()?.into_iter().map(|folder| folder.path.to_string_lossy().into_owned()).collect();
    none_of(&folders, place)
}

fn none_of(folders: &[String], place: &Path) -> Result<()> {
    if place.is_symlink() {
        return Ok(());
    }
    if place.is_dir() {
        for entry in place.read_dir().with_context(|| format!("cannot read {}", place.display()))? {
            none_of(folders, &entry?.path())?;
        }
        return Ok(());
    }
    let bytes = fs::read(place).with_context(|| format!("cannot read {}", place.display()))?;
    for folder in folders {
        // Without the slash, `/root` would be found in words of a program.
        let inside = format!("{}/", folder.trim_end_matches('/'));
        let found = bytes.windows(inside.len()).any(|window| window == inside.as_bytes());
        let place = place.display();
        ensure!(!found, "{place} names {inside}, a folder of this machine; `strings {place}` shows where");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::scratch::Scratch;

    #[test]
    fn a_file_that_names_a_folder_of_this_machine_is_found_wherever_it_lies() {
        let scratch = Scratch::new().unwrap();
        let file = scratch.path().join("inner/program");
        fs::create_dir(file.parent().unwrap()).unwrap();
        let folders = ["/root/.cargo".to_owned(), "/build/onceproof".to_owned()];
        fs::write(&file, b"\x7fELF\0/cargo/registry/src/a.rs\0/root/.cargocult\0").unwrap();
        none_of(&folders, scratch.path()).unwrap();
        fs::write(&file, b"\x7fELF\0at /build/onceproof/target/out.rs\0").unwrap();
        let error = none_of(&folders, scratch.path()).unwrap_err().to_string();
        assert!(error.contains("inner/program names /build/onceproof/, a folder of this machine"), "{error}");
    }

    #[test]
    fn the_compiler_writes_a_name_in_place_of_each_folder() {
        let flags = rust_flags().unwrap();
        let workspace = format!("--remap-path-prefix={}=/onceproof", cargo::workspace().display());
        assert!(flags.split('\u{1f}').any(|flag| flag == workspace), "{flags}");
        assert!(flags.contains("=/cargo\u{1f}"), "{flags}");
    }
}
