//! Notes of a release: its part of CHANGELOG.md.

use std::path::Path;

use anyhow::{Context, Result};

use super::VERSION;
use crate::rig::cargo;

/// Heading of what no release has yet.
const UNRELEASED: &str = "Unreleased";

/// Writes the notes of this version into a file. Those of a version that has no tag may be unreleased.
pub(super) fn write(file: &Path, is_tagged: bool) -> Result<()> {
    let path = cargo::workspace().join("CHANGELOG.md");
    let changelog =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let unreleased = || if is_tagged { None } else { notes_of(&changelog, UNRELEASED) };
    let notes = notes_of(&changelog, VERSION).or_else(unreleased);
    let notes =
        notes.with_context(|| format!("CHANGELOG.md has no notes below `## [{VERSION}]`, expected some"))?;
    let parent = file.parent().context("the notes are in a folder")?;
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    std::fs::write(file, notes).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns what stands below the heading of a version, up to the next version.
fn notes_of(changelog: &str, version: &str) -> Option<String> {
    let heading = |line: &str| line.starts_with("## ");
    let own = |line: &&str| heading(line) && line.contains(version);
    let mut lines = changelog.lines().skip_while(|line| !own(line));
    lines.next()?;
    let notes: Vec<&str> = lines.take_while(|line| !heading(line)).collect();
    let notes = notes.join("\n");
    let notes = notes.trim();
    (!notes.is_empty()).then(|| format!("{notes}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_are_those_of_one_version() {
        let changelog =
            "# Changelog\n\n## [0.3.0]\n\n### Added\n\n- New.\n\n## [0.2.0]\n\n- Old.\n\n## [0.1.0]\n";
        assert_eq!(notes_of(changelog, "0.3.0").unwrap(), "### Added\n\n- New.\n");
        assert_eq!(notes_of(changelog, "0.2.0").unwrap(), "- Old.\n");
        assert_eq!(notes_of(changelog, "0.1.0"), None);
        assert_eq!(notes_of(changelog, "0.4.0"), None);
    }
}
