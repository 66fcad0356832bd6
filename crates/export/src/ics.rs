//! iCalendar (RFC 5545), with what RFC 7986 adds.
//!
//! - A series is written as its members: each has the series' `UID`, and a `RECURRENCE-ID` of its own; there is no master
//!   with an `RRULE`. What is written is then exactly what the replica shows, deleted and moved occurrences included, and
//!   khal, calcurse and vdirsyncer all read it so. A rule with exceptions is shown wrong by some of them.
//! - Instants are written in the zone that the event was made in, by its IANA name, with its rules beside it. A zone that
//!   nobody knows is written as UTC.
//! - `UID` is the id that Graph gives: the iCalendar id of Graph's (`iCalUId`) is neither unique nor stable.

mod line;
mod moment;
mod vevent;
mod vtimezone;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use store::View;

use crate::items::{self, Item};
use crate::{Error, Filter};
use line::Lines;
use vtimezone::Zones;

pub use vevent::online_meeting_url;

/// A calendar to write.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'v> {
    /// Its name.
    pub name: &'v str,
    /// What is in it.
    pub view: &'v dyn View,
}

/// Names of time zones that nobody knows, with the number of events that are written as UTC for that reason.
pub type UnknownZones = BTreeMap<String, u64>;

/// Writes calendars as one file. An event that is in several of them is written once.
///
/// # Errors
/// The replica's; [`Error::Write`].
pub async fn write(calendars: &[Calendar<'_>], filter: &Filter, out: &mut dyn Write) -> Result<UnknownZones, Error> {
    // Twice over everything, for zones stand in front: a calendar need not fit into memory.
    let mut zones = Zones::default();
    let mut nothing = Lines::default();
    each(calendars, filter, |item| {
        vevent::write(&mut nothing, &item, &mut zones)?;
        nothing.take();
        Ok(())
    })
    .await?;
    let mut lines = Lines::default();
    begin(&mut lines);
    if let [calendar] = calendars {
        lines.text("X-WR-CALNAME", calendar.name);
    }
    zones.write(&mut lines);
    out.write_all(lines.take().as_bytes())?;
    let unknown = zones.into_unknown();
    let mut zones = Zones::default();
    each(calendars, filter, |item| {
        vevent::write(&mut lines, &item, &mut zones)?;
        Ok(out.write_all(lines.take().as_bytes())?)
    })
    .await?;
    end(&mut lines);
    out.write_all(lines.take().as_bytes())?;
    Ok(unknown)
}

/// An item as a calendar of its own.
///
/// # Errors
/// [`Error::NotAnEvent`].
pub fn item(item: &Item) -> Result<(String, UnknownZones), Error> {
    let mut zones = Zones::default();
    let mut events = Lines::default();
    vevent::write(&mut events, item, &mut zones)?;
    let mut lines = Lines::default();
    begin(&mut lines);
    zones.write(&mut lines);
    let mut text = lines.take();
    text.push_str(&events.take());
    end(&mut lines);
    text.push_str(&lines.take());
    Ok((text, zones.into_unknown()))
}

fn begin(lines: &mut Lines) {
    lines.line("BEGIN", "VCALENDAR");
    lines.line("VERSION", "2.0");
    lines.line("PRODID", "-//caldelta//caldelta//EN");
}

fn end(lines: &mut Lines) {
    lines.line("END", "VCALENDAR");
}

/// The items of all calendars, without events that have come before.
async fn each(
    calendars: &[Calendar<'_>],
    filter: &Filter,
    mut call: impl FnMut(Item) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut seen: BTreeSet<Arc<str>> = BTreeSet::new();
    for calendar in calendars {
        items::each(calendar.view, filter, |mut item| {
            if calendars.len() > 1 {
                item.events.retain(|event| seen.insert(event.row.meta.id.clone()));
            }
            if item.events.is_empty() { Ok(()) } else { call(item) }
        })
        .await?;
    }
    Ok(())
}
