//! `--verify`: the one place that calls the judge. Everything else that `loadgen` knows of a target it reads itself.

use truth::record::folder::RunFolder;

use crate::command::settings::Settings;
use crate::error::exit;

/// Has the run judged, if that was asked for and there is something to judge; tells the exit code of both.
pub(crate) async fn judge(settings: Settings, folder: &RunFolder, code: u8) -> u8 {
    if !settings.verify || !matches!(code, exit::RAN | exit::NO_ACK | exit::THRESHOLD) {
        return code;
    }
    let (path, url) = (folder.path().to_path_buf(), settings.scenario.target.url);
    let options = verify::Options::for_run(path, url, settings.database_url, settings.reach);
    let verdict = verify::run(options).await;
    if verdict == exit::RAN && code == exit::THRESHOLD { code } else { verdict }
}
