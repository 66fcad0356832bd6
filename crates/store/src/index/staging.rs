//! The staged pages of one round.

use std::sync::Arc;

use delta_core::{RoundId, RoundKind};

use crate::batch::{ItemRef, Stage, StagedItem, Word};
use crate::model::{Position, StagedRound, Tile};

/// A round that is under way, or complete and not yet published.
#[derive(Debug, Clone)]
pub(crate) struct Staging<P> {
    pub(crate) kind: RoundKind,
    pub(crate) tile: Tile,
    pub(crate) position: Position,
    pages: Vec<Arc<Page<P>>>,
}

#[derive(Debug)]
pub(crate) struct Page<P> {
    pub(crate) order: u64,
    pub(crate) items: Vec<StagedItem<P>>,
}

impl<P> Staging<P> {
    /// Starts with a round's first page.
    pub(super) fn new(stage: Stage<P>, order: u64) -> Self {
        let Stage { kind, tile, position, items, .. } = stage;
        Self { kind, tile, position, pages: vec![Arc::new(Page { order, items })] }
    }

    /// Goes on with the page that comes next.
    pub(super) fn push(&mut self, stage: Stage<P>, order: u64) {
        self.tile = stage.tile;
        self.position = stage.position;
        self.pages.push(Arc::new(Page { order, items: stage.items }));
    }

    /// The number of the page that comes next.
    pub(super) fn next_page(&self) -> u32 {
        self.pages.len() as u32
    }

    pub(crate) fn page(&self, number: u32) -> Option<&Page<P>> {
        self.pages.get(number as usize).map(Arc::as_ref)
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
