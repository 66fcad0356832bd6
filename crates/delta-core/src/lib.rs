//! The protocol of Microsoft Graph's calendar delta query as a sans-IO state machine. It never sends, sleeps, stores,
//! logs, or reads a clock.
//!
//! A [`Target`] says which calendar is tracked and how. A [`Round`] gives one request after the other, is told of each
//! response, and answers with a [`Step`]: a page to store, a pause to make, a token to get. A [`Page`] owns the
//! response's body and knows where each [`Change`] is in it; an [`Event`] decodes properties when it is asked for
//! them. Nothing of what Graph sent is lost on the way: raw JSON in is raw JSON out.
//!
//! What holds here, and is tested under these names where it can be tested here:
//!
//! - **No I/O, no clock, no randomness.** Everything that looks random comes from the seed in [`RoundOptions`].
//! - **Asking is pure, telling is fallible.** A request that was dropped, repeated or lost in a crash changes nothing.
//! - **The bearer never leaves the origin.** A link's authority is checked and thrown away; requests are built anew.
//! - **Secrets never print.** Links, claims and bodies are in no `Debug`, error or message.
//! - **One bad item does not lose the page**, and a page that can't be read never counts as an empty one.
//!
//! Facts about Graph are from its documentation unless they are marked as observed.

mod attempt;
mod calendars;
mod challenge;
mod checkpoint;
mod classify;
mod conversation;
mod error;
mod event;
mod graph_error;
mod hydration;
mod instances;
mod json;
mod link;
mod page;
mod paging;
mod prefer;
mod redact;
mod refusal;
mod resource;
mod retry_after;
mod root;
mod round;
mod seed;
mod snapshot;
mod stall;
mod step;
mod target;
mod timestamp;
mod window;

pub use calendars::{CalendarInfo, CalendarOwner, CalendarPage, Calendars};
pub use challenge::Challenge;
pub use checkpoint::{Checkpoint, CheckpointError, RoundId, RoundKind};
pub use conversation::{Conversation, Reply};
pub use error::{Error, Failure, FailureKind, Status};
pub use event::{
    Attendee, Coordinates, DateTimeTimeZone, EmailAddress, Event, ItemBody, Location, NotAnEvent, OnlineMeeting,
    PatternedRecurrence, PhysicalAddress, Recipient, RecurrencePattern, RecurrenceRange, ResponseStatus,
};
pub use graph_error::{GraphError, RequestIds};
pub use hydration::{Ask, Fetched, Found, Hydrated, Hydration};
pub use instances::Instances;
pub use link::{DeltaLink, LinkError, NextLink};
pub use page::{Change, EventType, Item, Malformation, Page, PageError, RemovedReason};
pub use paging::Listed;
pub use prefer::{BodyType, IdFormat, Preferences, TimeZone, TimeZoneError};
pub use redact::RequestLine;
pub use refusal::Refusal;
pub use resource::{Calendar, Mailbox, Resource, ResourceError, ViewKind};
pub use retry_after::retry_after;
pub use root::{Cloud, RootError, ServiceRoot};
pub use round::{Phase, Round, RoundOptions};
pub use snapshot::Snapshot;
pub use stall::Stall;
pub use step::{Restart, Step, Wait};
pub use target::{ApiVersion, Permissions, Target, TargetError, View};
pub use timestamp::{ParseTimestampError, Timestamp};
pub use window::{Window, WindowError};

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
