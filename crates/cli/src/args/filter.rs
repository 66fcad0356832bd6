//! What to leave out: the words of every command that shows events to people or other programs.

use clap::Args;
use export::Filter;

/// Which events to leave out. The local copy itself is always complete.
#[derive(Debug, Args)]
pub(crate) struct FilterArgs {
    /// Leave out what you have declined
    #[arg(long)]
    pub(crate) no_declined: bool,
    /// Leave out what its organizer has cancelled
    #[arg(long)]
    pub(crate) no_cancelled: bool,
    /// Leave out what is private, personal or confidential
    #[arg(long)]
    pub(crate) no_private: bool,
    /// Only what has this text in subject, location, organizer, categories or the beginning of the body; in any case
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
}

impl From<FilterArgs> for Filter {
    fn from(args: FilterArgs) -> Self {
        let FilterArgs { no_declined, no_cancelled, no_private, search } = args;
        Self { no_declined, no_cancelled, no_private, search }
    }
}
