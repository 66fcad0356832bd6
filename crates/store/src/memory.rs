//! The memory backend: the reference that all others are compared with.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::Error;
use crate::batch::{Batch, StagedItem, Word};
use crate::effects::{Effects, Page, Piece};
use crate::heap::{Heap, Item};
use crate::index::{Changes, Facts, Index, Placed, Retention, Written, facts};
use crate::key::Key;
use crate::model::{Revision, Row};
use crate::pinned::Pinned;
use crate::store::{Store, View};

/// A replica that lives as long as the process. "Durable" means here: until the store is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    index: Mutex<Index<InMemory>>,
    retention: Retention,
}

impl MemoryStore {
    /// An empty replica.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty replica that keeps its journal for as long as this.
    pub fn with_retention(retention: Retention) -> Self {
        Self { retention, ..Self::default() }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = index.effects(&InMemory, batch, self.retention)? {
            index.load(changes(written), &InMemory)?;
        }
        Ok(index.published().revision)
    }

    fn retention(&self) -> Retention {
        self.retention
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Arc::new(Pinned::new(index, InMemory)))
    }
}

/// Everything is where it is pointed at.
#[derive(Debug, Clone)]
struct InMemory;

/// A staged page; two of them are never equal, so that none is taken for another.
#[derive(Debug, Clone)]
struct Leaf(Arc<[Item<InMemory>]>);

impl PartialEq for Leaf {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Heap for InMemory {
    type Text = Arc<str>;
    type Home = Arc<Row<Arc<str>>>;
    type Leaf = Leaf;

    fn text(&self, text: &Arc<str>) -> Result<String, Error> {
        Ok(text.as_ref().to_owned())
    }

    fn len(&self, text: &Arc<str>) -> u64 {
        text.len() as u64
    }

    fn row(&self, home: &Arc<Row<Arc<str>>>) -> Result<Row<Arc<str>>, Error> {
        Ok(home.as_ref().clone())
    }

    fn page(&self, leaf: &Leaf) -> Result<Arc<[Item<Self>]>, Error> {
        Ok(leaf.0.clone())
    }
}

/// Puts everything where it is pointed at.
fn changes((effects, taken): Written<InMemory, String>) -> Changes<InMemory> {
    let Effects { root, engine_state, ended, pages, gone, rows, journal, part, .. } = effects;
    let text = |piece: Piece<Arc<str>, String>| match piece {
        Piece::Known(text) => text,
        Piece::New(text) => Arc::from(text),
    };
    let rows = rows.into_iter().map(|row| {
        let row = row.map(text);
        (facts(&row, &InMemory), Arc::new(row))
    });
    Changes {
        root,
        engine_state,
        ended,
        pages: pages.into_iter().map(|page| placed(page.map(&mut |piece| text(piece)))).collect(),
        gone: gone.iter().map(|id| Key::of(id)).collect(),
        rows: taken.into_iter().chain(rows).collect(),
        journal: journal.into_iter().map(|notes| notes.map(text)).collect(),
        part,
    }
}

fn placed(page: Page<Arc<str>>) -> Placed<Leaf> {
    let Page { round, kind, tile, page: number, order, position, items } = page;
    let bytes = items.iter().map(|item| item.raw.len() as u64 + Facts::EACH).sum();
    let item = |StagedItem { word, raw }: StagedItem<Arc<str>>| {
        let home = match &word {
            Word::Upsert { meta, form } => Some(Arc::new(Row {
                meta: meta.clone(),
                holds: vec![tile.id],
                layers: form.layers(raw.clone()),
                unsettled: None,
            })),
            Word::Remove { .. } | Word::Malformed { .. } => None,
        };
        Item { word, raw, home }
    };
    let leaf = Leaf(items.into_iter().map(item).collect());
    Placed { round, kind, tile, page: number, order, position, bytes, leaf }
}
