//! The probe, tried on an API as a stranger would: with the request of its owner, and with the
//! listing if it has one.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::recipe::{Behaviour, Recipe, SECRET, variables};
use crate::rig::programs::{Finished, Programs};
use crate::rig::scratch::Scratch;

/// Form of the secret in a path or query.
const ENCODED_SECRET: &str = "s3cret%2Fof%2Bthe%3Dcookbook";

/// Holes of a listing's URL without which it shows its first page.
const PAGING: [&str; 5] = ["{{offset", "{{page", "{{cursor", "{{from", "{{to"];

/// Result of the probe of an API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Probed {
    /// The file was written, and a run of it passed.
    Runs,
    /// The file was written, and something is left to fill in.
    Written,
    /// No file was written.
    Nothing,
}

impl fmt::Display for Probed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Runs => "runs as written",
            Self::Written => "written, to be completed",
            Self::Nothing => "not entered",
        })
    }
}

/// Way to see what an API stores, as its owner gives it to the probe.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    Listing(String),
    /// Part of a scenario file, for a listing that no URL says.
    Described(String),
    Nothing,
}

impl Recipe {
    /// Probes the sound stand-in, and runs the file that the probe wrote.
    pub fn probed(&self, programs: &Programs) -> Result<Probed> {
        let folder = Scratch::new()?;
        let target = self.start(Behaviour::Sound, &folder, programs)?;
        let text = self.text()?;
        let path = |name: &str| folder.path().join(name).display().to_string();
        let [request, half, probed, results] =
            ["request.http", "half.toml", "probed.toml", "results"].map(path);
        let given = self.request(&text, &target.url(), programs)?;
        write(&request, &given)?;
        let mut args = vec!["probe", "--from", &request, "--out", &probed];
        let seen = seen(&text, &target.url());
        match &seen {
            Seen::Listing(url) => args.extend(["--listing", url]),
            Seen::Described(part) => {
                write(&half, part)?;
                args.extend(["--scenario", &half]);
            }
            Seen::Nothing => {}
        }
        let probe = start("verify", args, &text, programs)?;
        let Ok(written) = std::fs::read_to_string(&probed) else { return Ok(Probed::Nothing) };
        let run = ["--scenario", &probed, "--out", &results, "--count", "600", "--verify"];
        let login = given.lines().find_map(|line| Some(line.split_once(": Basic ")?.1));
        let value = |name: &str| match written.contains(&format!("Basic {{{{env:{name}}}}}")) {
            true => login.unwrap_or(SECRET).to_owned(),
            false => SECRET.to_owned(),
        };
        let variables = variables(&written).into_iter().map(|name| (name.clone(), value(&name)));
        let run = programs.start_with("loadgen", run, variables)?.finish()?;
        let is_whole = probe.code == Some(0) && run.code == Some(0);
        Ok(if is_whole { Probed::Runs } else { Probed::Written })
    }

    /// Returns the first request of a run, with its secrets, as an `.http` file.
    fn request(&self, text: &str, url: &str, programs: &Programs) -> Result<String> {
        let file = self.file().display().to_string();
        let mut args = vec!["plan", "--scenario", &file, "--target", url];
        if !text.contains("load.batch = 1\n") {
            args.extend(["--batch", "3"]);
        }
        let planned = start("loadgen", args, text, programs)?;
        let shown = planned.stdout.split_once("round 0, request 0\n");
        let (_, shown) = shown.with_context(|| format!("no request is planned: {}", planned.stderr))?;
        let shown = shown.split("\nround 0, request 1\n").next().unwrap_or(shown);
        let (head, body) = shown.split_once("\n\n").unwrap_or((shown, ""));
        let mut lines = head.lines();
        let first = with_secrets(lines.next().unwrap_or_default(), text, ENCODED_SECRET);
        let mut words = first.split(' ');
        let [method, path] = [words.next(), words.next()].map(Option::unwrap_or_default);
        let fields = lines.filter(|line| !line.to_ascii_lowercase().starts_with("host:"));
        let fields: String = fields.map(|line| format!("{line}\n")).collect();
        let rest = with_secrets(&format!("{fields}\n{body}"), text, SECRET);
        Ok(format!("{method} {url}{path}\n{rest}"))
    }
}

/// Runs a program with the variables that a text names.
fn start(program: &str, args: Vec<&str>, text: &str, programs: &Programs) -> Result<Finished> {
    let variables = variables(text).into_iter().map(|name| (name, SECRET.to_owned()));
    programs.start_with(program, args, variables)?.finish()
}

fn write(path: &str, text: &str) -> Result<()> {
    std::fs::write(Path::new(path), text).with_context(|| format!("cannot write {path}"))
}

/// Returns a text with a secret in place of the names that a plan shows. `scenario` has the names.
fn with_secrets(text: &str, scenario: &str, secret: &str) -> String {
    let packed = STANDARD.encode(SECRET);
    variables(scenario).iter().fold(text.to_owned(), |text, name| {
        text.replace(&format!("{{{{env:{name}|base64}}}}"), &packed)
            .replace(&format!("{{{{env:{name}}}}}"), secret)
    })
}

/// Returns how the owner of an API would say where its events are listed.
fn seen(text: &str, url: &str) -> Seen {
    let Some((_, listing)) = text.split_once("\n[target.listing]\n") else { return Seen::Nothing };
    let end = listing.find("\n[").map_or(listing.len(), |end| end + 1);
    let listing = &listing[..end];
    let has = |key: &str| listing.lines().any(|line| line.starts_with(&format!("{key} = ")));
    let path = listing.lines().find_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
    let described =
        || Seen::Described(format!("[target.listing]\n{}", listing.replace("https://", "http://")));
    match path {
        Some(path) if !has("method") && !has("body") && !has("url") => {
            let first = first_page(path, text);
            if first.contains("{{") { described() } else { Seen::Listing(format!("{url}{first}")) }
        }
        _ => described(),
    }
}

/// Returns the path of a listing's first page.
fn first_page(path: &str, text: &str) -> String {
    let topics = text.split_once("topics = [\"").and_then(|(_, rest)| rest.split('"').next());
    let path = path
        .replace("{{limit}}", "20")
        .replace("{{topic}}", topics.unwrap_or("auth"))
        .replace("{{source}}", "loadgen");
    let (place, query) = path.split_once('?').unwrap_or((&path, ""));
    let is_paging = |part: &&str| PAGING.iter().any(|hole| part.contains(hole));
    let kept: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !is_paging(part)).collect();
    let mark = if kept.is_empty() { "" } else { "?" };
    variables(text).iter().fold(format!("{place}{mark}{}", kept.join("&")), |path, name| {
        path.replace(&format!("{{{{env:{name}}}}}"), ENCODED_SECRET)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_filled_in_as_they_are_and_in_base64() {
        let scenario = "a = \"{{env:KEY}}\"";
        assert_eq!(with_secrets("x: {{env:KEY}}", scenario, SECRET), format!("x: {SECRET}"));
        assert_eq!(with_secrets("/{{env:KEY}}/e", scenario, ENCODED_SECRET), format!("/{ENCODED_SECRET}/e"));
        let expected = format!("Basic {}", STANDARD.encode(SECRET));
        assert_eq!(with_secrets("Basic {{env:KEY|base64}}", scenario, SECRET), expected);
    }

    #[test]
    fn a_listing_is_a_url_of_its_first_page_unless_no_url_says_it() {
        let listing =
            |keys: &str| format!("events.topics = [\"a b\"]\n\n[target.listing]\n{keys}\n\n[promises]\n");
        let path = "path = \"/{{topic}}/e?limit={{limit}}&page={{page}}\"";
        let expected = Seen::Listing("http://t/a b/e?limit=20".to_owned());
        assert_eq!(seen(&listing(path), "http://t"), expected);
        let asked = format!("method = \"POST\"\n{path}");
        let expected = Seen::Described(format!("[target.listing]\n{asked}\n\n"));
        assert_eq!(seen(&listing(&asked), "http://t"), expected);
        assert_eq!(seen("[database]\n", "http://t"), Seen::Nothing);
    }
}
