//! How the progress of a sync is told.

use clap::{Args, ValueEnum};

/// How progress is told.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct ProgressArgs {
    /// How progress is told on stderr: auto is a line per target on a terminal, json an object per page, wait and resync
    /// (progress/1)
    #[arg(long, env = "CALDELTA_PROGRESS", hide_env_values = true, value_name = "HOW", value_enum, default_value_t)]
    pub(crate) progress: ProgressArg,
}

/// The ways of telling.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum ProgressArg {
    #[default]
    Auto,
    Json,
    Off,
}
