//! Views of a replica for other programs: iCalendar files, vdirs, lines of JSON, CSV and Singer messages. It never talks
//! to a network, never asks for the time and never writes to a replica.
//!
//! ```text
//! store::View ──▶ items ──▶ ics ──▶ vdir          (by series)
//!            ├──▶ events ─▶ json, csv             (by time)
//!            └──▶ journal ▶ singer                (by change)
//! ```
//!
//! The same replica gives the same bytes, whenever and wherever it is exported: nothing here depends on a clock, on the
//! machine's time zones or on the order of things in memory.
//!
//! | module | what is in it |
//! |---|---|
//! | [`when`] | when an event is: floating days, or instants |
//! | [`zones`] | time zones by the names that Graph uses |
//! | [`filter`] | which events to show |
//! | [`events`] | the visible events, by time |
//! | [`items`] | the same, by what belongs together: single events, and series |
//! | [`ics`] | iCalendar, RFC 5545 |
//! | [`vdir`] | a directory of iCalendar files that is kept up to date |
//! | [`json`], [`csv`] | an event as a line |
//! | [`singer`] | events and what changed, as messages of Singer's |
//! | [`files`] | files that are there whole or not at all |

pub mod csv;
mod error;
pub mod events;
pub mod files;
pub mod filter;
pub mod ics;
pub mod items;
pub mod json;
pub mod singer;
mod text;
pub mod vdir;
pub mod when;
pub mod zones;

pub use error::Error;
pub use filter::Filter;
