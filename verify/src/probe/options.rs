//! Flags of `verify probe`.

use std::path::{Path, PathBuf};

use clap::Args;
use reader::reach::Reach;

const AFTER_HELP: &str = "\
`verify probe --help` shows all settings and the exit codes.

Example: verify probe --from request.txt && loadgen --scenario onceproof.toml --verify";

const AFTER_LONG_HELP: &str = "\
A comment above each key of the scenario says what was seen: read it before you run it.

At most 25 requests with 40 events are sent for --from, and 20 reads are made, 60 on this machine; --deep sends 2,500 \
events more. A target that is not this machine gets two requests a second and needs --yes. The \
probe ends at the first 401 or 403, and at the second 429 or 5xx.

Exit codes:
  0    a scenario was written that can run
  2    usage or configuration, or --yes is missing
  3    the target was not described well enough; standard error says what to fill in
  5    the target was not reached

Example: verify probe --from request.txt && loadgen --scenario onceproof.toml --verify";

/// File of a scenario that is given no other name.
const OUT: &str = "onceproof.toml";

/// Flags of `verify probe`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP, after_long_help = AFTER_LONG_HELP)]
pub struct ProbeOptions {
    /// URL of the target, with or without its publish path
    #[arg(value_name = "URL", required_unless_present_any = ["from", "scenario"])]
    pub url: Option<String>,

    /// File with a request that sends an event: a curl line, an .http file or a HAR; `-` for
    /// standard input. It is read, and never sent or run itself
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,

    /// Number of the entry of a HAR, from 1
    #[arg(long, value_name = "N", requires = "from")]
    pub entry: Option<usize>,

    /// Scenario to complete: what it says stays
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// URL that lists the stored events
    #[arg(long, value_name = "URL")]
    pub listing: Option<String>,

    /// URL that shows counters
    #[arg(long, value_name = "URL")]
    pub stats: Option<String>,

    /// Send 2,500 events, and find out if the listing shows them all
    #[arg(long)]
    pub deep: bool,

    /// Send to a target that is not this machine
    #[arg(long)]
    pub yes: bool,

    /// Scenario file to write. Without it, the scenario is written to onceproof.toml, and printed
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Topic of the events, without --from
    #[arg(long, value_name = "NAME", default_value = "onceproof-probe")]
    pub topic: String,

    /// Flags that say how the target is reached.
    #[command(flatten)]
    pub reach: Reach,
}

impl ProbeOptions {
    /// File to write.
    pub(super) fn file(&self) -> &Path {
        self.out.as_deref().unwrap_or(Path::new(OUT))
    }
}
