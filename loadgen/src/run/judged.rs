//! `--verify`: the only module that calls `verify`, which judges the run that has just ended.

use std::path::Path;
use std::process::{Command, Stdio};

use reader::environment::variable;
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
    let page = folder.file(verify::REPORT);
    let is_opened = settings.open;
    let folder = folder.path().to_path_buf();
    let url = settings.load.scenario.target.url;
    let target = settings.target;
    // Whoever loads a target and has it judged does not mind a few events more.
    let sentinels = true;
    let options =
        verify::Options::for_run(folder, url, target.database_url, target.reach, looking, sentinels);
    let options = verify::Options { quiet: notices.is_quiet(), ..options };
    let code = outcome.code_with(verify::run(options).await);
    if is_opened {
        open(&page, notices);
    }
    code
}

/// Opens the page of a verdict in the user's browser. Without a display, it prints the page's path.
fn open(page: &Path, notices: Notices) {
    let shown = page.display();
    if !page.exists() {
        return notices.warn(&format!("{shown} was not written, so it cannot be opened"));
    }
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(|name| variable(name).is_some());
    if !has_display {
        return notices.say(&format!("no display to open it on: {shown}"));
    }
    let opened = Command::new("xdg-open").arg(page).stdin(Stdio::null()).stdout(Stdio::null()).status();
    match opened {
        Ok(status) if status.success() => {}
        Ok(status) => notices.warn(&format!("xdg-open cannot open {shown}: {status}")),
        Err(error) => notices.warn(&format!("xdg-open cannot open {shown}: {error}")),
    }
}
