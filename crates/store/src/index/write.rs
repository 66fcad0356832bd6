//! How a batch changes the tables, and which batches may.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Index, Published, Staging};
use crate::Error;
use crate::batch::{Batch, Publish, RowChange, Source, Stage};
use crate::model::{EngineState, Identity, Layers, Position, Row, TileId};

impl<P: Clone> Index<P> {
    /// Whether a batch would change anything.
    ///
    /// # Errors
    /// Why it must not be applied. What passes here can be applied, so a backend asks before it writes.
    pub(crate) fn check<Q>(&self, batch: &Batch<Q>) -> Result<bool, Error> {
        match batch {
            Batch::Stage(stage) => self.check_stage(stage),
            Batch::Publish(publish) => self.check_publish(publish).map(|()| true),
            Batch::Discard(discard) => Ok(self.rounds.contains_key(&discard.round)),
            Batch::EngineState(state) => self.check_engine_state(state),
        }
    }

    /// Applies a batch.
    ///
    /// # Errors
    /// Those of [`check`](Self::check); the tables are then as before.
    pub(crate) fn apply(&mut self, batch: Batch<P>) -> Result<(), Error> {
        if !self.check(&batch)? {
            return Ok(());
        }
        match batch {
            Batch::Stage(stage) => self.stage(stage),
            Batch::Publish(publish) => self.publish(publish)?,
            Batch::Discard(discard) => drop(self.rounds.remove(&discard.round)),
            Batch::EngineState(state) => self.engine_state = Some(state),
        }
        Ok(())
    }

    fn check_engine_state(&self, state: &EngineState) -> Result<bool, Error> {
        if state.text().len() > EngineState::MOST {
            return Err(Error::Invalid("the engine's state is longer than 64 KiB"));
        }
        Ok(self.engine_state.as_ref() != Some(state))
    }

    fn check_stage<Q>(&self, stage: &Stage<Q>) -> Result<bool, Error> {
        let out_of_order = |expected| Error::OutOfOrder { round: stage.round, expected, found: stage.page };
        if let Position::Paging(checkpoint) = &stage.position
            && checkpoint.round() != stage.round
        {
            return Err(Error::Invalid("a page's checkpoint belongs to another round"));
        }
        let Some(staging) = self.rounds.get(&stage.round) else {
            if self.is_retired(stage.tile.id) {
                return Err(Error::Invalid("the round is for a tile that was retired"));
            }
            return if stage.page == 0 { Ok(true) } else { Err(out_of_order(0)) };
        };
        if (staging.kind, staging.tile.id) != (stage.kind, stage.tile.id) {
            return Err(Error::Invalid("the pages of a round differ in kind or tile"));
        }
        match staging.next_page() {
            next if stage.page < next => Ok(false),
            _ if staging.is_complete() => Err(Error::Invalid("a page follows the last page of its round")),
            next if stage.page == next => Ok(true),
            next => Err(out_of_order(next)),
        }
    }

    fn stage(&mut self, stage: Stage<P>) {
        let order = self.order;
        self.order = order.saturating_add(1);
        match self.rounds.get_mut(&stage.round) {
            Some(staging) => Arc::make_mut(staging).push(stage, order),
            None => drop(self.rounds.insert(stage.round, Arc::new(Staging::new(stage, order)))),
        }
    }

    fn check_publish<Q>(&self, publish: &Publish<Q>) -> Result<(), Error> {
        if publish.base != self.published.revision {
            return Err(Error::Conflict { base: publish.base, found: self.published.revision });
        }
        self.published.check_identity(&publish.identity)?;
        if publish.rounds.iter().any(|round| !self.rounds.get(round).is_some_and(|staging| staging.is_complete())) {
            return Err(Error::Invalid("a round to publish is not staged to its end"));
        }
        let tiles: BTreeSet<TileId> = publish.tiles.iter().map(|tile| tile.id).collect();
        if tiles.len() != publish.tiles.len() || tiles.iter().any(|tile| self.is_retired(*tile)) {
            return Err(Error::Invalid("a tile is listed twice, or was retired before"));
        }
        if !publish.rows.is_sorted_by(|one, two| one.id() < two.id()) {
            return Err(Error::Invalid("the rows are not in the order of their ids"));
        }
        for change in &publish.rows {
            self.check_row(change, publish, &tiles)?;
        }
        self.check_retired(publish, &tiles)
    }

    fn check_row<Q>(&self, change: &RowChange<Q>, publish: &Publish<Q>, tiles: &BTreeSet<TileId>) -> Result<(), Error> {
        let before = self.published.rows.get(change.id());
        let RowChange::Put(row) = change else {
            return before.map(|_| ()).ok_or(Error::Invalid("a row that is not there can't go"));
        };
        if !row.holds.is_sorted_by(|one, two| one < two) || row.holds.iter().any(|tile| !tiles.contains(tile)) {
            return Err(Error::Invalid("a row is held by a tile that is not there"));
        }
        let consumed = |source: &Source<Q>| match source {
            Source::Staged(item) => publish.rounds.contains(&item.round),
            Source::Keep | Source::Inline(_) => true,
        };
        let layers = row.layers.as_ref();
        let resolved = resolve(layers, before.map(|row| &row.layers), |source, kept| match source {
            Source::Keep => kept.map(drop),
            Source::Staged(item) => self.rounds.get(&item.round)?.payload(*item, &row.meta.id).map(drop),
            Source::Inline(_) => Some(()),
        });
        let known = resolved.is_some();
        let mut of_this_run = true;
        let _ = layers.map(|source| of_this_run &= consumed(source));
        if known && of_this_run { Ok(()) } else { Err(Error::Invalid("a row names a payload that is not there")) }
    }

    /// A tile that goes takes its holds with it, so each row that it held must be among the changes.
    fn check_retired<Q>(&self, publish: &Publish<Q>, tiles: &BTreeSet<TileId>) -> Result<(), Error> {
        if self.published.tiles.iter().all(|tile| tiles.contains(&tile.id)) {
            return Ok(());
        }
        let changed: BTreeSet<&str> = publish.rows.iter().map(|change| change.id().as_ref()).collect();
        let forgotten =
            self.published.rows.after(None).any(|row| {
                !changed.contains(row.meta.id.as_ref()) && row.holds.iter().any(|tile| !tiles.contains(tile))
            });
        if forgotten { Err(Error::Invalid("a tile goes but still holds a row")) } else { Ok(()) }
    }

    fn publish(&mut self, publish: Publish<P>) -> Result<(), Error> {
        let Publish { at, identity, tiles, rounds, rows, journal, .. } = publish;
        let mut resolved = Vec::with_capacity(rows.len());
        for change in rows {
            resolved.push(self.resolve(change)?);
        }
        let published = Arc::make_mut(&mut self.published);
        for change in resolved {
            match change {
                Ok(row) => published.rows.put(row),
                Err(id) => published.rows.remove(&id),
            }
        }
        for block in journal {
            published.journal.push(at, block);
        }
        published.adopt(identity);
        let kept: BTreeSet<TileId> = tiles.iter().map(|tile| tile.id).collect();
        let retired = published.tiles.iter().map(|tile| tile.id).filter(|tile| !kept.contains(tile));
        published.retired.extend(retired);
        published.tiles = tiles;
        published.revision = published.revision.next();
        let retired = &self.published.retired;
        self.rounds.retain(|round, staging| !rounds.contains(round) && !retired.contains(&staging.tile.id));
        Ok(())
    }

    /// A changed row with its payloads in place, or the id of one that goes.
    fn resolve(&self, change: RowChange<P>) -> Result<Result<Row<P>, Arc<str>>, Error> {
        let Row { meta, holds, layers, unsettled } = match change {
            RowChange::Put(row) => row,
            RowChange::Gone(id) => return Ok(Err(id)),
        };
        let before = self.published.rows.get(&meta.id).map(|row| &row.layers);
        let layers = resolve(layers, before, |source, kept| match source {
            Source::Keep => kept.cloned(),
            Source::Staged(item) => self.rounds.get(&item.round)?.payload(item, &meta.id).cloned(),
            Source::Inline(payload) => Some(payload),
        });
        let layers = layers.ok_or(Error::Invalid("a row names a payload that is not there"))?;
        Ok(Ok(Row { meta, holds, layers, unsettled }))
    }

    fn is_retired(&self, tile: TileId) -> bool {
        self.published.retired.contains(&tile)
    }
}

impl<P> Published<P> {
    fn check_identity(&self, given: &Identity) -> Result<(), Error> {
        self.identity.as_ref().map_or(Ok(()), |stored| stored.check(given))
    }

    /// The first publish fixes the identity; a later one may only add the calendar's id.
    fn adopt(&mut self, given: Identity) {
        match &mut self.identity {
            None => self.identity = Some(given),
            Some(stored) => stored.calendar = stored.calendar.take().or(given.calendar),
        }
    }
}

/// Finds each layer of a row: from its source, and from the layer in the same place of the row as it was.
fn resolve<S, P, R>(
    layers: Layers<S>,
    before: Option<&Layers<P>>,
    find: impl Fn(S, Option<&P>) -> Option<R>,
) -> Option<Layers<R>> {
    let (kept_whole, kept_patch, kept_stub) = match before {
        Some(Layers::Whole { whole, patch }) => (Some(whole), patch.as_ref(), None),
        Some(Layers::Partial { patch }) => (None, Some(patch), None),
        Some(Layers::Stub { stub }) => (None, None, Some(stub)),
        None => (None, None, None),
    };
    Some(match layers {
        Layers::Whole { whole, patch: None } => Layers::Whole { whole: find(whole, kept_whole)?, patch: None },
        Layers::Whole { whole, patch: Some(patch) } => {
            Layers::Whole { whole: find(whole, kept_whole)?, patch: Some(find(patch, kept_patch)?) }
        }
        Layers::Partial { patch } => Layers::Partial { patch: find(patch, kept_patch)? },
        Layers::Stub { stub } => Layers::Stub { stub: find(stub, kept_stub)? },
    })
}
