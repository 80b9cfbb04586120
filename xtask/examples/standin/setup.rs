//! Setup of an API, and the occasions of its defect.

use std::path::PathBuf;

/// Setup that an API is opened with.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub(crate) has_defect: bool,
    /// Value of every key, token and password.
    pub(crate) secret: String,
    /// SQLite file, if the scenario reads a database.
    pub(crate) file: Option<PathBuf>,
}

impl Setup {
    /// Returns the number of keys that the API knows again: so many with the defect, else all.
    pub(crate) fn memory(&self, with_defect: usize) -> usize {
        if self.has_defect { with_defect } else { usize::MAX }
    }

    /// Returns occasions that come every so many times, with the defect alone.
    pub(crate) fn defect_every(&self, times: u32) -> Every {
        Every { times: if self.has_defect { times } else { u32::MAX }, count: 0 }
    }
}

/// Occasion that comes every so many times.
#[derive(Clone, Debug)]
pub(crate) struct Every {
    times: u32,
    count: u32,
}

impl Every {
    /// Returns an occasion that comes every so many times, with the defect and without.
    pub(crate) fn always(times: u32) -> Self {
        Self { times, count: 0 }
    }

    /// True if this time is one of them.
    pub(crate) fn comes(&mut self) -> bool {
        self.count = self.count.wrapping_add(1);
        self.count.is_multiple_of(self.times)
    }
}
