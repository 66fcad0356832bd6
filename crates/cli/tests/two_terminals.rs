//! A simulator in one terminal, syncs and reads in another: the local copy is what the server has.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::BTreeSet;
use std::path::Path;

use common::{Sim, WINDOW_QUERY, by_id, caldelta, read, run};
use serde_json::{Value, json};

/// A population with all kinds of calendars that a target can name.
const POPULATION: &str = include_str!("population.json");

/// What the server lists for a calendar in the tests' window, all pages of it.
fn listing(sim: &Sim, calendar: &str) -> Vec<Value> {
    let page = sim.get(&format!("/v1.0/{calendar}/calendarView?{WINDOW_QUERY}&$top=500"));
    assert!(page["@odata.nextLink"].is_null());
    page["value"].as_array().unwrap().clone()
}

/// The visible events of the local copy.
fn local(store: &Path, targets: &[&str]) -> Vec<Value> {
    read(store, &[&["events", "list", "--json"], targets].concat()).json()
}

#[test]
fn the_copy_equals_the_servers_own_listing_after_every_sync() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let mut ids = Vec::new();
    for day in 10..17 {
        ids.push(sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19")));
    }
    sim.create("me", "Outside of the window", "2027-02-01T10");

    let report = run(&mut sim.sync(dir.path(), &["--json", "--page-size", "3"])).json().remove(0);
    assert_eq!(report["schema"], "sync-report/1");
    assert_eq!((&report["target"], &report["round"]), (&json!("me"), &json!("full")));
    assert_eq!((&report["pages"], &report["items"]), (&json!(3), &json!(7)));
    let (server, copy) = (listing(&sim, "me"), local(dir.path(), &[]));
    assert_eq!(server.len(), 7);
    assert_eq!(by_id(&copy), by_id(&server));

    sim.patch(&format!("/v1.0/me/events/{}", ids[0]), &json!({"subject": "Lesson with a new name"}));
    sim.delete(&format!("/v1.0/me/events/{}", ids[1]));
    let added = sim.create("me", "One more", "2026-12-24T18");
    let report = run(&mut sim.sync(dir.path(), &["--json"])).json().remove(0);
    assert_eq!((&report["round"], &report["requests"]), (&json!("incremental"), &json!(2)));
    let changes = &report["changes"];
    assert_eq!((&changes["created"], &changes["updated"], &changes["deleted"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(by_id(&local(dir.path(), &[])), by_id(&listing(&sim, "me")));

    let all = read(dir.path(), &["changes", "--json"]).json();
    let seqs: Vec<u64> = all.iter().map(|change| change["seq"].as_u64().unwrap()).collect();
    assert!((1..).zip(&seqs).all(|(expected, seq)| expected == *seq), "{seqs:?}");
    let since = (all.len() - 3).to_string();
    let news = read(dir.path(), &["changes", "--json", "--since", &since]).json();
    assert_eq!(news, all[all.len() - 3..]);
    let mut what: Vec<_> =
        news.iter().map(|change| (change["what"].as_str().unwrap(), change["id"].as_str().unwrap())).collect();
    what.sort();
    assert_eq!(what, [("created", added.as_str()), ("deleted", &ids[1]), ("updated", &ids[0])]);
    assert_eq!(read(dir.path(), &["changes", "--since", &since]).ok().lines().count(), 3);

    let status = read(dir.path(), &["status", "--json"]).json().remove(0);
    assert_eq!((&status["schema"], &status["target"]), (&json!("status/1"), &json!("me")));
    assert_eq!((&status["graph_root"], &status["revision"]), (&json!(sim.graph_root), &json!(2)));
    assert_eq!(status["last_seq"], *seqs.last().unwrap());
    assert_eq!(status["tiles"][0]["window"], report["window"]);
    assert!(read(dir.path(), &["status"]).ok().starts_with(&format!("me at {}", sim.graph_root)));

    let shown = read(dir.path(), &["events", "show", &added, "--json"]).json().remove(0);
    assert_eq!(by_id(&[shown]), by_id(&[sim.get(&format!("/v1.0/me/events/{added}"))]));
    assert!(read(dir.path(), &["events", "show", &added]).ok().contains("One more"));
    read(dir.path(), &["events", "show", &ids[1]]).failed(1, "no event with the id");
}

#[test]
fn every_kind_of_target_is_copied_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let population = dir.path().join("population.json");
    std::fs::write(&population, POPULATION).unwrap();
    let sim = Sim::with(&["--load", population.to_str().unwrap()]);
    let id_of = |collection: &str, name: &str| {
        let all = sim.get(&format!("/v1.0/{collection}"));
        let found = all["value"].as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
        found["id"].as_str().unwrap().to_owned()
    };
    let group = id_of("me/calendarGroups", "Other Calendars");
    let travel = id_of(&format!("me/calendarGroups/{group}/calendars"), "Travel");
    let targets = [
        ("me".to_owned(), "Plan shopping list"),
        ("users/samanthab@contoso.com".to_owned(), "Plan shopping list"),
        (format!("me/calendars/{travel}"), "Flight"),
        (format!("me/calendarGroups/{group}/calendars/{travel}"), "Flight"),
        (format!("users/samanthab@contoso.com/calendars/{travel}"), "Flight"),
        ("users/room1@contoso.com".to_owned(), "Reserved"),
        ("groups/planning".to_owned(), "Planning day"),
    ];
    let store = dir.path().join("store");
    let names: Vec<&str> = targets.iter().map(|(target, _)| target.as_str()).collect();
    let reports = run(&mut sim.sync(&store, &[&["--json"], names.as_slice()].concat())).json();
    let reported: BTreeSet<&str> = reports.iter().map(|report| report["target"].as_str().unwrap()).collect();
    assert_eq!((reports.len(), reported), (names.len(), names.iter().copied().collect()));
    for (target, subject) in &targets {
        let copy = local(&store, &[target]);
        assert_eq!(copy.iter().map(|event| &event["subject"]).collect::<Vec<_>>(), [subject], "{target}");
        assert_eq!(by_id(&copy), by_id(&listing(&sim, target)), "{target}");
    }
    assert_eq!(local(&store, &[]).len(), targets.len(), "without a target all are listed");
    for args in [&["events", "list"][..], &["changes"]] {
        let text = read(&store, args).ok();
        assert!(names.iter().all(|target| text.lines().any(|line| line == format!("{target}:"))), "{text}");
    }
    let listed = read(&store, &["status", "--json"]).json();
    assert_eq!(listed.len(), targets.len());
}

#[test]
fn the_events_views_copy_a_mailbox_or_a_calendar() {
    let dir = tempfile::tempdir().unwrap();
    let population = dir.path().join("population.json");
    std::fs::write(&population, POPULATION).unwrap();
    let sim = Sim::with(&["--load", population.to_str().unwrap()]);
    let store = dir.path().join("store");
    let targets = ["me/events", "me/calendar/events"];
    let reports = run(&mut sim.sync(&store, &["--json", "me/events", "me/calendar/events"])).json();
    assert!(reports.iter().all(|report| report["window"].is_null()), "{reports:?}");
    let times = |events: &[Value]| -> Vec<(String, Value, Value)> {
        by_id(events).into_iter().map(|(id, event)| (id, event["start"].clone(), event["end"].clone())).collect()
    };
    // What Graph lists at `me/events` is the default calendar; its delta is of the whole mailbox.
    let calendars = sim.get("/beta/me/calendars")["value"].as_array().unwrap().clone();
    let listed = |calendar: &Value| {
        let path = format!("/beta/me/calendars/{}/events", calendar["id"].as_str().unwrap());
        sim.get(&path)["value"].as_array().unwrap().clone()
    };
    let all: Vec<Value> = calendars.iter().flat_map(listed).collect();
    let default = sim.get("/beta/me/calendar/events")["value"].as_array().unwrap().clone();
    assert_eq!((all.len(), default.len()), (2, 1));
    for (target, listing) in targets.into_iter().zip([all, default]) {
        assert_eq!(times(&local(&store, &[target])), times(&listing), "{target}");
    }
    let later = dir.path().join("later");
    run(&mut sim.sync(&later, &["me/events", "--start", "2026-12-10"])).ok();
    let copy = local(&later, &[]);
    assert!(copy.iter().all(|event| event["start"]["dateTime"].as_str().unwrap() >= "2026-12-10"), "{copy:?}");
    assert_eq!(copy.len(), 1);
}

#[test]
fn lists_are_by_time_and_show_what_overlaps_the_range() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    for (subject, start) in [("Third", "2026-12-12T10"), ("First", "2026-12-10T10"), ("Second", "2026-12-11T10")] {
        sim.create("me", subject, start);
    }
    run(&mut sim.sync(dir.path(), &[])).ok();
    let list = |range: &[&str]| {
        let lines = read(dir.path(), &[&["events", "list"], range].concat()).ok();
        lines.lines().map(|line| line.rsplit(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(&[]), ["First", "Second", "Third"]);
    assert_eq!(list(&["--from", "2026-12-11"]), ["Second", "Third"]);
    assert_eq!(list(&["--from", "2026-12-10T10:30:00Z", "--to", "2026-12-11T10:00:00Z"]), ["First"]);
    assert_eq!(list(&["--from", "2026-12-13"]), [""; 0]);
    read(dir.path(), &["events", "list", "--from", "2026-12-13", "--to", "2026-12-13"]).failed(2, "is not after");
}

#[test]
fn https_needs_the_authority_and_says_so() {
    let (sim, dir) = (Sim::with(&["--tls-self-signed"]), tempfile::tempdir().unwrap());
    assert!(sim.graph_root.starts_with("https://"));
    let ca_file = sim.announcement["ca_file"].as_str().unwrap();
    run(&mut sim.sync(dir.path(), &[])).failed(69, "ertificate");
    run(&mut sim.sync(dir.path(), &["--ca-file", ca_file])).ok();
    assert_eq!(local(dir.path(), &[]), [Value::Null; 0]);
    let not_pem = dir.path().join("authority.pem");
    std::fs::write(&not_pem, "something else").unwrap();
    let refused = run(&mut sim.sync(dir.path(), &["--ca-file", not_pem.to_str().unwrap()]));
    refused.failed(78, "there is no PEM certificate in it");
}

#[test]
fn the_simulator_does_not_start_with_a_wrong_population() {
    let dir = tempfile::tempdir().unwrap();
    let population = dir.path().join("population.json");
    std::fs::write(&population, r#"{"people": []}"#).unwrap();
    caldelta(["sim", "--load", population.to_str().unwrap()]).failed(78, "people");
    caldelta(["sim", "--load", dir.path().join("none").to_str().unwrap()]).failed(78, "none");
}

#[test]
fn a_simulator_that_cannot_listen_says_where() {
    let sim = Sim::start();
    caldelta(["sim", "--listen", sim.authority()]).failed(78, &format!("can't listen at {}", sim.authority()));
}

#[test]
fn the_same_seed_gives_the_same_ids() {
    let id = |seed| Sim::with(&["--seed", seed]).create("me", "Lesson", "2026-12-10T19");
    assert_eq!(id("7"), id("7"));
    assert_ne!(id("7"), id("8"));
}
