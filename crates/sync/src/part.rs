//! A tile's part in a run: its round, or a plain listing in its place.

use std::num::NonZeroU32;

use bytes::Bytes;
use delta_core::{Page, Preferences, Refusal, RequestIds, RoundKind, Stall, Target, Timestamp};
use store::{StagedRound, Tile, TileId, View};

use crate::error::Error;
use crate::health::{SnapshotMode, cut};
use crate::observer::Notice;
use crate::report::TileReport;
use crate::rounds::Left;
use crate::run::Run;

/// How long plain listings stand in before delta queries are tried again, in seconds.
const SNAPSHOT_SECONDS: i64 = 24 * 60 * 60;
/// The same where the server forgot or was overloaded, which passes sooner.
const SHORT_SNAPSHOT_SECONDS: i64 = 60 * 60;

/// The size of the largest pages.
const LARGEST_PAGE: u32 = 1_000;

/// One tile in a run.
pub(crate) struct Part<'r> {
    pub(crate) run: &'r Run<'r>,
    pub(crate) tile: Tile,
    pub(crate) target: Target,
    /// How many tiles the replica has.
    pub(crate) siblings: usize,
    /// What an earlier run has left of its round.
    pub(crate) left: Left,
    /// Its round, if that had nothing to tell: it is not staged.
    pub(crate) silent: Option<StagedRound>,
    pub(crate) state: State,
    pub(crate) report: TileReport,
    pub(crate) error: Option<Error>,
}

/// How far a part has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// It is to be read.
    Due,
    /// It is staged to its end.
    Read,
    /// It could not be read.
    Failed,
    /// The replica is to have other tiles: whether this one is still among them is to be seen.
    Abandoned,
}

impl<'r> Part<'r> {
    pub(crate) fn new(run: &'r Run<'r>, tile: Tile, siblings: usize, view: &dyn View) -> Result<Self, Error> {
        let target = run.replica.target(&tile)?;
        let others: Vec<TileId> = view.tiles().iter().map(|tile| tile.id).collect();
        let begun = view.rounds().iter().any(|staged| staged.tile.id == tile.id);
        if !begun && !others.contains(&tile.id) {
            run.health().begin(tile.id, &others);
        }
        let report = TileReport::new(tile.window);
        let (left, silent, state, error) = (Left::Nothing, None, State::Due, None);
        Ok(Self { run, tile, target, siblings, left, silent, state, report, error })
    }

    /// Whether what is staged is its own, or is to be gone on with.
    pub(crate) fn take_up(&mut self, staged: &StagedRound) -> bool {
        if self.state == State::Read {
            return true;
        }
        // A listing takes the place of what is staged once there is one.
        if self.stands_in() {
            return true;
        }
        if !matches!(self.left, Left::Nothing) {
            return false;
        }
        self.left = self.resume(staged);
        let taken = !matches!(self.left, Left::Nothing);
        if taken {
            self.report.resumed_pages = staged.pages;
            self.report.round = staged.kind;
            self.announce(staged.kind, staged.pages);
        }
        taken
    }

    /// Reads the tile: a delta round, or a plain listing if that is due or the round does not get through.
    pub(crate) async fn read(&mut self) {
        let read = match self.listing().filter(|_| self.stands_in()) {
            Some(listing) => self.list(listing).await.map(|()| State::Read),
            None => self.read_or_list().await,
        };
        self.state = match read {
            Ok(state) => state,
            Err(error) => {
                self.report.error = Some(error.to_string());
                self.error = Some(error);
                State::Failed
            }
        };
    }

    fn stands_in(&self) -> bool {
        let snapshot = self.run.health().of_tile(self.tile.id).snapshot;
        let has_listing = self.tile.window.is_some() || self.run.replica.start.is_none();
        has_listing && snapshot.is_some_and(|mode| self.run.started < mode.retry_at)
    }

    /// A delta round; or the window in parts, or a listing, if that does not get through.
    async fn read_or_list(&mut self) -> Result<State, Error> {
        let vain = self.run.split_of(self.tile.window, |split| split.vain.clone()).flatten();
        let read = match vain {
            Some((stall, ids)) => Err(Error::Round(delta_core::Error::Stalled { stall, pages: 0, ids })),
            None => self.read_round().await,
        };
        let error = match read {
            Ok(state) => {
                self.run.health().stand_in(self.tile.id, None);
                return Ok(state);
            }
            Err(error) => error,
        };
        let stalled = stall(&error);
        if let Some(stalled) = stalled.clone() {
            self.run.split_of(self.tile.window, |split| split.vain = split.stalled.then_some(stalled));
        }
        if let (true, Some(window)) = (self.may_be_too_wide(&error), self.tile.window)
            && self.run.split(window, stalled.is_some())
        {
            self.run.degrade(format!("the window in parts: {error}"));
            return Ok(State::Abandoned);
        }
        let seconds = match &error {
            Error::Round(error) if error.escapes_to_snapshot() => match error {
                delta_core::Error::Refused { refusal, .. } if refusal.is_temporary() => SHORT_SNAPSHOT_SECONDS,
                delta_core::Error::NoResponse { .. } => SHORT_SNAPSHOT_SECONDS,
                _ => SNAPSHOT_SECONDS,
            },
            Error::TooManyFullRounds { .. } => SHORT_SNAPSHOT_SECONDS,
            _ => return Err(error),
        };
        let Some(listing) = self.listing() else { return Err(error) };
        let mut reason = error.to_string();
        self.run.degrade(format!("a plain listing instead of a delta query: {reason}"));
        cut(&mut reason);
        let now = self.run.engine.timer.now();
        let before = self.run.health().of_tile(self.tile.id).snapshot;
        let since = before.as_ref().map_or(now, |mode| mode.since);
        let mode = SnapshotMode { since, retry_at: now.plus_seconds(seconds), reason };
        self.run.health().stand_in(self.tile.id, Some(mode));
        let listed = self.list(listing).await;
        if let Err(Error::Round(_)) = listed {
            // Nothing gets through, so there is nothing to stand in for.
            self.run.health().stand_in(self.tile.id, before);
            return Err(error);
        }
        listed.map(|()| State::Read)
    }

    /// Whether fewer days may be what gets through: where the pages never end, or a round that reads everything is too much
    /// for the server.
    fn may_be_too_wide(&self, error: &Error) -> bool {
        let full = self.report.round == RoundKind::Full;
        match error {
            Error::Round(delta_core::Error::Stalled { stall, .. }) => *stall != Stall::Empty,
            Error::Round(delta_core::Error::Refused { refusal: Refusal::Overloaded, .. }) => full,
            Error::Round(error @ delta_core::Error::NoResponse { .. }) => full && error.escapes_to_snapshot(),
            _ => false,
        }
    }

    /// What every request prefers, with the page size that is known to work.
    pub(crate) fn preferences(&self) -> Preferences {
        let asked = self.run.replica.preferences();
        // Smaller ones have come to no end before the window was split.
        let largest = self.run.split_of(self.tile.window, |split| split.stalled) == Some(true);
        let known = self.run.health().of_tile(self.tile.id);
        let known = known.page_size(asked.page_size);
        Preferences { page_size: if largest { NonZeroU32::new(LARGEST_PAGE) } else { known }, ..asked }
    }

    /// Counts a page that was staged.
    pub(crate) fn count(&mut self, number: u32, page: &Page<Bytes>, last: bool) {
        self.report.pages = self.report.pages.saturating_add(1);
        self.report.items = self.report.items.saturating_add(page.len() as u64);
        self.run.engine.observer.notice(&Notice::Page { number, page, last });
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.run.engine.timer.now()
    }
}

/// Why pages never ended, where they brought nothing new: then their number tells nothing.
fn stall(error: &Error) -> Option<(Stall, RequestIds)> {
    match error {
        Error::Round(delta_core::Error::Stalled { stall, ids, .. }) => Some((*stall, ids.clone())),
        _ => None,
    }
}
