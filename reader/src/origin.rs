//! Origin of a run folder: whether this user's own `loadgen` wrote it.
//!
//! A run folder names a program (`[target.process]`) and a query (`[database]`), and run folders are
//! handed around. So `loadgen` puts a mark into a folder that names one: the HMAC-SHA-256 of
//! `run.json` under a key of 32 random bytes. The key lies in the user's home, nobody else can read
//! it, and no artifact holds it. The mark outlives a reboot, and a folder of another machine or user,
//! or with another `run.json`, does not have it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::Sha256;
use truth::record::folder::RunFolder;

/// File in the run folder that holds the mark.
const MARK: &str = "origin";

/// Key of a user on a machine.
type Key = [u8; 32];

/// Marks a run folder as this user's own. Makes the key if there is none.
pub fn mark(folder: &RunFolder) -> io::Result<()> {
    let path = key_path().ok_or_else(|| io::Error::other("neither XDG_STATE_HOME nor HOME is set"))?;
    mark_by(folder, &path)
}

fn mark_by(folder: &RunFolder, path: &Path) -> io::Result<()> {
    let key = match read_key(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make_key(path).and_then(|()| read_key(path)),
        key => key,
    }
    .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    let mark = signed(&key, folder)?.finalize().into_bytes();
    let digits: String = mark.iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder.file(MARK), digits + "\n")
}

/// Returns true if this user marked the run folder on this machine, and `run.json` is as it was.
pub fn is_own(folder: &RunFolder) -> bool {
    key_path().is_some_and(|path| has_mark(folder, &path))
}

fn has_mark(folder: &RunFolder, path: &Path) -> bool {
    let is_marked = || {
        let key = read_key(path).ok()?;
        let mark = parse(&fs::read_to_string(folder.file(MARK)).ok()?)?;
        signed(&key, folder).ok()?.verify_slice(&mark).ok()
    };
    is_marked().is_some()
}

fn signed(key: &Key, folder: &RunFolder) -> io::Result<Hmac<Sha256>> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).map_err(io::Error::other)?;
    hmac.update(&fs::read(folder.manifest_path())?);
    Ok(hmac)
}

fn parse(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.trim_end().as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(pair).collect()
}

/// Returns the path of the key, by the XDG base directories.
fn key_path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("onceproof/origin.key"))
}

/// Reads the key. One that others can read or that another user wrote proves nothing.
fn read_key(path: &Path) -> io::Result<Key> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    if found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        return Err(io::Error::new(ErrorKind::PermissionDenied, "the key is not this user's alone"));
    }
    let mut key = Key::default();
    file.read_exact(&mut key)?;
    Ok(key)
}

/// Makes a key. Of two programs that do so at once, one has its key kept.
fn make_key(path: &Path) -> io::Result<()> {
    let mut key = Key::default();
    SysRng.try_fill_bytes(&mut key).map_err(io::Error::other)?;
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let part = path.with_extension(std::process::id().to_string());
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
    let kept = made.and_then(|mut file| file.write_all(&key)).and_then(|()| fs::hard_link(&part, path));
    fs::remove_file(&part)?;
    match kept {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A run folder of which only `run.json` matters.
    fn folder(at: &Path) -> RunFolder {
        fs::write(at.join("run.json"), "{}").unwrap();
        RunFolder::open(at).unwrap()
    }

    #[test]
    fn a_folder_is_known_by_the_key_that_marked_it_and_by_what_its_run_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path());
        let key = |name: &str| place.path().join("state").join(name).join("origin.key");
        assert!(!has_mark(&folder, &key("mine")), "no mark, and no key");
        mark_by(&folder, &key("mine")).unwrap();
        assert!(has_mark(&folder, &key("mine")));
        assert!(!has_mark(&folder, &key("none")), "another user or machine");
        make_key(&key("other")).unwrap();
        assert!(!has_mark(&folder, &key("other")));
        // A second mark is by the same key.
        let bytes = fs::read(key("mine")).unwrap();
        make_key(&key("mine")).unwrap();
        mark_by(&folder, &key("mine")).unwrap();
        assert_eq!(fs::read(key("mine")).unwrap(), bytes);
        fs::write(folder.manifest_path(), "{ }").unwrap();
        assert!(!has_mark(&folder, &key("mine")), "another command may stand in it now");
    }

    #[test]
    fn a_key_that_others_can_read_and_a_mark_that_is_none_prove_nothing() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path());
        let key = place.path().join("origin.key");
        mark_by(&folder, &key).unwrap();
        for text in ["", "abc", "é", &"0".repeat(64)] {
            fs::write(folder.file(MARK), text).unwrap();
            assert!(!has_mark(&folder, &key), "{text}");
        }
        mark_by(&folder, &key).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(!has_mark(&folder, &key));
        assert!(mark_by(&folder, &key).unwrap_err().to_string().contains("not this user's alone"));
    }
}
