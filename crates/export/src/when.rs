//! When an event is.

use delta_core::{Event, Timestamp};

/// The time of an event. Its end is never before its start, and is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Whole days without a zone: the same dates wherever one is (observed: the same midnights come in every zone). Both
    /// are midnights, read as UTC; there is at least one day.
    Days {
        /// The first day.
        first: Timestamp,
        /// The day after the last one.
        after: Timestamp,
    },
    /// From one instant to another.
    Instants {
        /// The first instant.
        start: Timestamp,
        /// The end; the same for what takes no time.
        end: Timestamp,
    },
}

impl When {
    /// The time of an event; none if its start is not a date between the years 1 and 9999.
    ///
    /// Times are read as UTC, as the replica's index reads them: every request asks for them in UTC.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        let start = event.start()?.read_as_utc()?;
        let end = event.end().and_then(|end| end.read_as_utc()).map_or(start, |end| end.max(start));
        Some(if event.is_all_day() == Some(true) {
            let first = start.midnight();
            let last = if end == end.midnight() { end } else { end.midnight().plus_days(1) };
            Self::Days { first, after: last.max(first.plus_days(1)) }
        } else {
            Self::Instants { start, end }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(all_day: bool, start: &str, end: &str) -> Option<When> {
        let time = |time: &str| format!(r#"{{"dateTime":"{time}","timeZone":"UTC"}}"#);
        let json = format!(r#"{{"isAllDay":{all_day},"start":{},"end":{}}}"#, time(start), time(end));
        When::of(&Event::parse(&json).unwrap())
    }

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn an_end_is_never_before_its_start_and_a_day_is_at_least_one() {
        let noon = at("2026-03-01T12:00:00Z");
        let instant = When::Instants { start: noon, end: noon };
        assert_eq!(when(false, "2026-03-01T12:00:00.0000000", "2026-03-01T11:00:00"), Some(instant));
        assert_eq!(when(false, "2026-03-01T12:00:00.0000000", "never"), Some(instant));
        let day = When::Days { first: at("2026-03-01"), after: at("2026-03-02") };
        for end in ["2026-03-01T00:00:00", "2026-02-01", "2026-03-02", "2026-03-01T09:00:00", ""] {
            assert_eq!(when(true, "2026-03-01T00:00:00.0000000", end), Some(day), "{end}");
        }
        assert_eq!(when(true, "2026-03-01T08:00:00", "2026-03-02T00:00:00"), Some(day));
        assert_eq!(when(true, "2026-03-01", "2026-03-02T08:00:00"), when(true, "2026-03-01", "2026-03-03"));
    }

    #[test]
    fn without_a_start_there_is_no_time() {
        assert_eq!(when(false, "soon", "2026-03-01"), None);
        assert_eq!(When::of(&Event::parse("{}").unwrap()), None);
    }

    #[test]
    fn the_edges_of_time_are_times() {
        assert!(when(true, "9999-12-31T00:00:00", "9999-12-31T23:59:59.9999999").is_some());
        assert!(when(false, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999").is_some());
    }
}
