//! Files of `targets/`, each against the stand-in for its API: the sound one passes, and the defect
//! of the other is named.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use xtask::cookbook::recipe::{ALL, Behaviour, Recipe, SECRET, Tried, defects, folder, variables};
use xtask::cookbook::try_all;
use xtask::matrix::work::side_by_side;
use xtask::rig::interrupt::Interrupt;
use xtask::rig::programs::{Profile, Programs};

/// Recipes side by side: few enough that a run of a second takes a second.
const SIDE_BY_SIDE: usize = 3;

/// Longest file, in lines.
const LONGEST: usize = 40;

/// APIs whose stand-ins repeat credentials: in a bearer token, in a name and password, in a header
/// of their own, in the body, in a path, and as a signature.
const ECHOING: [&str; 6] = ["stripe", "couchdb", "elasticsearch-bulk", "posthog", "svix", "github-webhook"];

fn programs() -> Programs {
    Programs::built(Profile::Debug, &Interrupt::never()).unwrap()
}

fn recipe(name: &str) -> &'static Recipe {
    ALL.iter().find(|recipe| recipe.name == name).unwrap()
}

#[test]
fn each_file_passes_against_a_sound_standin_and_names_the_defect_of_the_other() {
    let all: Vec<&Recipe> = ALL.iter().collect();
    let tried = try_all(&all, SIDE_BY_SIDE, &programs()).unwrap();
    let wrong: Vec<String> = tried.iter().filter_map(Tried::fault).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(tried.len(), ALL.len());
}

#[test]
fn every_file_has_a_standin_and_every_standin_a_file() {
    let files = folder().read_dir().unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let recipes: BTreeSet<String> = ALL.iter().map(|recipe| recipe.name.to_owned()).collect();
    let standins: BTreeSet<String> = defects(&programs()).unwrap().into_keys().collect();
    assert_eq!(files, recipes);
    assert_eq!(files, standins);
    let page = std::fs::read_to_string(folder().join("../docs/targets.md")).unwrap();
    let untold: Vec<&String> = files.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(untold.is_empty(), "docs/targets.md does not name {untold:?}");
    assert!(page.contains(&format!("has {} finished files", files.len())));
}

#[test]
fn every_file_is_short_says_what_it_is_and_can_run() {
    let programs = programs();
    for recipe in &ALL {
        let text = recipe.text().unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.len() <= LONGEST, "{} has {} lines", recipe.name, lines.len());
        assert!(
            lines[0].starts_with("# ") && lines[1].starts_with("# https://"),
            "{}: {lines:?}",
            recipe.name
        );
        assert!(text.contains(&format!("\nname = \"{}\"\n", recipe.name)), "{}", recipe.name);
        let checked = programs.run("loadgen", ["check", recipe.file().to_str().unwrap()]).unwrap();
        assert_eq!(checked.code, Some(0), "{}: {}", recipe.name, checked.stderr);
    }
}

/// Returns a part of each form in which the secret may stand.
fn forms() -> [String; 4] {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    [SECRET.to_owned(), "s3cret%2Fof%2Bthe%3Dcookbook".to_owned(), base64(SECRET)[..16].to_owned(), {
        base64(&format!("user:{SECRET}"))[8..24].to_owned()
    }]
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn no_secret_that_a_target_repeats_is_in_the_run_folder_or_on_the_screen() {
    let programs = programs();
    side_by_side(ECHOING, SIDE_BY_SIDE, |name| {
        let recipe = recipe(name);
        assert!(!variables(&recipe.text()?).is_empty(), "{name} has no secret");
        let judged = recipe.judged(Behaviour::Echo, &programs)?;
        let results = judged.folder.path().join("results");
        let found = files(&results);
        assert!(found.len() > 8, "{name}: {found:?} {}", judged.finished.stderr);
        let mut texts: Vec<(String, String)> = found
            .iter()
            .map(|path| {
                (
                    path.display().to_string(),
                    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned(),
                )
            })
            .collect();
        // The refusals were seen, so that an excerpt of one is kept.
        assert!(texts.iter().any(|(_, text)| text.contains("refused")), "{name}: no excerpt of a refusal");
        texts.push(("stdout".to_owned(), judged.finished.stdout));
        texts.push(("stderr".to_owned(), judged.finished.stderr));
        for (place, text) in &texts {
            let shown = forms().into_iter().find(|form| text.contains(form.as_str()));
            assert_eq!(shown, None, "{name}: {place}");
        }
        Ok(())
    })
    .unwrap();
}
