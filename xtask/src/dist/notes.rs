//! Notes of a release: its part of CHANGELOG.md.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::VERSION;
use crate::rig::cargo;

/// Words in the heading of a version that is no release yet.
const UNRELEASED: &str = "not yet released";

/// Writes the notes of this version into a file. The heading of one that has a tag names its day.
pub(super) fn write(file: &Path, is_tagged: bool) -> Result<()> {
    let path = cargo::workspace().join("CHANGELOG.md");
    let changelog =
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let notes = notes_of(&changelog, VERSION, is_tagged)?;
    let parent = file.parent().context("the notes are in a folder")?;
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    std::fs::write(file, notes).with_context(|| format!("cannot write {}", file.display()))
}

/// Returns what stands below the heading of a version, up to the next version.
fn notes_of(changelog: &str, version: &str, is_tagged: bool) -> Result<String> {
    let own = format!("## [{version}]");
    let mut lines = changelog.lines().skip_while(|line| !line.starts_with(&own));
    let heading = lines.next().with_context(|| format!("CHANGELOG.md has no line `{own}`, expected one"))?;
    ensure!(
        !is_tagged || !heading.contains(UNRELEASED),
        "CHANGELOG.md says `{heading}`, expected the day of the release: a tag is given"
    );
    let notes: Vec<&str> = lines.take_while(|line| !line.starts_with("## ")).collect();
    let notes = notes.join("\n");
    let notes = notes.trim();
    ensure!(!notes.is_empty(), "CHANGELOG.md has no notes below `{own}`, expected some");
    Ok(format!("{notes}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notes_are_those_of_one_version() {
        let changelog = "# Changelog\n\n## [10.3.0]\n\n### Added\n\n- New.\n\n## [0.3.0] - 2030-01-31\n\n- Old.\n\n## [0.1.0]\n";
        let notes = |version| notes_of(changelog, version, true);
        assert_eq!(notes("10.3.0").unwrap(), "### Added\n\n- New.\n");
        assert_eq!(notes("0.3.0").unwrap(), "- Old.\n");
        assert!(notes("0.1.0").unwrap_err().to_string().contains("no notes below `## [0.1.0]`"));
        assert!(notes("0.4.0").unwrap_err().to_string().contains("no line `## [0.4.0]`"));
    }

    #[test]
    fn a_tagged_version_is_released() {
        let changelog = "## [0.2.0] - not yet released\n\n- New.\n";
        assert_eq!(notes_of(changelog, "0.2.0", false).unwrap(), "- New.\n");
        let error = notes_of(changelog, "0.2.0", true).unwrap_err().to_string();
        assert!(error.contains("expected the day of the release"), "{error}");
    }
}
