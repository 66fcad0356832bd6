//! The words of `caldelta sync`.

use clap::Args;
use delta_core::Resource;
use sync::MaxDeletes;

use super::{ConnectArgs, CopyArgs, FleetArgs, ProgressArgs, SettlingArgs, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// What to copy: me, me/calendars/ID, me/calendarGroups/G/calendars/ID, the same under users/UPN, or groups/ID;
    /// with /events behind it for the beta events view
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
    /// Publish nothing, and print what would change; the next sync goes on with what was read
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Publish nothing if more than this many events would be deleted, or more than this share of them, such as 50 or 10%
    #[arg(long, env = "CALDELTA_MAX_DELETES", hide_env_values = true, value_name = "N|P%")]
    pub(crate) max_deletes: Option<MaxDeletes>,
    #[command(flatten)]
    pub(crate) settling: SettlingArgs,
    #[command(flatten)]
    pub(crate) progress: ProgressArgs,
    /// Print one JSON object per target (sync-report/1)
    #[arg(long)]
    pub(crate) json: bool,
}
