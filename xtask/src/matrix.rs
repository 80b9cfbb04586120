//! Page of the two published matrices, each of which is written by a command of its own.

use anyhow::{Context, Result};

use crate::rig::cargo;

pub(crate) mod kept;
pub mod outcome;
pub mod third;
pub mod work;

/// Path of the page.
const PAGE: &str = "results/kill-matrix.md";

/// Heading of the second half.
const SECOND: &str = "# Oddity matrix\n";

/// Half of the page.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Half {
    /// Defects, and the checks that named them.
    Mutants,
    /// Sound oddities, and what the judge made of them.
    Oddities,
}

/// Writes one half of the page, and leaves the other as it is.
pub(crate) fn write(half: Half, text: &str) -> Result<()> {
    let path = cargo::workspace().join(PAGE);
    let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    std::fs::write(&path, with(&page, half, text)).with_context(|| format!("cannot write {}", path.display()))
}

fn with(page: &str, half: Half, text: &str) -> String {
    let (first, second) = page.split_at(page.find(SECOND).unwrap_or(page.len()));
    let (first, second) = match half {
        Half::Mutants => (text, second),
        Half::Oddities => (first, text),
    };
    if second.is_empty() { first.to_owned() } else { format!("{}\n\n{second}", first.trim_end()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_half_is_written_by_itself() {
        let first = "# Kill matrix\n\n| a |\n";
        let second = "# Oddity matrix\n\n| b |\n";
        let page = with(first, Half::Oddities, second);
        assert_eq!(page, "# Kill matrix\n\n| a |\n\n# Oddity matrix\n\n| b |\n");
        assert_eq!(with(&page, Half::Oddities, second), page);
        assert_eq!(
            with(&page, Half::Mutants, "# Kill matrix\n"),
            "# Kill matrix\n\n# Oddity matrix\n\n| b |\n"
        );
        assert_eq!(with(first, Half::Mutants, "# Kill matrix\n"), "# Kill matrix\n");
    }
}
