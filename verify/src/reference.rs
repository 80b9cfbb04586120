//! `verify reference`: pages of the documentation that come from the code.

use truth::exit;

use crate::cli::{Cli, Page};

/// Returns the page that was asked for.
pub(crate) fn page(asked: &Page) -> String {
    if asked.checks {
        format!("{CHECKS}\n{}", judge::checks::reference())
    } else if asked.exit_codes {
        exit_codes()
    } else {
        reader::flags::page(&Cli::described())
    }
}

fn exit_codes() -> String {
    EXIT_CODES
        .replace("VERIFY\n", &exit::table(|meaning| meaning.verify))
        .replace("LOADGEN\n", &exit::table(|meaning| meaning.loadgen))
}

/// Beginning of the page of checks.
const CHECKS: &str = "\
# Checks

`verify` makes each of these checks on every run, and reports it as pass, fail, unknown or not
tested. A check is not tested if the run, or the target, does not give what it needs. The report
and `junit.xml` show the checks in this order.
";

/// Page of exit codes, with a line in the place of each table.
const EXIT_CODES: &str = "\
# Exit codes

`truth/src/exit.rs` defines them. They are part of the interface: a release that changes one says
so in the changelog.

## verify

VERIFY

`verify probe` exits with 0 if it wrote a scenario that can run, 2 for usage or configuration, 3
if it could not describe enough of the target, and 5 if the target was not reached.

## loadgen

LOADGEN

With `--verify` the run is judged after the codes 0, 4 and 99, and the exit code is that of the
verdict. If the verdict is PASS and a threshold failed, it is 99. A run that sent less than its
count is judged as well; its exit code is 1 if the verdict is FAIL, and 3 otherwise. The last line
says how much was sent, and why not more: `sent 29 of 200: no free local port (EADDRNOTAVAIL)`.

## aggregator

| code | meaning |
| --- | --- |
| 0 | stopped by SIGTERM or SIGINT |
| 1 | the service could not start or go on |
| 2 | a wrong setting |

## cargo xtask

0 if all is well, 1 if something failed, 130 if interrupted.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_codes_of_both_programs_have_a_table() {
        let page = exit_codes();
        for text in [
            "\n| 1 | FAIL: the target broke what it acknowledged or promised |\n",
            "\n| 99 | a threshold failed or was not measured |\n",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
        assert!(!page.contains("\nVERIFY") && !page.contains("\nLOADGEN"), "{page}");
    }

    #[test]
    fn the_page_of_checks_has_a_heading_and_the_registry() {
        let page = page(&Page { checks: true, exit_codes: false });
        assert!(page.starts_with("# Checks\n\n") && page.contains("\n| `lost` |"), "{page}");
    }

    #[test]
    fn the_flags_of_both_commands_have_rows() {
        let page = reader::flags::page(&Cli::described());
        for text in [
            "| `--target <URL>` | `TARGET_URL` |",
            "| `--settle <DURATION>` | `10s` |",
            "\n## verify probe\n",
            "| `--topic <NAME>` | `onceproof-probe` |",
        ] {
            assert!(page.contains(text), "{text}: {page}");
        }
    }
}
