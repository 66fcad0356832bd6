//! What a replica consists of: its identity, its tiles, its rows and its journal.

use std::fmt;
use std::sync::Arc;

use delta_core::{Checkpoint, DeltaLink, EventType, RoundId, RoundKind, Timestamp, Window};
use serde::{Deserialize, Serialize};

use crate::{Error, graph_type};

/// Counts the runs that a replica has published; 0 before the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Revision(pub u64);

impl Revision {
    /// The one that the next publish makes.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whose calendar a replica is of, and in which form. Fixed by the first publish: another account or calendar behind
/// the same target is refused instead of mixed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// The service root that it comes from, such as `https://graph.microsoft.com`.
    pub origin: String,
    /// `v1.0` or `beta`.
    pub api_version: String,
    /// The path below the version.
    pub resource: String,
    /// The calendar's own id, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
    /// The `IdType` that ids are in.
    pub id_type: String,
    /// The content type that bodies were asked in.
    pub body_type: String,
}

impl Identity {
    /// Whether what comes under another identity may be mixed with what is stored under this one.
    ///
    /// # Errors
    /// [`Error::Identity`] with the first part that differs.
    pub fn check(&self, given: &Self) -> Result<(), Error> {
        match self.difference(given) {
            Some((part, stored, given)) => {
                Err(Error::Identity { part, stored: stored.to_owned(), given: given.to_owned() })
            }
            None => Ok(()),
        }
    }

    /// The first part in which two identities differ: its name, and both values. A calendar id that one of them does
    /// not know is no difference.
    fn difference<'a>(&'a self, other: &'a Self) -> Option<(&'static str, &'a str, &'a str)> {
        let calendars = self.calendar.as_deref().zip(other.calendar.as_deref()).unwrap_or_default();
        [
            ("origin", self.origin.as_str(), other.origin.as_str()),
            ("API version", &self.api_version, &other.api_version),
            ("resource", &self.resource, &other.resource),
            ("calendar", calendars.0, calendars.1),
            ("id type", &self.id_type, &other.id_type),
            ("body type", &self.body_type, &other.body_type),
        ]
        .into_iter()
        .find(|(_, one, two)| one != two)
    }
}

/// Names a tile inside its replica. Never used again, also not after the tile is retired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TileId(pub u32);

/// One window of a replica, with what is needed to go on from its last round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tile {
    /// Its name.
    pub id: TileId,
    /// The window that its tokens are bound to; none for an events view.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// The text that the window was made from, such as `-30d..+365d`, if it follows the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where the next round starts; none before the first one was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<DeltaLink>,
    /// When a full round was last published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full_at: Option<Timestamp>,
    /// When any round was last published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced_at: Option<Timestamp>,
    /// A round held an item that could not be understood: another full round is due. An event may be missing or out of
    /// date; and if a full round could not even read the item's id, it swept nothing, so that rows may be left which the
    /// server no longer has. Only a full round without such an item clears it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unswept: bool,
}

impl Tile {
    /// A tile that has not been synced yet.
    pub fn new(id: TileId, window: Option<Window>, policy: Option<String>) -> Self {
        Self { id, window, policy, link: None, full_at: None, synced_at: None, unswept: false }
    }
}

/// What the index knows of an event without looking into its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The event's id.
    pub id: Arc<str>,
    /// Its `@odata.etag`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Its `type`.
    #[serde(rename = "type", default, with = "graph_type", skip_serializing_if = "graph_type::is_unknown")]
    pub kind: EventType,
    /// The id of the series that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Arc<str>>,
    /// Its start as written, read as UTC; none where that is no date between the years 1 and 9999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Timestamp>,
    /// Its end, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
}

/// The raw payloads that make up a row, byte for byte as Graph sent them (a patch made of several is merged).
///
/// `P` is the payload itself, or whatever stands for it: a span of a file, a reference, nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Layers<P> {
    /// A complete payload, and possibly a later one over it that lacked some of its properties.
    Whole {
        /// The last complete payload.
        whole: P,
        /// What came after it and was not complete.
        #[serde(skip_serializing_if = "Option::is_none")]
        patch: Option<P>,
    },
    /// Nothing complete has come yet, such as for an item of an events view.
    Partial {
        /// What is known.
        patch: P,
    },
    /// An occurrence as delta sends it: it is shown over its series master.
    Stub {
        /// The occurrence.
        stub: P,
    },
}

impl<P> Layers<P> {
    /// Whether properties may be outdated or missing until the event is fetched.
    pub fn is_stale(&self) -> bool {
        matches!(self, Self::Whole { patch: Some(_), .. } | Self::Partial { .. })
    }

    /// The same layers with something else for each payload, from the bottom up.
    pub fn map<Q>(self, mut f: impl FnMut(P) -> Q) -> Layers<Q> {
        match self {
            Self::Whole { whole, patch } => Layers::Whole { whole: f(whole), patch: patch.map(f) },
            Self::Partial { patch } => Layers::Partial { patch: f(patch) },
            Self::Stub { stub } => Layers::Stub { stub: f(stub) },
        }
    }

    /// The same with an `f` that can fail.
    ///
    /// # Errors
    /// The first that `f` gives.
    pub fn try_map<Q, E>(self, mut f: impl FnMut(P) -> Result<Q, E>) -> Result<Layers<Q>, E> {
        Ok(match self {
            Self::Whole { whole, patch } => Layers::Whole { whole: f(whole)?, patch: patch.map(f).transpose()? },
            Self::Partial { patch } => Layers::Partial { patch: f(patch)? },
            Self::Stub { stub } => Layers::Stub { stub: f(stub)? },
        })
    }

    /// The same layers, borrowed.
    pub fn as_ref(&self) -> Layers<&P> {
        match self {
            Self::Whole { whole, patch } => Layers::Whole { whole, patch: patch.as_ref() },
            Self::Partial { patch } => Layers::Partial { patch },
            Self::Stub { stub } => Layers::Stub { stub },
        }
    }

    /// Only the shape.
    pub fn shape(&self) -> Layers<()> {
        self.as_ref().map(|_| ())
    }
}

/// One event of a replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row<P = ()> {
    /// What the index knows of it.
    pub meta: Meta,
    /// The tiles that hold it, in ascending order. A row without any was fetched and lives while another row names it
    /// as its series master, or it is [unsettled](Self::unsettled).
    pub holds: Vec<TileId>,
    /// Its payloads.
    pub layers: Layers<P>,
    /// Its last hold went in a run in which not every tile took part, so another tile may yet claim it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsettled: Option<Loss>,
}

impl<P> Row<P> {
    /// Whether the replica counts it as an event of its own: held, or not yet known to be gone. Others were only
    /// fetched for the rows that name them.
    pub fn is_member(&self) -> bool {
        !self.holds.is_empty() || self.unsettled.is_some()
    }

    /// The row without its payloads.
    pub(crate) fn shape(&self) -> Row {
        Row {
            meta: self.meta.clone(),
            holds: self.holds.clone(),
            layers: self.layers.shape(),
            unsettled: self.unsettled,
        }
    }
}

/// How a row came to lose its last hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// [`What::Deleted`] or [`What::LeftWindow`].
    pub what: What,
    /// Why.
    pub reason: Reason,
}

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Its first hold appeared.
    Created,
    /// It shows something else than before.
    Updated,
    /// Its last hold went.
    Deleted,
    /// Its last hold went because the replica's window moved on.
    LeftWindow,
}

/// How it was learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Graph said so in a round that merges, or in the replica's very first one.
    Change,
    /// A full round, or a plain listing, differed from what was there.
    Resync,
    /// The window moved.
    Window,
    /// A series came without it, or the server was asked which members the series has: deleted occurrences have no
    /// `@removed` of their own.
    Series,
}

/// What is written into the journal about one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// The row's id.
    pub id: Arc<str>,
    /// What happened to it.
    pub what: What,
    /// The event's `type`, so that series masters, which are not visible, can be told apart.
    #[serde(rename = "type", default, with = "graph_type", skip_serializing_if = "graph_type::is_unknown")]
    pub kind: EventType,
    /// The etag before, if there was a row with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag_before: Option<String>,
    /// The etag after, if there is a row with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag_after: Option<String>,
    /// How it was learnt.
    pub reason: Reason,
    /// Whether the server was asked about a disappearance. A creation or an update is what Graph said: false as well,
    /// for nobody asked again.
    pub confirmed: bool,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Its number: 1 for the first, without gaps.
    pub seq: u64,
    /// When the run was published that it belongs to.
    pub at: Timestamp,
    /// What happened.
    pub note: Note,
}

/// What the engine remembers about a replica between runs, such as until when it must not ask again, or the page size
/// that worked. A text that the store keeps and does not understand; it has nothing to do with the replica's
/// [revision](Revision).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EngineState(Arc<str>);

impl EngineState {
    /// The most bytes that it may have.
    pub const MOST: usize = 64 * 1024;

    /// Keeps a text, for [`Batch::EngineState`](crate::Batch::EngineState).
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.0
    }
}

impl fmt::Debug for EngineState {
    /// Nobody knows here whether it may be seen.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EngineState(… {} bytes)", self.0.len())
    }
}

/// A round whose pages are staged: durable, and not visible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedRound {
    /// The round.
    pub round: RoundId,
    /// Whether it replaces or merges.
    pub kind: RoundKind,
    /// The tile that it is for, as its last page describes it: a replica's first round resumes with the same window.
    pub tile: Tile,
    /// How many pages are staged; the next one has this number.
    pub pages: u32,
    /// Where the last page led to.
    pub position: Position,
}

impl StagedRound {
    /// The delta link that the round ended with, if it is complete.
    pub fn link(&self) -> Option<&DeltaLink> {
        match &self.position {
            Position::Complete(link) => Some(link),
            Position::Paging(_) | Position::Listing | Position::Listed => None,
        }
    }

    /// Whether all of its pages are staged, so that it can be published.
    pub fn is_complete(&self) -> bool {
        self.position.is_last()
    }

    /// Whether it is a plain listing, in which absence is a question and not an answer.
    pub fn is_listing(&self) -> bool {
        matches!(self.position, Position::Listing | Position::Listed)
    }
}

/// Where a page leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Position {
    /// To the next page.
    Paging(Checkpoint),
    /// To the next round: this was the last page.
    Complete(DeltaLink),
    /// To the next page of a plain listing, which can't be gone on with by another run.
    Listing,
    /// Nowhere: this was the last page of a plain listing.
    Listed,
}

impl Position {
    /// Whether it is that of the last page.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Complete(_) | Self::Listed)
    }
}
