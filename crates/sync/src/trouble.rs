//! What kind of trouble an error is: what somebody who looks after many replicas wants to know first.

use delta_core::{FailureKind, Refusal};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Trouble {
    /// Somebody has to log in, or to give a permission.
    NeedsLogin,
    /// The mailbox is to be left alone for a while, or the store is in use.
    Throttled,
    /// The server is not reached, or can't answer.
    Unreachable,
    /// The mailbox or the calendar is not there, or not now. What is stored is kept.
    Suspended,
    /// What came can't be understood, or what is stored is damaged.
    Broken,
    /// Somebody has to decide.
    Held,
    /// Something else.
    Failing,
}

impl Error {
    /// What kind of trouble it is.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Round(error) => of_round(error),
            Self::Store(error) => match error {
                store::Error::Damaged { .. } => Trouble::Broken,
                store::Error::Locked { .. } => Trouble::Throttled,
                store::Error::NotAStore { .. } | store::Error::Newer { .. } | store::Error::Identity { .. } => {
                    Trouble::Held
                }
                _ => Trouble::Failing,
            },
            Self::Throttled { .. } | Self::OutOfTime { .. } | Self::TooManyFullRounds { .. } => Trouble::Throttled,
            Self::TooManyDeletes { .. } | Self::NotListed | Self::Window(_) | Self::Target(_) => Trouble::Held,
            Self::NotSynced => Trouble::Failing,
            Self::Partial { error, .. } => error.trouble(),
            Self::Token(_) => Trouble::NeedsLogin,
        }
    }
}

fn of_round(error: &delta_core::Error) -> Trouble {
    use delta_core::Error;
    match error {
        Error::Refused { refusal, .. } => match refusal {
            Refusal::Unauthenticated | Refusal::Forbidden | Refusal::ForbiddenLink => Trouble::NeedsLogin,
            Refusal::Throttled | Refusal::Forgotten => Trouble::Throttled,
            Refusal::Overloaded | Refusal::Unavailable => Trouble::Unreachable,
            Refusal::NotFound | Refusal::MailboxUnavailable | Refusal::QuotaExceeded => Trouble::Suspended,
            _ => Trouble::Failing,
        },
        Error::NoResponse { failure, .. } => match failure.kind {
            FailureKind::BodyTooLarge | FailureKind::Decode => Trouble::Broken,
            _ => Trouble::Unreachable,
        },
        _ => Trouble::Broken,
    }
}
