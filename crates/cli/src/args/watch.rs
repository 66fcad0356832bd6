//! The words of `caldelta watch`.

use std::time::Duration;

use clap::Args;
use delta_core::Resource;
use sync::MaxDeletes;

use super::{ConnectArgs, CopyArgs, FleetArgs, ProgressArgs, SettlingArgs, StoreArgs, values};

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// What to keep a copy of, as for sync
    #[arg(value_name = "TARGET", default_value = "me")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    #[command(flatten)]
    pub(crate) copy: CopyArgs,
    #[command(flatten)]
    pub(crate) fleet: FleetArgs,
    /// How long after a sync a target's next one begins, give or take a tenth, such as 90s, 15m, 2h or 1d
    #[arg(long, env = "CALDELTA_EVERY", hide_env_values = true, value_name = "TIME", default_value = "15m", value_parser = values::interval)]
    pub(crate) every: Duration,
    /// Publish nothing if more than this many events would be deleted, or more than this share of them, such as 50 or 10%
    #[arg(long, env = "CALDELTA_MAX_DELETES", hide_env_values = true, value_name = "N|P%")]
    pub(crate) max_deletes: Option<MaxDeletes>,
    #[command(flatten)]
    pub(crate) settling: SettlingArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    /// Read hints from stdin: a target per line, in which something has changed
    #[arg(long, env = "CALDELTA_HINTS", hide_env_values = true)]
    pub(crate) hints: bool,
    /// Print one JSON object per event (watch/1)
    #[arg(long)]
    pub(crate) json: bool,
}
