//! `caldelta agenda`: what is on, in the time of whoever asks.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use common::{Done, Sim, caldelta, command, read, run};
use delta_core::Timestamp;
use serde_json::{Value, json};

/// A store of the days around the change of Europe's clocks (25 October 2026, 3:00 to 2:00) and of Christmas.
fn synced() -> (Sim, tempfile::TempDir) {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let time = |text: &str, zone: &str| json!({"dateTime": text, "timeZone": zone});
    let event = |subject: &str, zone: &str, start: &str, end: &str| json!({"subject": subject, "start": time(start, zone), "end": time(end, zone)});
    let berlin = "W. Europe Standard Time";
    let mut events = vec![
        event("Night shift", berlin, "2026-10-24T22:00:00", "2026-10-25T06:00:00"),
        event("First half past two", "UTC", "2026-10-25T00:30:00", "2026-10-25T00:45:00"),
        event("Second half past two", "UTC", "2026-10-25T01:30:00", "2026-10-25T01:45:00"),
        event("Until midnight", berlin, "2026-10-25T21:00:00", "2026-10-26T00:00:00"),
        event("A moment", berlin, "2026-10-26T09:00:00", "2026-10-26T09:00:00"),
        event("Two nights", berlin, "2026-12-22T18:00:00", "2026-12-24T10:00:00"),
    ];
    let mut christmas = event("Christmas", "UTC", "2026-12-24T00:00:00", "2026-12-27T00:00:00");
    christmas["isAllDay"] = json!(true);
    christmas["showAs"] = json!("free");
    christmas["location"] = json!({"displayName": "Home"});
    events.push(christmas);
    let mut dentist = event("Dentist", berlin, "2026-12-24T08:00:00", "2026-12-24T08:30:00");
    dentist["sensitivity"] = json!("private");
    events.push(dentist);
    for event in &events {
        sim.post("/v1.0/me/events", event);
    }
    sync(&sim, &dir.path().join("store"), "2026-10-01..2027-02-01");
    (sim, dir)
}

fn sync(sim: &Sim, store: &Path, window: &str) {
    let args = ["sync", "--graph-root", &sim.graph_root, "--window", window, "--store"];
    run(command(args).arg(store)).ok();
}

fn agenda(dir: &Path, args: &[&str]) -> Done {
    read(&dir.join("store"), &[&["agenda"], args].concat())
}

#[test]
fn days_are_those_of_the_zone_and_every_day_of_an_event_is_shown() {
    let (_sim, dir) = synced();
    let shown = agenda(dir.path(), &["2026-10-24..2026-10-26", "--zone", "Europe/Berlin"]).ok();
    assert_eq!(
        shown,
        "\
Saturday, 2026-10-24
  22:00-24:00  Night shift

Sunday, 2026-10-25
  00:00-06:00  Night shift
  02:30-02:45  First half past two
  02:30-02:45  Second half past two
  21:00-24:00  Until midnight

Monday, 2026-10-26
  09:00        A moment
"
    );
    let shown = agenda(dir.path(), &["2026-12-23..2026-12-26", "--zone", "W. Europe Standard Time"]).ok();
    assert_eq!(
        shown,
        "\
Wednesday, 2026-12-23
  00:00-24:00  Two nights

Thursday, 2026-12-24
  all day      Christmas (day 1 of 3) @ Home [free]
  00:00-10:00  Two nights
  08:00-08:30  Dentist [private]

Friday, 2026-12-25
  all day      Christmas (day 2 of 3) @ Home [free]

Saturday, 2026-12-26
  all day      Christmas (day 3 of 3) @ Home [free]
"
    );
}

#[test]
fn all_day_events_are_the_same_days_in_every_zone_and_others_are_not() {
    let (_sim, dir) = synced();
    for (zone, dentist) in [("Pacific/Kiritimati", "2026-12-24"), ("Pacific/Pago_Pago", "2026-12-23")] {
        let days = |subject: &str| -> Vec<String> {
            let lists = ["2026-12-22", "2026-12-23", "2026-12-24", "2026-12-25", "2026-12-26", "2026-12-27"];
            let has = |day: &&str| {
                let shown = agenda(dir.path(), &[day, "--zone", zone, "--search", subject]).ok();
                shown != format!("nothing on {day}\n")
            };
            lists.iter().filter(|day| has(day)).map(|day| (*day).to_owned()).collect()
        };
        assert_eq!(days("Christmas"), ["2026-12-24", "2026-12-25", "2026-12-26"], "{zone}");
        assert_eq!(days("Dentist"), [dentist], "{zone}");
    }
}

#[test]
fn json_and_tsv_have_each_event_once() {
    let (_sim, dir) = synced();
    let args = ["2026-12-22..2026-12-26", "--zone", "Europe/Berlin"];
    let events = agenda(dir.path(), &[&args[..], &["--json"]].concat()).json();
    let subjects: Vec<&str> = events.iter().map(|event| event["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Two nights", "Christmas", "Dentist"]);
    let [nights, christmas, _] = events.try_into().unwrap();
    let part =
        |event: &Value, names: &[&str]| -> Vec<Value> { names.iter().map(|name| event[*name].clone()).collect() };
    assert_eq!(
        part(&nights, &["schema", "target", "all_day", "start", "end", "start_local", "end_local", "time_zone"]),
        [
            json!("agenda/1"),
            json!("me"),
            json!(false),
            json!("2026-12-22T17:00:00Z"),
            json!("2026-12-24T09:00:00Z"),
            json!("2026-12-22T18:00:00+01:00"),
            json!("2026-12-24T10:00:00+01:00"),
            json!("Europe/Berlin"),
        ]
    );
    assert_eq!(
        part(&christmas, &["all_day", "start", "end", "start_local", "show_as", "cancelled"]),
        [json!(true), json!("2026-12-24"), json!("2026-12-27"), json!("2026-12-24"), json!("free"), json!(false)]
    );
    let tsv = agenda(dir.path(), &[&args[..], &["--tsv"]].concat()).ok();
    let first: Vec<&str> = tsv.lines().nth(1).unwrap().split('\t').collect();
    assert_eq!(first[..5], ["2026-12-24", "2026-12-27", "Christmas", "Home", "me"]);
    assert_eq!(tsv.lines().count(), 3);
    let open = agenda(dir.path(), &[&args[..], &["--tsv", "--no-private"]].concat()).ok();
    assert_eq!(open.lines().count(), 2);
}

#[test]
fn today_tomorrow_and_the_week_are_counted_in_the_zone() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let today = Timestamp::from_seconds(i64::try_from(seconds).unwrap()).midnight();
    // An event on each of the days around, so that midnight may come at any time.
    for day in -1..9 {
        let noon = today.plus_days(day).to_string();
        sim.create("me", &format!("day {day}"), &format!("{}T12", &noon[..10]));
    }
    sync(&sim, &dir.path().join("store"), "-30d..+30d");
    let count = |range: &[&str]| {
        let shown = agenda(dir.path(), &[range, &["--tsv", "--zone", "UTC"]].concat()).ok();
        shown.lines().count()
    };
    assert_eq!([count(&[]), count(&["today"]), count(&["tomorrow"]), count(&["week"])], [1, 1, 1, 7]);
}

#[test]
fn calendars_are_named_where_there_are_several_and_can_be_chosen() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let other = sim.post("/v1.0/me/calendars", &json!({"name": "On the road"}))["id"].as_str().unwrap().to_owned();
    let other = format!("me/calendars/{other}");
    sim.create("me", "Lesson", "2026-12-10T10");
    sim.create(&other, "Flight\u{1b}[2J", "2026-12-10T08");
    let store = dir.path().join("store");
    run(&mut sim.sync(&store, &["me", &other])).ok();
    let day = ["2026-12-10", "--zone", "UTC"];
    let expected = format!("Thursday, 2026-12-10\n  08:00-08:59  Flight [2J [{other}]\n  10:00-10:59  Lesson [me]\n");
    assert_eq!(agenda(dir.path(), &day).ok(), expected);
    let mine = agenda(dir.path(), &[&day[..], &["--calendar", "me"]].concat()).ok();
    assert_eq!(mine, "Thursday, 2026-12-10\n  10:00-10:59  Lesson\n");
    let colours = |name: &str, value: &str| {
        let mut command = command([&["agenda"], &day[..]].concat());
        run(command.env(name, value).arg("--store").arg(&store)).ok()
    };
    assert!(colours("CLICOLOR_FORCE", "1").contains("\u{1b}[1m"), "where they are wanted");
    assert_eq!(colours("NO_COLOR", "1"), expected);
}

#[test]
fn what_is_cancelled_or_declined_is_marked() {
    let dir = tempfile::tempdir().unwrap();
    let time = |hour: &str| json!({"dateTime": format!("2026-12-10T{hour}:00:00"), "timeZone": "UTC"});
    let events = json!([
        {"subject": "Canceled: Lunch", "isCancelled": true, "start": time("12"), "end": time("13")},
        {"subject": "Review", "responseStatus": {"response": "declined", "time": "2026-12-01T00:00:00Z"},
         "start": time("14"), "end": time("15")},
        {"subject": "Maybe", "showAs": "tentative", "start": time("16"), "end": time("17")},
    ]);
    let user = json!({
        "displayName": "Samantha Booth", "userPrincipalName": "samanthab@contoso.com",
        "calendars": [{"isDefaultCalendar": true, "events": events}],
    });
    let population = dir.path().join("population.json");
    std::fs::write(&population, json!({"users": [user]}).to_string()).unwrap();
    let sim = Sim::with(&["--load", population.to_str().unwrap()]);
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    let shown = |args: &[&str]| agenda(dir.path(), &[&["2026-12-10", "--zone", "UTC"], args].concat()).ok();
    assert_eq!(
        shown(&[]).lines().skip(1).collect::<Vec<_>>(),
        [
            "  12:00-13:00  Canceled: Lunch [cancelled]",
            "  14:00-15:00  Review [declined]",
            "  16:00-17:00  Maybe [tentative]"
        ]
    );
    assert_eq!(shown(&["--no-cancelled", "--no-declined"]).lines().count(), 2);
}

#[test]
fn what_cannot_be_shown_says_why() {
    let (_sim, dir) = synced();
    for (args, words) in [
        (&["agenda", "yesterday"][..], "is not today, tomorrow, week, or a date such as"),
        (&["agenda", "2026-12-24..2026-12-23"], "the last day is before the first"),
        (&["agenda", "--zone", "Mars/Olympus"], "there is no such time zone"),
        (&["agenda", "--json", "--tsv"], "cannot be used with"),
        (&["agenda", "--calendar", "you"], "me, "),
    ] {
        let done = caldelta(args);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains(words), "{words:?} in {done:?}");
    }
    caldelta(["agenda", "--store", "/nonexistent", "--zone", "UTC"]).failed(1, "run `caldelta sync` first");
    agenda(dir.path(), &["--calendar", "groups/x", "--zone", "UTC"]).failed(1, "there is no local copy of groups/x");
    let beyond = agenda(dir.path(), &["2027-01-31..2027-02-01", "--zone", "UTC"]);
    assert_eq!((beyond.code, beyond.stdout.as_str()), (Some(0), "nothing from 2027-01-31 to 2027-02-01\n"));
    let words = "caldelta: the local copy of me reaches from 2026-10-01 00:00:00 to 2027-02-01 00:00:00 (UTC) only\n";
    assert_eq!(beyond.stderr, words);
    let mut in_zone = command(["agenda", "2026-12-24", "--search", "Dentist", "--store"]);
    let shown = run(in_zone.arg(dir.path().join("store")).env("TZ", "Asia/Tokyo")).ok();
    assert_eq!(shown, "Thursday, 2026-12-24\n  16:00-16:30  Dentist [private]\n");
}
