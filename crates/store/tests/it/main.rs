//! Guarantees of the store, on memory, on a simulated disk and on the real one.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod compaction;
mod conformance;
mod crash;
mod damage;
mod format;
mod fuzz_corpus;
mod hints;
mod history;
mod library;
mod migration;
mod opening;
mod properties;
mod resync;
mod retention;
mod sabotage;
mod salvage;
mod seeds;
mod snapshots;
