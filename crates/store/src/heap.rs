//! Where a backend keeps what its tables only point at.

use std::fmt::Debug;
use std::sync::Arc;

use crate::Error;
use crate::batch::Word;
use crate::model::Row;

/// What the tables of an [`Index`](crate::index::Index) point into: memory, or the segments of a log.
pub(crate) trait Heap: Debug + Clone + Send + Sync {
    /// Where a payload is.
    type Text: Debug + Clone + Send + Sync;
    /// Where a row is.
    type Home: Debug + Clone + Send + Sync;
    /// Where a staged page is.
    type Leaf: Debug + Clone + Send + Sync;

    /// A payload.
    fn text(&self, text: &Self::Text) -> Result<String, Error>;

    /// How many bytes a payload has.
    fn len(&self, text: &Self::Text) -> u64;

    /// A row, with the places of its payloads.
    fn row(&self, home: &Self::Home) -> Result<Row<Self::Text>, Error>;

    /// The items of a staged page.
    fn page(&self, leaf: &Self::Leaf) -> Result<Arc<[Item<Self>]>, Error>;
}

/// An item of a staged page.
#[derive(Debug, Clone)]
pub(crate) struct Item<H: Heap> {
    /// What it says.
    pub(crate) word: Word,
    /// Its payload.
    pub(crate) raw: H::Text,
    /// Where the row is that it makes, if it is taken as it is. Only an upsert makes one.
    pub(crate) home: Option<H::Home>,
}
