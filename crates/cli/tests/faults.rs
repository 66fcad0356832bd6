//! The simulator with a fault plan.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{Sim, by_id, caldelta, read, run};

#[test]
fn a_sync_comes_through_the_faults_of_a_plan_and_the_log_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("faults.json");
    let faults = r#"{"schema": "faults/1", "rules": [
        {"on": {"kind": "delta"}, "when": {"times": 2}, "fault": "emptyPages"},
        {"on": {"kind": "delta"}, "when": {"times": 1}, "fault": {"gone": {}}},
        {"on": {"kind": "delta"}, "when": {"times": 1}, "fault": {"duplicates": {}}}
    ]}"#;
    std::fs::write(&plan, faults).unwrap();
    let sim = Sim::with(&["--faults", plan.to_str().unwrap()]);
    sim.create("me", "Lesson", "2026-12-10T19");
    let store = dir.path().join("store");
    run(&mut sim.sync(&store, &[])).ok();
    assert_eq!(read(&store, &["events", "list", "--json"]).json()[0]["subject"], "Lesson");
    let log = sim.stop();
    let struck: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once(" fault ")?.1)).collect();
    assert_eq!(struck, ["emptyPages of rule 0", "emptyPages of rule 0", "gone of rule 1", "duplicates of rule 2"]);
}

#[test]
fn the_simulator_does_not_start_with_a_wrong_plan_and_names_the_field() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("faults.json");
    let path = plan.to_str().unwrap();
    for (json, words) in [
        (r#"{"schema": "faults/1", "rules": [{"fault": "reordr"}]}"#, "rules[0].fault"),
        (r#"{"schema": "faults/1", "rules": [{"fault": "reorder", "when": {"skip": "1"}}]}"#, "rules[0].when.skip"),
        (r#"{"rules": []}"#, "schema"),
        ("rules", "expected value"),
    ] {
        std::fs::write(&plan, json).unwrap();
        caldelta(["sim", "--faults", path]).failed(78, words);
        caldelta(["sim", "--faults", path]).failed(78, path);
    }
    caldelta(["sim", "--faults", dir.path().join("none").to_str().unwrap()]).failed(78, "none");
}

/// The copy is the simulator's own listing of December 2026, property for property.
fn assert_exact(sim: &Sim, store: &std::path::Path, count: usize) {
    let listing = sim.get("/v1.0/me/calendarView?startDateTime=2026-12-01&endDateTime=2027-01-01&$top=1000");
    let there = by_id(listing["value"].as_array().unwrap());
    let copied = by_id(&read(store, &["events", "list", "--json"]).json());
    assert_eq!((there.len(), copied), (count, there));
}

/// A simulator with `count` events in December 2026 and a plan of one rule.
fn struck_by(dir: &std::path::Path, rule: &str, count: usize) -> Sim {
    let plan = dir.join("faults.json");
    std::fs::write(&plan, format!(r#"{{"schema": "faults/1", "rules": [{rule}]}}"#)).unwrap();
    let sim = Sim::with(&["--faults", plan.to_str().unwrap()]);
    for event in 0..count {
        sim.create("me", &format!("Lesson {event}"), &format!("2026-12-{:02}T{:02}", 1 + event / 20, event % 20));
    }
    sim
}

#[test]
fn a_rotating_livelock_is_left_by_itself_and_the_copy_is_exact() {
    let dir = tempfile::tempdir().unwrap();
    let rule = r#"{"on": {"kind": "delta"}, "fault": "msgraph-sdk-dotnet-3082"}"#;
    let sim = struck_by(dir.path(), rule, 60);
    let store = dir.path().join("store");
    let report = run(&mut sim.sync(&store, &["--json", "--page-size", "25"])).json().remove(0);
    assert_exact(&sim, &store, 60);
    assert_eq!(report["listing"], true);
    let status = read(&store, &["status", "--json"]).json().remove(0);
    let mut reasons = status["tiles"].as_array().unwrap().iter().filter_map(|tile| tile["snapshot"]["reason"].as_str());
    assert!(
        reasons.next().unwrap().contains("nothing new") && report["tiles"].as_array().unwrap().len() > 1,
        "{status}"
    );
    assert!(read(&store, &["status"]).ok().contains("in place of delta queries since"));
    let again = run(&mut sim.sync(&store, &["--json"])).json().remove(0);
    assert_eq!((&again["listing"], &again["changes"]["unchanged"]), (&true.into(), &60.into()));
    let log = sim.stop();
    // Pages of three sizes, and of a part of the window: the first of each repeats nothing.
    let repeated = log.lines().filter(|line| line.contains("3082")).count() - 4;
    assert!((3..=12).contains(&repeated), "{repeated} repeated pages");
}

#[test]
fn a_group_that_is_larger_than_a_page_is_read_with_larger_pages() {
    let dir = tempfile::tempdir().unwrap();
    let rule = r#"{"on": {"kind": "delta"}, "fault": {"msgraph-sdk-dotnet-3070": {"group": 300}}}"#;
    let sim = struck_by(dir.path(), rule, 300);
    let store = dir.path().join("store");
    let report = run(&mut sim.sync(&store, &["--json", "--page-size", "100"])).json().remove(0);
    assert_exact(&sim, &store, 300);
    assert_eq!((&report["listing"], &report["round"]), (&false.into(), &"full".into()));
    let status = read(&store, &["status", "--json"]).json().remove(0);
    assert_eq!(status["tiles"][0]["page_size"]["size"], 400);
    let again = run(&mut sim.sync(&store, &["--json", "--page-size", "100"])).json().remove(0);
    assert_eq!((&again["requests"], &again["degradations"]), (&1.into(), &serde_json::json!([])));
    let log = sim.stop();
    let repeated = log.lines().filter(|line| line.contains("3070")).count();
    assert!((1..=12).contains(&repeated), "{repeated} repeated pages");
}

/// Occurrences of a series are never divided over pages: a page that is smaller than the series never ends.
#[test]
fn a_daily_series_that_is_larger_than_a_page_is_read_with_larger_pages() {
    let dir = tempfile::tempdir().unwrap();
    let rule = r#"{"on": {"kind": "delta"}, "fault": {"msgraph-sdk-dotnet-3070": {"group": 300}}}"#;
    let sim = struck_by(dir.path(), rule, 0);
    let mut series = common::event("Daily", "2026-12-01T09");
    series["recurrence"] = serde_json::json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-12-01", "numberOfOccurrences": 300},
    });
    sim.post("/v1.0/me/events", &series);
    let store = dir.path().join("store");
    let sync = |window: &str| {
        let mut command = common::command(["sync", "--graph-root", &sim.graph_root, "--json", "--page-size", "100"]);
        run(command.args(["--window", window, "--store"]).arg(&store)).json().remove(0)
    };
    let report = sync("2026-12-01..2027-12-01");
    let listing = sim.get("/v1.0/me/calendarView?startDateTime=2026-12-01&endDateTime=2027-12-01&$top=1000");
    let ids = |events: &[serde_json::Value]| by_id(events).into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    let there = ids(listing["value"].as_array().unwrap());
    assert_eq!((there.len(), ids(&read(&store, &["events", "list", "--json"]).json())), (300, there));
    assert_eq!((&report["listing"], &report["round"]), (&false.into(), &"full".into()), "{report}");
    let again = sync("2026-12-01..2027-12-01");
    assert_eq!((&again["requests"], &again["changes"]["unchanged"]), (&1.into(), &0.into()), "{again}");
    let log = sim.stop();
    let repeated = log.lines().filter(|line| line.contains("3070")).count();
    assert!((1..=12).contains(&repeated), "{repeated} repeated pages");
}
