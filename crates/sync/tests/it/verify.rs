//! Comparing a replica with the server.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::world::{World, event, replica};
use delta_core::{Cloud, Timestamp};
use graph_sim::{MasterDelivery, Quirks};
use http::Method;
use serde_json::{Value, json};
use store::{MemoryStore, Store};
use sync::{Difference, Differs, Error, Notice, Replica, Verification};

const WINDOW: &str = "2026-03-01..2026-04-01";

/// Single events, and a series with an exception and a cancelled occurrence.
fn world(quirks: Quirks) -> (World, Vec<String>) {
    let world = World::with_quirks(1, "2026-03-01T00:00:00Z", quirks);
    let first = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    let mut ids: Vec<String> = (0..7).map(|n| world.create(&format!("event {n}"), first.plus_days(n), 30)).collect();
    let mut series = event("series", first, 30);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    let series = world.call(Method::POST, "/me/events", Some(series))["id"].as_str().unwrap().to_owned();
    let instance = |n: usize| {
        let url = format!("/me/events/{series}/instances?startDateTime=2026-03-01&endDateTime=2026-04-01&$top=99");
        world.call(Method::GET, &url, None)["value"][n]["id"].as_str().unwrap().to_owned()
    };
    let (changed, cancelled) = (instance(3), instance(5));
    world.call(Method::PATCH, &format!("/me/events/{changed}"), Some(json!({"subject": "another room"})));
    world.call(Method::DELETE, &format!("/me/events/{cancelled}"), None);
    ids.push(series);
    (world, ids)
}

fn verify(world: &World, store: &dyn Store, replica: &Replica) -> (Result<Verification, Error>, Vec<Difference>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = told.clone();
    let observer = move |notice: &Notice<'_>| {
        if let Notice::Difference(difference) = notice {
            listener.lock().unwrap().push((*difference).clone());
        }
    };
    let synchronizer = world.synchronizer().with_observer(observer);
    let result = pollster::block_on(synchronizer.verify(replica, store));
    let told = std::mem::take(&mut *told.lock().unwrap());
    (result, told)
}

fn later(world: &World, method: Method, id: &str, body: Option<Value>) {
    world.with(|state| state.now = state.now.plus_days(1));
    world.call(method, &format!("/me/events/{id}"), body);
}

#[test]
fn a_replica_of_a_server_at_rest_has_no_differences() {
    for master_delivery in [MasterDelivery::Never, Quirks::default().master_delivery] {
        for page_size in [3, 200] {
            let (world, _) = world(Quirks { master_delivery, ..Quirks::default() });
            let store = MemoryStore::default();
            let replica = replica(WINDOW, page_size);
            assert!(matches!(verify(&world, &store, &replica).0, Err(Error::NotSynced)));
            world.sync(&replica, &store).unwrap();
            let revision = pollster::block_on(store.view()).unwrap().revision();
            let (result, told) = verify(&world, &store, &replica);
            let result = result.unwrap();
            assert_eq!((told, result.differences(), result.unanswered), (Vec::new(), 0, 0));
            // 7 events, 29 instances, and the master, which is asked for by itself.
            assert_eq!(result.compared, 37);
            assert_eq!(pollster::block_on(store.view()).unwrap().revision(), revision);
        }
    }
}

#[test]
fn each_difference_is_told_with_the_properties_that_differ() {
    let (world, ids) = world(Quirks::default());
    let (store, replica) = (MemoryStore::default(), replica(WINDOW, 200));
    world.sync(&replica, &store).unwrap();
    later(&world, Method::DELETE, &ids[0], None);
    later(&world, Method::PATCH, &ids[1], Some(json!({"subject": "renamed"})));
    let away = event("event 2", Timestamp::parse("2026-07-01T09:00:00Z").unwrap(), 30);
    later(&world, Method::PATCH, &ids[2], Some(away));
    let new = world.create("new", Timestamp::parse("2026-03-20T09:00:00Z").unwrap(), 30);
    let (result, told) = verify(&world, &store, &replica);
    let result = result.unwrap();
    assert_eq!((result.missing, result.extra, result.differing, result.since_sync), (1, 2, 1, 3));
    let of = |id: &str| told.iter().find(|told| told.id.as_ref() == id).unwrap();
    assert_eq!((of(&ids[0]).what, of(&ids[0]).since_sync), (Differs::Extra, None), "it is gone");
    assert_eq!((of(&ids[2]).what, of(&ids[2]).since_sync), (Differs::Extra, Some(true)), "it is elsewhere");
    assert_eq!((of(&new).what, of(&new).subject.as_deref()), (Differs::Missing, Some("new")));
    assert_eq!((of(&ids[1]).what, of(&ids[1]).subject.as_deref()), (Differs::Properties, Some("renamed")));
    let named: BTreeSet<&str> = of(&ids[1]).properties.iter().map(String::as_str).collect();
    assert!(named.contains("subject") && named.contains("lastModifiedDateTime"), "{named:?}");
    assert!(!named.contains("start") && !named.iter().any(|name| name.contains("@odata")), "{named:?}");
    // They are gone with the next run.
    world.sync(&replica, &store).unwrap();
    assert_eq!(verify(&world, &store, &replica).0.unwrap().differences(), 0);
}

/// What a listing does not show is asked for: occurrences among their series' instances, the rest by itself.
#[test]
fn what_slips_from_page_to_page_of_a_listing_is_no_difference() {
    let (world, ids) = world(Quirks::default());
    let (store, replica) = (MemoryStore::default(), replica(WINDOW, 200));
    world.sync(&replica, &store).unwrap();
    // A page without items, and without a link to another one.
    let empty = http::Response::builder().header("content-type", "application/json");
    world.with(|state| state.script = vec![Some(Ok(empty.body(br#"{"value":[]}"#.as_slice().into()).unwrap()))]);
    let (result, told) = verify(&world, &store, &replica);
    let result = result.unwrap();
    assert_eq!((told, result.compared, result.unanswered), (Vec::new(), 37, 0));
    let requests = world.with(|state| state.requests.clone());
    assert!(requests.iter().any(|line| line.contains("/instances?")), "{requests:?}");
    // A series that is gone is gone with all its occurrences.
    later(&world, Method::DELETE, &ids[7], None);
    let (result, told) = verify(&world, &store, &replica);
    assert_eq!((result.unwrap().extra, told.len()), (30, 30), "29 instances and their master");
}

#[test]
fn an_old_difference_is_told_from_a_change_since_the_last_sync() {
    let (world, ids) = world(Quirks::default());
    let (store, replica) = (MemoryStore::default(), replica(WINDOW, 200));
    // Changed half a day before the sync, which is told nothing of it.
    let stale = MemoryStore::default();
    world.sync(&replica, &stale).unwrap();
    later(&world, Method::PATCH, &ids[1], Some(json!({"subject": "renamed"})));
    world.with(|state| state.now = state.now.plus_seconds(12 * 60 * 60));
    world.sync(&replica, &store).unwrap();
    let (result, told) = verify(&world, &stale, &replica);
    assert_eq!((result.unwrap().since_sync, told[0].since_sync), (1, Some(true)));
    let (result, _) = verify(&world, &store, &replica);
    assert_eq!(result.unwrap().differences(), 0);
}

#[test]
fn an_events_view_is_compared_in_what_it_was_told() {
    let (world, ids) = world(Quirks::default());
    let store = MemoryStore::default();
    let replica = Replica::new(Cloud::Global.into(), "me/events".parse().unwrap());
    world.sync(&replica, &store).unwrap();
    let (result, told) = verify(&world, &store, &replica);
    assert_eq!((told, result.unwrap().differences()), (Vec::new(), 0));
    later(&world, Method::DELETE, &ids[0], None);
    let (result, told) = verify(&world, &store, &replica);
    assert_eq!((result.unwrap().extra, told.len()), (1, 1));
    let begun = Replica { start: Some(Timestamp::parse("2026-03-04").unwrap()), ..replica };
    let store = MemoryStore::default();
    world.sync(&begun, &store).unwrap();
    assert!(matches!(verify(&world, &store, &begun).0, Err(Error::NotListed)));
}
