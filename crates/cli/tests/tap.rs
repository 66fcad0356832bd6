//! `caldelta tap`: events and changes for Singer targets.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Sim, caldelta, command, finish, read, run};
use serde_json::{Value, json};

/// A simulator with an event and a series, and a store of them.
fn synced() -> (Sim, tempfile::TempDir) {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    sim.create("me", "Lesson", "2026-12-10T19");
    let mut series = common::event("Stand-up", "2026-12-01T08");
    series["recurrence"] = json!({
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday"]},
        "range": {"type": "noEnd", "startDate": "2026-12-01"},
    });
    sim.post("/v1.0/me/events", &series);
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    let config = json!({"store": dir.path().join("store"), "targets": ["me"], "start_date": "2026-01-01T00:00:00Z"});
    fs::write(dir.path().join("config.json"), config.to_string()).unwrap();
    (sim, dir)
}

fn tap(dir: &Path, args: &[&str]) -> common::Done {
    run(command(["tap", "--config", "config.json"]).args(args).current_dir(dir))
}

/// Writes the value of the last state.
fn keep_state(dir: &Path, messages: &[Value]) {
    let state = messages.iter().rfind(|message| message["type"] == "STATE").unwrap();
    fs::write(dir.join("state.json"), state["value"].to_string()).unwrap();
}

fn records(messages: &[Value]) -> Vec<&Value> {
    messages.iter().filter(|message| message["type"] == "RECORD").map(|message| &message["record"]).collect()
}

#[test]
fn a_run_tells_everything_and_the_next_what_changed() {
    let (sim, dir) = synced();
    let first = tap(dir.path(), &[]).json();
    let types: Vec<&str> = first.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["SCHEMA", "RECORD", "RECORD", "RECORD", "RECORD", "RECORD", "RECORD", "STATE"]);
    assert_eq!((&first[0]["stream"], &first[0]["key_properties"]), (&json!("events"), &json!(["target", "id"])));
    let listed = read(&dir.path().join("store"), &["events", "list", "--json"]).json();
    let lesson = listed.iter().find(|event| event["subject"] == "Lesson").unwrap();
    let told = records(&first).into_iter().find(|record| record["id"] == lesson["id"]).unwrap();
    assert_eq!((&told["target"], &told["start"]), (&json!("me"), &json!("2026-12-10T19:00:00Z")));
    assert_eq!(told["event"].as_str().unwrap().parse::<Value>().unwrap()["changeKey"], lesson["changeKey"]);
    fs::write(dir.path().join("state.json"), "{}").unwrap();
    assert_eq!(tap(dir.path(), &["--state", "state.json"]).json(), first, "an empty state is none");
    keep_state(dir.path(), &first);

    let again = tap(dir.path(), &["--state", "state.json"]).json();
    assert_eq!(records(&again), Vec::<&Value>::new());
    assert_eq!(again.last(), first.last());

    sim.delete(&format!("/v1.0/me/events/{}", lesson["id"].as_str().unwrap()));
    let series = listed.iter().find_map(|event| event["series"].as_str()).unwrap();
    sim.patch(&format!("/v1.0/me/events/{series}"), &json!({"subject": "Daily coffee"}));
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    let news = tap(dir.path(), &["--state", "state.json"]).json();
    let (gone, changed): (Vec<&Value>, Vec<&Value>) =
        records(&news).into_iter().partition(|record| !record["_sdc_deleted_at"].is_null());
    assert_eq!(gone.iter().map(|record| &record["id"]).collect::<Vec<_>>(), [&lesson["id"]]);
    assert_eq!(gone[0].as_object().unwrap().len(), 3, "keys, and when it went");
    let subjects: Vec<&Value> = changed.iter().map(|record| &record["subject"]).collect();
    assert_eq!(subjects, [&json!("Daily coffee"); 5], "what an occurrence has from its series is its own here");
}

#[test]
fn a_catalog_selects_columns() {
    let (_sim, dir) = synced();
    let mut catalog: Value = caldelta(["tap", "--discover"]).ok().parse().unwrap();
    let stream = &mut catalog["streams"][0];
    assert_eq!((&stream["tap_stream_id"], &stream["key_properties"]), (&json!("events"), &json!(["target", "id"])));
    for entry in stream["metadata"].as_array_mut().unwrap() {
        if entry["breadcrumb"] == json!(["properties", "event"]) {
            entry["metadata"]["selected"] = json!(false);
        }
    }
    fs::write(dir.path().join("catalog.json"), catalog.to_string()).unwrap();
    let messages = tap(dir.path(), &["--catalog", "catalog.json"]).json();
    assert!(messages[0]["schema"]["properties"].get("event").is_none());
    assert!(records(&messages).iter().all(|record| record.get("event").is_none() && record.get("subject").is_some()));
    catalog["streams"][0]["metadata"][0]["metadata"]["selected"] = json!(false);
    fs::write(dir.path().join("catalog.json"), catalog.to_string()).unwrap();
    assert_eq!(tap(dir.path(), &["--catalog", "catalog.json"]).ok(), "");
}

#[test]
fn what_cannot_be_told_says_why() {
    let (_sim, dir) = synced();
    let run_with = |config: &str| {
        fs::write(dir.path().join("config.json"), config).unwrap();
        tap(dir.path(), &[])
    };
    run_with("{").failed(78, "config.json: ");
    run_with(r#"{"targets": ["you"]}"#).failed(2, "the target \"you\" of the configuration");
    run_with(r#"{"store": "nowhere"}"#).failed(1, "run `caldelta sync` first");
    run_with(r#"{"store": "store", "targets": ["groups/x"]}"#).failed(1, "there is no local copy of groups/x");
    run_with(r#"{"store": "store"}"#).ok();
    tap(dir.path(), &["--state", "nowhere.json"]).failed(78, "nowhere.json: ");
    fs::write(dir.path().join("state.json"), r#"{"bookmarks": {"events": []}}"#).unwrap();
    tap(dir.path(), &["--state", "state.json"]).failed(78, "state.json: ");
    fs::write(dir.path().join("catalog.json"), "[]").unwrap();
    tap(dir.path(), &["--catalog", "catalog.json"]).failed(78, "catalog.json: ");
    fs::write(dir.path().join("state.json"), r#"{"bookmarks": {"events": {"me": {"seq": 99, "at": null}}}}"#).unwrap();
    let again = tap(dir.path(), &["--state", "state.json"]);
    assert_eq!((again.code, again.stdout.lines().count()), (Some(0), 8), "{again:?}");
    assert!(again.stderr.contains("no longer known, so everything was told again"), "{again:?}");
}

fn is_there(program: &str) -> bool {
    Command::new(program).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

#[test]
fn singers_own_checker_finds_nothing_wrong() {
    if !is_there("singer-check-tap") {
        eprintln!("skipped: singer-check-tap is not installed (pip install singer-tools)");
        return;
    }
    let (_sim, dir) = synced();
    let mut check = Command::new("singer-check-tap");
    check.current_dir(dir.path()).stdin(tap_output(dir.path())).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = finish(check.spawn().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(done.stdout.contains("The output is valid."), "{done:?}");
    assert!(done.stdout.contains("It contained 8 messages for 1 streams."), "{done:?}");
}

#[test]
fn a_target_loads_every_record_and_gives_the_state_back() {
    if !is_there("target-jsonl") {
        eprintln!("skipped: target-jsonl is not installed (pip install target-jsonl)");
        return;
    }
    let (_sim, dir) = synced();
    fs::write(dir.path().join("target.json"), r#"{"destination_path": "loaded", "do_timestamp_file": false}"#).unwrap();
    let mut load = Command::new("target-jsonl");
    load.args(["--config", "target.json"]).current_dir(dir.path());
    load.stdin(tap_output(dir.path())).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = finish(load.spawn().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    fs::write(dir.path().join("state.json"), done.stdout.lines().last().unwrap()).unwrap();
    let loaded = fs::read_to_string(dir.path().join("loaded/events.jsonl")).unwrap();
    assert_eq!(loaded.lines().count(), 6);
    assert_eq!(records(&tap(dir.path(), &["--state", "state.json"]).json()).len(), 0);
}

/// What the tap says, for another program to read.
fn tap_output(dir: &Path) -> Stdio {
    let path = dir.join("messages");
    fs::write(&path, tap(dir, &[]).ok()).unwrap();
    fs::File::open(path).unwrap().into()
}
