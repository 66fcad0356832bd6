//! The two traits: a store writes batches and gives views; a view reads one revision.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use delta_core::{RoundId, Timestamp};

use crate::Error;
use crate::batch::{Batch, ItemRef, StagedItem};
use crate::index::Retention;
use crate::model::{EngineState, Identity, JournalEntry, Layers, Revision, Row, StagedRound, Tile, TileId};

/// Where one replica lives.
///
/// Both methods take `&self`; writes are applied one after the other. Backends over files do their I/O inside the
/// `async fn`, blocking the thread for the time of one write and one sync: no runtime is needed, and one that must not
/// be blocked can move the call to a thread of its own.
#[async_trait]
pub trait Store: Debug + Send + Sync {
    /// Applies a batch, whole and durably, and returns the revision that the replica then has. A batch that is already
    /// there (a page staged again, a round discarded again) changes nothing and succeeds.
    ///
    /// # Errors
    /// [`Error::Conflict`], [`Error::Identity`], [`Error::OutOfOrder`] and [`Error::Invalid`] if the batch does not fit
    /// the replica; [`Error::Io`] and [`Error::Poisoned`] if it could not be made durable. In each case the replica is
    /// as before, except that after a failed sync a reopened store may show the batch.
    async fn write(&self, batch: Batch) -> Result<Revision, Error>;

    /// How long the journal's notes are kept.
    fn retention(&self) -> Retention {
        Retention::default()
    }

    /// Pins the replica as it is now: whatever is written later, the view does not change.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Damaged`], where a reader looks for what a writer has added.
    async fn view(&self) -> Result<Arc<dyn View>, Error>;
}

/// A replica as it was at one moment.
///
/// Lists come in pages: `limit` is the most to return, and a page with fewer is the last. Rows come in an order of the
/// store's own, which is always the same, where nothing else is said.
#[async_trait]
pub trait View: Debug + Send + Sync {
    /// How many runs have been published.
    fn revision(&self) -> Revision;

    /// Whose calendar it is; none before the first publish.
    fn identity(&self) -> Option<&Identity>;

    /// The tiles, with their cursors.
    fn tiles(&self) -> &[Tile];

    /// A name for a new tile.
    fn next_tile(&self) -> TileId;

    /// How many rows there are, fetched ones and series masters included.
    fn row_count(&self) -> u64;

    /// The number of the oldest entry that the journal still has; one more than [`last_seq`](Self::last_seq) if it has
    /// none. How long entries are kept is a matter of [`Retention`](crate::Retention).
    fn first_seq(&self) -> u64;

    /// The number of the last entry that the journal ever had; 0 if there was none.
    fn last_seq(&self) -> u64;

    /// What the engine wrote down last; none if it never did.
    fn engine_state(&self) -> Option<&EngineState>;

    /// The rounds that are staged, by their ids.
    fn rounds(&self) -> Vec<StagedRound>;

    /// A page of a staged round; none if it is not staged.
    ///
    /// # Errors
    /// The backend's.
    async fn staged_page(&self, round: RoundId, page: u32) -> Result<Option<StagedPage>, Error>;

    /// The JSON of a staged item; none if it is not staged.
    ///
    /// # Errors
    /// The backend's.
    async fn staged_raw(&self, item: ItemRef) -> Result<Option<String>, Error>;

    /// One row.
    ///
    /// # Errors
    /// The backend's.
    async fn row(&self, id: &str) -> Result<Option<Row>, Error>;

    /// One row's payloads.
    ///
    /// # Errors
    /// The backend's.
    async fn payload(&self, id: &str) -> Result<Option<Layers<String>>, Error>;

    /// All rows, after this one.
    ///
    /// # Errors
    /// The backend's.
    async fn rows(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error>;

    /// The rows, series masters aside, whose time as written and read as UTC overlaps a range, by time, after this one.
    /// What has no readable start is in no range.
    ///
    /// # Errors
    /// The backend's.
    async fn overlapping(
        &self,
        range: Range<Timestamp>,
        after: Option<&TimeKey>,
        limit: usize,
    ) -> Result<Vec<(TimeKey, Row)>, Error>;

    /// The rows that name a series, after this one. The master itself is not among them.
    ///
    /// # Errors
    /// The backend's.
    async fn members(&self, series: &str, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error>;

    /// The rows that are [unsettled](Row::unsettled), after this one.
    ///
    /// # Errors
    /// The backend's.
    async fn unsettled(&self, after: Option<&str>, limit: usize) -> Result<Vec<Row>, Error>;

    /// The journal after an entry's number; 0 is before the first one that there ever was.
    ///
    /// # Errors
    /// [`Error::JournalTruncated`] if an entry after that number is no longer kept: whoever reads changes has missed some
    /// and must read all rows. The backend's.
    async fn journal(&self, after: u64, limit: usize) -> Result<Vec<JournalEntry>, Error>;
}

/// A page of a staged round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPage {
    /// Pages with a higher number were staged later, also across rounds.
    pub order: u64,
    /// Its items.
    pub items: Vec<StagedItem>,
}

/// The place of a row in the order of time: by start, and of those with the same start in an order of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeKey {
    /// The start as written, read as UTC.
    pub start: Timestamp,
    /// The end in the same way; never before the start.
    pub end: Timestamp,
    /// The row's id.
    pub id: Arc<str>,
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        (**self).write(batch).await
    }

    fn retention(&self) -> Retention {
        (**self).retention()
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        (**self).view().await
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Box<S> {
    async fn write(&self, batch: Batch) -> Result<Revision, Error> {
        (**self).write(batch).await
    }

    fn retention(&self) -> Retention {
        (**self).retention()
    }

    async fn view(&self) -> Result<Arc<dyn View>, Error> {
        (**self).view().await
    }
}
