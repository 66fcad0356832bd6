//! Why a run ended without publishing.

use std::fmt;
use std::time::Duration;

use delta_core::{RequestIds, TargetError, Timestamp};

use crate::guard::MaxDeletes;
use crate::policy::PolicyError;
use crate::report::SyncReport;
use crate::token::TokenError;

/// Why a run ended early. What was published is untouched, and what was staged stays for the next run unless it can't
/// be gone on with.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// The protocol ended: Graph refused, broke the contract, or was not reached.
    Round(delta_core::Error),
    /// The store refused.
    Store(store::Error),
    /// The server asks for a longer pause than the synchroniser may make.
    Throttled {
        /// When a run may try again. One that begins earlier waits, or ends in the same way, without asking the server.
        retry_at: Timestamp,
        /// Why, in words.
        reason: String,
        /// The ids of the response that asked for it.
        ids: RequestIds,
    },
    /// The run took longer than it may. The next one goes on from there.
    OutOfTime {
        /// How long it may take.
        after: Duration,
    },
    /// A full round is due, and too many were begun within a day. There is no plain listing of this target.
    TooManyFullRounds {
        /// How many were begun.
        begun: usize,
    },
    /// The run would delete more events than it [may](crate::Guard::max_deletes). Nothing was published, and its pages
    /// stay staged: a run that may publishes them.
    TooManyDeletes {
        /// How many it would delete.
        deletes: u64,
        /// How many the replica holds.
        held: u64,
        /// What is allowed.
        allowed: MaxDeletes,
    },
    /// Some tiles could not be read. The others were published; what would go because of them alone stays until all tiles
    /// are read.
    Partial {
        /// What was read and published; of the tiles that failed, why.
        report: Box<SyncReport>,
        /// Why the first of them failed.
        error: Box<Self>,
    },
    /// There is no listing to compare a replica with: its events view begins at a date.
    NotListed,
    /// Nothing was published that could be compared.
    NotSynced,
    /// There is no access token.
    Token(TokenError),
    /// The window can't be used today.
    Window(PolicyError),
    /// The target can't be built.
    Target(TargetError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Round(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Throttled { retry_at, reason, ids } => {
                write!(f, "{reason}, and no request may be sent before {retry_at}{ids}")
            }
            Self::OutOfTime { after } => {
                write!(f, "the run took longer than {} minutes: the next one goes on from there", after.as_secs() / 60)
            }
            Self::TooManyFullRounds { begun } => {
                write!(
                    f,
                    "{begun} full rounds were begun within a day, and each fills the mailbox a little: try again tomorrow"
                )
            }
            Self::TooManyDeletes { deletes, held, allowed } => {
                write!(
                    f,
                    "the run would delete {deletes} of {held} events, and {allowed} are allowed: nothing was published, and what was read is kept for a run that may"
                )
            }
            Self::Partial { report, error } => {
                let failed = report.tiles.iter().filter(|tile| tile.error.is_some()).count();
                write!(
                    f,
                    "{failed} of {} tiles could not be read, and the others are published: {error}",
                    report.tiles.len()
                )
            }
            Self::NotListed => f.write_str("an events view that begins at a date has no listing to be compared with"),
            Self::NotSynced => f.write_str("nothing was published yet that could be compared: sync first"),
            Self::Token(error) => error.fmt(f),
            Self::Window(error) => error.fmt(f),
            Self::Target(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(match self {
            Self::Round(error) => error,
            Self::Store(error) => error,
            Self::Throttled { .. }
            | Self::OutOfTime { .. }
            | Self::TooManyFullRounds { .. }
            | Self::NotListed
            | Self::NotSynced
            | Self::TooManyDeletes { .. } => return None,
            Self::Partial { error, .. } => error,
            Self::Token(error) => error,
            Self::Window(error) => error,
            Self::Target(error) => error,
        })
    }
}

macro_rules! from {
    ($($variant:ident($error:ty),)*) => {
        $(impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::$variant(error)
            }
        })*
    };
}

from! {
    Round(delta_core::Error),
    Store(store::Error),
    Token(TokenError),
    Window(PolicyError),
    Target(TargetError),
}
