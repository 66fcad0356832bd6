//! The view that both backends give: an index that no longer changes, and what it points into.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use delta_core::{RoundId, Timestamp};

use crate::Error;
use crate::batch::{ItemRef, StagedItem};
use crate::heap::{Heap, Item};
use crate::index::{Index, when};
use crate::key::Key;
use crate::model::{EngineState, Identity, JournalEntry, Layers, Note, Revision, Row, StagedRound, Tile, TileId};
use crate::store::{StagedPage, TimeKey, View};

/// A pinned index over its heap.
#[derive(Debug)]
pub(crate) struct Pinned<H: Heap> {
    index: Index<H>,
    heap: H,
    /// The staged page that was read last: its items are asked for one by one.
    page: Mutex<Option<(RoundId, u32, Items<H>)>>,
}

type Items<H> = Arc<[Item<H>]>;

impl<H: Heap> Pinned<H> {
    pub(crate) fn new(index: Index<H>, heap: H) -> Self {
        Self { index, heap, page: Mutex::new(None) }
    }

    fn find(&self, id: &str) -> Result<Option<Row<H::Text>>, Error> {
        let Some(home) = self.index.published().rows.get(Key::of(id)) else { return Ok(None) };
        Ok(Some(self.heap.row(home)?).filter(|row| *row.meta.id == *id))
    }

    fn items(&self, round: RoundId, number: u32) -> Result<Option<Items<H>>, Error> {
        let Some(page) = self.index.staging(round).and_then(|staging| staging.page(number)) else { return Ok(None) };
        let mut last = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, at, items)) = &*last
            && (*of, *at) == (round, number)
        {
            return Ok(Some(items.clone()));
        }
        let items = self.heap.page(&page.leaf)?;
        *last = Some((round, number, items.clone()));
        Ok(Some(items))
    }
}

#[async_trait]
impl<H: Heap> View for Pinned<H> {
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
        let Some(at) = self.index.staging(round).and_then(|staging| staging.page(page)) else { return Ok(None) };
        let items = self.items(round, page)?;
        let items = items
            .iter()
            .flat_map(|items| items.iter())
            .map(|item| StagedItem { word: item.word.clone(), raw: () })
            .collect();
        Ok(Some(StagedPage { order: at.order, items }))
    }

    async fn staged_raw(&self, item: ItemRef) -> Result<Option<String>, Error> {
        let items = self.items(item.round, item.page)?;
        let staged = items.as_ref().and_then(|items| items.get(item.item as usize));
        staged.map(|staged| self.heap.text(&staged.raw)).transpose()
    }

    async fn row(&self, id: &str) -> Result<Option<Row>, Error> {
        Ok(self.find(id)?.map(|row| row.shape()))
    }

    async fn payload(&self, id: &str) -> Result<Option<Layers<String>>, Error> {
        self.find(id)?.map(|row| row.layers.try_map(|text| self.heap.text(&text))).transpose()
    }

    async fn rows(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        let entries = self.index.published().rows.after(after.map(Key::of));
        entries.take(limit).map(|entry| Ok(self.heap.row(&entry.home)?.shape())).collect()
    }

    async fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<(TimeKey, Row)>, Error> {
        let after = after.map(|after| (after.start, Key::of(&after.id)));
        let mut found = Vec::new();
        for (at, entry) in self.index.published().rows.overlapping(range.clone(), after) {
            if found.len() >= limit {
                break;
            }
            let row = self.heap.row(&entry.home)?;
            let Some((start, end)) = when(&row.meta).filter(|(start, _)| *start == at) else { continue };
            // What has no duration overlaps what it lies in.
            if start < range.end && (end > range.start || start >= range.start) {
                found.push((TimeKey { start, end, id: row.meta.id.clone() }, row.shape()));
            }
        }
        Ok(found)
    }

    async fn members(&self, series: &str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        let mut found = Vec::new();
        for entry in self.index.published().rows.members(Key::of(series).short(), after.map(Key::of)) {
            if found.len() >= limit {
                break;
            }
            let row = self.heap.row(&entry.home)?;
            found.extend((row.meta.series.as_deref() == Some(series)).then(|| row.shape()));
        }
        Ok(found)
    }

    async fn unsettled(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error> {
        let rows = self.index.published().rows.unsettled(after.map(Key::of));
        rows.take(limit).map(|(_, home)| Ok(self.heap.row(home)?.shape())).collect()
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
            let text = self.heap.text(&notes.text)?;
            for (number, line) in (0_u64..).zip(text.lines()) {
                let seq = notes.first.saturating_add(number);
                if seq <= after {
                    continue;
                }
                let note: Note = serde_json::from_str(line).map_err(|error| Error::Backend(error.into()))?;
                entries.push(JournalEntry { seq, at, note });
            }
        }
        entries.truncate(limit);
        Ok(entries)
    }
}
