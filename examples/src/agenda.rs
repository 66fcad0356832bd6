//! A calendar as the examples print it.

use std::collections::BTreeMap;
use std::fmt;

use delta_core::{Change, Event, Page, Timestamp};
use store::reader::EventRow;

/// Events by id; printed by their start.
#[derive(Debug, Default)]
pub struct Agenda {
    events: BTreeMap<String, Entry>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    start: Timestamp,
    subject: String,
}

impl Agenda {
    /// Takes over what a page says. Whoever drives a round without the `store` crate does something like this.
    pub fn apply(&mut self, page: &Page<impl AsRef<[u8]>>) {
        for change in page.changes() {
            match change {
                Change::Upsert(item) => self.put(item.id(), item.event()),
                Change::Remove { id, .. } => drop(self.events.remove(id)),
                Change::Malformed { why, .. } => eprintln!("left out an item: {why}"),
            }
        }
    }

    /// The events that a store has shown.
    pub fn of_rows(rows: &[EventRow]) -> Self {
        let mut agenda = Self::default();
        for row in rows {
            agenda.put(&row.row.meta.id, Event::parse(&row.json).ok());
        }
        agenda
    }

    fn put(&mut self, id: &str, event: Option<Event<'_>>) {
        let Some(event) = event else { return };
        let start = event.start().and_then(|start| start.read_as_utc());
        let entry =
            Entry { start: start.unwrap_or(Timestamp::MIN), subject: event.subject().unwrap_or_default().into_owned() };
        self.events.insert(id.to_owned(), entry);
    }
}

impl fmt::Display for Agenda {
    /// A line for each event: its start and its subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut entries: Vec<&Entry> = self.events.values().collect();
        entries.sort();
        entries.iter().try_for_each(|Entry { start, subject }| writeln!(f, "{start}  {subject}"))
    }
}
