//! A line of the doctor: what was looked at, the value seen, and what to do about it.

use std::fmt;

use truth::printable::printable;

/// Outcome of one look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Finding {
    name: &'static str,
    seen: String,
    standing: Standing,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Standing {
    Ok,
    /// Value that the system does not report.
    Untold,
    /// Value that may spoil a run, with the remedy.
    Warning(String),
}

impl Finding {
    /// A value that spoils nothing.
    pub(super) fn ok(name: &'static str, seen: impl Into<String>) -> Self {
        Self { name, seen: seen.into(), standing: Standing::Ok }
    }

    /// A value that may spoil a run or a measurement, and what to do.
    pub(super) fn warning(name: &'static str, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, seen: seen.into(), standing: Standing::Warning(remedy.into()) }
    }

    /// A value that this system does not report.
    pub(super) fn untold(name: &'static str, what: &str) -> Self {
        Self { name, seen: format!("{what} is not reported by this system"), standing: Standing::Untold }
    }

    /// A value that spoils nothing if `is_ok`.
    pub(super) fn judged(name: &'static str, is_ok: bool, seen: String, remedy: &str) -> Self {
        if is_ok { Self::ok(name, seen) } else { Self::warning(name, seen, remedy) }
    }

    pub(super) fn is_warning(&self) -> bool {
        matches!(self.standing, Standing::Warning(_))
    }

    pub(super) fn is_untold(&self) -> bool {
        self.standing == Standing::Untold
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, seen, standing } = self;
        let seen = printable(seen);
        match standing {
            Standing::Ok => write!(f, "ok    {name:<10} {seen}"),
            Standing::Untold => write!(f, "-     {name:<10} {seen}"),
            Standing::Warning(remedy) => write!(f, "warn  {name:<10} {seen}\n                 {remedy}"),
        }
    }
}
