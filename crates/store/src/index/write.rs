//! What a batch comes down to, and which batches may be written.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{RoundId, Timestamp};

use super::{Facts, Index, Published, Retention, facts};
use crate::Error;
use crate::batch::{Batch, Block, ItemRef, Part, Publish, RowChange, Source, Stage, Word};
use crate::effects::{Effects, Notes, Page, Piece, Root, Taken};
use crate::heap::{Heap, Item};
use crate::key::Key;
use crate::model::{EngineState, Identity, Layers, Meta, Position, Row, TileId};

/// What a batch comes down to, and where the rows are that are taken as they were staged.
pub(crate) type Written<H, N> =
    (Effects<Piece<<H as Heap>::Text, N>, <H as Heap>::Leaf>, Vec<(Facts, <H as Heap>::Home)>);

impl<H: Heap> Index<H>
where
    H::Leaf: PartialEq,
{
    /// What a batch comes down to; none if it would change nothing.
    ///
    /// # Errors
    /// Why it must not be written; or those of reading what it goes on from.
    pub(crate) fn effects<N>(
        &self,
        heap: &H,
        batch: Batch<N>,
        retention: Retention,
    ) -> Result<Option<Written<H, N>>, Error> {
        if !self.check(&batch)? {
            return Ok(None);
        }
        let nothing = Effects::default();
        let effects = match batch {
            Batch::Stage(stage) => Effects { pages: vec![self.page(stage)], ..nothing },
            Batch::Publish(publish) => return self.publish(heap, publish, retention).map(Some),
            Batch::Discard(discard) => Effects { ended: vec![discard.round], ..nothing },
            Batch::EngineState(state) => Effects { engine_state: Some(state), ..nothing },
        };
        Ok(Some((effects, Vec::new())))
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

    fn page<N>(&self, stage: Stage<N>) -> Page<Piece<H::Text, N>> {
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
        let staged = self.next.as_ref().map_or(0, |(parts, _)| *parts);
        let follows = match publish.part {
            None | Some(Part::Of(0)) => true,
            Some(Part::Of(number) | Part::Last(number)) => number == staged,
        };
        if !follows {
            return Err(Error::Invalid("a part of a publish does not follow the one before"));
        }
        let mut ids: Vec<&str> = publish.rows.iter().map(|change| change.id().as_ref()).collect();
        ids.sort_unstable();
        if ids.is_sorted_by(|one, two| one < two) { Ok(()) } else { Err(Error::Invalid("a row changes twice at once")) }
    }

    fn publish<N>(&self, heap: &H, publish: Publish<N>, retention: Retention) -> Result<Written<H, N>, Error> {
        let Publish { at, identity, tiles, rounds, rows, journal, skipped, part, .. } = publish;
        // Parts go on from each other, but for what there is one of.
        let before = match part {
            None | Some(Part::Of(0)) => &self.published,
            Some(_) => self.next.as_ref().map_or(&self.published, |(_, next)| next),
        };
        let kept: BTreeSet<TileId> = tiles.iter().map(|tile| tile.id).collect();
        let mut work = Work { index: self, before, heap, rounds: &rounds, tiles: &kept, page: None };
        let (mut effects, mut taken) = (Effects::default(), Vec::new());
        let mut changed = BTreeSet::new();
        for change in in_order_of_staging(rows) {
            changed.insert(Key::of(change.id()));
            match change {
                RowChange::Gone(id) => match work.before(&id)? {
                    Some(_) => effects.gone.push(id),
                    None => return Err(Error::Invalid("a row that is not there can't go")),
                },
                RowChange::Put(row) => match work.put(row)? {
                    Put::Taken { leaf, item, facts, home } => {
                        Taken::push(&mut effects.taken, leaf, item);
                        taken.push((facts, home));
                    }
                    Put::Row(row) => effects.rows.push(row),
                },
            }
        }
        effects.part = part;
        effects.journal = number(journal, before.journal.last().saturating_add(skipped).saturating_add(1), at);
        if matches!(part, Some(Part::Of(_))) {
            return Ok((effects, taken));
        }
        self.check_retired(before, heap, &kept, &changed)?;
        let mut retired = before.retired.clone();
        retired.extend(before.tiles.iter().map(|tile| tile.id).filter(|tile| !kept.contains(tile)));
        let ended = self.rounds.iter().filter(|(id, round)| rounds.contains(id) || retired.contains(&round.tile.id));
        effects.ended = ended.map(|(id, _)| *id).collect();
        let last_seq = effects.journal.last().map_or(before.journal.last(), Notes::last);
        let first_seq = before.journal.oldest_to_keep(retention, at, &effects.journal);
        effects.journal.retain(|notes| notes.first >= first_seq);
        let identity = before.adopt(identity);
        effects.root = Some(Root { revision: before.revision.next(), identity, tiles, retired, first_seq, last_seq });
        Ok((effects, taken))
    }

    /// A tile that goes takes its holds with it, so each row that it held must be among the changes.
    fn check_retired(
        &self,
        before: &Published<H>,
        heap: &H,
        tiles: &BTreeSet<TileId>,
        changed: &BTreeSet<Key>,
    ) -> Result<(), Error> {
        if self.published.tiles.iter().all(|tile| tiles.contains(&tile.id)) {
            return Ok(());
        }
        for entry in before.rows.after(None).filter(|entry| !changed.contains(&entry.key)) {
            if heap.row(&entry.home)?.holds.iter().any(|tile| !tiles.contains(tile)) {
                return Err(Error::Invalid("a tile goes but still holds a row"));
            }
        }
        Ok(())
    }

    fn is_retired(&self, tile: TileId) -> bool {
        self.published.retired.contains(&tile)
    }
}

/// What a publish makes of rows.
struct Work<'a, H: Heap> {
    index: &'a Index<H>,
    before: &'a Published<H>,
    heap: &'a H,
    /// The rounds that it uses up.
    rounds: &'a [RoundId],
    /// The tiles that there are after it.
    tiles: &'a BTreeSet<TileId>,
    /// The staged page that was read last.
    page: Option<PageRead<H>>,
}

/// A round, the number of one of its pages, and the items of that.
type PageRead<H> = ((RoundId, u32), Arc<[Item<H>]>);

/// What becomes of a row that is put.
enum Put<H: Heap, N> {
    /// It is what was staged.
    Taken { leaf: H::Leaf, item: u32, facts: Facts, home: H::Home },
    /// It is something else.
    Row(Row<Piece<H::Text, N>>),
}

impl<H: Heap> Work<'_, H> {
    /// A row as it was.
    fn before(&self, id: &str) -> Result<Option<Row<H::Text>>, Error> {
        let Some(home) = self.before.rows.get(Key::of(id)) else { return Ok(None) };
        let row = self.heap.row(home)?;
        if *row.meta.id == *id { Ok(Some(row)) } else { Err(Error::Invalid("two ids have the same 96 bits of hash")) }
    }

    fn put<N>(&mut self, row: Row<Source<N>>) -> Result<Put<H, N>, Error> {
        if !row.holds.is_sorted_by(|one, two| one < two) || row.holds.iter().any(|tile| !self.tiles.contains(tile)) {
            return Err(Error::Invalid("a row is held by a tile that is not there"));
        }
        let before = self.before(&row.meta.id)?;
        let Row { meta, holds, layers, unsettled } = row;
        if let (Some(item), None) = (sole_item(&layers), unsettled)
            && let Some(put) = self.taken(item, &meta, &holds, &layers.shape())?
        {
            return Ok(put);
        }
        let known = |payload: &H::Text| Piece::Known(payload.clone());
        let layers = resolve(layers, before.as_ref().map(|row| &row.layers), |source, kept| match source {
            Source::Keep => Ok(kept.map(known)),
            Source::Staged(item) => Ok(self.payload(item, &meta.id)?.map(Piece::Known)),
            Source::Inline(payload) => Ok(Some(Piece::New(payload))),
        });
        let layers = layers?.ok_or(Error::Invalid("a row names a payload that is not there"))?;
        Ok(Put::Row(Row { meta, holds, layers, unsettled }))
    }

    /// The items of a staged page, if it is of a round that is used up.
    fn page(&mut self, item: ItemRef) -> Result<&[Item<H>], Error> {
        let place = (item.round, item.page);
        if self.page.as_ref().is_none_or(|(read, _)| *read != place) {
            let staging = self.index.staging(item.round).filter(|_| self.rounds.contains(&item.round));
            let items = match staging.and_then(|staging| staging.page(item.page)) {
                Some(page) => self.heap.page(&page.leaf)?,
                None => Arc::default(),
            };
            self.page = Some((place, items));
        }
        Ok(self.page.as_ref().map_or(&[], |(_, items)| items.as_ref()))
    }

    /// The payload of an item that brings an event of this id.
    fn payload(&mut self, item: ItemRef, id: &str) -> Result<Option<H::Text>, Error> {
        let found = self.page(item)?.get(item.item as usize);
        let found = found.filter(|found| matches!(&found.word, Word::Upsert { meta, .. } if *meta.id == *id));
        Ok(found.map(|found| found.raw.clone()))
    }

    /// A row that is just what was staged: held by the round's tile, and nothing but the item.
    fn taken<N>(
        &mut self,
        item: ItemRef,
        meta: &Meta,
        holds: &[TileId],
        layers: &Layers<()>,
    ) -> Result<Option<Put<H, N>>, Error> {
        let Some(staging) = self.index.staging(item.round) else { return Ok(None) };
        let Some(leaf) = staging.page(item.page).map(|page| page.leaf.clone()) else { return Ok(None) };
        let tile = staging.tile.id;
        let heap = self.heap;
        let Some(Item { word, raw, home }) = self.page(item)?.get(item.item as usize) else { return Ok(None) };
        let (Word::Upsert { meta: staged, form }, Some(home)) = (word, home) else { return Ok(None) };
        if staged != meta || *holds != [tile] || form.layers(()) != *layers {
            return Ok(None);
        }
        let row = Row { meta: meta.clone(), holds: vec![tile], layers: form.layers(raw.clone()), unsettled: None };
        Ok(Some(Put::Taken { leaf, item: item.item, facts: facts(&row, heap), home: home.clone() }))
    }
}

/// The item that is all that a row is made of, if there is one.
fn sole_item<N>(layers: &Layers<Source<N>>) -> Option<ItemRef> {
    match layers {
        Layers::Whole { whole: Source::Staged(item), patch: None }
        | Layers::Partial { patch: Source::Staged(item) }
        | Layers::Stub { stub: Source::Staged(item) } => Some(*item),
        _ => None,
    }
}

/// Changes in the order in which their payloads lie, so that each staged page is read once.
fn in_order_of_staging<N>(mut rows: Vec<RowChange<N>>) -> Vec<RowChange<N>> {
    rows.sort_by_cached_key(|change| match change {
        RowChange::Put(row) => sole_item(&row.layers),
        RowChange::Gone(_) => None,
    });
    rows
}

impl<H: Heap> Published<H> {
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
    mut find: impl FnMut(S, Option<&P>) -> Result<Option<R>, Error>,
) -> Result<Option<Layers<R>>, Error> {
    let (kept_whole, kept_patch, kept_stub) = match before {
        Some(Layers::Whole { whole, patch }) => (Some(whole), patch.as_ref(), None),
        Some(Layers::Partial { patch }) => (None, Some(patch), None),
        Some(Layers::Stub { stub }) => (None, None, Some(stub)),
        None => (None, None, None),
    };
    Ok(match layers {
        Layers::Whole { whole, patch: None } => {
            find(whole, kept_whole)?.map(|whole| Layers::Whole { whole, patch: None })
        }
        Layers::Whole { whole, patch: Some(patch) } => {
            let (whole, patch) = (find(whole, kept_whole)?, find(patch, kept_patch)?);
            whole.zip(patch).map(|(whole, patch)| Layers::Whole { whole, patch: Some(patch) })
        }
        Layers::Partial { patch } => find(patch, kept_patch)?.map(|patch| Layers::Partial { patch }),
        Layers::Stub { stub } => find(stub, kept_stub)?.map(|stub| Layers::Stub { stub }),
    })
}
