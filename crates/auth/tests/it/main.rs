//! The flows, against the simulator's authority: two readings of the same contract.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod applications;
mod cache;
mod people;
mod secrets;
mod trouble;
mod world;
