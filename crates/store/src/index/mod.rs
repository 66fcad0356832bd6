//! The tables of a replica, in memory: everything but the payloads.
//!
//! An [`Index`] is what both backends read from. It is generic over what stands for a payload, and it is made of shared
//! parts that are copied when one of them is written to while somebody else still holds it: a clone is a pinned view.

mod journal;
mod load;
mod rows;
mod sorted;
mod staging;
mod times;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::RoundId;

use crate::effects::Root;
use crate::model::{EngineState, Identity, Meta, Revision, StagedRound, Tile, TileId};
pub(crate) use journal::Journal;
pub use journal::Retention;
pub(crate) use rows::Rows;
pub(crate) use staging::Staging;

/// A replica without its payloads.
#[derive(Debug, Clone)]
pub(crate) struct Index<P> {
    /// How many pages were ever staged: numbers them in the order of writing.
    order: u64,
    published: Arc<Published<P>>,
    rounds: BTreeMap<RoundId, Arc<Staging<P>>>,
    /// Not among what is published: it changes on its own, and changing it must not copy the tables.
    engine_state: Option<EngineState>,
}

/// What the last publish made visible.
#[derive(Debug, Clone)]
pub(crate) struct Published<P> {
    pub(crate) revision: Revision,
    pub(crate) identity: Option<Identity>,
    pub(crate) tiles: Vec<Tile>,
    /// The tiles that were published once and went: a few, as windows move every other month.
    retired: BTreeSet<TileId>,
    pub(crate) rows: Rows<P>,
    pub(crate) journal: Journal<P>,
}

impl<P> Default for Index<P> {
    fn default() -> Self {
        let published = Published {
            revision: Revision::default(),
            identity: None,
            tiles: Vec::new(),
            retired: BTreeSet::new(),
            rows: Rows::default(),
            journal: Journal::default(),
        };
        Self { order: 0, published: Arc::new(published), rounds: BTreeMap::new(), engine_state: None }
    }
}

impl<P> Index<P> {
    pub(crate) fn published(&self) -> &Published<P> {
        &self.published
    }

    pub(crate) fn staging(&self, round: RoundId) -> Option<&Staging<P>> {
        self.rounds.get(&round).map(Arc::as_ref)
    }

    /// The staged rounds.
    pub(crate) fn stagings(&self) -> impl Iterator<Item = (RoundId, &Staging<P>)> {
        self.rounds.iter().map(|(round, staging)| (*round, staging.as_ref()))
    }

    /// About how many bytes a log needs to say what is here, given the length of each payload.
    pub(crate) fn bytes(&self, len: impl Fn(&P) -> u64) -> u64 {
        /// About what is written of a row, an item or a block beside its ids and payloads. Rather too much than too little:
        /// whoever frees space because of it must find some.
        const EACH: u64 = 240;
        let meta = |meta: &Meta| {
            let series = meta.series.as_ref().map_or(0, |series| series.len());
            (meta.id.len() + meta.etag.as_ref().map_or(0, String::len) + series) as u64
        };
        let mut sum = EACH * 4;
        let mut add = |bytes: u64| sum = sum.saturating_add(bytes).saturating_add(EACH);
        for row in self.published.rows.after(None) {
            let mut bytes = meta(&row.meta);
            row.layers.as_ref().map(|payload| bytes = bytes.saturating_add(len(payload)));
            add(bytes);
        }
        for page in self.rounds.values().flat_map(|staging| staging.pages()) {
            page.1.items.iter().for_each(|item| add(len(&item.raw)));
        }
        self.published.journal.after(0).for_each(|notes| add(len(&notes.text)));
        sum
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

impl<P> Published<P> {
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
