//! The engine: drives rounds over a transport into a store. It names no HTTP client, no runtime and no clock.
//!
//! A [`Synchronizer`] joins four seams: a [`Transport`] sends requests, a [`TokenProvider`] has access tokens, a
//! [`Timer`] tells the time and waits, and a [`Store`](store::Store) keeps what came. [`Synchronizer::run`] brings one
//! [`Replica`] up to date: it takes up an unfinished round or begins one, stages each page together with the position
//! after it, and publishes all of it at once. A run that is dropped, or killed, at any moment loses at most the page
//! that was on its way.
//!
//! A [`Fleet`] does that for many mailboxes side by side; [`Discovery`] says which calendars they have.
//!
//! [`conformance`] has what a transport must do, as tests for any of them.
//!
//! What is decided here: which window a replica has today ([`WindowPolicy`]), which round is due, when to wait. What
//! is not: what the protocol means (`delta-core`) and what a page does to a replica (`store`).

mod asking;
mod body;
mod calendars;
pub mod conformance;
mod discovery;
mod error;
mod fleet;
mod guard;
mod health;
mod layout;
mod limits;
mod line;
mod listing;
mod mailbox;
mod observer;
mod owed;
mod part;
mod policy;
mod replica;
mod report;
mod rounds;
mod run;
mod schedule;
mod settle;
mod settling;
mod synchronizer;
mod timer;
mod token;
mod transport;
mod trouble;
mod verify;

pub use body::BodyLimits;
pub use discovery::{CalendarList, CalendarNews, Discovery, KnownCalendar};
pub use error::Error;
pub use fleet::Fleet;
pub use guard::{Guard, MaxDeletes, Planned};
pub use health::{Collapsed, Health, LastRun, LearntPageSize, Restarted, SnapshotMode, TileHealth};
pub use layout::Plan;
pub use limits::Limits;
pub use mailbox::lane;
pub use observer::{Notice, Observer};
pub use owed::{Owed, Retry};
pub use policy::{PolicyError, WindowPolicy};
pub use replica::Replica;
pub use report::{Span, SyncReport, TileReport};
pub use schedule::{Next, Pace, Schedule, Verdict};
pub use settling::Settling;
pub use synchronizer::Synchronizer;
pub use timer::Timer;
pub use token::{AccessToken, TokenError, TokenProvider, Want};
pub use transport::{Transport, TransportLimits, transport_fn};
pub use trouble::Trouble;
pub use verify::{Difference, Differs, Verification};
