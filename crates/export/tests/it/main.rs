//! Exports of what the simulator serves, read again by somebody else's parser.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod ics;
mod reading;
mod singer;
mod vdir;
mod world;
