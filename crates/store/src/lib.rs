//! Where a replica of an Outlook calendar lives: the [`Store`] trait, a memory and a file backend. It never talks to a
//! network, never asks for the time and never decides what to fetch.

mod batch;
pub mod conformance;
pub mod disk;
mod error;
mod file;
mod graph_type;
mod index;
mod layers;
mod library;
mod memory;
mod model;
mod pinned;
mod plan;
pub mod reader;
mod stage;
mod store;

pub use batch::{Batch, Block, Discard, Form, ItemRef, Publish, RowChange, Source, Stage, StagedItem, Word};
pub use error::Error;
pub use file::{FileOptions, FileStore};
pub use library::{Library, Shelf};
pub use memory::MemoryStore;
pub use model::{
    Identity, JournalEntry, Layers, Loss, Meta, Note, Position, Reason, Revision, Row, StagedRound, Tile, TileId, What,
};
pub use plan::{Fetched, Run, Summary, plan};
pub use store::{StagedPage, Store, TimeKey, View};
