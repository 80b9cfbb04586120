//! Environment of the programs, as far as flags are read from it.
//!
//! clap reads the variable of each flag that names one. This module adds three things for all of
//! them: an empty variable is an unset one, an error names the variable that it came from, and what
//! was taken from the environment can be told.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error};

use crate::invocation::Invocation;

/// Command line that was parsed.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Flags with their values.
    pub matches: ArgMatches,
    /// Values that came from the environment, such as `COUNT=7`. Of a variable whose value the help
    /// hides, because it may hold a secret, only the name.
    pub from_environment: Vec<String>,
}

/// Parses the arguments of this process. Exits if they are wrong, or ask for help.
pub fn parse(command: Command) -> Parsed {
    let invocation = Invocation::of_process();
    let command = command.bin_name(invocation.name.clone());
    try_parse(command, &invocation.line()).unwrap_or_else(|error| error.exit())
}

/// Returns the value of a variable; none if it is empty or unset.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn try_parse(command: Command, arguments: &[OsString]) -> Result<Parsed, Error> {
    let command = heard(without(command, |variable| variable.value.is_empty()), arguments);
    match command.clone().try_get_matches_from(arguments) {
        Ok(matches) => {
            let from_environment = taken(&command, &matches);
            Ok(Parsed { matches, from_environment })
        }
        Err(error) => Err(blamed(&command, arguments, error)),
    }
}

/// Returns a command that does not read the variables of its own flags if a subcommand was asked
/// for: they are no flags of that.
fn heard(command: Command, arguments: &[OsString]) -> Command {
    let parsed = without(command.clone(), |_| true).try_get_matches_from(arguments);
    let has_subcommand = parsed.is_ok_and(|matches| matches.subcommand().is_some());
    if has_subcommand { command.mut_args(|argument| argument.env(None::<&'static str>)) } else { command }
}

/// Variable of a flag, which is set.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Variable {
    name: OsString,
    value: OsString,
    is_hidden: bool,
}

impl Variable {
    fn of(argument: &Arg) -> Option<Self> {
        let name = argument.get_env()?.to_owned();
        let value = std::env::var_os(&name)?;
        Some(Self { name, value, is_hidden: argument.is_hide_env_values_set() })
    }
}

/// Shows the variable with its value, unless that may be a secret.
fn shown(variable: &Variable) -> String {
    let name = variable.name.to_string_lossy();
    if variable.is_hidden {
        name.into_owned()
    } else {
        format!("{name}={}", variable.value.to_string_lossy())
    }
}

/// Returns a command whose flags do not read these variables, and neither do those of its
/// subcommands.
fn without(command: Command, is_unread: impl Fn(&Variable) -> bool + Copy) -> Command {
    let deaf = |argument: Arg| match Variable::of(&argument) {
        Some(variable) if is_unread(&variable) => argument.env(None::<&'static str>),
        Some(_) | None => argument,
    };
    command.mut_args(deaf).mut_subcommands(|subcommand| without(subcommand, is_unread))
}

/// Returns the error with the variable that it came from: the one without which it would not be
/// there.
fn blamed(command: &Command, arguments: &[OsString], error: Error) -> Error {
    if !error.use_stderr() {
        return error;
    }
    let is_to_blame = |variable: &Variable| {
        let others = without(command.clone(), |other| other.name == variable.name);
        let remaining = others.try_get_matches_from(arguments).err();
        remaining.is_none_or(|remaining| remaining.to_string() != error.to_string())
    };
    let Some(variable) = variables(command).into_iter().find(is_to_blame) else { return error };
    Error::raw(ErrorKind::ValueValidation, format!("{}: {}\n", shown(&variable), reason(&error)))
}

/// Returns the reason of an error: its cause if it has one, or else its first paragraph.
fn reason(error: &Error) -> String {
    match error.source() {
        Some(cause) => cause.to_string(),
        None => {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            text.split("\n\n").next().unwrap_or(text).trim_end().to_owned()
        }
    }
}

/// Returns the variables that are set, of a command and its subcommands, each once.
fn variables(command: &Command) -> Vec<Variable> {
    let mut all: Vec<Variable> = command.get_arguments().filter_map(Variable::of).collect();
    for variable in command.get_subcommands().flat_map(variables) {
        if !all.contains(&variable) {
            all.push(variable);
        }
    }
    all
}

/// Returns the values that the flags of the command that was asked for have from the environment.
fn taken(command: &Command, matches: &ArgMatches) -> Vec<String> {
    if let Some((name, matches)) = matches.subcommand() {
        return command.find_subcommand(name).map(|command| taken(command, matches)).unwrap_or_default();
    }
    let is_taken =
        |argument: &&Arg| matches.value_source(argument.get_id().as_str()) == Some(ValueSource::EnvVariable);
    let arguments = command.get_arguments().filter(is_taken);
    arguments.filter_map(|argument| Some(shown(&Variable::of(argument)?))).collect()
}
