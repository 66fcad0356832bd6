//! The simulator with a fault plan.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{Sim, caldelta, read, run};

#[test]
fn a_sync_comes_through_the_faults_of_a_plan_and_the_log_names_them() {
    let dir = tempfile::tempdir().unwrap();
    let plan = dir.path().join("faults.json");
    let faults = r#"{"schema": "faults/1", "rules": [
        {"on": {"kind": "delta"}, "when": {"times": 2}, "fault": "emptyPages"},
        {"on": {"kind": "delta"}, "when": {"times": 1}, "fault": {"gone": {}}},
        {"on": {"kind": "delta"}, "when": {"times": 1}, "fault": "repeatPage"}
    ]}"#;
    std::fs::write(&plan, faults).unwrap();
    let sim = Sim::with(&["--faults", plan.to_str().unwrap()]);
    sim.create("me", "Lesson", "2026-12-10T19");
    let store = dir.path().join("store");
    run(&mut sim.sync(&store, &[])).ok();
    assert_eq!(read(&store, &["events", "list", "--json"]).json()[0]["subject"], "Lesson");
    let log = sim.stop();
    let struck: Vec<&str> = log.lines().filter_map(|line| Some(line.split_once(" fault ")?.1)).collect();
    assert_eq!(struck, ["emptyPages of rule 0", "emptyPages of rule 0", "gone of rule 1", "repeatPage of rule 2"]);
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
