//! Measurements: what the crates cost, beside what the machine can do and what is usual, in one run.
//!
//! Nothing here passes or fails. Times are medians of interleaved runs, so that what disturbs one disturbs all; what
//! counts are ratios.

use std::error::Error;

pub mod child;
pub mod disk;
pub mod figures;
pub mod pages;
pub mod parse;
pub mod rounds;
pub mod scale;
pub mod staging;
pub mod transfer;
pub mod typed;
pub mod usual;

/// Whatever went wrong: it ends the measurement.
pub type Outcome<T> = Result<T, Box<dyn Error>>;
