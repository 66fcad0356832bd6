//! What a run did.

use delta_core::{RoundKind, Timestamp, Window};
use serde::Serialize;
use store::{Summary, Tile};

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
    /// How many pages an earlier run had staged already.
    pub resumed_pages: u32,
    /// Requests sent.
    pub requests: u32,
    /// Pages received.
    pub pages: u32,
    /// Items on them.
    pub items: u64,
    /// Bytes of all bodies, inflated.
    pub bytes: u64,
    /// How often the server or the network made the run wait.
    pub waits: u32,
    /// For how long in all, in seconds.
    pub waited_seconds: f64,
    /// Why the round began anew, each time that it did.
    pub restarts: Vec<String>,
    /// What changed in the replica.
    pub changes: Summary,
    /// How many runs the replica has published.
    pub revision: u64,
    /// When the run began.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
}

impl SyncReport {
    pub(crate) fn new(replica: &Replica, tile: &Tile, now: Timestamp) -> Self {
        Self {
            target: replica.resource.to_string(),
            window: tile.window,
            round: RoundKind::Full,
            resumed_pages: 0,
            requests: 0,
            pages: 0,
            items: 0,
            bytes: 0,
            waits: 0,
            waited_seconds: 0.0,
            restarts: Vec::new(),
            changes: Summary::default(),
            revision: 0,
            started: now,
            finished: now,
        }
    }

    /// The report of two rounds, one right after the other.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        let mut restarts = self.restarts;
        restarts.extend(next.restarts);
        Self {
            requests: self.requests.saturating_add(next.requests),
            pages: self.pages.saturating_add(next.pages),
            items: self.items.saturating_add(next.items),
            bytes: self.bytes.saturating_add(next.bytes),
            waits: self.waits.saturating_add(next.waits),
            waited_seconds: self.waited_seconds + next.waited_seconds,
            restarts,
            changes: self.changes.plus(&next.changes),
            window: next.window,
            revision: next.revision,
            finished: next.finished,
            target: self.target,
            round: self.round,
            resumed_pages: self.resumed_pages,
            started: self.started,
        }
    }
}
