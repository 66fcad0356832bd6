//! The view that both backends give: an index that no longer changes, and a way to get at payloads.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use delta_core::{RoundId, Timestamp};

use crate::Error;
use crate::batch::{ItemRef, StagedItem};
use crate::index::Index;
use crate::model::{EngineState, Identity, JournalEntry, Layers, Note, Revision, Row, StagedRound, Tile, TileId};
use crate::store::{StagedPage, TimeKey, View};

/// Where a backend keeps payloads.
pub(crate) trait Payloads: Debug + Send + Sync {
    /// What stands for a payload in the index.
    type Handle: Debug + Clone + Send + Sync;

    fn read(&self, handle: &Self::Handle) -> Result<String, Error>;
}

/// A pinned index over its payloads.
#[derive(Debug)]
pub(crate) struct Pinned<S: Payloads> {
    pub(crate) index: Index<S::Handle>,
    pub(crate) payloads: S,
}

#[async_trait]
impl<S: Payloads> View for Pinned<S> {
    fn revision(&self) -> Revision {
        self.index.published().revision
    }

    fn identity(&self) -> Option<&Identity> {
        self.index.published().identity.as_ref()
    }

    fn tiles(&self) -> &[Tile] {
        &self.index.published().tiles
    }

    fn next_tile(&self) -> TileId {
        self.index.next_tile()
    }

    fn row_count(&self) -> u64 {
        self.index.published().rows.len() as u64
    }

    fn first_seq(&self) -> u64 {
        self.index.published().journal.first()
    }

    fn last_seq(&self) -> u64 {
        self.index.published().journal.last()
    }

    fn engine_state(&self) -> Option<&EngineState> {
        self.index.engine_state()
    }

    fn rounds(&self) -> Vec<StagedRound> {
        self.index.rounds()
    }

    async fn staged_page(&self, round: RoundId, page: u32) -> Result<Option<StagedPage>, Error> {
        Ok(self.index.staging(round).and_then(|staging| staging.page(page)).map(|page| StagedPage {
            order: page.order,
            items: page.items.iter().map(|item| StagedItem { word: item.word.clone(), raw: () }).collect(),
        }))
    }

    async fn staged_raw(&self, item: ItemRef) -> Result<Option<String>, Error> {
        let staged = self.index.staging(item.round).and_then(|staging| staging.item(item));
        staged.map(|item| self.payloads.read(&item.raw)).transpose()
    }

    async fn row(&self, id: &str) -> Result<Option<Row>, Error> {
        Ok(self.index.published().rows.get(id).map(Row::shape))
    }

    async fn payload(&self, id: &str) -> Result<Option<Layers<String>>, Error> {
        let row = self.index.published().rows.get(id);
        row.map(|row| row.layers.as_ref().try_map(|handle| self.payloads.read(handle))).transpose()
    }

    async fn rows(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        Ok(self.index.published().rows.after(after).take(limit).map(Row::shape).collect())
    }

    async fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<(TimeKey, Row)>, Error> {
        let rows = self.index.published().rows.overlapping(range, after);
        Ok(rows.take(limit).map(|(key, row)| (key.clone(), row.shape())).collect())
    }

    async fn members(&self, series: &str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        Ok(self.index.published().rows.members(series, after).take(limit).map(Row::shape).collect())
    }

    async fn unsettled(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        Ok(self.index.published().rows.unsettled(after).take(limit).map(Row::shape).collect())
    }

    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalEntry>, Error> {
        let journal = &self.index.published().journal;
        if after.saturating_add(1) < journal.first() {
            return Err(Error::JournalTruncated { after, oldest: journal.first() });
        }
        let mut entries = Vec::new();
        for notes in journal.after(after) {
            if entries.len() >= limit {
                break;
            }
            let at = notes.at;
            let text = self.payloads.read(&notes.text)?;
            for (seq, line) in (notes.first..).zip(text.lines()).filter(|(seq, _)| *seq > after) {
                let note: Note = serde_json::from_str(line).map_err(|error| Error::Backend(error.into()))?;
                entries.push(JournalEntry { seq, at, note });
            }
        }
        entries.truncate(limit);
        Ok(entries)
    }
}

/// Payloads that are in memory anyway.
#[derive(Debug)]
pub(crate) struct InMemory;

impl Payloads for InMemory {
    type Handle = Arc<str>;

    fn read(&self, handle: &Arc<str>) -> Result<String, Error> {
        Ok(handle.as_ref().to_owned())
    }
}
