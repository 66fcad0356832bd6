//! Time zones: which ones are used, and as much of their rules as is needed.

use std::collections::{BTreeMap, BTreeSet};

use delta_core::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Dst, Offset, TimeZone};

use super::UnknownZones;
use super::line::Lines;
use crate::zones::{self, Zone};

/// The zones of a file.
#[derive(Default)]
pub(super) struct Zones {
    /// Zones by the names that Graph gave; none for those that nobody knows.
    known: BTreeMap<String, Option<Zone>>,
    /// By IANA name: for each instant that is written in it, what was in effect then.
    used: BTreeMap<String, BTreeSet<Observance>>,
    unknown: UnknownZones,
}

/// From when on a zone's clocks had an offset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Observance {
    /// When that began, on the clocks as they were before.
    since: DateTime,
    from: i32,
    to: i32,
    summer: bool,
    name: String,
}

impl Zones {
    /// The zone that Graph calls so.
    fn find(&mut self, name: &str) -> Option<&Zone> {
        self.known.entry(name.to_owned()).or_insert_with(|| zones::find(name)).as_ref()
    }

    /// Notes that the zone of an event is unknown, if it is.
    pub(super) fn check(&mut self, name: &str) -> bool {
        let known = self.find(name).is_some();
        if !known {
            let count = self.unknown.entry(name.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        known
    }

    /// The date that this instant is on, in a zone.
    pub(super) fn date(&mut self, zone: &str, at: Timestamp) -> Option<Timestamp> {
        let Zone::Iana { rules, .. } = self.find(zone)? else { return None };
        let local = rules.to_datetime(jiff::Timestamp::from_second(at.seconds()).ok()?);
        Timestamp::parse(&local.date().to_string()).ok()
    }

    /// What the clocks of a zone show at an instant, and the zone's IANA name, which is then needed in the file. None if
    /// that can't be said, or could mean another instant too.
    pub(super) fn local(&mut self, zone: &str, at: Timestamp) -> Option<(String, DateTime)> {
        let Zone::Iana { name, rules } = self.find(zone)? else { return None };
        let instant = jiff::Timestamp::from_second(at.seconds()).ok()?;
        let local = rules.to_datetime(instant);
        if local.year() < 1 || rules.to_ambiguous_timestamp(local).is_ambiguous() {
            return None;
        }
        let (name, observance) = (name.clone(), Observance::at(rules, instant));
        self.used.entry(name.clone()).or_default().insert(observance);
        Some((name, local))
    }

    /// Writes the zones that are used.
    pub(super) fn write(&self, lines: &mut Lines) {
        for (name, observances) in &self.used {
            lines.line("BEGIN", "VTIMEZONE");
            lines.line("TZID", name);
            for observance in observances {
                observance.write(lines);
            }
            lines.line("END", "VTIMEZONE");
        }
    }

    /// The names that nobody knows.
    pub(super) fn into_unknown(self) -> UnknownZones {
        self.unknown
    }
}

impl Observance {
    /// What is in effect at an instant. A file has one for each of its instants and no others: enough to read all of them,
    /// however far apart they are.
    fn at(rules: &TimeZone, instant: jiff::Timestamp) -> Self {
        // Instants are whole seconds, and so are transitions.
        let next = instant.saturating_add(jiff::SignedDuration::from_secs(1)).unwrap_or(instant);
        let info = rules.to_offset_info(instant);
        let (to, summer, name) = (info.offset(), info.dst() == Dst::Yes, info.abbreviation().to_owned());
        let begun = rules.preceding(next).next().map(|transition| transition.timestamp());
        let before = begun.and_then(|begun| begun.checked_sub(jiff::SignedDuration::from_secs(1)).ok());
        let (since, from) = match (begun, before) {
            (Some(begun), Some(before)) => {
                let from = rules.to_offset(before);
                (from.to_datetime(begun), from)
            }
            // It has always been so.
            _ => (DateTime::constant(1601, 1, 1, 0, 0, 0, 0), to),
        };
        Self { since, from: from.seconds(), to: to.seconds(), summer, name }
    }

    fn write(&self, lines: &mut Lines) {
        let kind = if self.summer { "DAYLIGHT" } else { "STANDARD" };
        lines.line("BEGIN", kind);
        lines.line("DTSTART", &self.since.strftime("%Y%m%dT%H%M%S").to_string());
        lines.line("TZOFFSETFROM", &offset(self.from));
        lines.line("TZOFFSETTO", &offset(self.to));
        lines.text("TZNAME", &self.name);
        lines.line("END", kind);
    }
}

/// Seconds east of UTC, as `+0530`.
fn offset(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let all = Offset::from_seconds(seconds).map_or(0, |offset| offset.seconds().unsigned_abs());
    let (hours, minutes, seconds) = (all / 3600, all / 60 % 60, all % 60);
    let seconds = if seconds == 0 { String::new() } else { format!("{seconds:02}") };
    format!("{sign}{hours:02}{minutes:02}{seconds}")
}
