//! Settings from the environment: an empty variable is an unset one, an error names the variable
//! that it came from, and the log tells what was taken.

use std::error::Error as _;
use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _, Error, FromArgMatches as _};

use super::Settings;

/// Parses the arguments after the program's `name`, and the environment of this process.
///
/// # Errors
/// A setting is wrong, or help was asked for.
pub fn parse(name: &str, arguments: &[OsString]) -> Result<Settings, Error> {
    let arguments: Vec<OsString> = std::iter::once(name.into()).chain(arguments.iter().cloned()).collect();
    let whole = Settings::command().bin_name(name);
    let empty: Vec<String> =
        whole.get_arguments().filter(|one| is_empty(one)).filter_map(variable_of).collect();
    let command = whole.mut_args(|argument| if is_empty(&argument) { deaf(argument) } else { argument });
    let matches = command.clone().try_get_matches_from(&arguments);
    let matches = matches.map_err(|error| blamed(&command, &arguments, error))?;
    let taken = command.get_arguments().filter(|argument| is_taken(argument, &matches));
    let taken: Vec<String> = taken.filter_map(shown).collect();
    let found = [("settings from the environment", taken), ("empty, and so not set", empty)];
    let told = found.into_iter().filter(|(_, names)| !names.is_empty());
    let environment = told.map(|(meaning, names)| format!("{meaning}: {}", names.join(", "))).collect();
    Ok(Settings { environment, ..Settings::from_arg_matches(&matches)? })
}

/// Returns the value of a variable; none if it is empty or unset.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns an argument that does not read the environment.
fn deaf(argument: Arg) -> Arg {
    argument.env(None::<&'static str>)
}

fn variable_of(argument: &Arg) -> Option<String> {
    Some(argument.get_env()?.to_string_lossy().into_owned())
}

fn is_empty(argument: &Arg) -> bool {
    argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty())
}

fn is_taken(argument: &Arg, matches: &ArgMatches) -> bool {
    matches.value_source(argument.get_id().as_str()) == Some(ValueSource::EnvVariable)
}

/// Shows a variable with its value, unless that may be a secret.
fn shown(argument: &Arg) -> Option<String> {
    let name = variable_of(argument)?;
    let value = std::env::var_os(&name).filter(|_| !argument.is_hide_env_values_set());
    Some(value.map_or_else(|| name.clone(), |value| format!("{name}={}", value.to_string_lossy())))
}

/// Names the variable without which there would be another error, or none.
fn blamed(command: &Command, arguments: &[OsString], error: Error) -> Error {
    let is_to_blame = |argument: &&Arg| {
        let without = command.clone().mut_arg(argument.get_id(), deaf).try_get_matches_from(arguments);
        without.err().is_none_or(|other| other.to_string() != error.to_string())
    };
    let mut set =
        command.get_arguments().filter(|argument| argument.get_env().and_then(std::env::var_os).is_some());
    let Some(shown) = set.find(is_to_blame).filter(|_| error.use_stderr()).and_then(shown) else {
        return error;
    };
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let sentence = text.split("\n\n").next().unwrap_or(text).to_owned();
    let reason = error.source().map_or(sentence, ToString::to_string);
    Error::raw(ErrorKind::ValueValidation, format!("{shown}: {reason}\n"))
}
