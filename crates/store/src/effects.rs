//! What a batch comes down to: what is there from now on, and what is no longer.
//!
//! Effects need no knowledge of what was before. Loading them twice, or without the ones from before a place that nothing
//! is needed from any more, gives the same tables. That is what lets a log lose its beginning: see `file/compact.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;

use delta_core::{RoundId, RoundKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::batch::{Part, StagedItem};
use crate::model::{EngineState, Identity, Position, Revision, Row, Tile, TileId};

/// What is put and what goes. `P` stands for a payload, and `L` for a staged page.
#[derive(Debug, Clone)]
pub(crate) struct Effects<P, L> {
    pub(crate) root: Option<Root>,
    pub(crate) engine_state: Option<EngineState>,
    /// Rounds that are no longer staged.
    pub(crate) ended: Vec<RoundId>,
    /// Staged pages.
    pub(crate) pages: Vec<Page<P>>,
    /// Rows that are gone.
    pub(crate) gone: Vec<Arc<str>>,
    /// Items that are rows from now on, just as they were staged.
    pub(crate) taken: Vec<Taken<L>>,
    pub(crate) rows: Vec<Row<P>>,
    pub(crate) journal: Vec<Notes<P>>,
    pub(crate) part: Option<Part>,
}

/// Items of a staged page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Taken<L> {
    /// The page.
    pub(crate) page: L,
    /// Where each run of them begins on the page, and where it ends: the number after that of its last.
    pub(crate) items: Vec<(u32, u32)>,
}

impl<L: PartialEq> Taken<L> {
    /// Adds an item to the last of some, if it is of the same page and comes after it.
    pub(crate) fn push(all: &mut Vec<Self>, page: L, item: u32) {
        let after = item.saturating_add(1);
        match all.last_mut().filter(|last| last.page == page) {
            Some(last) => match last.items.last_mut().filter(|(_, end)| *end == item) {
                Some((_, end)) => *end = after,
                None => last.items.push((item, after)),
            },
            None => all.push(Self { page, items: vec![(item, after)] }),
        }
    }
}

/// What there is one of in a replica that has been published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Root {
    pub(crate) revision: Revision,
    pub(crate) identity: Identity,
    pub(crate) tiles: Vec<Tile>,
    /// The tiles that were published once and went: a few, as windows move every other month.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) retired: BTreeSet<TileId>,
    /// The number of the oldest note that is kept; one more than the last if there is none.
    pub(crate) first_seq: u64,
    /// The number of the last note that there ever was.
    pub(crate) last_seq: u64,
}

/// A staged page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Page<P> {
    pub(crate) round: RoundId,
    pub(crate) kind: RoundKind,
    pub(crate) tile: Tile,
    pub(crate) page: u32,
    /// Pages with a higher number were staged later, also across rounds.
    pub(crate) order: u64,
    pub(crate) position: Position,
    pub(crate) items: Vec<StagedItem<P>>,
}

/// Some consecutive notes of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Notes<P> {
    /// The number of the first of them.
    pub(crate) first: u64,
    /// How many they are.
    pub(crate) notes: u32,
    /// When they were published.
    pub(crate) at: Timestamp,
    /// One JSON object per line.
    pub(crate) text: P,
}

/// A payload that is stored already, or one that is to be.
#[derive(Debug, Clone)]
pub(crate) enum Piece<P, N> {
    Known(P),
    New(N),
}

// Derived, it would ask for defaults of `P` and `L` as well.
impl<P, L> Default for Effects<P, L> {
    fn default() -> Self {
        Self {
            root: None,
            engine_state: None,
            ended: Vec::new(),
            pages: Vec::new(),
            gone: Vec::new(),
            taken: Vec::new(),
            rows: Vec::new(),
            journal: Vec::new(),
            part: None,
        }
    }
}

impl<P> Page<P> {
    pub(crate) fn map<Q>(self, f: &mut dyn FnMut(P) -> Q) -> Page<Q> {
        let Self { round, kind, tile, page, order, position, items } = self;
        let items = items.into_iter().map(|StagedItem { word, raw }| StagedItem { word, raw: f(raw) }).collect();
        Page { round, kind, tile, page, order, position, items }
    }
}

impl<P> Notes<P> {
    pub(crate) fn map<Q>(self, f: impl FnOnce(P) -> Q) -> Notes<Q> {
        let Self { first, notes, at, text } = self;
        Notes { first, notes, at, text: f(text) }
    }

    /// The number of the last of them.
    pub(crate) fn last(&self) -> u64 {
        self.first.saturating_add(self.notes.into()).saturating_sub(1)
    }

    /// Whether there are as many in the text as there should be.
    pub(crate) fn adds_up(&self, text: &str) -> bool {
        text.lines().count() as u64 == u64::from(self.notes)
    }
}

impl<P> Row<P> {
    /// The same with something else for each payload, from the bottom up.
    pub(crate) fn map<Q>(self, f: impl FnMut(P) -> Q) -> Row<Q> {
        let Self { meta, holds, layers, unsettled } = self;
        Row { meta, holds, layers: layers.map(f), unsettled }
    }
}
