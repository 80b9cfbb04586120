//! Third of the runs that CI makes, where all of them take too long for every commit. Each commit
//! has its third by its hash.

use std::fmt;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::rig::cargo;

/// Variable that names a third.
const VARIABLE: &str = "THIRD";

/// A third of all runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Third {
    number: usize,
    because: String,
}

impl Third {
    /// Reads the third from the variable `THIRD`. Without it, takes that of the commit.
    pub fn chosen() -> Result<Self> {
        match std::env::var(VARIABLE) {
            Ok(text) => Self::named(&text),
            Err(_) => Ok(Self::of_commit(&commit()?)),
        }
    }

    fn named(text: &str) -> Result<Self> {
        match text.parse() {
            Ok(number @ 0..=2) => Ok(Self { number, because: format!("{VARIABLE} is set") }),
            _ => bail!("{VARIABLE} is {text}, expected 0, 1 or 2"),
        }
    }

    /// Takes the remainder of a hash, which is that of the sum of its hexadecimal digits.
    fn of_commit(hash: &str) -> Self {
        let digits = hash.chars().filter_map(|digit| digit.to_digit(16));
        let number = digits.sum::<u32>() as usize % 3;
        Self { number, because: format!("commit {hash}; {VARIABLE}={number} makes the same runs") }
    }

    /// True if the run at this place belongs to the third.
    #[must_use]
    pub fn holds(&self, place: usize) -> bool {
        place % 3 == self.number
    }
}

impl fmt::Display for Third {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "third {} ({})", self.number, self.because)
    }
}

/// Returns the hash of the commit that is checked out.
fn commit() -> Result<String> {
    let mut git = Command::new("git");
    let output = git.args(["rev-parse", "HEAD"]).current_dir(cargo::workspace()).output();
    let output = output.context("cannot run git")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("git does not tell the commit, so set {VARIABLE} to 0, 1 or 2: {}", said.trim());
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_is_in_one_third() {
        let thirds = ["0", "1", "2"].map(|text| Third::named(text).unwrap());
        for place in 0..10 {
            assert_eq!(thirds.iter().filter(|third| third.holds(place)).count(), 1, "{place}");
        }
        assert!(thirds[1].holds(1) && thirds[2].holds(5));
        let error = Third::named("3").unwrap_err().to_string();
        assert_eq!(error, "THIRD is 3, expected 0, 1 or 2");
    }

    #[test]
    fn a_commit_has_a_third_which_can_be_named() {
        let third = Third::of_commit("c8298fcd");
        assert_eq!(third.number as u64, 0xc829_8fcd % 3);
        assert_eq!(third.to_string(), "third 1 (commit c8298fcd; THIRD=1 makes the same runs)");
        assert_eq!(Third::of_commit("c8298fce").number, 2);
        assert_eq!(commit().unwrap().len(), 40);
    }
}
