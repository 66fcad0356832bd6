//! Instants as Graph writes them: ISO 8601 with up to seven fractional digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Graph's `dateTime` has seven fractional digits, so the unit is 100 nanoseconds.
const TICKS_PER_SECOND: i64 = 10_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// `0001-01-01T00:00:00Z`, which Graph uses as «never».
const MIN_SECONDS: i64 = -62_135_596_800;
/// `9999-12-31T23:59:59Z`, which Graph uses as «for ever».
const MAX_SECONDS: i64 = 253_402_300_799;

/// An instant in UTC, in ticks of 100 nanoseconds since 1970, within the years 1 to 9999.
///
/// Printed and serialised as RFC 3339 with `Z`, with no fraction where it is zero and seven digits otherwise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The first instant that Graph can write.
    pub const MIN: Self = Self(MIN_SECONDS * TICKS_PER_SECOND);
    /// The last instant that Graph can write.
    pub const MAX: Self = Self(MAX_SECONDS * TICKS_PER_SECOND + (TICKS_PER_SECOND - 1));

    /// The instant `ticks` of 100 nanoseconds after 1970, clamped to [`MIN`](Self::MIN) and [`MAX`](Self::MAX).
    pub fn from_ticks(ticks: i64) -> Self {
        Self(ticks.clamp(Self::MIN.0, Self::MAX.0))
    }

    /// The instant `seconds` after 1970, clamped like [`from_ticks`](Self::from_ticks).
    pub fn from_seconds(seconds: i64) -> Self {
        Self(seconds.clamp(MIN_SECONDS, MAX_SECONDS) * TICKS_PER_SECOND)
    }

    /// Ticks of 100 nanoseconds since 1970.
    pub fn ticks(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(TICKS_PER_SECOND)
    }

    /// The midnight (UTC) that this instant's day began with.
    pub fn midnight(self) -> Self {
        let day = SECONDS_PER_DAY * TICKS_PER_SECOND;
        Self::from_ticks(self.0.div_euclid(day).saturating_mul(day))
    }

    /// This instant moved by whole days of 24 hours, clamped at the ends.
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(SECONDS_PER_DAY))
    }

    /// This instant moved by seconds, clamped at the ends.
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::from_ticks(self.0.saturating_add(seconds.saturating_mul(TICKS_PER_SECOND)))
    }

    /// Reads ISO 8601 as Graph accepts it: a date, or a date and a time with up to nine fractional digits (the last
    /// two are dropped), with `Z`, an offset (`+01:00`, `+0100`, `+01`) or none, which means UTC.
    ///
    /// Graph's documentation: «if no timezone offset is included in the value, it is interpreted as UTC».
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        let error = || ParseTimestampError(text.chars().take(64).collect());
        let ticks = Cursor(text.as_bytes()).date_time().ok_or_else(error)?;
        if !(Self::MIN.0..=Self::MAX.0).contains(&ticks) {
            return Err(error());
        }
        Ok(Self(ticks))
    }
}

/// The text is not an instant between the years 1 and 9999 in ISO 8601.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseTimestampError(String);

impl fmt::Display for ParseTimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a date or an instant such as 2026-11-08 or 2026-11-08T19:00:00Z", self.0)
    }
}

impl std::error::Error for ParseTimestampError {}

impl FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        match self.0.rem_euclid(TICKS_PER_SECOND) {
            0 => f.write_str("Z"),
            fraction => write!(f, ".{fraction:07}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// What is left to read of an ISO 8601 text. Every step returns `None` where the text is something else.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// The whole text as ticks since 1970.
    fn date_time(mut self) -> Option<i64> {
        let days = self.date()?;
        if self.0.is_empty() {
            return Some(days * SECONDS_PER_DAY * TICKS_PER_SECOND);
        }
        self.one_of(b"Tt ")?;
        let (seconds, fraction) = self.time()?;
        let offset = self.offset()?;
        self.0.is_empty().then(|| (days * SECONDS_PER_DAY + seconds - offset) * TICKS_PER_SECOND + fraction)
    }

    fn date(&mut self) -> Option<i64> {
        let year = self.digits(4)?;
        self.one_of(b"-")?;
        let month = self.digits(2)?;
        self.one_of(b"-")?;
        let day = self.digits(2)?;
        ((1..=12).contains(&month) && day >= 1 && day <= days_in_month(year, month))
            .then(|| days_from_civil(year, month, day))
    }

    fn time(&mut self) -> Option<(i64, i64)> {
        let hour = self.digits(2)?;
        self.one_of(b":")?;
        let minute = self.digits(2)?;
        let second = match self.one_of(b":") {
            Some(_) => self.digits(2)?,
            None => 0,
        };
        let fraction = match self.one_of(b".,") {
            Some(_) => self.fraction()?,
            None => 0,
        };
        (hour < 24 && minute < 60 && second < 60).then_some((hour * 3600 + minute * 60 + second, fraction))
    }

    /// One to nine digits, as ticks.
    fn fraction(&mut self) -> Option<i64> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=9).contains(&count) {
            return None;
        }
        let value = self.digits(count)?;
        let scale = |exponent: usize| 10_i64.pow(u32::try_from(exponent).unwrap_or(0));
        Some(if count <= 7 { value * scale(7 - count) } else { value / scale(count - 7) })
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        if self.0.is_empty() || self.one_of(b"Zz").is_some() {
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(2)?;
        let minutes = match self.one_of(b":") {
            Some(_) => self.digits(2)?,
            None if self.0.is_empty() => 0,
            None => self.digits(2)?,
        };
        (hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        let value = digits
            .iter()
            .try_fold(0_i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))?;
        self.0 = rest;
        Some(value)
    }

    fn one_of(&mut self, accepted: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        accepted.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a day of the proleptic Gregorian calendar. Years are counted from March, so that the leap day
/// is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form_that_graph_accepts_is_read() {
        let same = [
            "2015-11-08T19:00:00.0000000",
            "2015-11-08T19:00:00Z",
            "2015-11-08t19:00z",
            "2015-11-08 19:00:00.000000000",
            "2015-11-08T11:00:00-08:00",
            "2015-11-08T20:00:00+0100",
            "2015-11-08T20:00:00,0+01",
        ];
        for text in same {
            assert_eq!(Timestamp::parse(text).map(Timestamp::seconds), Ok(1_447_009_200), "{text}");
        }
        assert_eq!(
            Timestamp::parse("2020-06-16T04:05:43.8668791Z").unwrap().to_string(),
            "2020-06-16T04:05:43.8668791Z"
        );
        assert_eq!(Timestamp::parse("2026-02-03").unwrap().to_string(), "2026-02-03T00:00:00Z");
        assert_eq!(Timestamp::parse("0001-01-01T00:00:00Z"), Ok(Timestamp::MIN));
        assert_eq!(Timestamp::parse("9999-12-31T23:59:59.9999999"), Ok(Timestamp::MAX));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "now",
            "2026",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "2026-04-31",
            "2026-01-00",
            "2026-01-01T",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00.1234567890Z",
            "2026-01-01T00:00:00+1",
            "2026-01-01T00:00:00+01:",
            "2026-01-01T00:00:00Zx",
            "0001-01-01T00:00:00+01:00",
            "9999-12-31T23:59:59-01:00",
            "2026-01-01T00:00:00 PST",
            "２026-01-01",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(ticks in Timestamp::MIN.0..=Timestamp::MAX.0) {
            let timestamp = Timestamp::from_ticks(ticks);
            prop_assert_eq!(Timestamp::parse(&timestamp.to_string()), Ok(timestamp));
        }

        #[test]
        fn parsing_never_panics(text in "[-+0-9TtZz:., ]{0,40}|.{0,20}") {
            let _ = Timestamp::parse(&text);
        }

        #[test]
        fn moving_never_leaves_the_range(ticks: i64, days: i64) {
            let moved = Timestamp::from_ticks(ticks).plus_days(days);
            prop_assert!(Timestamp::MIN <= moved && moved <= Timestamp::MAX);
            prop_assert!(moved.midnight() <= moved);
        }
    }
}
