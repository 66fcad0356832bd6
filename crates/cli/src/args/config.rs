//! The words of `caldelta config`, `completions` and `man`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print where the configuration file is
    Path,
    /// Print what it says, and what the environment says instead
    Show,
    /// Print a JSON Schema of it, for editors
    Schema,
    /// Check a configuration file
    Validate(Validate),
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The file [default: the one that is used]
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Which shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write a page for each command into this directory
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,
}
