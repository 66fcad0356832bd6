//! The words of `caldelta agenda`.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use delta_core::Resource;
use export::zones::{self, Zone};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::{FilterArgs, StoreArgs};

#[derive(Debug, Args)]
pub(crate) struct Agenda {
    /// Which days: today, tomorrow, week (seven days from today), 2026-12-24, or 2026-12-24..2026-12-26 with both
    #[arg(value_name = "RANGE", default_value_t)]
    pub(crate) range: Days,
    /// Whose events; may be given more than once [default: all targets of the store]
    #[arg(long, value_name = "TARGET")]
    pub(crate) calendar: Vec<Resource>,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    /// The time zone to show times in, such as Europe/Berlin [default: that of TZ, or of the machine]
    #[arg(long, env = "CALDELTA_ZONE", hide_env_values = true, value_name = "NAME", value_parser = zone)]
    pub(crate) zone: Option<TimeZone>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Print one JSON object per event (agenda/1)
    #[arg(long, conflicts_with = "tsv")]
    pub(crate) json: bool,
    /// Print one line per event, with tabs between start, end, subject, location, target and id
    #[arg(long)]
    pub(crate) tsv: bool,
}

/// Some days in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Days {
    #[default]
    Today,
    Tomorrow,
    Week,
    /// From the first to the last.
    Dates(Date, Date),
}

impl Days {
    /// The first day, and the one after the last.
    pub(crate) fn from(self, today: Date) -> (Date, Date) {
        let days = |from: i64, to: i64| (day(today, from.days()), day(today, to.days()));
        match self {
            Self::Today => days(0, 1),
            Self::Tomorrow => days(1, 2),
            Self::Week => days(0, 7),
            Self::Dates(first, last) => (first, day(last, 1.days())),
        }
    }
}

fn day(date: Date, span: Span) -> Date {
    date.saturating_add(span)
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let date = |text: &str| {
            let read = text.parse::<Date>().ok().filter(|date| (1..=9998).contains(&date.year()) && text.len() == 10);
            read.ok_or_else(|| format!("{text:?} is not today, tomorrow, week, or a date such as 2026-12-24"))
        };
        match text {
            "today" => Ok(Self::Today),
            "tomorrow" => Ok(Self::Tomorrow),
            "week" => Ok(Self::Week),
            _ => {
                let (first, last) = text.split_once("..").unwrap_or((text, text));
                let (first, last) = (date(first)?, date(last)?);
                if last < first {
                    Err("the last day is before the first".to_owned())
                } else {
                    Ok(Self::Dates(first, last))
                }
            }
        }
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Today => f.write_str("today"),
            Self::Tomorrow => f.write_str("tomorrow"),
            Self::Week => f.write_str("week"),
            Self::Dates(first, last) => write!(f, "{first}..{last}"),
        }
    }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    match zones::find(name) {
        Some(Zone::Utc) => Ok(TimeZone::UTC),
        Some(Zone::Iana { rules, .. }) => Ok(rules),
        None => Err("there is no such time zone; it is a name such as Europe/Berlin".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_today_and_the_last_one_is_included() {
        let today: Date = "2026-12-30".parse().unwrap();
        for (text, first, after) in [
            ("today", "2026-12-30", "2026-12-31"),
            ("tomorrow", "2026-12-31", "2027-01-01"),
            ("week", "2026-12-30", "2027-01-06"),
            ("2026-12-24", "2026-12-24", "2026-12-25"),
            ("2026-12-24..2026-12-26", "2026-12-24", "2026-12-27"),
        ] {
            let days = text.parse::<Days>().unwrap();
            assert_eq!(days.from(today), (first.parse().unwrap(), after.parse().unwrap()), "{text}");
        }
        for text in
            ["", "..", "yesterday", "2026-12-24..", "2026-12-26..2026-12-24", "2026-02-30", "12-24", "9999-12-31"]
        {
            assert!(text.parse::<Days>().is_err(), "{text}");
        }
    }
}
