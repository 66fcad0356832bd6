//! The words of `caldelta store`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use delta_core::Resource;

use super::StoreArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum Store {
    /// Print everything that is in the local copy but cursors, as lines of JSON (store-dump/1)
    Dump(StoreDump),
    /// Read every byte of the local copy and check it
    Verify(StoreVerify),
    /// Copy what can be read of a damaged local copy into a new one
    Salvage(StoreSalvage),
    /// Turn a local copy of an earlier format into one of the present format, in its place
    Migrate(StoreMigrate),
}

#[derive(Debug, Args)]
pub(crate) struct StoreDump {
    /// Which targets [default: all targets of the store]
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StoreVerify {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object per target (store-verify/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreSalvage {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The directory of the new copy; it must be empty or new
    #[arg(long, value_name = "PATH")]
    pub(crate) to: PathBuf,
    /// Print one JSON object per target (store-salvage/1)
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StoreMigrate {
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// Print one JSON object per target (store-migrate/1)
    #[arg(long)]
    pub(crate) json: bool,
}
