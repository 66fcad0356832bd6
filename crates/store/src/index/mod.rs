//! The tables of a replica, in memory: everything but the payloads.
//!
//! An [`Index`] is what both backends read from. It is generic over what stands for a payload, and it is made of shared
//! parts that are copied when one of them is written to while somebody else still holds it: a clone is a pinned view.

mod journal;
mod rows;
mod staging;
mod times;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use delta_core::RoundId;

use crate::model::{EngineState, Identity, Revision, StagedRound, Tile, TileId};
pub(crate) use journal::Journal;
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
