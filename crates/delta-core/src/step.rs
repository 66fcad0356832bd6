//! What a driver is told to do next.

use std::fmt;
use std::time::Duration;

use crate::checkpoint::{Checkpoint, RoundId};
use crate::link::DeltaLink;
use crate::page::Page;

/// What a response, or its absence, means for the round. Exhaustive on purpose: a driver that does not know a step
/// must not compile.
#[derive(Debug)]
#[must_use = "a step says what to do with the page and what to do next"]
pub enum Step<B> {
    /// A page, and more to come. Store both together, then ask for the next request.
    Page {
        /// The page.
        page: Page<B>,
        /// The position after it.
        checkpoint: Checkpoint,
    },
    /// The last page. Store both together; what the round brought may now be published.
    Complete {
        /// The page.
        page: Page<B>,
        /// Where the next round begins.
        link: DeltaLink,
    },
    /// Send nothing before this time is over, then ask for the request again.
    Wait(Wait),
    /// Get another access token, then ask for the request again.
    Authenticate(Challenge),
    /// Throw away what was stored of the round: it begins anew, as a full one. What is published stays.
    Restart(Restart),
}

/// A pause before the next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// How long.
    pub duration: Duration,
    /// Why, in words.
    pub reason: String,
    /// How many attempts at this request have failed.
    pub attempt: u32,
}

/// What the server asks of the next access token.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The `claims` of the `WWW-Authenticate` header, as received (base64, with continuous access evaluation); to be
    /// handed to the token provider. Without, a refreshed token is enough.
    pub claims: Option<String>,
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Challenge").field("claims", &self.claims.as_ref().map(|_| "…")).finish()
    }
}

/// Why a round begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The round whose pages are void.
    pub void: RoundId,
    /// Why, in words: Graph's code where there is one, such as `SyncStateNotFound`.
    pub reason: String,
}
