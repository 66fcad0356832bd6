//! Instants, and the forms in which Graph writes and reads them.
//!
//! An instant is a civil date-time in UTC: unlike a count of seconds it covers the years 1 to 9999 that events may
//! carry, and the floating midnights of all-day events compare with it as Graph's own do.

use std::time::SystemTime;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// An instant as a civil date-time in UTC.
pub(crate) type Instant = DateTime;

/// Graph counts in ticks of 100 nanoseconds, hence its seven digits.
const NANOSECONDS_PER_TICK: i32 = 100;

/// The instant of a system time, rounded down to a tick; times outside the years 1 to 9999 become the nearest edge.
pub(crate) fn from_system(time: SystemTime) -> Instant {
    let edge = if time < SystemTime::UNIX_EPOCH { Timestamp::MIN } else { Timestamp::MAX };
    let instant = TimeZone::UTC.to_datetime(Timestamp::try_from(time).unwrap_or(edge));
    let nanosecond = instant.subsec_nanosecond();
    instant.with().subsec_nanosecond(nanosecond - nanosecond % NANOSECONDS_PER_TICK).build().unwrap_or(instant)
}

/// A date-time as somebody wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// With `Z` or an offset: an instant, whatever zone stands beside it.
    Fixed {
        /// The instant.
        instant: Instant,
        /// The date and time as written, the offset left out.
        local: DateTime,
    },
    /// Without: it means what its zone says.
    Local(DateTime),
}

impl Written {
    /// Reads ISO 8601: a date, or a date and time with up to nine fractional digits, with or without an offset.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // Read as a civil date-time an offset is passed over, but a `Z` is not.
        let local = text.trim_end_matches(['Z', 'z']).parse::<DateTime>().ok()?;
        Some(match text.parse::<Timestamp>() {
            Ok(timestamp) => Self::Fixed { instant: TimeZone::UTC.to_datetime(timestamp), local },
            Err(_) => Self::Local(local),
        })
    }

    /// Reads a query parameter: without an offset it is in UTC, as Graph's documentation of `startDateTime` says.
    pub(crate) fn parse_parameter(text: &str) -> Option<Instant> {
        match Self::parse(text)? {
            Self::Fixed { instant, .. } | Self::Local(instant) => Some(instant),
        }
    }

    /// The date and time on the page.
    pub(crate) fn local(self) -> DateTime {
        match self {
            Self::Fixed { local, .. } | Self::Local(local) => local,
        }
    }
}

/// `2016-12-09T20:30:00.0000000`: the `dateTime` of a `dateTimeTimeZone`, always with seven digits.
pub(crate) fn seven_digits(time: DateTime) -> String {
    format!("{time:.7}")
}

/// `2020-06-16T04:08:27.354268Z`: the form of `createdDateTime`, as short as it can be.
pub(crate) fn with_z(instant: Instant) -> String {
    format!("{instant}Z")
}

/// `2020-10-29T09:58:25`: the form of the `date` in an error.
pub(crate) fn to_the_second(instant: Instant) -> String {
    format!("{instant:.0}")
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`: the form of a `Date` header.
pub(crate) fn http_date(instant: Instant) -> String {
    instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Whether `end` is more than `days` days after `start`.
pub(crate) fn longer_than(start: Instant, end: Instant, days: i32) -> bool {
    start.checked_add(days.days()).is_ok_and(|limit| end > limit)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn offsets_are_kept_and_their_absence_means_utc() {
        let noon = date(2026, 3, 1).at(12, 0, 0, 0);
        for text in [
            "2026-03-01T12:00:00Z",
            "2026-03-01T13:00:00+01:00",
            "2026-03-01T13:00:00+0100",
            "2026-03-01T12:00:00.0000000",
        ] {
            assert_eq!(Written::parse_parameter(text), Some(noon), "{text}");
        }
        assert_eq!(Written::parse_parameter("2026-03-01"), Some(date(2026, 3, 1).at(0, 0, 0, 0)));
        assert_eq!(Written::parse_parameter("2026-03-01T13:00:00 01:00"), None);
        assert_eq!(Written::parse_parameter("tomorrow"), None);
    }

    #[test]
    fn the_written_time_survives_its_offset() {
        let written = Written::parse("2026-03-01T00:00:00-08:00").unwrap();
        assert_eq!(written.local(), date(2026, 3, 1).at(0, 0, 0, 0));
        let Written::Fixed { instant, .. } = written else { panic!("an offset was written") };
        assert_eq!(instant, date(2026, 3, 1).at(8, 0, 0, 0));
    }

    #[test]
    fn times_are_written_as_graph_writes_them() {
        let time = date(2016, 12, 9).at(20, 30, 5, 354_268_000);
        assert_eq!(seven_digits(time), "2016-12-09T20:30:05.3542680");
        assert_eq!(with_z(time), "2016-12-09T20:30:05.354268Z");
        assert_eq!(to_the_second(time), "2016-12-09T20:30:05");
        assert_eq!(http_date(time), "Fri, 09 Dec 2016 20:30:05 GMT");
        assert_eq!(seven_digits(date(1, 1, 1).at(0, 0, 0, 0)), "0001-01-01T00:00:00.0000000");
    }

    #[test]
    fn system_times_are_cut_to_ticks_and_never_overflow() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_234);
        assert_eq!(from_system(time), date(1970, 1, 1).at(0, 0, 0, 1_200));
        let far = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(1 << 40)).unwrap();
        assert_eq!(from_system(far).year(), 9999);
    }

    #[test]
    fn a_leap_day_counts_against_the_longest_window() {
        let (start, end) = (date(2019, 11, 12).at(0, 0, 0, 0), date(2024, 11, 12).at(0, 0, 0, 0));
        assert!(longer_than(start, end, 1825));
        assert!(!longer_than(start, date(2024, 11, 10).at(0, 0, 0, 0), 1825));
    }
}
