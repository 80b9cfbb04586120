//! Table of the cookbook, in Markdown.

use std::time::Duration;

use super::probed::{Entered, Probed};
use super::recipe::Tried;

const HEAD: &str = "\
# Cookbook

`cargo xtask cookbook` runs each file of `targets/` with 600 events, of which 180 are repeats, against
a stand-in that responds as the API's documentation says. Each file has two runs: one against a sound
stand-in, and one against a stand-in with one defect. Each run begins with an empty store. Then
`verify probe --from` gets the first request of the file, and what its owner knows besides: the URL of
the listing, or the table that describes it, the database, and how requests are signed. The scenario
that it writes is run, too.

| API | lines | sound | defect | with the defect | seconds | given to the probe | probe |
| --- | ---: | --- | --- | --- | ---: | --- | --- |
";

/// Returns the page. `probed` has the result of the probe for each recipe.
pub(super) fn page(tried: &[Tried], probed: &[Probed]) -> String {
    let rows: String = tried.iter().zip(probed).map(|(tried, probed)| row(tried, probed)).collect();
    let right = tried.iter().filter(|one| one.fault().is_none()).count();
    let took: Duration = tried.iter().map(|one| one.took).sum();
    let seconds = took.as_secs_f64();
    let runs = probed.iter().filter(|one| one.entered == Entered::Runs).count();
    format!(
        "{HEAD}{rows}\n{right} of {} have the expected verdicts; all runs took {seconds:.0} s together. The \
         probe's file of {runs} runs as written.\n",
        tried.len()
    )
}

fn row(tried: &Tried, probed: &Probed) -> String {
    let Tried { recipe, defect, lines, sound, defective, took } = tried;
    let name = recipe.name;
    let seconds = took.as_secs_f64();
    let given = if probed.given.is_empty() { "nothing".to_owned() } else { probed.given.join(", ") };
    let probed = probed.to_string().replace('|', "\\|");
    format!(
        "| [{name}](../targets/{name}.toml) | {lines} | {} | {defect} | {} | {seconds:.1} | {given} | {probed} |\n",
        sound.short(),
        defective.short()
    )
}

/// Returns the line that is printed when a recipe ends.
pub(super) fn line(tried: &Tried) -> String {
    let word = if tried.fault().is_none() { "right" } else { "WRONG" };
    let Tried { recipe, sound, defective, took, .. } = tried;
    format!(
        "{word}  {:<24} {:<10} {:<30} {:5.1} s",
        recipe.name,
        sound.short(),
        defective.short(),
        took.as_secs_f64()
    )
}
