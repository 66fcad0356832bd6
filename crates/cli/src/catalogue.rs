//! Which calendars each mailbox of a store was found to have: `calendars.json` beside the replicas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use delta_core::{Resource, Timestamp};
use serde::{Deserialize, Serialize};
use sync::{CalendarList, CalendarNews, Discovery, KnownCalendar};

use crate::exit::Failure;
use crate::notes;

/// What is known of the mailboxes of a store.
pub(crate) struct Catalogue {
    /// Where it is written; nowhere, if nothing is to be left behind.
    path: Option<PathBuf>,
    note: Mutex<Note>,
}

/// The note, as it is written.
#[derive(Default, Serialize, Deserialize)]
struct Note {
    schema: String,
    mailboxes: BTreeMap<Resource, Vec<KnownCalendar>>,
}

impl Catalogue {
    pub(crate) fn open(store: &Path) -> Self {
        let path = store.join("calendars.json");
        let note: Option<Note> = notes::read(&path).filter(|note: &Note| note.schema == SCHEMA);
        Self { note: Mutex::new(note.unwrap_or_default()), path: Some(path) }
    }

    /// The same, which is written nowhere.
    pub(crate) fn unwritten(self) -> Self {
        Self { path: None, ..self }
    }

    /// The calendars that there are, as far as is known.
    pub(crate) fn targets(&self) -> Vec<Resource> {
        let note = self.note();
        let listed = note.mailboxes.values().flatten().filter(|calendar| calendar.gone_since.is_none());
        listed.map(|calendar| calendar.target.clone()).collect()
    }

    /// Compares a mailbox's list with what is known, and writes down what there is now.
    pub(crate) fn update(&self, mailbox: &Resource, list: &CalendarList, now: Timestamp) -> Result<Discovery, Failure> {
        let mut note = self.note();
        let known = note.mailboxes.get(mailbox).cloned().unwrap_or_default();
        let discovery = Discovery::new(mailbox.mailbox(), &known, list, now);
        if discovery.calendars != known {
            note.schema = SCHEMA.to_owned();
            note.mailboxes.insert(mailbox.clone(), discovery.calendars.clone());
            self.path.iter().try_for_each(|path| notes::write(path, &*note))?;
        }
        Ok(discovery)
    }

    /// The calendar that a target was found as.
    pub(crate) fn calendar(&self, target: &Resource) -> Option<KnownCalendar> {
        let note = self.note();
        note.mailboxes.values().flatten().find(|calendar| calendar.target == *target).cloned()
    }

    fn note(&self) -> MutexGuard<'_, Note> {
        self.note.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SCHEMA: &str = "calendars/1";

/// What is new, as `calendars/1` has it.
#[derive(Serialize)]
pub(crate) struct News<'a> {
    pub(crate) what: &'static str,
    pub(crate) target: &'a Resource,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<&'a Resource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<&'a str>,
}

impl<'a> From<&'a CalendarNews> for News<'a> {
    fn from(news: &'a CalendarNews) -> Self {
        let plain = |what, target| Self { what, target, replaces: None, from: None };
        match news {
            CalendarNews::New { target, replaces } => Self { replaces: replaces.as_ref(), ..plain("new", target) },
            CalendarNews::Renamed { target, from } => Self { from: from.as_deref(), ..plain("renamed", target) },
            CalendarNews::Gone { target } => plain("gone", target),
            CalendarNews::Back { target } => plain("back", target),
        }
    }
}
