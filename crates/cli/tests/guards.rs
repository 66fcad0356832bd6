//! `--dry-run` and `--max-deletes`, as scripts use them.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::path::Path;

use common::{Sim, read, run};
use serde_json::{Value, json};

fn lessons(sim: &Sim) -> Vec<String> {
    (10..15).map(|day| sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19"))).collect()
}

fn listed(store: &Path) -> usize {
    read(store, &["events", "list"]).ok().lines().count()
}

#[test]
fn a_dry_run_prints_what_would_change_and_changes_nothing() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let ids = lessons(&sim);
    let lines = run(&mut sim.sync(dir.path(), &["--dry-run"])).ok();
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert!(lines.lines().take(5).all(|line| line.starts_with("me: would be created ")), "{lines}");
    assert!(lines.contains(&format!("{}  Lesson 12\n", ids[2])), "{lines}");
    assert!(lines.ends_with("; nothing published, there would be 5 created, 0 updated, 0 deleted\n"), "{lines}");
    read(dir.path(), &["events", "list"]).failed(1, "run `caldelta sync` first");
    run(&mut sim.sync(dir.path(), &[])).ok();

    sim.delete(&format!("/v1.0/me/events/{}", ids[0]));
    sim.patch(&format!("/v1.0/me/events/{}", ids[1]), &json!({"subject": "Moved to room 2"}));
    let mut planned = run(&mut sim.sync(dir.path(), &["--dry-run", "--json"])).json();
    let report = planned.pop().unwrap();
    assert_eq!((&report["published"], &report["changes"]["deleted"]), (&Value::from(false), &Value::from(1)));
    assert_eq!(listed(dir.path()), 5);
    let report = run(&mut sim.sync(dir.path(), &["--json"])).json().remove(0);
    assert_eq!((&report["published"], &report["changes"]["deleted"]), (&Value::from(true), &Value::from(1)));
    // The next sync's journal is what the dry run has told.
    let told = |change: &Value| {
        ["what", "reason", "id", "type", "etag_before", "etag_after", "confirmed"].map(|name| change[name].clone())
    };
    let journal = read(dir.path(), &["changes", "--since", "5", "--json"]).json();
    assert_eq!(planned.iter().map(told).collect::<Vec<_>>(), journal.iter().map(told).collect::<Vec<_>>());
    assert!(planned.iter().any(|change| change["subject"] == "Moved to room 2"), "{planned:?}");
}

#[test]
fn too_many_deletions_end_with_78_and_say_what_and_how_to_allow_it() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let ids = lessons(&sim);
    run(&mut sim.sync(dir.path(), &["--max-deletes", "0"])).ok();
    for id in &ids[..2] {
        sim.delete(&format!("/v1.0/me/events/{id}"));
    }
    for limit in ["1", "20%"] {
        let done = run(&mut sim.sync(dir.path(), &["--max-deletes", limit]));
        assert_eq!(done.code, Some(78), "{done:?}");
        let mut lines: Vec<&str> = done.stdout.lines().collect();
        lines.sort_unstable();
        assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("me: would be deleted ")), "{done:?}");
        assert!(done.stdout.contains(&format!("{}  Lesson 10\n", ids[0])), "{done:?}");
        for words in ["would delete 2 of 5 events", &format!("and {limit} are allowed"), "sync with --max-deletes 2"] {
            assert!(done.stderr.contains(words), "{words:?} in {done:?}");
        }
        assert_eq!(done.stderr.lines().count(), 1, "{done:?}");
        assert_eq!(listed(dir.path()), 5, "nothing is deleted");
    }
    let json = run(sim.sync(dir.path(), &["--json"]).env("CALDELTA_MAX_DELETES", "1"));
    assert_eq!((json.code, json.stdout.lines().count()), (Some(78), 2), "{json:?}");
    // It is said where the last run is looked up, too.
    assert!(read(dir.path(), &["status", "--json"]).ok().contains("would delete 2 of 5 events"));
    run(&mut sim.sync(dir.path(), &["--max-deletes", "2"])).ok();
    assert_eq!(listed(dir.path()), 3);
}

#[test]
fn a_limit_that_is_none_is_a_wrong_command_line() {
    for limit in ["many", "-1", "101%", "1.5%"] {
        let done = common::caldelta(["sync", &format!("--max-deletes={limit}")]);
        assert_eq!((done.code, done.stdout.as_str()), (Some(2), ""), "{done:?}");
        assert!(done.stderr.contains("a number of events, such as 50, or a share of them"), "{done:?}");
    }
}

#[test]
fn a_comparison_tells_equal_from_different() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let ids = lessons(&sim);
    run(&mut sim.sync(dir.path(), &[])).ok();
    let equal = run(&mut sim.compare(dir.path(), &[])).ok();
    assert!(equal.starts_with("me: equal, 5 events"), "{equal}");
    assert_eq!(run(&mut sim.compare(dir.path(), &["--json"])).json()[0]["equal"], true);

    sim.delete(&format!("/v1.0/me/events/{}", ids[0]));
    sim.patch(&format!("/v1.0/me/events/{}", ids[1]), &json!({"subject": "Moved to room 2"}));
    let new = sim.create("me", "One more", "2026-12-20T19");
    let done = run(&mut sim.compare(dir.path(), &["me", "--json"]));
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.stderr.contains("sync, and verify again"), "{done:?}");
    let objects: Vec<Value> = done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (result, differences) = objects.split_last().unwrap();
    assert_eq!((&result["missing"], &result["extra"], &result["differing"]), (&1.into(), &1.into(), &1.into()));
    let of = |id: &str| differences.iter().find(|difference| difference["id"] == id).unwrap();
    assert_eq!((&of(&ids[0])["what"], &of(&new)["what"]), (&"extra".into(), &"missing".into()));
    assert!(of(&ids[1])["properties"].as_array().unwrap().contains(&"subject".into()), "{differences:?}");
    assert_eq!(listed(dir.path()), 5, "nothing is changed");

    run(&mut sim.sync(dir.path(), &[])).ok();
    run(&mut sim.compare(dir.path(), &[])).ok();
    let elsewhere = Sim::start();
    run(&mut elsewhere.compare(dir.path(), &[])).failed(78, "belongs to another origin");
}
