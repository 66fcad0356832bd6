//! Guarantees of the engine, against the simulator and a clock that nobody waits for.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod engine;
mod faults;
mod fleet;
mod guard;
mod properties;
mod removals;
mod resuming;
mod rolling;
mod secrets;
mod series;
mod settling;
mod standup;
mod tiles;
mod trouble;
mod verify;
mod virtual_time;
mod world;
