//! The tables of a replica, in memory: where everything is, and no more of it than it takes to find it.
//!
//! An [`Index`] is what both backends read from. It points into a [`Heap`], and it is made of shared parts that are copied
//! when one of them is written to while somebody else still holds it: a clone is a pinned view, and costs nothing.
//!
//! A row takes 24 bytes: 96 bits of its id's hash, and its place in a log. Its start takes 16 more, its series as many.

mod journal;
mod load;
mod rows;
mod sorted;
mod staging;
mod times;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::{RoundId, RoundKind};

use crate::Error;
use crate::effects::Root;
use crate::heap::Heap;
use crate::key::Key;
use crate::model::{EngineState, Identity, Position, Revision, StagedRound, Tile, TileId};
pub(crate) use journal::Journal;
pub use journal::Retention;
pub(crate) use load::{Changes, facts};
pub(crate) use rows::{Facts, Rows, when};
pub(crate) use staging::Staging;
pub(crate) use write::Written;

/// A replica without its payloads.
#[derive(Debug, Clone)]
pub(crate) struct Index<H: Heap> {
    /// How many pages were ever staged: numbers them in the order of writing.
    order: u64,
    published: Arc<Published<H>>,
    /// What is being published in parts, and how many there are by now.
    next: Option<(u32, Arc<Published<H>>)>,
    rounds: BTreeMap<RoundId, Arc<Staging<H::Leaf>>>,
    /// Not among what is published: it changes on its own, and changing it must not copy the tables.
    engine_state: Option<EngineState>,
}

/// What the last publish made visible.
#[derive(Debug, Clone)]
pub(crate) struct Published<H: Heap> {
    pub(crate) revision: Revision,
    pub(crate) identity: Option<Identity>,
    pub(crate) tiles: Vec<Tile>,
    /// The tiles that were published once and went: a few, as windows move every other month.
    retired: BTreeSet<TileId>,
    pub(crate) rows: Rows<H::Home>,
    pub(crate) journal: Journal<H::Text>,
}

/// A staged page without its items. `L` is where it is.
#[derive(Debug, Clone)]
pub(crate) struct Placed<L> {
    pub(crate) round: RoundId,
    pub(crate) kind: RoundKind,
    pub(crate) tile: Tile,
    pub(crate) page: u32,
    pub(crate) order: u64,
    pub(crate) position: Position,
    pub(crate) bytes: u64,
    pub(crate) leaf: L,
}

impl<H: Heap> Default for Index<H> {
    fn default() -> Self {
        let published = Published {
            revision: Revision::default(),
            identity: None,
            tiles: Vec::new(),
            retired: BTreeSet::new(),
            rows: Rows::default(),
            journal: Journal::default(),
        };
        Self { order: 0, published: Arc::new(published), next: None, rounds: BTreeMap::new(), engine_state: None }
    }
}

impl<H: Heap> Index<H> {
    pub(crate) fn published(&self) -> &Published<H> {
        &self.published
    }

    pub(crate) fn staging(&self, round: RoundId) -> Option<&Staging<H::Leaf>> {
        self.rounds.get(&round).map(Arc::as_ref)
    }

    /// The staged rounds.
    pub(crate) fn stagings(&self) -> impl Iterator<Item = (RoundId, &Staging<H::Leaf>)> {
        self.rounds.iter().map(|(round, staging)| (*round, staging.as_ref()))
    }

    /// Whether there is no row, not even one that is being published.
    pub(crate) fn is_blank(&self) -> bool {
        self.next.is_none() && self.published.rows.len() == 0
    }

    /// Takes rows for those that there are: only where there were none.
    pub(crate) fn set_rows(&mut self, rows: Rows<H::Home>) {
        Arc::make_mut(&mut self.published).rows = rows;
    }

    /// The same for what is being published in parts: it goes on from the rows that there are.
    pub(crate) fn set_next_rows(&mut self, gone: Vec<Key>, rows: Vec<(Facts, H::Home)>, heap: &H) -> Result<(), Error> {
        let Some((_, next)) = &mut self.next else { return Ok(()) };
        let next = Arc::make_mut(next);
        next.rows = self.published.rows.clone();
        next.change(gone, rows, heap)
    }

    /// About how many bytes a log needs to say what is here.
    pub(crate) fn bytes(&self, heap: &H) -> u64 {
        let pages = self.rounds.values().flat_map(|staging| staging.pages()).map(|page| page.bytes);
        let notes = self.published.journal.after(0).map(|notes| heap.len(&notes.text).saturating_add(Facts::EACH));
        pages.chain(notes).fold(self.published.rows.bytes().saturating_add(4 * Facts::EACH), u64::saturating_add)
    }

    pub(crate) fn engine_state(&self) -> Option<&EngineState> {
        self.engine_state.as_ref()
    }

    pub(crate) fn rounds(&self) -> Vec<StagedRound> {
        self.rounds.iter().map(|(round, staging)| staging.describe(*round)).collect()
    }

    pub(crate) fn next_tile(&self) -> TileId {
        let staged = self.rounds.values().map(|staging| staging.tile.id);
        let published = self.published.tiles.iter().map(|tile| tile.id);
        let last = staged.chain(published).chain(self.published.retired.iter().copied()).max();
        last.map_or(TileId(0), |TileId(last)| TileId(last.saturating_add(1)))
    }
}

impl<H: Heap> Published<H> {
    /// What there is one of; none before the first publish.
    pub(crate) fn root(&self) -> Option<Root> {
        Some(Root {
            revision: self.revision,
            identity: self.identity.clone()?,
            tiles: self.tiles.clone(),
            retired: self.retired.clone(),
            first_seq: self.journal.first(),
            last_seq: self.journal.last(),
        })
    }
}
