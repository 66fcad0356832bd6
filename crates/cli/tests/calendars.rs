//! All calendars of a mailbox, many mailboxes at once.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Sim, caldelta, command, read, run, sync};
use serde_json::{Value, json};

/// Samantha with three calendars, one of which Alex has shared, and Alex with one.
fn town(dir: &Path) -> Sim {
    let event = |subject: &str| json!([common::event(subject, "2026-12-10T19")]);
    let population = json!({"users": [
        {"displayName": "Samantha Booth", "userPrincipalName": "samanthab@contoso.com", "calendars": [
            {"isDefaultCalendar": true, "events": event("Lesson")},
            {"name": "Travel", "events": event("Flight")},
            {"name": "Room", "owner": {"name": "Alex", "address": "alexd@contoso.com"}, "events": event("Booking")},
        ]},
        {"displayName": "Alex", "userPrincipalName": "alexd@contoso.com", "calendars": [
            {"isDefaultCalendar": true, "events": event("Dinner")},
        ]},
    ]});
    let path = dir.join("town.json");
    std::fs::write(&path, population.to_string()).unwrap();
    Sim::with(&["--load", path.to_str().unwrap()])
}

fn of_schema<'a>(lines: &'a [Value], schema: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["schema"] == schema).collect()
}

fn subjects(store: &Path) -> BTreeSet<String> {
    let events = read(store, &["events", "list", "--json"]).json();
    events.iter().map(|event| event["subject"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_never_published_is_listed_with_its_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, store) = (town(dir.path()), dir.path().join("store"));
    let (nobody, alex) = ("users/nobody@contoso.com", "users/alexd@contoso.com");
    run(&mut sim.sync(&store, &[nobody])).failed(1, "");
    assert_eq!(read(&store, &["status"]).code, Some(1), "there is nothing yet");
    assert_eq!(run(&mut sim.sync(&store, &[nobody, alex])).code, Some(3));
    let status = read(&store, &["status", "--json"]).json();
    let of =
        |target: &str| status.iter().find(|status| status["target"] == target).unwrap_or_else(|| panic!("{status:?}"));
    assert_eq!((status.len(), of(alex)["state"].as_str(), of(nobody)["revision"].as_u64()), (2, Some("ok"), Some(0)));
    assert!(of(nobody)["state"] == "suspended" && of(nobody)["error"].is_string(), "{status:?}");
    assert!(read(&store, &["status"]).ok().contains(&format!("{nobody}: nothing is published yet")));
    assert_eq!(read(&store, &["status", "--max-age", "1h"]).code, Some(1), "it was never up to date");
}

#[test]
fn a_dry_run_writes_down_no_calendars() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, store) = (town(dir.path()), dir.path().join("store"));
    run(&mut sim.sync(&store, &["--dry-run", "--all-calendars", "users/samanthab@contoso.com"])).ok();
    assert!(!store.join("calendars.json").exists());
    run(&mut sim.sync(&store, &["--all-calendars", "users/samanthab@contoso.com"])).ok();
    assert!(store.join("calendars.json").exists());
}

#[test]
fn all_calendars_of_a_mailbox_are_copied_and_what_is_new_about_them_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, store) = (town(dir.path()), dir.path().join("store"));
    let all = |args: &[&str]| {
        let users = ["users/samanthab@contoso.com", "users/alexd@contoso.com"];
        run(&mut sim.sync(&store, &[&["--all-calendars"], args, &users].concat()))
    };
    let lines = all(&["--json"]).json();
    assert_eq!(of_schema(&lines, "sync-report/1").len(), 4);
    let lists = of_schema(&lines, "calendars/1");
    assert_eq!(lists.len(), 2);
    let samantha = lists.iter().find(|list| list["mailbox"] == "users/samanthab@contoso.com").unwrap();
    let targets: Vec<&str> =
        samantha["calendars"].as_array().unwrap().iter().map(|listed| listed["target"].as_str().unwrap()).collect();
    assert_eq!((targets.len(), targets[0]), (3, "users/samanthab@contoso.com"));
    assert_eq!(samantha["calendars"][2]["owner"], "alexd@contoso.com");
    assert_eq!(subjects(&store), ["Booking", "Dinner", "Flight", "Lesson"].map(str::to_owned).into());

    // Renamed, deleted and made again.
    let travel = samantha["calendars"][1]["id"].as_str().unwrap();
    let room = samantha["calendars"][2]["id"].as_str().unwrap();
    let calendars = "/v1.0/users/samanthab@contoso.com/calendars";
    sim.patch(&format!("{calendars}/{room}"), &json!({"name": "Room 1"}));
    sim.delete(&format!("{calendars}/{travel}"));
    sim.post(calendars, &json!({"name": "Travel"}));
    let lines = all(&["--json"]).json();
    let list =
        of_schema(&lines, "calendars/1").into_iter().find(|list| list["mailbox"] == samantha["mailbox"]).unwrap();
    let news: BTreeSet<String> =
        list["news"].as_array().unwrap().iter().map(|news| news["what"].as_str().unwrap().to_owned()).collect();
    assert_eq!(news, ["gone", "new", "renamed"].map(str::to_owned).into());
    let new = list["news"].as_array().unwrap().iter().find(|news| news["what"] == "new").unwrap();
    assert_eq!(new["replaces"], targets[1]);
    assert_eq!(of_schema(&lines, "sync-report/1").len(), 4, "what is gone is not asked for");
    assert!(subjects(&store).contains("Flight"), "its copy stays");

    let said = all(&[]).ok();
    assert!(said.contains("the calendars of users/samanthab@contoso.com: 3 calendars\n"), "{said}");
}

#[test]
fn a_target_that_fails_stops_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, store) = (town(dir.path()), dir.path().join("store"));
    let nobody = "users/nobody@contoso.com";
    let done =
        run(&mut sim.sync(&store, &["--all-calendars", "--parallel", "1", nobody, "users/alexd@contoso.com", "me"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
    assert!(done.stderr.contains("the calendars of users/nobody@contoso.com: "), "{done:?}");
    assert_eq!(subjects(&store), ["Booking", "Dinner", "Flight", "Lesson"].map(str::to_owned).into());
    let alone = run(&mut sim.sync(&store, &["--all-calendars", nobody]));
    assert_eq!(alone.code, Some(1), "all that failed has a code of its own: {alone:?}");
}

#[test]
fn another_persons_calendar_behind_the_same_target_is_not_mixed_in() {
    let dir = tempfile::tempdir().unwrap();
    let (sim, store) = (town(dir.path()), dir.path().join("store"));
    run(&mut sim.sync(&store, &["--all-calendars"])).ok();
    // Another town, in which somebody else is signed in; the same root, as it would be at Graph's.
    let address = sim.graph_root.trim_start_matches("http://").to_owned();
    drop(sim);
    let other = Sim::with(&["--listen", &address, "--seed", "9"]);
    let done = run(&mut other.sync(&store, &["--all-calendars"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("calendar"), "{done:?}");
    assert!(subjects(&store).contains("Lesson"));
}

#[test]
fn what_is_not_a_mailbox_has_no_calendars() {
    for target in ["me/calendars/C", "me/events", "me/calendar/events"] {
        let done = caldelta(["sync", "--store", "/nonexistent", "--all-calendars", target]);
        assert_eq!(done.code, Some(2), "{done:?}");
        assert!(done.stderr.contains("name mailboxes"), "{done:?}");
    }
    let mut from_environment = command(["sync", "--store", "/nonexistent", "me/events"]);
    let done = run(from_environment.env("CALDELTA_ALL_CALENDARS", "1"));
    assert_eq!(done.code, Some(2), "{done:?}");
    let done = run(&mut sync("http://127.0.0.1:9", Path::new("/nonexistent"), &["--parallel", "0"]));
    assert_eq!(done.code, Some(2), "{done:?}");
}
