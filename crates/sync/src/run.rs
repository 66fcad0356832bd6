//! A run: a round for each tile of a replica, staged page by page, side by side; what has to be asked about them; then
//! all of it published at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_lock::Mutex as AsyncMutex;
use delta_core::{RequestIds, RoundId, Stall, Timestamp, Window};
use futures_util::future::join_all;
use store::{Batch, Discard, Reading, Revision, Store, Summary, TileId, View};

use crate::error::Error;
use crate::guard::Guard;
use crate::health::Health;
use crate::layout::{Layout, Plan};
use crate::mailbox::Mailbox;
use crate::observer::Notice;
use crate::part::{Part, State};
use crate::replica::Replica;
use crate::report::SyncReport;
use crate::synchronizer::Synchronizer;

/// One run. What its tiles share while they are read side by side is behind locks, which nobody holds while he waits.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Synchronizer,
    pub(crate) store: &'a dyn Store,
    pub(crate) replica: &'a Replica,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) started: Timestamp,
    /// A full round that is due may be begun: there was none today.
    pub(crate) may_read_again: bool,
    health: Mutex<Health>,
    report: Mutex<SyncReport>,
    /// The windows that the replica is to have.
    plan: Mutex<Plan>,
    /// There is to be one tile instead of several.
    pub(crate) collapsed: AtomicBool,
    /// The windows that this run has split, each with its parts.
    splits: Mutex<Vec<Split>>,
    /// Held while what is remembered is written: a later state must not be overtaken by an earlier one.
    remembering: AsyncMutex<()>,
}

/// How a run ended that has published.
pub(crate) struct Published {
    pub(crate) report: SyncReport,
    /// Another one should follow at once: something may have changed since what this one has published was read.
    pub(crate) again: bool,
    /// Why some tiles have no part in it.
    pub(crate) error: Option<Error>,
}

/// A window that this run has split, because it was too much for the server.
pub(crate) struct Split {
    window: Window,
    parts: Vec<Window>,
    /// Its pages never ended, also the largest.
    pub(crate) stalled: bool,
    /// Those of a part don't either, which is not tried again with the others: why.
    pub(crate) vain: Option<(Stall, RequestIds)>,
}

impl<'a> Run<'a> {
    /// One round or listing for each tile, staged and published.
    pub(crate) async fn once(
        engine: &'a Synchronizer,
        replica: &'a Replica,
        store: &'a dyn Store,
    ) -> Result<Published, Error> {
        let now = engine.timer.now();
        let mut health = Health::of(store.view().await?.as_ref());
        health.expire(now);
        let run = Self {
            engine,
            store,
            replica,
            mailbox: engine.mailboxes.of(&replica.root, &replica.resource, &engine.limits),
            started: now,
            may_read_again: health.full_rounds.is_empty(),
            health: Mutex::new(health),
            report: Mutex::new(SyncReport::new(replica, now)),
            plan: Mutex::default(),
            collapsed: AtomicBool::new(false),
            splits: Mutex::default(),
            remembering: AsyncMutex::new(()),
        };
        let outcome = run.go().await;
        run.close(outcome).await
    }

    /// Reads all tiles and publishes them. Says which have failed, and whether another run should follow.
    async fn go(&self) -> Result<(Option<Error>, bool), Error> {
        if let Some(until) = self.health().not_before {
            self.mailbox.close(self.started, until);
        }
        let mut parts = Vec::new();
        loop {
            parts = self.lay_out(parts).await?;
            // Whether the parts of a window get any further is seen by one of them.
            if let Some(first) =
                parts.iter_mut().find(|part| part.state == State::Due && self.is_part(part.tile.window))
            {
                first.read().await;
            }
            join_all(parts.iter_mut().filter(|part| part.state == State::Due).map(Part::read)).await;
            if parts.iter().all(|part| part.state != State::Abandoned) {
                break;
            }
        }
        self.join_splits(&parts);
        self.publish(parts).await
    }

    /// The parts of the run: a tile each. Those that were read already stay; of what earlier runs have left, what fits is
    /// taken up, and the rest discarded.
    async fn lay_out<'r>(&'r self, mut before: Vec<Part<'r>>) -> Result<Vec<Part<'r>>, Error> {
        self.collapsed.store(false, Ordering::Relaxed);
        let view = self.store.view().await?;
        let known: Vec<_> = before.iter().map(|part| part.tile.clone()).collect();
        let layout = Layout::of(self.replica, &self.health(), view.as_ref(), &known, self.started)?;
        let siblings = layout.tiles.len();
        let mut parts = Vec::with_capacity(siblings);
        for tile in layout.tiles {
            match before.iter().position(|part| part.tile.id == tile.id) {
                Some(at) => {
                    let part = before.swap_remove(at);
                    let state = if part.state == State::Abandoned { State::Due } else { part.state };
                    parts.push(Part { state, siblings, ..part });
                }
                None => parts.push(Part::new(self, tile, siblings, view.as_ref())?),
            }
        }
        if let (Some(stored), Some(part)) = (view.identity(), parts.first()) {
            stored.check(&self.replica.identity(&part.target))?;
        }
        self.take_up(view.as_ref(), &mut parts).await?;
        *lock(&self.plan) = layout.plan.clone();
        let plan = (!layout.told).then_some(layout.plan);
        if self.health().plan != plan {
            self.health().plan = plan;
            self.remember().await?;
        }
        Ok(parts)
    }

    async fn take_up(&self, view: &dyn View, parts: &mut [Part<'_>]) -> Result<(), Error> {
        for staged in view.rounds() {
            let taken = match parts.iter_mut().find(|part| part.tile.id == staged.tile.id) {
                Some(part) => part.take_up(&staged),
                // If its parts don't get through either, it goes on.
                None => self.has_split(staged.tile.window),
            };
            if !taken {
                self.discard(staged.round).await?;
            }
        }
        Ok(())
    }

    /// Asks what has to be asked about the staged rounds, and publishes them. Tiles that were there before and are to go
    /// are retired in the same step, if all that are to be there were read.
    async fn publish(&self, parts: Vec<Part<'_>>) -> Result<(Option<Error>, bool), Error> {
        let (read, failed): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.state == State::Read);
        let view = self.store.view().await?;
        let wanted: BTreeSet<TileId> = read.iter().chain(&failed).map(|part| part.tile.id).collect();
        let others = view.tiles().iter().map(|tile| tile.id).filter(|tile| !wanted.contains(tile));
        let retire: Vec<TileId> = others.filter(|_| failed.is_empty()).collect();
        let mut reports: Vec<_> = read.iter().chain(&failed).map(|part| part.report.clone()).collect();
        reports.sort_by_key(|tile| tile.window.map(|window| window.start()));
        let report = self.report().clone().of_tiles(reports);
        *self.report() = report;
        let mut errors: Vec<Error> = failed.into_iter().filter_map(|part| part.error).collect();
        // A store that fails does so for all tiles.
        if let Some(at) = errors.iter().position(|error| matches!(error, Error::Store(_))) {
            return Err(errors.swap_remove(at));
        }
        let error = errors.into_iter().next();
        let Some(first) = read.first() else { return error.map_or(Ok((None, false)), Err) };
        let of_read = |tile: TileId| read.iter().any(|part| part.tile.id == tile);
        let rounds = view.rounds().into_iter().filter(|staged| staged.is_complete() && of_read(staged.tile.id));
        let rounds: Vec<RoundId> = rounds.map(|staged| staged.round).collect();
        let identity = self.replica.identity(&first.target);
        let mut run = store::Run::new(self.engine.timer.now(), identity, rounds, retire);
        run.reading = match (&error, read.len()) {
            (Some(_), _) => Reading::Partial,
            (None, 1) => Reading::Whole,
            (None, _) => Reading::SideBySide,
        };
        run.silent = read.iter().filter_map(|part| part.silent.clone()).collect();
        let reading = run.reading;
        let owed = self.settle(view.as_ref(), &mut run, &read).await?;
        run.at = self.engine.timer.now();
        let (revision, changes, admitted) = self.write(view.as_ref(), run).await?;
        if admitted {
            let mut health = self.health();
            health.owed = owed;
            if error.is_none() {
                health.plan = None;
                health.keep(&wanted);
            }
        }
        let mut report = self.report();
        (report.changes, report.published, report.revision) = (changes, admitted, revision.0);
        let moved = reading == Reading::SideBySide && changes.unsettled > 0;
        let again = admitted && (report.resumed_pages > 0 || moved);
        Ok((error, again))
    }

    /// Publishes a run, if it may be: the revision then, what changes, and whether it was.
    async fn write(&self, view: &dyn View, run: store::Run) -> Result<(Revision, Summary, bool), Error> {
        if self.engine.guard == Guard::default() {
            // Nobody has to look at all of it at once.
            let (revision, changes) = store::publish(self.store, view, run).await?;
            return Ok((revision, changes, true));
        }
        let (publish, changes) = store::plan(view, run).await?;
        if !self.engine.guard.admits(view, &publish, self.engine.observer.as_ref()).await? {
            return Ok((view.revision(), changes, false));
        }
        Ok((self.store.write(Batch::Publish(publish)).await?, changes, true))
    }

    /// Notes that a tile's window is too much for the server, so that it is split from now on; false if it can't be.
    pub(crate) fn split(&self, window: Window, stalled: bool) -> bool {
        let (mut splits, mut plan) = (lock(&self.splits), lock(&self.plan));
        let is_part = splits.iter().any(|split| split.parts.contains(&window));
        let asked = self.replica.tiles.get();
        let one = self.health().collapsed.is_some_and(|collapsed| collapsed.instead_of == asked);
        let Some((split, parts)) = plan.split(&window).filter(|_| !is_part && !one) else { return false };
        *plan = split;
        self.health().plan = Some(plan.clone());
        splits.push(Split { window, parts, stalled, vain: None });
        true
    }

    /// Whether this run has made it by splitting another window.
    pub(crate) fn is_part(&self, window: Option<Window>) -> bool {
        self.split_of(window, |_| ()).is_some()
    }

    /// Tells of the split that has made a window, or changes it.
    pub(crate) fn split_of<T>(&self, window: Option<Window>, tell: impl FnOnce(&mut Split) -> T) -> Option<T> {
        let window = window?;
        lock(&self.splits).iter_mut().find(|split| split.parts.contains(&window)).map(tell)
    }

    fn has_split(&self, window: Option<Window>) -> bool {
        lock(&self.splits).iter().any(|split| Some(split.window) == window)
    }

    /// Takes back the splits that have not helped: where no part got through, the width was not what was wrong.
    fn join_splits(&self, parts: &[Part<'_>]) {
        for Split { window, parts: of_it, .. } in lock(&self.splits).iter() {
            let mut of_it = parts.iter().filter(|part| part.tile.window.is_some_and(|part| of_it.contains(&part)));
            if of_it.all(|part| matches!(part.error, Some(Error::Round(_)))) {
                let mut plan = lock(&self.plan);
                *plan = plan.joined(window);
                self.health().plan = Some(plan.clone()).filter(|plan| plan.windows.len() > 1);
            }
        }
    }

    /// Notes that the server has forgotten a tile's state right after the rounds of its siblings. If that happens again and
    /// again there is one tile from now on: true.
    pub(crate) fn clash(&self, siblings: usize) -> bool {
        let asked = self.replica.tiles.get();
        let collapsed = self.health().clash(asked, self.engine.timer.now());
        if collapsed {
            self.collapsed.store(true, Ordering::Relaxed);
            self.degrade(format!(
                "one tile instead of {siblings}: the server forgets where one was when it is asked for another"
            ));
        }
        collapsed
    }

    pub(crate) fn degrade(&self, what: String) {
        self.engine.observer.notice(&Notice::Degraded(&what));
        self.report().run.degradations.push(what);
    }

    /// When the run has to be over.
    pub(crate) fn deadline(&self) -> Timestamp {
        later(self.started, self.engine.limits.max_run)
    }

    pub(crate) async fn discard(&self, round: RoundId) -> Result<(), Error> {
        self.store.write(Batch::Discard(Discard { round })).await?;
        Ok(())
    }

    /// Writes down what is worth knowing later, and gives the report.
    async fn close(self, outcome: Result<(Option<Error>, bool), Error>) -> Result<Published, Error> {
        let mut report = self.report().clone();
        report.run.finished = self.engine.timer.now();
        let error = match &outcome {
            Ok((error, _)) => error.as_ref(),
            Err(error) => Some(error),
        };
        report.run.error = error.map(ToString::to_string);
        report.run.trouble = error.map(Error::trouble);
        // A run in which nothing happened is not worth a write: the published tile says when it was.
        if !report.run.is_uneventful() {
            self.health().last_run = Some(report.run.clone().cut());
        }
        match (outcome, self.remember().await) {
            (Err(error), _) => Err(error),
            (Ok(_), Err(error)) => Err(error),
            (Ok((error, again)), Ok(())) => Ok(Published { report, again, error }),
        }
    }

    /// Writes down what the engine has to find again, if it is not what is there.
    pub(crate) async fn remember(&self) -> Result<(), Error> {
        let _alone = self.remembering.lock().await;
        let view = self.store.view().await?;
        let (state, nothing) = {
            let mut health = self.health();
            if view.identity().is_none() {
                health.target = Some(self.replica.resource.to_string());
            }
            (health.to_state(), *health == Health::default())
        };
        let known = view.engine_state().map_or(nothing, |known| *known == state);
        if !known {
            self.store.write(Batch::EngineState(state)).await?;
        }
        Ok(())
    }

    /// What is remembered. Nobody waits while he holds it.
    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        lock(&self.health)
    }

    /// What was done so far. Nobody waits while he holds it.
    pub(crate) fn report(&self) -> MutexGuard<'_, SyncReport> {
        lock(&self.report)
    }
}

/// A panic elsewhere leaves nothing half done in here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A time so much later.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    let ticks = i64::try_from(by.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
    Timestamp::from_ticks(from.ticks().saturating_add(ticks))
}
