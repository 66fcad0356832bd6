//! Populations: who and what a simulator holds, as a JSON document.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;

use crate::document::Document;
use crate::event::Event;
use crate::mailbox::{Directory, Kind, Mailbox, Owned};
use crate::random::Random;
use crate::time::Instant;

/// Users and groups with their calendars and events, checked and ready to [load](crate::Simulator::load).
///
/// As JSON, where only names and addresses are required; unknown keys are refused:
///
/// ```
/// let population = graph_sim::Population::from_json(br##"{
///   "users": [{
///     "displayName": "Samantha Booth",
///     "userPrincipalName": "samanthab@contoso.com",
///     "calendarGroups": [{"name": "Other Calendars"}],
///     "calendars": [
///       {"isDefaultCalendar": true, "events": [{
///         "id": "AAMkADNVxRAAA=",
///         "subject": "Plan shopping list",
///         "start": {"dateTime": "2016-12-09T20:30:00", "timeZone": "UTC"},
///         "end": {"dateTime": "2016-12-09T22:00:00", "timeZone": "UTC"}
///       }]},
///       {"name": "Travel", "calendarGroup": "Other Calendars"}
///     ]
///   }],
///   "groups": [{"displayName": "Planning", "mail": "planning@contoso.com", "events": []}]
/// }"##)?;
/// # Ok::<(), graph_sim::LoadError>(())
/// ```
///
/// Users, groups, calendar groups and calendars may have an `id`. The first user is `/me`. Every mailbox has a default
/// calendar named "Calendar" in a calendar group named "My Calendars", to which the one with `isDefaultCalendar`
/// refers, whatever its own `name` (then it is renamed); a calendar without `calendarGroup` is in "My Calendars". One with
/// an `owner` (`name`, `address`) was shared by somebody else: its events are found by way of it, and not of the mailbox.
/// Events are written as Graph writes them. They keep their ids and may also have what only Graph sets otherwise,
/// such as `iCalUId`, `organizer` or `createdDateTime`. One with a `recurrence` is the master of a series, whose
/// instances follow from it.
#[derive(Debug, Clone)]
pub struct Population {
    pub(crate) accounts: Vec<Account>,
}

/// A user or a group.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) calendar_groups: Vec<Named>,
    pub(crate) calendars: Vec<CalendarOfAccount>,
}

/// Something with a name and perhaps an id.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
}

#[derive(Debug, Clone)]
pub(crate) struct CalendarOfAccount {
    pub(crate) id: Option<String>,
    /// Only the default calendar may go without.
    pub(crate) name: Option<String>,
    pub(crate) default: bool,
    pub(crate) group: Option<String>,
    /// Who has shared it, if it is not the mailbox's own.
    pub(crate) owner: Option<Owned>,
    pub(crate) events: Vec<EventOfCalendar>,
}

#[derive(Debug, Clone)]
pub(crate) struct EventOfCalendar {
    pub(crate) id: Option<String>,
    /// When it was created and last modified; without, when it is loaded.
    pub(crate) created: Option<Instant>,
    pub(crate) modified: Option<Instant>,
    pub(crate) event: Event,
}

/// Why a population cannot be loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// It is no such JSON document.
    Json(serde_json::Error),
    /// Graph would refuse this event.
    Event {
        /// Where it stands, such as `samanthab@contoso.com, calendar "Travel", event 3` (counted from 0).
        place: String,
        /// What Graph would say.
        reason: String,
    },
    /// The name of a calendar group that the mailbox does not have.
    UnknownCalendarGroup {
        /// The mailbox's address.
        mailbox: String,
        /// The name.
        name: String,
    },
    /// A calendar is neither the default one nor has a name.
    UnnamedCalendar {
        /// The mailbox's address.
        mailbox: String,
    },
    /// An id is used twice, or is in use elsewhere already.
    IdConflict {
        /// The id.
        id: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(error) => write!(f, "the population is no document of the expected form: {error}"),
            Self::Event { place, reason } => write!(f, "the event at {place} is not one that Graph accepts: {reason}"),
            Self::UnknownCalendarGroup { mailbox, name } => {
                write!(f, "the mailbox {mailbox} has no calendar group \"{name}\"; list it under calendarGroups")
            }
            Self::UnnamedCalendar { mailbox } => {
                write!(f, "a calendar of {mailbox} needs a name, or \"isDefaultCalendar\": true")
            }
            Self::IdConflict { id } => {
                write!(f, "the id {id} is used twice or in use elsewhere; give each thing its own")
            }
        }
    }
}

impl Error for LoadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Json(error) = self { Some(error) } else { None }
    }
}

impl Population {
    /// Reads the JSON form.
    ///
    /// # Errors
    ///
    /// If it is not of that form, or holds an event that Graph would refuse.
    pub fn from_json(json: &[u8]) -> Result<Self, LoadError> {
        let document: Document = serde_json::from_slice(json).map_err(LoadError::Json)?;
        Ok(Self { accounts: document.accounts()? })
    }

    /// Adds all of it, or says why not and adds nothing.
    pub(crate) fn load(&self, now: Instant, directory: &mut Directory, random: &mut Random) -> Result<(), LoadError> {
        let (mut new_directory, mut new_random) = (directory.clone(), random.clone());
        for account in &self.accounts {
            account.load(now, &mut new_directory, &mut new_random)?;
        }
        (*directory, *random) = (new_directory, new_random);
        Ok(())
    }
}

impl Account {
    fn load(&self, now: Instant, directory: &mut Directory, random: &mut Random) -> Result<(), LoadError> {
        if directory.by_address(self.kind, &self.address).is_none() {
            self.add(directory, random)?;
        }
        let Some(mailbox) = directory.by_address(self.kind, &self.address) else { return Ok(()) };
        if self.id.as_ref().is_some_and(|id| *id != mailbox.id) {
            return Err(conflict(self.id.as_deref()));
        }
        for group in &self.calendar_groups {
            if !mailbox.calendar_groups.iter().any(|known| known.name == group.name) {
                mailbox.add_calendar_group(&group.name, group.id.as_deref(), random);
            }
        }
        let mut seen = BTreeSet::new();
        for calendar in &self.calendars {
            let id = calendar.place(mailbox, random)?;
            for event in &calendar.events {
                event.load(now, mailbox, &id, random)?;
                if event.id.as_ref().is_some_and(|id| !seen.insert(id)) {
                    return Err(conflict(event.id.as_deref()));
                }
            }
        }
        Ok(())
    }

    /// Adds the mailbox, whose default calendar gets the id that is written for it.
    fn add(&self, directory: &mut Directory, random: &mut Random) -> Result<(), LoadError> {
        if self.id.as_ref().is_some_and(|id| directory.has(id)) {
            return Err(conflict(self.id.as_deref()));
        }
        let mut mailbox = Mailbox::new(self.kind, &self.name, &self.address, self.id.as_deref(), random);
        let written = self.calendars.iter().find(|calendar| calendar.default).and_then(|calendar| calendar.id.clone());
        if let (Some(id), Some(default)) = (written, mailbox.calendars.first_mut()) {
            default.id = id;
        }
        directory.add(mailbox);
        Ok(())
    }
}

impl CalendarOfAccount {
    /// Finds this calendar in the mailbox, or adds it, and returns its id.
    fn place(&self, mailbox: &mut Mailbox, random: &mut Random) -> Result<String, LoadError> {
        let known = mailbox.calendars.iter().find(|known| {
            let default = mailbox.is_default(known);
            if self.default {
                default
            } else {
                self.id.as_ref() == Some(&known.id) || self.name.as_ref() == Some(&known.name)
            }
        });
        if let Some(id) = known.map(|known| known.id.clone()) {
            if self.id.as_ref().is_some_and(|written| *written != id) {
                return Err(conflict(self.id.as_deref()));
            }
            if let Some(name) = &self.name {
                mailbox.change_calendar(&id, |calendar| calendar.name.clone_from(name));
            }
            return Ok(id);
        }
        let unnamed = || LoadError::UnnamedCalendar { mailbox: mailbox.address.clone() };
        let name = self.name.as_ref().ok_or_else(unnamed)?;
        let group = match &self.group {
            None => mailbox.calendar_groups.first(),
            Some(name) => mailbox.calendar_groups.iter().find(|group| group.name == *name),
        };
        let unknown = || LoadError::UnknownCalendarGroup {
            mailbox: mailbox.address.clone(),
            name: self.group.clone().unwrap_or_default(),
        };
        let group = group.map(|group| group.id.clone()).ok_or_else(unknown)?;
        let id = mailbox.add_calendar(name, self.id.as_deref(), &group, random);
        mailbox.change_calendar(&id, |calendar| calendar.owner.clone_from(&self.owner));
        Ok(id)
    }
}

impl EventOfCalendar {
    fn load(&self, now: Instant, mailbox: &mut Mailbox, calendar: &str, random: &mut Random) -> Result<(), LoadError> {
        let known = self.id.as_ref().and_then(|id| mailbox.entry(id));
        if known.is_some_and(|known| known.calendar != calendar) {
            return Err(conflict(self.id.as_deref()));
        }
        let mut event = self.event.clone();
        event.created = self.created.unwrap_or(now);
        event.modified = self.modified.unwrap_or(now);
        mailbox.add_event(calendar, event, self.id.as_deref(), random);
        Ok(())
    }
}

fn conflict(id: Option<&str>) -> LoadError {
    LoadError::IdConflict { id: id.unwrap_or_default().to_owned() }
}
