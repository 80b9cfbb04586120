//! Files of `/proc` and `/sys`. A test gives another folder that holds such files.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Folder that holds `proc` and `sys`.
#[derive(Clone, Debug)]
pub(super) struct Machine(PathBuf);

impl Machine {
    /// Takes the files under this folder, which is `/` for this machine.
    pub(super) fn under(root: &Path) -> Self {
        Self(root.to_owned())
    }

    /// Returns the text of a file without white space around it; none if it cannot be read.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok().map(|text| text.trim().to_owned())
    }

    /// Returns the value of a file that holds one.
    pub(super) fn value<T: FromStr>(&self, path: &str) -> Option<T> {
        self.text(path)?.parse().ok()
    }

    /// Returns what follows a word at the beginning of a line.
    pub(super) fn after(&self, path: &str, word: &str) -> Option<String> {
        let text = self.text(path)?;
        text.lines().find_map(|line| Some(line.strip_prefix(word)?.trim().to_owned()))
    }

    /// True if there is such a folder.
    pub(super) fn has(&self, path: &str) -> bool {
        self.0.join(path).is_dir()
    }

    /// Returns the names in a folder, in order.
    pub(super) fn names(&self, path: &str) -> Vec<String> {
        let entries = self.0.join(path).read_dir().into_iter().flatten();
        let mut names: Vec<String> =
            entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns a machine with these files, and the folder that holds it.
    pub(in crate::doctor) fn machine(files: &[(&str, &str)]) -> (Machine, tempfile::TempDir) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        (Machine::under(root.path()), root)
    }

    #[test]
    fn values_lines_and_names_are_read_and_what_is_absent_is_none() {
        let (machine, _root) = machine(&[("proc/a", "12\n"), ("proc/b", "Cpus:\t3\nCpus_all:\t0-1\n")]);
        assert_eq!(machine.value("proc/a"), Some(12_u32));
        assert_eq!(machine.value::<u32>("proc/b"), None);
        assert_eq!(machine.after("proc/b", "Cpus_all:").as_deref(), Some("0-1"));
        assert_eq!(machine.text("proc/c"), None);
        assert_eq!(machine.names("proc"), ["a", "b"]);
        assert_eq!(machine.names("sys"), [""; 0]);
    }
}
