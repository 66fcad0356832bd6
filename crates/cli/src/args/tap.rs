//! The words of `caldelta tap`.

use std::path::PathBuf;

use clap::Args;

use super::StoreArgs;

#[derive(Debug, Args)]
pub(crate) struct Tap {
    /// The configuration, as JSON: store, where the local copy is, and targets, an array
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the last run ended: the value of its last STATE message [default: at the very beginning]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// What is wanted of what --discover prints [default: everything]
    #[arg(long, value_name = "FILE", alias = "properties")]
    pub(crate) catalog: Option<PathBuf>,
    /// Print the catalog: which streams there are, and their columns
    #[arg(long)]
    pub(crate) discover: bool,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}
