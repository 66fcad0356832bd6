//! What settling asks, what it costs, and what becomes of what is not answered.

use std::collections::BTreeMap;

use crate::world::{Answer, World, event, replica, visible};
use delta_core::{RoundKind, Timestamp};
use graph_sim::{MasterDelivery, Quirks};
use http::Method;
use serde_json::{Value, json};
use store::{MemoryStore, Store};
use sync::{Health, Settling, SyncReport};

const WINDOW: (&str, &str) = ("2026-03-01", "2026-04-01");

fn world(quirks: Quirks) -> World {
    World::with_quirks(1, "2026-03-05T00:00:00Z", quirks)
}

/// A series of one occurrence a day, and its id.
fn series(world: &World, subject: &str) -> String {
    let mut series = event(subject, Timestamp::parse("2026-03-02T09:00:00Z").unwrap(), 30);
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    world.call(Method::POST, "/me/events", Some(series))["id"].as_str().unwrap().to_owned()
}

/// The id of the `n`th instance.
fn instance(world: &World, series: &str, n: usize) -> String {
    let url = format!(
        "/me/events/{series}/instances?startDateTime={}T00:00:00Z&endDateTime={}T00:00:00Z&$top=99",
        WINDOW.0, WINDOW.1
    );
    world.call(Method::GET, &url, None)["value"][n]["id"].as_str().unwrap().to_owned()
}

fn change(world: &World, method: Method, id: &str, body: Option<Value>) {
    world.with(|state| state.now = state.now.plus_seconds(60));
    world.call(method, &format!("/me/events/{id}"), body);
}

fn run(world: &World, store: &dyn Store, settling: Settling) -> SyncReport {
    let synchronizer = world.synchronizer().with_settling(settling);
    pollster::block_on(synchronizer.run(&replica(&format!("{}..{}", WINDOW.0, WINDOW.1), 200), store)).unwrap()
}

fn requests(world: &World, store: &dyn Store) -> u32 {
    let report = run(world, store, Settling::default());
    assert_eq!(visible(store).len(), world.listing(WINDOW.0, WINDOW.1).len());
    report.run.requests
}

fn owed(store: &dyn Store) -> (usize, usize) {
    let owed = Health::of(pollster::block_on(store.view()).unwrap().as_ref()).owed;
    (owed.events.len(), owed.series.len())
}

fn subjects(store: &dyn Store) -> Vec<Option<String>> {
    let mut subjects: Vec<_> =
        visible(store).values().map(|event| event["subject"].as_str().map(str::to_owned)).collect();
    subjects.dedup();
    subjects
}

#[test]
fn settling_is_paid_for_only_where_something_is_in_doubt() {
    let (world, store) = (world(Quirks::default()), MemoryStore::default());
    let (one, two) = (series(&world, "one"), series(&world, "two"));
    assert_eq!(requests(&world, &store), 1, "two new series");
    assert_eq!(requests(&world, &store), 1, "an unchanged calendar");
    change(&world, Method::PATCH, &one, Some(json!({"subject": "renamed"})));
    assert_eq!(requests(&world, &store), 1, "a changed series");
    let moved = instance(&world, &one, 3);
    change(&world, Method::PATCH, &moved, Some(json!({"subject": "moved"})));
    assert_eq!(requests(&world, &store), 1, "a changed occurrence");
    let cancelled = instance(&world, &one, 5);
    change(&world, Method::DELETE, &cancelled, None);
    assert_eq!(requests(&world, &store), 2, "a deleted occurrence");
    change(&world, Method::DELETE, &two, None);
    assert_eq!(requests(&world, &store), 2, "a deleted series");
    assert_eq!(requests(&world, &store), 1, "an unchanged calendar");
}

#[test]
fn twenty_missing_masters_are_one_request() {
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    for n in 0..45 {
        series(&world, &format!("series {n}"));
    }
    let report = run(&world, &store, Settling::default());
    assert_eq!(report.run.requests - report.pages, 3);
    assert!(subjects(&store).iter().all(Option::is_some));
    assert_eq!(requests(&world, &store), 1, "an unchanged calendar");
}

/// One round and one request more, for nine further series as well. Where a master did not come, two things are asked: what the
/// master is, and which members there are, since a page without the master does not say. Twenty of these are a request.
#[test]
fn changed_series_whose_masters_did_not_come_cost_a_request_for_ten() {
    for count in [1_u32, 10, 11, 21, 45] {
        let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
        let (world, store) = (world(quirks), MemoryStore::default());
        let ids: Vec<String> = (0..count).map(|n| series(&world, &format!("series {n}"))).collect();
        let run = || {
            let window = format!("{}..{}", WINDOW.0, WINDOW.1);
            pollster::block_on(world.synchronizer().run(&replica(&window, 1000), &store)).unwrap()
        };
        run();
        for id in &ids {
            change(&world, Method::PATCH, id, Some(json!({"subject": "renamed"})));
        }
        let report = run();
        assert_eq!(report.round, RoundKind::Incremental);
        assert_eq!(
            report.run.requests - report.pages,
            (2 * count).div_ceil(20),
            "{count} series on {} pages",
            report.pages
        );
        assert!(report.pages == 1 || count > 30);
        assert_eq!(subjects(&store), [Some("renamed".to_owned())]);
        assert_eq!(requests(&world, &store), 1, "an unchanged calendar");
    }
}

/// Whatever Graph may do, one deleted occurrence costs a round and one request more, but for two cases. If it can still be
/// read, a listing of its dates has to say whether it is there. And if neither a tombstone nor a page with the master and its
/// members says which one is gone, that has to be asked first, and about the one that is missing then.
#[test]
fn a_deleted_occurrence_costs_two_requests_unless_nothing_tells_of_it() {
    let (mut two, mut more) = (0, 0);
    for seed in 0..100 {
        let quirks = Quirks { kept_generations: 3, ..Quirks::random(seed) };
        let (world, store) = (world(quirks), MemoryStore::default());
        let one = series(&world, "one");
        run(&world, &store, Settling::default());
        let deleted = instance(&world, &one, 4);
        change(&world, Method::DELETE, &deleted, None);
        let report = run(&world, &store, Settling::default());
        assert!(!visible(&store).contains_key(&deleted), "{quirks:?}");
        let told_in_part = quirks.master_only || quirks.master_delivery == MasterDelivery::Never;
        let untold = told_in_part && !quirks.occurrence_tombstones;
        let most = 2 + u32::from(quirks.reads_after_deletion) + u32::from(untold);
        assert!(report.run.requests <= most, "{} requests under {quirks:?}", report.run.requests);
        if most == 2 { two += 1 } else { more += 1 }
    }
    assert!(two > 10 && more > 10, "{two} {more}");
}

/// Occurrences are joined with their master when they are read. So a changed master is one row that is written and one note
/// in the journal, and all of its occurrences show it; an exception stands alone.
#[test]
fn a_master_that_came_alone_changes_its_occurrences_without_writing_them() {
    let quirks = Quirks { master_only: true, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    let one = series(&world, "one");
    let exception = instance(&world, &one, 2);
    change(&world, Method::PATCH, &exception, Some(json!({"subject": "an exception"})));
    // Whoever asks for the instances is told that each has another etag by now, and writes that.
    let settling = Settling { series: false, ..Settling::default() };
    run(&world, &store, settling);
    let (before, seq) = (rows(&store), pollster::block_on(store.view()).unwrap().last_seq());

    change(&world, Method::PATCH, &one, Some(json!({"subject": "renamed", "showAs": "free"})));
    let report = run(&world, &store, settling);
    assert_eq!((report.items, report.run.requests, report.changes.updated, report.changes.created), (1, 1, 1, 0));
    let view = pollster::block_on(store.view()).unwrap();
    let notes = pollster::block_on(view.journal(seq, 100)).unwrap();
    assert_eq!(notes.iter().map(|entry| entry.note.id.as_ref()).collect::<Vec<_>>(), [one.as_str()]);
    let after = rows(&store);
    assert_eq!(after.len(), before.len());
    let written: Vec<_> = after.iter().filter(|(id, row)| before.get(*id) != Some(row)).map(|(id, _)| id).collect();
    assert_eq!(written, [&one]);
    let shown = visible(&store);
    assert_eq!(shown.len(), 30);
    for (id, event) in shown {
        let expected = if id == exception { ("an exception", "busy") } else { ("renamed", "free") };
        assert_eq!((event["subject"].as_str(), event["showAs"].as_str()), (Some(expected.0), Some(expected.1)));
    }
}

/// All rows with what is stored of them.
fn rows(store: &dyn Store) -> BTreeMap<String, String> {
    pollster::block_on(async {
        let view = store.view().await.unwrap();
        let mut rows = BTreeMap::new();
        for row in view.rows(None, 1000).await.unwrap() {
            let payload = view.payload(&row.meta.id).await.unwrap();
            rows.insert(row.meta.id.to_string(), format!("{row:?} {payload:?}"));
        }
        rows
    })
}

/// An answer to a batch of one: there is no such event.
fn not_found() -> Option<Answer> {
    let part = json!({"id": "0", "status": 404, "body": {"error": {"code": "ErrorItemNotFound", "message": "x"}}});
    let body = json!({ "responses": [part] }).to_string();
    Some(Ok(http::Response::builder().header("content-type", "application/json").body(body.into()).unwrap()))
}

fn pass(world: &World, seconds: i64) {
    world.with(|state| state.now = state.now.plus_seconds(seconds));
}

#[test]
fn what_is_not_answered_is_owed_and_asked_for_again() {
    let unavailable = || Some(Ok(http::Response::builder().status(403).body(b"{}".as_slice().into()).unwrap()));
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    let one = series(&world, "one");
    world.with(|state| state.script = vec![None, unavailable()]);
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, owed(&store), subjects(&store)), (1, (1, 0), vec![None]));
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, report.run.requests), (1, 1), "not at once");
    pass(&world, 60);
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, owed(&store), report.round), (0, (0, 0), RoundKind::Incremental));
    assert_eq!(subjects(&store), [Some("one".to_owned())]);

    let cancelled = instance(&world, &one, 0);
    change(&world, Method::DELETE, &cancelled, None);
    world.with(|state| state.script = vec![None, unavailable()]);
    run(&world, &store, Settling::default());
    assert!(visible(&store).contains_key(&cancelled), "nothing goes by silence");
    assert_eq!(owed(&store), (2, 1), "the series, its master, and the occurrence that was missing");
    pass(&world, 60);
    run(&world, &store, Settling::default());
    assert!(!visible(&store).contains_key(&cancelled));
    assert_eq!((owed(&store), requests(&world, &store)), ((0, 0), 1));
}

/// A GET was observed not to find an event for a while; and a delta does not tell of it twice.
#[test]
fn what_is_not_found_is_asked_for_until_it_is() {
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    series(&world, "one");
    world.with(|state| state.script = vec![None, not_found()]);
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, owed(&store), subjects(&store)), (1, (1, 0), vec![None]));
    pass(&world, 60);
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, owed(&store), subjects(&store)), (0, (0, 0), vec![Some("one".to_owned())]));
}

/// The master of a meeting poll is never there.
#[test]
fn what_is_never_found_is_asked_for_ever_more_seldom_and_then_believed() {
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    series(&world, "one");
    world.with(|state| state.script = vec![None, not_found()]);
    let mut asked = u64::from(run(&world, &store, Settling::default()).run.requests) - 1;
    let mut when = Vec::new();
    for quarter in 1..7 * 24 * 4 {
        pass(&world, 15 * 60);
        world.with(|state| state.script = vec![None, not_found()]);
        let more = u64::from(run(&world, &store, Settling::default()).run.requests) - 1;
        asked += more;
        when.extend((more > 0).then_some(quarter));
    }
    assert_eq!((asked, owed(&store)), (8, (0, 0)), "{when:?}");
    assert!(when.windows(3).all(|w| w[2] - w[1] >= w[1] - w[0]), "{when:?}");
}

#[test]
fn what_is_gone_is_owed_no_more() {
    let quirks = Quirks { master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (world, store) = (world(quirks), MemoryStore::default());
    let one = series(&world, "one");
    world.with(|state| state.script = vec![None, not_found()]);
    run(&world, &store, Settling::default());
    change(&world, Method::DELETE, &one, None);
    run(&world, &store, Settling::default());
    assert!(visible(&store).is_empty());
    let report = run(&world, &store, Settling::default());
    assert_eq!((report.unanswered, owed(&store), report.run.requests), (0, (0, 0), 1));
}

/// Whoever asks about removals learns which events are deleted and which are only elsewhere in time.
#[test]
fn what_left_the_window_is_told_from_what_was_deleted() {
    for removals in [false, true] {
        let (world, store) = (world(Quirks::default()), MemoryStore::default());
        let at = |day: i64| Timestamp::parse(WINDOW.0).unwrap().plus_days(day);
        let ids: Vec<String> = (1..4).map(|day| world.create("event", at(day), 60)).collect();
        let settling = Settling { removals, ..Settling::default() };
        run(&world, &store, settling);
        let later = event("", at(90), 60);
        change(&world, Method::PATCH, &ids[0], Some(json!({"start": later["start"], "end": later["end"]})));
        change(&world, Method::DELETE, &ids[1], None);
        let report = run(&world, &store, settling);
        let went = (report.changes.deleted, report.changes.left_window, report.run.requests);
        assert_eq!(went, if removals { (1, 1, 2) } else { (2, 0, 1) });
        assert_eq!(visible(&store).len(), 1);
    }
}

#[test]
fn events_views_are_sparse_or_whole() {
    let (world, store) = (world(Quirks::default()), MemoryStore::default());
    series(&world, "series");
    world.create("event", Timestamp::parse(WINDOW.0).unwrap(), 60);
    let mut events = replica(&format!("{}..{}", WINDOW.0, WINDOW.1), 200);
    events.resource = "me/events".parse().unwrap();
    let settling = Settling { events: true, ..Settling::default() };
    let synchronizer = world.synchronizer().with_settling(settling);
    let report = pollster::block_on(synchronizer.run(&events, &store)).unwrap();
    assert_eq!((report.run.requests, report.fetched, report.changes.stale), (2, 2, 0));
    assert_eq!(subjects(&store), [Some("event".to_owned())]);
    let report = pollster::block_on(synchronizer.run(&events, &store)).unwrap();
    assert_eq!(report.run.requests, 1);
}
