//! The words of `caldelta status`.

use std::time::Duration;

use clap::Args;
use delta_core::Resource;

use super::{StoreArgs, values};

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Which targets [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Fail if a target was last synced longer ago than this, such as 90s, 15m, 2h or 1d
    #[arg(long, value_name = "AGE", value_parser = values::age)]
    pub(crate) max_age: Option<Duration>,
    /// Print one JSON object per target (status/1)
    #[arg(long)]
    pub(crate) json: bool,
}
