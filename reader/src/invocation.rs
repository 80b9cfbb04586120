//! Name and arguments under which a process was started. Each program may be one of its own, or be
//! held by `onceproof`, which acts by the name it is started under, or by its first argument.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// True in the process of the program that holds the others.
static IS_HOLDER: AtomicBool = AtomicBool::new(false);

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
    /// File name of the program that holds the others, if it was started under none of their names.
    holder: Option<String>,
}

impl Invocation {
    /// Returns the start of this process, which is one of `onceproof`, whatever its file is called.
    pub fn of_holder() -> Self {
        IS_HOLDER.store(true, Ordering::Relaxed);
        Self::of_process()
    }

    /// Returns the start of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::args_os(), IS_HOLDER.load(Ordering::Relaxed))
    }

    fn of(arguments: impl IntoIterator<Item = OsString>, is_holder: bool) -> Self {
        let mut arguments = arguments.into_iter().peekable();
        let path = arguments.next().unwrap_or_default();
        let file = Path::new(&path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let by_name = Program::ALL.into_iter().find(|program| program.name() == file);
        let holder = (is_holder && by_name.is_none()).then(|| file.clone());
        let by_argument = arguments.peek().filter(|_| holder.is_some()).and_then(|first| {
            Program::ALL.into_iter().find(|program| first.to_str() == Some(program.subcommand()))
        });
        let name = match by_argument {
            Some(program) => {
                arguments.next();
                format!("{file} {}", program.subcommand())
            }
            None => file,
        };
        Self { program: by_name.or(by_argument), name, arguments: arguments.collect(), holder }
    }

    /// Returns the name by which the user of this process calls a program: `verify`, or `onceproof
    /// verify` beside `onceproof load`.
    pub fn called(&self, program: Program) -> String {
        match &self.holder {
            Some(holder) => format!("{holder} {}", program.subcommand()),
            None => program.name().to_owned(),
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
        Invocation::of(line.split(' ').map(OsString::from), true)
    }

    #[test]
    fn a_program_is_known_by_its_file_or_by_the_first_argument_of_the_holder() {
        for (line, program, name, rest) in [
            ("loadgen --count 7", Some(Program::Loadgen), "loadgen", "--count 7"),
            ("/usr/bin/verify results", Some(Program::Verify), "verify", "results"),
            ("./onceproof load --count 7", Some(Program::Loadgen), "onceproof load", "--count 7"),
            ("onceproof aggregator --help", Some(Program::Aggregator), "onceproof aggregator", "--help"),
            ("onceproof demo --broken", None, "onceproof", "demo --broken"),
            // A file may be renamed.
            ("./onceproof-0.2.0 verify results", Some(Program::Verify), "onceproof-0.2.0 verify", "results"),
            ("op load --count 7", Some(Program::Loadgen), "op load", "--count 7"),
            // The argument of another program is its own.
            ("verify verify", Some(Program::Verify), "verify", "verify"),
        ] {
            let found = invocation(line);
            assert_eq!((found.program, &*found.name), (program, name), "{line}");
            assert_eq!(found.arguments, rest.split(' ').map(OsString::from).collect::<Vec<_>>(), "{line}");
        }
    }

    #[test]
    fn a_program_that_holds_no_other_takes_its_argument_for_its_own() {
        let found = Invocation::of(["it-0123", "verify"].map(OsString::from), false);
        let expected = ("it-0123".to_owned(), vec!["verify".into()], None, None);
        assert_eq!((found.name, found.arguments, found.program, found.holder), expected);
    }

    #[test]
    fn other_programs_are_called_as_this_one_was() {
        assert_eq!(invocation("loadgen").called(Program::Verify), "verify");
        assert_eq!(invocation("onceproof load").called(Program::Verify), "onceproof verify");
        assert_eq!(invocation("onceproof load").called(Program::Loadgen), "onceproof load");
        assert_eq!(invocation("./op demo").called(Program::Verify), "op verify");
        assert_eq!(invocation("onceproof load a").line(), ["onceproof load", "a"]);
    }
}
