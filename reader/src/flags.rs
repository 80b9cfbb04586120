//! Flags of a program as a page of Markdown, made from what clap knows.
//!
//! The hidden command `reference` of each program prints the page.

use clap::{Arg, Command};

/// Titles of a table of flags. A column that would be empty is left out.
const TITLES: [&str; 4] = ["flag", "environment", "default", "meaning"];

/// Longest line of a paragraph.
const COLUMNS: usize = 100;

/// Returns the page of all flags of a program.
pub fn page(program: &Command) -> String {
    let name = program.get_name();
    let mut page = format!("# Flags of {name}\n\n");
    add_paragraphs(&mut page, program.get_long_about().or(program.get_about()));
    let flags: Vec<Flag> = flags_of(program);
    add_tables(&mut page, "##", &flags);
    for command in program.get_subcommands().filter(|command| !command.is_hide_set()) {
        page.push_str(&format!("## {name} {}\n\n", command.get_name()));
        add_paragraphs(&mut page, command.get_long_about().or(command.get_about()));
        let own: Vec<Flag> = flags_of(command).into_iter().filter(|flag| !flags.contains(flag)).collect();
        add_tables(&mut page, "###", &own);
        add_shared(&mut page, &flags, &flags_of(command));
    }
    page.trim_end().to_owned() + "\n"
}

/// Adds the text about a program or a command. clap takes the full stop from the end of each first
/// paragraph.
fn add_paragraphs(page: &mut String, text: Option<&clap::builder::StyledStr>) {
    for paragraph in text.map(ToString::to_string).unwrap_or_default().split("\n\n") {
        page.push_str(&wrapped(&format!("{}.", paragraph.trim_end_matches('.')), ""));
        page.push('\n');
    }
}

/// Row of a table, under its help heading.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Flag {
    heading: String,
    /// Texts in the order of [`TITLES`].
    cells: [String; 4],
}

/// Returns the flags of a command. A hidden flag under a heading is meant for its variable; one
/// without a heading is known to the command only to be refused, and is left out.
fn flags_of(command: &Command) -> Vec<Flag> {
    let is_shown = |argument: &&Arg| !argument.is_hide_set() || argument.get_help_heading().is_some();
    command.get_arguments().filter(is_shown).map(Flag::of).collect()
}

/// Adds a table for each help heading, in the order in which the help shows them.
fn add_tables(page: &mut String, level: &str, flags: &[Flag]) {
    for heading in headings_of(flags) {
        page.push_str(&format!("{level} {heading}\n\n"));
        let rows: Vec<&Flag> = flags.iter().filter(|flag| flag.heading == heading).collect();
        let columns: Vec<usize> = (0..TITLES.len())
            .filter(|column| rows.iter().any(|row| !row.cells[*column].is_empty()))
            .collect();
        let titles: Vec<&str> = columns.iter().map(|column| TITLES[*column]).collect();
        page.push_str(&format!("| {} |\n|{}\n", titles.join(" | "), " --- |".repeat(columns.len())));
        for row in rows {
            let cells: Vec<&str> = columns.iter().map(|column| &*row.cells[*column]).collect();
            page.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
        page.push('\n');
    }
}

/// Adds the names of the program's flags that a command takes too.
fn add_shared(page: &mut String, program: &[Flag], command: &[Flag]) {
    if !command.iter().any(|flag| program.contains(flag)) {
        return;
    }
    if program.iter().all(|flag| command.contains(flag)) {
        page.push_str("It also takes all flags above.\n\n");
        return;
    }
    page.push_str("It also takes these flags, which are described above:\n\n");
    for heading in headings_of(program) {
        let under: Vec<&Flag> = program.iter().filter(|flag| flag.heading == heading).collect();
        let taken: Vec<&str> =
            under.iter().filter(|flag| command.contains(flag)).map(|flag| &*flag.cells[0]).collect();
        if taken.len() == under.len() {
            page.push_str(&format!("- {heading}: all\n"));
        } else if !taken.is_empty() {
            page.push_str(&wrapped(&format!("- {heading}: {}", taken.join(", ")), "  "));
        }
    }
    page.push('\n');
}

/// Returns the headings of flags, each once, in order.
fn headings_of(flags: &[Flag]) -> Vec<&str> {
    let mut headings: Vec<&str> = Vec::new();
    for flag in flags {
        if !headings.contains(&&*flag.heading) {
            headings.push(&flag.heading);
        }
    }
    headings
}

impl Flag {
    fn of(argument: &Arg) -> Self {
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string);
        let help = help.unwrap_or_default();
        let meaning = Meaning::of(&help);
        let environment = argument.get_env().and_then(|name| name.to_str()).map(code).unwrap_or_default();
        let values = argument.get_default_values().iter().filter_map(|value| value.to_str());
        let written: Vec<&str> = values.filter(|_| takes_value(argument)).collect();
        let default = if written.is_empty() { meaning.default.to_owned() } else { written.join(",") };
        // A default of several words describes the value.
        let is_value = !default.is_empty() && !default.contains(' ');
        let default = if is_value { code(&default) } else { cell(&default) };
        let cells = [cell(&names(argument)), environment, default, cell(meaning.text) + &choice(argument)];
        Self { heading: heading_of(argument).to_owned(), cells }
    }
}

fn heading_of(argument: &Arg) -> &str {
    match argument.get_help_heading() {
        Some(heading) => heading,
        None if argument.is_positional() => "Arguments",
        None => "Options",
    }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

/// Returns the values that a flag may have, as `: text, json`; nothing if it takes any.
fn choice(argument: &Arg) -> String {
    let values = if takes_value(argument) { argument.get_possible_values() } else { Vec::new() };
    let shown: Vec<String> =
        values.iter().filter(|value| !value.is_hide_set()).map(|value| code(value.get_name())).collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
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

/// Returns a paragraph in lines of at most 100 columns, all but the first with this indent.
pub fn wrapped(paragraph: &str, indent: &str) -> String {
    let mut lines = vec![String::new()];
    for word in paragraph.split_whitespace() {
        let line = lines.last_mut().expect("one from the beginning");
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= COLUMNS {
            line.push_str(&format!(" {word}"));
        } else {
            lines.push(format!("{indent}{word}"));
        }
    }
    lines.join("\n") + "\n"
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
        #[command(flatten)]
        load: Load,
        /// Try hard
        #[arg(long)]
        hard: bool,
        #[command(subcommand)]
        command: Option<Other>,
    }

    #[derive(Args)]
    struct Load {
        /// Number of tries
        #[arg(short, long, env = "TRIES", default_value_t = 3, help_heading = "Load")]
        tries: u32,
        /// One or the other: a|b [default: half]
        #[arg(long, help_heading = "Load")]
        share: Option<String>,
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
        /// Manner
        #[arg(long, value_parser = ["loud", "quiet"])]
        manner: Option<String>,
        /// Known to be refused
        #[arg(long, hide = true)]
        shard: Option<u32>,
        #[command(flatten)]
        load: Load,
    }

    #[test]
    fn each_heading_has_a_table_and_each_flag_a_row_in_the_first_of_them() {
        let page = page(&Tried::command());
        let expected = "\
# Flags of tried

Tries things.

More of it.

## Load

| flag | environment | default | meaning |
| --- | --- | --- | --- |
| `-t, --tries <TRIES>` | `TRIES` | `3` | Number of tries |
| `--share <SHARE>` |  | `half` | One or the other: a\\|b |

## Options

| flag | meaning |
| --- | --- |
| `--hard` | Try hard |

## tried ask

Ask for it.

### Arguments

| flag | meaning |
| --- | --- |
| `<URL>` | URL to ask |

### Options

| flag | meaning |
| --- | --- |
| `--manner <MANNER>` | Manner: `loud`, `quiet` |

It also takes these flags, which are described above:

- Load: all
";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_paragraph_is_wrapped_between_words() {
        let long = "x".repeat(60);
        let text = format!("- {long} {} a", &long[..37]);
        assert_eq!(wrapped(&text, "  "), format!("- {long} {}\n  a\n", &long[..37]));
        assert_eq!(wrapped("one\ntwo", ""), "one two\n");
    }

    #[test]
    fn a_command_that_takes_some_flags_of_the_program_names_them() {
        let flag = |heading: &str, name: &str| Flag {
            heading: heading.to_owned(),
            cells: [code(name), String::new(), String::new(), "Number of tries".to_owned()],
        };
        let program = [flag("Load", "--a"), flag("Load", "--b"), flag("Results", "--c"), flag("Load", "--d")];
        let command = [flag("Load", "--a"), flag("Load", "--d"), flag("Other", "--e")];
        let mut page = String::new();
        add_shared(&mut page, &program, &command);
        assert_eq!(page, "It also takes these flags, which are described above:\n\n- Load: `--a`, `--d`\n\n");
    }
}
