//! The store in every state that a disk can bring it into.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;
use std::path::Path;

use common::{Sim, by_id, log_of, read, replicas, run};
use serde_json::Value;

/// A simulator with nine events, and a store with a full round of several pages and an incremental one.
fn synced() -> (Sim, tempfile::TempDir) {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    for day in 10..18 {
        sim.create("me", &format!("Lesson {day}"), &format!("2026-12-{day}T19"));
    }
    run(&mut sim.sync(&dir.path().join("store"), &["--page-size", "3"])).ok();
    sim.create("me", "One more", "2026-12-20T19");
    run(&mut sim.sync(&dir.path().join("store"), &[])).ok();
    (sim, dir)
}

fn events(store: &Path) -> Vec<(String, Value)> {
    by_id(&read(store, &["events", "list", "--json"]).json())
}

/// All files of the store's only replica but the lock, with what is in them.
fn contents(store: &Path) -> Vec<(String, Vec<u8>)> {
    let [replica] = replicas(store).try_into().unwrap();
    let files = replicas(&replica).into_iter().filter(|path| !path.ends_with("lock"));
    files.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[test]
fn what_is_no_store_is_refused_and_left_alone() {
    let (sim, dir) = (Sim::start(), tempfile::tempdir().unwrap());
    let (file, photos) = (dir.path().join("file"), dir.path().join("photos"));
    fs::write(&file, "precious").unwrap();
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("holiday.jpg"), "pixels").unwrap();
    for (path, words) in [(&file, "it is a file"), (&photos, "holds other things")] {
        run(&mut sim.sync(path, &[])).failed(78, words);
        read(path, &["events", "list"]).failed(78, words);
        read(path, &["events", "list", "me"]).failed(78, words);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(replicas(&photos), [photos.join("holiday.jpg")]);

    let store = dir.path().join("store");
    run(&mut sim.sync(&store, &[])).ok();
    fs::remove_file(log_of(&store)).unwrap();
    fs::create_dir(log_of(&store)).unwrap();
    run(&mut sim.sync(&store, &[])).failed(78, "a directory has a segment's name");
    read(&store, &["status"]).failed(78, "a directory has a segment's name");
}

#[test]
fn an_empty_or_missing_store_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for path in [dir.path().to_owned(), dir.path().join("new")] {
        for args in [&["events", "list"][..], &["events", "show", "AAA="], &["changes"], &["status"], &["status", "me"]]
        {
            read(&path, args).failed(1, "run `caldelta sync` first");
        }
    }
    assert_eq!(replicas(dir.path()).len(), 0, "reading creates nothing");
}

#[test]
fn the_second_writer_is_told_who_the_first_is_and_readers_go_on() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let before = events(&store);
    let [replica] = replicas(&store).try_into().unwrap();
    let first = store::FileStore::open(replica).unwrap();
    run(&mut sim.sync(&store, &[])).failed(75, &format!("process {}", std::process::id()));
    assert_eq!(events(&store), before);
    drop(first);
    run(&mut sim.sync(&store, &[])).ok();
}

#[test]
fn a_store_of_another_format_is_refused_and_left_alone() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let mut log = fs::read(log_of(&store)).unwrap();
    // Behind the eight bytes that every segment begins with.
    log[8..12].copy_from_slice(&99_u32.to_le_bytes());
    fs::write(log_of(&store), &log).unwrap();
    run(&mut sim.sync(&store, &[])).failed(78, "has format 99, which this version does not know");
    read(&store, &["events", "list"]).failed(78, "format 99");
    assert_eq!(fs::read(log_of(&store)).unwrap(), log);
}

/// Power failures cut logs off anywhere. What is left is a store that reads, and that the next sync completes.
#[test]
fn a_log_cut_off_anywhere_reads_and_is_completed_by_the_next_sync() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let (whole, complete) = (fs::read(log_of(&store)).unwrap(), events(&store));
    let cuts = (0..24).map(|part| whole.len() * part / 24).chain([1, 31, 32, 33, whole.len() - 1]);
    for cut in cuts {
        fs::write(log_of(&store), &whole[..cut]).unwrap();
        let seen = read(&store, &["events", "list"]);
        assert!(matches!(seen.code, Some(0 | 1)), "cut at {cut}: {seen:?}");
        let seen = seen.stdout.lines().count();
        assert!([0, 8, 9].contains(&seen), "cut at {cut}: half a run is seen, {seen} events");
        assert_eq!(fs::read(log_of(&store)).unwrap().len(), cut, "readers repair nothing");
        run(&mut sim.sync(&store, &["--page-size", "3"])).ok();
        assert_eq!(events(&store), complete, "cut at {cut}");
    }
}

#[test]
fn damage_in_the_middle_is_refused_and_left_alone() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let whole = fs::read(log_of(&store)).unwrap();
    for at in [40, whole.len() / 3, whole.len() / 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x20;
        fs::write(log_of(&store), &damaged).unwrap();
        let before = contents(&store);
        run(&mut sim.sync(&store, &[])).failed(65, "is damaged at byte");
        for args in [&["events", "list"][..], &["changes"], &["status"]] {
            read(&store, args).failed(65, "is damaged at byte");
        }
        assert_eq!(contents(&store), before, "nothing is changed");
    }
    fs::write(log_of(&store), &whole).unwrap();
    run(&mut sim.sync(&store, &[])).ok();
}

#[test]
fn another_server_behind_the_same_target_needs_an_operator() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let before = events(&store);
    let other = Sim::start();
    run(&mut other.sync(&store, &[])).failed(78, "belongs to another origin");
    run(&mut sim.sync(&store, &["--api", "beta"])).failed(78, "belongs to another");
    assert_eq!(events(&store), before);
}

#[test]
fn a_replica_that_is_damaged_does_not_keep_others_from_being_synced() {
    let (sim, dir) = synced();
    let store = dir.path().join("store");
    let damaged = log_of(&store);
    let mut log = fs::read(&damaged).unwrap();
    log[40] ^= 0x20;
    fs::write(&damaged, log).unwrap();
    let done = run(&mut sim.sync(&store, &["me", "users/samanthab@contoso.com"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stdout.starts_with("users/samanthab@contoso.com: full round"), "{done:?}");
    assert_eq!(read(&store, &["events", "list", "users/samanthab@contoso.com"]).ok().lines().count(), 9);
}

#[test]
fn a_copy_that_is_too_old_fails_the_status_and_still_shows_it() {
    let (_sim, dir) = synced();
    let store = dir.path().join("store");
    read(&store, &["status", "--max-age", "1d"]).ok();
    let done = read(&store, &["status", "--max-age", "0s", "--json"]);
    assert_eq!((done.code, done.stdout.lines().count()), (Some(1), 1), "{done:?}");
    assert!(done.stderr.contains("me was last synced") && done.stderr.contains("--max-age"), "{done:?}");
}

#[test]
fn a_damaged_copy_is_found_salvaged_and_mended_by_the_next_sync() {
    let (sim, dir) = synced();
    let (store, copy) = (dir.path().join("store"), dir.path().join("copy"));
    let complete = events(&store);
    assert!(read(&store, &["store", "verify"]).ok().contains("whole, 9 events"));
    let dumped = read(&store, &["store", "dump"]).json();
    assert_eq!(dumped.iter().filter(|line| line["kind"] == "row").count(), 9);
    assert!(dumped.iter().all(|line| line["schema"] == "store-dump/1" && line["target"] == "me"));
    assert!(dumped.iter().any(|line| line["cursor"] == "…"));
    let whole = fs::read(log_of(&store)).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 3] ^= 0x20;
    fs::write(log_of(&store), &damaged).unwrap();
    read(&store, &["store", "verify"]).failed(65, "is damaged at byte");
    let before = contents(&store);
    let said = read(&store, &["store", "salvage", "--to", copy.to_str().unwrap()]).ok();
    assert!(said.contains("saved"), "{said}");
    assert_eq!(contents(&store), before, "the damaged copy is left as it is");
    assert!(run(&mut sim.sync(&copy, &[])).ok().contains("full round"));
    assert_eq!(events(&copy), complete);
    read(&store, &["store", "salvage", "--to", copy.to_str().unwrap()]).failed(78, "there is something already");
}

/// The frozen store of format 0, as a target's directory.
fn of_format_0(store: &Path) -> std::path::PathBuf {
    let replica = store::Library::open(store).unwrap().shelf("me/calendarView").path;
    fs::create_dir_all(&replica).unwrap();
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/store/format-0");
    for entry in fs::read_dir(fixture).unwrap().map(|entry| entry.unwrap()) {
        fs::copy(entry.path(), replica.join(entry.file_name())).unwrap();
    }
    replica
}

#[test]
fn a_store_of_an_earlier_format_is_migrated_once_and_keeps_everything() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    read(&store, &["store", "migrate"]).failed(1, "there is no local copy");
    let replica = of_format_0(&store);
    let before = contents(&store);
    for args in [&["events", "list"][..], &["status"], &["store", "verify"], &["store", "dump"]] {
        read(&store, args).failed(78, "run `caldelta store migrate`");
    }
    assert_eq!(contents(&store), before, "nothing is changed before it is asked for");
    // Who writes to it keeps it.
    let lock = fs::File::create(replica.join("lock")).unwrap();
    lock.try_lock().unwrap();
    read(&store, &["store", "migrate"]).failed(75, "in use");
    drop(lock);
    let migrated = read(&store, &["store", "migrate", "--json"]).json().remove(0);
    assert_eq!((&migrated["schema"], &migrated["from"]), (&"store-migrate/1".into(), &0.into()), "{migrated}");
    assert!(migrated["frames"].as_u64().unwrap() > 10, "{migrated}");
    read(&store, &["store", "verify"]).ok();
    // The dump names the target, the fixture does not.
    let plain = |mut line: Value| {
        let members = line.as_object_mut().unwrap();
        ["schema", "target"].iter().for_each(|name| drop(members.remove(*name)));
        line.to_string()
    };
    let mut dumped: Vec<String> = read(&store, &["store", "dump"]).json().into_iter().map(plain).collect();
    let fixture = include_str!("../../../fixtures/store/format-0.jsonl").lines();
    let mut expected: Vec<String> = fixture.map(|line| plain(serde_json::from_str(line).unwrap())).collect();
    dumped.sort();
    expected.sort();
    assert_eq!(dumped, expected);
    let after = contents(&store);
    assert!(read(&store, &["store", "migrate"]).ok().ends_with(": nothing to do\n"));
    assert_eq!(read(&store, &["store", "migrate", "--json"]).json()[0]["from"], Value::Null);
    assert_eq!(contents(&store), after);
}

#[test]
fn a_damaged_store_of_an_earlier_format_is_not_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("store");
    let replica = of_format_0(&store);
    let segment = replica.join("000009.log");
    let whole = fs::read(&segment).unwrap();
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 0x20;
    fs::write(&segment, bytes).unwrap();
    let before = contents(&store);
    for _ in 0..2 {
        read(&store, &["store", "migrate"]).failed(65, "is damaged at byte");
        let after = contents(&store);
        assert!(before.iter().all(|file| after.contains(file)), "what was there is not changed");
    }
    fs::write(&segment, whole).unwrap();
    read(&store, &["store", "migrate"]).ok();
}
