//! Everything that was asked for on the command line, and the commands that send nothing.

pub(crate) mod cli;
pub(crate) mod history;
pub(crate) mod reference;
mod rerun;
pub(crate) mod settings;
pub(crate) mod show;
