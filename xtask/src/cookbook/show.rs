//! Table of the cookbook, in Markdown.

use std::time::Duration;

use super::recipe::Tried;

const HEAD: &str = "\
# Cookbook

`cargo xtask cookbook` runs each file of `targets/` with 600 events, of which 180 are repeats, against
a stand-in that answers as the API's documents say. The stand-in is sound once, and has one defect
once. Each run begins with an empty store.

| API | lines | sound | defect | with the defect | seconds |
| --- | ---: | --- | --- | --- | ---: |
";

/// Returns the page.
pub(super) fn page(tried: &[Tried]) -> String {
    let rows: String = tried.iter().map(row).collect();
    let right = tried.iter().filter(|one| one.fault().is_none()).count();
    let took: Duration = tried.iter().map(|one| one.took).sum();
    let seconds = took.as_secs_f64();
    format!("{HEAD}{rows}\n{right} of {} are as they have to be; {seconds:.0} s of runs.\n", tried.len())
}

fn row(tried: &Tried) -> String {
    let Tried { recipe, defect, lines, sound, defective, took } = tried;
    let name = recipe.name;
    let seconds = took.as_secs_f64();
    format!(
        "| [{name}](../targets/{name}.toml) | {lines} | {} | {defect} | {} | {seconds:.1} |\n",
        sound.short(),
        defective.short()
    )
}

/// Returns the line that tells of a recipe as it ends.
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
