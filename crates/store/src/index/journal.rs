//! Where the journal's notes are.

use std::collections::BTreeMap;

use delta_core::Timestamp;

use crate::batch::Block;

/// The journal's blocks by the number of their first note. Only where they are: the text stays with the payloads.
#[derive(Debug, Clone)]
pub(crate) struct Journal<P> {
    blocks: BTreeMap<u64, (Timestamp, Block<P>)>,
    last: u64,
}

impl<P> Default for Journal<P> {
    fn default() -> Self {
        Self { blocks: BTreeMap::new(), last: 0 }
    }
}

impl<P> Journal<P> {
    /// The number of the last note; 0 if there is none.
    pub(crate) fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn push(&mut self, at: Timestamp, block: Block<P>) {
        let first = self.last.saturating_add(1);
        self.last = self.last.saturating_add(u64::from(block.notes));
        self.blocks.insert(first, (at, block));
    }

    /// The blocks that hold notes after this number, each with the number of its first note and its time.
    pub(crate) fn after(&self, seq: u64) -> impl Iterator<Item = (u64, Timestamp, &P)> {
        let next = seq.saturating_add(1);
        let first = self.blocks.range(..=next).next_back().map_or(next, |(first, _)| *first);
        self.blocks.range(first..).map(|(first, (at, block))| (*first, *at, &block.text))
    }
}
