//! What a driver is told to do next.

use std::time::Duration;

use crate::challenge::Challenge;
use crate::checkpoint::{Checkpoint, RoundId, RoundKind};
use crate::graph_error::RequestIds;
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
    /// Throw away what was stored of the round: it begins anew, mostly as a full one. What is published stays.
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
    /// Whether no request to this mailbox may be sent before, and not only this one: Graph throttles by mailbox, and
    /// what is sent all the same makes it last longer (Graph's documentation).
    pub of_mailbox: bool,
    /// The response's ids, if there was one.
    pub ids: RequestIds,
}

/// Why a round begins anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// The round whose pages are void.
    pub void: RoundId,
    /// What the round is from here. A full one reads everything again.
    pub kind: RoundKind,
    /// Why, in words: Graph's code where there is one, such as `SyncStateNotFound`.
    pub reason: String,
    /// The ids of the response that led to it.
    pub ids: RequestIds,
}
