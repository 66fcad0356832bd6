//! `recurrenceRange`: from which day on a series takes place, and until when.

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::error::GraphError;
use crate::recurrence::{number, text};

/// The most occurrences that Exchange Web Services takes, by its documentation.
const MOST_OCCURRENCES: i32 = 999;
/// What Graph writes as the end of a series that has none.
const NO_DATE: &str = "0001-01-01";

/// One of Graph's three ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    /// The first day that may be one of the series. It need not be one.
    pub(crate) start: Date,
    pub(crate) end: End,
}

/// When a series stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Never,
    /// On this day, which still counts.
    On(Date),
    /// With the occurrence of this number, cancelled ones included.
    After(usize),
}

impl Range {
    pub(crate) fn read(object: &Value) -> Result<Self, GraphError> {
        let missing = GraphError::property_validation;
        let date = |name| match text(object, name)? {
            None => Err(missing()),
            Some(text) => text.parse::<Date>().map_err(|_| GraphError::undeserialisable()),
        };
        let start = date("startDate")?;
        let end = match text(object, "type")?.ok_or_else(missing)? {
            "noEnd" => End::Never,
            "endDate" => End::On(date("endDate")?),
            "numbered" => {
                let count = number(object, "numberOfOccurrences", 1..=MOST_OCCURRENCES)?;
                End::After(count.and_then(|count| usize::try_from(count).ok()).ok_or_else(missing)?)
            }
            _ => return Err(GraphError::undeserialisable()),
        };
        Ok(Self { start, end })
    }

    pub(crate) fn write(&self, zone: &str) -> Value {
        let (kind, end, count) = match self.end {
            End::Never => ("noEnd", NO_DATE.to_owned(), 0),
            End::On(day) => ("endDate", day.to_string(), 0),
            End::After(count) => ("numbered", NO_DATE.to_owned(), count),
        };
        json!({
            "type": kind,
            "startDate": self.start.to_string(),
            "endDate": end,
            "recurrenceTimeZone": zone,
            "numberOfOccurrences": count,
        })
    }
}
