//! What a run did.

use std::fmt;
use std::time::Duration;

use delta_core::{RequestIds, RoundKind, Timestamp, Window};
use serde::Serialize;
use store::Summary;

use crate::health::LastRun;
use crate::replica::Replica;

/// What a run did. Serialised, it is the body of the command line's `sync-report/1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// The resource, such as `me`.
    pub target: String,
    /// The window, of a calendar view: from the start of its first tile to the end of its last.
    pub window: Option<Span>,
    /// Whether the rounds replaced or merged: full if one of them was.
    pub round: RoundKind,
    /// Whether a plain listing stood in for one of them.
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
    /// What was read of each tile, in the order of time.
    pub tiles: Vec<TileReport>,
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

/// The window of several tiles, which together may be wider than Graph allows one to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first instant.
    pub start: Timestamp,
    /// The instant after the last.
    pub end: Timestamp,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

/// What a run read of one tile.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TileReport {
    /// Its window, of a calendar view.
    pub window: Option<Window>,
    /// Whether its round replaced or merged.
    pub round: RoundKind,
    /// Whether a plain listing stood in for it.
    pub listing: bool,
    /// How many of its pages an earlier run had staged already.
    pub resumed_pages: u32,
    /// Pages received.
    pub pages: u32,
    /// Items on them.
    pub items: u64,
    /// Why it was not read to the end, in words. The other tiles were published without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl SyncReport {
    pub(crate) fn new(replica: &Replica, now: Timestamp) -> Self {
        Self {
            target: replica.resource.to_string(),
            window: None,
            round: RoundKind::Full,
            listing: false,
            resumed_pages: 0,
            pages: 0,
            items: 0,
            bytes: 0,
            fetched: 0,
            unanswered: 0,
            tiles: Vec::new(),
            changes: Summary::default(),
            published: false,
            revision: 0,
            run: LastRun::new(now),
        }
    }

    pub(crate) fn count_request(&mut self) {
        self.run.requests = self.run.requests.saturating_add(1);
    }

    pub(crate) fn count_response(&mut self, ids: &RequestIds, bytes: usize) {
        self.run.ids(ids);
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    pub(crate) fn count_fetched(&mut self) {
        self.fetched = self.fetched.saturating_add(1);
    }

    pub(crate) fn count_wait(&mut self, duration: Duration) {
        self.run.waits = self.run.waits.saturating_add(1);
        self.run.waited_seconds += duration.as_secs_f64();
    }

    /// The same with what was read of the tiles.
    pub(crate) fn of_tiles(self, tiles: Vec<TileReport>) -> Self {
        let windows = || tiles.iter().filter_map(|tile| tile.window);
        let (start, end) = (windows().map(|window| window.start()).min(), windows().map(|window| window.end()).max());
        let full = tiles.iter().any(|tile| tile.round == RoundKind::Full);
        let sum = |count: fn(&TileReport) -> u32| tiles.iter().map(count).fold(0, u32::saturating_add);
        Self {
            window: start.zip(end).map(|(start, end)| Span { start, end }),
            round: if full { RoundKind::Full } else { RoundKind::Incremental },
            listing: tiles.iter().any(|tile| tile.listing),
            resumed_pages: sum(|tile| tile.resumed_pages),
            pages: sum(|tile| tile.pages),
            items: tiles.iter().map(|tile| tile.items).fold(0, u64::saturating_add),
            tiles,
            ..self
        }
    }

    /// The report of two rounds, one right after the other.
    pub(crate) fn followed_by(self, next: Self) -> Self {
        let tiles = next.tiles.into_iter().map(|tile| match self.tiles.iter().find(|was| was.window == tile.window) {
            Some(was) => was.clone().followed_by(tile),
            None => tile,
        });
        Self {
            tiles: tiles.collect(),
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

impl TileReport {
    pub(crate) fn new(window: Option<Window>) -> Self {
        let round = RoundKind::Full;
        Self { window, round, listing: false, resumed_pages: 0, pages: 0, items: 0, error: None }
    }

    fn followed_by(self, next: Self) -> Self {
        Self {
            pages: self.pages.saturating_add(next.pages),
            items: self.items.saturating_add(next.items),
            listing: next.listing,
            error: next.error,
            ..self
        }
    }
}
