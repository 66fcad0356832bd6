//! Paths: which resource of which mailbox a request is about.
//!
//! Keywords match in any case and ids never change theirs. `delta`, `delta()`, `microsoft.graph.delta` and
//! `microsoft.graph.delta()` are one thing, as are `users/ID` and `users('ID')`.

use crate::error::GraphError;
use crate::query::percent_decode;

/// The API version in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1,
    Beta,
}

impl Version {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "v1.0",
            Self::Beta => "beta",
        }
    }
}

/// Whose mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The signed-in user: the first one.
    Me,
    /// A user by id or user principal name.
    User(String),
    /// A group by id.
    Group(String),
}

/// Which of a mailbox's calendars.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CalendarPath {
    Default,
    Id(String),
    InGroup { group: String, calendar: String },
}

/// Where events are looked for: in one calendar, or by `/me/events` in the whole mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Mailbox,
    Calendar(CalendarPath),
}

/// What the path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    Owner,
    Calendars,
    Calendar(CalendarPath),
    CalendarGroups,
    CalendarGroup(String),
    CalendarsOfGroup(String),
    Events(Place),
    Event(Place, String),
    Instances(Place, String),
    EventsDelta(Place),
    CalendarView(CalendarPath),
    CalendarViewDelta(CalendarPath),
}

/// A path, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) version: Version,
    pub(crate) owner: Owner,
    pub(crate) resource: Resource,
}

impl Route {
    /// Reads a path such as `/v1.0/me/calendarView/delta`, still percent-encoded.
    pub(crate) fn parse(path: &str) -> Result<Self, GraphError> {
        let segments: Vec<String> =
            path.split('/').filter(|raw| !raw.is_empty()).flat_map(|raw| keys_apart(&percent_decode(raw))).collect();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let (version, rest) = match segments.split_first() {
            Some((&"v1.0", rest)) => (Version::V1, rest),
            Some((version, rest)) if version.eq_ignore_ascii_case("beta") => (Version::Beta, rest),
            other => return Err(GraphError::unknown_version(other.map_or("", |(version, _)| version))),
        };
        let (owner, rest) = match rest {
            [me, rest @ ..] if is(me, "me") => (Owner::Me, rest),
            [users, id, rest @ ..] if is(users, "users") => (Owner::User((*id).to_owned()), rest),
            [groups, id, rest @ ..] if is(groups, "groups") => (Owner::Group((*id).to_owned()), rest),
            _ => return Err(unknown(rest)),
        };
        let resource = if matches!(owner, Owner::Group(_)) { of_group(rest) } else { of_mailbox(rest) }?;
        Ok(Self { version, owner, resource })
    }
}

/// A Microsoft 365 group has one calendar, and no list of them.
fn of_group(path: &[&str]) -> Result<Resource, GraphError> {
    match path {
        [first, ..] if is(first, "calendars") || is(first, "calendarGroups") => Err(unknown(path)),
        _ => of_mailbox(path),
    }
}

fn of_mailbox(path: &[&str]) -> Result<Resource, GraphError> {
    match path {
        [] => Ok(Resource::Owner),
        [calendar, rest @ ..] if is(calendar, "calendar") => of_calendar(CalendarPath::Default, rest),
        [calendars, rest @ ..] if is(calendars, "calendars") => match rest {
            [] => Ok(Resource::Calendars),
            [id, rest @ ..] => of_calendar(CalendarPath::Id((*id).to_owned()), rest),
        },
        [groups, rest @ ..] if is(groups, "calendarGroups") => of_calendar_groups(rest),
        [events, rest @ ..] if is(events, "events") => of_events(Place::Mailbox, rest),
        [view, ..] if is(view, "calendarView") => of_calendar(CalendarPath::Default, path),
        _ => Err(unknown(path)),
    }
}

fn of_calendar_groups(path: &[&str]) -> Result<Resource, GraphError> {
    match path {
        [] => Ok(Resource::CalendarGroups),
        [group] => Ok(Resource::CalendarGroup((*group).to_owned())),
        [group, calendars] if is(calendars, "calendars") => Ok(Resource::CalendarsOfGroup((*group).to_owned())),
        [group, calendars, calendar, rest @ ..] if is(calendars, "calendars") => {
            let (group, calendar) = ((*group).to_owned(), (*calendar).to_owned());
            of_calendar(CalendarPath::InGroup { group, calendar }, rest)
        }
        [_, rest @ ..] => Err(unknown(rest)),
    }
}

fn of_calendar(calendar: CalendarPath, path: &[&str]) -> Result<Resource, GraphError> {
    match path {
        [] => Ok(Resource::Calendar(calendar)),
        [events, rest @ ..] if is(events, "events") => of_events(Place::Calendar(calendar), rest),
        [view] if is(view, "calendarView") => Ok(Resource::CalendarView(calendar)),
        [view, delta] if is(view, "calendarView") && is_delta(delta) => Ok(Resource::CalendarViewDelta(calendar)),
        [view, rest @ ..] if is(view, "calendarView") => Err(unknown(rest)),
        _ => Err(unknown(path)),
    }
}

fn of_events(place: Place, path: &[&str]) -> Result<Resource, GraphError> {
    match path {
        [] => Ok(Resource::Events(place)),
        [delta] if is_delta(delta) => Ok(Resource::EventsDelta(place)),
        [id] => Ok(Resource::Event(place, (*id).to_owned())),
        [id, instances] if is(instances, "instances") => Ok(Resource::Instances(place, (*id).to_owned())),
        [_, rest @ ..] => Err(unknown(rest)),
    }
}

fn is(segment: &str, keyword: &str) -> bool {
    segment.eq_ignore_ascii_case(keyword)
}

fn is_delta(segment: &str) -> bool {
    let name = segment.strip_suffix("()").unwrap_or(segment);
    is(name, "delta") || is(name, "microsoft.graph.delta")
}

/// `users('ID')` as `users` and `ID`; in OData a quotation mark inside such a key is written twice.
fn keys_apart(segment: &str) -> Vec<String> {
    match segment.strip_suffix("')").and_then(|rest| rest.split_once("('")) {
        Some((name, key)) => vec![name.to_owned(), key.replace("''", "'")],
        None => vec![segment.to_owned()],
    }
}

fn unknown(path: &[&str]) -> GraphError {
    GraphError::unknown_segment(path.first().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resource(path: &str) -> Resource {
        Route::parse(path).unwrap().resource
    }

    #[test]
    fn every_spelling_of_delta_is_one_resource() {
        for delta in ["delta", "Delta", "delta()", "microsoft.graph.delta", "microsoft.graph.delta()"] {
            let path = format!("/v1.0/me/calendarview/{delta}");
            assert_eq!(resource(&path), Resource::CalendarViewDelta(CalendarPath::Default), "{path}");
        }
    }

    #[test]
    fn keywords_ignore_case_and_ids_keep_it() {
        let route = Route::parse("/beta/USERS/aBc%3D/CalendarGroups/gG/CALENDARS/cC/EVENTS/eE").unwrap();
        assert_eq!(route.version, Version::Beta);
        assert_eq!(route.owner, Owner::User("aBc=".to_owned()));
        let calendar = CalendarPath::InGroup { group: "gG".to_owned(), calendar: "cC".to_owned() };
        assert_eq!(route.resource, Resource::Event(Place::Calendar(calendar), "eE".to_owned()));
    }

    #[test]
    fn keys_in_parentheses_are_ids() {
        let route = Route::parse("/v1.0/users('room''1%40contoso.com')/calendars('AAA%3D')/events").unwrap();
        assert_eq!(route.owner, Owner::User("room'1@contoso.com".to_owned()));
        assert_eq!(route.resource, Resource::Events(Place::Calendar(CalendarPath::Id("AAA=".to_owned()))));
    }

    #[test]
    fn the_mailbox_and_its_default_calendar_are_told_apart() {
        assert_eq!(resource("/v1.0/me/events/delta"), Resource::EventsDelta(Place::Mailbox));
        let default = Place::Calendar(CalendarPath::Default);
        assert_eq!(resource("/v1.0/me/calendar/events/delta"), Resource::EventsDelta(default));
        assert_eq!(resource("/v1.0/groups/g/calendar"), Resource::Calendar(CalendarPath::Default));
    }

    #[test]
    fn an_unknown_segment_is_named() {
        for (path, segment) in [
            ("/v1.0/me/mail", "mail"),
            ("/v1.0/them", "them"),
            ("/v1.0/groups/g/calendars", "calendars"),
            ("/v1.0/me/calendarView/gamma", "gamma"),
            ("/v1.0/me/events/x/attachments", "attachments"),
        ] {
            let error = Route::parse(path).unwrap_err();
            assert_eq!(error, GraphError::unknown_segment(segment), "{path}");
        }
        assert_eq!(Route::parse("/v3.0/me").unwrap_err(), GraphError::unknown_version("v3.0"));
        assert_eq!(Route::parse("/").unwrap_err(), GraphError::unknown_version(""));
    }

    proptest! {
        #[test]
        fn no_path_panics(path: String) {
            let _ = Route::parse(&path);
        }
    }
}
