//! `aggregator reference`: all settings as a page of Markdown.
//!
//! The other programs print theirs by a module that they share. The aggregator shares no code with
//! the programs that judge it.

use clap::{Arg, CommandFactory};

use super::Settings;

/// Returns the page of all settings.
pub fn page() -> String {
    let command = Settings::command();
    let about = command.get_long_about().map(ToString::to_string).unwrap_or_default();
    let mut page = "# Settings of aggregator\n\n".to_owned();
    for paragraph in about.split("\n\n") {
        // Each sentence in a line of its own.
        let sentences = paragraph.trim_end_matches('.').replace(". ", ".\n");
        page.push_str(&format!("{sentences}.\n\n"));
    }
    page.push_str("| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n");
    command.get_arguments().for_each(|argument| page.push_str(&row(argument)));
    page
}

fn row(argument: &Arg) -> String {
    let flag = format!("--{}", argument.get_long().unwrap_or_default());
    let value = argument.get_value_names().unwrap_or_default().first();
    let value = value.map(|name| format!(" <{name}>")).unwrap_or_default();
    let environment = argument.get_env().and_then(|name| name.to_str());
    let environment = environment.map(|name| format!("`{name}`")).unwrap_or_default();
    let default = argument.get_default_values().first().and_then(|value| value.to_str());
    let default = default.map(|value| format!("`{value}`")).unwrap_or_default();
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
    let meaning = help.unwrap_or_default().replace('|', "\\|").replace('\n', "<br>");
    format!("| `{flag}{value}` | {environment} | {default} | {meaning} |\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_each_setting_with_its_variable_default_and_meaning() {
        let page = page();
        let listen = page.lines().find(|line| line.contains("--listen")).unwrap();
        assert!(
            listen.starts_with("| `--listen <HOST:PORT>` | `LISTEN` | `127.0.0.1:8080` | Address"),
            "{listen}"
        );
        let settings = Settings::command();
        for argument in settings.get_arguments() {
            let flag = format!("| `--{}", argument.get_long().unwrap());
            assert!(page.contains(&flag), "{flag} is missing");
        }
    }
}
