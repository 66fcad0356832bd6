//! A simulator of Microsoft Graph's calendar API, for testing clients of it; it never talks to Microsoft, and keeps
//! nothing on disk.
//!
//! [`Simulator::handle`] turns a request into a response and does nothing else: no socket, no clock, no randomness but
//! from a seed. It is stateful where Graph is (mailboxes, calendars, events, sync states) and behaves as Graph was seen
//! to behave, which is not always what its documentation says; [`Quirks`] switch what is uncertain. It shares no code
//! with the client that it tests, so that one misreading of Graph cannot cancel out on both sides.
//!
//! A request passes through these modules, each of which knows one thing:
//!
//! | modules | know |
//! |---|---|
//! | `simulator` | who may ask, which resource answers, which headers every response has |
//! | `batch` | how several requests come in one |
//! | `route`, `query`, `prefer`, `call` | what a request says |
//! | `mailbox`, `entry`, `event`, `properties`, `updates` | what there is, and in which order it changed |
//! | `recurrence`, `series` | when a recurring event takes place, and what its single occurrences are |
//! | `events`, `instances`, `calendars`, `listing`, `view` | REST: collections, single objects, and how they look to a request |
//! | `delta`, `changes` | delta queries: pages, and what a change means to those who follow |
//! | `sync_state`, `token`, `window` | streams and their generations, links, membership |
//! | `authority` | who may have which token: the login server beside Graph |
//! | `traffic` | how much a mailbox is asked, and how much that may be |
//! | `faults` | what goes wrong when it shall: a [`FaultPlan`], carried out |
//! | `population`, `document`, [`seeds`] | what a simulator is filled with |
//! | `load` | pages without a simulator behind them, for measuring clients |
//! | `time`, `zone`, `random`, `base64`, `body`, `error` | the small forms that all of them share |
//!
//! With the feature `server` the simulator stands behind a real socket, http or https: see `server`.
//!
//! One delta round over the five events of Graph's own walk-through:
//!
//! ```
//! use std::time::SystemTime;
//!
//! use bytes::Bytes;
//! use graph_sim::{Simulator, seeds};
//!
//! let mut simulator = Simulator::default();
//! simulator.load(SystemTime::UNIX_EPOCH, &seeds::five_events())?;
//!
//! let mut link = format!(
//!     "https://graph.microsoft.com/v1.0/me/calendarView/delta?startDateTime={}&endDateTime={}",
//!     seeds::WINDOW_START,
//!     seeds::WINDOW_END,
//! );
//! let mut pages = Vec::new();
//! loop {
//!     let request = http::Request::get(&link)
//!         .header("authorization", "Bearer any")
//!         .header("prefer", "odata.maxpagesize=2")
//!         .body(Bytes::new())?;
//!     let response = simulator.handle(SystemTime::UNIX_EPOCH, request);
//!     let page: serde_json::Value = serde_json::from_slice(response.body())?;
//!     pages.push(page["value"].as_array().map_or(0, Vec::len));
//!     let Some(next) = page["@odata.nextLink"].as_str() else { break };
//!     link = next.to_owned();
//! }
//! assert_eq!(pages, [2, 2, 1]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod base64;
mod batch;
mod body;
mod calendars;
mod call;
mod changes;
mod delta;
mod document;
mod entry;
mod error;
mod event;
mod events;
mod faults;
mod instances;
mod listing;
mod load;
mod mailbox;
mod population;
mod prefer;
mod properties;
mod query;
mod quirks;
mod random;
mod recurrence;
mod route;
pub mod seeds;
mod series;
#[cfg(feature = "server")]
pub mod server;
mod simulator;
mod sync_state;
mod time;
mod token;
mod traffic;
mod updates;
mod view;
mod window;
mod zone;

pub use authority::{Application, Authority, LoginPolicy};
pub use faults::{
    BadLink, BadValue, Challenge, ClaimsForm, CorruptItem, ErrorBody, Fault, FaultEffect, FaultPlan, FaultPlanError,
    Gone, GoneLocation, MalformedItem, On, PageKey, RequestKind, RetryAfter, Rule, Spot, StatusFault, Strike, When,
    Within,
};
pub use load::Load;
pub use population::{LoadError, Population};
pub use quirks::{GenerationScope, MasterDelivery, Membership, Quirks};
pub use simulator::{Simulator, SimulatorOptions};
pub use traffic::{InFlight, MailboxLimits};
