//! A calendar of a mailbox, and the kind of view on it: the part of a target that people write down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::link::is_dot_segment;

/// Whose calendar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mailbox {
    /// The signed-in user.
    Me,
    /// A user, by id or user principal name.
    User(String),
    /// A Microsoft 365 group, by id. It has one calendar, and no events view.
    Group(String),
}

/// Which calendar of the mailbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Calendar {
    /// The default one.
    Default,
    /// One of the mailbox's calendars, by id.
    Id(String),
    /// A calendar in a calendar group, both by id.
    InGroup {
        /// The calendar group.
        group: String,
        /// The calendar.
        calendar: String,
    },
    /// All of them (events views only).
    All,
}

/// Which of the two delta functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ViewKind {
    /// `calendarView/delta`.
    CalendarView,
    /// `events/delta`.
    Events,
}

/// A calendar of a mailbox and the kind of view on it.
///
/// Written as a path without its last part: `me`, `me/calendars/ID`, `me/calendarGroups/G/calendars/ID`, the same
/// under `users/ID`, and `groups/ID` are calendar views; with `/events` behind it, it is an events view: `me/events`
/// for the whole mailbox, `me/calendar/events` for the default calendar, `me/calendars/ID/events` for another one.
/// Ids are taken as they are, and are case-sensitive.
///
/// ```
/// use delta_core::{Calendar, Resource, ViewKind};
///
/// let resource: Resource = "users/samanthab@contoso.com/calendars/AAMkADI5M1BbeAAA=".parse()?;
/// assert_eq!(resource.calendar(), &Calendar::Id("AAMkADI5M1BbeAAA=".into()));
/// assert_eq!(resource.view(), ViewKind::CalendarView);
/// assert!("groups/sales/events".parse::<Resource>().is_err());
/// # Ok::<(), delta_core::ResourceError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Resource {
    mailbox: Mailbox,
    calendar: Calendar,
    view: ViewKind,
}

impl Resource {
    /// A resource, if Graph has it.
    pub fn new(mailbox: Mailbox, calendar: Calendar, view: ViewKind) -> Result<Self, ResourceError> {
        if matches!(mailbox, Mailbox::Group(_)) {
            if view == ViewKind::Events {
                return Err(ResourceError::GroupEvents);
            }
            if calendar != Calendar::Default {
                return Err(ResourceError::GroupCalendar);
            }
        }
        if calendar == Calendar::All && view == ViewKind::CalendarView {
            return Err(ResourceError::ViewOfAll);
        }
        let resource = Self { mailbox, calendar, view };
        if resource
            .ids()
            .any(|id| id.is_empty() || is_dot_segment(id) || id.contains('/') || id.chars().any(char::is_control))
        {
            return Err(ResourceError::BadId);
        }
        Ok(resource)
    }

    /// Whose calendar.
    pub fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// Which calendar.
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Which view on it.
    pub fn view(&self) -> ViewKind {
        self.view
    }

    /// The path of the view, escaped: `me/calendarView`, `users/U/calendars/C/events`.
    pub(crate) fn path(&self) -> String {
        let view = match self.view {
            ViewKind::CalendarView => "calendarView",
            ViewKind::Events => "events",
        };
        self.segments(escape).into_iter().chain([view.to_owned()]).collect::<Vec<_>>().join("/")
    }

    /// The path of the list of the mailbox's calendars, escaped.
    pub(crate) fn calendars_path(&self) -> String {
        let of_mailbox = Self { calendar: Calendar::All, view: ViewKind::CalendarView, ..self.clone() };
        [of_mailbox.segments(escape), vec!["calendars".to_owned()]].concat().join("/")
    }

    /// The path of one event, by way of its own calendar: shared calendars' events are found under no other (observed).
    pub(crate) fn event_path(&self, id: &str) -> String {
        let mut segments = self.segments(escape);
        if self.calendar == Calendar::Default && self.view == ViewKind::CalendarView {
            segments.push("calendar".to_owned());
        }
        segments.extend(["events".to_owned(), escape(id)]);
        segments.join("/")
    }

    /// The parts of the path to the calendar, its ids put through `id`.
    fn segments(&self, id: impl Fn(&str) -> String) -> Vec<String> {
        let word = str::to_owned;
        let mut segments = match &self.mailbox {
            Mailbox::Me => vec![word("me")],
            Mailbox::User(user) => vec![word("users"), id(user)],
            Mailbox::Group(group) => vec![word("groups"), id(group)],
        };
        match &self.calendar {
            Calendar::Default if self.view == ViewKind::Events => segments.push(word("calendar")),
            Calendar::Default | Calendar::All => {}
            Calendar::Id(calendar) => segments.extend([word("calendars"), id(calendar)]),
            Calendar::InGroup { group, calendar } => {
                segments.extend([word("calendarGroups"), id(group), word("calendars"), id(calendar)]);
            }
        }
        segments
    }

    fn ids(&self) -> impl Iterator<Item = &str> {
        let mailbox = match &self.mailbox {
            Mailbox::Me => None,
            Mailbox::User(id) | Mailbox::Group(id) => Some(id.as_str()),
        };
        let (group, calendar) = match &self.calendar {
            Calendar::Default | Calendar::All => (None, None),
            Calendar::Id(calendar) => (None, Some(calendar.as_str())),
            Calendar::InGroup { group, calendar } => (Some(group.as_str()), Some(calendar.as_str())),
        };
        [mailbox, group, calendar].into_iter().flatten()
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.segments(str::to_owned).join("/"))?;
        match self.view {
            ViewKind::CalendarView => Ok(()),
            ViewKind::Events => f.write_str("/events"),
        }
    }
}

impl FromStr for Resource {
    type Err = ResourceError;

    fn from_str(text: &str) -> Result<Self, ResourceError> {
        let unknown = || ResourceError::Unknown(text.chars().take(80).collect());
        let parts: Vec<&str> = text.trim_matches('/').split('/').collect();
        let (mailbox, rest) = match parts.as_slice() {
            [me, rest @ ..] if me.eq_ignore_ascii_case("me") => (Mailbox::Me, rest),
            [users, id, rest @ ..] if users.eq_ignore_ascii_case("users") => (Mailbox::User((*id).to_owned()), rest),
            [groups, id, rest @ ..] if groups.eq_ignore_ascii_case("groups") => {
                (Mailbox::Group((*id).to_owned()), rest)
            }
            _ => return Err(unknown()),
        };
        let (rest, view) = match rest.split_last() {
            Some((last, rest)) if last.eq_ignore_ascii_case("events") => (rest, ViewKind::Events),
            Some((last, rest)) if last.eq_ignore_ascii_case("calendarView") => (rest, ViewKind::CalendarView),
            _ => (rest, ViewKind::CalendarView),
        };
        let is = |part: &str, word: &str| part.eq_ignore_ascii_case(word);
        let calendar = match rest {
            [] if view == ViewKind::Events && !matches!(mailbox, Mailbox::Group(_)) => Calendar::All,
            [] => Calendar::Default,
            [calendar] if is(calendar, "calendar") => Calendar::Default,
            [calendars, id] if is(calendars, "calendars") => Calendar::Id((*id).to_owned()),
            [groups, group, calendars, id] if is(groups, "calendarGroups") && is(calendars, "calendars") => {
                Calendar::InGroup { group: (*group).to_owned(), calendar: (*id).to_owned() }
            }
            _ => return Err(unknown()),
        };
        Self::new(mailbox, calendar, view)
    }
}

impl TryFrom<String> for Resource {
    type Error = ResourceError;

    fn try_from(text: String) -> Result<Self, ResourceError> {
        text.parse()
    }
}

impl From<Resource> for String {
    fn from(resource: Resource) -> Self {
        resource.to_string()
    }
}

/// Why Graph has no such resource.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResourceError {
    /// The text is none of the known forms.
    Unknown(String),
    /// An id is empty, or has characters that a path can't have.
    BadId,
    /// A group has no events view (Graph's documentation, `event: delta`).
    GroupEvents,
    /// A group has one calendar only.
    GroupCalendar,
    /// A calendar view is of one calendar.
    ViewOfAll,
}

impl fmt::Display for ResourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(text) => write!(
                f,
                "{text:?} is not a target: write me, me/calendars/ID, me/calendarGroups/G/calendars/ID, the same under \
                 users/UPN, or groups/ID; with /events behind it for the events view"
            ),
            Self::BadId => f.write_str("an id in the target is empty, `.`, `..`, or has control characters or slashes"),
            Self::GroupEvents => f.write_str("groups have no events view: leave /events out"),
            Self::GroupCalendar => f.write_str("a group has one calendar only: write groups/ID"),
            Self::ViewOfAll => f.write_str("a calendar view is of one calendar: name it, or use the events view"),
        }
    }
}

impl std::error::Error for ResourceError {}

/// Escapes an id for a path. `=` and `@` stand as they are in Graph's own samples.
fn escape(id: &str) -> String {
    let mut escaped = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~=@".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "me",
            "me/calendars/AAMk=",
            "me/calendarGroups/G/calendars/C",
            "users/samanthab@contoso.com",
            "users/U/calendars/C",
            "groups/G",
            "me/events",
            "me/calendar/events",
            "users/U/calendars/C/events",
        ] {
            let resource: Resource = text.parse().unwrap();
            assert_eq!(resource.to_string(), text);
            assert_eq!(serde_json::from_str::<Resource>(&serde_json::to_string(&resource).unwrap()).unwrap(), resource);
        }
        assert_eq!("/ME/Calendar/calendarview/".parse::<Resource>().unwrap().to_string(), "me");
        assert_eq!("Groups/G/calendar".parse::<Resource>().unwrap().to_string(), "groups/G");
    }

    #[test]
    fn what_graph_does_not_have_is_refused() {
        for text in [
            "",
            "you",
            "users",
            "users/",
            "users//calendars/C",
            "me/calendars",
            "me/calendars/",
            "me/calendars/..",
            "me/calendars/%2e%2E",
            "me/calendars/a\nb",
            "me/calendarGroups/G",
            "groups/G/events",
            "groups/G/calendars/C",
            "groups/G/calendar/events",
            "me/messages",
            "me/calendars/a/b",
            "https://graph.microsoft.com/v1.0/me",
        ] {
            assert!(text.parse::<Resource>().is_err(), "{text}");
        }
    }
}
