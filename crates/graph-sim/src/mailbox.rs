//! Mailboxes: the calendars of a user or a group, their events, and the order in which these changed.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde_json::{Value, json};

use crate::authority::Person;
use crate::base64;
use crate::entry::{Entry, Item};
use crate::error::GraphError;
use crate::event::Event;
use crate::query::percent_encode;
use crate::random::Random;
use crate::route::{CalendarPath, Owner, Place};
use crate::series::{Instance, split_occurrence_id};

/// The calendar group that every mailbox begins with.
pub(crate) const DEFAULT_CALENDAR_GROUP: &str = "My Calendars";
/// The calendar that every mailbox begins with.
pub(crate) const DEFAULT_CALENDAR: &str = "Calendar";

/// All mailboxes there are. The first user's is `/me`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directory {
    mailboxes: Vec<Mailbox>,
}

/// Whose mailbox it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
}

#[derive(Debug, Clone)]
pub(crate) struct Mailbox {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    /// The mail address; a user's principal name too.
    pub(crate) address: String,
    pub(crate) calendar_groups: Vec<CalendarGroup>,
    /// The first one is the default calendar; it cannot be deleted.
    pub(crate) calendars: Vec<Calendar>,
    entries: BTreeMap<String, Entry>,
    by_change: BTreeMap<u64, String>,
    /// The number of the latest change.
    sequence: u64,
    /// Stands at the front of every change key and of every id in this mailbox.
    replica: [u8; 16],
}

#[derive(Debug, Clone)]
pub(crate) struct CalendarGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) changed: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Calendar {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) color: String,
    /// The id of its calendar group.
    pub(crate) group: String,
    /// Whose it is, if somebody else has shared it.
    pub(crate) owner: Option<Owned>,
    pub(crate) changed: u64,
}

/// The name and the address of somebody who has shared a calendar.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl Directory {
    pub(crate) fn find(&mut self, owner: &Owner) -> Result<&mut Mailbox, GraphError> {
        let by_name = |name: &str, mailbox: &Mailbox| mailbox.id == name || mailbox.address.eq_ignore_ascii_case(name);
        match owner {
            Owner::Me => self.mailboxes.iter_mut().find(|mailbox| mailbox.kind == Kind::User).ok_or_else(no_me),
            Owner::User(name) => {
                let mailbox = self.mailboxes.iter_mut().find(|mailbox| by_name(name, mailbox));
                let mailbox = mailbox.ok_or_else(|| GraphError::invalid_user(name))?;
                if mailbox.kind == Kind::Group { Err(GraphError::group_in_non_group_uri()) } else { Ok(mailbox) }
            }
            Owner::Group(id) => {
                let mut groups = self.mailboxes.iter_mut().filter(|mailbox| mailbox.kind == Kind::Group);
                groups.find(|group| group.id == *id).ok_or_else(|| GraphError::resource_not_found(id))
            }
        }
    }

    /// The mailbox of this kind and address, if there is one.
    pub(crate) fn by_address(&mut self, kind: Kind, address: &str) -> Option<&mut Mailbox> {
        self.mailboxes.iter_mut().find(|mailbox| mailbox.kind == kind && mailbox.address.eq_ignore_ascii_case(address))
    }

    /// Those who can log in.
    pub(crate) fn people(&self) -> impl Iterator<Item = Person> {
        let users = self.mailboxes.iter().filter(|mailbox| mailbox.kind == Kind::User);
        users.map(|user| Person { id: user.id.clone(), address: user.address.clone(), name: user.name.clone() })
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.mailboxes.iter().any(|mailbox| mailbox.id == id)
    }

    pub(crate) fn add(&mut self, mailbox: Mailbox) {
        self.mailboxes.push(mailbox);
    }
}

impl Mailbox {
    /// A mailbox with the default calendar and nothing in it.
    pub(crate) fn new(kind: Kind, name: &str, address: &str, id: Option<&str>, random: &mut Random) -> Self {
        let mut mailbox = Self {
            kind,
            id: id.map_or_else(|| random.guid(), str::to_owned),
            name: name.to_owned(),
            address: address.to_owned(),
            calendar_groups: Vec::new(),
            calendars: Vec::new(),
            entries: BTreeMap::new(),
            by_change: BTreeMap::new(),
            sequence: 0,
            replica: random.bytes16(),
        };
        let group = mailbox.add_calendar_group(DEFAULT_CALENDAR_GROUP, None, random);
        mailbox.add_calendar(DEFAULT_CALENDAR, None, &group, random);
        mailbox
    }

    /// Adds a calendar group and returns its id.
    pub(crate) fn add_calendar_group(&mut self, name: &str, id: Option<&str>, random: &mut Random) -> String {
        let id = id.map_or_else(|| self.new_id(random), str::to_owned);
        let changed = self.next();
        self.calendar_groups.push(CalendarGroup { id: id.clone(), name: name.to_owned(), changed });
        id
    }

    /// Adds a calendar to the group of that id and returns the calendar's id.
    pub(crate) fn add_calendar(&mut self, name: &str, id: Option<&str>, group: &str, random: &mut Random) -> String {
        let id = id.map_or_else(|| self.new_id(random), str::to_owned);
        let changed = self.next();
        self.calendars.push(Calendar {
            id: id.clone(),
            name: name.to_owned(),
            color: "auto".to_owned(),
            group: group.to_owned(),
            owner: None,
            changed,
        });
        id
    }

    /// Changes a calendar.
    pub(crate) fn change_calendar(&mut self, id: &str, change: impl FnOnce(&mut Calendar)) {
        let changed = self.next();
        if let Some(calendar) = self.calendars.iter_mut().find(|calendar| calendar.id == id) {
            change(calendar);
            calendar.changed = changed;
        }
    }

    /// Deletes a calendar with all of its events.
    pub(crate) fn remove_calendar(&mut self, id: &str) {
        self.calendars.retain(|calendar| calendar.id != id);
        let gone: Vec<String> = self.events_in(Some(id)).map(|(entry, _)| entry.id.clone()).collect();
        for event in gone {
            self.change_event(&event, |_, _| None);
        }
    }

    pub(crate) fn is_default(&self, calendar: &Calendar) -> bool {
        self.calendars.first().is_some_and(|default| default.id == calendar.id)
    }

    /// Whether somebody else has shared the calendar of that id.
    pub(crate) fn is_shared(&self, calendar: &str) -> bool {
        self.calendars.iter().any(|known| known.id == calendar && known.owner.is_some())
    }

    pub(crate) fn calendar_group(&self, id: &str) -> Result<&CalendarGroup, GraphError> {
        self.calendar_groups.iter().find(|group| group.id == id).ok_or_else(GraphError::item_not_found)
    }

    pub(crate) fn calendar(&self, path: &CalendarPath) -> Result<&Calendar, GraphError> {
        let found = match path {
            CalendarPath::Default => self.calendars.first(),
            CalendarPath::Id(id) => self.calendars.iter().find(|calendar| calendar.id == *id),
            CalendarPath::InGroup { group, calendar } => {
                self.calendars.iter().find(|known| known.id == *calendar && known.group == *group)
            }
        };
        found.ok_or_else(GraphError::item_not_found)
    }

    /// The id of the calendar that a place names; none for the whole mailbox.
    pub(crate) fn calendar_id(&self, place: &Place) -> Result<Option<String>, GraphError> {
        match place {
            Place::Mailbox => Ok(None),
            Place::Calendar(path) => Ok(Some(self.calendar(path)?.id.clone())),
        }
    }

    /// Stores an event under an id of its own, or the given one, and returns that id.
    pub(crate) fn add_event(
        &mut self,
        calendar: &str,
        mut event: Event,
        id: Option<&str>,
        random: &mut Random,
    ) -> String {
        let id = id.map_or_else(|| self.new_id(random), str::to_owned);
        let unique = random.bytes16().iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let global = format!("040000008200E00074C5B7101A82E008{unique}{unique}");
        event.properties.entry("iCalUId").or_insert(Value::String(global));
        let organizer = json!({"emailAddress": {"name": self.name, "address": self.address}});
        event.properties.entry("organizer").or_insert(organizer);
        let change = self.next();
        // An id that returns from the dead was known before: whoever saw it must still hear of its next deletion.
        let mut entry = self.entries.remove(&id).unwrap_or_else(|| Entry::new(&id, calendar, change));
        self.by_change.remove(&entry.changed);
        entry.changed = change;
        entry.turn_into(Some(event), change);
        self.by_change.insert(change, id.clone());
        self.entries.insert(id.clone(), entry);
        id
    }

    /// Replaces the event by what `change` makes of it in the change of the number that it is given; nothing deletes
    /// it.
    pub(crate) fn change_event(&mut self, id: &str, change: impl FnOnce(Event, u64) -> Option<Event>) {
        let number = self.next();
        if let Some(entry) = self.entries.get_mut(id) {
            let event = entry.event.clone().and_then(|event| change(event, number));
            entry.turn_into(event, number);
            self.by_change.remove(&entry.changed);
            entry.changed = number;
            self.by_change.insert(number, entry.id.clone());
        }
    }

    /// The living event of that id, looked for in one calendar or in all.
    pub(crate) fn event(&self, calendar: Option<&str>, id: &str) -> Result<(&Entry, &Event), GraphError> {
        let found = self.entry(id).filter(|entry| calendar.is_none_or(|calendar| entry.calendar == calendar));
        found.and_then(living).ok_or_else(GraphError::item_not_found)
    }

    /// What has that id and lives, looked for in one calendar or in all.
    pub(crate) fn item(&self, calendar: Option<&str>, id: &str) -> Result<Item<'_>, GraphError> {
        if self.entries.contains_key(id) {
            return self.event(calendar, id).map(|(entry, event)| Item::Event(entry, event));
        }
        let instance = self.instance(id).ok_or_else(GraphError::item_not_found)?;
        self.event(calendar, &instance.master.id)?;
        Ok(Item::Instance(instance))
    }

    /// What had that id before it was deleted.
    pub(crate) fn deleted_item(&self, calendar: Option<&str>, id: &str) -> Option<Item<'_>> {
        let here = |entry: &&Entry| calendar.is_none_or(|calendar| entry.calendar == calendar);
        if let Some(entry) = self.entries.get(id).filter(here) {
            return entry.former.last().map(|(_, event)| Item::Event(entry, event));
        }
        let (stem, day) = split_occurrence_id(id)?;
        let mut instances = self.masters(stem).filter(here).filter_map(|entry| {
            let event = entry.event.as_ref().or_else(|| entry.former.last().map(|(_, event)| event))?;
            Instance::once_on(entry, event, day)
        });
        instances.find(|instance| instance.id() == id).map(Item::Instance)
    }

    fn instance(&self, id: &str) -> Option<Instance<'_>> {
        let (stem, day) = split_occurrence_id(id)?;
        let masters = self.masters(stem).filter_map(living);
        masters.filter_map(|(entry, event)| Instance::on(entry, event, day)).find(|instance| instance.id() == id)
    }

    /// The entries whose occurrences' ids begin like this.
    fn masters(&self, stem: &str) -> impl Iterator<Item = &Entry> {
        ["", "=", "=="].into_iter().filter_map(move |end| self.entries.get(&format!("{stem}{end}")))
    }

    /// The event of that id, living or deleted.
    pub(crate) fn entry(&self, id: &str) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// The living events of one calendar or of all, in the order of their creation.
    pub(crate) fn events_in(&self, calendar: Option<&str>) -> impl Iterator<Item = (&Entry, &Event)> {
        let mut events: Vec<_> = self
            .entries
            .values()
            .filter(|entry| calendar.is_none_or(|calendar| entry.calendar == calendar))
            .filter_map(living)
            .collect();
        events.sort_by_key(|(entry, _)| entry.created);
        events.into_iter()
    }

    /// What changed after the change of that number, each event once and at its latest change.
    pub(crate) fn changes_after(&self, number: u64) -> impl Iterator<Item = &Entry> {
        let changes = self.by_change.range((Bound::Excluded(number), Bound::Unbounded));
        changes.filter_map(|(_, id)| self.entries.get(id))
    }

    /// What `@odata.context` calls this mailbox.
    pub(crate) fn context(&self) -> String {
        let kind = match self.kind {
            Kind::User => "users",
            Kind::Group => "groups",
        };
        format!("{kind}('{}')", percent_encode(&self.id))
    }

    /// The number of the latest change.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The change key of that change: the mailbox's replica and six bytes of a counter, as Graph's own look.
    pub(crate) fn change_key(&self, changed: u64) -> String {
        let counter = changed.to_be_bytes();
        base64::standard(&[self.replica.as_slice(), counter.get(2..).unwrap_or_default()].concat())
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// An id in Graph's manner: URL-safe base64 that ends in `=`.
    fn new_id(&self, random: &mut Random) -> String {
        let bytes = [self.replica.as_slice(), &random.number().to_be_bytes()].concat();
        format!("AAMkAD{}AAA=", base64::url_safe(&bytes))
    }
}

fn living(entry: &Entry) -> Option<(&Entry, &Event)> {
    Some((entry, entry.event.as_ref()?))
}

/// What Graph says when nobody is signed in.
fn no_me() -> GraphError {
    let message = "/me request is only valid with delegated authentication flow.";
    GraphError::new(http::StatusCode::BAD_REQUEST, "BadRequest", message)
}
