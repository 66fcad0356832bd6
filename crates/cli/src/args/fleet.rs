//! Many targets: the words of every command that serves them side by side.

use clap::Args;

/// Which targets are served, and how many at a time.
#[derive(Debug, Args)]
pub(crate) struct FleetArgs {
    /// Copy all calendars of the mailboxes that are named (me, users/UPN), also those that others share with them
    #[arg(long, env = "CALDELTA_ALL_CALENDARS", hide_env_values = true)]
    pub(crate) all_calendars: bool,
    /// How many mailboxes are served at a time
    #[arg(long, env = "CALDELTA_PARALLEL", hide_env_values = true, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) parallel: u16,
}
