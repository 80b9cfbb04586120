//! Exit codes of the programs. They are documented, and scripts rest on them.

/// The load ran, or the verdict is PASS.
pub const OK: u8 = 0;
/// The verdict is FAIL.
pub const FAIL: u8 = 1;
/// The command line, the scenario or a file that it names cannot be used.
pub const USAGE: u8 = 2;
/// The verdict is UNKNOWN.
pub const UNKNOWN: u8 = 3;
/// The ledger, or another file of the run, could not be written.
pub const NOT_WRITTEN: u8 = 3;
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
