//! `recurrencePattern`: how often a series takes place, and on which days.
//!
//! A pattern repeats in periods (days, weeks, months or years), of which only every `interval`-th counts. Each period
//! holds one day, or in the case of weeks up to seven.

use jiff::Span;
use jiff::civil::{Date, Weekday};
use serde_json::{Value, json};

use crate::error::GraphError;
use crate::recurrence::{number, text};

/// The longest intervals are those of Exchange Web Services, by its documentation.
const MOST_DAYS: i32 = 999;
const MOST_OTHERS: i32 = 99;

/// One of Graph's six patterns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pattern {
    Daily { interval: i32 },
    Weekly { interval: i32, days: Weekdays, first_day: Weekday },
    Monthly { interval: i32, day: DayOfMonth },
    Yearly { interval: i32, month: i8, day: DayOfMonth },
}

/// One day of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayOfMonth {
    /// By its number. A month that is too short has its last day instead, by the documentation of Exchange Web
    /// Services.
    Absolute(i8),
    /// The first, second, third, fourth or last of those days of the month that fall on one of the weekdays.
    Relative(Index, Weekdays),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    /// The n-th, counted from 0.
    Nth(usize),
    Last,
}

/// A set of weekdays: a bit for each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weekdays(u8);

/// In the order of [`Weekday::to_sunday_zero_offset`].
const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
const INDICES: [&str; 5] = ["first", "second", "third", "fourth", "last"];

impl Pattern {
    pub(crate) fn read(object: &Value) -> Result<Self, GraphError> {
        let missing = GraphError::property_validation;
        let interval = |most| number(object, "interval", 1..=most)?.ok_or_else(missing);
        Ok(match text(object, "type")?.ok_or_else(missing)? {
            "daily" => Self::Daily { interval: interval(MOST_DAYS)? },
            "weekly" => Self::Weekly {
                interval: interval(MOST_OTHERS)?,
                days: Weekdays::read(object)?,
                first_day: text(object, "firstDayOfWeek")?.map_or(Ok(Weekday::Sunday), weekday)?,
            },
            "absoluteMonthly" => {
                Self::Monthly { interval: interval(MOST_OTHERS)?, day: DayOfMonth::read_absolute(object)? }
            }
            "relativeMonthly" => {
                Self::Monthly { interval: interval(MOST_OTHERS)?, day: DayOfMonth::read_relative(object)? }
            }
            "absoluteYearly" => Self::Yearly {
                interval: interval(MOST_OTHERS)?,
                month: month(object)?,
                day: DayOfMonth::read_absolute(object)?,
            },
            "relativeYearly" => Self::Yearly {
                interval: interval(MOST_OTHERS)?,
                month: month(object)?,
                day: DayOfMonth::read_relative(object)?,
            },
            _ => return Err(GraphError::undeserialisable()),
        })
    }

    pub(crate) fn write(&self) -> Value {
        let (kind, interval, month, day) = match *self {
            Self::Daily { interval } => ("daily", interval, 0, None),
            Self::Weekly { interval, .. } => ("weekly", interval, 0, None),
            Self::Monthly { interval, day } => (day.kind("absoluteMonthly", "relativeMonthly"), interval, 0, Some(day)),
            Self::Yearly { interval, month, day } => {
                (day.kind("absoluteYearly", "relativeYearly"), interval, month, Some(day))
            }
        };
        let (number, index, days) = match day {
            Some(DayOfMonth::Absolute(number)) => (number, Index::Nth(0), None),
            Some(DayOfMonth::Relative(index, days)) => (0, index, Some(days)),
            None => (0, Index::Nth(0), None),
        };
        let (days, first_day) = match *self {
            Self::Weekly { days, first_day, .. } => (Some(days), first_day),
            _ => (days, Weekday::Sunday),
        };
        json!({
            "type": kind,
            "interval": interval,
            "month": month,
            "dayOfMonth": number,
            "daysOfWeek": days.map(Weekdays::names).unwrap_or_default(),
            "firstDayOfWeek": name(first_day),
            "index": index.name(),
        })
    }

    /// The days of the period of this number, in order; that of number 0 holds `start`. Nothing when it is beyond the
    /// calendar.
    pub(crate) fn days(&self, start: Date, number: i32) -> Option<Vec<Date>> {
        match *self {
            Self::Daily { interval } => {
                let days = number.checked_mul(interval)?;
                Some(vec![days_after(start, days)?])
            }
            Self::Weekly { interval, days, first_day } => {
                let into_week = start.weekday().since(first_day);
                let offset = number.checked_mul(interval)?.checked_mul(7)? - i32::from(into_week);
                let week: Vec<Date> = (0..7).filter_map(|day| days_after(start, offset + day)).collect();
                if week.is_empty() { None } else { Some(week.into_iter().filter(|day| days.hold(*day)).collect()) }
            }
            Self::Monthly { interval, day } => {
                let months = number.checked_mul(interval)?;
                let month = Span::new().try_months(months).ok()?;
                Some(vec![day.of(start.first_of_month().checked_add(month).ok()?)])
            }
            Self::Yearly { interval, month, day } => {
                let year = i32::from(start.year()).checked_add(number.checked_mul(interval)?)?;
                Some(vec![day.of(Date::new(i16::try_from(year).ok()?, month, 1).ok()?)])
            }
        }
    }

    /// The number of a period that is not after the one that holds `day`, and near it.
    pub(crate) fn period_before(&self, start: Date, day: Date) -> i32 {
        let days = || i32::try_from(day.duration_since(start).as_hours() / 24).unwrap_or(0);
        let years = i32::from(day.year()) - i32::from(start.year());
        let passed = match *self {
            Self::Daily { interval } => days() / interval,
            Self::Weekly { interval, .. } => days() / 7 / interval,
            Self::Monthly { interval, .. } => {
                (years * 12 + i32::from(day.month()) - i32::from(start.month())) / interval
            }
            Self::Yearly { interval, .. } => years / interval,
        };
        (passed - 1).max(0)
    }
}

impl DayOfMonth {
    fn read_absolute(object: &Value) -> Result<Self, GraphError> {
        let day = number(object, "dayOfMonth", 1..=31)?.and_then(|day| i8::try_from(day).ok());
        day.map(Self::Absolute).ok_or_else(GraphError::property_validation)
    }

    fn read_relative(object: &Value) -> Result<Self, GraphError> {
        let index = text(object, "index")?.unwrap_or("first");
        Ok(Self::Relative(Index::read(index)?, Weekdays::read(object)?))
    }

    fn kind(self, absolute: &'static str, relative: &'static str) -> &'static str {
        match self {
            Self::Absolute(_) => absolute,
            Self::Relative(..) => relative,
        }
    }

    /// This day in the month that begins with `first`.
    fn of(self, first: Date) -> Date {
        match self {
            Self::Absolute(day) => {
                first.with().day(day.min(first.days_in_month())).build().unwrap_or_else(|_| first.last_of_month())
            }
            Self::Relative(index, weekdays) => {
                let mut days = (0..i32::from(first.days_in_month())).filter_map(|day| days_after(first, day));
                let found = match index {
                    Index::Nth(number) => days.filter(|day| weekdays.hold(*day)).nth(number),
                    Index::Last => days.rfind(|day| weekdays.hold(*day)),
                };
                found.unwrap_or_else(|| first.last_of_month())
            }
        }
    }
}

impl Index {
    fn read(name: &str) -> Result<Self, GraphError> {
        match INDICES.iter().position(|known| *known == name) {
            Some(4) => Ok(Self::Last),
            Some(number) => Ok(Self::Nth(number)),
            None => Err(GraphError::undeserialisable()),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nth(number) => INDICES.get(number).copied().unwrap_or("last"),
            Self::Last => "last",
        }
    }
}

impl Weekdays {
    fn read(object: &Value) -> Result<Self, GraphError> {
        let names = object.get("daysOfWeek").and_then(Value::as_array).ok_or_else(GraphError::property_validation)?;
        let mut days = Self(0);
        for name in names {
            days.0 |= bit(weekday(name.as_str().ok_or_else(GraphError::undeserialisable)?)?);
        }
        if days.0 == 0 { Err(GraphError::property_validation()) } else { Ok(days) }
    }

    fn hold(self, day: Date) -> bool {
        self.0 & bit(day.weekday()) != 0
    }

    fn names(self) -> Vec<&'static str> {
        let bits = (0..7).map(|offset| 1 << offset);
        NAMES.into_iter().zip(bits).filter(|(_, bit)| self.0 & bit != 0).map(|(name, _)| name).collect()
    }
}

fn bit(day: Weekday) -> u8 {
    1 << day.to_sunday_zero_offset()
}

fn days_after(day: Date, days: i32) -> Option<Date> {
    day.checked_add(Span::new().try_days(days).ok()?).ok()
}

fn month(object: &Value) -> Result<i8, GraphError> {
    let month = number(object, "month", 1..=12)?.and_then(|month| i8::try_from(month).ok());
    month.ok_or_else(GraphError::property_validation)
}

fn weekday(name: &str) -> Result<Weekday, GraphError> {
    let position = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
    let day = position.and_then(|day| Weekday::from_sunday_zero_offset(i8::try_from(day).ok()?).ok());
    day.ok_or_else(GraphError::undeserialisable)
}

fn name(day: Weekday) -> &'static str {
    let offset = usize::from(day.to_sunday_zero_offset().unsigned_abs());
    NAMES.get(offset).copied().unwrap_or("sunday")
}
