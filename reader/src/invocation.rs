//! Name and arguments under which a process was started. Each program may be one of its own, or be
//! held by `onceproof`, which acts by the name it is started under, or by its first argument.

use std::ffi::OsString;
use std::path::Path;

/// Program that holds the others.
const HOLDER: &str = "onceproof";

/// Program that a process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    /// `loadgen`, or `onceproof load`.
    Loadgen,
    /// `verify`, or `onceproof verify`.
    Verify,
    /// `aggregator`, or `onceproof aggregator`.
    Aggregator,
}

impl Program {
    /// All programs.
    pub const ALL: [Self; 3] = [Self::Loadgen, Self::Verify, Self::Aggregator];

    /// Returns the name of the program by itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loadgen => "loadgen",
            Self::Verify => "verify",
            Self::Aggregator => "aggregator",
        }
    }

    /// Returns the argument of `onceproof` that stands for the program.
    pub const fn subcommand(self) -> &'static str {
        match self {
            Self::Loadgen => "load",
            Self::Verify => "verify",
            Self::Aggregator => "aggregator",
        }
    }
}

/// Start of a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// Program that was asked for; none if the file's name and the first argument say nothing.
    pub program: Option<Program>,
    /// Name as it was typed, such as `loadgen` or `onceproof load`.
    pub name: String,
    /// Arguments after the name.
    pub arguments: Vec<OsString>,
}

impl Invocation {
    /// Returns the start of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::args_os())
    }

    fn of(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter().peekable();
        let path = arguments.next().unwrap_or_default();
        let file = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let by_name = Program::ALL.into_iter().find(|program| program.name() == file);
        let by_argument = arguments.peek().filter(|_| file.starts_with(HOLDER)).and_then(|first| {
            Program::ALL.into_iter().find(|program| first.to_str() == Some(program.subcommand()))
        });
        let name = match by_argument {
            Some(program) => {
                arguments.next();
                format!("{HOLDER} {}", program.subcommand())
            }
            None => file,
        };
        Self { program: by_name.or(by_argument), name, arguments: arguments.collect() }
    }

    /// Returns the name by which the user of this process calls a program: `verify`, or `onceproof
    /// verify` beside `onceproof load`.
    pub fn called(&self, program: Program) -> String {
        if self.name.starts_with(HOLDER) {
            format!("{HOLDER} {}", program.subcommand())
        } else {
            program.name().to_owned()
        }
    }

    /// Returns the name and the arguments, as clap takes them.
    pub(crate) fn line(&self) -> Vec<OsString> {
        std::iter::once(self.name.clone().into()).chain(self.arguments.iter().cloned()).collect()
    }
}

/// Returns the name by which the user of this process calls a program.
pub fn called(program: Program) -> String {
    Invocation::of_process().called(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(line: &str) -> Invocation {
        Invocation::of(line.split(' ').map(OsString::from))
    }

    #[test]
    fn a_program_is_known_by_its_file_or_by_the_first_argument_of_the_holder() {
        for (line, program, name, rest) in [
            ("loadgen --count 7", Some(Program::Loadgen), "loadgen", "--count 7"),
            ("/usr/bin/verify results", Some(Program::Verify), "verify", "results"),
            ("./onceproof load --count 7", Some(Program::Loadgen), "onceproof load", "--count 7"),
            ("onceproof aggregator --help", Some(Program::Aggregator), "onceproof aggregator", "--help"),
            ("onceproof demo --broken", None, "onceproof", "demo --broken"),
            // The argument of another program is its own.
            ("verify verify", Some(Program::Verify), "verify", "verify"),
            ("it-0123 verify", None, "it-0123", "verify"),
        ] {
            let found = invocation(line);
            let arguments = rest.split(' ').map(OsString::from).collect();
            assert_eq!(found, Invocation { program, name: name.to_owned(), arguments }, "{line}");
        }
    }

    #[test]
    fn other_programs_are_called_as_this_one_was() {
        assert_eq!(invocation("loadgen").called(Program::Verify), "verify");
        assert_eq!(invocation("onceproof load").called(Program::Verify), "onceproof verify");
        assert_eq!(invocation("onceproof load").called(Program::Loadgen), "onceproof load");
        assert_eq!(invocation("onceproof load a").line(), ["onceproof load", "a"]);
    }
}
