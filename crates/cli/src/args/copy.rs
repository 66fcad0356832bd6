//! What is copied of a target: the words of every command that makes or checks a copy.

use std::num::{NonZeroU8, NonZeroU32};

use clap::{Args, ValueEnum};
use delta_core::{ApiVersion, Resource, ServiceRoot, Timestamp};
use sync::{Replica, WindowPolicy};

use super::values;

/// What is copied of a target, and in what way.
#[derive(Debug, Args)]
pub(crate) struct CopyArgs {
    /// The API version [default: v1.0, and beta for events views]
    #[arg(long, env = "CALDELTA_API", hide_env_values = true, value_name = "VERSION", value_enum)]
    pub(crate) api: Option<ApiArg>,
    /// The window of calendar views: offsets from today, or two dates or instants
    #[arg(
        long,
        env = "CALDELTA_WINDOW",
        hide_env_values = true,
        value_name = "FROM..TO",
        default_value_t,
        allow_hyphen_values = true
    )]
    pub(crate) window: WindowPolicy,
    /// How many tiles calendar views are made of, 1 to 12: each has a round of its own, side by side with the others
    #[arg(long, env = "CALDELTA_TILES", hide_env_values = true, value_name = "N", default_value = "1", value_parser = values::tiles)]
    pub(crate) tiles: NonZeroU8,
    /// Events views: leave out what starts before this date or instant
    #[arg(long, env = "CALDELTA_START", hide_env_values = true, value_name = "INSTANT")]
    pub(crate) start: Option<Timestamp>,
    /// How many items to ask for per page, 1 to 1000
    #[arg(long, env = "CALDELTA_PAGE_SIZE", hide_env_values = true, value_name = "N", default_value = "200", value_parser = values::page_size)]
    pub(crate) page_size: NonZeroU32,
}

impl CopyArgs {
    /// A target's replica, by the command line's wishes.
    pub(crate) fn replica(&self, root: ServiceRoot, target: Resource) -> Replica {
        Replica {
            version: self.api.map(Into::into),
            window: self.window,
            tiles: self.tiles,
            start: self.start,
            page_size: Some(self.page_size),
            ..Replica::new(root, target)
        }
    }
}

/// The API versions, as they are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ApiArg {
    #[value(name = "v1.0")]
    V1,
    Beta,
}

impl From<ApiArg> for ApiVersion {
    fn from(api: ApiArg) -> Self {
        match api {
            ApiArg::V1 => Self::V1,
            ApiArg::Beta => Self::Beta,
        }
    }
}
