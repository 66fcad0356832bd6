//! An event of the agenda as a JSON object (`agenda/1`).

use std::borrow::Cow;

use delta_core::{Event, Timestamp};
use export::filter::is_cancelled;
use export::ics::online_meeting_url;
use export::when::When;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::{Clock, Entry, date};
use crate::exit::{Code, Failure};
use crate::output::{self, Tagged};

/// The body of `agenda/1`.
#[derive(Serialize)]
struct Agenda<'a> {
    target: &'a str,
    id: &'a str,
    series: Option<&'a str>,
    all_day: bool,
    start: String,
    end: String,
    start_local: String,
    end_local: String,
    time_zone: Option<&'a str>,
    subject: Option<Cow<'a, str>>,
    location: Option<Cow<'a, str>>,
    organizer: Option<Cow<'a, str>>,
    categories: Vec<Cow<'a, str>>,
    show_as: Option<Cow<'a, str>>,
    response: Option<Cow<'a, str>>,
    sensitivity: Option<Cow<'a, str>>,
    cancelled: bool,
    online_meeting_url: Option<String>,
}

pub(super) fn object(entry: &Entry, clock: &Clock) -> Result<String, Failure> {
    let event = Event::parse(&entry.row.json).map_err(|error| Failure::new(Code::Data, error))?;
    let meta = &entry.row.row.meta;
    let days = |at: Timestamp| date(at).to_string();
    let (all_day, start, end, start_local, end_local) = match entry.when {
        When::Days { first, after } => (true, days(first), days(after), days(first), days(after)),
        When::Instants { start, end } => {
            (false, start.to_string(), end.to_string(), local(start, &clock.zone), local(end, &clock.zone))
        }
    };
    let organizer = event.organizer().and_then(|organizer| organizer.email_address);
    let value = Agenda {
        target: &entry.target,
        id: &meta.id,
        series: meta.series.as_deref(),
        all_day,
        start,
        end,
        start_local,
        end_local,
        time_zone: clock.zone.iana_name(),
        subject: event.subject(),
        location: event.location().and_then(|location| location.display_name),
        organizer: organizer.and_then(|who| who.name.or(who.address)),
        categories: event.categories(),
        show_as: event.show_as(),
        response: event.response_status().and_then(|status| status.response),
        sensitivity: event.sensitivity(),
        cancelled: is_cancelled(&event),
        online_meeting_url: online_meeting_url(&event),
    };
    output::json(&Tagged { schema: "agenda/1", value })
}

/// An instant with the zone's offset, to the second.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_second(at.seconds()) {
        Ok(instant) => instant.display_with_offset(zone.to_offset(instant)).to_string(),
        Err(_) => at.to_string(),
    }
}
