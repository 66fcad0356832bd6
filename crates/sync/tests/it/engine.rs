//! Runs against the simulator: what the engine promises, case by case.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use crate::world::{Answer, ROOT, TOKEN, World, replica, visible};
use bytes::Bytes;
use delta_core::{ApiVersion, RoundKind, Timestamp};
use graph_sim::seeds;
use http::{Method, Response};
use store::{Batch, MemoryStore, Revision, Store, View};
use sync::{AccessToken, Error, Notice, Synchronizer, TokenError, TokenProvider, Want};

const WINDOW: &str = "2016-12-01..2016-12-30";

/// The seeds' calendar.
fn walk_through() -> World {
    let world = World::new(1, "2016-12-05T00:00:00Z");
    world.with(|state| state.simulator.load(std::time::SystemTime::UNIX_EPOCH, &seeds::five_events()).unwrap());
    world
}

fn subjects(store: &dyn Store) -> Vec<String> {
    let mut subjects: Vec<String> =
        visible(store).values().map(|event| event["subject"].as_str().unwrap().to_owned()).collect();
    subjects.sort();
    subjects
}

fn answer(status: u16, body: &str) -> Option<Answer> {
    Some(Ok(Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap()))
}

fn kinds(store: &dyn Store) -> Vec<String> {
    let view = pollster::block_on(store.view()).unwrap();
    let entries = pollster::block_on(view.journal(0, 1000)).unwrap();
    entries.iter().map(|entry| format!("{:?} {:?}", entry.note.what, entry.note.reason)).collect()
}

#[test]
fn the_walk_through_is_three_requests_and_then_one() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!((report.round, report.run.requests, report.pages, report.items), (RoundKind::Full, 3, 3, 5));
    assert_eq!((report.changes.created, report.revision), (5, 1));
    assert_eq!(subjects(&store), ["Get food", "Pick up car", "Plan shopping list", "Prepare food", "Rest!"]);

    world.call(Method::DELETE, &format!("/me/events/{}", seeds::FIVE_IDS[2]), None);
    world.with(|state| state.simulator.load(std::time::SystemTime::UNIX_EPOCH, &seeds::sixth_event()).unwrap());
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!(
        (report.round, report.run.requests, report.items),
        (RoundKind::Incremental, 2, 2),
        "and one about what is gone"
    );
    assert_eq!((report.changes.created, report.changes.deleted), (1, 1));
    assert_eq!(subjects(&store), ["Attend service", "Pick up car", "Plan shopping list", "Prepare food", "Rest!"]);
    assert_eq!(visible(&store), world.listing("2016-12-01", "2016-12-30"));

    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!((report.run.requests, report.items, report.changes.unchanged), (1, 0, 0));
    let lines = world.with(|state| state.requests.clone());
    assert_eq!(
        lines[0],
        "GET /v1.0/me/calendarView/delta?startDateTime=2016-12-01T00:00:00Z&endDateTime=2016-12-30T00:00:00Z"
    );
    let (batches, links): (Vec<_>, Vec<_>) = lines[1..].iter().partition(|line| *line == "POST /v1.0/$batch");
    assert_eq!((batches.len(), links.len()), (1, 4));
    assert!(links.iter().all(|line| line.contains("token=…")), "{lines:?}");
}

/// A store that tells what was written.
#[derive(Debug, Default)]
struct Written {
    store: MemoryStore,
    batches: Mutex<Vec<&'static str>>,
}

#[async_trait]
impl Store for Written {
    async fn write(&self, batch: Batch) -> Result<Revision, store::Error> {
        self.batches.lock().unwrap().push(match &batch {
            Batch::Stage(_) => "stage",
            Batch::Publish(_) => "publish",
            Batch::Discard(_) => "discard",
            Batch::EngineState(_) => "state",
        });
        self.store.write(batch).await
    }

    async fn view(&self) -> Result<Arc<dyn View>, store::Error> {
        self.store.view().await
    }
}

#[test]
fn a_round_in_which_nothing_happened_is_one_request_and_one_write() {
    let (world, store) = (walk_through(), Written::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    let link = |store: &Written| pollster::block_on(store.view()).unwrap().tiles()[0].link.clone();
    for minute in 1..4 {
        world.with(|state| state.now = state.now.plus_seconds(60));
        store.batches.lock().unwrap().clear();
        let before = link(&store);
        let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
        assert_eq!((report.run.requests, report.pages, report.items, report.published), (1, 1, 0, true));
        assert_eq!(*store.batches.lock().unwrap(), ["publish"]);
        assert_eq!(report.revision, 1 + minute, "the delta link moves on");
        assert_ne!(link(&store), before);
    }
    world.call(Method::DELETE, &format!("/me/events/{}", seeds::FIVE_IDS[2]), None);
    assert_eq!(world.sync(&replica(WINDOW, 2), &store).unwrap().changes.deleted, 1);
    assert_eq!(visible(&store), world.listing("2016-12-01", "2016-12-30"));
}

#[test]
fn a_killed_round_goes_on_where_it_stopped() {
    for patience in 0..3 {
        let (world, store) = (walk_through(), MemoryStore::default());
        world.with(|state| state.patience = Some(patience));
        assert!(matches!(world.sync(&replica(WINDOW, 2), &store), Err(Error::Round(_))));
        assert!(visible(&store).is_empty(), "nothing is visible before all of it is");
        world.with(|state| {
            state.patience = None;
            state.now = state.now.plus_days(400);
        });
        let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
        // What was taken up may be old, so the next round follows at once.
        let next_round = usize::from(patience > 0);
        assert_eq!(
            (report.resumed_pages as usize, report.run.requests as usize),
            (patience, 3 - patience + next_round)
        );
        assert_eq!(visible(&store).len(), 5);
        assert_eq!(world.with(|state| state.requests.len()), 3 + next_round, "no page was fetched twice");
    }
}

#[test]
fn a_stored_next_link_that_is_dead_begins_the_round_anew() {
    for status in [400, 404, 410] {
        let (world, store) = (walk_through(), MemoryStore::default());
        world.with(|state| state.patience = Some(1));
        assert!(world.sync(&replica(WINDOW, 2), &store).is_err());
        let refused = answer(status, r#"{"error":{"code":"ErrorInvalidParameter","message":"no such token"}}"#);
        world.with(|state| (state.patience, state.script) = (None, vec![refused]));
        let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
        assert_eq!((report.resumed_pages, report.run.requests, report.pages), (0, 4, 3), "{status}");
        assert_eq!(visible(&store).len(), 5);
    }
    // A link that was not stored is refused for another reason.
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|state| state.script = vec![answer(400, ""), None]);
    assert!(world.sync(&replica(WINDOW, 2), &store).is_err());
}

#[test]
fn a_round_that_cannot_go_on_is_not_taken_up_again() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let foreign = r#"{"value":[],"@odata.nextLink":"https://evil.example/v1.0/me/calendarView/delta?t=1"}"#;
    world.with(|state| state.script = vec![None, answer(200, foreign)]);
    assert!(world.sync(&replica(WINDOW, 2), &store).is_err());
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!((report.resumed_pages, report.run.requests), (0, 3));
}

#[test]
fn what_one_server_has_staged_is_not_published_as_anothers() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let us = "https://graph.microsoft.us/v1.0/me/calendarView/delta?$deltatoken=x";
    let page = format!(r#"{{"value":[{{"id":"theirs"}}],"@odata.deltaLink":"{us}"}}"#);
    // All pages of a first round are staged, and the power goes before they are published.
    let mut other = replica(WINDOW, 2);
    other.root = ROOT.replace(".com", ".us").parse().unwrap();
    let theirs = move |_| {
        let page = page.clone();
        async { Ok(Response::new(Bytes::from(page))) }
    };
    let staging = StagingOnly(Arc::new(store));
    let transport = sync::transport_fn(theirs);
    let synchronizer = Synchronizer::new(transport, AccessToken::new(TOKEN).unwrap(), world.clone(), 1);
    assert!(pollster::block_on(synchronizer.run(&other, &staging)).is_err());
    let view = pollster::block_on(staging.0.view()).unwrap();
    assert_eq!((view.revision().0, view.rounds().len()), (0, 1));

    let report = world.sync(&replica(WINDOW, 2), &staging.0).unwrap();
    assert_eq!(report.resumed_pages, 0);
    assert_eq!(visible(&staging.0), world.listing("2016-12-01", "2016-12-30"));
}

/// A store that fails whenever it is to publish.
#[derive(Debug)]
struct StagingOnly(Arc<MemoryStore>);

#[async_trait::async_trait]
impl Store for StagingOnly {
    async fn write(&self, batch: Batch) -> Result<Revision, store::Error> {
        match batch {
            Batch::Publish(_) => Err(store::Error::ReadOnly),
            batch => self.0.write(batch).await,
        }
    }

    async fn view(&self) -> Result<Arc<dyn View>, store::Error> {
        self.0.view().await
    }
}

#[test]
fn a_first_round_that_is_resumed_on_another_day_keeps_its_window() {
    let (world, store) = (World::new(1, "2026-03-01T10:00:00Z"), MemoryStore::default());
    for day in 0..6 {
        world.create("x", Timestamp::parse("2026-03-01").unwrap().plus_days(day * 60), 30);
    }
    world.with(|state| state.patience = Some(1));
    assert!(world.sync(&replica("-30d..+365d", 2), &store).is_err());
    world.with(|state| {
        state.patience = None;
        state.now = state.now.plus_days(1);
    });
    let report = world.sync(&replica("-30d..+365d", 2), &store).unwrap();
    assert_eq!(report.resumed_pages, 1);
    assert_eq!(report.window.unwrap().to_string(), "2026-01-30T00:00:00Z..2027-04-01T00:00:00Z");
}

#[test]
fn a_rolling_window_is_read_once_and_made_anew_when_today_needs_more() {
    let (world, store) = (World::new(1, "2026-03-01T10:00:00Z"), MemoryStore::default());
    let day = |days: i64| Timestamp::parse("2026-03-01").unwrap().plus_days(days);
    world.create("long past", day(-29), 60);
    world.create("soon", day(5), 60);
    world.create("far", day(400), 60);
    world.create("beyond", day(430), 60);
    let policy = replica("-30d..+365d", 10);
    assert_eq!(world.sync(&policy, &store).unwrap().round, RoundKind::Full);
    assert_eq!(visible(&store).len(), 2);
    for days in 1..=30 {
        world.with(|state| state.now = day(days));
        let report = world.sync(&policy, &store).unwrap();
        assert_eq!((report.round, report.run.requests), (RoundKind::Incremental, 1), "day {days}");
    }
    world.with(|state| state.now = day(31));
    let report = world.sync(&policy, &store).unwrap();
    assert_eq!(report.round, RoundKind::Full);
    assert_eq!((report.changes.created, report.changes.left_window, report.changes.deleted), (1, 1, 0));
    assert_eq!(report.changes.updated, 0);
    let mut subjects = subjects(&store);
    subjects.sort();
    assert_eq!(subjects, ["far", "soon"]);
    assert_eq!(kinds(&store)[2..], ["Created Window", "LeftWindow Window"]);
    world.with(|state| state.now = day(32));
    assert_eq!(world.sync(&policy, &store).unwrap().round, RoundKind::Incremental);
}

#[test]
fn another_window_is_a_full_round_that_changes_only_what_differs() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    let report = world.sync(&replica("2016-12-10T12:00:00Z..2016-12-30", 2), &store).unwrap();
    assert_eq!((report.round, report.changes.left_window, report.changes.created), (RoundKind::Full, 2, 0));
    assert_eq!(visible(&store), world.listing("2016-12-10T12:00:00Z", "2016-12-30"));
}

#[test]
fn a_forgotten_token_is_a_full_round_that_changes_only_what_differs() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    world.call(Method::DELETE, &format!("/me/events/{}", seeds::FIVE_IDS[0]), None);
    let gone = r#"{"error":{"code":"SyncStateNotFound","message":"The sync state generation is not found"}}"#;
    world.with(|state| state.script = vec![answer(410, gone)]);
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    let [restart] = report.run.restarts.as_slice() else { panic!("{report:?}") };
    assert_eq!((report.round, restart.reason.as_str()), (RoundKind::Full, "SyncStateNotFound"));
    assert_eq!((report.changes.created, report.changes.updated, report.changes.deleted), (0, 0, 1));
    assert_eq!(kinds(&store).last().unwrap(), "Deleted Resync");
}

#[test]
fn waits_are_kept() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let throttled = Response::builder().status(429).header("retry-after", "120").body(Bytes::new()).unwrap();
    world.with(|state| state.script = vec![Some(Ok(throttled)), answer(503, ""), None, answer(502, "<html>")]);
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!((report.run.waits, report.run.requests, report.pages), (3, 6, 3));
    assert!(world.with(|state| state.waited.as_secs()) >= 120);
    assert_eq!(visible(&store).len(), 5);
}

#[test]
fn a_pause_that_is_too_long_ends_the_run_and_the_next_one_goes_on() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let throttled = |seconds| {
        let response = Response::builder().status(429).header("retry-after", seconds);
        Some(Ok(response.body(Bytes::new()).unwrap()))
    };
    let begun = world.with(|state| state.now);
    world.with(|state| state.script = vec![None, throttled(901)]);
    for _ in 0..3 {
        // Each of these is another process, and only the first one asks the server.
        let error = world.sync(&replica(WINDOW, 2), &store).unwrap_err();
        let Error::Throttled { retry_at, .. } = error else { panic!("{error}") };
        assert_eq!(retry_at, begun.plus_seconds(901));
        assert_eq!(world.with(|state| (state.requests.len(), state.waited.as_secs())), (2, 0));
    }
    world.with(|state| state.now = state.now.plus_seconds(600));
    assert_eq!(world.sync(&replica(WINDOW, 2), &store).unwrap().resumed_pages, 1);
    assert_eq!(world.with(|state| state.waited.as_secs()), 301, "the rest of it");
    let (world, store) = (walk_through(), MemoryStore::default());
    world.with(|state| state.script = vec![throttled(u64::MAX)]);
    let error = world.sync(&replica(WINDOW, 2), &store).unwrap_err();
    let tomorrow = begun.plus_days(1);
    assert!(
        matches!(error, Error::Throttled { retry_at, .. } if retry_at == tomorrow),
        "nobody waits for ever: {error}"
    );
}

/// Hands out one token after the other, and remembers what was wanted.
#[derive(Clone, Default)]
struct Tokens(Arc<Mutex<Vec<Want>>>);

#[async_trait::async_trait]
impl TokenProvider for Tokens {
    async fn token(&self, want: &Want) -> Result<AccessToken, TokenError> {
        self.0.lock().unwrap().push(want.clone());
        AccessToken::new(TOKEN)
    }
}

#[test]
fn tokens_are_refreshed_in_the_middle_of_a_round() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let challenge = Response::builder()
        .status(401)
        .header("www-authenticate", r#"Bearer realm="", error="insufficient_claims", claims="eyJ9""#)
        .body(Bytes::new())
        .unwrap();
    world.with(|state| state.script = vec![None, answer(401, ""), None, Some(Ok(challenge))]);
    let tokens = Tokens::default();
    let synchronizer = Synchronizer::new(world.clone(), tokens.clone(), world.clone(), 7);
    let report = pollster::block_on(synchronizer.run(&replica(WINDOW, 2), &store)).unwrap();
    assert_eq!((report.run.requests, report.pages), (5, 3));
    let wants = [Want::Good, Want::Good, Want::Fresh, Want::Good, Want::WithClaims("eyJ9".into())];
    assert_eq!(*tokens.0.lock().unwrap(), wants);
}

#[test]
fn a_token_that_cannot_be_refreshed_ends_the_run_with_nothing_lost() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    world.with(|state| state.script = vec![answer(401, "")]);
    let error = world.sync(&replica(WINDOW, 2), &store).unwrap_err();
    assert!(matches!(error, Error::Token(TokenError::Refused)), "{error}");
    assert_eq!(visible(&store).len(), 5);
}

#[test]
fn a_server_that_is_not_graph_changes_nothing() {
    for body in ["<html></html>", "{}", r#"{"value":null,"@odata.deltaLink":"/x"}"#, r#"{"value":[]}"#, "[]", ""] {
        let (world, store) = (walk_through(), MemoryStore::default());
        world.sync(&replica(WINDOW, 2), &store).unwrap();
        let before = visible(&store);
        world.with(|state| state.script = vec![answer(200, body)]);
        assert!(matches!(world.sync(&replica(WINDOW, 2), &store), Err(Error::Round(_))), "{body}");
        assert_eq!(visible(&store), before);
        world.sync(&replica(WINDOW, 2), &store).unwrap();
    }
}

#[test]
fn another_calendar_behind_the_same_store_is_refused_before_a_request_is_sent() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    let sent = world.with(|state| state.requests.len());
    let mut other = replica(WINDOW, 2);
    other.version = Some(ApiVersion::Beta);
    let error = world.sync(&other, &store).unwrap_err();
    assert!(matches!(&error, Error::Store(store::Error::Identity { .. })), "{error}");
    other = replica(WINDOW, 2);
    other.root = ROOT.replace(".com", ".us").parse().unwrap();
    assert!(world.sync(&other, &store).is_err());
    assert_eq!(world.with(|state| state.requests.len()), sent);
}

#[test]
fn an_item_that_cannot_be_read_is_counted_and_sweeps_nothing() {
    let (world, store) = (walk_through(), MemoryStore::default());
    world.sync(&replica(WINDOW, 2), &store).unwrap();
    let page = r#"{"value":[{"subject":"no id"}],"@odata.deltaLink":"/v1.0/me/calendarView/delta?$deltatoken=x"}"#;
    world.with(|state| state.script = vec![answer(410, ""), answer(200, page)]);
    let report = world.sync(&replica(WINDOW, 2), &store).unwrap();
    assert_eq!((report.changes.malformed, report.changes.deleted), (1, 0));
    assert_eq!(visible(&store).len(), 5);
    // Within the day the next round merges; a day later everything is read again.
    world.with(|state| state.script = vec![answer(200, &page.replace(r#"{"subject":"no id"}"#, ""))]);
    assert_eq!(world.sync(&replica(WINDOW, 2), &store).unwrap().round, RoundKind::Incremental);
    world.with(|state| state.now = state.now.plus_days(1));
    assert_eq!(world.sync(&replica(WINDOW, 2), &store).unwrap().round, RoundKind::Full);
    world.with(|state| state.now = state.now.plus_days(2));
    assert_eq!(world.sync(&replica(WINDOW, 2), &store).unwrap().round, RoundKind::Incremental);
}

#[test]
fn an_events_view_is_kept_with_what_it_gives() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let mut events = replica(WINDOW, 2);
    events.resource = "me/calendar/events".parse().unwrap();
    let report = world.sync(&events, &store).unwrap();
    assert_eq!((report.round, report.items, report.window), (RoundKind::Full, 5, None));
    let seen = visible(&store);
    assert_eq!(seen.len(), 5);
    assert!(seen.values().all(|event| event["start"].is_object() && event.get("subject").is_none()));
    world.call(Method::DELETE, &format!("/me/events/{}", seeds::FIVE_IDS[0]), None);
    let report = world.sync(&events, &store).unwrap();
    assert_eq!((report.round, report.changes.deleted), (RoundKind::Incremental, 1));
}

#[test]
fn secrets_never_print() {
    let (world, store) = (walk_through(), MemoryStore::default());
    let printed = Arc::new(Mutex::new(String::new()));
    let log = printed.clone();
    let watch = move |notice: &Notice<'_>| log.lock().unwrap().push_str(&format!("{notice:?}\n"));
    let synchronizer =
        Synchronizer::new(world.clone(), AccessToken::new(TOKEN).unwrap(), world.clone(), 3).with_observer(watch);
    let report = pollster::block_on(synchronizer.run(&replica(WINDOW, 2), &store)).unwrap();
    let view = pollster::block_on(store.view()).unwrap();
    let link = view.tiles()[0].link.clone().unwrap();
    let (_, token) = link.expose().split_once("token=").unwrap();
    let all = format!("{}{report:?}{synchronizer:?}{store:?}{view:?}{:?}", printed.lock().unwrap(), view.tiles());
    assert!(all.contains("skiptoken=…") && !all.contains(token) && !all.contains("Bearer"), "{all}");
}
