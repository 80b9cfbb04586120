//! Subject of an observation.

use judge::books::tally::Tally;
use reader::console::Notes;
use reader::database::DatabaseReader;
use reader::looking::Looking;
use truth::plan::Plan;
use truth::record::baseline::Baseline;
use truth::scenario::promises::Promises;

/// Everything that an observation has to know about the run.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Plan of the events that were sent.
    pub plan: &'a Plan,
    /// Promises of the target.
    pub promises: &'a Promises,
    /// Outcomes of the attempts, from the ledger.
    pub tally: &'a Tally,
    /// Counters and rows of the target before the run.
    pub baseline: Option<&'a Baseline>,
    /// Database of the target, as a second view of what it stored.
    pub database: Option<&'a DatabaseReader>,
    /// Times for which the target is looked at.
    pub looking: Looking,
    /// Printer of the progress.
    pub notes: Notes,
}
