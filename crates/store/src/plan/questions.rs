//! What has to be asked before a run is published: what would be wrong, or in doubt, if it were published as it is.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::EventType;

use super::{Plan, ROWS, Round, Run};
use crate::Error;
use crate::model::{Row, StagedRound, TileId, What};
use crate::store::View;

/// How many of the events that go are asked for: beyond that they are too many for a question each.
const MOST_REMOVED: usize = 200;

/// What only the server can tell, as long as it was not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Events that are there, and that were told of in items that could not be understood.
    pub unread: Vec<(TileId, Arc<str>)>,
    /// Events that a plain listing did not show, although its tile holds them, or one that goes and they are at dates that
    /// were listed: they may be gone, or may have slipped from one page to another while it was read. Series masters are
    /// never in the listing of a window, so their absence is no question there.
    pub absent: Vec<(TileId, Arc<str>)>,
    /// Series of which a round does not say which members they have: the master came alone or not at all, or a member
    /// would go without an `@removed` of its own.
    pub series: Vec<(TileId, Arc<str>)>,
    /// Events that go, at most 200: they may be deleted, or may be somewhere outside the window.
    pub removed: Vec<(TileId, Arc<str>)>,
    /// Masters of series that a round told of without them.
    pub masters: Vec<Arc<str>>,
    /// Events that were told of with some of their properties only, or in different versions by different tiles.
    pub stale: Vec<Arc<str>>,
}

/// What has to be asked before a run is published. What was asked is in the run, and is no question any more.
///
/// # Errors
/// Those of [`plan`](super::plan()).
pub async fn questions(view: &dyn View, run: &Run) -> Result<Questions, Error> {
    ask(view, run, super::publish::MOST).await
}

/// The same, with the items of a first full round of more than `most` looked at one by one.
pub(super) async fn ask(view: &dyn View, run: &Run, most: usize) -> Result<Questions, Error> {
    let plan = Plan::of(view, run, most).await?;
    let mut asked = Questions::default();
    for round in &plan.rounds {
        asked.unread.extend(round.unread.keys().map(|id| (round.tile(), id.clone())));
        if round.staged.is_listing() {
            absent(view, &round.staged, &round.seen, &run.retire, &mut asked.absent).await?;
        }
    }
    // Where a whole series may be gone, one answer about it is enough for all of its members.
    let mut pending: BTreeSet<Arc<str>> = BTreeSet::new();
    for doubt in plan.doubts().await? {
        if doubt.members && doubt.removed && !run.trust {
            pending.insert(doubt.series.clone());
            asked.series.push((doubt.tile, doubt.series.clone()));
            asked.masters.extend(doubt.master.then_some(doubt.series));
            continue;
        }
        asked.removed.extend(doubt.strays.into_iter().map(|id| (doubt.tile, id)));
        asked.series.extend(doubt.members.then(|| (doubt.tile, doubt.series.clone())));
        asked.masters.extend(doubt.master.then_some(doubt.series));
    }
    let unread: BTreeSet<&Arc<str>> = asked.unread.iter().map(|(_, id)| id).collect();
    for (id, work) in &plan.works {
        if (work.is_stale() || work.is_disputed()) && !unread.contains(id) {
            asked.stale.push(id.clone());
        }
        let waits = work.series_before().is_some_and(|series| pending.contains(series));
        if !waits && work.is_unconfirmed() && work.kind_before() != EventType::SeriesMaster {
            asked.removed.extend(plan.loser(work.before.as_ref()).map(|tile| (tile, id.clone())));
        }
    }
    asked.removed.truncate(MOST_REMOVED);
    Ok(asked)
}

impl Plan<'_> {
    /// The tile of this run that a row was held by, or that may have read its dates in the place of one that goes; any, if
    /// an earlier run could not tell whether it is deleted.
    fn loser(&self, before: Option<&Row>) -> Option<TileId> {
        let before = before?;
        let rounds = || self.rounds.iter().filter(|round| !round.staged.is_listing());
        let mut readers = rounds().filter(|round| round.reads_everything() && round.staged.tile.window.is_some());
        let held = rounds().find(|round| before.holds.contains(&round.tile()));
        let read = || readers.find(|round| touches(&round.staged, before));
        let doubtful = before.unsettled.is_some_and(|loss| loss.what == What::Deleted);
        let any = || self.rounds.first().filter(|_| doubtful);
        held.or_else(read).or_else(any).map(Round::tile)
    }
}

async fn absent(
    view: &dyn View,
    round: &StagedRound,
    seen: &BTreeSet<Arc<str>>,
    retire: &[TileId],
    found: &mut Vec<(TileId, Arc<str>)>,
) -> Result<(), Error> {
    let mut after: Option<Arc<str>> = None;
    loop {
        let rows = view.rows(after.as_deref(), ROWS).await?;
        let listed = |row: &&Row| round.tile.window.is_none() || row.meta.kind != EventType::SeriesMaster;
        for row in rows.iter().filter(listed).filter(|row| !seen.contains(&row.meta.id)) {
            let asked = |tile: &&TileId| **tile == round.tile.id || (retire.contains(tile) && touches(round, row));
            found.extend(row.holds.iter().filter(asked).map(|tile| (*tile, row.meta.id.clone())));
        }
        match rows.last() {
            Some(last) if rows.len() == ROWS => after = Some(last.meta.id.clone()),
            _ => return Ok(()),
        }
    }
}

/// Whether a round has surely read the dates that a row is at, whichever of two readings is Graph's: that a window holds
/// what overlaps it, or what starts in it. A master has no dates of its own, so only its members could tell.
pub(super) fn covers(round: &StagedRound, row: &Row) -> bool {
    let Some(window) = round.tile.window else { return true };
    let start = row.meta.start.filter(|_| row.meta.kind != EventType::SeriesMaster);
    start.is_some_and(|start| window.start() <= start && start < window.end())
}

/// Whether a round may have read the dates that a row is at, in either of the readings. All-day events have dates, which
/// begin and end up to 14 hours earlier or later than they are written.
pub(super) fn touches(round: &StagedRound, row: &Row) -> bool {
    let (Some(window), Some(start)) = (round.tile.window, row.meta.start) else { return true };
    let end = row.meta.end.unwrap_or(start).max(start);
    row.meta.kind == EventType::SeriesMaster
        || (start < window.end().plus_seconds(FLOATING) && end >= window.start().plus_seconds(-FLOATING))
}

/// How far a time without a zone is from UTC at most, in seconds.
const FLOATING: i64 = 14 * 60 * 60;
