//! Command that sends the same load again, under a new identity: the settings that shape the load,
//! and no secrets.

use std::path::PathBuf;

use truth::duration::format;
use truth::plan::shard::Shard;
use truth::scenario::Load;

use super::cli::{Cli, Http, Shape};

/// Returns the command with the flags that were given, the seed, and the numbers by which a load is
/// known. A run without its run id gets a new identity; a shard needs a run id that its siblings
/// share.
pub(crate) fn rerun(cli: &Cli, load: &Load, count: Option<u64>, seed: u32, shard: Shard) -> String {
    let mut command = CommandLine(vec!["loadgen".to_owned()]);
    // A scenario file holds these numbers.
    let is_bare = cli.scenario.is_none();
    command.add("--scenario", cli.scenario.as_ref().map(|path| path.display()));
    command.add("--count", cli.shape.count.or(count.filter(|_| is_bare)));
    command.add("--dup", cli.dup.clone().or(is_bare.then(|| load.dup.clone())));
    command.add("--seed", Some(seed));
    if shard != Shard::WHOLE {
        command.add("--run-id", cli.run_id.as_ref().map(|id| format!("{id}-again")));
        command.add("--shard", Some(format!("{}/{}", shard.index, shard.of)));
    }
    command.add("--target", cli.target.as_ref());
    command.add("--batch", cli.batch);
    command.add("--topics", cli.topics.as_ref().map(|topics| topics.join(",")));
    command.0.extend(cli.no_bookends.then(|| "--no-bookends".to_owned()));
    command.shape(&cli.shape);
    command.joined()
}

/// Variable with the command that made a run by way of this program. What this program was called with is
/// not to be repeated then.
pub const RERUN: &str = "ONCEPROOF_RERUN";

/// Returns the command of another program that sends the same load again.
pub(crate) fn by_another(command: &str, seed: u32) -> String {
    format!("{command} --seed {seed}")
}

/// Returns the command of a load of one request.
pub(crate) fn rerun_http(http: &Http) -> String {
    let mut command = CommandLine(vec!["loadgen".to_owned(), "http".to_owned(), http.url.clone()]);
    command.add("--method", http.method.as_ref());
    command.add("--body", http.body.as_ref());
    command.add("--body-file", http.body_file.as_ref().map(|path| path.display()));
    command.add("--count", http.shape.count);
    command.shape(&http.shape);
    command.joined()
}

/// Command line in the making.
struct CommandLine(Vec<String>);

impl CommandLine {
    fn add(&mut self, flag: &str, value: Option<impl ToString>) {
        self.0.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value.to_string()]));
    }

    fn shape(&mut self, shape: &Shape) {
        self.add("--rate", shape.rate);
        self.add("--duration", shape.duration.map(format));
        self.add("--warm-up", shape.warm_up.map(format));
        shape.stages.iter().for_each(|stage| self.add("--stage", Some(stage)));
        self.add("--concurrency", shape.concurrency);
        self.add("--requests-per-connection", shape.requests_per_connection);
        self.0.extend(shape.gzip.then(|| "--gzip".to_owned()));
        self.add("--timeout", shape.timeout.map(format));
        self.add("--first-byte-timeout", shape.first_byte_timeout.map(format));
        self.add("--patience", shape.patience.map(format));
        self.add("--retries", shape.retries);
        self.0.extend(shape.trace.then(|| "--trace".to_owned()));
        let reach = &shape.reach;
        let path = |path: &PathBuf| path.display().to_string();
        self.add("--connect-to", reach.connect_to.as_ref());
        self.add("--proxy", reach.proxy.as_ref());
        self.add("--unix-socket", reach.unix_socket.as_ref().map(path));
        self.add("--cacert", reach.cacert.as_ref().map(path));
        self.add("--cert", reach.cert.as_ref().map(path));
        self.add("--key", reach.key.as_ref().map(path));
        self.0.extend(reach.insecure.then(|| "--insecure".to_owned()));
        self.0.extend(reach.http2.then(|| "--http2".to_owned()));
    }

    /// Only a NUL cannot be quoted, and no argument holds one.
    fn joined(&self) -> String {
        shlex::try_join(self.0.iter().map(String::as_str)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use truth::scenario::Scenario;

    use super::*;

    fn rerun_of(arguments: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["loadgen"], arguments].concat()).unwrap();
        rerun(&cli, &Scenario::default().load, Some(20_000), 7, cli.shard.unwrap_or(Shard::WHOLE))
    }

    #[test]
    fn a_shard_is_repeated_with_its_part_and_an_identity_that_its_siblings_share() {
        assert_eq!(
            rerun_of(&["--run-id", "night 7", "--shard", "2/4"]),
            "loadgen --count 20000 --dup 0.3 --seed 7 --run-id 'night 7-again' --shard 2/4"
        );
        // Its events are stored already: the same command would be refused.
        assert_eq!(rerun_of(&["--run-id", "x"]), "loadgen --count 20000 --dup 0.3 --seed 7");
    }

    #[test]
    fn a_load_is_repeated_as_it_was_asked_for() {
        assert_eq!(rerun_of(&[]), "loadgen --count 20000 --dup 0.3 --seed 7");
        assert_eq!(
            rerun_of(&["-n", "2k", "--batch", "16", "--target", "http://127.0.0.1:9", "-H", "A: secret"]),
            "loadgen --count 2000 --dup 0.3 --seed 7 --target http://127.0.0.1:9 --batch 16"
        );
        assert_eq!(rerun_of(&["--no-bookends"]), "loadgen --count 20000 --dup 0.3 --seed 7 --no-bookends");
        assert_eq!(
            rerun_of(&[
                "--scenario",
                "my own.toml",
                "--dup",
                "30%",
                "--topics",
                "a,b",
                "--timeout",
                "1500ms"
            ]),
            "loadgen --scenario 'my own.toml' --dup '30%' --seed 7 --topics 'a,b' --timeout 1500ms"
        );
    }

    #[test]
    fn the_command_of_another_program_gets_the_seed() {
        assert_eq!(by_another("onceproof demo --broken x", 7), "onceproof demo --broken x --seed 7");
    }
}
