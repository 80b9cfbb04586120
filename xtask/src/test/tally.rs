//! Counts and failures, read from what `cargo test --no-fail-fast` writes.

/// Sums over all test binaries.
#[derive(Debug, Default)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    /// Failed tests of each test binary that failed, in order.
    failures: Vec<Vec<String>>,
    /// Arguments that run each failed test binary again, as cargo names them at its end, in the
    /// same order.
    targets: Vec<String>,
    place: Place,
    /// Names in the list that was read last; one that a result follows is the list of failed tests.
    names: Vec<String>,
}

/// Part of the output that a line belongs to.
#[derive(Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Elsewhere,
    /// After `failures:`, in a list of names, or of outputs.
    Names,
    /// After `error: 2 targets failed:`.
    Targets,
}

impl Tally {
    /// Takes the next line.
    pub(super) fn read(&mut self, line: &str) {
        if line == "failures:" {
            self.place = Place::Names;
            self.names.clear();
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.result(result);
            self.place = Place::Elsewhere;
        } else if line.starts_with("error: ") && line.ends_with(" failed:") {
            self.place = Place::Targets;
        } else if let Some(name) = line.strip_prefix("    ") {
            match self.place {
                Place::Names => self.names.push(name.to_owned()),
                Place::Targets => self.targets.push(name.trim_matches('`').to_owned()),
                Place::Elsewhere => {}
            }
        }
    }

    /// Reads `FAILED. 3 passed; 1 failed; 0 ignored; ...`.
    fn result(&mut self, result: &str) {
        let number = |unit: &str| -> u64 {
            let part = result.split([';', '.']).find_map(|part| part.trim().strip_suffix(unit));
            part.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
        };
        self.passed += number(" passed");
        self.failed += number(" failed");
        if result.starts_with("FAILED") {
            self.failures.push(std::mem::take(&mut self.names));
        }
    }

    /// Returns a list of the failed tests, each as the command that runs it again; empty if none
    /// failed.
    pub(super) fn failures(&self) -> String {
        let mut text = String::new();
        // A test binary that crashed is among cargo's targets and has no result: then nobody knows
        // whose the lists are.
        let is_known = self.targets.len() == self.failures.len();
        for (index, names) in self.failures.iter().enumerate() {
            let target = if is_known { format!(" {}", self.targets[index]) } else { String::new() };
            for name in names {
                text += &format!("    cargo xtask test{target} {name}\n");
            }
        }
        if !is_known {
            for target in &self.targets {
                text += &format!("    cargo xtask test {target}\n");
            }
        }
        if text.is_empty() { text } else { format!("\nfailed:\n{text}") }
    }

    /// Returns the closing line. A test binary that crashed counts as one failed test.
    pub(super) fn counts(&self, skipped: usize) -> String {
        format!("{} passed, {} failed, {skipped} skipped", self.passed, self.failed + self.crashed())
    }

    /// True if a test failed or a test binary crashed.
    pub(super) fn has_failures(&self) -> bool {
        self.failed + self.crashed() > 0
    }

    fn crashed(&self) -> u64 {
        self.targets.len().saturating_sub(self.failures.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
     Running unittests src/lib.rs (target/debug/deps/truth-1)
test plan::whole ... ok
test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s
     Running tests/it/main.rs (target/debug/deps/it-2)
test circles::a ... FAILED
failures:
---- circles::a stdout ----
    4 spaces of output
failures:
    circles::a
    circles::b
test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.31s
   Doc-tests truth
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
error: 1 target failed:
    `-p xtask --test it`
";

    fn tally(output: &str) -> Tally {
        let mut tally = Tally::default();
        output.lines().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn results_are_summed_and_failed_tests_are_named_with_the_command_that_runs_them() {
        let tally = tally(OUTPUT);
        assert_eq!(tally.counts(5), "20 passed, 2 failed, 5 skipped");
        let again = "    cargo xtask test -p xtask --test it";
        let expected = format!("\nfailed:\n{again} circles::a\n{again} circles::b\n");
        assert_eq!(tally.failures(), expected);
    }

    #[test]
    fn a_test_binary_that_crashes_is_named() {
        let crashed =
            OUTPUT.replace("error: 1 target failed:\n", "error: 2 targets failed:\n    `-p truth --lib`\n");
        let tally = tally(&crashed);
        assert_eq!(tally.counts(0), "20 passed, 3 failed, 0 skipped");
        let failures = tally.failures();
        assert!(failures.contains("    cargo xtask test circles::b\n"), "{failures}");
        assert!(failures.contains("    cargo xtask test -p truth --lib\n"), "{failures}");
    }

    #[test]
    fn nothing_failed() {
        assert_eq!(tally("test result: ok. 2 passed; 0 failed; 0 ignored\n").failures(), "");
    }
}
