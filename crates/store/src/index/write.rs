//! What a batch comes down to, and which batches may be written.

use std::collections::BTreeSet;

use delta_core::Timestamp;

use super::{Index, Published, Retention};
use crate::Error;
use crate::batch::{Batch, Block, Publish, RowChange, Source, Stage};
use crate::effects::{Effects, Notes, Page, Piece, Root};
use crate::model::{EngineState, Identity, Layers, Position, Row, TileId};

impl<P: Clone> Index<P> {
    /// What a batch comes down to; none if it would change nothing.
    ///
    /// # Errors
    /// Why it must not be written.
    pub(crate) fn effects<N>(
        &self,
        batch: Batch<N>,
        retention: Retention,
    ) -> Result<Option<Effects<Piece<P, N>>>, Error> {
        if !self.check(&batch)? {
            return Ok(None);
        }
        let nothing = Effects::default();
        Ok(Some(match batch {
            Batch::Stage(stage) => Effects { pages: vec![self.page(stage)], ..nothing },
            Batch::Publish(publish) => self.publish(publish, retention)?,
            Batch::Discard(discard) => Effects { ended: vec![discard.round], ..nothing },
            Batch::EngineState(state) => Effects { engine_state: Some(state), ..nothing },
        }))
    }

    /// Whether a batch would change anything, and may.
    fn check<N>(&self, batch: &Batch<N>) -> Result<bool, Error> {
        match batch {
            Batch::Stage(stage) => self.check_stage(stage),
            Batch::Publish(publish) => self.check_publish(publish).map(|()| true),
            Batch::Discard(discard) => Ok(self.rounds.contains_key(&discard.round)),
            Batch::EngineState(state) => self.check_engine_state(state),
        }
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

    fn page<N>(&self, stage: Stage<N>) -> Page<Piece<P, N>> {
        let Stage { round, kind, tile, page, position, items } = stage;
        Page { round, kind, tile, page, order: self.order, position, items }.map(&mut Piece::New)
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

    fn publish<N>(&self, publish: Publish<N>, retention: Retention) -> Result<Effects<Piece<P, N>>, Error> {
        let Publish { at, identity, tiles, rounds, rows, journal, .. } = publish;
        let before = &self.published;
        let (mut changed, mut gone) = (Vec::new(), Vec::new());
        for change in rows {
            match change {
                RowChange::Put(row) => changed.push(self.resolve(row)?),
                RowChange::Gone(id) => gone.push(id),
            }
        }
        let kept: BTreeSet<TileId> = tiles.iter().map(|tile| tile.id).collect();
        let mut retired = before.retired.clone();
        retired.extend(before.tiles.iter().map(|tile| tile.id).filter(|tile| !kept.contains(tile)));
        let ended = self.rounds.iter().filter(|(id, round)| rounds.contains(id) || retired.contains(&round.tile.id));
        let ended = ended.map(|(id, _)| *id).collect();
        let mut journal = number(journal, before.journal.last().saturating_add(1), at);
        let last_seq = journal.last().map_or(before.journal.last(), Notes::last);
        let first_seq = before.journal.oldest_to_keep(retention, at, &journal);
        journal.retain(|notes| notes.first >= first_seq);
        let identity = before.adopt(identity);
        let root = Root { revision: before.revision.next(), identity, tiles, retired, first_seq, last_seq };
        Ok(Effects { root: Some(root), ended, gone, rows: changed, journal, ..Effects::default() })
    }

    /// A changed row with its payloads in place.
    fn resolve<N>(&self, row: Row<Source<N>>) -> Result<Row<Piece<P, N>>, Error> {
        let Row { meta, holds, layers, unsettled } = row;
        let before = self.published.rows.get(&meta.id).map(|row| &row.layers);
        let known = |payload: &P| Piece::Known(payload.clone());
        let layers = resolve(layers, before, |source, kept| match source {
            Source::Keep => kept.map(known),
            Source::Staged(item) => self.rounds.get(&item.round)?.payload(item, &meta.id).map(known),
            Source::Inline(payload) => Some(Piece::New(payload)),
        });
        let layers = layers.ok_or(Error::Invalid("a row names a payload that is not there"))?;
        Ok(Row { meta, holds, layers, unsettled })
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
    fn adopt(&self, given: Identity) -> Identity {
        match &self.identity {
            None => given,
            Some(stored) => Identity { calendar: stored.calendar.clone().or(given.calendar), ..stored.clone() },
        }
    }
}

/// A journal's blocks with the numbers of their notes.
fn number<P, N>(journal: Vec<Block<N>>, mut next: u64, at: Timestamp) -> Vec<Notes<Piece<P, N>>> {
    let mut numbered = Vec::with_capacity(journal.len());
    for Block { notes, text } in journal {
        numbered.push(Notes { first: next, notes, at, text: Piece::New(text) });
        next = next.saturating_add(notes.into());
    }
    numbered
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
