//! The memory backend: the reference that all others are compared with.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::Error;
use crate::batch::Batch;
use crate::effects::Piece;
use crate::index::{Index, Retention};
use crate::model::Revision;
use crate::pinned::{InMemory, Pinned};
use crate::store::{Store, View};

/// A replica that lives as long as the process. "Durable" means here: until the store is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    index: Mutex<Index<Arc<str>>>,
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
        if let Some(effects) = index.effects(batch, self.retention)? {
            index.load(effects.map(&mut |payload| match payload {
                Piece::Known(payload) => payload,
                Piece::New(payload) => Arc::from(payload),
            }));
        }
        Ok(index.published().revision)
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Arc::new(Pinned { index, payloads: InMemory }))
    }
}
