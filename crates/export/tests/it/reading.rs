//! What calcard understands of an iCalendar file, and what its time zones say by themselves.

use std::collections::BTreeMap;

use calcard::icalendar::timezone::TzResolver;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarParameterName, ICalendarProperty, ICalendarValue,
};
use delta_core::Timestamp;

/// An event as calcard understands it. Times are seconds since 1970, of days those of their midnight in UTC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Read {
    pub(crate) uid: String,
    pub(crate) recurrence: Option<i64>,
    pub(crate) all_day: bool,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) summary: String,
}

/// The events of a file.
pub(crate) fn read(text: &str) -> Vec<Read> {
    let calendar = ICalendar::parse(text).unwrap_or_else(|entry| panic!("{entry:?} in {text}"));
    let zones = calendar.build_tz_resolver();
    let events = calendar.components.iter().filter(|part| part.component_type == ICalendarComponentType::VEvent);
    events.map(|event| read_event(event, &zones)).collect()
}

fn read_event(event: &ICalendarComponent, zones: &TzResolver<&str>) -> Read {
    let time = |property| seconds(event, property, zones);
    let text = |property| match event.property(property).map(|entry| &entry.values[0]) {
        Some(ICalendarValue::Text(text)) => text.clone(),
        None => String::new(),
        other => panic!("{other:?}"),
    };
    let (all_day, start) = time(&ICalendarProperty::Dtstart).unwrap();
    Read {
        uid: event.uid().unwrap().to_owned(),
        recurrence: time(&ICalendarProperty::RecurrenceId).map(|(_, seconds)| seconds),
        all_day,
        start,
        end: time(&ICalendarProperty::Dtend).map_or(start, |(_, seconds)| seconds),
        summary: text(&ICalendarProperty::Summary),
    }
}

/// Whether a property is a date, and the seconds since 1970.
fn seconds(event: &ICalendarComponent, property: &ICalendarProperty, zones: &TzResolver<&str>) -> Option<(bool, i64)> {
    let entry = event.property(property)?;
    let ICalendarValue::PartialDateTime(time) = &entry.values[0] else { panic!("{entry:?}") };
    if !time.has_time() {
        assert!(entry.params.iter().any(|p| p.name == ICalendarParameterName::Value), "{entry:?}");
        return Some((true, time.to_date_time().unwrap().date_time.and_utc().timestamp()));
    }
    if let Some(zone) = entry.tz_id() {
        assert!(zones.resolve(zone).is_some(), "{zone} is not in the file");
    } else {
        assert!(time.has_zone(), "a floating time: {entry:?}");
    }
    let zone = zones.resolve_or_default(entry.tz_id());
    Some((false, time.to_date_time_with_tz(zone).unwrap().timestamp()))
}

/// Lines without folds.
pub(crate) fn unfold(text: &str) -> Vec<String> {
    text.replace("\r\n ", "").split_terminator("\r\n").map(str::to_owned).collect()
}

/// Reads each local time by nothing but the rules that stand in the file: the lines in question, and the seconds since
/// 1970 that they mean.
pub(crate) fn by_own_zones(text: &str) -> Vec<(String, i64)> {
    let mut zones: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    let mut found = Vec::new();
    let (mut zone, mut since, mut from) = (String::new(), 0, 0);
    let mut in_zone = false;
    for line in unfold(text) {
        let (name, value) = line.split_once(':').unwrap();
        match name {
            "BEGIN" if value == "VTIMEZONE" => in_zone = true,
            "END" if value == "VTIMEZONE" => in_zone = false,
            "TZID" => zone = value.to_owned(),
            "DTSTART" if in_zone => since = naive(value),
            "TZOFFSETFROM" => from = offset(value),
            "TZOFFSETTO" => zones.entry(zone.clone()).or_default().push((since - from, offset(value))),
            _ => {
                let Some((_, zone)) = name.split_once(";TZID=") else { continue };
                let local = naive(value);
                let rules = zones.get(zone).unwrap_or_else(|| panic!("{zone} does not stand in front of {line}"));
                let begun = |(since, to): &&(i64, i64)| local - to >= *since;
                let (_, to) =
                    rules.iter().filter(begun).max().unwrap_or_else(|| panic!("nothing is in effect: {line}"));
                found.push((line.clone(), local - to));
            }
        }
    }
    found
}

fn naive(value: &str) -> i64 {
    let part = |range| &value[range];
    let text =
        format!("{}-{}-{}T{}:{}:{}", part(0..4), part(4..6), part(6..8), part(9..11), part(11..13), part(13..15));
    Timestamp::parse(&text).unwrap().seconds()
}

fn offset(value: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| value.get(range).map_or(0, |digits| digits.parse::<i64>().unwrap());
    let seconds = number(1..3) * 3600 + number(3..5) * 60 + if value.len() > 5 { number(5..7) } else { 0 };
    if value.starts_with('-') { -seconds } else { seconds }
}
