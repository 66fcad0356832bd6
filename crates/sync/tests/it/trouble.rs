//! Cases that the random plans are not likely to draw: long waits, wrong clocks, budgets, outages, windows that move.

use std::time::Duration;

use crate::world::{Answer, World, replica, visible};
use bytes::Bytes;
use delta_core::{Failure, FailureKind, RoundKind, Timestamp};
use graph_sim::seeds;
use http::Response;
use store::{MemoryStore, Store};
use sync::{AccessToken, Error, Health, Limits, SyncReport, Synchronizer, TileHealth, Trouble};

const WINDOW: &str = "2016-12-01..2016-12-30";

fn walk_through() -> World {
    let world = World::new(1, "2016-12-05T00:00:00Z");
    world.with(|state| state.simulator.load(std::time::SystemTime::UNIX_EPOCH, &seeds::five_events()).unwrap());
    world
}
fn answer(status: u16, body: &str) -> Option<Answer> {
    Some(Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()))
}
fn retry(status: u16, seconds: &str) -> Option<Answer> {
    Some(Ok(Response::builder().status(status).header("retry-after", seconds).body(Bytes::new()).unwrap()))
}
/// With the default limits.
fn run(world: &World, window: &str, size: u32, store: &dyn Store) -> Result<SyncReport, Error> {
    let seed = world.with(|s| s.requests.len() as u64 * 1000 + s.now.seconds() as u64);
    let s = Synchronizer::new(world.clone(), AccessToken::new(crate::world::TOKEN).unwrap(), world.clone(), seed);
    pollster::block_on(s.run(&replica(window, size), store))
}
fn health(store: &dyn Store) -> Health {
    Health::of(pollster::block_on(store.view()).unwrap().as_ref())
}
/// That of its only tile.
fn tile_health(store: &dyn Store) -> TileHealth {
    health(store).tiles.into_values().next().unwrap_or_default()
}
fn sent(world: &World) -> usize {
    world.with(|s| s.requests.len())
}
fn pass(world: &World, seconds: i64) {
    world.with(|s| s.now = s.now.plus_seconds(seconds));
}

#[test]
fn runs_that_only_wait_use_up_no_full_rounds() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.script = vec![retry(429, "7200")]);
    for _ in 0..14 {
        let _ = run(&world, WINDOW, 2, &store);
        pass(&world, 300);
    }
    pass(&world, 7200);
    let report = run(&world, WINDOW, 2, &store).unwrap();
    assert!(!report.listing);
}

#[test]
fn runs_without_a_network_use_up_no_full_rounds() {
    let (world, store) = (walk_through(), MemoryStore::default());
    for _ in 0..11 {
        world.with(|s| s.patience = Some(0));
        let _ = run(&world, WINDOW, 2, &store);
        pass(&world, 300);
    }
    world.with(|s| s.patience = None);
    let report = run(&world, WINDOW, 2, &store).unwrap();
    assert!(!report.listing);
}

#[test]
fn a_retry_after_beyond_reason_is_not_for_ever() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    world.with(|s| s.script = vec![retry(503, "99999999999999999999")]);
    let _ = run(&world, WINDOW, 2, &store).unwrap_err();
    pass(&world, 20 * 365 * 86_400);
    let e = run(&world, WINDOW, 2, &store);
    assert!(e.is_ok());
}

#[test]
fn a_clock_that_was_wrong_is_not_for_ever() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    pass(&world, 10 * 365 * 86_400);
    world.with(|s| s.script = vec![retry(429, "1000")]);
    let _ = run(&world, WINDOW, 2, &store).unwrap_err();
    pass(&world, -10 * 365 * 86_400 + 2000);
    let e = run(&world, WINDOW, 2, &store);
    assert!(e.is_ok());
}

#[test]
fn the_last_retry_after_closes_the_mailbox_for_the_next_run() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.script = (0..8).map(|_| retry(429, "600")).collect());
    run(&world, WINDOW, 2, &store).unwrap_err();
    let (before, waited) = (sent(&world), world.with(|s| s.waited.as_secs()));
    let _ = run(&world, WINDOW, 2, &store);
    assert!(world.with(|s| s.waited.as_secs()) >= waited + 600, "sent {} at once", sent(&world) - before);
}

#[test]
fn a_refusal_with_a_retry_after_closes_the_mailbox() {
    for (status, code) in [(410, "SyncStateNotFound"), (503, "ErrorMailboxMoveInProgress")] {
        let (world, store) = (walk_through(), MemoryStore::default());
        run(&world, WINDOW, 2, &store).unwrap();
        let body = format!(r#"{{"error":{{"code":"{code}","message":""}}}}"#);
        let a = Response::builder().status(status).header("retry-after", "600").body(Bytes::from(body)).unwrap();
        world.with(|s| s.script = vec![Some(Ok(a))]);
        let _ = run(&world, WINDOW, 2, &store);
        let _ = run(&world, WINDOW, 2, &store);
        assert!(world.with(|s| s.waited.as_secs()) >= 600, "{status}");
    }
}

#[test]
fn many_codes_are_no_reason_to_forget() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    let word = "a".repeat(58);
    let code = format!("{word} {word} {word} {word} {word}");
    let mut body = r#"{"code":"ErrorQuotaExceeded"}"#.to_owned();
    for _ in 0..120 {
        body = format!(r#"{{"code":"{code}","innerError":{body}}}"#);
    }
    world.with(|s| s.script = vec![answer(403, &format!(r#"{{"error":{body}}}"#))]);
    let r = run(&world, WINDOW, 2, &store);
    assert!(r.is_ok() && tile_health(&store).snapshot.is_some());
}

#[test]
fn an_event_at_the_edge_that_could_not_be_understood_is_fetched() {
    let world = World::new(1, "2016-12-05T00:00:00Z");
    let store = MemoryStore::default();
    let start = Timestamp::parse("2016-11-30T12:00:00Z").unwrap();
    let id = world.create("trip", start, 3 * 1440);
    let page = format!(
        r#"{{"value":[{{"id":"{id}","type":1}}],"@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x"}}"#
    );
    world.with(|s| s.script = vec![answer(200, &page)]);
    run(&world, WINDOW, 2, &store).unwrap();
    assert_eq!(visible(&store).len(), 1);
}

#[test]
fn an_outage_does_not_cost_the_delta_link() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    world.with(|s| s.script = (0..16).map(|_| answer(503, "")).collect());
    run(&world, WINDOW, 2, &store).unwrap_err();
    pass(&world, 300);
    run(&world, WINDOW, 2, &store).unwrap();
    pass(&world, 7200);
    let r = run(&world, WINDOW, 2, &store).unwrap();
    assert_eq!(r.round, RoundKind::Incremental);
}

#[test]
fn a_page_size_that_did_not_work_is_not_learnt() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 200, &store).unwrap();
    world.with(|s| s.script = (0..16).map(|_| answer(503, "")).collect());
    let _ = run(&world, WINDOW, 200, &store).unwrap_err();
    assert!(tile_health(&store).page_size.is_none());
}

#[test]
fn an_owner_that_is_gone_deletes_nothing() {
    for (code, status) in [("ErrorInvalidUser", 404), ("", 404), ("ErrorFolderNotFound", 404)] {
        let (world, store) = (walk_through(), MemoryStore::default());
        run(&world, WINDOW, 20, &store).unwrap();
        let batch = format!(
            r#"{{"responses":[{}]}}"#,
            (0..5)
                .map(|i| format!(r#"{{"id":"{i}","status":{status},"body":{{"error":{{"code":"{code}"}}}}}}"#))
                .collect::<Vec<_>>()
                .join(",")
        );
        world.with(|s| {
            s.script = vec![
                answer(403, r#"{"error":{"code":"ErrorQuotaExceeded"}}"#),
                answer(200, r#"{"value":[]}"#),
                answer(200, &batch),
            ]
        });
        let r = run(&world, WINDOW, 20, &store).unwrap();
        assert_eq!((r.changes.deleted, r.unanswered, visible(&store).len()), (0, 5, 5), "{code:?}");
    }
}

#[test]
fn a_full_round_that_is_due_does_not_stop_merging() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 20, &store).unwrap();
    let page = r#"{"value":[{"subject":"no id"}],"@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x"}"#;
    world.with(|s| s.script = vec![answer(200, page)]);
    run(&world, WINDOW, 20, &store).unwrap();
    pass(&world, 86_400);
    // Ten times offline when the full round is due.
    for _ in 0..10 {
        world.with(|s| s.patience = Some(0));
        let _ = run(&world, WINDOW, 20, &store);
        pass(&world, 300);
    }
    world.with(|s| s.patience = None);
    let r = run(&world, WINDOW, 20, &store).unwrap();
    assert!(!r.listing);
}

#[test]
fn an_events_view_outlives_a_day_without_a_network() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let mut events = replica(WINDOW, 2);
    events.resource = "me/calendar/events".parse().unwrap();
    events.version = Some(delta_core::ApiVersion::V1);
    events.start = Some(Timestamp::parse("2016-11-01").unwrap());
    let s = || Synchronizer::new(world.clone(), AccessToken::new(crate::world::TOKEN).unwrap(), world.clone(), 5);
    for _ in 0..10 {
        world.with(|s| s.patience = Some(0));
        let _ = pollster::block_on(s().run(&events, &store));
        pass(&world, 300);
    }
    world.with(|s| s.patience = None);
    let r = pollster::block_on(s().run(&events, &store));
    assert!(r.is_ok());
}

#[test]
fn status_keeps_what_the_first_half_of_a_run_met() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.patience = Some(1));
    let _ = run(&world, WINDOW, 2, &store);
    world.with(|s| {
        s.patience = None;
        s.script = vec![answer(502, ""), answer(502, "")];
    });
    let r = run(&world, WINDOW, 2, &store).unwrap();
    let h = health(&store);
    assert_eq!(h.last_run.unwrap().waits, r.run.waits);
}

#[test]
fn a_closed_mailbox_stops_a_request_that_waits_for_its_token() {
    // Two targets, one synchroniser: the second waits for its token when the first is throttled.
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};
    #[derive(Clone, Default)]
    struct Slow(Arc<Mutex<(u32, bool)>>);
    #[async_trait::async_trait]
    impl sync::TokenProvider for Slow {
        async fn token(&self, _: &sync::Want) -> Result<AccessToken, sync::TokenError> {
            let nth = {
                let mut s = self.0.lock().unwrap();
                s.0 += 1;
                s.0
            };
            if nth == 1 {
                let state = self.0.clone();
                std::future::poll_fn(move |_| if state.lock().unwrap().1 { Poll::Ready(()) } else { Poll::Pending })
                    .await;
            }
            AccessToken::new(crate::world::TOKEN)
        }
    }
    let (world, one, two) = (walk_through(), MemoryStore::default(), MemoryStore::default());
    let tokens = Slow::default();
    world.with(|s| s.script = vec![retry(429, "3600"), retry(429, "3600")]);
    let s = Synchronizer::new(world.clone(), tokens.clone(), world.clone(), 5);
    let (ra, rb) = (replica(WINDOW, 2), replica("2016-12-02..2016-12-30", 2));
    let mut a = Box::pin(s.run(&ra, &one));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(a.as_mut().poll(&mut cx).is_pending());
    let _ = pollster::block_on(s.run(&rb, &two));
    assert_eq!(sent(&world), 1);
    tokens.0.lock().unwrap().1 = true;
    let _ = a.as_mut().poll(&mut cx);
    assert_eq!(sent(&world), 1, "a request left before Retry-After was over");
}

#[test]
fn a_window_moves_in_snapshot_mode() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    world.with(|s| s.script = vec![answer(403, r#"{"error":{"code":"ErrorQuotaExceeded"}}"#)]);
    assert!(run(&world, WINDOW, 2, &store).unwrap().listing);
    let next = "2016-12-02..2016-12-29";
    run(&world, next, 2, &store).unwrap();
    assert_eq!(visible(&store), world.listing("2016-12-02", "2016-12-29"));
    pass(&world, 90_000);
    let r = run(&world, next, 2, &store).unwrap();
    assert!(!r.listing && tile_health(&store).snapshot.is_none());
    assert_eq!(visible(&store), world.listing("2016-12-02", "2016-12-29"));
}

#[test]
fn a_listing_that_was_killed_is_begun_again() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 2, &store).unwrap();
    let first = visible(&store);
    world.with(|s| {
        s.script = vec![answer(403, r#"{"error":{"code":"ErrorQuotaExceeded"}}"#)];
        s.patience = Some(3)
    });
    assert!(run(&world, WINDOW, 2, &store).is_err());
    world.with(|s| s.patience = None);
    run(&world, WINDOW, 2, &store).unwrap();
    assert_eq!(first, visible(&store));
}

#[test]
fn a_master_that_could_not_be_understood_stays() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let delta = "/v1.0/me/calendarView/delta?$deltatoken=";
    let at = |d: &str| format!(r#"{{"dateTime":"{d}","timeZone":"UTC"}}"#);
    let master = format!(
        r#"{{"id":"M","type":"seriesMaster","subject":"Standup","start":{},"end":{}}}"#,
        at("2015-01-05T09:00:00"),
        at("2015-01-05T09:15:00")
    );
    let stub = format!(
        r#"{{"id":"O","type":"occurrence","seriesMasterId":"M","start":{},"end":{}}}"#,
        at("2016-12-05T09:00:00"),
        at("2016-12-05T09:15:00")
    );
    let one = format!(r#"{{"value":[{master},{stub}],"@odata.deltaLink":"{delta}1"}}"#);
    world.with(|s| s.script = vec![answer(200, &one)]);
    run(&world, WINDOW, 20, &store).unwrap();
    let two = format!(r#"{{"value":[{{"id":"M","type":1}}],"@odata.deltaLink":"{delta}2"}}"#);
    let batch = format!(r#"{{"responses":[{{"id":"0","status":200,"body":{master}}}]}}"#);
    world.with(|s| s.script = vec![answer(200, &two), answer(200, &batch)]);
    run(&world, WINDOW, 20, &store).unwrap();
    let view = pollster::block_on(store.view()).unwrap();
    assert!(pollster::block_on(view.row("M")).unwrap().is_some());
}

#[test]
fn a_deleted_series_of_an_events_view_goes_in_snapshot_mode() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let mut events = replica(WINDOW, 2);
    events.resource = "me/calendar/events".parse().unwrap();
    events.version = Some(delta_core::ApiVersion::V1);
    let at = |d: &str| format!(r#"{{"dateTime":"{d}","timeZone":"UTC"}}"#);
    let item = |id: &str, kind: &str| {
        format!(
            r#"{{"id":"{id}","type":"{kind}","start":{},"end":{}}}"#,
            at("2016-12-05T09:00:00"),
            at("2016-12-05T09:15:00")
        )
    };
    let page = format!(
        r#"{{"value":[{},{}],"@odata.deltaLink":"/v1.0/me/calendar/events/delta?$deltatoken=1"}}"#,
        item("M", "seriesMaster"),
        item("S", "singleInstance")
    );
    let batch = r#"{"responses":[{"id":"0","status":404,"body":{"error":{"code":"ErrorItemNotFound"}}},{"id":"1","status":404,"body":{"error":{"code":"ErrorItemNotFound"}}}]}"#;
    world.with(|s| {
        s.script = vec![
            answer(200, &page),
            answer(403, r#"{"error":{"code":"ErrorQuotaExceeded"}}"#),
            answer(200, r#"{"value":[]}"#),
            answer(200, batch),
        ]
    });
    let s = || {
        Synchronizer::new(
            world.clone(),
            AccessToken::new(crate::world::TOKEN).unwrap(),
            world.clone(),
            sent(&world) as u64,
        )
    };
    pollster::block_on(s().run(&events, &store)).unwrap();
    pollster::block_on(s().run(&events, &store)).unwrap();
    let view = pollster::block_on(store.view()).unwrap();
    let row = |id: &str| pollster::block_on(view.row(id)).unwrap().is_some();
    assert!(!row("S") && !row("M"));
}

#[test]
fn a_page_that_is_never_good_is_not_asked_for_for_ever() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.patience = Some(1));
    let _ = run(&world, WINDOW, 2, &store);
    world.with(|s| s.patience = None);
    for day in 0..5 {
        world.with(|s| s.script = vec![answer(200, r#"{"value":[]}"#)]);
        let _ = run(&world, WINDOW, 2, &store).unwrap_err();
        let asked = world.with(|s| s.requests.last().unwrap().contains("startDateTime"));
        assert_eq!(asked, day > 0, "after one more try the round begins anew");
        pass(&world, 86_400);
    }
}

#[test]
fn parts_that_are_throttled_to_the_end_close_the_mailbox() {
    let (world, store) = (walk_through(), MemoryStore::default());
    run(&world, WINDOW, 20, &store).unwrap();
    let page = r#"{"value":[{"id":"X","type":1}],"@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x"}"#;
    let batch = r#"{"responses":[{"id":"0","status":429,"headers":{"Retry-After":"600"},"body":{"error":{"code":"TooManyRequests"}}}]}"#;
    let mut script = vec![answer(200, page)];
    script.extend((0..8).map(|_| answer(200, batch)));
    world.with(|s| s.script = script);
    run(&world, WINDOW, 20, &store).unwrap();
    assert!(world.with(|s| s.waited.as_secs()) >= 8 * 600, "the last one counts too");
}

#[test]
fn a_livelock_is_left_in_bounded_requests() {
    for incremental in [false, true] {
        let (world, store) = (walk_through(), MemoryStore::default());
        if incremental {
            run(&world, WINDOW, 2, &store).unwrap();
        }
        let page = |n: u32| {
            answer(
                200,
                &format!(
                    r#"{{"value":[{{"id":"{}"}}],"@odata.nextLink":"/v1.0/me/calendarView/delta?$skiptoken={n}"}}"#,
                    seeds::FIVE_IDS[0]
                ),
            )
        };
        world.with(|s| s.script = (0..200).map(page).collect());
        let r = run(&world, WINDOW, 2, &store);
        assert!(r.is_err(), "also the window in parts, and the listing, are livelocks");
        assert!(health(&store).plan.is_none(), "that parts were tried is not remembered");
        assert!(sent(&world) < 100 && tile_health(&store).page_size.is_none());
        assert_eq!(visible(&store).len(), if incremental { 5 } else { 0 });
    }
}

#[test]
fn what_overlaps_a_new_window_is_not_lost_by_silence() {
    for listing in [true, false] {
        let world = World::new(1, "2016-12-05T00:00:00Z");
        let store = MemoryStore::default();
        let id = world.create("trip", Timestamp::parse("2016-12-02T12:00:00Z").unwrap(), 2 * 1440);
        run(&world, WINDOW, 20, &store).unwrap();
        let next = "2016-12-03..2016-12-30";
        world.with(|s| {
            s.script = if listing {
                // Slipped from one page to another.
                vec![answer(403, r#"{"error":{"code":"ErrorQuotaExceeded"}}"#), answer(200, r#"{"value":[]}"#)]
            } else {
                vec![answer(
                    200,
                    r#"{"value":[{"subject":"trip"}],"@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x"}"#,
                )]
            }
        });
        let r = run(&world, next, 20, &store).unwrap();
        assert_eq!((r.listing, r.changes.left_window, r.changes.deleted), (listing, 0, 0));
        assert!(visible(&store).contains_key(&id));
    }
}

#[test]
fn a_503_that_throttles_does_not_shrink_pages() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let code = r#"{"error":{"code":"ApplicationThrottled"}}"#;
    let a = || Some(Ok(Response::builder().status(503).header("retry-after", "5").body(Bytes::from(code)).unwrap()));
    world.with(|s| s.script = (0..4).map(|_| a()).collect());
    run(&world, WINDOW, 200, &store).unwrap();
    assert!(tile_health(&store).page_size.is_none());
}

#[test]
fn a_503_that_says_when_to_come_back_shrinks_pages_too() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.script = (0..2).map(|_| retry(503, "5")).collect());
    run(&world, WINDOW, 200, &store).unwrap();
    assert_eq!(tile_health(&store).page_size.unwrap().size.get(), 50);
}

#[test]
fn an_outage_keeps_what_was_staged() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| {
        s.script = vec![None, None, None];
        s.script.extend((0..100).map(|_| answer(503, "")));
    });
    run(&world, WINDOW, 1, &store).unwrap_err();
    let view = pollster::block_on(store.view()).unwrap();
    assert_eq!(view.rounds().len(), 1);
}

#[test]
fn what_is_remembered_survives_a_field_that_is_not_there() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|s| s.script = vec![retry(429, "7200")]);
    let _ = run(&world, WINDOW, 1, &store);
    let view = pollster::block_on(store.view()).unwrap();
    let text = view.engine_state().unwrap().text().replace("\"waits\":", "\"pauses\":");
    pollster::block_on(store.write(store::Batch::EngineState(store::EngineState::new(text)))).unwrap();
    assert!(health(&store).not_before.is_some());
}

#[test]
fn what_is_wrong_is_not_hidden_behind_the_budget() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let mut events = replica(WINDOW, 2);
    events.resource = "me/calendar/events".parse().unwrap();
    events.version = Some(delta_core::ApiVersion::V1);
    events.start = Some(Timestamp::parse("2016-11-01").unwrap());
    for n in 0..12_u64 {
        world.with(|s| s.script = vec![None, answer(403, r#"{"error":{"code":"ErrorAccessDenied"}}"#)]);
        let s = Synchronizer::new(world.clone(), AccessToken::new(crate::world::TOKEN).unwrap(), world.clone(), n);
        let error = pollster::block_on(s.run(&events, &store)).unwrap_err();
        assert!(n > 9 || error.to_string().contains("ErrorAccessDenied"), "{n}: {error}");
        pass(&world, 300);
    }
}

#[test]
fn what_passes_is_tried_again_after_an_hour() {
    for slow in [true, false] {
        let (world, store) = (walk_through(), MemoryStore::default());
        let timeout = || Some(Err(Failure::new(FailureKind::Timeout, "")));
        world.with(|s| s.script = (0..16).map(|_| if slow { timeout() } else { answer(504, "") }).collect());
        assert!(run(&world, WINDOW, 2, &store).unwrap().listing);
        pass(&world, 3601);
        assert!(!run(&world, WINDOW, 2, &store).unwrap().listing);
    }
}

/// With other limits.
fn run_within(world: &World, limits: Limits, window: &str, size: u32, store: &dyn Store) -> Result<SyncReport, Error> {
    let seed = world.with(|s| s.requests.len() as u64 * 1000 + s.now.seconds() as u64);
    let token = AccessToken::new(crate::world::TOKEN).unwrap();
    let s = Synchronizer::new(world.clone(), token, world.clone(), seed).with_limits(limits);
    pollster::block_on(s.run(&replica(window, size), store))
}

/// A server that is slow rather than strict, and answers each request after a quarter of an hour.
#[test]
fn a_run_that_takes_too_long_ends_and_the_next_one_goes_on() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let limits = Limits { max_run: Duration::from_secs(20 * 60), ..Limits::default() };
    world.with(|s| s.latency = 15 * 60);
    let error = run_within(&world, limits, WINDOW, 1, &store).unwrap_err();
    assert!(matches!(error, Error::OutOfTime { after } if after == limits.max_run), "{error}");
    assert_eq!((sent(&world), visible(&store).len()), (2, 0), "a request leaves while there is time");
    let run = health(&store).last_run.unwrap();
    assert_eq!((run.requests, run.trouble), (2, Some(Trouble::Throttled)));
    run_within(&world, limits, WINDOW, 1, &store).unwrap_err();
    assert!(visible(&store).is_empty());
    // The last of the five, and then what changed since.
    let report = run_within(&world, limits, WINDOW, 1, &store).unwrap();
    assert_eq!((report.resumed_pages, visible(&store).len()), (4, 5));
    assert_eq!(sent(&world), 6, "no page was read twice");
}

/// A wait that would end after the run does is not begun.
#[test]
fn a_wait_past_the_end_of_a_run_is_told_instead() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let limits = Limits { max_run: Duration::from_secs(60), ..Limits::default() };
    world.with(|s| s.script = vec![retry(503, "61")]);
    let now = world.with(|s| s.now);
    let error = run_within(&world, limits, WINDOW, 2, &store).unwrap_err();
    let Error::Throttled { retry_at, .. } = error else { panic!("{error}") };
    assert!(retry_at >= now.plus_seconds(61) && world.with(|s| s.waited.is_zero()), "{retry_at}");
}

fn forgotten() -> Option<Answer> {
    answer(410, r#"{"error":{"code":"SyncStateNotFound","message":""}}"#)
}

/// Ten full rounds a day: the eleventh is a plain listing, and a day later there is room again.
#[test]
fn full_rounds_have_a_daily_budget() {
    for full_rounds in [10, 3] {
        let (world, store) = (walk_through(), MemoryStore::default());
        let limits = Limits { full_rounds, ..Limits::default() };
        let forget = || {
            world.with(|s| s.script = vec![forgotten()]);
            let report = run_within(&world, limits, WINDOW, 20, &store).unwrap();
            world.with(|s| s.script.clear());
            pass(&world, 300);
            report
        };
        for round in 0..full_rounds {
            let report = forget();
            assert_eq!((report.listing, report.round), (false, RoundKind::Full), "{round}");
            assert_eq!(health(&store).full_rounds.len(), round + 1);
        }
        let report = forget();
        assert!(
            report.listing && report.run.degradations.iter().any(|what| what.contains("plain listing")),
            "{report:?}"
        );
        assert_eq!(visible(&store), world.listing("2016-12-01", "2016-12-30"));
        assert_eq!((health(&store).full_rounds.len(), sent(&world)), (full_rounds, 2 * full_rounds + 2));
        // Also later in the day.
        pass(&world, 3601);
        assert!(run_within(&world, limits, WINDOW, 20, &store).unwrap().listing);
        pass(&world, 86_400);
        let report = run_within(&world, limits, WINDOW, 20, &store).unwrap();
        assert_eq!((report.listing, report.round), (false, RoundKind::Full));
        assert_eq!(health(&store).full_rounds.len(), 1, "the day before is forgotten");
    }
}

/// What has no listing says so, and keeps what it has.
#[test]
fn beyond_the_budget_an_events_view_that_begins_at_a_date_ends() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let mut events = replica(WINDOW, 20);
    events.resource = "me/calendar/events".parse().unwrap();
    events.version = Some(delta_core::ApiVersion::V1);
    events.start = Some(Timestamp::parse("2016-11-01").unwrap());
    let forget = |n: u64| {
        world.with(|s| s.script = vec![forgotten()]);
        let token = AccessToken::new(crate::world::TOKEN).unwrap();
        let s = Synchronizer::new(world.clone(), token, world.clone(), n);
        pollster::block_on(s.run(&events, &store))
    };
    for n in 0..10 {
        forget(n).unwrap();
    }
    let error = forget(10).unwrap_err();
    assert!(error.to_string().contains("SyncStateNotFound"), "{error}");
    let error = forget(11).unwrap_err();
    assert_eq!((visible(&store).len(), health(&store).full_rounds.len()), (5, 10), "{error}");
}

/// A first request that is answered with an error begins nothing in the mailbox. There are four of them at most in a run,
/// and then plain listings for an hour.
#[test]
fn first_requests_that_are_refused_use_up_no_full_rounds_and_are_bounded() {
    let (world, store) = (walk_through(), MemoryStore::default());
    for hour in 0..12 {
        let before = sent(&world);
        world.with(|s| s.script = (0..4).map(|_| forgotten()).collect());
        let report = run(&world, WINDOW, 20, &store).unwrap();
        assert_eq!((report.listing, sent(&world) - before, health(&store).full_rounds.len()), (true, 5, 0), "{hour}");
        let before = sent(&world);
        assert!(run(&world, WINDOW, 20, &store).unwrap().listing);
        assert_eq!(sent(&world) - before, 1, "not at once");
        pass(&world, 3601);
    }
    let report = run(&world, WINDOW, 20, &store).unwrap();
    assert_eq!((report.listing, health(&store).full_rounds.len(), visible(&store).len()), (false, 1, 5));
}

/// Tiles share the budget: it is as many times as large as there are of them, whichever needs it.
#[test]
fn tiles_share_the_budget_of_full_rounds() {
    for full_rounds in [1, 2] {
        let (world, store) = (walk_through(), MemoryStore::default());
        let limits = Limits { full_rounds, ..Limits::default() };
        let tiled = sync::Replica { tiles: 2.try_into().unwrap(), ..replica(WINDOW, 20) };
        let sync = || {
            let token = AccessToken::new(crate::world::TOKEN).unwrap();
            let s = Synchronizer::new(world.clone(), token, world.clone(), sent(&world) as u64).with_limits(limits);
            pollster::block_on(s.run(&tiled, &store)).unwrap()
        };
        sync();
        assert_eq!(health(&store).full_rounds.len(), 2, "one for each");
        world.with(|s| s.script = vec![forgotten()]);
        let report = sync();
        let listings = report.tiles.iter().filter(|tile| tile.listing).count();
        let full = report.tiles.iter().filter(|tile| tile.round == RoundKind::Full).count();
        assert_eq!((listings, full), if full_rounds == 1 { (1, 0) } else { (0, 1) }, "{report:?}");
        assert_eq!(health(&store).full_rounds.len(), 1 + full_rounds);
        assert_eq!(visible(&store), world.listing("2016-12-01", "2016-12-30"));
    }
}
