//! The properties of an event beside its times: their defaults, their types, and whose they are to set.

use serde_json::{Value, json};

use crate::error::GraphError;
use crate::event::Object;

/// Set by Graph alone; a client that sends them is not heard.
const READ_ONLY: [&str; 15] = [
    "hasAttachments",
    "iCalUId",
    "isCancelled",
    "isDraft",
    "isOrganizer",
    "occurrenceId",
    "onlineMeeting",
    "onlineMeetingUrl",
    "organizer",
    "originalStart",
    "responseStatus",
    "seriesMasterId",
    "type",
    "uid",
    "webLink",
];

/// Computed whenever an event is shown, and therefore never stored.
const COMPUTED: [&str; 7] = [
    "bodyPreview",
    "changeKey",
    "createdDateTime",
    "id",
    "lastModifiedDateTime",
    "originalEndTimeZone",
    "originalStartTimeZone",
];

const ENUMERATIONS: [(&str, &[&str]); 4] = [
    ("importance", &["low", "normal", "high"]),
    ("onlineMeetingProvider", &["unknown", "skypeForBusiness", "skypeForConsumer", "teamsForBusiness"]),
    ("sensitivity", &["normal", "personal", "private", "confidential"]),
    ("showAs", &["unknown", "free", "tentative", "busy", "oof", "workingElsewhere"]),
];

const BOOLEANS: [&str; 5] =
    ["allowNewTimeProposals", "hideAttendees", "isOnlineMeeting", "isReminderOn", "responseRequested"];

/// The time of a response that was never given.
const NEVER: &str = "0001-01-01T00:00:00Z";

pub(crate) fn is_read_only(name: &str) -> bool {
    READ_ONLY.contains(&name) || is_computed(name)
}

pub(crate) fn is_computed(name: &str) -> bool {
    COMPUTED.contains(&name) || name.starts_with('@')
}

/// What a new event has before anything is said about it.
pub(crate) fn defaults() -> Object {
    let defaults = json!({
        "allowNewTimeProposals": true,
        "attendees": [],
        "body": default_body(),
        "categories": [],
        "hasAttachments": false,
        "hideAttendees": false,
        "importance": "normal",
        "isCancelled": false,
        "isDraft": false,
        "isOnlineMeeting": false,
        "isOrganizer": true,
        "isReminderOn": true,
        "location": default_location(),
        "locations": [],
        "onlineMeeting": null,
        "onlineMeetingProvider": "unknown",
        "onlineMeetingUrl": null,
        "recurrence": null,
        "reminderMinutesBeforeStart": 15,
        "responseRequested": true,
        "responseStatus": {"response": "organizer", "time": NEVER},
        "sensitivity": "normal",
        "seriesMasterId": null,
        "showAs": "busy",
        "subject": "",
        "transactionId": null,
        "type": "singleInstance",
    });
    into_object(defaults)
}

/// The value in the form in which Graph keeps it; `null` means the default, where there is one.
pub(crate) fn normalise(name: &str, value: Value) -> Result<Value, GraphError> {
    let bad = || GraphError::bad_property(name);
    let keep_if = |good: bool, value: Value| if good { Ok(value) } else { Err(bad()) };
    if let Some((_, members)) = ENUMERATIONS.iter().find(|(enumeration, _)| *enumeration == name) {
        let good = value.as_str().is_some_and(|member| members.contains(&member));
        return keep_if(good, value);
    }
    if BOOLEANS.contains(&name) {
        return keep_if(value.is_boolean(), value);
    }
    match name {
        "subject" | "transactionId" => keep_if(value.is_string() || value.is_null(), value),
        "reminderMinutesBeforeStart" => keep_if(value.is_i64(), value),
        "categories" => {
            let good = value.as_array().is_some_and(|categories| categories.iter().all(Value::is_string));
            keep_if(good, value)
        }
        "type" if value != "singleInstance" && value != "seriesMaster" => {
            Err(GraphError::not_implemented("loading single instances of a series; load the series"))
        }
        "body" => body(value).ok_or_else(bad),
        "location" => over(default_location(), value).ok_or_else(bad),
        "locations" => each(value, |location| over(default_location(), location)).ok_or_else(bad),
        "attendees" => each(value, |attendee| over(default_attendee(), attendee)).ok_or_else(bad),
        _ => Ok(value),
    }
}

/// `location` is the first of `locations`; who gives one of them gives both.
pub(crate) fn pair_locations(properties: &mut Object) {
    if let Some(locations) = properties.get("locations").and_then(Value::as_array) {
        let first = locations.first().cloned().unwrap_or_else(default_location);
        properties.entry("location").or_insert(first);
    } else if let Some(location) = properties.get("location") {
        let named = location.get("displayName").is_some_and(|name| name != "");
        let locations = if named { vec![location.clone()] } else { Vec::new() };
        properties.insert("locations".to_owned(), Value::Array(locations));
    }
}

/// A location of which this much is known.
pub(crate) fn location(known: Object) -> Value {
    let mut location = into_object(default_location());
    location.extend(known);
    Value::Object(location)
}

fn default_body() -> Value {
    json!({"contentType": "html", "content": ""})
}

fn default_location() -> Value {
    json!({
        "displayName": "",
        "locationType": "default",
        "uniqueIdType": "unknown",
        "address": {"type": "unknown"},
        "coordinates": {},
    })
}

fn default_attendee() -> Value {
    json!({"type": "required", "status": {"response": "none", "time": NEVER}})
}

fn body(value: Value) -> Option<Value> {
    let mut body = over(default_body(), value)?;
    let content_type = body.get("contentType")?.as_str()?.to_ascii_lowercase();
    body.get("content")?.as_str()?;
    if !matches!(content_type.as_str(), "html" | "text") {
        return None;
    }
    body.as_object_mut()?.insert("contentType".to_owned(), Value::String(content_type));
    Some(body)
}

/// The object `value` with what it lacks taken from `default`; `null` gives the default.
fn over(default: Value, value: Value) -> Option<Value> {
    match value {
        Value::Null => Some(default),
        Value::Object(object) => {
            let mut whole = into_object(default);
            whole.extend(object);
            Some(Value::Object(whole))
        }
        _ => None,
    }
}

fn each(value: Value, change: impl Fn(Value) -> Option<Value>) -> Option<Value> {
    match value {
        Value::Null => Some(Value::Array(Vec::new())),
        Value::Array(values) => values.into_iter().map(change).collect::<Option<_>>().map(Value::Array),
        _ => None,
    }
}

/// The members of a JSON object; other values have none.
pub(crate) fn into_object(value: Value) -> Object {
    if let Value::Object(object) = value { object } else { Object::new() }
}
