//! The probe, tried on an API as a stranger would: with the request of its owner, and with the
//! listing if it has one.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::recipe::{Behaviour, Recipe, SECRET, addressed, database, variables};
use crate::rig::programs::{Finished, Programs};
use crate::rig::scratch::Scratch;

/// Form of the secret in a path or query.
const ENCODED_SECRET: &str = "s3cret%2Fof%2Bthe%3Dcookbook";

/// Holes of a listing's URL without which it shows its first page.
const PAGING: [&str; 5] = ["{{offset", "{{page", "{{cursor", "{{from", "{{to"];

/// Words with which the line of a verdict begins.
const VERDICTS: [&str; 4] = ["PASS", "FAIL", "UNKNOWN", "VOID"];

/// Probe of an API, and the run of the file that it wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probed {
    /// Parts that the probe was given besides the request.
    pub given: Vec<&'static str>,
    pub entered: Entered,
    /// Sentence that says what is left to do; empty if nothing is.
    pub left: String,
}

/// Result of a probe.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Entered {
    /// The file was written, and a run of it passed.
    Runs,
    /// The file was written, and something is left to fill in.
    Written,
    /// No file was written.
    Nothing,
}

impl fmt::Display for Entered {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Runs => "runs as written",
            Self::Written => "written, to be completed",
            Self::Nothing => "not entered",
        })
    }
}

impl fmt::Display for Probed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joint = if self.left.is_empty() { "" } else { ": " };
        write!(out, "{}{joint}{}", self.entered, self.left)
    }
}

/// Knowledge of an API's owner, as the probe takes it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Known {
    /// URL of the listing, if one says it.
    listing: Option<String>,
    /// Scenario that is half filled in; empty if the URL is enough.
    half: String,
    /// Names of the parts, for the table.
    names: Vec<&'static str>,
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
        write(&request, &self.request(&text, &target.url(), programs)?)?;
        let mut args = vec!["probe", "--from", &request, "--out", &probed];
        let known = Known::of(&addressed(&text, &target.url(), &database(&folder)), &target.url());
        if let Some(url) = &known.listing {
            args.extend(["--listing", url]);
        }
        if !known.half.is_empty() {
            write(&half, &known.half)?;
            args.extend(["--scenario", &half]);
        }
        let probe = start("verify", args, &text, programs)?;
        let given = known.names;
        let said = last_line(&probe.stderr);
        let Ok(written) = std::fs::read_to_string(&probed) else {
            return Ok(Probed { given, entered: Entered::Nothing, left: said });
        };
        let run = ["--scenario", &probed, "--out", &results, "--count", "600", "--verify"];
        let variables = variables(&written).into_iter().map(|name| (name, SECRET.to_owned()));
        let run = programs.start_with("loadgen", run, variables)?.finish()?;
        Ok(match (probe.code, run.code) {
            (Some(0), Some(0)) => Probed { given, entered: Entered::Runs, left: String::new() },
            (Some(0), _) => {
                let is_verdict = |line: &&str| VERDICTS.iter().any(|verdict| line.starts_with(verdict));
                let verdict = run.stdout.lines().find(is_verdict);
                let left = verdict.unwrap_or(run.stderr.trim()).to_owned();
                Probed { given, entered: Entered::Written, left }
            }
            _ => {
                let left = said.split_once("; ").map_or(said.clone(), |(_, doubt)| doubt.to_owned());
                Probed { given, entered: Entered::Written, left }
            }
        })
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

/// Last line of a program's messages, without the folder of the run.
fn last_line(stderr: &str) -> String {
    let line = stderr.lines().last().unwrap_or_default();
    line.strip_prefix("verify probe: ").unwrap_or(line).to_owned()
}

impl Known {
    /// Returns what the owner of an API knows of it: where its events are listed, by a URL if one says
    /// it, which database holds them, and how requests are signed.
    fn of(text: &str, url: &str) -> Self {
        let mut known = Self::default();
        if let Some(listing) = table(text, "target.listing") {
            let has = |key: &str| listing.lines().any(|line| line.starts_with(&format!("{key} = ")));
            let path = listing.lines().find_map(|line| line.strip_prefix("path = \"")?.strip_suffix('"'));
            let is_plain = !has("method") && !has("body") && !has("url");
            let first = path.filter(|_| is_plain).map(|path| first_page(path, text));
            match first.filter(|first| !first.contains("{{")) {
                Some(first) => {
                    known.give("listing URL", |known| known.listing = Some(format!("{url}{first}")));
                }
                None => known.add("`[target.listing]`", &format!("[target.listing]\n{listing}")),
            }
        }
        if let Some(sign) = text.lines().find(|line| line.starts_with("sign = ")) {
            let signed = text.lines().filter(|line| line.contains("{{signature}}"));
            let headers: String = signed.map(|line| format!("{line}\n")).collect();
            let part = format!("[target.publish]\n{sign}\n\n[target.publish.headers]\n{headers}");
            known.add("`sign`", &part);
        }
        if let Some(database) = table(text, "database") {
            known.add("`[database]`", &format!("[database]\n{database}"));
        }
        known
    }

    fn give(&mut self, name: &'static str, what: impl FnOnce(&mut Self)) {
        self.names.push(name);
        what(self);
    }

    fn add(&mut self, name: &'static str, part: &str) {
        self.give(name, |known| known.half.push_str(&format!("{}\n\n", part.trim_end())));
    }
}

/// Returns the lines of a table.
fn table<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, table) = text.split_once(&format!("\n[{name}]\n"))?;
    Some(&table[..table.find("\n[").map_or(table.len(), |end| end + 1)])
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
        let by_url = Known::of(&listing(path), "http://t");
        assert_eq!(by_url.listing.as_deref(), Some("http://t/a b/e?limit=20"));
        assert_eq!((by_url.half.as_str(), by_url.names), ("", vec!["listing URL"]));
        let asked = format!("method = \"POST\"\n{path}");
        let described = Known::of(&listing(&asked), "http://t");
        assert_eq!((described.listing, described.half), (None, format!("[target.listing]\n{asked}\n\n")));
    }

    #[test]
    fn an_owner_knows_the_database_and_the_signature() {
        let text = "name = \"a\"\n\n[target.publish]\nsign = { as = \"hex\" }\n\n[target.publish.headers]\n\
                    x-id = \"{{event_id}}\"\nx-sig = \"{{signature}}\"\n\n[database]\nquery = \"q\"\n";
        let known = Known::of(text, "http://t");
        let expected = "[target.publish]\nsign = { as = \"hex\" }\n\n[target.publish.headers]\n\
                        x-sig = \"{{signature}}\"\n\n[database]\nquery = \"q\"\n\n";
        assert_eq!((known.listing, known.half.as_str()), (None, expected));
        assert_eq!(known.names, ["`sign`", "`[database]`"]);
        assert_eq!(Known::of("name = \"a\"\n", "http://t"), Known::default());
    }
}
