//! How much is asked before a run is published: the words of every command that makes a copy.

use clap::Args;
use sync::Settling;

/// What is asked about a round before it is published.
#[derive(Debug, Args)]
pub(crate) struct SettlingArgs {
    /// Take series as they come: do not ask which members they have before one goes without a word
    #[arg(long, env = "CALDELTA_TRUST_SERIES", hide_env_values = true)]
    pub(crate) trust_series: bool,
    /// Take every removal for a deletion: do not ask whether the event is only outside of the window
    #[arg(long, env = "CALDELTA_TRUST_REMOVALS", hide_env_values = true)]
    pub(crate) trust_removals: bool,
    /// Events views: fetch each event whole, since Graph tells when it is and little more
    #[arg(long, env = "CALDELTA_WHOLE_EVENTS", hide_env_values = true)]
    pub(crate) whole_events: bool,
}

impl SettlingArgs {
    pub(crate) fn settling(&self) -> Settling {
        Settling { series: !self.trust_series, removals: !self.trust_removals, events: self.whole_events }
    }
}
