//! Exit codes of the programs. They are documented, and scripts depend on them.

/// The load ran, or the verdict is PASS.
pub const OK: u8 = 0;
/// The verdict is FAIL.
pub const FAIL: u8 = 1;
/// The command line, the scenario or a file that it names cannot be used, or a file of the run
/// folder is not as it was written.
pub const USAGE: u8 = 2;
/// The verdict is UNKNOWN.
pub const UNKNOWN: u8 = 3;
/// The ledger, another file of the run, or the result on standard output could not be written.
pub const NOT_WRITTEN: u8 = 3;
/// A count of events was to be sent, and some were not.
pub const UNSENT: u8 = 3;
/// `verify probe` could not describe enough of the target.
pub const INCOMPLETE: u8 = 3;
/// The verdict is VOID.
pub const VOID: u8 = 4;
/// No attempt was acknowledged.
pub const NO_ACK: u8 = 4;
/// The target could not be reached, and no byte of an event left.
pub const UNREACHABLE: u8 = 5;
/// A threshold failed.
pub const THRESHOLD: u8 = 99;
/// Interrupted, and drained.
pub const INTERRUPTED: u8 = 130;

/// Exit code with its meaning for each program; none where a program never exits with it.
#[derive(Clone, Copy, Debug)]
pub struct Meaning {
    /// Exit code.
    pub code: u8,
    /// Meaning for `loadgen`.
    pub loadgen: Option<&'static str>,
    /// Meaning for `verify`.
    pub verify: Option<&'static str>,
}

/// Returns the exit code of a program whose result could not be printed, instead of `code`. A FAIL
/// was found all the same, and an interrupt has asked for the end.
pub fn unprinted(code: u8) -> u8 {
    if matches!(code, FAIL | INTERRUPTED) { code } else { NOT_WRITTEN }
}

/// All exit codes, for the help texts and the documentation.
pub const MEANINGS: [Meaning; 8] = [
    Meaning {
        code: OK,
        loadgen: Some("the load ran; rejected and failed requests do not change that"),
        verify: Some("PASS"),
    },
    Meaning {
        code: FAIL,
        loadgen: None,
        verify: Some("FAIL: the target broke what it acknowledged or promised"),
    },
    Meaning {
        code: USAGE,
        loadgen: Some("usage or configuration"),
        verify: Some("usage or configuration, or a file of the run folder is not as it was written"),
    },
    Meaning {
        code: UNKNOWN,
        loadgen: Some(
            "the ledger, another file or standard output could not be written, or the run sent less than the \
             count it was given",
        ),
        verify: Some(
            "UNKNOWN: the evidence does not decide, or what --resolve or --replay sent could not be recorded, or the \
             result could not be printed",
        ),
    },
    Meaning {
        code: VOID,
        loadgen: Some("no attempt was acknowledged"),
        verify: Some("VOID: the run did not test it, or the folder holds nothing to judge"),
    },
    Meaning {
        code: UNREACHABLE,
        loadgen: Some("the target was not reached, and no byte of an event left"),
        verify: Some("the target was not reached"),
    },
    Meaning { code: THRESHOLD, loadgen: Some("a threshold failed or was not measured"), verify: None },
    Meaning { code: INTERRUPTED, loadgen: Some("interrupted"), verify: Some("interrupted") },
];

/// Exit codes of one program as lines of its help, such as `  0    PASS`.
pub fn help(of: fn(&Meaning) -> Option<&'static str>) -> String {
    let lines = MEANINGS.iter().filter_map(|row| Some(format!("  {:<5}{}\n", row.code, of(row)?)));
    lines.collect()
}

/// Exit codes of one program as a table in Markdown.
pub fn table(of: fn(&Meaning) -> Option<&'static str>) -> String {
    let rows = MEANINGS.iter().filter_map(|row| Some(format!("| {} | {} |\n", row.code, of(row)?)));
    format!("| code | meaning |\n| --- | --- |\n{}", rows.collect::<String>())
}
