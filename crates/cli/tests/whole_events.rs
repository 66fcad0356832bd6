//! Whole events: occurrences with what they have of their series, and events views, sparse and whole.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::{Sim, WINDOW_QUERY, event, plain, read, run};
use serde_json::{Map, Value, json};

/// A population with two calendars in Samantha's mailbox.
const POPULATION: &str = include_str!("population.json");

/// What Graph sends of an occurrence. Its `webLink` is its own and is not sent; nor is that it has no rule.
const SENT: [&str; 5] = ["id", "seriesMasterId", "type", "start", "end"];
const NOT_SENT: [&str; 2] = ["webLink", "recurrence"];

fn id(event: &Value) -> String {
    event["id"].as_str().unwrap().to_owned()
}

fn by_id(events: &Value) -> BTreeMap<String, Value> {
    events["value"].as_array().unwrap().iter().map(|event| (id(event), event.clone())).collect()
}

fn without(mut event: Value, names: &[&str]) -> Value {
    event.as_object_mut().unwrap().retain(|name, _| !names.contains(&name.as_str()));
    event
}

fn names(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Object(members) => members.keys().cloned().collect(),
        names => names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
    }
}

/// What a sync of the tests' window is told of everything in it.
fn told(sim: &Sim) -> BTreeMap<String, Value> {
    let page = sim.get(&format!("/v1.0/me/calendarView/delta?{WINDOW_QUERY}"));
    let mut told = by_id(&page);
    let mut next = page["@odata.nextLink"].as_str().map(str::to_owned);
    while let Some(link) = next {
        let page = sim.get(link.strip_prefix(&sim.graph_root).unwrap());
        told.extend(by_id(&page));
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    told
}

/// A stand-up on each of four days, and its id.
fn standup(sim: &Sim) -> String {
    let mut standup = event("Stand-up", "2026-12-07T09");
    standup["location"] = json!({"displayName": "Room 1"});
    standup["showAs"] = json!("tentative");
    standup["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-07", "numberOfOccurrences": 4},
    });
    id(&sim.post("/v1.0/me/events", &standup))
}

/// The instances of a series as they are listed, by their day in December.
fn instances(sim: &Sim, master: &str) -> BTreeMap<String, String> {
    let page = sim.get(&format!("/v1.0/me/events/{master}/instances?{WINDOW_QUERY}"));
    let day = |event: &Value| event["start"]["dateTime"].as_str().unwrap()[8..10].to_owned();
    page["value"].as_array().unwrap().iter().map(|event| (day(event), id(event))).collect()
}

/// Compares the copy, event by event and property by property, with what the server lists; and what is added to each with
/// what the server tells in a delta. Gives the ids of those of which stubs were told.
fn check(sim: &Sim, store: &Path, master: &str) -> BTreeSet<String> {
    let (listed, told) = (by_id(&sim.get(&format!("/v1.0/me/calendarView?{WINDOW_QUERY}&$top=500"))), told(sim));
    let copy = read(store, &["events", "list", "--json"]).json();
    assert_eq!(copy.iter().map(id).collect::<BTreeSet<_>>(), listed.keys().cloned().collect());
    let mut stubs = BTreeSet::new();
    for shown in copy {
        let (id, kind) = (id(&shown), shown["type"].as_str().unwrap().to_owned());
        let listed = plain(&listed[&id]);
        assert_eq!(
            read(store, &["events", "show", &id, "--json"]).json(),
            std::slice::from_ref(&shown),
            "as it is in the list"
        );
        let series = if kind == "singleInstance" { Value::Null } else { Value::from(master) };
        assert_eq!(shown["series"], series, "{shown}");
        let raw = if kind == "occurrence" { "stub" } else { "whole" };
        assert_eq!(names(&shown["raw"]), [raw.to_owned()].into(), "{shown}");
        let sent = without(told[&id].clone(), &["@odata.type"]);
        assert_eq!(without(shown["raw"][raw].clone(), &["@odata.type"]), sent, "what Graph sent, as it sent it");
        if kind == "occurrence" {
            let own = names(&plain(&shown["raw"]["stub"]));
            assert_eq!(own, SENT.map(str::to_owned).into(), "{shown}");
            let inherited = &(&names(&listed) - &own) - &NOT_SENT.map(str::to_owned).into();
            assert_eq!(names(&shown["inherited"]), inherited, "{shown}");
            assert_eq!(plain(&shown), without(listed, &NOT_SENT));
            stubs.insert(id);
        } else {
            assert_eq!(shown["inherited"], json!([]), "{shown}");
            assert_eq!(plain(&shown), listed);
        }
    }
    let shown = read(store, &["events", "show", master, "--json"]).json().remove(0);
    assert_eq!((&shown["series"], &shown["inherited"]), (&Value::Null, &json!([])));
    assert_eq!(plain(&shown), plain(&sim.get(&format!("/v1.0/me/events/{master}"))), "the series master");
    stubs
}

#[test]
fn occurrences_are_whole_and_say_what_they_have_of_their_series() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lunch", "2026-12-08T12");
    let master = standup(&sim);
    let sync = || run(&mut sim.sync(dir.path(), &[])).ok();
    sync();
    assert_eq!(check(&sim, dir.path(), &master).len(), 4);

    let days = instances(&sim, &master);
    sim.patch(&format!("/v1.0/me/events/{}", days["08"]), &json!({"subject": "Stand-up outdoors"}));
    sim.delete(&format!("/v1.0/me/events/{}", days["09"]));
    sim.patch(
        &format!("/v1.0/me/events/{master}"),
        &json!({"subject": "Daily", "showAs": "busy", "importance": "high"}),
    );
    sync();
    let stubs = check(&sim, dir.path(), &master);
    assert_eq!(stubs, [days["07"].clone(), days["10"].clone()].into());
    for id in &stubs {
        let shown = read(dir.path(), &["events", "show", id, "--json"]).json().remove(0);
        assert_eq!((&shown["subject"], &shown["showAs"]), (&json!("Daily"), &json!("busy")));
        assert_eq!((&shown["isAllDay"], &shown["location"]["displayName"]), (&json!(false), &json!("Room 1")));
    }
}

/// `--trust-series` spares the question which members a series has, `--trust-removals` the one whether what is gone is only
/// elsewhere in time. An occurrence that goes without a word raises both, and they share a request.
#[test]
fn what_is_trusted_is_not_asked_about() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let master = standup(&sim);
    let lunch = sim.create("me", "Lunch", "2026-12-08T12");
    let sync = || {
        [&[][..], &["--trust-series"], &["--trust-removals"], &["--trust-series", "--trust-removals"]].map(|trust| {
            let store = dir.path().join(format!("store{}", trust.concat()));
            let report = run(&mut sim.sync(&store, &[&["--json"], trust].concat())).json().remove(0);
            let changes = &report["changes"];
            [&report["requests"], &changes["deleted"], &changes["left_window"]].map(|number| number.as_u64().unwrap())
        })
    };
    assert_eq!(sync(), [[1, 0, 0]; 4]);
    sim.delete(&format!("/v1.0/me/events/{}", instances(&sim, &master)["09"]));
    assert_eq!(sync(), [[2, 1, 0], [2, 1, 0], [2, 1, 0], [1, 1, 0]]);
    let later = event("", "2027-02-01T12");
    sim.patch(&format!("/v1.0/me/events/{lunch}"), &json!({"start": later["start"], "end": later["end"]}));
    assert_eq!(sync(), [[2, 0, 1], [2, 0, 1], [1, 1, 0], [1, 1, 0]]);
}

/// All events that the server lists for an events view, masters among them.
fn listed(sim: &Sim, calendars: &[String], start: Option<&str>) -> BTreeMap<String, Value> {
    let pages = calendars.iter().map(|calendar| sim.get(&format!("/beta/{calendar}/events?$top=500")));
    let begins = |event: &Value| start.is_none_or(|start| event["start"]["dateTime"].as_str().unwrap() >= start);
    pages.flat_map(|page| by_id(&page)).filter(|(_, event)| begins(event)).collect()
}

/// Compares a copy of an events view with the server's list. Whole ones are equal in every property; of sparse ones what
/// `events/delta` sends is.
fn check_events(store: &Path, target: &str, listed: &BTreeMap<String, Value>, whole: bool) {
    let is_master = |event: &Value| event["type"] == "seriesMaster";
    let copy = read(store, &["events", "list", "--json", target]).json();
    let visible = listed.iter().filter(|(_, event)| !is_master(event)).map(|(id, _)| id.clone()).collect();
    assert_eq!(copy.iter().map(id).collect::<BTreeSet<_>>(), visible, "{target}");
    for (id, event) in listed {
        let shown = read(store, &["events", "show", id, "--json"]).json().remove(0);
        let expected = if whole {
            event.clone()
        } else {
            ["id", "type", "start", "end"].iter().map(|name| ((*name).to_owned(), event[*name].clone())).collect()
        };
        assert_eq!(plain(&shown), plain(&expected), "{target}");
        assert_eq!((&shown["series"], &shown["inherited"]), (&Value::Null, &json!([])));
        let layers = if whole { ["patch", "whole"].as_slice() } else { &["patch"] };
        assert!(names(&shown["raw"]).iter().all(|layer| layers.contains(&layer.as_str())), "{shown}");
    }
    let status = read(store, &["status", "--json", target]).json().remove(0);
    assert_eq!(status["rows"], listed.len());
}

#[test]
fn events_views_equal_the_servers_list_sparse_and_whole_with_and_without_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let population = dir.path().join("population.json");
    std::fs::write(&population, POPULATION).unwrap();
    let sim = Sim::with(&["--load", population.to_str().unwrap()]);
    standup(&sim);
    let flights = ["2026-12-02T07", "2026-12-21T07", "2026-12-22T07"];
    let user = "users/samanthab@contoso.com";
    let calendars = sim.get("/beta/me/calendars");
    let ids: Vec<String> = by_id(&calendars).into_keys().map(|id| format!("{user}/calendars/{id}")).collect();
    let travel = calendars["value"].as_array().unwrap().iter().find(|calendar| calendar["name"] == "Travel").unwrap();
    let travel = format!("{user}/calendars/{}", id(travel));
    let flights = flights.map(|start| sim.create(&travel, "Flight", start));
    let views = [("me/events".to_owned(), ids), (format!("{travel}/events"), vec![travel.clone()])];

    let sync = |store: &Path, target: &str, whole: bool, start: Option<&str>| {
        let mut args = vec!["--json", target];
        args.extend(whole.then_some("--whole-events"));
        args.extend(start.into_iter().flat_map(|start| ["--start", start]));
        let report = run(&mut sim.sync(store, &args)).json().remove(0);
        assert_eq!(report["window"], Value::Null);
        report
    };
    let mut cases = Vec::new();
    for (target, calendars) in &views {
        for whole in [false, true] {
            cases.extend([None, Some("2026-12-05")].map(|start| (target, calendars, whole, start)));
        }
    }
    let round = |kind: &str, changes: [u64; 3]| {
        for (n, (target, calendars, whole, start)) in cases.iter().enumerate() {
            let store = dir.path().join(format!("store {n}"));
            let report = sync(&store, target, *whole, *start);
            assert_eq!(report["round"], kind, "{report}");
            check_events(&store, target, &listed(&sim, calendars, *start), *whole);
            if kind == "incremental" {
                let counted = ["created", "updated", "deleted"].map(|what| report["changes"][what].as_u64().unwrap());
                assert_eq!(counted, changes, "{report}");
                // What is gone is asked for in any case, and the rest of what came for whole ones: in one request.
                let fetched = if *whole { 3 } else { 1 };
                assert_eq!((&report["requests"], &report["fetched"]), (&json!(2), &json!(fetched)), "{report}");
            }
        }
    };
    round("full", [0; 3]);
    let moved: Map<String, Value> = event("Flight, later", "2026-12-23T09").as_object().unwrap().clone();
    sim.patch(&format!("/v1.0/{user}/events/{}", flights[1]), &moved.into());
    sim.delete(&format!("/v1.0/{user}/events/{}", flights[2]));
    sim.create(&travel, "One more", "2026-12-29T10");
    round("incremental", [1, 1, 1]);
}
