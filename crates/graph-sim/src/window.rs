//! Windows: what `startDateTime` and `endDateTime` say, and which events they hold.

use crate::error::GraphError;
use crate::query::Query;
use crate::quirks::Membership;
use crate::time::{self, Instant, Written};

/// The longest window, in days; leap days count (observed in microsoft-graph-docs#6284).
const LONGEST: i32 = 1825;

/// A stretch of time, its end exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) start: Instant,
    pub(crate) end: Instant,
}

impl Window {
    /// Reads both parameters, which a calendar view requires.
    pub(crate) fn read(query: &Query) -> Result<Self, GraphError> {
        let start = parameter(query, "StartDateTime")?;
        let end = parameter(query, "EndDateTime")?;
        let (Some(start), Some(end)) = (start, end) else {
            return Err(GraphError::window_required());
        };
        if end < start {
            return Err(GraphError::window_reversed());
        }
        if time::longer_than(start, end, LONGEST) {
            return Err(GraphError::window_too_long(LONGEST));
        }
        Ok(Self { start, end })
    }

    /// Whether what goes from `start` to `end` belongs to this window.
    pub(crate) fn holds(&self, start: Instant, end: Instant, membership: Membership) -> bool {
        let starts_in = self.start <= start && start < self.end;
        match membership {
            Membership::StartInWindow => starts_in,
            Membership::Overlap => starts_in || (start < self.end && end > self.start),
        }
    }
}

/// Reads the only parameter that `events/delta` knows, and refuses the one that it does not.
pub(crate) fn read_start(query: &Query) -> Result<Option<Instant>, GraphError> {
    if query.get("enddatetime").is_some() {
        return Err(GraphError::end_on_events_delta());
    }
    parameter(query, "StartDateTime")
}

/// An empty parameter is an error and not the same as none (observed in msgraph-beta-sdk-php#321).
fn parameter(query: &Query, name: &str) -> Result<Option<Instant>, GraphError> {
    let Some(value) = query.get(&name.to_ascii_lowercase()) else { return Ok(None) };
    let instant = Written::parse_parameter(value).ok_or_else(|| GraphError::invalid_parameter(name, value))?;
    Ok(Some(instant))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn read(query: &str) -> Result<Window, GraphError> {
        Window::read(&Query::parse(query))
    }

    #[test]
    fn a_window_is_required_whole_and_forward_and_short_enough() {
        assert!(read("startdatetime=2026-01-01&ENDDATETIME=2026-01-01").is_ok());
        for query in ["", "startDateTime=2026-01-01", "endDateTime=2026-01-01"] {
            assert_eq!(read(query).unwrap_err(), GraphError::window_required(), "{query}");
        }
        let empty = read("startDateTime=&endDateTime=2026-01-01").unwrap_err();
        assert_eq!(empty, GraphError::invalid_parameter("StartDateTime", ""));
        let garbled = read("startDateTime=2026-01-01&endDateTime=soon").unwrap_err();
        assert_eq!(garbled, GraphError::invalid_parameter("EndDateTime", "soon"));
        let reversed = read("startDateTime=2026-01-02&endDateTime=2026-01-01").unwrap_err();
        assert_eq!(reversed, GraphError::window_reversed());
        let long = read("startDateTime=2019-11-12T08:49:06Z&endDateTime=2024-11-12T08:49:06Z").unwrap_err();
        assert_eq!(long, GraphError::window_too_long(1825));
    }

    #[test]
    fn membership_is_by_overlap_with_exclusive_ends() {
        let day = |day: i8| date(2026, 1, day).at(0, 0, 0, 0);
        let window = Window { start: day(10), end: day(20) };
        for (start, end, overlaps, starts) in [
            (day(8), day(10), false, false),
            (day(8), day(11), true, false),
            (day(8), day(25), true, false),
            (day(10), day(10), true, true),
            (day(19), day(25), true, true),
            (day(20), day(21), false, false),
            (day(20), day(20), false, false),
        ] {
            assert_eq!(window.holds(start, end, Membership::Overlap), overlaps, "{start}..{end}");
            assert_eq!(window.holds(start, end, Membership::StartInWindow), starts, "{start}..{end}");
        }
    }
}
