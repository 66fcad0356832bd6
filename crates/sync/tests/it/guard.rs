//! What a run may publish: dry runs, and the most that may be deleted.

use std::sync::{Arc, Mutex};

use crate::world::{World, event, replica, visible};
use delta_core::Timestamp;
use graph_sim::{MasterDelivery, Quirks};
use http::{Method, Response};
use serde_json::json;
use store::{MemoryStore, Note, Store, What};
use sync::{Error, Guard, Health, MaxDeletes, Notice, Planned, SyncReport};

const WINDOW: &str = "2026-03-01..2026-04-01";
const DRY: Guard = Guard { dry_run: true, max_deletes: None };

fn world(events: usize) -> (World, Vec<String>) {
    let world = World::new(1, "2026-03-05T00:00:00Z");
    let first = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    let create = |n| world.create(&format!("event {n}"), first.plus_days(n as i64), 30);
    let ids = (0..events).map(create).collect();
    (world, ids)
}

fn at_most(max_deletes: MaxDeletes) -> Guard {
    Guard { max_deletes: Some(max_deletes), ..Guard::default() }
}

/// A run under a guard, and what it was said to change.
fn run(world: &World, store: &dyn Store, window: &str, guard: Guard) -> (Result<SyncReport, Error>, Vec<Planned>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let observer = move |notice: &Notice<'_>| {
        if let Notice::Planned(planned) = notice {
            listener.lock().unwrap().push((*planned).clone());
        }
    };
    let synchronizer = world.synchronizer().with_guard(guard).with_observer(observer);
    let report = pollster::block_on(synchronizer.run(&replica(window, 3), store));
    let told = std::mem::take(&mut *told.lock().unwrap());
    (report, told)
}

fn notes(store: &dyn Store, after: u64) -> Vec<Note> {
    let view = pollster::block_on(store.view()).unwrap();
    let entries = pollster::block_on(view.journal(after, 1000)).unwrap();
    entries.into_iter().map(|entry| entry.note).collect()
}

fn planned_notes(planned: &[Planned]) -> Vec<Note> {
    planned.iter().map(|planned| planned.note.clone()).collect()
}

fn requests(world: &World) -> usize {
    world.with(|state| state.requests.len())
}

fn delete(world: &World, ids: &[String]) {
    for id in ids {
        world.call(Method::DELETE, &format!("/me/events/{id}"), None);
    }
}

#[test]
fn a_dry_run_tells_what_the_next_run_publishes_without_fetching_it_again() {
    let (world, ids) = world(7);
    let store = MemoryStore::default();
    let (report, planned) = run(&world, &store, WINDOW, DRY);
    let report = report.unwrap();
    assert_eq!((report.published, report.revision, report.changes.created, planned.len()), (false, 0, 7, 7));
    assert!(visible(&store).is_empty() && notes(&store, 0).is_empty(), "nothing is published");
    let mut subjects: Vec<_> = planned.iter().filter_map(|planned| planned.subject.as_deref()).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, ["event 0", "event 1", "event 2", "event 3", "event 4", "event 5", "event 6"]);
    let asked = requests(&world);
    let (report, again) = run(&world, &store, WINDOW, DRY);
    let report = report.unwrap();
    assert_eq!(
        (report.changes.created, report.run.requests, requests(&world)),
        (7, 0, asked),
        "nothing is fetched again"
    );
    assert_eq!(planned, again);

    let (report, told) = run(&world, &store, WINDOW, Guard::default());
    let report = report.unwrap();
    assert!(told.is_empty() && report.published);
    // One request, for what has changed since.
    assert_eq!((report.changes.created, requests(&world)), (7, asked + 1));
    assert_eq!(notes(&store, 0), planned_notes(&planned));

    // The same of a round that merges.
    delete(&world, &ids[..1]);
    world.call(Method::PATCH, &format!("/me/events/{}", ids[1]), Some(json!({"subject": "renamed"})));
    let (report, planned) = run(&world, &store, WINDOW, DRY);
    let report = report.unwrap();
    assert_eq!((report.changes.deleted, report.changes.updated, report.revision), (1, 1, 2));
    assert_eq!(visible(&store).len(), 7);
    let told: Vec<_> = planned.iter().map(|told| (told.note.what, told.subject.as_deref())).collect();
    assert!(told.contains(&(What::Deleted, Some("event 0"))) && told.contains(&(What::Updated, Some("renamed"))));
    run(&world, &store, WINDOW, Guard::default()).0.unwrap();
    assert_eq!(notes(&store, 7), planned_notes(&planned));
    assert_eq!(visible(&store), world.listing("2026-03-01", "2026-04-01"));
}

#[test]
fn a_dry_run_that_was_interrupted_is_gone_on_with() {
    let (world, _) = world(7);
    let store = MemoryStore::default();
    world.with(|state| state.patience = Some(2));
    assert!(matches!(run(&world, &store, WINDOW, DRY).0, Err(Error::Round(_))));
    world.with(|state| state.patience = None);
    let report = run(&world, &store, WINDOW, DRY).0.unwrap();
    assert_eq!((report.resumed_pages, report.pages, report.changes.created), (2, 1, 7));
    assert_eq!(requests(&world), 3);
}

#[test]
fn too_many_deletions_are_not_published_until_they_are_allowed() {
    let (world, ids) = world(10);
    let store = MemoryStore::default();
    // Nothing is held, so nothing can be deleted.
    run(&world, &store, WINDOW, at_most(MaxDeletes::Number(0))).0.unwrap();
    delete(&world, &ids[..4]);
    for refused in [MaxDeletes::Number(3), MaxDeletes::Number(0), MaxDeletes::Percent(30), MaxDeletes::Percent(0)] {
        let before = requests(&world);
        let (report, planned) = run(&world, &store, WINDOW, at_most(refused));
        let Err(Error::TooManyDeletes { deletes: 4, held: 10, allowed }) = report else { panic!("{report:?}") };
        assert_eq!(allowed, refused);
        let mut told: Vec<_> = planned.iter().map(|planned| (planned.note.what, planned.note.id.to_string())).collect();
        told.sort();
        let mut expected: Vec<_> = ids[..4].iter().map(|id| (What::Deleted, id.clone())).collect();
        expected.sort();
        assert_eq!(told, expected, "all of them, and nothing else");
        assert_eq!(visible(&store).len(), 10, "nothing is published");
        assert!(requests(&world) - before <= 3, "what is staged is not fetched again, only asked about");
        let view = pollster::block_on(store.view()).unwrap();
        assert!(Health::of(view.as_ref()).last_run.unwrap().error.unwrap().contains("delete 4 of 10 events"));
    }
    let before = requests(&world);
    let report = run(&world, &store, WINDOW, at_most(MaxDeletes::Percent(40))).0.unwrap();
    assert_eq!(
        (report.changes.deleted, requests(&world) - before),
        (4, 2),
        "and one request for what has changed since, and one about what was deleted"
    );
    assert_eq!(visible(&store), world.listing("2026-03-01", "2026-04-01"));
}

#[test]
fn a_dry_run_ends_as_the_run_would() {
    let (world, ids) = world(5);
    let store = MemoryStore::default();
    run(&world, &store, WINDOW, Guard::default()).0.unwrap();
    delete(&world, &ids[..2]);
    world.create("one more", Timestamp::parse("2026-03-20T09:00:00Z").unwrap(), 30);
    let guard = Guard { dry_run: true, ..at_most(MaxDeletes::Number(1)) };
    let (report, planned) = run(&world, &store, WINDOW, guard);
    assert!(matches!(report, Err(Error::TooManyDeletes { deletes: 2, held: 5, .. })), "{report:?}");
    assert_eq!(planned.len(), 3, "and tells all of it");
    let guard = Guard { dry_run: true, ..at_most(MaxDeletes::Number(2)) };
    assert!(!run(&world, &store, WINDOW, guard).0.unwrap().published);
}

#[test]
fn what_leaves_the_window_is_no_deletion() {
    let (world, _) = world(10);
    let store = MemoryStore::default();
    run(&world, &store, WINDOW, Guard::default()).0.unwrap();
    let report = run(&world, &store, "2026-03-08..2026-04-01", at_most(MaxDeletes::Number(0))).0.unwrap();
    assert_eq!((report.changes.left_window, report.changes.deleted), (6, 0));
}

#[test]
fn a_sweep_counts_as_deletions() {
    let (world, ids) = world(10);
    let store = MemoryStore::default();
    run(&world, &store, WINDOW, Guard::default()).0.unwrap();
    delete(&world, &ids[2..]);
    let gone = || Some(Ok(Response::builder().status(410).body(b"{}".as_slice().into()).unwrap()));
    world.with(|state| state.script = vec![gone()]);
    let report = run(&world, &store, WINDOW, at_most(MaxDeletes::Percent(50))).0;
    assert!(matches!(report, Err(Error::TooManyDeletes { deletes: 8, held: 10, .. })), "{report:?}");
    assert_eq!(visible(&store).len(), 10);
}

#[test]
fn a_share_is_rounded_up_so_that_a_small_calendar_can_lose_an_event() {
    let of = |percent, held| MaxDeletes::Percent(percent).of(held);
    assert_eq!([of(10, 0), of(10, 1), of(10, 10), of(10, 11), of(10, 1000)], [0, 1, 1, 2, 100]);
    assert_eq!([of(0, 1000), of(100, 3), of(100, u64::MAX)], [0, 3, u64::MAX]);
    for (text, shown) in [("0", "0"), ("17", "17"), ("0%", "0%"), ("100%", "100%")] {
        assert_eq!(text.parse::<MaxDeletes>().unwrap().to_string(), shown);
    }
    for text in ["", "%", "-1", "101%", "1.5%", "ten", "10 %", "99999999999999999999"] {
        assert!(text.parse::<MaxDeletes>().is_err(), "{text}");
    }
}

/// What was owed and is answered in a run that is held back has not been learnt.
#[test]
fn a_run_that_is_held_back_still_owes_what_it_owed() {
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (World::with_quirks(1, "2026-03-05T00:00:00Z", quirks), MemoryStore::default());
    let mut series = event("series", Timestamp::parse("2026-03-02T09:00:00Z").unwrap(), 30);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    world.call(Method::POST, "/me/events", Some(series));
    // The first page, and then no answer about the master.
    let refusal = Response::builder().status(403).body(b"{}".as_slice().into()).unwrap();
    world.with(|state| state.script = vec![None, Some(Ok(refusal))]);
    let report = pollster::block_on(world.synchronizer().run(&replica(WINDOW, 200), &store)).unwrap();
    assert_eq!(report.unanswered, 1);
    let owed = || Health::of(pollster::block_on(store.view()).unwrap().as_ref()).owed.len();
    world.with(|state| state.now = state.now.plus_seconds(120));
    let report = run(&world, &store, WINDOW, DRY).0;
    assert_eq!((report.unwrap().unanswered, owed()), (0, 1));
    let report = run(&world, &store, WINDOW, Guard::default()).0.unwrap();
    assert_eq!((report.unanswered, owed()), (0, 0));
    assert!(visible(&store).values().all(|event| event["subject"] == "series"));
}
