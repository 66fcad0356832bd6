//! The staged pages of one round.

use delta_core::{RoundId, RoundKind};

use super::Placed;
use super::sorted::Sorted;
use crate::model::{Position, StagedRound, Tile};

/// A round that is under way, or complete and not yet published. `L` is where a page is.
#[derive(Debug, Clone)]
pub(crate) struct Staging<L> {
    pub(crate) kind: RoundKind,
    pub(crate) tile: Tile,
    pub(crate) position: Position,
    pages: Sorted<PageAt<L>>,
}

/// Where a staged page is.
#[derive(Debug, Clone)]
pub(crate) struct PageAt<L> {
    /// Its number.
    pub(crate) number: u32,
    /// Pages with a higher number were staged later, also across rounds.
    pub(crate) order: u64,
    /// About how many bytes a log needs for it.
    pub(crate) bytes: u64,
    pub(crate) leaf: L,
}

impl<L: Clone> Staging<L> {
    /// Starts with a page.
    pub(super) fn new(page: Placed<L>) -> Self {
        let (kind, tile, position) = (page.kind, page.tile.clone(), page.position.clone());
        let mut staging = Self { kind, tile, position, pages: Sorted::default() };
        staging.put(page);
        staging
    }

    /// Puts a page there. The one with the highest number says where the round has got to.
    pub(super) fn put(&mut self, page: Placed<L>) {
        let Placed { tile, page: number, order, position, bytes, leaf, .. } = page;
        if number.saturating_add(1) >= self.next_page() {
            (self.tile, self.position) = (tile, position);
        }
        self.pages.insert(PageAt { number, order, bytes, leaf }, |page| page.number.cmp(&number));
    }
}

impl<L> Staging<L> {
    /// The number of the page that comes next.
    pub(super) fn next_page(&self) -> u32 {
        self.pages.last().map_or(0, |last| last.number.saturating_add(1))
    }

    /// Whether all pages up to the last are there.
    pub(super) fn is_whole(&self) -> bool {
        self.pages.len() as u64 == u64::from(self.next_page())
    }

    pub(crate) fn page(&self, number: u32) -> Option<&PageAt<L>> {
        self.pages.get(|page| page.number.cmp(&number))
    }

    /// The pages in their order.
    pub(crate) fn pages(&self) -> impl Iterator<Item = &PageAt<L>> {
        self.pages.from(|_| false)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.position.is_last()
    }

    pub(super) fn describe(&self, round: RoundId) -> StagedRound {
        let Self { kind, tile, position, .. } = self;
        StagedRound { round, kind: *kind, tile: tile.clone(), pages: self.next_page(), position: position.clone() }
    }
}
