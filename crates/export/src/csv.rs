//! Events as lines of CSV (RFC 4180): flat, for spreadsheets and data frames.

use delta_core::{Attendee, EmailAddress, Event};
use store::reader::EventRow;

use crate::Error;
use crate::events::parse;
use crate::filter::is_cancelled;
use crate::ics::online_meeting_url;
use crate::when::When;

/// The columns, in their order.
pub const COLUMNS: [&str; 22] = [
    "target",
    "id",
    "series",
    "type",
    "start",
    "end",
    "all_day",
    "time_zone",
    "subject",
    "location",
    "organizer",
    "attendees",
    "show_as",
    "response",
    "sensitivity",
    "importance",
    "cancelled",
    "categories",
    "online_meeting_url",
    "web_link",
    "last_modified",
    "preview",
];

/// The first line, without its end.
pub fn header() -> String {
    COLUMNS.join(",")
}

/// An event as a line, without its end.
///
/// # Errors
/// [`Error::NotAnEvent`].
pub fn event(target: &str, row: &EventRow) -> Result<String, Error> {
    let event = parse(row)?;
    let (start, end, all_day) = match When::of(&event) {
        Some(When::Days { first, after }) => (date(first), date(after), true),
        Some(When::Instants { start, end }) => (start.to_string(), end.to_string(), false),
        None => (String::new(), String::new(), false),
    };
    let text = |value: Option<std::borrow::Cow<'_, str>>| value.unwrap_or_default().into_owned();
    let flag = |value: bool| value.to_string();
    let fields: [String; 22] = [
        target.to_owned(),
        row.row.meta.id.to_string(),
        row.row.meta.series.as_deref().unwrap_or_default().to_owned(),
        row.row.meta.kind.as_graph().unwrap_or_default().to_owned(),
        start,
        end,
        flag(all_day),
        text(event.original_start_time_zone()),
        text(event.subject()),
        text(event.location().and_then(|location| location.display_name)),
        event.organizer().and_then(|organizer| organizer.email_address).map(|who| name(&who)).unwrap_or_default(),
        people(&event),
        text(event.show_as()),
        text(event.response_status().and_then(|status| status.response)),
        text(event.sensitivity()),
        text(event.importance()),
        flag(is_cancelled(&event)),
        event.categories().join("; "),
        online_meeting_url(&event).unwrap_or_default(),
        text(event.web_link()),
        event.last_modified().map(|at| at.to_string()).unwrap_or_default(),
        text(event.body_preview()),
    ];
    Ok(fields.map(|field| quote(&field)).join(","))
}

fn date(at: delta_core::Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// Everybody who is invited, by address.
fn people(event: &Event<'_>) -> String {
    let attendees = event.attendees();
    let address = |attendee: &Attendee<'_>| attendee.email_address.as_ref().map(name);
    attendees.iter().filter_map(address).collect::<Vec<_>>().join("; ")
}

/// An address, or the name where there is none.
fn name(who: &EmailAddress<'_>) -> String {
    who.address.as_deref().or(who.name.as_deref()).unwrap_or_default().to_owned()
}

/// A field, in quotes where it needs them.
fn quote(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_need_it() {
        assert_eq!(quote("plain; text"), "plain; text");
        assert_eq!(quote("a,b"), "\"a,b\"");
        assert_eq!(quote("a \"b\"\nc"), "\"a \"\"b\"\"\nc\"");
    }
}
