//! `verify probe`: meets a target that nobody described, sends it a handful of events, and writes the scenario that fits
//! what it saw, each line with its evidence.
//!
//! Asking (`asking`) and guessing are apart: `answers`, `counters` and `rows` are plain functions of what was
//! answered. What was not seen is not claimed: promises that a few events cannot show are left at what blames nobody.

use std::path::PathBuf;

use clap::Args;
use reader::client::{ClientError, TargetClient};
use reader::reach::{Reach, SecretError};
use thiserror::Error;
use truth::chain::chain;
use truth::exit;
use truth::files::{FolderError, write_whole};
use truth::scenario::Scenario;
use truth::target::{Target, TargetError};

use crate::probe::asking::Asker;
use crate::probe::draft::Draft;

mod answers;
mod asking;
mod counters;
mod draft;
mod listing;
mod publish;
mod rows;

const AFTER_HELP: &str = "\
`verify probe --help` shows all settings and the exit codes.

Example: verify probe http://127.0.0.1:8080 && loadgen --scenario onceproof.toml --verify";

const AFTER_LONG_HELP: &str = "\
The scenario is written to --out and printed. A comment above each key says what was seen: read it before you run it.

Exit codes:
  0    a scenario was written that can run
  2    usage or configuration
  3    the target was not described well enough; standard error says what to fill in
  5    the target was not reached

Example: verify probe http://127.0.0.1:8080 && loadgen --scenario onceproof.toml --verify";

/// Flags of `verify probe`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub struct ProbeOptions {
    /// URL of the target, with or without its publish path
    #[arg(value_name = "URL")]
    pub url: String,

    /// Scenario file to write
    #[arg(long, value_name = "FILE", default_value = "onceproof.toml")]
    pub out: PathBuf,

    /// Topic of the events
    #[arg(long, value_name = "NAME", default_value = "onceproof-probe")]
    pub topic: String,

    /// Flags that say how the target is reached.
    #[command(flatten)]
    pub reach: Reach,
}

/// Why there is no scenario.
#[derive(Debug, Error)]
enum ProbeError {
    /// The URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// The target cannot be asked as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret is not to be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The file is there already.
    #[error("{} is there already; remove it, or name another file with --out", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// Nothing answers.
    #[error("cannot reach {url}: is it running? nothing was sent: {reason}")]
    Unreachable {
        /// The target.
        url: String,
        /// What came instead.
        reason: String,
    },
    /// Too little was understood.
    #[error(
        "no way to publish an event was found: {tried}; name the path in the URL, or copy scenarios/default.toml and describe the target in it"
    )]
    NoWayIn {
        /// What was tried, and what came of it.
        tried: String,
    },
    /// What was written is not understood by ourselves.
    #[error("what was found makes no scenario: {reason}; nothing was written")]
    Unusable {
        /// Why.
        reason: String,
    },
}

/// What came of a probe.
struct Probed {
    /// The scenario.
    text: String,
    /// What was looked for in vain, with the settings that say where it is.
    missing: Vec<String>,
    /// Whether the target can be read back at all.
    can_be_judged: bool,
}

impl ProbeError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Mapping(_) | Self::Client(_) | Self::Secret(_) | Self::Exists { .. } | Self::Folder(_) => {
                exit::USAGE
            }
            Self::NoWayIn { .. } | Self::Unusable { .. } => exit::INCOMPLETE,
            Self::Unreachable { .. } => exit::UNREACHABLE,
        }
    }
}

/// Probes a target, and returns the exit code; everything is printed.
pub async fn run(options: &ProbeOptions) -> u8 {
    match probe(options).await {
        Ok(probed) => {
            crate::print::print(&probed.text);
            let out = options.out.display();
            for missing in &probed.missing {
                eprintln!("not found: {missing}");
            }
            if !probed.can_be_judged {
                eprintln!(
                    "written to {out}; nothing shows what the target stored, so fill that in before a run can be judged"
                );
                return exit::INCOMPLETE;
            }
            eprintln!("written to {out}; next: loadgen --scenario {out} --verify");
            exit::OK
        }
        Err(error) => {
            eprintln!("verify probe: {}", chain(&error));
            error.exit_code()
        }
    }
}

async fn probe(options: &ProbeOptions) -> Result<Probed, ProbeError> {
    if options.out.exists() {
        return Err(ProbeError::Exists { path: options.out.clone() });
    }
    let (mut target, named_path) = base(&options.url)?;
    options.reach.outrank(&mut target.connect);
    let client = TargetClient::new(&target, &options.reach.all_headers()?, &options.reach.proxy_login()?)?;
    let mut asker = Asker::new(client, options.topic.clone());
    if let Some(reason) = asker.unreachable_because().await {
        return Err(ProbeError::Unreachable { url: target.url, reason });
    }
    eprintln!("sending some ten events of topic `{}` to {}", options.topic, target.url);
    let mut draft = Draft::new(&target);
    let before = counters::first_look(&asker).await;
    let way_in = publish::find(&mut asker, named_path.as_deref()).await;
    let way_in = way_in.map_err(|tried| ProbeError::NoWayIn { tried })?;
    publish::say(&way_in, &mut draft);
    let sent = publish::send_all(&mut asker, &way_in).await;
    answers::say(&sent, &mut draft);
    let listed = listing::find(&asker, &way_in, &sent).await;
    let seen_at_once = listed.as_ref().ok().map(|listed| listed.at_once);
    let uncounted = counters::say(&asker, before, &sent, &mut draft).await;
    listing::say(listed.as_ref(), &mut draft);
    publish::say_promises(&sent, seen_at_once, &mut draft);
    let text = draft.text();
    let understood = Scenario::parse(&text, &options.out.display().to_string());
    let understood = understood.and_then(|scenario| scenario.plan(1, 1));
    understood.map_err(|error| ProbeError::Unusable { reason: chain(&error) })?;
    write_whole(&options.out, text.as_bytes())?;
    let counters =
        (!uncounted.is_empty()).then(|| format!("counters (target.stats: {})", uncounted.join(", ")));
    let listing = listed.as_ref().err().map(|seen| format!("a listing (target.listing: path, rows); {seen}"));
    let can_be_judged = listed.is_ok() || !uncounted.contains(&"unique");
    Ok(Probed { text, missing: counters.into_iter().chain(listing).collect(), can_be_judged })
}

/// The base URL, and the publish path where the URL named one.
fn base(text: &str) -> Result<(Target, Option<String>), TargetError> {
    let mut target = Target::default();
    target.set_url(text)?;
    let prefix = target.endpoint()?.prefix;
    let has_publish = text.trim().trim_end_matches('/').ends_with("/publish");
    let named = match (prefix.as_str(), has_publish) {
        (_, true) => Some("/publish".to_owned()),
        ("", false) => None,
        (prefix, false) => Some(prefix.to_owned()),
    };
    if named.as_deref() == Some(prefix.as_str()) {
        target.url.truncate(target.url.len() - prefix.len());
    }
    Ok((target, named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_url_is_the_way_in() {
        for (text, url, named) in [
            ("localhost:8080", "http://localhost:8080", None),
            ("http://localhost:8080/publish", "http://localhost:8080", Some("/publish")),
            ("http://localhost:8080/v1/ingest/", "http://localhost:8080", Some("/v1/ingest")),
        ] {
            let (target, path) = base(text).unwrap();
            assert_eq!((target.url.as_str(), path.as_deref()), (url, named), "{text}");
        }
    }
}
