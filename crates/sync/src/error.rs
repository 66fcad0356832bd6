//! Why a run ended without publishing.

use std::fmt;

use delta_core::{TargetError, Wait};

use crate::policy::PolicyError;
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
    Throttled(Wait),
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
            Self::Throttled(wait) => {
                let pause = match wait.duration.as_secs().div_ceil(60) {
                    minutes @ 0..=1440 => format!("{minutes} minutes"),
                    _ => "more than a day".to_owned(),
                };
                write!(f, "{}, and asks for a pause of {pause}; try again then", wait.reason)
            }
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
            Self::Throttled(_) => return None,
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
