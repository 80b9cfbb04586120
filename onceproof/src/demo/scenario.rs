//! Scenario of a demo: the target, which `loadgen` starts and ends, and the kills.

use std::path::Path;

use truth::scenario::fault::At;

/// Scenario to be written.
#[derive(Debug)]
pub(super) struct Scenario<'a> {
    /// Program and arguments of the target.
    pub(super) command: Vec<String>,
    /// Database of the target; none if the target has no such variable, or inherits it.
    pub(super) database_url: Option<String>,
    /// Number of kills.
    pub(super) kills: u64,
    /// Further tables.
    pub(super) tables: &'a str,
}

impl Scenario<'_> {
    /// Writes the scenario to a file.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        std::fs::write(path, self.text())
    }

    fn text(&self) -> String {
        let command: Vec<String> = self.command.iter().map(|word| quoted(word)).collect();
        let database = self.database_url.as_ref().map(|url| format!("DATABASE_URL = {}", quoted(url)));
        let faults = shares(self.kills)
            .map(|at| format!("[[faults]]\nat = \"{at}\"\ndo = \"kill\"\nfor = \"100ms\"\n\n"));
        format!(
            "name = \"demo\"\n\n[promises]\npreset = \"reference\"\n\n[target.process]\ncommand = [{}]\n\
             environment = {{ {} }}\nready = \"/health\"\n\n{}{}",
            command.join(", "),
            database.unwrap_or_default(),
            faults.collect::<String>(),
            self.tables
        )
    }
}

/// Returns the shares of the attempts at which the kills come: evenly over four fifths of the run,
/// which puts a single one at 40 %. The last fifth is spare, because a kill needs requests to hurt.
pub(super) fn shares(kills: u64) -> impl Iterator<Item = At> {
    let thousandths = move |kill: u64| u32::try_from(800 * kill / (kills + 1)).expect("at most 800");
    (1..=kills).map(thousandths).map(At::Share)
}

/// Returns a text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kill_comes_at_forty_percent_and_more_are_spread_evenly() {
        let shown = |kills| shares(kills).map(|at| at.to_string()).collect::<Vec<_>>();
        assert_eq!(shown(1), ["40%"]);
        assert_eq!(shown(4), ["16%", "32%", "48%", "64%"]);
        assert_eq!(shown(0), [""; 0]);
        assert_eq!(shown(1000).last().map(String::as_str), Some("79.9%"));
    }

    #[test]
    fn whatever_is_in_a_path_the_scenario_can_be_read() {
        let path = "/tmp/a \"b\"\\c'\u{e9}\t/onceproof";
        let url = format!("sqlite://{path}.db");
        let scenario = Scenario {
            command: vec![path.to_owned(), "aggregator".to_owned()],
            database_url: Some(url.clone()),
            kills: 2,
            tables: "[traps]\nsame_id = 16\n",
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("demo.toml");
        scenario.write(&file).unwrap();
        let read: toml::Table = std::fs::read_to_string(&file).unwrap().parse().unwrap();
        let process = &read["target"]["process"];
        assert_eq!(process["command"][0].as_str(), Some(path));
        assert_eq!(process["environment"]["DATABASE_URL"].as_str(), Some(url.as_str()));
        assert_eq!(read["faults"].as_array().map(Vec::len), Some(2));
        assert_eq!(read["traps"]["same_id"].as_integer(), Some(16));
    }
}
