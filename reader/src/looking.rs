//! Flags of both programs that say for how long a target is looked at.

use std::time::Duration;

use clap::Args;
use truth::duration;

/// Flags that say for how long a target is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Args)]
#[command(next_help_heading = "Reading the target")]
pub struct Looking {
    /// Time for which nothing may move before a finding counts, such as a key that is not listed
    #[arg(long, default_value = "10s", value_parser = duration::parse, value_name = "DURATION")]
    pub settle: Duration,

    /// Longest time for all looks at a target that still moves
    #[arg(long, default_value = "10m", value_parser = duration::parse, value_name = "DURATION")]
    pub max_wait: Duration,

    /// Time to look on for, although nothing is amiss: a loss after that is not looked for
    #[arg(long, default_value = "0s", value_parser = duration::parse, value_name = "DURATION")]
    pub watch: Duration,
}

impl Default for Looking {
    fn default() -> Self {
        Self { settle: Duration::from_secs(10), max_wait: Duration::from_secs(600), watch: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        looking: Looking,
    }

    #[test]
    fn the_defaults_are_those_of_the_flags() {
        assert_eq!(Program::parse_from(["program"]).looking, Looking::default());
        let looking =
            Program::parse_from(["program", "--settle", "1s", "--max-wait", "2m", "--watch", "30s"]).looking;
        let seconds =
            |looking: Looking| [looking.settle, looking.max_wait, looking.watch].map(|time| time.as_secs());
        assert_eq!(seconds(looking), [1, 120, 30]);
    }
}
