//! A mutant: a defect, the run that brings it out, and what the judge has to make of it.

use super::loads::SMALL_BATCHES;
use super::modes::{self, Mode};

/// Attempts of a run that is long enough for a fault to come while it goes on.
const STRUCK_ATTEMPTS: u64 = 8_000;

/// A defect and the run that brings it out.
#[derive(Debug)]
pub struct Mutant {
    /// Value of the target's setting.
    pub name: &'static str,
    /// Description of the defect in the matrix.
    pub flaw: &'static str,
    /// Check that has to name the defect where its promise is made.
    pub named_by: &'static str,
    /// Promise that the defect breaks.
    pub promise: Promise,
    /// Least that the judge has to say where nothing is declared.
    pub undeclared: Undeclared,
    /// Mode in which the target keeps the rest of the contract.
    pub mode: &'static Mode,
    /// Tables of a scenario that fit the defect.
    pub scenario: &'static str,
    /// Faults of the process during the run.
    pub faults: &'static [Fault],
    /// Attempts that bring the defect out with room to spare.
    pub attempts: u64,
    /// Attempts of another run against the same target before; none if 0.
    pub attempts_before: u64,
    /// Further arguments of `verify`.
    pub verify: &'static [&'static str],
    /// Program that starts the process.
    pub starter: Starter,
}

/// Promise of a target. The first three are made without a word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    Once,
    Equal,
    Words,
    Atomic,
    RefusedWithoutEffect,
    RepeatAccepted,
    FirstWins,
    Exact,
    Drain,
    Counters,
    CountersPersist,
    Uptime,
    NobodyElse,
    Complete,
    TopicHeeded,
    InOrder,
}

/// Verdict where nothing is declared, from the weakest to the strongest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Undeclared {
    /// PASS, with an observation on a finding against a promise that nobody made.
    Told,
    /// UNKNOWN or VOID: the finding rests on something that is only assumed.
    Open,
    /// FAIL.
    Fail,
}

/// Program that starts a target and injects its faults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Starter {
    /// The trial, so that verify has no record of it.
    Trial,
    /// `loadgen`, by these faults of the scenario.
    Scenario(&'static str),
}

/// A fault of the process at the moment when a percentage of the attempts have arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// SIGKILL and a new start.
    Kill { percent: u64 },
    /// SIGSTOP for longer than the client's timeout, and SIGCONT.
    Pause { percent: u64 },
    /// SIGSTOP for longer than a short window, and SIGCONT; the client waits.
    Rest { percent: u64 },
}

impl Promise {
    /// Returns the line of a scenario that makes it, or the sentence.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Once => "each acknowledged event is stored once",
            Self::Equal => "it comes back equal in meaning",
            Self::Words => "a response means what it says",
            Self::Atomic => "`batch = \"atomic\"`",
            Self::RefusedWithoutEffect => "`refused = \"no effect\"`",
            Self::RepeatAccepted => "`repeat = \"accepted\"`",
            Self::FirstWins => "`conflict = \"first-wins\"`",
            Self::Exact => "`payload = \"exact\"`",
            Self::Drain => "`drain`",
            Self::Counters => "`stats`",
            Self::CountersPersist => "`counters = \"persistent\"`",
            Self::Uptime => "an uptime is that of the process that answers",
            Self::NobodyElse => "`shared = false`",
            Self::Complete => "`complete = true`",
            Self::TopicHeeded => "`filter = true`",
            Self::InOrder => "`order`",
        }
    }
}

impl Fault {
    /// True if the fault leaves attempts without a response.
    #[must_use]
    pub fn hurts(self) -> bool {
        !matches!(self, Self::Rest { .. })
    }

    /// True if the fault ends the process.
    #[must_use]
    pub fn kills(self) -> bool {
        matches!(self, Self::Kill { .. })
    }

    /// Returns its moment.
    #[must_use]
    pub fn percent(self) -> u64 {
        let (Self::Kill { percent } | Self::Pause { percent } | Self::Rest { percent }) = self;
        percent
    }
}

impl Mutant {
    /// Makes a mutant that loses or doubles events, and that small batches bring to light. The run
    /// itself shows all that its finding rests on.
    pub(super) const fn new(name: &'static str, flaw: &'static str, named_by: &'static str) -> Self {
        Self {
            name,
            flaw,
            named_by,
            promise: Promise::Once,
            undeclared: Undeclared::Fail,
            mode: &modes::STRICT,
            scenario: SMALL_BATCHES,
            faults: &[],
            attempts: 2_000,
            attempts_before: 0,
            verify: &[],
            starter: Starter::Trial,
        }
    }

    /// True for the target without a defect.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.named_by.is_empty()
    }

    pub(super) const fn breaking(self, promise: Promise) -> Self {
        Self { promise, ..self }
    }

    pub(super) const fn undeclared(self, undeclared: Undeclared) -> Self {
        Self { undeclared, ..self }
    }

    pub(super) const fn attempts(self, attempts: u64) -> Self {
        Self { attempts, ..self }
    }

    pub(super) const fn after_a_run_of(self, attempts_before: u64) -> Self {
        Self { attempts_before, ..self }
    }

    pub(super) const fn verified(self, verify: &'static [&'static str]) -> Self {
        Self { verify, ..self }
    }

    pub(super) const fn started_by_the_scenario(self, faults: &'static str) -> Self {
        Self { starter: Starter::Scenario(faults), attempts: STRUCK_ATTEMPTS, ..self }
    }

    pub(super) const fn in_mode(self, mode: &'static Mode) -> Self {
        Self { mode, ..self }
    }

    pub(super) const fn loaded(self, scenario: &'static str) -> Self {
        Self { scenario, ..self }
    }

    pub(super) const fn struck(self, faults: &'static [Fault]) -> Self {
        Self { faults, attempts: STRUCK_ATTEMPTS, ..self }
    }
}
