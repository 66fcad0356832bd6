//! The words of `caldelta verify`.

use clap::Args;
use delta_core::Resource;

use super::{ConnectArgs, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// Which targets [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// Print one JSON object per difference (difference/1) and one per target (verify/1)
    #[arg(long)]
    pub(crate) json: bool,
}
