//! What is written at once: pages, a run, the end of a round, or what the engine remembers.
//!
//! A batch says what the effects are, not how to find them, so a backend has nothing to decide. Each type is generic
//! over what stands for a payload, which is the text itself where nothing else is said.

use std::sync::Arc;

use delta_core::{RoundId, RoundKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::model::{EngineState, Identity, Layers, Meta, Note, Position, Revision, Row, Tile};

/// The unit of writing: applied whole, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Batch<P = String> {
    /// A page: durable, and not visible.
    Stage(Stage<P>),
    /// A run: visible at once.
    Publish(Publish<P>),
    /// A round that will not be published.
    Discard(Discard),
    /// What the engine wants to find again, at any time: it takes the place of what it wrote before, and leaves the
    /// revision as it is.
    EngineState(EngineState),
}

/// One page of a round, with where it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage<P = String> {
    /// The round.
    pub round: RoundId,
    /// Whether it replaces or merges.
    pub kind: RoundKind,
    /// The tile that it is for.
    pub tile: Tile,
    /// The page's number inside the round, from 0. Staging it again changes nothing.
    pub page: u32,
    /// Where it leads to.
    pub position: Position,
    /// Its items in the order in which Graph sent them.
    pub items: Vec<StagedItem<P>>,
}

/// One item of a staged page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StagedItem<P = ()> {
    /// What it says.
    pub word: Word,
    /// Its JSON, byte for byte.
    pub raw: P,
}

/// What an item says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Word {
    /// The event is there.
    Upsert {
        /// What the index needs of it.
        meta: Meta,
        /// How much of the event the item is.
        form: Form,
    },
    /// The event is not in the view, or no longer.
    Remove {
        /// Its id.
        id: Arc<str>,
    },
    /// It can't be understood.
    Malformed {
        /// Its id, if that at least is readable.
        id: Option<Arc<str>>,
    },
}

/// How much of an event an item is, as far as it shows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// As much as anybody could want; whether something is missing shows only beside an earlier payload.
    Full,
    /// An occurrence with nothing but its ids, type and times.
    Stub,
    /// Another event with less than all of its properties: with nothing but its id, type and times, as events views send
    /// them, or with what was updated, which does not say when it was created.
    Sparse,
}

impl Form {
    /// What a row is made of that is this item and nothing else.
    pub(crate) fn layers<P>(self, payload: P) -> Layers<P> {
        match self {
            Self::Full => Layers::Whole { whole: payload, patch: None },
            Self::Sparse => Layers::Partial { patch: payload },
            Self::Stub => Layers::Stub { stub: payload },
        }
    }
}

/// A run's effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish<P = String> {
    /// The revision that it was made from.
    pub base: Revision,
    /// When.
    pub at: Timestamp,
    /// Whose calendar it is.
    pub identity: Identity,
    /// All tiles after the run. Those that are no longer listed are retired, and what is staged for them goes.
    pub tiles: Vec<Tile>,
    /// The staged rounds that it uses up.
    pub rounds: Vec<RoundId>,
    /// The rows that differ, each once.
    pub rows: Vec<RowChange<P>>,
    /// What the journal says about it.
    pub journal: Vec<Block<P>>,
    /// How many notes there are before those of the journal that are not worth writing: so many come later that they
    /// would go at once. They have numbers like all others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skipped: u64,
    /// Which part of the run it is, if the run is published in several batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
}

/// What a batch has to do with the others of a run that has too much to publish for one batch. All of them say the same
/// but for rows and journal. Nothing of them shows before the last one is there, and then all of it does at once. The
/// first one makes void what was there of others; what has no last one is forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// One of those before the last, counted from 0.
    Of(u32),
    /// The last one, after so many others.
    Last(u32),
}

/// What becomes of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RowChange<P = String> {
    /// It is there, in this form.
    Put(Row<Source<P>>),
    /// It is gone.
    Gone(Arc<str>),
}

/// Where a layer of a row comes from. Payloads that the store has are named, not written again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source<P = String> {
    /// The same layer of the row as it was.
    Keep,
    /// An item of one of the rounds that the run uses up.
    Staged(ItemRef),
    /// New: fetched, or merged.
    Inline(P),
}

/// Names a staged item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ItemRef {
    /// The round.
    pub round: RoundId,
    /// The page's number.
    pub page: u32,
    /// The item's place on the page, from 0.
    pub item: u32,
}

/// Ends a round without publishing it. Discarding an unknown round changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discard {
    /// The round.
    pub round: RoundId,
}

/// Some consecutive notes of a journal, one JSON object per line. Kept as text, so that a journal costs no memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block<P = String> {
    pub(crate) notes: u32,
    pub(crate) text: P,
}

impl Block {
    /// How many notes go into one block: few enough to read one for a single note, and enough to count blocks lightly.
    const NOTES: usize = 128;

    /// Packs notes into blocks, in order.
    pub fn pack(notes: &[Note]) -> Vec<Self> {
        let line = |note| serde_json::to_string(note).unwrap_or_default();
        notes
            .chunks(Self::NOTES)
            .map(|notes| Self {
                notes: notes.len() as u32,
                text: notes.iter().map(line).collect::<Vec<_>>().join("\n"),
            })
            .collect()
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Publish {
    /// What the journal will say, in order.
    pub fn notes(&self) -> impl Iterator<Item = Result<Note, Error>> + '_ {
        let lines = self.journal.iter().flat_map(|block| block.text.lines());
        lines.map(|line| {
            serde_json::from_str(line).map_err(|_| Error::Invalid("the journal has a line that is no note"))
        })
    }
}

impl<P> Publish<P> {
    /// What becomes of a row; none if it stays as it is.
    pub fn change(&self, id: &str) -> Option<&RowChange<P>> {
        let at = self.rows.binary_search_by(|change| change.id().as_ref().cmp(id)).ok()?;
        self.rows.get(at)
    }
}

impl<P> RowChange<P> {
    /// The row's id.
    pub fn id(&self) -> &Arc<str> {
        match self {
            Self::Put(row) => &row.meta.id,
            Self::Gone(id) => id,
        }
    }
}
