//! Records: their columns, and what stands in them.

use std::borrow::Cow;

use delta_core::{Event, Timestamp};
use serde_json::{Map, Value, json};
use store::reader::EventRow;

use super::KEYS;
use crate::filter::is_cancelled;
use crate::ics::online_meeting_url;
use crate::when::When;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Flag,
    /// An instant; of an all-day event the midnight of a day, read as UTC.
    Instant,
    Texts,
    People,
}

/// The columns.
pub(super) const COLUMNS: [(&str, Kind); 26] = [
    ("target", Kind::Text),
    ("id", Kind::Text),
    ("series", Kind::Text),
    ("type", Kind::Text),
    ("subject", Kind::Text),
    ("start", Kind::Instant),
    ("end", Kind::Instant),
    ("all_day", Kind::Flag),
    ("time_zone", Kind::Text),
    ("location", Kind::Text),
    ("organizer_name", Kind::Text),
    ("organizer_address", Kind::Text),
    ("attendees", Kind::People),
    ("categories", Kind::Texts),
    ("show_as", Kind::Text),
    ("response", Kind::Text),
    ("sensitivity", Kind::Text),
    ("importance", Kind::Text),
    ("cancelled", Kind::Flag),
    ("online_meeting_url", Kind::Text),
    ("web_link", Kind::Text),
    ("preview", Kind::Text),
    ("created", Kind::Instant),
    ("last_modified", Kind::Instant),
    ("event", Kind::Text),
    (DELETED_AT, Kind::Instant),
];

/// When an event went; null for one that is there.
const DELETED_AT: &str = "_sdc_deleted_at";

/// The JSON Schema of a record, with these columns.
pub(super) fn schema(has: impl Fn(&str) -> bool) -> Value {
    let columns = COLUMNS.iter().filter(|(name, _)| has(name));
    let properties: Map<String, Value> =
        columns.map(|(name, kind)| ((*name).to_owned(), kind.schema(KEYS.contains(name)))).collect();
    json!({"type": "object", "properties": properties})
}

impl Kind {
    fn schema(self, key: bool) -> Value {
        let text = json!({"type": ["null", "string"]});
        match self {
            Self::Text if key => json!({"type": "string"}),
            Self::Text => text,
            Self::Flag => json!({"type": ["null", "boolean"]}),
            Self::Instant => json!({"type": ["null", "string"], "format": "date-time"}),
            Self::Texts => json!({"type": ["null", "array"], "items": {"type": "string"}}),
            Self::People => {
                let who = json!({"name": text, "address": text, "type": text, "response": text});
                json!({"type": ["null", "array"], "items": {"type": "object", "properties": who}})
            }
        }
    }
}

/// An event.
pub(super) fn of(target: &str, row: &EventRow, event: &Event<'_>) -> Map<String, Value> {
    let meta = &row.row.meta;
    let (start, end, all_day) = match When::of(event) {
        Some(When::Days { first, after }) => (Some(first), Some(after), true),
        Some(When::Instants { start, end }) => (Some(start), Some(end), false),
        None => (None, None, false),
    };
    let organizer = event.organizer().and_then(|organizer| organizer.email_address).unwrap_or_default();
    let values = json!({
        "target": target,
        "id": meta.id.as_ref(),
        "series": meta.series.as_deref(),
        "type": meta.kind.as_graph(),
        "subject": event.subject(),
        "start": start,
        "end": end,
        "all_day": all_day,
        "time_zone": event.original_start_time_zone(),
        "location": event.location().and_then(|location| location.display_name),
        "organizer_name": organizer.name,
        "organizer_address": organizer.address,
        "attendees": people(event),
        "categories": event.categories(),
        "show_as": event.show_as(),
        "response": event.response_status().and_then(|status| status.response),
        "sensitivity": event.sensitivity(),
        "importance": event.importance(),
        "cancelled": is_cancelled(event),
        "online_meeting_url": online_meeting_url(event),
        "web_link": event.web_link(),
        "preview": event.body_preview(),
        "created": event.created(),
        "last_modified": event.last_modified(),
        "event": row.json,
        (DELETED_AT): null,
    });
    if let Value::Object(record) = values { record } else { Map::new() }
}

/// An event that is gone: its keys, and when.
pub(super) fn gone(target: &str, id: &str, at: Timestamp) -> Map<String, Value> {
    [("target", json!(target)), ("id", json!(id)), (DELETED_AT, json!(at))]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn people(event: &Event<'_>) -> Vec<Value> {
    let person = |attendee: delta_core::Attendee<'_>| {
        let who = attendee.email_address.unwrap_or_default();
        let response: Option<Cow<'_, str>> = attendee.status.and_then(|status| status.response);
        json!({"name": who.name, "address": who.address, "type": attendee.kind, "response": response})
    };
    event.attendees().into_iter().map(person).collect()
}
