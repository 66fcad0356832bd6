//! The words of `caldelta doctor`.

use clap::Args;
use delta_core::Resource;

use super::{ConnectArgs, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// What shall be copied: see `caldelta sync --help`
    #[arg(value_name = "TARGET", default_value = "me")]
    pub(crate) target: Resource,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Print one JSON object (doctor/1)
    #[arg(long)]
    pub(crate) json: bool,
}
