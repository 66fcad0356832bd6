//! `docs/khal.md` is true: its files are written and its commands run as they stand, with the real khal where it is.
#![cfg(unix)]
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;

use common::page::{Page, is_there, put, shell};
use common::{Sim, read, run};
use serde_json::Value;

#[test]
fn every_command_of_the_page_prints_what_stands_there() {
    let (page, home) = (Page::read("khal.md"), tempfile::tempdir().unwrap());
    put(home.path(), "calendar.json", page.block("json"));
    put(home.path(), ".config/khal/config", page.block("ini"));
    let sim = Sim::with(&["--load", home.path().join("calendar.json").to_str().unwrap()]);
    let mut run = 0;
    page.holds(|command| {
        run += 1;
        if command.starts_with("khal") && !is_there("khal") {
            return None;
        }
        let line = command.replace("http://127.0.0.1:8080", &sim.graph_root);
        Some(shell(home.path(), &line).replace(home.path().to_str().unwrap(), "/home/samantha"))
    });
    assert_eq!(run, 4);
}

/// A calendar with what programs get wrong: a moved and a deleted occurrence, clocks that change, days in no zone.
fn hard_calendar(sim: &Sim, store: &Path) {
    let time = |text: &str, zone: &str| serde_json::json!({"dateTime": text, "timeZone": zone});
    let series = |zone: &str, start: &str, end: &str| {
        serde_json::json!({
            "subject": "Stand-up", "start": time(start, zone), "end": time(end, zone),
            "recurrence": {
                "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["monday"]},
                "range": {"type": "noEnd", "startDate": "2026-10-05", "recurrenceTimeZone": zone},
            },
        })
    };
    let zone = "W. Europe Standard Time";
    sim.post("/v1.0/me/events", &series(zone, "2026-10-05T09:00:00", "2026-10-05T09:15:00"));
    let mut day = series("UTC", "2026-10-05T00:00:00", "2026-10-07T00:00:00");
    day["isAllDay"] = true.into();
    day["subject"] = "Two days".into();
    sim.post("/v1.0/me/events", &day);
    let query = "startDateTime=2026-10-01T00:00:00Z&endDateTime=2026-12-01T00:00:00Z&$top=100";
    let listed = sim.get(&format!("/v1.0/me/calendarView?{query}"));
    let members: Vec<&Value> =
        listed["value"].as_array().unwrap().iter().filter(|event| event["subject"] == "Stand-up").collect();
    let path = |at: usize| format!("/v1.0/me/events/{}", members[at]["id"].as_str().unwrap());
    let moved = serde_json::json!({
        "start": time("2026-10-13T14:00:00", "Tokyo Standard Time"),
        "end": time("2026-10-13T15:30:00", "Tokyo Standard Time"),
    });
    sim.patch(&path(1), &moved);
    sim.delete(&path(3));
    run(&mut common::command([
        "sync",
        "--graph-root",
        &sim.graph_root,
        "--window",
        "2026-10-01..2026-12-01",
        "--store",
        store.to_str().unwrap(),
    ]))
    .ok();
}

#[test]
fn khal_shows_what_the_copy_shows() {
    if !is_there("khal") {
        return;
    }
    let (sim, home) = (Sim::start(), tempfile::tempdir().unwrap());
    let store = home.path().join(".local/state/caldelta");
    hard_calendar(&sim, &store);
    shell(home.path(), "caldelta export vdir --to ~/.calendars");
    put(home.path(), ".config/khal/config", &Page::read("khal.md").block("ini").replace("Europe/Berlin", "UTC"));
    let format = "'{start-long-full}|{end-long-full}|{title}'";
    let shown = shell(home.path(), &format!("khal list --day-format '' --format {format} 2026-10-01 62d"));
    let mut shown: Vec<String> =
        shown.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect();
    let mut expected: Vec<String> =
        read(&store, &["events", "list", "--json"]).json().iter().map(as_khal_shows).collect();
    // What lasts for days is listed on each of them.
    shown.sort();
    shown.dedup();
    expected.sort();
    assert_eq!(shown, expected);
    assert_eq!(shown.len(), 8 + 9);
}

/// An event as khal lists it: the last day of an all-day one is included.
fn as_khal_shows(event: &Value) -> String {
    let all_day = event["isAllDay"] == true;
    let time = |name: &str, days: i64| {
        let at = event[name]["dateTime"].as_str().unwrap().parse::<delta_core::Timestamp>().unwrap().plus_days(days);
        at.to_string()[..16].replace('T', " ")
    };
    let end = time("end", if all_day { -1 } else { 0 });
    format!("{}|{end}|{}", time("start", 0), event["subject"].as_str().unwrap())
}

#[test]
fn vdirsyncer_copies_every_item_and_then_has_nothing_to_do() {
    if !is_there("vdirsyncer") {
        return;
    }
    let (sim, home) = (Sim::start(), tempfile::tempdir().unwrap());
    hard_calendar(&sim, &home.path().join(".local/state/caldelta"));
    shell(home.path(), "caldelta export vdir --to ~/.calendars && mkdir -p ~/copy/me");
    let config = r#"
[general]
status_path = "~/status/"
[pair p]
a = "outlook"
b = "copy"
collections = ["me"]
[storage outlook]
type = "filesystem"
path = "~/.calendars/"
fileext = ".ics"
read_only = true
[storage copy]
type = "filesystem"
path = "~/copy/"
fileext = ".ics"
"#;
    fs::write(home.path().join("config"), config).unwrap();
    let sync = "vdirsyncer -c ~/config discover >/dev/null 2>&1 && vdirsyncer -c ~/config sync 2>&1";
    let first = shell(home.path(), sync);
    assert_eq!(first.matches("Copying").count(), 2, "{first}");
    let contents = |directory: &str| {
        let files = common::replicas(&home.path().join(directory)).into_iter();
        let items = files.filter(|path| path.extension().is_some_and(|extension| extension == "ics"));
        let mut texts: Vec<String> = items.map(|path| fs::read_to_string(path).unwrap()).collect();
        texts.sort();
        texts
    };
    assert_eq!(contents("copy/me"), contents(".calendars/me"));
    shell(home.path(), "caldelta export vdir --to ~/.calendars");
    assert!(!shell(home.path(), sync).contains("Copying"));
}
