//! Singer messages (<https://hub.meltano.com/singer/spec>): `SCHEMA`, `RECORD` and `STATE`, one JSON object per line, for
//! whatever loads them into a database.
//!
//! There is one stream, `events`, with a record per visible event and target. A `STATE` comes after all records of a target,
//! and stands for what was published then: a position in the journal. What goes afterwards comes as a record that has
//! nothing but its keys and `_sdc_deleted_at`.

mod catalog;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use delta_core::{EventType, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{JournalEntry, View, reader};

use crate::events::{self, parse};
use crate::items::is_visible;
use crate::{Error, Filter};

pub use catalog::{Selection, discover};

/// The stream's name.
pub const STREAM: &str = "events";

/// What tells a record from the others.
pub const KEYS: [&str; 2] = ["target", "id"];

/// How many journal entries to read at a time.
const BATCH: usize = 1024;

/// Where a pipeline is: the value of a `STATE` message. What others have put into it stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(default)]
    bookmarks: Bookmarks,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Bookmarks {
    /// By target.
    #[serde(default)]
    events: BTreeMap<String, Bookmark>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

/// The last entry of a journal whose change was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Bookmark {
    seq: u64,
    /// When that was published: the journal of a copy that was made anew has other instants at the same numbers.
    at: Option<Timestamp>,
}

/// How a target was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// What changed since the state.
    Changes,
    /// Everything, because the state knows nothing of this target.
    Everything,
    /// Everything, because what changed since the state is no longer known: the journal does not reach back so far, or the
    /// copy was made anew. What has gone meanwhile was not told.
    Again,
}

/// Writes what a target's visible events are, or what changed since the state; then the state, which is moved on. If the
/// stream is not selected, nothing is written.
///
/// # Errors
/// The replica's; [`Error::Write`].
pub async fn tap(
    target: &str,
    view: &dyn View,
    selection: &Selection,
    state: &mut State,
    out: &mut dyn Write,
) -> Result<Told, Error> {
    if !selection.is_selected() {
        return Ok(Told::Everything);
    }
    let stream = Stream { target, synced_at: synced_at(view), selection };
    let told = match state.bookmarks.events.get(target) {
        Some(bookmark) if follows(view, *bookmark).await? => {
            stream.changes(view, bookmark.seq, out).await?;
            Told::Changes
        }
        known => {
            stream.everything(view, out).await?;
            if known.is_some() { Told::Again } else { Told::Everything }
        }
    };
    state.bookmarks.events.insert(target.to_owned(), last(view).await?);
    message(out, &json!({"type": "STATE", "value": state}))?;
    Ok(told)
}

/// Writes the stream's schema, which has to come before its records.
///
/// # Errors
/// [`Error::Write`].
pub fn schema(selection: &Selection, out: &mut dyn Write) -> Result<(), Error> {
    if !selection.is_selected() {
        return Ok(());
    }
    let schema = record::schema(|column| selection.has(column));
    message(out, &json!({"type": "SCHEMA", "stream": STREAM, "schema": schema, "key_properties": KEYS}))
}

fn message(out: &mut dyn Write, message: &Value) -> Result<(), Error> {
    Ok(writeln!(out, "{message}")?)
}

/// Whether the journal still has all that came after a bookmark, and is the one that it was made of.
async fn follows(view: &dyn View, bookmark: Bookmark) -> Result<bool, Error> {
    if bookmark.seq > view.last_seq() || bookmark.seq.saturating_add(1) < view.first_seq() {
        return Ok(false);
    }
    // The entry itself may be gone; those after it are not.
    let Some(before) = bookmark.seq.checked_sub(1).filter(|before| before.saturating_add(1) >= view.first_seq()) else {
        return Ok(true);
    };
    let entry = view.journal(before, 1).await?;
    Ok(entry.first().is_none_or(|entry| bookmark.at.is_none_or(|at| at == entry.at)))
}

/// Where the journal ends now.
async fn last(view: &dyn View) -> Result<Bookmark, Error> {
    let seq = view.last_seq();
    let at = match seq.checked_sub(1).filter(|before| before.saturating_add(1) >= view.first_seq()) {
        Some(before) => view.journal(before, 1).await?.first().map(|entry| entry.at),
        None => None,
    };
    Ok(Bookmark { seq, at })
}

/// When the replica was last up to date with all that it consists of.
fn synced_at(view: &dyn View) -> Option<Timestamp> {
    view.tiles().iter().map(|tile| tile.synced_at).min().flatten()
}

/// The events of a target, as records.
struct Stream<'a> {
    target: &'a str,
    synced_at: Option<Timestamp>,
    selection: &'a Selection,
}

impl Stream<'_> {
    async fn everything(&self, view: &dyn View, out: &mut dyn Write) -> Result<(), Error> {
        events::each(view, &events::always(), &Filter::default(), |row, event| {
            self.record(record::of(self.target, row, event), out)
        })
        .await
    }

    /// Each event once that something happened to, as it is now.
    async fn changes(&self, view: &dyn View, mut after: u64, out: &mut dyn Write) -> Result<(), Error> {
        let mut changed: BTreeMap<Arc<str>, Timestamp> = BTreeMap::new();
        loop {
            let entries: Vec<JournalEntry> = view.journal(after, BATCH).await?;
            for entry in &entries {
                after = entry.seq;
                if entry.note.kind != EventType::SeriesMaster {
                    changed.insert(entry.note.id.clone(), entry.at);
                }
            }
            if entries.len() < BATCH {
                break;
            }
        }
        for (id, at) in changed {
            let record = match reader::event(view, &id).await?.filter(|event| is_visible(&event.row)) {
                Some(row) => record::of(self.target, &row, &parse(&row)?),
                None => record::gone(self.target, &id, at),
            };
            self.record(record, out)?;
        }
        Ok(())
    }

    fn record(&self, mut record: Map<String, Value>, out: &mut dyn Write) -> Result<(), Error> {
        record.retain(|column, _| self.selection.has(column));
        let mut whole = json!({"type": "RECORD", "stream": STREAM, "record": record});
        if let (Some(at), Some(members)) = (self.synced_at, whole.as_object_mut()) {
            members.insert("time_extracted".to_owned(), json!(at));
        }
        message(out, &whole)
    }
}

/// The names of the columns.
pub fn columns() -> BTreeSet<&'static str> {
    record::COLUMNS.iter().map(|(name, _)| *name).collect()
}
