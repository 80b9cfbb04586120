//! Commands: the settings of a run, and the subcommands that send nothing.

pub(crate) mod cli;
pub(crate) mod history;
mod preview;
pub(crate) mod reference;
pub(crate) mod rerun;
pub(crate) mod settings;
pub(crate) mod show;
mod values;
pub(crate) mod warnings;
