//! The JSON form of a population. Unknown keys are refused: a misspelt one would be lost in silence.

use jiff::civil::DateTime;
use serde::Deserialize;
use serde_json::Value;

use crate::event::{Draft, Object};
use crate::mailbox::{Kind, Owned};
use crate::population::{Account, CalendarOfAccount, EventOfCalendar, LoadError, Named};
use crate::time::{Instant, Written};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Document {
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct User {
    id: Option<String>,
    display_name: String,
    user_principal_name: String,
    #[serde(default)]
    calendar_groups: Vec<CalendarGroup>,
    #[serde(default)]
    calendars: Vec<Calendar>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Group {
    id: Option<String>,
    display_name: String,
    mail: String,
    #[serde(default)]
    events: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct CalendarGroup {
    id: Option<String>,
    name: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Calendar {
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    is_default_calendar: bool,
    calendar_group: Option<String>,
    owner: Option<Owner>,
    #[serde(default)]
    events: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Owner {
    name: String,
    address: String,
}

impl Document {
    /// Everybody in it, with events that are known to be good.
    pub(crate) fn accounts(self) -> Result<Vec<Account>, LoadError> {
        let users = self.users.into_iter().map(User::account);
        let groups = self.groups.into_iter().map(Group::account);
        users.chain(groups).collect()
    }
}

impl User {
    fn account(self) -> Result<Account, LoadError> {
        let address = self.user_principal_name;
        let calendar_groups =
            self.calendar_groups.into_iter().map(|group| Named { id: group.id, name: group.name }).collect();
        let calendars: Result<_, _> =
            self.calendars.into_iter().map(|calendar| calendar.of_account(&address)).collect();
        let calendars = calendars?;
        Ok(Account { kind: Kind::User, id: self.id, name: self.display_name, address, calendar_groups, calendars })
    }
}

impl Group {
    fn account(self) -> Result<Account, LoadError> {
        let calendar = Calendar { events: self.events, is_default_calendar: true, ..Calendar::default() };
        Ok(Account {
            kind: Kind::Group,
            id: self.id,
            name: self.display_name,
            calendars: vec![calendar.of_account(&self.mail)?],
            address: self.mail,
            calendar_groups: Vec::new(),
        })
    }
}

impl Calendar {
    fn of_account(self, address: &str) -> Result<CalendarOfAccount, LoadError> {
        let title = self.name.clone().unwrap_or_else(|| "Calendar".to_owned());
        let events = self.events.into_iter().enumerate().map(|(number, event)| {
            let place = || format!("{address}, calendar \"{title}\", event {number}");
            read_event(event).map_err(|reason| LoadError::Event { place: place(), reason })
        });
        Ok(CalendarOfAccount {
            id: self.id,
            name: self.name,
            default: self.is_default_calendar,
            group: self.calendar_group,
            owner: self.owner.map(|owner| Owned { name: owner.name, address: owner.address }),
            events: events.collect::<Result<_, _>>()?,
        })
    }
}

fn read_event(object: Object) -> Result<EventOfCalendar, String> {
    let id = match object.get("id") {
        None => None,
        Some(Value::String(id)) if !id.is_empty() => Some(id.clone()),
        Some(_) => return Err("its id is not a text".to_owned()),
    };
    let created = read_instant(&object, "createdDateTime")?;
    let modified = read_instant(&object, "lastModifiedDateTime")?.or(created);
    // The instant of loading is not known yet; it does not decide whether an event is good.
    let event = Draft::from_population(object).and_then(|draft| draft.create(DateTime::MIN));
    Ok(EventOfCalendar { id, created, modified, event: event.map_err(|error| error.message)? })
}

fn read_instant(object: &Object, name: &str) -> Result<Option<Instant>, String> {
    let Some(value) = object.get(name) else { return Ok(None) };
    let instant = value.as_str().and_then(Written::parse_parameter);
    instant.map(Some).ok_or_else(|| format!("its {name} is not an instant"))
}
