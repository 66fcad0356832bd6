//! The words of `caldelta demo`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep the demo's copy in this directory, which must be empty or new [default: a new temporary directory]
    #[arg(long, value_name = "PATH")]
    pub(crate) store: Option<PathBuf>,
}
