//! Runs that are judged again from their folders, without their target.

use judge::books::walk::WalkError;
use judge::evidence::{Evidence, Run};
use judge::try_judge;
use judge::verdict::{Judgement, Reason, undecided};
use truth::chain::chain;
use truth::files::FolderError;
use truth::observed::Observed;
use truth::record::ledger::LedgerError;
use truth::record::manifest::FolderFormat;
use truth::record::seal::{check_look, is_look};

use super::error::VerifyError;
use super::opened;
use crate::cli::Options;

/// Runs that were judged again from their folders.
pub(crate) struct Offline {
    pub(crate) runs: Vec<Run>,
    pub(crate) evidence: Evidence,
    pub(crate) verdict: Judgement,
    /// Number of the observation that was judged.
    pub(super) observation: u32,
}

/// Judges runs again from their folders, and writes nothing.
pub(crate) fn offline(options: &Options) -> Result<Offline, VerifyError> {
    let runs = opened::open(options)?;
    demand_events(&runs)?;
    judged_again(runs)
}

/// Returns an error for runs that sent one request over and over, and no events.
pub(super) fn demand_events(runs: &[Run]) -> Result<(), VerifyError> {
    match runs.iter().find(|run| run.manifest.scenario.request.is_some()) {
        Some(run) => Err(VerifyError::NoEvents { path: run.folder.path().to_path_buf() }),
        None => Ok(()),
    }
}

/// Judges opened runs by their newest observation.
pub(super) fn judged_again(runs: Vec<Run>) -> Result<Offline, VerifyError> {
    let (observation, observed) = newest_observation(&runs[0])?;
    let earlier = observed.stats.follows.map(|n| load_observation(&runs[0], n)).transpose()?;
    let evidence = Evidence::assemble(&runs, observed, earlier)?;
    Ok(Offline { verdict: judged(&evidence)?, observation, evidence, runs })
}

/// Reads the newest observation that is complete.
pub(super) fn newest_observation(run: &Run) -> Result<(u32, Observed), VerifyError> {
    let folder = &run.folder;
    let is_complete = |n: &u32| is_look(&folder.observation(*n));
    let path = folder.path().to_path_buf();
    let Some(observation) = folder.observations().into_iter().rev().find(is_complete) else {
        return Err(VerifyError::NothingObserved { path });
    };
    let observed = load_observation(run, observation)?;
    // A `verify` that was interrupted after it sent has not seen what became of that.
    let segments = folder.segments()?.len() as u32;
    if observed.stats.segments.is_some_and(|known| known < segments) {
        return Err(VerifyError::NotObservedSince { path, observation });
    }
    Ok((observation, observed))
}

/// Reads an observation, which must be as it was written.
fn load_observation(run: &Run, n: u32) -> Result<Observed, FolderError> {
    let path = run.folder.observation(n);
    if run.format == FolderFormat::Sealed {
        check_look(&path)?;
    }
    Observed::load(&path)
}

/// Judges what was read. A ledger that cannot be read makes the verdict UNKNOWN, unless it is not as
/// it was written.
pub(super) fn judged(evidence: &Evidence) -> Result<Judgement, VerifyError> {
    try_judge(evidence).or_else(unread)
}

/// Makes the verdict on a ledger that cannot be read.
pub(super) fn unread(error: WalkError) -> Result<Judgement, VerifyError> {
    match error {
        WalkError::Ledger(altered @ LedgerError::Altered { .. }) => Err(altered.into()),
        error => Ok(undecided(Reason::LedgerUnread { reason: chain(&error) })),
    }
}
