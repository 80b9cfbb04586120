//! `verify probe`: sends about ten events to an unknown target, and writes a scenario that
//! describes it, with a comment above each key that says what was seen.
//!
//! Requests (`asking`) and conclusions are separate: `answers`, `counters` and `rows` are plain
//! functions of responses. A promise that a few events cannot show keeps the value that can never
//! make a verdict FAIL.

use std::path::PathBuf;

use clap::Args;
use reader::client::{ClientError, TargetClient};
use reader::console::{print_result, say};
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

/// Reason why there is no scenario.
#[derive(Debug, Error)]
enum ProbeError {
    /// The URL cannot be used.
    #[error(transparent)]
    Mapping(#[from] TargetError),
    /// The target cannot be reached as it is described.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A secret cannot be used.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The file exists.
    #[error("{} exists already; remove it, or name another file with --out", path.display())]
    Exists {
        /// File.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The target cannot be reached.
    #[error("cannot reach {url}, so nothing was sent: {reason}; is the target running?")]
    Unreachable {
        /// URL of the target.
        url: String,
        /// Cause.
        reason: String,
    },
    /// No request with an event was accepted.
    #[error(
        "no way to publish an event was found: {tried}; add the publish path to the URL, or describe the target in a copy of scenarios/default.toml"
    )]
    NoWayIn {
        /// First requests with their responses.
        tried: String,
    },
    /// The scenario is not valid.
    #[error(
        "the result is not a valid scenario, which is a defect of this program: {reason}; nothing was written"
    )]
    Unusable {
        /// Cause.
        reason: String,
    },
}

/// Result of a probe.
struct Probed {
    /// Scenario.
    text: String,
    /// Parts that were not found, with the keys to fill in.
    missing: Vec<String>,
    /// True if something shows what the target stored.
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

/// Probes a target, prints the scenario, and returns the exit code.
pub async fn run(options: &ProbeOptions) -> u8 {
    match probe(options).await {
        Ok(probed) => {
            let out = options.out.display();
            for missing in &probed.missing {
                say(&format!("not found: {missing}"));
            }
            let code = if probed.can_be_judged {
                say(&format!("written to {out}; next: loadgen --scenario {out} --verify"));
                exit::OK
            } else {
                say(&format!(
                    "written to {out}; nothing shows what the target stored: fill in what was not found, then a run \
                     can be judged"
                ));
                exit::INCOMPLETE
            };
            print_result(&probed.text, code)
        }
        Err(error) => {
            say(&format!("verify probe: {}", chain(&error)));
            error.exit_code()
        }
    }
}

async fn probe(options: &ProbeOptions) -> Result<Probed, ProbeError> {
    if options.out.exists() {
        return Err(ProbeError::Exists { path: options.out.clone() });
    }
    let Named { mut target, path } = named(&options.url)?;
    options.reach.outrank(&mut target.connect);
    let client = TargetClient::new(&target, &options.reach.all_headers()?, &options.reach.proxy_login()?)?;
    let mut asker = Asker::new(client, options.topic.clone());
    if let Some(reason) = asker.unreachable_because().await {
        return Err(ProbeError::Unreachable { url: target.url, reason });
    }
    say(&format!("sending about ten events of topic `{}` to {}", options.topic, target.url));
    let mut draft = Draft::new(&target);
    let before = counters::first_look(&asker).await;
    let way_in = publish::find(&mut asker, path.as_deref()).await;
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

/// Target that the command line names.
struct Named {
    target: Target,
    /// Publish path, if the URL has one.
    path: Option<String>,
}

fn named(url: &str) -> Result<Named, TargetError> {
    let mut target = Target::default();
    target.set_url(url)?;
    let prefix = target.endpoint()?.prefix;
    let has_publish = url.trim().trim_end_matches('/').ends_with("/publish");
    let path = match (prefix.as_str(), has_publish) {
        (_, true) => Some("/publish".to_owned()),
        ("", false) => None,
        (prefix, false) => Some(prefix.to_owned()),
    };
    if path.as_deref() == Some(prefix.as_str()) {
        target.url.truncate(target.url.len() - prefix.len());
    }
    Ok(Named { target, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_url_is_the_way_in() {
        for (text, url, path) in [
            ("localhost:8080", "http://localhost:8080", None),
            ("http://localhost:8080/publish", "http://localhost:8080", Some("/publish")),
            ("http://localhost:8080/v1/ingest/", "http://localhost:8080", Some("/v1/ingest")),
        ] {
            let found = named(text).unwrap();
            assert_eq!((found.target.url.as_str(), found.path.as_deref()), (url, path), "{text}");
        }
    }
}
