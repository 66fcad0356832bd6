//! A run: the round of a replica's tile, or a plain listing in its place, staged page by page; what has to be asked
//! about it; then all of it published at once.

use std::sync::Arc;
use std::time::Duration;

use delta_core::{Preferences, RoundId, Target, Timestamp};
use store::{Batch, Discard, Store, Tile, TileId, View};

use crate::error::Error;
use crate::guard::Guard;
use crate::health::{Health, SnapshotMode, cut};
use crate::mailbox::Mailbox;
use crate::observer::Notice;
use crate::replica::Replica;
use crate::report::SyncReport;
use crate::synchronizer::Synchronizer;

/// How long plain listings stand in before delta queries are tried again, in seconds.
const SNAPSHOT_SECONDS: i64 = 24 * 60 * 60;
/// The same where the server forgot or was overloaded, which passes sooner.
const SHORT_SNAPSHOT_SECONDS: i64 = 60 * 60;

/// One run over one tile.
pub(crate) struct Run<'a> {
    pub(crate) engine: &'a Synchronizer,
    pub(crate) store: &'a dyn Store,
    pub(crate) replica: &'a Replica,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) tile: Tile,
    pub(crate) target: Target,
    pub(crate) health: Health,
    pub(crate) report: SyncReport,
    pub(crate) started: Timestamp,
}

impl<'a> Run<'a> {
    /// One round or listing, staged and published.
    pub(crate) async fn once(
        engine: &'a Synchronizer,
        replica: &'a Replica,
        store: &'a dyn Store,
    ) -> Result<SyncReport, Error> {
        let view = store.view().await?;
        let now = engine.timer.now();
        let tile = replica.tile(view.as_ref(), now)?;
        let target = replica.target(&tile)?;
        if let Some(stored) = view.identity() {
            stored.check(&replica.identity(&target))?;
        }
        let mut health = Health::of(view.as_ref());
        health.expire(now);
        let report = SyncReport::new(replica, &tile, now);
        let mailbox = engine.mailboxes.of(&replica.root, &replica.resource, &engine.limits);
        let mut run = Self { engine, store, replica, mailbox, tile, target, health, report, started: now };
        let outcome = run.go(view.as_ref()).await;
        run.close(outcome.err()).await
    }

    async fn go(&mut self, view: &dyn View) -> Result<(), Error> {
        if let Some(until) = self.health.not_before {
            self.mailbox.close(self.started, until);
        }
        let stands_in = self.health.snapshot.as_ref().is_some_and(|mode| self.started < mode.retry_at);
        match self.listing().filter(|_| stands_in) {
            Some(listing) => self.list(listing).await?,
            None => self.read_or_list(view).await?,
        }
        self.publish().await
    }

    /// A delta round; or a listing, if that does not get through.
    async fn read_or_list(&mut self, view: &dyn View) -> Result<(), Error> {
        let Err(error) = self.read(view).await else {
            self.health.snapshot = None;
            return Ok(());
        };
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
        let now = self.engine.timer.now();
        let since = self.health.snapshot.as_ref().map_or(now, |mode| mode.since);
        let mut reason = error.to_string();
        self.degrade(format!("a plain listing instead of a delta query: {reason}"));
        cut(&mut reason);
        let mode = SnapshotMode { since, retry_at: now.plus_seconds(seconds), reason };
        let before = self.health.snapshot.replace(mode);
        let listed = self.list(listing).await;
        if let Err(Error::Round(_)) = listed {
            // Nothing gets through, so there is nothing to stand in for.
            self.health.snapshot = before;
            return Err(error);
        }
        listed
    }

    pub(crate) fn degrade(&mut self, what: String) {
        self.engine.observer.notice(&Notice::Degraded(&what));
        self.report.run.degradations.push(what);
    }

    /// What every request prefers, with the page size that is known to work.
    pub(crate) fn preferences(&self) -> Preferences {
        let asked = self.replica.preferences();
        Preferences { page_size: self.health.page_size(asked.page_size), ..asked }
    }

    /// When the run has to be over.
    pub(crate) fn deadline(&self) -> Timestamp {
        later(self.started, self.engine.limits.max_run)
    }

    pub(crate) async fn discard(&self, round: RoundId) -> Result<(), Error> {
        self.store.write(Batch::Discard(Discard { round })).await?;
        Ok(())
    }

    /// The tiles that go with this run: all but the one that it was about.
    pub(crate) fn retired(&self, view: &dyn View) -> Vec<TileId> {
        view.tiles().iter().map(|tile| tile.id).filter(|id| *id != self.tile.id).collect()
    }

    /// Asks what has to be asked about the staged round, and publishes it. The tile that was there before, if it is
    /// another one, is retired in the same step.
    async fn publish(&mut self) -> Result<(), Error> {
        let view = self.store.view().await?;
        let of_tile = view.rounds().into_iter().filter(|staged| staged.tile.id == self.tile.id);
        let rounds: Vec<RoundId> = of_tile.map(|staged| staged.round).collect();
        let retire = self.retired(view.as_ref());
        let (at, identity) = (self.engine.timer.now(), self.replica.identity(&self.target));
        let mut run = store::Run::new(at, identity, rounds, retire);
        let owed = self.settle(view.as_ref(), &mut run).await?;
        run.at = self.engine.timer.now();
        if self.engine.guard == Guard::default() {
            // Nobody has to look at all of it at once.
            let (revision, changes) = store::publish(self.store, view.as_ref(), run).await?;
            (self.report.revision, self.report.changes) = (revision.0, changes);
            self.report.published = true;
            self.health.owed = owed;
            return Ok(());
        }
        let (publish, changes) = store::plan(view.as_ref(), run).await?;
        self.report.changes = changes;
        self.report.revision = view.revision().0;
        if self.engine.guard.admits(view.as_ref(), &publish, self.engine.observer.as_ref()).await? {
            self.report.revision = self.store.write(Batch::Publish(publish)).await?.0;
            self.report.published = true;
            self.health.owed = owed;
        }
        Ok(())
    }

    /// Writes down what is worth knowing later, and gives the report.
    async fn close(mut self, error: Option<Error>) -> Result<SyncReport, Error> {
        self.report.run.finished = self.engine.timer.now();
        self.report.run.error = error.as_ref().map(ToString::to_string);
        self.report.run.trouble = error.as_ref().map(Error::trouble);
        // A run in which nothing happened is not worth a write: the published tile says when it was.
        if !self.report.run.is_uneventful() {
            self.health.last_run = Some(self.report.run.clone().cut());
        }
        match (error, self.remember().await) {
            (Some(error), _) => Err(error),
            (None, remembered) => remembered.map(|()| self.report),
        }
    }

    /// Writes down what the engine has to find again, if it is not what is there.
    pub(crate) async fn remember(&self) -> Result<(), Error> {
        let view = self.store.view().await?;
        let state = self.health.to_state();
        let known = view.engine_state().is_some_and(|known| *known == state);
        let nothing = view.engine_state().is_none() && self.health == Health::default();
        if !known && !nothing {
            self.store.write(Batch::EngineState(state)).await?;
        }
        Ok(())
    }
}

/// A time so much later.
pub(crate) fn later(from: Timestamp, by: Duration) -> Timestamp {
    let ticks = i64::try_from(by.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
    Timestamp::from_ticks(from.ticks().saturating_add(ticks))
}
