//! The staged pages of one round.

use std::collections::BTreeMap;
use std::sync::Arc;

use delta_core::{RoundId, RoundKind};

use crate::batch::{ItemRef, StagedItem, Word};
use crate::effects;
use crate::model::{Position, StagedRound, Tile};

/// A round that is under way, or complete and not yet published.
#[derive(Debug, Clone)]
pub(crate) struct Staging<P> {
    pub(crate) kind: RoundKind,
    pub(crate) tile: Tile,
    pub(crate) position: Position,
    pages: BTreeMap<u32, Arc<Page<P>>>,
}

#[derive(Debug)]
pub(crate) struct Page<P> {
    pub(crate) order: u64,
    pub(crate) items: Vec<StagedItem<P>>,
}

impl<P> Staging<P> {
    /// Starts with a page.
    pub(super) fn new(page: effects::Page<P>) -> Self {
        let effects::Page { kind, tile, page: number, order, position, items, .. } = page;
        Self { kind, tile, position, pages: BTreeMap::from([(number, Arc::new(Page { order, items }))]) }
    }

    /// Puts a page there. The one with the highest number says where the round has got to.
    pub(super) fn put(&mut self, page: effects::Page<P>) {
        let effects::Page { tile, page: number, order, position, items, .. } = page;
        self.pages.insert(number, Arc::new(Page { order, items }));
        if self.pages.keys().next_back() == Some(&number) {
            (self.tile, self.position) = (tile, position);
        }
    }

    /// The number of the page that comes next.
    pub(super) fn next_page(&self) -> u32 {
        self.pages.keys().next_back().map_or(0, |last| last.saturating_add(1))
    }

    /// Whether all pages up to the last are there.
    pub(super) fn is_whole(&self) -> bool {
        self.pages.len() as u64 == u64::from(self.next_page())
    }

    pub(crate) fn page(&self, number: u32) -> Option<&Page<P>> {
        self.pages.get(&number).map(Arc::as_ref)
    }

    /// The pages with their numbers.
    pub(crate) fn pages(&self) -> impl Iterator<Item = (u32, &Page<P>)> {
        self.pages.iter().map(|(number, page)| (*number, page.as_ref()))
    }

    pub(crate) fn item(&self, item: ItemRef) -> Option<&StagedItem<P>> {
        self.page(item.page)?.items.get(item.item as usize)
    }

    /// The payload of an item that brings an event of this id.
    pub(super) fn payload(&self, item: ItemRef, id: &str) -> Option<&P> {
        let StagedItem { word, raw } = self.item(item)?;
        matches!(word, Word::Upsert { meta, .. } if *meta.id == *id).then_some(raw)
    }

    pub(super) fn is_complete(&self) -> bool {
        self.position.is_last()
    }

    pub(super) fn describe(&self, round: RoundId) -> StagedRound {
        let Self { kind, tile, position, .. } = self;
        StagedRound { round, kind: *kind, tile: tile.clone(), pages: self.next_page(), position: position.clone() }
    }
}
