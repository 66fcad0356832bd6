//! `recurrence`: on which days a series takes place, and at which instants.
//!
//! | module | knows |
//! |---|---|
//! | `pattern` | the six patterns: which days a period of one holds |
//! | `range` | the three ranges: with which day a series starts, and when it stops |
//! | `expand` | the days of a series, and the instants at which its clock strikes on them |

mod expand;
mod pattern;
mod range;

pub(crate) use expand::Clock;
use jiff::civil::Date;
use pattern::Pattern;
use range::Range;
use serde_json::{Value, json};

use crate::error::GraphError;
use crate::zone::Zone;

/// A `patternedRecurrence`: a rule by which an event takes place again and again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recurrence {
    pattern: Pattern,
    range: Range,
    /// The time zone in which days begin and clocks strike.
    pub(crate) zone: Zone,
}

impl Recurrence {
    /// Reads what a client wrote. Without a `recurrenceTimeZone` the series lives in the zone of its start, as Graph's
    /// documentation has it.
    pub(crate) fn read(value: &Value, zone_of_start: &str) -> Result<Self, GraphError> {
        let pattern = value.get("pattern").filter(|pattern| pattern.is_object());
        let range = value.get("range").filter(|range| range.is_object());
        let (pattern, range) = pattern.zip(range).ok_or_else(GraphError::property_validation)?;
        let written = text(range, "recurrenceTimeZone")?.filter(|name| !name.is_empty());
        let name = written.unwrap_or(zone_of_start);
        let zone = Zone::find(name).ok_or_else(|| GraphError::unknown_time_zone(name))?;
        Ok(Self { pattern: Pattern::read(pattern)?, range: Range::read(range)?, zone })
    }

    /// As Graph writes it: with all fields, also those that mean nothing to this pattern or range.
    pub(crate) fn write(&self) -> Value {
        json!({"pattern": self.pattern.write(), "range": self.range.write(self.zone.name())})
    }

    /// The same rule from another day on.
    pub(crate) fn starting(self, start: Date) -> Self {
        Self { range: Range { start, ..self.range }, ..self }
    }
}

/// A field's text, if it is there and not `null`.
fn text<'a>(object: &'a Value, name: &str) -> Result<Option<&'a str>, GraphError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_str().map(Some).ok_or_else(GraphError::undeserialisable),
    }
}

/// A field's whole number, which must be in the range, if it is there and not `null`.
fn number(object: &Value, name: &str, good: std::ops::RangeInclusive<i32>) -> Result<Option<i32>, GraphError> {
    let Some(value) = object.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_i64().ok_or_else(GraphError::undeserialisable)?;
    let number = i32::try_from(number).ok().filter(|number| good.contains(number));
    number.map(Some).ok_or_else(GraphError::property_validation)
}
