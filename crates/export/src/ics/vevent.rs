//! Events.

use std::borrow::Cow;
use std::collections::BTreeSet;

use delta_core::{Attendee, EmailAddress, Event, Timestamp};

use super::line::{Lines, escape, quoted, uri};
use super::moment::{self, Written};
use super::vtimezone::Zones;
use crate::events::parse;
use crate::filter::is_cancelled;
use crate::items::Item;
use crate::when::When;
use crate::{Error, text};

/// Writes the events of an item.
pub(super) fn write(lines: &mut Lines, item: &Item, zones: &mut Zones) -> Result<(), Error> {
    let mut taken = BTreeSet::new();
    for row in &item.events {
        let event = parse(row)?;
        let Some(when) = When::of(&event) else { continue };
        lines.line("BEGIN", "VEVENT");
        lines.text("UID", &item.id);
        if item.series {
            let id = recurrence_id(&event, when, zones, &mut taken);
            property(lines, "RECURRENCE-ID", &id);
        }
        times(lines, &event, when, zones);
        details(lines, &event);
        people(lines, &event);
        lines.line("END", "VEVENT");
    }
    Ok(())
}

fn property(lines: &mut Lines, name: &str, written: &Written) {
    lines.line(&format!("{name}{}", written.parameters), &written.value);
}

/// What tells an occurrence from the others of its series: where it would have been. Graph does not always say that of a
/// moved one; then it is where it is, and if that is another's place, a bit later: there is no rule that it would have to
/// fit, and no two may have the same.
fn recurrence_id(event: &Event<'_>, when: When, zones: &mut Zones, taken: &mut BTreeSet<(bool, Timestamp)>) -> Written {
    let zone = event.original_start_time_zone();
    let original = event.original_start();
    let (day, mut at) = match when {
        When::Days { first, .. } => (true, original.map_or(first, |at| date(at, zone.as_deref(), zones))),
        When::Instants { start, .. } => (false, original.unwrap_or(start)),
    };
    // To the second, as it is written.
    at = Timestamp::from_seconds(at.seconds());
    for _ in 0..=taken.len() {
        if taken.insert((day, at)) {
            break;
        }
        at = if day { at.plus_days(1) } else { at.plus_seconds(1) };
    }
    if day { moment::day(at) } else { moment::instant(at, zone.as_deref(), zones) }
}

/// The day of an all-day occurrence: it comes as a midnight in UTC, or in the zone of the series.
fn date(at: Timestamp, zone: Option<&str>, zones: &mut Zones) -> Timestamp {
    if at == at.midnight() {
        return at;
    }
    zone.and_then(|zone| zones.date(zone, at)).unwrap_or_else(|| at.midnight())
}

fn times(lines: &mut Lines, event: &Event<'_>, when: When, zones: &mut Zones) {
    // A file that is written again must be the same, so the time of writing is of no use here.
    let modified = event.last_modified().or_else(|| event.created());
    lines.line("DTSTAMP", &moment::utc(modified.unwrap_or(Timestamp::from_seconds(0))));
    match when {
        When::Days { first, after } => {
            property(lines, "DTSTART", &moment::day(first));
            property(lines, "DTEND", &moment::day(after));
        }
        When::Instants { start, end } => {
            let zone = |name: Option<Cow<'_, str>>| name.map(Cow::into_owned).filter(|name| !name.trim().is_empty());
            let begins = zone(event.original_start_time_zone());
            let ends = zone(event.original_end_time_zone()).or_else(|| begins.clone());
            property(lines, "DTSTART", &moment::instant(start, begins.as_deref(), zones));
            // Without an end it takes no time.
            if end.seconds() > start.seconds() {
                property(lines, "DTEND", &moment::instant(end, ends.as_deref(), zones));
            }
            if let Some(name) = begins.filter(|name| !zones.check(name)) {
                lines.text("X-CALDELTA-UNKNOWN-ZONE", &name);
            }
        }
    }
    for (name, at) in [("CREATED", event.created()), ("LAST-MODIFIED", event.last_modified())] {
        if let Some(at) = at {
            lines.line(name, &moment::utc(at));
        }
    }
}

fn details(lines: &mut Lines, event: &Event<'_>) {
    lines.optional("SUMMARY", event.subject().as_deref());
    lines.optional("LOCATION", event.location().and_then(|location| location.display_name).as_deref());
    lines.optional("DESCRIPTION", text::of_body(event).as_deref());
    let categories: Vec<String> = event.categories().iter().map(|category| escape(category)).collect();
    if !categories.is_empty() {
        lines.line("CATEGORIES", &categories.join(","));
    }
    let busy = event.show_as();
    let busy = busy.as_deref().unwrap_or("busy");
    let response = event.response_status().and_then(|status| status.response);
    let tentative = busy == "tentative" || response.as_deref() == Some("tentativelyAccepted");
    let status = match (is_cancelled(event), tentative) {
        (true, _) => "CANCELLED",
        (false, true) => "TENTATIVE",
        (false, false) => "CONFIRMED",
    };
    lines.line("STATUS", status);
    lines.line("TRANSP", if busy == "free" { "TRANSPARENT" } else { "OPAQUE" });
    if ["free", "tentative", "busy", "oof", "workingElsewhere"].contains(&busy) {
        lines.line("X-MICROSOFT-CDO-BUSYSTATUS", &busy.to_ascii_uppercase());
    }
    match event.sensitivity().as_deref() {
        Some("private" | "personal") => lines.line("CLASS", "PRIVATE"),
        Some("confidential") => lines.line("CLASS", "CONFIDENTIAL"),
        _ => {}
    }
    match event.importance().as_deref() {
        Some("high") => lines.line("PRIORITY", "1"),
        Some("low") => lines.line("PRIORITY", "9"),
        _ => {}
    }
    let meeting = online_meeting_url(event);
    if let Some(url) = meeting.as_deref().or(event.web_link().as_deref()).map(uri).filter(|url| !url.is_empty()) {
        lines.line("URL", &url);
    }
    if let Some(url) = meeting.as_deref().map(uri) {
        lines.line("CONFERENCE;VALUE=URI", &url);
    }
}

/// Where to join: for Teams it is in `onlineMeeting`, for others it may be in `onlineMeetingUrl`.
pub fn online_meeting_url(event: &Event<'_>) -> Option<String> {
    let join = event.online_meeting().and_then(|meeting| meeting.join_url);
    join.or_else(|| event.online_meeting_url()).map(Cow::into_owned).filter(|url| !url.trim().is_empty())
}

fn people(lines: &mut Lines, event: &Event<'_>) {
    if let Some(organizer) = event.organizer().and_then(|organizer| organizer.email_address) {
        person(lines, "ORGANIZER", "", &organizer);
    }
    for attendee in event.attendees() {
        if let Some(address) = &attendee.email_address {
            person(lines, "ATTENDEE", &part(&attendee), address);
        }
    }
}

/// Somebody with an address; iCalendar knows nobody without.
fn person(lines: &mut Lines, name: &str, parameters: &str, who: &EmailAddress<'_>) {
    let Some(address) = who.address.as_deref().map(uri).filter(|address| address.contains('@')) else { return };
    let cn = who.name.as_deref().filter(|name| !name.trim().is_empty());
    let cn = cn.map(|name| format!(";CN={}", quoted(name))).unwrap_or_default();
    lines.line(&format!("{name}{cn}{parameters}"), &format!("mailto:{address}"));
}

/// How somebody takes part.
fn part(attendee: &Attendee<'_>) -> String {
    let role = match attendee.kind.as_deref() {
        Some("optional") => ";ROLE=OPT-PARTICIPANT",
        Some("resource") => ";CUTYPE=RESOURCE;ROLE=NON-PARTICIPANT",
        _ => ";ROLE=REQ-PARTICIPANT",
    };
    let status = attendee.status.as_ref().and_then(|status| status.response.as_deref());
    let status = match status {
        Some("accepted" | "organizer") => "ACCEPTED",
        Some("tentativelyAccepted") => "TENTATIVE",
        Some("declined") => "DECLINED",
        _ => "NEEDS-ACTION",
    };
    format!("{role};PARTSTAT={status}")
}
