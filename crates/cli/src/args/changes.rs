//! The words of `caldelta changes`.

use clap::Args;
use delta_core::Resource;

use super::{StoreArgs, values};

#[derive(Debug, Args)]
pub(crate) struct Changes {
    /// Whose changes [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Only changes after this number [default: all that the journal still has]
    #[arg(long, value_name = "SEQ", value_parser = values::number)]
    pub(crate) since: Option<u64>,
    /// Go on with what is published from now on, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print one JSON object per change (change/1)
    #[arg(long)]
    pub(crate) json: bool,
}
