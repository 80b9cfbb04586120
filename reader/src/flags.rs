//! Flags of a program as a page of Markdown, made from what clap knows: the commands `reference`
//! print it.

use clap::{Arg, Command};

/// Returns the page of all flags of a program.
pub fn page(program: &Command) -> String {
    let name = program.get_name();
    let mut page = format!("# Flags of {name}\n\n");
    add_paragraphs(&mut page, program.get_long_about().or(program.get_about()));
    add_arguments(&mut page, program);
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        page.push_str(&format!("## {name} {}\n\n", command.get_name()));
        add_paragraphs(&mut page, command.get_long_about().or(command.get_about()));
        add_arguments(&mut page, command);
    }
    page.trim_end().to_owned() + "\n"
}

fn add_paragraphs(page: &mut String, text: Option<&clap::builder::StyledStr>) {
    if let Some(text) = text {
        page.push_str(&format!("{}.\n\n", text.to_string().trim_end_matches('.')));
    }
}

/// Adds a table for each help heading of a command, in the order in which its help shows them.
fn add_arguments(page: &mut String, command: &Command) {
    let mut headings: Vec<&str> = Vec::new();
    for argument in command.get_arguments() {
        let heading = heading_of(argument);
        if !headings.contains(&heading) {
            headings.push(heading);
        }
    }
    let level = if command.has_subcommands() { "##" } else { "###" };
    for heading in headings {
        page.push_str(&format!("{level} {heading}\n\n"));
        page.push_str("| flag | environment | default | meaning |\n| --- | --- | --- | --- |\n");
        for argument in command.get_arguments().filter(|argument| heading_of(argument) == heading) {
            page.push_str(&row(argument));
        }
        page.push('\n');
    }
}

fn heading_of(argument: &Arg) -> &str {
    match argument.get_help_heading() {
        Some(heading) => heading,
        None if argument.is_positional() => "Arguments",
        None => "Options",
    }
}

fn row(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
    let meaning = Meaning::of(&help);
    let environment = argument.get_env().and_then(|name| name.to_str()).map(code).unwrap_or_default();
    let values = argument.get_default_values().iter().filter_map(|value| value.to_str());
    let written: Vec<&str> = values.filter(|_| takes_value(argument)).collect();
    let default = if written.is_empty() { meaning.default.to_owned() } else { written.join(",") };
    let default = if default.is_empty() { default } else { cell(&default) };
    format!("| {} | {environment} | {default} | {} |\n", cell(&names(argument)), cell(meaning.text))
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// Returns the names of a flag with the form of its value, as in `-n, --count <COUNT>`.
fn names(argument: &Arg) -> String {
    let value = argument.get_value_names().and_then(|names| names.first()).map(|name| format!("<{name}>"));
    let value = value.filter(|_| takes_value(argument));
    if argument.is_positional() {
        return code(&value.unwrap_or_else(|| format!("<{}>", argument.get_id())));
    }
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let names: Vec<String> = short.into_iter().chain(long).collect();
    code(&[names.join(", "), value.unwrap_or_default()].join(" "))
}

/// Help of a flag, and the default that stands in it as `[default: 50]`.
struct Meaning<'a> {
    text: &'a str,
    default: &'a str,
}

impl<'a> Meaning<'a> {
    fn of(help: &'a str) -> Self {
        let found =
            help.split_once("[default: ").and_then(|(text, rest)| Some((text, rest.strip_suffix(']')?)));
        match found {
            Some((text, default)) => Self { text: text.trim_end(), default },
            None => Self { text: help, default: "" },
        }
    }
}

/// Returns a text as code of Markdown.
pub fn code(text: &str) -> String {
    format!("`{}`", text.trim())
}

/// Returns a text as a cell of a table, which has one line and no bars.
pub fn cell(text: &str) -> String {
    text.trim().replace('|', "\\|").replace('\n', "<br>")
}

#[cfg(test)]
mod tests {
    use clap::{Args, CommandFactory, Parser, Subcommand};

    use super::*;

    /// Tries things.
    ///
    /// More of it.
    #[derive(Parser)]
    #[command(name = "tried")]
    struct Tried {
        /// Number of tries
        #[arg(short, long, env = "TRIES", default_value_t = 3, help_heading = "Load")]
        tries: u32,
        /// One or the other: a|b [default: half]
        #[arg(long, help_heading = "Load")]
        share: Option<String>,
        /// Try hard
        #[arg(long)]
        hard: bool,
        #[command(subcommand)]
        command: Option<Other>,
    }

    #[derive(Subcommand)]
    enum Other {
        /// Ask for it
        Ask(Question),
        /// Print this
        #[command(hide = true)]
        Reference,
    }

    #[derive(Args)]
    struct Question {
        /// URL to ask
        url: String,
    }

    #[test]
    fn each_heading_has_a_table_and_each_flag_a_row() {
        let page = page(&Tried::command());
        let expected = "\
# Flags of tried

Tries things.

More of it.

## Load

| flag | environment | default | meaning |
| --- | --- | --- | --- |
| `-t, --tries <TRIES>` | `TRIES` | 3 | Number of tries |
| `--share <SHARE>` |  | half | One or the other: a\\|b |

## Options

| flag | environment | default | meaning |
| --- | --- | --- | --- |
| `--hard` |  |  | Try hard |

## tried ask

Ask for it.

### Arguments

| flag | environment | default | meaning |
| --- | --- | --- | --- |
| `<URL>` |  |  | URL to ask |
";
        assert_eq!(page, expected);
    }
}
