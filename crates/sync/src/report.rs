//! What a run did.

use delta_core::{RoundKind, Timestamp, Window};
use serde::Serialize;
use store::{Summary, Tile};

use crate::health::LastRun;
use crate::replica::Replica;

/// What a run did. Serialised, it is the body of the command line's `sync-report/1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// The resource, such as `me`.
    pub target: String,
    /// The window, of a calendar view.
    pub window: Option<Window>,
    /// Whether the round replaced or merged.
    pub round: RoundKind,
    /// Whether a plain listing stood in for it.
    pub listing: bool,
    /// How many pages an earlier run had staged already.
    pub resumed_pages: u32,
    /// Pages received.
    pub pages: u32,
    /// Items on them.
    pub items: u64,
    /// Bytes of all bodies, inflated.
    pub bytes: u64,
    /// Events that were asked for one by one.
    pub fetched: u64,
    /// Events that were asked for in vain: they stay as they are until a later run.
    pub unanswered: u64,
    /// What changed in the replica.
    pub changes: Summary,
    /// Whether it was published: false if it was a [dry run](crate::Guard::dry_run).
    pub published: bool,
    /// How many runs the replica has published.
    pub revision: u64,
    /// Requests, waits, restarts, degradations, ids: what is remembered of the run.
    #[serde(flatten)]
    pub run: LastRun,
}

impl SyncReport {
    pub(crate) fn new(replica: &Replica, tile: &Tile, now: Timestamp) -> Self {
        Self {
            target: replica.resource.to_string(),
            window: tile.window,
            round: RoundKind::Full,
            listing: false,
            resumed_pages: 0,
            pages: 0,
            items: 0,
            bytes: 0,
            fetched: 0,
            unanswered: 0,
            changes: Summary::default(),
            published: false,
            revision: 0,
            run: LastRun::new(now),
        }
    }

    /// The report of two rounds, one right after the other.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        Self {
            pages: self.pages.saturating_add(next.pages),
            items: self.items.saturating_add(next.items),
            bytes: self.bytes.saturating_add(next.bytes),
            fetched: self.fetched.saturating_add(next.fetched),
            unanswered: next.unanswered,
            changes: self.changes.plus(&next.changes),
            run: self.run.followed_by(next.run),
            listing: next.listing,
            window: next.window,
            published: next.published,
            revision: next.revision,
            target: self.target,
            round: self.round,
            resumed_pages: self.resumed_pages,
        }
    }
}
