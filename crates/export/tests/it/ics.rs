//! iCalendar files.

use std::collections::BTreeMap;

use delta_core::Timestamp;
use export::Filter;
use export::ics::{Calendar, UnknownZones};
use http::Method;
use pollster::block_on;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use store::View;

use crate::reading::{Read, by_own_zones, read, unfold};
use crate::world::{World, event, steps};

pub(crate) fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(32);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

fn write(views: &[&dyn View], filter: &Filter) -> (String, UnknownZones) {
    let calendars: Vec<_> = views.iter().map(|view| Calendar { name: "me", view: *view }).collect();
    let mut text = Vec::new();
    let unknown = block_on(export::ics::write(&calendars, filter, &mut text)).unwrap();
    (String::from_utf8(text).unwrap(), unknown)
}

/// A file of a calendar with these events.
fn file_of(events: &[Value]) -> (String, UnknownZones) {
    let mut world = World::new(1);
    for event in events {
        world.create(event);
    }
    write(&[world.sync().as_ref()], &Filter::default())
}

/// What the server lists, as a reader of iCalendar should see it; recurrence ids aside.
pub(crate) fn expected(listing: &[Value]) -> Vec<Read> {
    let mut events: Vec<Read> = listing.iter().map(expected_event).collect();
    events.sort();
    events
}

fn expected_event(event: &Value) -> Read {
    let time = |name: &str| Timestamp::parse(event[name]["dateTime"].as_str().unwrap()).unwrap().seconds();
    let series = event["seriesMasterId"].as_str();
    let subject = event["subject"].as_str().unwrap_or_default();
    Read {
        uid: series.or(event["id"].as_str()).unwrap().to_owned(),
        recurrence: None,
        all_day: event["isAllDay"] == true,
        start: time("start"),
        end: time("end"),
        summary: subject.trim().to_owned(),
    }
}

/// What was read, recurrence ids aside, of which no two are the same within a `UID`.
pub(crate) fn comparable(mut events: Vec<Read>) -> Vec<Read> {
    let mut ids: BTreeMap<String, Vec<Option<i64>>> = BTreeMap::new();
    for event in &mut events {
        ids.entry(event.uid.clone()).or_default().push(event.recurrence.take());
    }
    for (uid, mut ids) in ids {
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "two events of {uid} are the same one: {ids:?}");
        assert!(count == 1 || ids.iter().all(Option::is_some), "{uid}: {ids:?}");
    }
    events.sort();
    events
}

proptest! {
    #![proptest_config(config())]

    /// Whatever is in a calendar: what the server lists is what calcard reads, with its own idea of time zones; and the
    /// zones in the file say the same.
    #[test]
    fn what_is_visible_is_what_is_read(seed in 0..1_000_u64, steps in steps()) {
        let mut world = World::new(seed);
        for step in &steps {
            world.apply(step);
        }
        let (text, unknown) = write(&[world.sync().as_ref()], &Filter::default());
        prop_assert_eq!(unknown, UnknownZones::new());
        let listing = world.listing();
        let events = read(&text);
        let instants: Vec<i64> = events.iter().flat_map(|event| [event.start, event.end].into_iter().chain(event.recurrence)).collect();
        for (line, seconds) in by_own_zones(&text) {
            prop_assert!(instants.contains(&seconds), "{} is {} by the file's own zones", line, seconds);
        }
        prop_assert_eq!(comparable(events), expected(&listing));
        prop_assert!(text.ends_with("END:VCALENDAR\r\n"));
        prop_assert!(!text.contains("Standard Time"), "a Windows name: {}", text);
        prop_assert_eq!(write(&[world.sync().as_ref()], &Filter::default()).0, text);
    }
}

#[test]
fn an_event_is_written_with_all_that_readers_show() {
    let mut food = event("Get food, quickly", "Pacific Standard Time", 40, 19 * 60 + 30, 60);
    food["location"] = json!({"displayName": "Corner shop; left"});
    food["body"] =
        json!({"contentType": "html", "content": "<html><body><p>Milk &amp; bread</p><p>Eggs</p></body></html>"});
    food["categories"] = json!(["Errands, daily", "Home"]);
    food["sensitivity"] = json!("private");
    food["importance"] = json!("high");
    food["showAs"] = json!("free");
    food["attendees"] = json!([
        {"type": "required", "status": {"response": "accepted"},
         "emailAddress": {"name": "Samantha \"Sam\" Booth", "address": "samanthab@contoso.com"}},
        {"type": "optional", "emailAddress": {"address": "danas@contoso.com"}},
        {"type": "resource", "emailAddress": {"name": "Without an address"}},
    ]);
    let (text, _) = file_of(&[food]);
    let lines = unfold(&text);
    for line in [
        "TZID:America/Los_Angeles",
        "BEGIN:STANDARD",
        "DTSTART:20251102T020000",
        "TZOFFSETFROM:-0700",
        "TZOFFSETTO:-0800",
        "TZNAME:PST",
        "DTSTART;TZID=America/Los_Angeles:20260210T193000",
        "DTEND;TZID=America/Los_Angeles:20260210T203000",
        "SUMMARY:Get food\\, quickly",
        "LOCATION:Corner shop\\; left",
        "DESCRIPTION:Milk & bread\\n\\nEggs",
        "CATEGORIES:Errands\\, daily,Home",
        "CLASS:PRIVATE",
        "PRIORITY:1",
        "STATUS:CONFIRMED",
        "TRANSP:TRANSPARENT",
        "X-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "ATTENDEE;CN=\"Samantha 'Sam' Booth\";ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:samanthab@contoso.com",
        "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:danas@contoso.com",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("Without an address"), "{text}");
}

#[test]
fn a_zone_that_nobody_knows_is_utc_and_is_reported() {
    let mut world = World::new(1);
    world.create(&event("Fancy", "UTC", 40, 600, 60));
    let view = world.sync();
    let json =
        block_on(store::reader::events(view.as_ref(), &export::events::always(), None, 1)).unwrap().0[0].json.clone();
    let odd = json.replace(r#""originalStartTimeZone":"UTC""#, r#""originalStartTimeZone":"tzone://Microsoft/Custom""#);
    assert_ne!(odd, json);
    let store = store::MemoryStore::new();
    let fixture = store::conformance::Fixture::new(&store);
    block_on(fixture.run(&store::conformance::tile(0, 0, 120), delta_core::RoundKind::Full, &[odd]));
    let (text, unknown) = write(&[block_on(store::Store::view(&store)).unwrap().as_ref()], &Filter::default());
    assert_eq!(unknown, UnknownZones::from([("tzone://Microsoft/Custom".to_owned(), 1)]));
    assert!(text.contains("DTSTART:20260210T100000Z\r\n"), "{text}");
    assert!(text.contains("X-CALDELTA-UNKNOWN-ZONE:tzone://Microsoft/Custom\r\n"), "{text}");
}

#[test]
fn no_two_of_a_series_are_the_same_one() {
    let exception = |id: &str, start: &str, original: &str| {
        let time = format!(r#"{{"dateTime":"2026-02-{start}","timeZone":"UTC"}}"#);
        let head = format!(r#""id":"{id}","type":"exception","seriesMasterId":"m","subject":"{id}""#);
        format!(r#"{{{head},"isAllDay":false,"start":{time},"end":{time}{original}}}"#)
    };
    let items = [
        exception("a", "02T09:00:00.0000000", r#","originalStart":"2026-02-09T09:00:00Z""#),
        exception("b", "09T09:00:00.0000000", ""),
        exception("c", "09T09:00:00.5000000", ""),
    ];
    let store = store::MemoryStore::new();
    let fixture = store::conformance::Fixture::new(&store);
    block_on(fixture.run(&store::conformance::tile(0, 0, 120), delta_core::RoundKind::Full, &items));
    let (text, _) = write(&[block_on(store::Store::view(&store)).unwrap().as_ref()], &Filter::default());
    let found = unfold(&text).into_iter().filter(|line| line.starts_with("RECURRENCE-ID"));
    let expected = ["20260209T090000Z", "20260209T090001Z", "20260209T090002Z"];
    assert_eq!(found.collect::<Vec<_>>(), expected.map(|id| format!("RECURRENCE-ID:{id}")));
}

#[test]
fn the_hour_that_clocks_show_twice_is_written_in_utc() {
    let (text, _) =
        file_of(&[event("before", "Romance Standard Time", 87, 90, 30), event("skipped", "UTC", 87, 60, 0)]);
    // Day 87 is 29 March: the clocks of Paris go from 2 to 3.
    assert!(
        text.contains("DTSTART;TZID=Europe/Paris:20260329T013000\r\nDTEND;TZID=Europe/Paris:20260329T030000\r\n"),
        "{text}"
    );
    assert!(text.contains("DTSTART:20260329T010000Z\r\n"), "{text}");
    let mut world = World::new(2);
    // Clocks go back in April in Santiago: 23:00 to 24:00 of 4 April comes twice.
    world.create(&event("twice", "Pacific SA Standard Time", 93, 23 * 60 + 30, 90));
    let (text, _) = write(&[world.sync().as_ref()], &Filter::default());
    assert!(text.contains("DTSTART:20260405T023000Z\r\n"), "{text}");
    assert_eq!(comparable(read(&text)), expected(&world.listing()));
}

#[test]
fn an_event_in_several_calendars_is_written_once_and_the_filter_holds() {
    let mut world = World::new(3);
    world.create(&event("Dentist", "UTC", 40, 600, 60));
    let id = world.create(&event("Lunch", "UTC", 41, 600, 60));
    world.call(Method::PATCH, &format!("/me/events/{id}"), Some(&json!({"sensitivity": "private"})));
    let view = world.sync();
    let (text, _) = write(&[view.as_ref(), view.as_ref()], &Filter::default());
    assert_eq!(read(&text).len(), 2);
    let (text, _) = write(&[view.as_ref()], &Filter { no_private: true, ..Filter::default() });
    assert_eq!(read(&text).iter().map(|event| event.summary.as_str()).collect::<Vec<_>>(), ["Dentist"]);
    let (empty, _) = write(&[], &Filter::default());
    assert_eq!(read(&empty), []);
}
