//! What people read: events with their layers laid over each other, and occurrences joined with their series.
//!
//! Nothing here is stored. What is stored is what Graph said, so what an occurrence inherits is decided each time it is
//! read, and changes with its master.

use std::collections::BTreeSet;
use std::ops::Range;

use delta_core::{Event, Timestamp};

use crate::Error;
use crate::layers::{is_annotation, merge, object};
use crate::model::{Layers, Row};
use crate::store::{TimeKey, View};

/// The properties that are an occurrence's own, or its master's alone. Everything else is inherited, annotations aside.
const OWN: [&str; 12] = [
    "id",
    "type",
    "start",
    "end",
    "seriesMasterId",
    "recurrence",
    "originalStart",
    "occurrenceId",
    "webLink",
    "instances",
    "exceptionOccurrences",
    "cancelledOccurrences",
];

/// How many rows of a range to look at in one go.
const ROWS: usize = 256;

/// An event as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRow {
    /// What the index knows of it.
    pub row: Row,
    /// What Graph said, byte for byte.
    pub raw: Layers<String>,
    /// The event as one object. With a single layer and nothing inherited it is that layer, byte for byte.
    pub json: String,
    /// The names of the properties that were taken from the series master.
    pub inherited: Vec<String>,
}

impl EventRow {
    /// Whether properties may be outdated or missing until the event is fetched.
    pub fn is_stale(&self) -> bool {
        self.row.layers.is_stale()
    }

    /// Whether it may lack a property that Graph has, because Graph does not send it: an occurrence comes without those
    /// that are its own alone, such as `webLink`, and of an event that was told of in part all others are unknown.
    pub fn may_lack(&self, name: &str) -> bool {
        match self.raw {
            Layers::Whole { .. } => false,
            Layers::Partial { .. } => true,
            Layers::Stub { .. } => OWN.iter().any(|own| own.eq_ignore_ascii_case(name)),
        }
    }
}

/// A range of time as somebody in some zone asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeRange {
    /// From one instant up to another.
    pub instants: Range<Timestamp>,
    /// The same on the asker's own clock and calendar, read as if it were UTC. All-day events are dates without a zone
    /// (observed: they come with the same midnights in every zone), so they are looked up by this.
    pub local: Range<Timestamp>,
}

impl TimeRange {
    /// A range for somebody whose clock shows UTC.
    pub fn utc(range: Range<Timestamp>) -> Self {
        Self { instants: range.clone(), local: range }
    }

    /// What covers both.
    fn widest(&self) -> Range<Timestamp> {
        self.instants.start.min(self.local.start)..self.instants.end.max(self.local.end)
    }
}

/// One row as it is shown; also a master or a fetched row, if it is asked for by its id.
///
/// # Errors
/// What the view says.
pub async fn event(view: &dyn View, id: &str) -> Result<Option<EventRow>, Error> {
    match view.row(id).await? {
        Some(row) => show(view, row).await,
        None => Ok(None),
    }
}

/// The visible events of a range, by time, after this one, and where to go on if there may be more. Series masters are
/// not visible; their occurrences and exceptions are.
///
/// # Errors
/// What the view says.
pub async fn events(
    view: &dyn View,
    range: &TimeRange,
    after: Option<&TimeKey>,
    limit: usize,
) -> Result<(Vec<EventRow>, Option<TimeKey>), Error> {
    let mut events = Vec::new();
    let mut after = after.cloned();
    loop {
        let rows = view.overlapping(range.widest(), after.as_ref(), ROWS).await?;
        let last = rows.len() < ROWS;
        for (key, row) in rows {
            if events.len() >= limit {
                return Ok((events, after));
            }
            if row.is_member()
                && let Some(event) = show(view, row).await?
                && overlaps(&event, &key, range)
            {
                events.push(event);
            }
            after = Some(key);
        }
        if last {
            return Ok((events, None));
        }
    }
}

/// Whether an event is in the range, once it is known whether it is an all-day one.
fn overlaps(event: &EventRow, key: &TimeKey, range: &TimeRange) -> bool {
    let all_day = Event::parse(&event.json).is_ok_and(|event| event.is_all_day() == Some(true));
    let range = if all_day { &range.local } else { &range.instants };
    key.start < range.end && (key.end > range.start || key.start >= range.start)
}

async fn show(view: &dyn View, row: Row) -> Result<Option<EventRow>, Error> {
    let Some(raw) = view.payload(&row.meta.id).await? else { return Ok(None) };
    let own = flatten(&raw);
    let master = match (&raw, &row.meta.series) {
        (Layers::Stub { .. }, Some(series)) => view.payload(series).await?,
        _ => None,
    };
    let (json, inherited) = match master {
        Some(master) => join(&own, &flatten(&master)),
        None => (own, Vec::new()),
    };
    Ok(Some(EventRow { row, raw, json, inherited }))
}

/// All layers as one object.
fn flatten(layers: &Layers<String>) -> String {
    match layers {
        Layers::Whole { whole, patch: Some(patch) } => merge(whole, patch),
        Layers::Whole { whole: only, patch: None } | Layers::Partial { patch: only } | Layers::Stub { stub: only } => {
            only.clone()
        }
    }
}

/// An occurrence over its master, and what it inherits.
fn join(stub: &str, master: &str) -> (String, Vec<String>) {
    let (Ok(own), Ok(master)) = (Event::parse(stub), Event::parse(master)) else {
        return (stub.to_owned(), Vec::new());
    };
    let has: BTreeSet<&str> = own.properties().map(|(name, _)| name).collect();
    let inherits = |name: &str| {
        !is_annotation(name) && !has.contains(name) && !OWN.iter().any(|own| own.eq_ignore_ascii_case(name))
    };
    let inherited: Vec<_> = master.properties().filter(|(name, _)| inherits(name)).collect();
    let json = object(own.properties().chain(inherited.iter().copied()));
    (json, inherited.into_iter().map(|(name, _)| name.to_owned()).collect())
}
