//! Folders of PostgreSQL's programs: distributions keep the server off the PATH.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Programs that a cluster needs, all from one folder, so that they are of one version.
const NEEDED: [&str; 4] = ["postgres", "initdb", "createdb", "dropdb"];

/// Folders with a folder for each version, and the folder in that one.
const VERSIONED: [(&str, &str); 7] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt", "bin"),
    ("/opt/local/lib", "bin"),
    ("/Applications/Postgres.app/Contents/Versions", "bin"),
];

/// Folders that hold the programs themselves.
const PLAIN: [&str; 4] =
    ["/usr/lib/postgresql/bin", "/usr/libexec/postgresql", "/usr/local/pgsql/bin", "/usr/local/bin"];

/// Returns the folder of PostgreSQL's programs.
pub(super) fn find() -> Result<PathBuf> {
    on_path()
        .chain(from_pg_config())
        .chain(VERSIONED.iter().flat_map(|(parent, child)| newest_first(Path::new(parent), child)))
        .chain(PLAIN.iter().map(PathBuf::from))
        .find(|folder| holds_all(folder))
        .context(
            "PostgreSQL is not installed: install its server, for example with `apt-get install postgresql`, \
             `dnf install postgresql-server` or `brew install postgresql`",
        )
}

fn holds_all(folder: &Path) -> bool {
    NEEDED.iter().all(|program| folder.join(program).is_file())
}

fn on_path() -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

fn from_pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim())).filter(|folder| folder.is_absolute())
}

/// Returns `parent/*/child` for every entry whose name holds a version (`15`, `pgsql-16`,
/// `postgresql@17`), newest first.
fn newest_first(parent: &Path, child: &str) -> Vec<PathBuf> {
    let Ok(entries) = parent.read_dir() else {
        return Vec::new();
    };
    let mut versions: Vec<(Vec<u32>, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            Some((version(entry.file_name().to_str()?)?, entry.path().join(child)))
        })
        .collect();
    versions.sort_by(|one, other| other.cmp(one));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

/// Reads the version in the name of an installation's folder: `9.6` as [9, 6].
fn version(name: &str) -> Option<Vec<u32>> {
    let digits = ["postgresql@", "postgresql", "pgsql-"].iter().find_map(|prefix| name.strip_prefix(prefix));
    digits.unwrap_or(name).split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_the_names_that_distributions_use() {
        assert_eq!(version("15"), Some(vec![15]));
        assert_eq!(version("9.6"), Some(vec![9, 6]));
        assert_eq!(version("pgsql-16"), Some(vec![16]));
        assert_eq!(version("postgresql@17"), Some(vec![17]));
        assert_eq!(version("postgresql14"), Some(vec![14]));
        assert_eq!(version("latest"), None);
    }

    #[test]
    fn the_newest_version_comes_first_by_number() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["9.6", "15", "14", "share"] {
            std::fs::create_dir(parent.path().join(name)).unwrap();
        }
        let expected = ["15", "14", "9.6"].map(|name| parent.path().join(name).join("bin"));
        assert_eq!(newest_first(parent.path(), "bin"), expected);
    }

    #[test]
    fn a_folder_without_the_server_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("createdb"), "").unwrap();
        assert!(!holds_all(folder.path()));
        for program in NEEDED {
            std::fs::write(folder.path().join(program), "").unwrap();
        }
        assert!(holds_all(folder.path()));
    }
}
