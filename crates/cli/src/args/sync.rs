//! The words of `caldelta sync`.

use clap::Args;
use delta_core::Resource;

use super::{ConnectArgs, CopyArgs, StoreArgs};

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
    /// Print one JSON object per target (sync-report/1)
    #[arg(long)]
    pub(crate) json: bool,
}
