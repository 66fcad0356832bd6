//! When series take place: compared with the `rrule` crate, which knows RFC 5545 and nothing of Graph, and with
//! summer times that were looked up in a calendar.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{Client, cases, event};
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::sample::select;
use rrule::RRuleSet;
use serde_json::{Value, json};

const DAYS: [(&str, &str); 7] = [
    ("monday", "MO"),
    ("tuesday", "TU"),
    ("wednesday", "WE"),
    ("thursday", "TH"),
    ("friday", "FR"),
    ("saturday", "SA"),
    ("sunday", "SU"),
];
const INDICES: [(&str, i32); 5] = [("first", 1), ("second", 2), ("third", 3), ("fourth", 4), ("last", -1)];
/// Windows' name where there is one, and the IANA name.
const ZONES: [(&str, &str); 7] = [
    ("UTC", "UTC"),
    ("Eastern Standard Time", "America/New_York"),
    ("Europe/Berlin", "Europe/Berlin"),
    ("India Standard Time", "Asia/Kolkata"),
    ("Australia/Lord_Howe", "Australia/Lord_Howe"),
    ("Line Islands Standard Time", "Pacific/Kiritimati"),
    ("UTC-11", "Etc/GMT+11"),
];

/// A pattern in Graph's words and in those of RFC 5545.
#[derive(Debug, Clone)]
struct Pattern {
    graph: Value,
    rule: String,
}

/// A range in both.
#[derive(Debug, Clone)]
enum Range {
    NoEnd,
    EndDate { days: i32 },
    Numbered { count: u32 },
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let weekdays = || prop::sample::subsequence(DAYS.to_vec(), 1..=7).prop_map(|days| (names(&days), codes(&days)));
    let interval = || prop_oneof![4 => 1..4i32, 1 => 4..30i32];
    let day = || {
        (1..=31i32).prop_map(|day| {
            let rule = if day <= 28 {
                format!("BYMONTHDAY={day}")
            } else {
                let days: Vec<String> = (28..=day).map(|day| day.to_string()).collect();
                format!("BYMONTHDAY={};BYSETPOS=-1", days.join(","))
            };
            (day, rule)
        })
    };
    prop_oneof![
        interval().prop_map(|interval| Pattern {
            graph: json!({"type": "daily", "interval": interval}),
            rule: format!("FREQ=DAILY;INTERVAL={interval}"),
        }),
        (interval(), weekdays(), select(DAYS.to_vec())).prop_map(|(interval, (names, codes), first)| Pattern {
            graph: json!({"type": "weekly", "interval": interval, "daysOfWeek": names, "firstDayOfWeek": first.0}),
            rule: format!("FREQ=WEEKLY;INTERVAL={interval};BYDAY={codes};WKST={}", first.1),
        }),
        (interval(), day()).prop_map(|(interval, (day, rule))| Pattern {
            graph: json!({"type": "absoluteMonthly", "interval": interval, "dayOfMonth": day}),
            rule: format!("FREQ=MONTHLY;INTERVAL={interval};{rule}"),
        }),
        (interval(), weekdays(), select(INDICES.to_vec())).prop_map(|(interval, (names, codes), index)| Pattern {
            graph: json!({"type": "relativeMonthly", "interval": interval, "daysOfWeek": names, "index": index.0}),
            rule: format!("FREQ=MONTHLY;INTERVAL={interval};BYDAY={codes};BYSETPOS={}", index.1),
        }),
        (1..4i32, day(), 1..=12i32).prop_map(|(interval, (day, rule), month)| Pattern {
            graph: json!({"type": "absoluteYearly", "interval": interval, "dayOfMonth": day, "month": month}),
            rule: format!("FREQ=YEARLY;INTERVAL={interval};BYMONTH={month};{rule}"),
        }),
        (1..4i32, weekdays(), select(INDICES.to_vec()), 1..=12i32).prop_map(
            |(interval, (names, codes), index, month)| Pattern {
                graph: json!({"type": "relativeYearly", "interval": interval, "daysOfWeek": names, "index": index.0,
                    "month": month}),
                rule: format!("FREQ=YEARLY;INTERVAL={interval};BYMONTH={month};BYDAY={codes};BYSETPOS={}", index.1),
            }
        ),
    ]
}

fn names(days: &[(&str, &str)]) -> Vec<String> {
    days.iter().map(|(name, _)| (*name).to_owned()).collect()
}

fn codes(days: &[(&str, &str)]) -> String {
    days.iter().map(|(_, code)| *code).collect::<Vec<_>>().join(",")
}

fn range() -> impl Strategy<Value = Range> {
    prop_oneof![
        Just(Range::NoEnd),
        (0..1500i32).prop_map(|days| Range::EndDate { days }),
        (1..200u32).prop_map(|count| Range::Numbered { count }),
    ]
}

impl Range {
    fn graph(&self, start: Date, zone: &str) -> Value {
        let mut range = json!({"startDate": start.to_string(), "recurrenceTimeZone": zone});
        match self {
            Self::NoEnd => range["type"] = json!("noEnd"),
            Self::EndDate { days } => {
                range["type"] = json!("endDate");
                range["endDate"] = json!((start + days.days()).to_string());
            }
            Self::Numbered { count } => {
                range["type"] = json!("numbered");
                range["numberOfOccurrences"] = json!(count);
            }
        }
        range
    }

    fn rule(&self, start: Date, zone: &TimeZone) -> String {
        match self {
            Self::NoEnd => String::new(),
            Self::EndDate { days } => {
                let last = zone.to_timestamp((start + days.days()).at(23, 59, 59, 0)).unwrap();
                format!(";UNTIL={}", last.strftime("%Y%m%dT%H%M%SZ"))
            }
            Self::Numbered { count } => format!(";COUNT={count}"),
        }
    }
}

fn series(start: DateTime, zone: &str, pattern: &Value, range: &Value) -> Value {
    let mut series = event("a series", &start.to_string(), &(start + 1.hour()).to_string());
    for end in ["start", "end"] {
        series[end]["timeZone"] = json!(zone);
    }
    series["recurrence"] = json!({"pattern": pattern, "range": range});
    series
}

/// The starts of all instances in a window, read from every page.
fn starts(client: &mut Client, id: &str, from: DateTime, to: DateTime) -> Vec<String> {
    let mut link =
        Some(format!("/me/events/{id}/instances?startDateTime={from}Z&endDateTime={to}Z&$top=200&$select=start"));
    let mut starts = Vec::new();
    while let Some(url) = link {
        let page = client.get(&url).ok();
        starts.extend(page.items().iter().map(|item| item["start"]["dateTime"].as_str().unwrap()[..19].to_owned()));
        link = page.next_link();
    }
    starts
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_series_takes_place_when_rfc_5545_says(
        pattern in pattern(),
        range in range(),
        zone in select(ZONES.to_vec()),
        day in 0..2500i32,
        hour in 0..24i8,
        ahead in 0..1000i32,
        days in 1..1500i32,
    ) {
        let (name, iana) = zone;
        let start = date(2019, 1, 1) + day.days();
        let local = start.at(hour, 30, 0, 0);
        let rules = TimeZone::get(iana).unwrap();
        // A start that no clock shows is another time by the time it is stored, and one that a clock shows twice is more
        // than the other implementation can read. Later occurrences may be either.
        prop_assume!(!rules.to_ambiguous_timestamp(local).is_ambiguous());
        let rule = format!(
            "DTSTART;TZID={iana}:{}\nRRULE:{}{}",
            local.strftime("%Y%m%dT%H%M%S"), pattern.rule, range.rule(start, &rules),
        );
        let from = (start + ahead.days() - 30.days()).at(0, 0, 0, 0);
        let to = from + days.days();
        let bounds = [from, to].map(|bound| TimeZone::UTC.to_timestamp(bound).unwrap().as_second());
        let set: RRuleSet = rule.parse().unwrap();
        let seconds = set.into_iter().map(|start| start.timestamp()).take_while(|start| *start < bounds[1]);
        let expected: Vec<String> = seconds
            .filter(|start| start + 3600 > bounds[0])
            .map(|start| TimeZone::UTC.to_datetime(Timestamp::from_second(start).unwrap()).to_string())
            .collect();

        let mut client = Client::new();
        let created = client.post("/me/events", &series(local, name, &pattern.graph, &range.graph(start, name)));
        if created.status == 400 {
            prop_assert_eq!(created.error().1, "ErrorRecurrenceHasNoOccurrence");
            let set: RRuleSet = rule.parse().unwrap();
            prop_assert!(set.into_iter().next().is_none());
            return Ok(());
        }
        prop_assert_eq!(created.status, 201, "{}", created.body);
        let found = starts(&mut client, created.body["id"].as_str().unwrap(), from, to);
        prop_assert_eq!(found, expected, "{}", rule);

        // The master has the times of the first occurrence, which may be long before or after the window.
        let set: RRuleSet = rule.parse().unwrap();
        let first = Timestamp::from_second(set.into_iter().next().unwrap().timestamp()).unwrap();
        let first = TimeZone::UTC.to_datetime(first).to_string();
        prop_assert_eq!(&created.body["start"]["dateTime"].as_str().unwrap()[..19], first);

        // What Graph writes is what it reads.
        let again = client.patch(
            &format!("/me/events/{}", created.body["id"].as_str().unwrap()),
            &json!({"recurrence": created.body["recurrence"]}),
        ).ok();
        prop_assert_eq!(&again.body["recurrence"], &created.body["recurrence"]);
    }
}

#[test]
fn clocks_keep_their_time_across_a_summer_time() {
    for zone in ["Pacific Standard Time", "America/Los_Angeles"] {
        let mut client = Client::new();
        let daily = json!({"type": "daily", "interval": 1});
        let range = json!({"type": "noEnd", "startDate": "2026-01-05"});
        let start = date(2026, 1, 5).at(9, 0, 0, 0);
        let id = client.create("/me", &series(start, zone, &daily, &range));
        let march = starts(&mut client, &id, date(2026, 3, 7).at(0, 0, 0, 0), date(2026, 3, 10).at(0, 0, 0, 0));
        assert_eq!(march, ["2026-03-07T17:00:00", "2026-03-08T16:00:00", "2026-03-09T16:00:00"]);
        let october = starts(&mut client, &id, date(2026, 10, 31).at(0, 0, 0, 0), date(2026, 11, 2).at(0, 0, 0, 0));
        assert_eq!(october, ["2026-10-31T16:00:00", "2026-11-01T17:00:00"]);
    }
}

#[test]
fn a_gap_moves_an_occurrence_forward_and_an_overlap_takes_the_first() {
    let mut client = Client::new();
    let daily = json!({"type": "daily", "interval": 1});
    let range = json!({"type": "noEnd", "startDate": "2026-01-05"});
    let start = date(2026, 1, 5).at(2, 30, 0, 0);
    let id = client.create("/me", &series(start, "W. Europe Standard Time", &daily, &range));
    let url = |from: &str, to: &str| {
        format!("/me/events/{id}/instances?startDateTime={from}T00:00:00Z&endDateTime={to}T00:00:00Z")
    };
    // On 29 March 2026, Berlin's clocks go from 02:00 to 03:00: half past two is half past three, for the same hour.
    let gap = client.get(&url("2026-03-29", "2026-03-30")).ok();
    let gap = &gap.items()[0];
    assert_eq!(gap["start"]["dateTime"], "2026-03-29T01:30:00.0000000");
    assert_eq!(gap["end"]["dateTime"], "2026-03-29T02:30:00.0000000");
    // On 25 October 2026 they show half past two twice; an event to half past three takes two hours on that day.
    let fold = client.get(&url("2026-10-25", "2026-10-26")).ok();
    let fold = &fold.items()[0];
    assert_eq!(fold["start"]["dateTime"], "2026-10-25T00:30:00.0000000");
    assert_eq!(fold["end"]["dateTime"], "2026-10-25T02:30:00.0000000");
}

#[test]
fn a_first_occurrence_in_a_gap_shifts_no_other() {
    let mut client = Client::new();
    let sundays = json!({"type": "weekly", "interval": 1, "daysOfWeek": ["sunday"]});
    let range = json!({"type": "noEnd", "startDate": "2026-03-28"});
    let start = date(2026, 3, 28).at(2, 30, 0, 0);
    let created = client.post("/me/events", &series(start, "Europe/Berlin", &sundays, &range));
    assert_eq!(created.body["start"]["dateTime"], "2026-03-29T01:30:00.0000000");
    let id = created.body["id"].as_str().unwrap();
    let times =
        |client: &mut Client| starts(client, id, date(2026, 3, 28).at(0, 0, 0, 0), date(2026, 4, 6).at(0, 0, 0, 0));
    assert_eq!(times(&mut client), ["2026-03-29T01:30:00", "2026-04-05T00:30:00"]);
    // Nor does another rule, if the times stay what they are.
    let daily =
        json!({"pattern": {"type": "daily", "interval": 7}, "range": {"type": "noEnd", "startDate": "2026-03-29"}});
    client.patch(&format!("/me/events/{id}"), &json!({"recurrence": daily})).ok();
    assert_eq!(times(&mut client), ["2026-03-29T01:30:00", "2026-04-05T00:30:00"]);
}

#[test]
fn a_series_of_whole_days_keeps_its_dates_in_every_zone() {
    let mut client = Client::new();
    let day = |date: &str| json!({"dateTime": format!("{date}T00:00:00"), "timeZone": "Tokyo Standard Time"});
    let all_day = json!({
        "isAllDay": true, "start": day("2026-03-27"), "end": day("2026-03-29"),
        "recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["Friday"]},
            "range": {"type": "numbered", "startDate": "2026-03-27", "numberOfOccurrences": 2},
        },
    });
    let id = client.create("/me", &all_day);
    let url = format!("/me/events/{id}/instances?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z");
    for zone in ["UTC", "Hawaiian Standard Time", "Europe/Berlin"] {
        let page = client.get_preferring(&url, &format!("outlook.timezone=\"{zone}\"")).ok();
        let days: Vec<(&str, &str)> = page
            .items()
            .iter()
            .map(|item| (item["start"]["dateTime"].as_str().unwrap(), item["end"]["dateTime"].as_str().unwrap()))
            .collect();
        assert_eq!(
            days,
            [
                ("2026-03-27T00:00:00.0000000", "2026-03-29T00:00:00.0000000"),
                ("2026-04-03T00:00:00.0000000", "2026-04-05T00:00:00.0000000"),
            ]
        );
    }
}

#[test]
fn a_series_lives_in_the_zone_of_its_start_unless_it_names_another() {
    let mut client = Client::new();
    let daily = json!({"type": "daily", "interval": 1});
    let start = date(2026, 3, 1).at(9, 0, 0, 0);
    for (written, zone) in [(json!(null), "Europe/Berlin"), (json!(""), "Europe/Berlin"), (json!("UTC"), "UTC")] {
        let range = json!({"type": "noEnd", "startDate": "2026-03-01", "recurrenceTimeZone": written});
        let created = client.post("/me/events", &series(start, "Europe/Berlin", &daily, &range));
        assert_eq!(created.body["recurrence"]["range"]["recurrenceTimeZone"], zone);
        let id = created.body["id"].as_str().unwrap();
        let after = starts(&mut client, id, date(2026, 4, 1).at(0, 0, 0, 0), date(2026, 4, 2).at(0, 0, 0, 0));
        assert_eq!(after, [if zone == "UTC" { "2026-04-01T08:00:00" } else { "2026-04-01T07:00:00" }]);
    }
}

#[test]
fn a_recurrence_is_written_with_all_of_its_fields() {
    let mut client = Client::new();
    let pattern =
        json!({"type": "relativeYearly", "interval": 1, "month": 2, "daysOfWeek": ["friday"], "index": "last"});
    let range = json!({"type": "noEnd", "startDate": "2026-01-01"});
    let created = client.post("/me/events", &series(date(2026, 1, 1).at(9, 0, 0, 0), "UTC", &pattern, &range));
    assert_eq!(
        created.body["recurrence"],
        json!({
            "pattern": {
                "type": "relativeYearly", "interval": 1, "month": 2, "dayOfMonth": 0, "daysOfWeek": ["friday"],
                "firstDayOfWeek": "sunday", "index": "last",
            },
            "range": {
                "type": "noEnd", "startDate": "2026-01-01", "endDate": "0001-01-01", "recurrenceTimeZone": "UTC",
                "numberOfOccurrences": 0,
            },
        })
    );
    assert_eq!(created.body["start"]["dateTime"], "2026-02-27T09:00:00.0000000");
}

#[test]
fn a_recurrence_that_makes_no_sense_is_refused() {
    let mut client = Client::new();
    let start = date(2026, 3, 2).at(9, 0, 0, 0);
    let daily = json!({"type": "daily", "interval": 1});
    let weekly = |days: Value| json!({"type": "weekly", "interval": 1, "daysOfWeek": days});
    let forever = json!({"type": "noEnd", "startDate": "2026-03-02"});
    let invalid = "ErrorPropertyValidationFailure";
    let unreadable = "UnableToDeserializePostBody";
    for (pattern, range, code) in [
        (json!(null), forever.clone(), invalid),
        (daily.clone(), json!("for ever"), invalid),
        (json!({"interval": 1}), forever.clone(), invalid),
        (json!({"type": "hourly", "interval": 1}), forever.clone(), unreadable),
        (json!({"type": "daily"}), forever.clone(), invalid),
        (json!({"type": "daily", "interval": 0}), forever.clone(), invalid),
        (json!({"type": "daily", "interval": 1000}), forever.clone(), invalid),
        (json!({"type": "daily", "interval": "one"}), forever.clone(), unreadable),
        (weekly(json!(null)), forever.clone(), invalid),
        (weekly(json!([])), forever.clone(), invalid),
        (weekly(json!(["someday"])), forever.clone(), unreadable),
        (json!({"type": "absoluteMonthly", "interval": 1}), forever.clone(), invalid),
        (json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": 32}), forever.clone(), invalid),
        (json!({"type": "absoluteYearly", "interval": 1, "dayOfMonth": 1, "month": 13}), forever.clone(), invalid),
        (
            json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["monday"], "index": "fifth"}),
            forever.clone(),
            unreadable,
        ),
        (daily.clone(), json!({"type": "noEnd"}), invalid),
        (daily.clone(), json!({"type": "noEnd", "startDate": "02/03/2026"}), unreadable),
        (daily.clone(), json!({"type": "sometime", "startDate": "2026-03-02"}), unreadable),
        (daily.clone(), json!({"type": "endDate", "startDate": "2026-03-02"}), invalid),
        (
            daily.clone(),
            json!({"type": "endDate", "startDate": "2026-03-02", "endDate": "2026-03-01"}),
            "ErrorRecurrenceHasNoOccurrence",
        ),
        (daily.clone(), json!({"type": "numbered", "startDate": "2026-03-02"}), invalid),
        (daily.clone(), json!({"type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 0}), invalid),
        (
            daily.clone(),
            json!({"type": "noEnd", "startDate": "2026-03-02", "recurrenceTimeZone": "Moon"}),
            "TimeZoneNotSupportedException",
        ),
    ] {
        let refused = client.post("/me/events", &series(start, "UTC", &pattern, &range));
        assert_eq!((refused.error().0, refused.error().1), (400, code), "{pattern} {range}");
    }
    assert!(client.get("/me/events").ok().items().is_empty());
}

#[test]
fn a_series_from_the_beginning_of_time_to_its_end_can_be_asked_for() {
    let mut client = Client::new();
    for (day, window) in [
        ("0001-01-01", "startDateTime=2026-01-01&endDateTime=2026-01-03"),
        ("9999-12-30", "startDateTime=9999-12-30&endDateTime=9999-12-31T23:59:59"),
    ] {
        let daily = json!({"type": "daily", "interval": 1});
        let range = json!({"type": "noEnd", "startDate": day});
        let start: Date = day.parse().unwrap();
        let id = client.create("/me", &series(start.at(9, 0, 0, 0), "UTC", &daily, &range));
        assert_eq!(client.get(&format!("/me/events/{id}/instances?{window}")).ok().items().len(), 2, "{day}");
        client.delete(&format!("/me/events/{id}"));
    }
}
