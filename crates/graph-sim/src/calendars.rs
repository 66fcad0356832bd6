//! Calendars and calendar groups by REST, and the mailbox's owner.

use http::StatusCode;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::error::GraphError;
use crate::event::Object;
use crate::listing;
use crate::mailbox::{Calendar, CalendarGroup, Kind, Mailbox};
use crate::properties::into_object;
use crate::random::Random;
use crate::route::CalendarPath;

/// `GET /me`, `/users/{id}` and `/groups/{id}`: who it is, and no more.
pub(crate) fn owner(mailbox: &Mailbox, call: &Call) -> Reply {
    let mut owner = json!({"id": mailbox.id, "displayName": mailbox.name, "mail": mailbox.address});
    let kind = match mailbox.kind {
        Kind::User => "users",
        Kind::Group => "groups",
    };
    if let (Kind::User, Some(owner)) = (mailbox.kind, owner.as_object_mut()) {
        owner.insert("userPrincipalName".to_owned(), Value::String(mailbox.address.clone()));
    }
    Reply::ok(listing::single(call, kind, into_object(owner)))
}

/// `GET …/calendars`, of the whole mailbox or of one calendar group.
pub(crate) fn list(mailbox: &Mailbox, group: Option<&str>, call: &Call) -> Result<Reply, GraphError> {
    group.map(|group| mailbox.calendar_group(group)).transpose()?;
    let in_group = |calendar: &&Calendar| group.is_none_or(|group| calendar.group == group);
    let calendars: Vec<&Calendar> = mailbox.calendars.iter().filter(in_group).collect();
    listing::page(call, &context(mailbox, "calendars"), calendars, |calendar| show(mailbox, calendar))
}

/// `POST …/calendars`; without a calendar group it goes to the first one.
pub(crate) fn create(
    mailbox: &mut Mailbox,
    group: Option<&str>,
    call: &Call,
    random: &mut Random,
) -> Result<Reply, GraphError> {
    let group = match group {
        Some(group) => mailbox.calendar_group(group)?.id.clone(),
        None => mailbox.calendar_groups.first().ok_or_else(GraphError::item_not_found)?.id.clone(),
    };
    let object = call.object()?;
    let name = name(&object)?.ok_or_else(GraphError::property_validation)?;
    refuse_taken(mailbox.calendars.iter().map(|calendar| calendar.name.as_str()), &name)?;
    let color = color(&object)?;
    let id = mailbox.add_calendar(&name, None, &group, random);
    if let Some(color) = color {
        mailbox.change_calendar(&id, |calendar| calendar.color = color);
    }
    Ok(Reply::created(shown(mailbox, &CalendarPath::Id(id), call)?))
}

/// `GET …/calendars/{id}` and `…/calendar`
pub(crate) fn get(mailbox: &Mailbox, path: &CalendarPath, call: &Call) -> Result<Reply, GraphError> {
    Ok(Reply::ok(shown(mailbox, path, call)?))
}

/// `PATCH …/calendars/{id}`: another name or colour.
pub(crate) fn update(mailbox: &mut Mailbox, path: &CalendarPath, call: &Call) -> Result<Reply, GraphError> {
    let id = mailbox.calendar(path)?.id.clone();
    let object = call.object()?;
    let (name, color) = (name(&object)?, color(&object)?);
    if let Some(name) = &name {
        let others = mailbox.calendars.iter().filter(|calendar| calendar.id != id);
        refuse_taken(others.map(|calendar| calendar.name.as_str()), name)?;
    }
    mailbox.change_calendar(&id, |calendar| {
        calendar.name = name.unwrap_or_else(|| calendar.name.clone());
        calendar.color = color.unwrap_or_else(|| calendar.color.clone());
    });
    Ok(Reply::ok(shown(mailbox, path, call)?))
}

/// `DELETE …/calendars/{id}`. The default calendar stays.
pub(crate) fn delete(mailbox: &mut Mailbox, path: &CalendarPath) -> Result<Reply, GraphError> {
    let calendar = mailbox.calendar(path)?;
    if mailbox.is_default(calendar) {
        let message = "Distinguished folders cannot be deleted.";
        return Err(GraphError::new(StatusCode::BAD_REQUEST, "ErrorDeleteDistinguishedFolder", message));
    }
    let id = calendar.id.clone();
    mailbox.remove_calendar(&id);
    Ok(Reply::no_content())
}

/// `GET …/calendarGroups`
pub(crate) fn list_groups(mailbox: &Mailbox, call: &Call) -> Result<Reply, GraphError> {
    let groups: Vec<&CalendarGroup> = mailbox.calendar_groups.iter().collect();
    listing::page(call, &context(mailbox, "calendarGroups"), groups, |group| show_group(mailbox, group))
}

/// `POST …/calendarGroups`
pub(crate) fn create_group(mailbox: &mut Mailbox, call: &Call, random: &mut Random) -> Result<Reply, GraphError> {
    let name = name(&call.object()?)?.ok_or_else(GraphError::property_validation)?;
    refuse_taken(mailbox.calendar_groups.iter().map(|group| group.name.as_str()), &name)?;
    let id = mailbox.add_calendar_group(&name, None, random);
    Ok(Reply::created(shown_group(mailbox, &id, call)?))
}

/// `GET …/calendarGroups/{id}`
pub(crate) fn get_group(mailbox: &Mailbox, id: &str, call: &Call) -> Result<Reply, GraphError> {
    Ok(Reply::ok(shown_group(mailbox, id, call)?))
}

fn shown(mailbox: &Mailbox, path: &CalendarPath, call: &Call) -> Result<Value, GraphError> {
    Ok(listing::single(call, &context(mailbox, "calendars"), show(mailbox, mailbox.calendar(path)?)))
}

fn shown_group(mailbox: &Mailbox, id: &str, call: &Call) -> Result<Value, GraphError> {
    Ok(listing::single(call, &context(mailbox, "calendarGroups"), show_group(mailbox, mailbox.calendar_group(id)?)))
}

fn show(mailbox: &Mailbox, calendar: &Calendar) -> Object {
    let default = mailbox.is_default(calendar);
    let owner = calendar.owner.as_ref();
    let (name, address) = owner.map_or((&mailbox.name, &mailbox.address), |owner| (&owner.name, &owner.address));
    into_object(json!({
        "id": calendar.id,
        "name": calendar.name,
        "color": calendar.color,
        "hexColor": "",
        "isDefaultCalendar": default,
        "changeKey": mailbox.change_key(calendar.changed),
        "canShare": owner.is_none(),
        "canViewPrivateItems": owner.is_none(),
        "canEdit": owner.is_none(),
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": default,
        "isRemovable": !default,
        "owner": {"name": name, "address": address},
    }))
}

fn show_group(mailbox: &Mailbox, group: &CalendarGroup) -> Object {
    into_object(json!({
        "id": group.id,
        "name": group.name,
        "changeKey": mailbox.change_key(group.changed),
    }))
}

/// The name in a request, if there is one; it may not be empty.
fn name(object: &Object) -> Result<Option<String>, GraphError> {
    let Some(name) = object.get("name") else { return Ok(None) };
    let name = name.as_str().filter(|name| !name.trim().is_empty());
    name.map(|name| Some(name.to_owned())).ok_or_else(|| GraphError::bad_property("name"))
}

fn color(object: &Object) -> Result<Option<String>, GraphError> {
    const COLORS: [&str; 10] = [
        "auto",
        "lightBlue",
        "lightGreen",
        "lightOrange",
        "lightGray",
        "lightYellow",
        "lightTeal",
        "lightPink",
        "lightBrown",
        "lightRed",
    ];
    let Some(color) = object.get("color") else { return Ok(None) };
    let color = color.as_str().filter(|color| COLORS.contains(color));
    color.map(|color| Some(color.to_owned())).ok_or_else(|| GraphError::bad_property("color"))
}

fn refuse_taken<'a>(mut taken: impl Iterator<Item = &'a str>, name: &str) -> Result<(), GraphError> {
    if !taken.any(|taken| taken.eq_ignore_ascii_case(name)) {
        return Ok(());
    }
    let message = "A folder with the specified name already exists.";
    Err(GraphError::new(StatusCode::CONFLICT, "ErrorFolderExists", message))
}

fn context(mailbox: &Mailbox, what: &str) -> String {
    format!("{}/{what}", mailbox.context())
}
