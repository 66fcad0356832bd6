//! The words of `caldelta export`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use delta_core::Resource;

use super::{FilterArgs, StoreArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum Export {
    /// Write iCalendar files
    Ics(ExportFile),
    /// Keep a directory of iCalendar files for khal, calcurse, vdirsyncer and the like
    Vdir(ExportVdir),
    /// Write one JSON object per event (event/1)
    Jsonl(ExportFile),
    /// Write a table
    Csv(ExportFile),
}

/// What all formats have.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Whose events [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Go on, and write again whenever a sync has published something, until stopped
    #[arg(long)]
    pub(crate) follow: bool,
    /// Print one JSON object for each file or directory that was brought up to date (export/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportFile {
    #[command(flatten)]
    pub(crate) export: ExportArgs,
    /// The file; or a directory, which is there or written with / at its end: then a file per target [default: stdout]
    #[arg(long, value_name = "PATH")]
    pub(crate) to: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportVdir {
    #[command(flatten)]
    pub(crate) export: ExportArgs,
    /// The directory, in which each target has one of its own
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
}
