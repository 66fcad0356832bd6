//! Where a replica of an Outlook calendar lives: the [`Store`] trait, a memory and a file backend. It never talks to a
//! network, never asks for the time and never decides what to fetch.
//!
//! # How it is built
//!
//! ```text
//! Page ──Stage::page──▶ Batch ──▶ Store::write          (memory, file)
//!                         ▲          │
//!            plan ────────┘          ▼
//!              └──────────────── Store::view ──▶ View ──▶ reader
//! ```
//!
//! - **A backend is thin; meaning is written once, above it.** What an item means for a row is decided by [`plan()`], from
//!   a [`View`], and becomes a [`Publish`]: a list of effects in which a backend has nothing left to decide. What an
//!   occurrence inherits is decided by [`reader`], each time it is read.
//! - **The unit of writing is a [`Batch`]**, applied whole or not at all. [`Stage`] makes a page durable and not visible;
//!   [`Publish`] makes a run visible: rows, tiles with their cursors, and the journal, in one step and only on the revision
//!   that it was made from; [`Discard`] ends a round without. [`EngineState`] is the engine's own
//!   note to itself, kept and not understood.
//! - **A view is pinned.** It shows one revision for as long as it lives, so nobody sees half a run.
//! - **What is stored is what Graph said**, byte for byte. A row is made of [`Layers`] of raw JSON, held by the tiles that
//!   have it in their window.
//!
//! | module | what is in it |
//! |---|---|
//! | `model`, `batch`, `store` | the words: what a replica consists of, what is written, what is read |
//! | `stage`, `plan`, `layers`, [`reader`] | the meaning: from pages to rows, and from rows to events |
//! | `effects` | what a batch comes down to: what is put, and what is gone |
//! | `index`, `pinned` | the tables both backends read from, without payloads, and the view over them |
//! | `memory`, `file`, [`disk`] | the backends, and the disk under the second: real, or one that crashes |
//! | `library` | a directory of replicas |
//! | `dump` | a replica as lines of JSON |
//! | [`conformance`] | what a backend must do, as tests for any of them |
//!
//! # What holds
//!
//! Besides what [`Store::write`] promises: publishing the same again changes nothing; where pages are cut does not matter;
//! nothing is deleted by silence but by the sweep of a complete full round; an acknowledged batch survives the power, and
//! one that was under way is there whole or not at all; damage is refused and never cut off silently.

mod batch;
pub mod conformance;
pub mod disk;
mod dump;
mod effects;
mod error;
mod file;
mod graph_type;
mod heap;
mod index;
mod key;
mod layers;
mod library;
mod memory;
mod model;
mod pinned;
mod plan;
pub mod reader;
mod stage;
mod store;

pub use batch::{Batch, Block, Discard, Form, ItemRef, Part, Publish, RowChange, Source, Stage, StagedItem, Word};
pub use dump::dump;
pub use error::Error;
pub use file::{FileOptions, FileStore, Migrated, Salvaged, Verified};
pub use index::Retention;
pub use library::{Library, Shelf};
pub use memory::MemoryStore;
pub use model::{
    EngineState, Identity, JournalEntry, Layers, Loss, Meta, Note, Position, Reason, Revision, Row, StagedRound, Tile,
    TileId, What,
};
pub use plan::{
    Fetched, Gone, Instances, Questions, Reading, Run, Summary, member, plan, publish, publish_in_parts, questions,
};
pub use store::{StagedPage, Store, TimeKey, View};
