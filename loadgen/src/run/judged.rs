//! `--verify`: the only module that calls `verify`, which judges the run that has just ended.

use truth::record::folder::RunFolder;

use super::outcome::Outcome;
use crate::command::settings::Settings;
use crate::watch::notice::Notices;

/// Judges the run if that was asked for and there is something to judge; returns the exit code of
/// both.
pub(super) async fn judge(settings: Settings, folder: &RunFolder, outcome: Outcome, notices: Notices) -> u8 {
    if !settings.verify || !outcome.is_judged() {
        return outcome.code();
    }
    let looking = settings.looking;
    let folder = folder.path().to_path_buf();
    let url = settings.load.scenario.target.url;
    let target = settings.target;
    // Whoever loads a target and has it judged does not mind a few events more.
    let sentinels = true;
    let options =
        verify::Options::for_run(folder, url, target.database_url, target.reach, looking, sentinels);
    let options = verify::Options { quiet: notices.is_quiet(), ..options };
    outcome.code_with(verify::run(options).await)
}
