//! Programs on the PATH: those of another version would read folders of another form.

use std::path::PathBuf;
use std::process::Command;

use reader::invocation::Program;

use super::finding::Finding;

/// Compares the programs on the PATH with this one.
pub(super) fn look() -> Finding {
    let names = Program::ALL.map(Program::name);
    let found = names.into_iter().chain(["onceproof"]).filter_map(|name| Some((name, version(name)?)));
    compare(&found.collect::<Vec<_>>())
}

fn compare(found: &[(&str, String)]) -> Finding {
    const NAME: &str = "versions";
    let own = env!("CARGO_PKG_VERSION");
    let others: Vec<String> = found
        .iter()
        .filter(|(name, version)| *version != format!("{name} {own}"))
        .map(|(name, version)| format!("`{name} --version` prints {version:?}"))
        .collect();
    let this = format!("onceproof {own} for {}-{}", std::env::consts::ARCH, std::env::consts::OS);
    if others.is_empty() {
        let same: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
        let same = if same.is_empty() { "none".to_owned() } else { same.join(", ") };
        return Finding::ok(NAME, format!("{this}; on the PATH with this version: {same}"));
    }
    let remedy = "programs of one version belong together: install them anew, or name them with their folder";
    Finding::warning(NAME, format!("{this}; {}", others.join("; ")), remedy)
}

/// Returns the first line that a program on the PATH prints about its version.
fn version(name: &str) -> Option<String> {
    let output = Command::new(on_path(name)?).arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.lines().next().unwrap_or_default().chars().take(80).collect())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_another_version_are_told_and_those_of_this_one_listed() {
        let own = |name: &'static str| (name, format!("{name} {}", env!("CARGO_PKG_VERSION")));
        let same = compare(&[own("loadgen"), own("verify")]);
        assert!(!same.is_warning() && same.to_string().ends_with("loadgen, verify"), "{same}");
        let other = compare(&[own("loadgen"), ("verify", "verify 0.1.0".to_owned())]);
        assert!(other.is_warning() && other.to_string().contains("\"verify 0.1.0\""), "{other}");
        assert!(!compare(&[]).is_warning());
    }
}
