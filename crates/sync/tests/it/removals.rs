//! What becomes of what a round takes away: it is asked for, stays while nobody can say, and stays for good if it is there.

use crate::world::{Answer, World, event, replica, visible};
use bytes::Bytes;
use delta_core::Timestamp;
use graph_sim::Quirks;
use http::Method;
use serde_json::{Value, json};
use store::{MemoryStore, Store, What};
use sync::{Health, Settling, SyncReport};

const WINDOW: (&str, &str) = ("2026-03-01", "2026-04-01");

fn world(events: usize) -> (World, Vec<String>) {
    let world = World::with_quirks(1, "2026-03-05T00:00:00Z", Quirks::default());
    let day = Timestamp::parse("2026-03-10T09:00:00Z").unwrap();
    let create = |n| world.call(Method::POST, "/me/events", Some(event(&format!("event {n}"), day, 30)));
    let ids = (0..events).map(|n| create(n)["id"].as_str().unwrap().to_owned()).collect();
    (world, ids)
}

fn run(world: &World, store: &dyn Store) -> SyncReport {
    let synchronizer = world.synchronizer().with_settling(Settling::default());
    pollster::block_on(synchronizer.run(&replica(&format!("{}..{}", WINDOW.0, WINDOW.1), 200), store)).unwrap()
}

fn change(world: &World, method: Method, id: &str, body: Option<Value>) {
    world.with(|state| state.now = state.now.plus_seconds(60));
    world.call(method, &format!("/me/events/{id}"), body);
}

fn answer(status: u16, body: &str) -> Option<Answer> {
    let answer = http::Response::builder().status(status).header("content-type", "application/json");
    Some(Ok(answer.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()))
}

fn pass(world: &World, seconds: i64) {
    world.with(|state| state.now = state.now.plus_seconds(seconds));
}

/// What the journal says went, and whether somebody was asked.
fn gone(store: &dyn Store) -> Vec<(String, What, bool)> {
    let view = pollster::block_on(store.view()).unwrap();
    let entries = pollster::block_on(view.journal(0, usize::MAX)).unwrap();
    let gone = entries.into_iter().filter(|entry| matches!(entry.note.what, What::Deleted | What::LeftWindow));
    gone.map(|entry| (entry.note.id.to_string(), entry.note.what, entry.note.confirmed)).collect()
}

fn owed(store: &dyn Store) -> usize {
    Health::of(pollster::block_on(store.view()).unwrap().as_ref()).owed.len()
}

#[test]
fn what_nobody_can_ask_about_stays_until_somebody_can() {
    let (world, ids) = world(2);
    let store = MemoryStore::default();
    run(&world, &store);
    change(&world, Method::DELETE, &ids[0], None);
    world.with(|state| state.script = vec![None, answer(403, "{}")]);
    let report = run(&world, &store);
    assert_eq!((report.unanswered, owed(&store), visible(&store).len()), (1, 1, 2));
    let report = run(&world, &store);
    assert_eq!((report.unanswered, report.run.requests, visible(&store).len()), (1, 1, 2), "not asked at once");
    assert!(gone(&store).is_empty());
    pass(&world, 60);
    let report = run(&world, &store);
    assert_eq!((report.unanswered, owed(&store), report.run.requests), (0, 0, 2));
    assert_eq!(gone(&store), [(ids[0].clone(), What::Deleted, true)]);
    assert_eq!((visible(&store).len(), run(&world, &store).run.requests), (1, 1));
}

#[test]
fn what_left_the_window_is_told_so_although_it_was_asked_for_in_vain_at_first() {
    let (world, ids) = world(2);
    let store = MemoryStore::default();
    run(&world, &store);
    let times = event("", Timestamp::parse("2026-06-10T09:00:00Z").unwrap(), 30);
    change(&world, Method::PATCH, &ids[0], Some(json!({"start": times["start"], "end": times["end"]})));
    world.with(|state| state.script = vec![None, answer(403, "{}")]);
    run(&world, &store);
    pass(&world, 60);
    run(&world, &store);
    assert_eq!(gone(&store), [(ids[0].clone(), What::LeftWindow, true)]);
}

/// Graph takes it away for good, and nobody ever says more: after two days and a half it is believed.
#[test]
fn what_nobody_ever_answers_for_goes_in_the_end() {
    let (world, ids) = world(2);
    let store = MemoryStore::default();
    run(&world, &store);
    change(&world, Method::DELETE, &ids[0], None);
    let mut runs = 0;
    while visible(&store).len() == 2 {
        world.with(|state| state.script = vec![None, answer(403, "{}")]);
        run(&world, &store);
        pass(&world, 24 * 60 * 60);
        runs += 1;
        assert!(runs < 20, "it stays for ever");
    }
    assert_eq!(runs, 8);
    world.with(|state| state.script.clear());
    assert_eq!(gone(&store), [(ids[0].clone(), What::Deleted, false)]);
    assert_eq!((run(&world, &store).unanswered, owed(&store)), (0, 0));
}

#[test]
fn what_is_taken_away_and_is_there_stays() {
    let (world, ids) = world(2);
    let store = MemoryStore::default();
    run(&world, &store);
    let removed = json!({"id": ids[0], "@removed": {"reason": "deleted"}});
    world.with(|state| state.besides = Some(removed));
    let report = run(&world, &store);
    assert_eq!((report.run.requests, report.unanswered), (3, 0), "a GET, and a listing of its dates");
    assert!(gone(&store).is_empty());
    assert_eq!(visible(&store), world.listing(WINDOW.0, WINDOW.1));
    change(&world, Method::DELETE, &ids[0], None);
    run(&world, &store);
    assert_eq!(gone(&store), [(ids[0].clone(), What::Deleted, true)], "its tile holds it as before");
}

#[test]
fn two_hundred_removals_are_asked_about_in_a_run_and_the_rest_is_believed() {
    let (world, ids) = world(230);
    let store = MemoryStore::default();
    run(&world, &store);
    for id in &ids {
        change(&world, Method::DELETE, id, None);
    }
    let report = run(&world, &store);
    assert_eq!((report.fetched, report.run.requests), (200, report.pages + 10));
    let gone = gone(&store);
    assert_eq!((gone.len(), gone.iter().filter(|(_, _, confirmed)| *confirmed).count()), (230, 200));
    assert!(visible(&store).is_empty());
}
