//! Checksums of files, and lists of them in the format of `sha256sum`.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::files::{Defect, FolderError, io, write_whole};

/// Name of a list of checksums. `sha256sum -c SHA256SUMS` reads it too.
pub const FILE: &str = "SHA256SUMS";

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checksum(pub [u8; 32]);

impl Checksum {
    /// Reads a file, and returns its checksum.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::of_appended(path, &[])
    }

    /// Returns the checksum that a file will have once these bytes are appended to it.
    pub fn of_appended(path: &Path, more: &[u8]) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut sum = Sha256::new();
        let mut bytes = vec![0; CHUNK];
        loop {
            match file.read(&mut bytes) {
                Ok(0) => break,
                Ok(count) => sum.update(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        sum.update(more);
        Ok(Self(sum.finalize().into()))
    }

    fn parse(hex: &str) -> Option<Self> {
        let mut sum = [0; 32];
        let digits = hex.as_bytes().as_chunks::<2>().0;
        if hex.len() != 2 * sum.len() {
            return None;
        }
        for (byte, pair) in sum.iter_mut().zip(digits) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(sum))
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// List of the checksums of files, which stands beside the files.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    folder: PathBuf,
    /// Checksum of each file, by its path from the folder of the list.
    files: BTreeMap<String, Checksum>,
}

impl Sums {
    /// Makes an empty list for a folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), files: BTreeMap::new() }
    }

    /// Reads the list of a folder; none if the folder has none.
    pub fn load(folder: &Path) -> Result<Option<Self>, FolderError> {
        let path = folder.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", &path)(error)),
        };
        let unreadable =
            |number| FolderError::NotAsWritten { path: path.clone(), defect: Defect::NoSum { number } };
        let mut sums = Self::new(folder);
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let entry =
                std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n')?.split_once("  "));
            let entry = entry.and_then(|(sum, name)| Some((name.to_owned(), Checksum::parse(sum)?)));
            let (name, sum) = entry.ok_or_else(|| unreadable(number))?;
            sums.files.insert(name, sum);
        }
        Ok(Some(sums))
    }

    /// Path of the list.
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Adds a file of the folder with a checksum that is known.
    pub fn insert(&mut self, path: &Path, sum: Checksum) {
        self.files.insert(self.name(path), sum);
    }

    /// Adds a file of the folder as it is now.
    pub fn add(&mut self, path: &Path) -> Result<(), FolderError> {
        let sum = Checksum::of(path).map_err(io("read", path))?;
        self.insert(path, sum);
        Ok(())
    }

    /// Writes the list.
    pub fn save(&self) -> Result<(), FolderError> {
        let mut text = String::new();
        for (name, sum) in &self.files {
            writeln!(text, "{sum}  {name}").expect("a String takes all that is written");
        }
        write_whole(&self.path(), text.as_bytes())
    }

    /// True if the list has this file.
    pub fn lists(&self, path: &Path) -> bool {
        self.files.contains_key(&self.name(path))
    }

    /// Checks that each listed file is there, and is as it was when it was listed. A file that is
    /// `known` by other means only has to be there.
    pub fn check(&self, known: &[PathBuf]) -> Result<(), FolderError> {
        for (name, written) in &self.files {
            let path = self.folder.join(name);
            if !known.contains(&path) {
                check(&path, *written, FILE)?;
            }
        }
        Ok(())
    }

    /// Checks that the list has a file that is there.
    pub fn check_listed(&self, path: &Path) -> Result<(), FolderError> {
        if self.lists(path) {
            return Ok(());
        }
        Err(FolderError::NotAsWritten { path: path.to_path_buf(), defect: Defect::Unlisted })
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).to_string_lossy().into_owned()
    }
}

/// Checks that a file is there, and is as another file says that it was.
pub fn check(path: &Path, written: Checksum, by: &str) -> Result<(), FolderError> {
    let defect = match Checksum::of(path) {
        Ok(found) if found == written => return Ok(()),
        Ok(found) => Defect::Changed { found, written, by: by.to_owned() },
        Err(error) if error.kind() == ErrorKind::NotFound => Defect::Missing { by: by.to_owned() },
        Err(error) => return Err(io("read", path)(error)),
    };
    Err(FolderError::NotAsWritten { path: path.to_path_buf(), defect })
}
