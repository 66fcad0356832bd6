//! The events of the walk-through in Graph's documentation of calendar view deltas: five in December 2016, and a sixth
//! that comes later.

use jiff::civil::{DateTime, date};
use serde_json::{Value, json};

use crate::event::Event;
use crate::mailbox::Kind;
use crate::population::{Account, CalendarOfAccount, EventOfCalendar, Population};
use crate::properties::{into_object, location};

/// Whose calendar it is.
pub const NAME: &str = "Samantha Booth";
/// Her address and user principal name.
pub const ADDRESS: &str = "samanthab@contoso.com";
/// The `startDateTime` of the walk-through's window.
pub const WINDOW_START: &str = "2016-12-01T00:00:00Z";
/// The `endDateTime` of the walk-through's window.
pub const WINDOW_END: &str = "2016-12-30T00:00:00Z";
/// The ids of the five events, in the order in which the walk-through shows them.
pub const FIVE_IDS: [&str; 5] = ["AAMkADNVxRAAA=", "AAMkADVxSAAA=", "AAMkADVxTAAA=", "AAMkADVxUAAA=", "AAMkADj1HuAAA="];
/// The id of the sixth event.
pub const SIXTH_ID: &str = "AAMkADj1HvAAA=";

/// Samantha Booth with the five events in her default calendar.
pub fn five_events() -> Population {
    let [first, second, third, fourth, fifth] = FIVE_IDS;
    let at = |day: i8, hour: i8, minute: i8| date(2016, 12, day).at(hour, minute, 0, 0);
    samantha_with(vec![
        event(first, "Plan shopping list", at(9, 20, 30), at(9, 22, 0), None),
        event(second, "Pick up car", at(10, 1, 0), at(10, 2, 0), None),
        event(third, "Get food", at(10, 19, 30), at(10, 21, 30), None),
        event(fourth, "Prepare food", at(10, 22, 0), at(11, 0, 0), None),
        event(fifth, "Rest!", at(12, 2, 0), at(12, 7, 30), Some(json!({"displayName": "Home"}))),
    ])
}

/// Samantha Booth with the sixth event, which the walk-through's second round brings.
pub fn sixth_event() -> Population {
    let chapel = json!({
        "displayName": "Chapel of Saint Ignatius",
        "address": {
            "type": "unknown",
            "street": "900 Broadway",
            "city": "Seattle",
            "state": "WA",
            "countryOrRegion": "United States",
            "postalCode": "",
        },
        "coordinates": {"latitude": 47.6105, "longitude": -122.321},
    });
    let (start, end) = (date(2016, 12, 25).at(6, 0, 0, 0), date(2016, 12, 25).at(7, 30, 0, 0));
    samantha_with(vec![event(SIXTH_ID, "Attend service", start, end, Some(chapel))])
}

fn samantha_with(events: Vec<EventOfCalendar>) -> Population {
    let calendar = CalendarOfAccount { id: None, name: None, default: true, group: None, owner: None, events };
    let account = Account {
        kind: Kind::User,
        id: None,
        name: NAME.to_owned(),
        address: ADDRESS.to_owned(),
        calendar_groups: Vec::new(),
        calendars: vec![calendar],
    };
    Population { accounts: vec![account] }
}

fn event(id: &str, subject: &str, start: DateTime, end: DateTime, place: Option<Value>) -> EventOfCalendar {
    let mut event = Event::new(start, end, start);
    event.properties.insert("subject".to_owned(), Value::String(subject.to_owned()));
    if let Some(place) = place.map(|place| location(into_object(place))) {
        event.properties.insert("locations".to_owned(), json!([place]));
        event.properties.insert("location".to_owned(), place);
    }
    EventOfCalendar { id: Some(id.to_owned()), created: None, modified: None, event }
}
