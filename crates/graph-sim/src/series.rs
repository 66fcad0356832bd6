//! Series: what a recurring event has beside an event's own properties, and the instances that follow from it.
//!
//! Only the master is stored, with what was said of single occurrences: changes make one an *exception*, a deletion
//! *cancels* it. An occurrence is named by the day on which the rule puts it, whatever becomes of it later.

use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;

use crate::base64;
use crate::entry::Entry;
use crate::error::GraphError;
use crate::event::{Draft, Event, Object};
use crate::quirks::Membership;
use crate::random::hash;
use crate::recurrence::{Clock, Recurrence};
use crate::time::Instant;
use crate::window::Window;

/// What makes an event a series master.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) recurrence: Recurrence,
    pub(crate) clock: Clock,
    /// The number of the change that gave the occurrences their ids; 0 until it is made.
    pub(crate) epoch: u64,
    /// The number of the last change of the master's own properties; 0 while one is being made.
    pub(crate) changed: u64,
    pub(crate) exceptions: BTreeMap<Date, Exception>,
    /// The days without an occurrence, and the numbers of the changes that made them so.
    pub(crate) cancelled: BTreeMap<Date, u64>,
}

/// An occurrence about which something was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exception {
    /// The number of its last change; 0 until it is made.
    pub(crate) changed: u64,
    pub(crate) modified: Instant,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    pub(crate) all_day: bool,
    pub(crate) start_zone: String,
    pub(crate) end_zone: String,
    /// The properties that it has of its own; the others are the master's.
    pub(crate) properties: Object,
}

/// An occurrence or an exception.
#[derive(Debug, Clone)]
pub(crate) struct Instance<'a> {
    pub(crate) master: &'a Entry,
    event: &'a Event,
    series: &'a Series,
    /// The day on which the rule puts it.
    pub(crate) day: Date,
    pub(crate) start: Instant,
    pub(crate) end: Instant,
    exception: Option<&'a Exception>,
}

impl Series {
    /// A series of which nothing but its rule is known.
    pub(crate) fn new(recurrence: Recurrence, clock: Clock) -> Self {
        Self { recurrence, clock, epoch: 0, changed: 0, exceptions: BTreeMap::new(), cancelled: BTreeMap::new() }
    }
}

impl<'a> Instance<'a> {
    /// The instances of a master that belong to a window, in the order of their start.
    pub(crate) fn all_in(master: &'a Entry, event: &'a Event, window: Window, membership: Membership) -> Vec<Self> {
        let Some(series) = &event.series else { return Vec::new() };
        // A day's margin on both sides is more than any zone is away from UTC.
        let from = window.start.saturating_sub(series.clock.length()).date().saturating_sub(1.day());
        let to = window.end.date().saturating_add(1.day());
        let days = series.recurrence.days(from).take_while(|day| *day <= to);
        let days = days.filter(|day| !series.exceptions.contains_key(day) && !series.cancelled.contains_key(day));
        let exceptions = series.exceptions.keys().copied();
        let mut instances: Vec<_> = days
            .chain(exceptions)
            .map(|day| Self::new(master, event, series, day))
            .filter(|instance| window.holds(instance.start, instance.end, membership))
            .collect();
        instances.sort_by_key(|instance| (instance.start, instance.day));
        instances
    }

    /// The instance that a master has on a day, if it has one.
    pub(crate) fn on(master: &'a Entry, event: &'a Event, day: Date) -> Option<Self> {
        Self::once_on(master, event, day).filter(|instance| !instance.series.cancelled.contains_key(&day))
    }

    /// The same, also of an instance that was deleted.
    pub(crate) fn once_on(master: &'a Entry, event: &'a Event, day: Date) -> Option<Self> {
        let series = event.series.as_ref().filter(|series| series.recurrence.has(day))?;
        Some(Self::new(master, event, series, day))
    }

    fn new(master: &'a Entry, event: &'a Event, series: &'a Series, day: Date) -> Self {
        let exception = series.exceptions.get(&day);
        let (start, end) = exception.map_or_else(|| series.clock.on(day), |exception| (exception.start, exception.end));
        Self { master, event, series, day, start, end, exception }
    }

    pub(crate) fn id(&self) -> String {
        Self::id_on(self.master, self.series, self.day)
    }

    /// The id of the instance of that day, whether it is still there or not.
    pub(crate) fn id_on(master: &Entry, series: &Series, day: Date) -> String {
        occurrence_id(&master.id, series.epoch, day)
    }

    pub(crate) fn is_exception(&self) -> bool {
        self.exception.is_some()
    }

    /// Graph's word for what it is.
    pub(crate) fn kind(&self) -> &'static str {
        if self.exception.is_some() { "exception" } else { "occurrence" }
    }

    /// When it begins by the rule.
    pub(crate) fn original_start(&self) -> Instant {
        self.series.clock.on(self.day).0
    }

    /// The number of the change that made it what it is. Occurrences have no change of their own: whatever changes a
    /// series changes them.
    pub(crate) fn changed(&self) -> u64 {
        self.exception.map_or(self.master.changed, |exception| exception.changed.max(self.series.changed))
    }

    /// Whether it is an all-day event.
    pub(crate) fn all_day(&self) -> bool {
        self.exception.map_or(self.event.all_day, |exception| exception.all_day)
    }

    /// The instance as an event of its own.
    pub(crate) fn event(&self) -> Event {
        let mut event = Event { series: None, start: self.start, end: self.end, ..self.event.clone() };
        if let Some(exception) = self.exception {
            event.all_day = exception.all_day;
            event.start_zone.clone_from(&exception.start_zone);
            event.end_zone.clone_from(&exception.end_zone);
            event.modified = exception.modified;
            event.properties.extend(exception.properties.clone());
        }
        // A link leads to one item only.
        event.properties.remove("webLink");
        event.properties.insert("recurrence".to_owned(), Value::Null);
        event.properties.insert("seriesMasterId".to_owned(), Value::String(self.master.id.clone()));
        event.properties.insert("type".to_owned(), Value::String(self.kind().to_owned()));
        event
    }

    /// What the instance is after an update, or why it may not be.
    pub(crate) fn updated(&self, draft: Draft, now: Instant) -> Result<Exception, GraphError> {
        let mut properties = self.exception.map(|exception| exception.properties.clone()).unwrap_or_default();
        properties.extend(draft.properties().clone());
        let mut event = self.event();
        draft.update(&mut event, now)?;
        if event.series.is_some() {
            return Err(GraphError::property_validation());
        }
        if (event.start, event.end) != (self.start, self.end) {
            self.check_neighbours(event.start)?;
        }
        let Event { start, end, all_day, start_zone, end_zone, modified, .. } = event;
        Ok(Exception { changed: 0, modified, start, end, all_day, start_zone, end_zone, properties })
    }

    /// An occurrence may not be moved to the day of the one before or after it, or beyond (Graph's documentation of
    /// updating events).
    fn check_neighbours(&self, start: Instant) -> Result<(), GraphError> {
        let clock = &self.series.clock;
        let day_of = |day: Date| clock.day(Self::new(self.master, self.event, self.series, day).start);
        let live = |day: &Date| !self.series.cancelled.contains_key(day);
        let before = self.series.recurrence.days(Date::MIN).take_while(|day| *day < self.day).filter(live).last();
        let after = self.series.recurrence.days(self.day).filter(live).find(|day| *day > self.day);
        let day = clock.day(start);
        let crosses =
            before.is_some_and(|before| day <= day_of(before)) || after.is_some_and(|after| day >= day_of(after));
        if crosses { Err(GraphError::crossing_boundary()) } else { Ok(()) }
    }
}

/// Epoch, day and seal, four bytes each, in URL-safe base64.
const SUFFIX: usize = 16;

/// The id of an occurrence: its master's, and behind it what names the occurrence.
fn occurrence_id(master: &str, epoch: u64, day: Date) -> String {
    let year = day.year().to_be_bytes();
    let date = [year.as_slice(), &day.month().to_be_bytes(), &day.day().to_be_bytes()].concat();
    let name = [low_half(epoch).as_slice(), &date].concat();
    let seal = hash(epoch, &[master.as_bytes(), &name].concat());
    let suffix = base64::url_safe(&[name.as_slice(), &low_half(seal)].concat());
    format!("{}{suffix}=", master.trim_end_matches('='))
}

/// What the id of an occurrence begins with, and the day that it names; whose it is remains to be seen.
pub(crate) fn split_occurrence_id(id: &str) -> Option<(&str, Date)> {
    let id = id.strip_suffix('=')?;
    let (stem, suffix) = id.split_at_checked(id.len().checked_sub(SUFFIX)?)?;
    let bytes = base64::decode_url_safe(suffix)?;
    let [_, _, _, _, year, more, month, day, ..] = *bytes.as_slice() else { return None };
    let date = Date::new(i16::from_be_bytes([year, more]), i8::from_be_bytes([month]), i8::from_be_bytes([day]));
    Some((stem, date.ok()?))
}

fn low_half(number: u64) -> [u8; 4] {
    let [_, _, _, _, low @ ..] = number.to_be_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_id_of_an_occurrence_names_its_day_and_begins_like_its_master(
            stem in "[A-Za-z0-9_-]{0,20}", pad in "={0,2}", epoch: u64, days in 0..3_000_000i32,
        ) {
            let day = date(1, 1, 1).checked_add(days.days()).unwrap();
            let master = format!("{stem}{pad}");
            let id = occurrence_id(&master, epoch, day);
            prop_assert_eq!(split_occurrence_id(&id), Some((stem.as_str(), day)));
            prop_assert_ne!(&id, &occurrence_id(&master, epoch.wrapping_add(1), day));
            prop_assert_ne!(&id, &occurrence_id(&format!("{master}="), epoch, day));
        }

        #[test]
        fn no_id_panics(id: String) {
            split_occurrence_id(&id);
        }
    }
}
