//! `caldelta export`: files for other programs.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::{Sim, caldelta, command, read, run};
use serde_json::json;

/// A store with a meeting, a day off and a series.
fn synced() -> (Sim, tempfile::TempDir) {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson, first", "2026-12-10T19");
    let time = |day: &str| json!({"dateTime": format!("2026-12-{day}T00:00:00"), "timeZone": "UTC"});
    sim.post(
        "/v1.0/me/events",
        &json!({"subject": "Day off", "isAllDay": true, "start": time("14"), "end": time("16")}),
    );
    let mut series = common::event("Stand-up", "2026-12-01T08");
    series["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        "range": {"type": "noEnd", "startDate": "2026-12-01"},
    });
    sim.post("/v1.0/me/events", &series);
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    (sim, dir)
}

fn export(dir: &Path, args: &[&str]) -> common::Done {
    run(command(["export"]).args(args).current_dir(dir).args(["--store", "store"]))
}

#[test]
fn every_format_has_every_visible_event() {
    let (_sim, dir) = synced();
    let store = dir.path().join("store");
    let events = read(&store, &["events", "list", "--json"]).ok();
    assert_eq!(events.lines().count(), 7);
    assert_eq!(export(dir.path(), &["jsonl"]).ok(), events);
    let csv = export(dir.path(), &["csv", "me"]).ok();
    assert!(csv.starts_with("target,id,series,type,start,end,all_day,"), "{csv}");
    assert_eq!(csv.lines().count(), 8);
    assert!(csv.contains(",2026-12-14,2026-12-16,true,UTC,Day off,"), "{csv}");
    assert!(csv.contains(",2026-12-10T19:00:00Z,2026-12-10T19:59:00Z,false,UTC,\"Lesson, first\","), "{csv}");
    let ics = export(dir.path(), &["ics"]).ok();
    assert_eq!(ics.matches("BEGIN:VEVENT\r\n").count(), 7);
    assert_eq!(ics.matches("RECURRENCE-ID:").count(), 5);
    assert!(ics.contains("DTSTART;VALUE=DATE:20261214\r\nDTEND;VALUE=DATE:20261216\r\n"), "{ics}");
    let found = export(dir.path(), &["jsonl", "--search", "LESSON"]).json();
    assert_eq!(found.iter().map(|event| &event["subject"]).collect::<Vec<_>>(), [&json!("Lesson, first")]);
}

#[test]
fn a_path_is_a_file_or_a_directory_with_a_file_per_target() {
    let (sim, dir) = synced();
    let me = sim.get("/v1.0/me")["userPrincipalName"].as_str().unwrap().to_owned();
    let other = format!("users/{me}");
    run(&mut sim.sync(&dir.path().join("store"), &[&other])).ok();
    let events = export(dir.path(), &["jsonl", "me"]).ok();
    assert_eq!(export(dir.path(), &["jsonl", "me", "--to", "me.jsonl"]).ok(), "me.jsonl: written\n");
    assert_eq!(fs::read_to_string(dir.path().join("me.jsonl")).unwrap(), events);
    assert_eq!(export(dir.path(), &["ics", "me", "--to", "calendars/"]).ok(), "calendars/me.ics: written\n");
    assert_eq!(export(dir.path(), &["csv", "me", "--to", "calendars"]).ok(), "calendars/me.csv: written\n");
    let names: Vec<_> = common::replicas(&dir.path().join("calendars"));
    assert_eq!(names, ["me.csv", "me.ics"].map(|name| dir.path().join("calendars").join(name)), "and nothing else");
    let both = export(dir.path(), &["ics", "--to", "all/"]).ok();
    assert_eq!(both, format!("all/me.ics: written\nall/users-{me}.ics: written\n"));
    let one = export(dir.path(), &["ics"]).ok();
    assert_eq!(one.matches("BEGIN:VEVENT\r\n").count(), 7, "the same calendar by two names is one");
    let report = export(dir.path(), &["ics", "me", "--to", "calendars", "--json"]).json().remove(0);
    assert_eq!(
        (&report["schema"], &report["format"], &report["path"]),
        (&json!("export/1"), &json!("ics"), &json!("calendars/me.ics"))
    );
    assert_eq!((&report["targets"], &report["written"]), (&json!(["me"]), &json!(1)));
}

#[test]
fn a_vdir_is_kept_up_to_date() {
    let (sim, dir) = synced();
    assert_eq!(
        export(dir.path(), &["vdir", "--to", "vdir"]).ok(),
        "vdir/me: 3 files written, 0 unchanged, 0 deleted\n"
    );
    let listed = read(&dir.path().join("store"), &["events", "list", "--json", "--to", "2026-12-02"]).json().remove(0);
    sim.delete(&format!("/v1.0/me/events/{}", listed["series"].as_str().unwrap()));
    sim.create("me", "Lesson, second", "2026-12-11T19");
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    let report = export(dir.path(), &["vdir", "--to", "vdir", "--json"]).json().remove(0);
    let counts = ["written", "unchanged", "deleted"].map(|count| report[count].as_u64().unwrap());
    assert_eq!((counts, &report["unknown_zones"]), ([1, 2, 1], &json!([])));
    assert_eq!((&report["path"], &report["format"]), (&json!("vdir/me"), &json!("vdir")));
}

#[cfg(unix)]
#[test]
fn what_is_published_is_followed_until_a_signal() {
    use std::process::Command;

    let (sim, dir) = synced();
    let mut follow = command(["export", "vdir", "--follow", "--to", "vdir", "--store", "store"]);
    let child = follow.current_dir(dir.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let vdir = dir.path().join("vdir/me");
    let count = |count| {
        common::wait_until("the files are there", || {
            let items = fs::read_dir(&vdir)
                .ok()?
                .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|extension| extension == "ics"));
            (items.count() == count).then_some(())
        });
    };
    count(3);
    export(dir.path(), &["vdir", "--to", "vdir"]).failed(75, "another process is exporting");
    sim.create("me", "Lesson, second", "2026-12-11T19");
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    count(4);
    assert!(Command::new("kill").args(["-s", "TERM", &child.id().to_string()]).status().unwrap().success());
    let done = common::finish(child);
    assert_eq!((done.code, done.stderr.as_str()), (Some(143), "caldelta: stopped\n"), "{done:?}");
}

#[test]
fn what_cannot_be_exported_says_why() {
    let (_sim, dir) = synced();
    for (args, words) in [
        (&["export", "ical"][..], "unrecognized subcommand"),
        (&["export", "vdir"], "--to <PATH>"),
        (&["export", "csv", "you"], "me, "),
    ] {
        let done = caldelta(args);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains(words), "{words:?} in {done:?}");
    }
    export(dir.path(), &["ics", "--follow"]).failed(2, "--follow and --json need --to PATH");
    export(dir.path(), &["csv", "--json"]).failed(2, "--follow and --json need --to PATH");
    export(dir.path(), &["ics", "groups/x"]).failed(1, "there is no local copy of groups/x");
    caldelta(["export", "ics", "--store", "/nonexistent"]).failed(1, "run `caldelta sync` first");
    let stranger = dir.path().join("photos/me");
    fs::create_dir_all(&stranger).unwrap();
    fs::write(stranger.join("holiday.jpg"), "pixels").unwrap();
    export(dir.path(), &["vdir", "--to", "photos"]).failed(78, "holds things that were not exported");
    assert_eq!(common::replicas(&stranger), [stranger.join("holiday.jpg")]);
    export(dir.path(), &["ics", "--to", "nowhere/calendar.ics"]).failed(1, "can't create");
    fs::write(dir.path().join("file"), "").unwrap();
    export(dir.path(), &["vdir", "--to", "file"]).failed(1, "can't create");
}
