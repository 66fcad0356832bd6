//! The words of `caldelta events`.

use clap::{Args, Subcommand};
use delta_core::{Resource, Timestamp};

use super::StoreArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List events by time
    List(EventsList),
    /// Show one event
    Show(EventsShow),
}

#[derive(Debug, Args)]
pub(crate) struct EventsList {
    /// Whose events [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Leave out what ends at or before this date or instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: Option<Timestamp>,
    /// Leave out what starts at or after this date or instant
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: Option<Timestamp>,
    /// Print one JSON object per event (event/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EventsShow {
    /// The event's id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object (event/1)
    #[arg(long)]
    pub(crate) json: bool,
}
