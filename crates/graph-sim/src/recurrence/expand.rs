//! The days of a series, and what its clock says about them.

use jiff::SignedDuration;
use jiff::civil::{Date, Time};

use crate::recurrence::Recurrence;
use crate::recurrence::range::End;
use crate::time::Instant;
use crate::zone::Zone;

impl Recurrence {
    /// The days of the series that are not before `from`, in order, to the end of the series or of the calendar.
    pub(crate) fn days(&self, from: Date) -> impl Iterator<Item = Date> {
        let (pattern, start) = (self.pattern, self.range.start);
        // Who counts occurrences has to count all of them.
        let (first, most, last) = match self.range.end {
            End::Never => (pattern.period_before(start, from), usize::MAX, Date::MAX),
            End::On(last) => (pattern.period_before(start, from), usize::MAX, last),
            End::After(most) => (0, most, Date::MAX),
        };
        let days = (first..).map_while(move |period| pattern.days(start, period)).flatten();
        let days = days.filter(move |day| *day >= start).take(most).take_while(move |day| *day <= last);
        days.skip_while(move |day| *day < from)
    }

    /// The first day of the series, if it has any.
    pub(crate) fn first_day(&self) -> Option<Date> {
        self.days(self.range.start).next()
    }

    /// Whether that day is one of the series.
    pub(crate) fn has(&self, day: Date) -> bool {
        self.days(day).next() == Some(day)
    }
}

/// When on its days an event begins and for how long it lasts, by the clocks of its zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Clock {
    zone: Zone,
    start: Time,
    length: SignedDuration,
}

impl Clock {
    /// The clock of an event that goes from one instant to another.
    pub(crate) fn new(zone: Zone, start: Instant, end: Instant) -> Self {
        let (start, end) = (zone.local(start), zone.local(end));
        Self { zone, start: start.time(), length: end.duration_since(start) }
    }

    /// Start and end on that day.
    ///
    /// Both are what the clocks on the wall show, whatever summer time does to the hours between them. Of a time that
    /// they show twice the first counts. When they skip the start, the event comes as much later as they skip, whole.
    pub(crate) fn on(&self, day: Date) -> (Instant, Instant) {
        let local = day.to_datetime(self.start);
        let start = self.zone.instant(local);
        let skipped = self.zone.local(start) != local;
        let end = self.zone.instant(local.saturating_add(self.length));
        (start, if skipped { start.saturating_add(self.length) } else { end })
    }

    /// The day on which the zone's clocks show this instant.
    pub(crate) fn day(&self, instant: Instant) -> Date {
        self.zone.local(instant).date()
    }

    /// How long the event lasts, by the clock.
    pub(crate) fn length(&self) -> SignedDuration {
        self.length
    }
}
