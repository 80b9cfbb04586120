//! Outputs of a judgement: the files of the run folder, standard output, and the summary where a CI
//! system wants it.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use judge::evidence::{Evidence, Run};
use judge::verdict::{Judgement, Verdict};
use reader::console::{print_result, say};
use reader::environment::variable;
use reader::invocation::{Program, called};
use report::html::{self, Material};
use report::{json, junit, markdown, text};
use truth::chain::chain;
use truth::exit;
use truth::files::{FolderError, read_json, write_json, write_to, write_whole};
use truth::plan::shard::Shard;
use truth::record::ending::CheckedThreshold;
use truth::record::folder::RunFolder;

use super::commands;
use crate::cli::{Format, Options};

/// Judgement whose files are written.
pub(super) struct Finished {
    pub(super) verdict: Judgement,
    /// The judgement as a page; none if its material could not be read.
    page: Option<Page>,
}

/// The judgement as a page, and what the summary takes from its material.
struct Page {
    text: String,
    cause: Option<&'static str>,
}

/// Completes a judgement, and writes the files of the run folder. A file that cannot be written
/// changes no verdict.
pub(super) fn finish(
    mut verdict: Judgement,
    observation: u32,
    runs: &[Run],
    evidence: &Evidence,
) -> Finished {
    let manifest = &runs[0].manifest;
    verdict.observation = observation;
    verdict.runs = runs.iter().map(|run| run.folder.path().display().to_string()).collect();
    if verdict.target.is_empty() {
        verdict.target.clone_from(&manifest.scenario.target.url);
    }
    verdict.rerun = commands::rerun(&manifest.rerun, manifest.shard.of, &called(Program::Loadgen));
    verdict.called = called(Program::Verify);
    let folder = &runs[0].folder;
    tell_of_failure_before(&verdict, folder);
    let thresholds = thresholds(runs);
    let page = thresholds.as_ref().ok().and_then(|all| page(&verdict, runs, evidence, all.clone()));
    let written = write_json(&folder.file("verdict.json"), &verdict).and_then(|()| {
        let junit = junit::render(&verdict, &thresholds?);
        write_whole(&folder.file("junit.xml"), junit.as_bytes())?;
        page.as_ref().map_or(Ok(()), |page| write_whole(&folder.file(html::FILE), page.text.as_bytes()))
    });
    warn_unwritten(written, folder.path());
    Finished { verdict, page }
}

fn page(
    verdict: &Judgement,
    runs: &[Run],
    evidence: &Evidence,
    thresholds: Vec<CheckedThreshold>,
) -> Option<Page> {
    match Material::gather(verdict, evidence, runs, thresholds) {
        Ok(material) => {
            let cause = html::likely_cause(verdict, &material);
            Some(Page { text: html::render(verdict, &material), cause })
        }
        Err(error) => {
            say(&format!("warning: cannot write {}: {}", html::FILE, chain(&error)));
            None
        }
    }
}

/// Prints a judgement, writes what the options and the environment ask for besides, and returns the
/// exit code.
pub(super) fn print(options: &Options, finished: &Finished) -> u8 {
    let verdict = &finished.verdict;
    let cause = finished.page.as_ref().and_then(|page| page.cause);
    let printed = match options.format {
        Format::Text if options.premises => {
            format!("{}\n{}", text::render(verdict), text::premise_table(verdict))
        }
        Format::Text => text::render(verdict),
        Format::Json => format!("{}\n", json::render(verdict)),
        Format::Markdown => markdown::render(verdict, cause),
    };
    let code = print_result(&printed, verdict.verdict.exit_code());
    tell_ci(verdict, cause);
    match &options.report {
        Some(path) => write_page(path, finished.page.as_ref(), code),
        None => code,
    }
}

/// Writes the page to the path that was asked for. If that fails, the exit code says so.
fn write_page(path: &Path, page: Option<&Page>, code: u8) -> u8 {
    let Some(page) = page else { return exit::unprinted(code) };
    match write_to(path, page.text.as_bytes()) {
        Ok(()) => code,
        Err(error) => {
            say(&format!("error: {}", chain(&error)));
            exit::unprinted(code)
        }
    }
}

/// Adds the judgement to the summary of a CI step, and annotates its run.
fn tell_ci(verdict: &Judgement, cause: Option<&str>) {
    if let Some(path) = variable("GITHUB_STEP_SUMMARY") {
        let file = File::options().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(markdown::render(verdict, cause).as_bytes()));
        if let Err(error) = written {
            say(&format!("warning: cannot write the summary to {path} (GITHUB_STEP_SUMMARY): {error}"));
        }
    }
    if variable("GITHUB_ACTIONS").as_deref() == Some("true") {
        markdown::annotations(verdict).iter().for_each(|line| say(line));
    }
}

/// Returns the thresholds of the loads, which each run has checked.
fn thresholds(runs: &[Run]) -> Result<Vec<CheckedThreshold>, FolderError> {
    let mut all = Vec::new();
    for run in runs {
        let Shard { index, of } = run.manifest.shard;
        let named = |mut checked: CheckedThreshold| {
            if of > 1 {
                checked.threshold.push_str(&format!(" (shard {index}/{of})"));
            }
            checked
        };
        all.extend(CheckedThreshold::read_all(&run.folder)?.into_iter().map(named));
    }
    Ok(all)
}

/// Says if an earlier observation was a FAIL and this one is not: the verdict does not count it,
/// but it was seen.
fn tell_of_failure_before(verdict: &Judgement, folder: &RunFolder) {
    let Ok(before) = read_json::<Judgement>(&folder.file("verdict.json")) else { return };
    let is_another = before.observation != verdict.observation;
    if is_another && before.verdict == Verdict::Fail && verdict.verdict != Verdict::Fail {
        let reason = before.reasons.first().map(ToString::to_string).unwrap_or_default();
        say(&format!(
            "warning: observation {} was a FAIL ({reason}); this one does not show it",
            before.observation
        ));
    }
}

pub(super) fn warn_unwritten(written: Result<(), FolderError>, folder: &Path) {
    if let Err(error) = written {
        say(&format!("warning: cannot write the results to {}: {}", folder.display(), chain(&error)));
    }
}
