//! `caldelta demo`: what it promises a newcomer.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]

mod common;

use std::fs;

use common::{caldelta, read};

/// The lines about requests, each followed by the names of the events that came.
fn requests(output: &str) -> Vec<&str> {
    output.lines().map(str::trim_start).filter(|line| line.starts_with("GET ")).collect()
}

#[test]
fn the_demo_shows_three_requests_then_one_and_no_token() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("demo");
    let output = caldelta(["demo", "--store", store.to_str().unwrap()]).ok();

    let last = output.lines().last().unwrap();
    assert_eq!(last, "5 events after round one, 5 events after round two (1 removed, 1 added).");

    let (first, second) = output.split_once("Round two").unwrap();
    let (first, second) = (requests(first), requests(second));
    assert_eq!((first.len(), second.len()), (3, 1), "{output}");
    assert!(first[0].contains("/me/calendarView/delta?startDateTime="), "{}", first[0]);
    assert!(first[1..].iter().all(|request| request.contains("$skiptoken=…")), "{first:?}");
    assert!(second[0].contains("$deltatoken=…"), "{second:?}");
    assert!(!output.contains("R0usmc"), "a state token is shown: {output}");

    assert!(output.contains("@removed") && output.contains("Attend service"), "{output}");
    let listed = read(&store, &["events", "list"]).ok();
    assert_eq!(listed.lines().count(), 5);
    assert!(output.contains(listed.trim_end()), "the second process shows what the store holds: {output}");
}

#[test]
fn the_demo_needs_no_directory() {
    let output = caldelta(["demo"]).ok();
    let place = output.lines().find_map(|line| line.strip_prefix("$ caldelta events list --store ")).unwrap();
    assert_eq!(read(place.as_ref(), &["events", "list"]).ok().lines().count(), 5, "the copy is left to look at");
    fs::remove_dir_all(place).unwrap();
}

#[test]
fn the_demo_takes_no_directory_in_which_something_is() {
    let dir = tempfile::tempdir().unwrap();
    let (copy, photos) = (dir.path().join("copy"), dir.path().join("photos"));
    caldelta(["demo", "--store", copy.to_str().unwrap()]).ok();
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("holiday.jpg"), "pixels").unwrap();
    for (place, words) in [(copy, "give a new directory"), (photos.clone(), "holds other things")] {
        caldelta(["demo", "--store", place.to_str().unwrap()]).failed(78, words);
    }
    assert_eq!(fs::read_dir(&photos).unwrap().count(), 1, "nothing was put beside it");
}
