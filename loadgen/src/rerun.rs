//! The command that sends the same load again, under a new identity: what shaped the load, and nothing secret.

use std::path::PathBuf;

use truth::duration::format;
use truth::scenario::Load;

use crate::cli::Cli;

/// What was given, with the seed; the numbers that a load is known by also where they were not.
pub(crate) fn rerun(cli: &Cli, load: &Load, seed: u32) -> String {
    let mut words = vec!["loadgen".to_owned()];
    let mut add = |flag: &str, value: Option<String>| {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
    };
    // A scenario file holds them.
    let is_bare = cli.scenario.is_none();
    add("--scenario", cli.scenario.as_ref().map(|path| path.display().to_string()));
    let is_counted = is_bare && load.schedule().is_none();
    add("--count", cli.shape.count.or(load.total().filter(|_| is_counted)).map(|count| count.to_string()));
    add("--dup", cli.dup.clone().or(is_bare.then(|| load.dup.clone())));
    add("--seed", Some(seed.to_string()));
    add("--rate", cli.shape.rate.map(|rate| rate.to_string()));
    add("--duration", cli.shape.duration.map(format));
    cli.shape.stages.iter().for_each(|stage| add("--stage", Some(stage.to_string())));
    add("--target", cli.target.clone());
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let reach = &cli.shape.reach;
    add("--connect-to", reach.connect_to.clone());
    add("--unix-socket", path(&reach.unix_socket));
    add("--cacert", path(&reach.cacert));
    add("--cert", path(&reach.cert));
    add("--key", path(&reach.key));
    add("--batch", cli.batch.map(|batch| batch.to_string()));
    add("--concurrency", cli.shape.concurrency.map(|connections| connections.to_string()));
    add("--topics", cli.topics.as_ref().map(|topics| topics.join(",")));
    add("--requests-per-connection", cli.shape.requests_per_connection.map(|requests| requests.to_string()));
    add("--timeout", cli.shape.timeout.map(format));
    add("--patience", cli.shape.patience.map(format));
    add("--retries", cli.shape.retries.map(|retries| retries.to_string()));
    words.extend(reach.insecure.then(|| "--insecure".to_owned()));
    // Only a NUL cannot be quoted, and no argument holds one.
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use truth::scenario::Scenario;

    use super::*;

    fn rerun_of(arguments: &[&str]) -> String {
        let cli = Cli::try_parse_from([&["loadgen"], arguments].concat()).unwrap();
        rerun(&cli, &Scenario::default().load, 7)
    }

    #[test]
    fn a_load_is_told_as_it_was_asked_for() {
        assert_eq!(rerun_of(&[]), "loadgen --count 20000 --dup 0.3 --seed 7");
        assert_eq!(
            rerun_of(&["-n", "2k", "--batch", "16", "--target", "http://127.0.0.1:9", "-H", "A: secret"]),
            "loadgen --count 2000 --dup 0.3 --seed 7 --target http://127.0.0.1:9 --batch 16"
        );
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
}
