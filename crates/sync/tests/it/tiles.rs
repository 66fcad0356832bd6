//! What tiles cost and what they bring: requests, time, and windows that get through in parts only.

use std::fmt::Write;
use std::num::{NonZeroU8, NonZeroU32};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use delta_core::{Cloud, Failure, RoundKind, Timestamp};
use graph_sim::{FaultPlan, Population, Simulator, SimulatorOptions};
use http::{Request, Response};
use serde_json::{Value, json};
use std::sync::Mutex;
use store::{MemoryStore, Store};
use sync::{AccessToken, Replica, SyncReport, Synchronizer, Timer, Transport, WindowPolicy};

use crate::virtual_time::Clock;
use crate::world::visible;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/windows.md");
const BEGIN: &str = "2026-03-01T00:00:00Z";
/// Every quarter of an hour.
const POLLS: i64 = 96;

/// One mailbox, with a calendar that nobody changes, and a line on which each page takes its time.
#[derive(Clone)]
struct Quiet {
    simulator: Arc<Mutex<Simulator>>,
    clock: Clock,
    latency: Duration,
    requests: Arc<Mutex<u64>>,
}

#[async_trait]
impl Transport for Quiet {
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Failure> {
        *self.requests.lock().unwrap() += 1;
        let mut request = request.map(Bytes::from);
        let under_way = self.simulator.lock().unwrap().arrive(self.clock.system_time(), &mut request);
        if !self.latency.is_zero() {
            self.clock.sleep(self.latency).await;
        }
        let mut simulator = self.simulator.lock().unwrap();
        let answer = simulator.handle(self.clock.system_time(), request);
        simulator.leave(under_way);
        Ok(answer)
    }
}

impl Quiet {
    /// So many events, one after the other from a day on, so many hours apart.
    fn new(events: i64, first: &str, hours: i64, latency: Duration) -> Self {
        let clock = Clock::at(BEGIN);
        let first = Timestamp::parse(first).unwrap();
        let event = |number: i64| {
            let at = |minutes: i64| {
                let time = first.plus_seconds(number * hours * 3_600 + minutes * 60);
                json!({"dateTime": time.to_string().trim_end_matches('Z'), "timeZone": "UTC"})
            };
            json!({"subject": format!("Meeting {number}"), "start": at(0), "end": at(30)})
        };
        let events: Vec<Value> = (0..events).map(event).collect();
        let users = json!([{"displayName": "Samantha Booth", "userPrincipalName": "samanthab@contoso.com",
            "calendars": [{"isDefaultCalendar": true, "events": events}]}]);
        let mut simulator = Simulator::empty(SimulatorOptions::new());
        let population = Population::from_json(json!({"users": users}).to_string().as_bytes()).unwrap();
        simulator.load(clock.system_time(), &population).unwrap();
        Self { simulator: Arc::new(Mutex::new(simulator)), clock, latency, requests: Arc::default() }
    }

    fn set_faults(&self, plan: &Value) {
        let plan = FaultPlan::from_json(plan.to_string().as_bytes()).unwrap();
        self.simulator.lock().unwrap().set_faults(Some(plan));
    }

    fn sync(&self, replica: &Replica, store: &dyn Store) -> SyncReport {
        let seed = *self.requests.lock().unwrap();
        let engine = Synchronizer::new(self.clone(), AccessToken::new("secret").unwrap(), self.clock.clone(), seed);
        self.clock.block_on(engine.run(replica, store)).unwrap()
    }

    fn pass(&self, duration: Duration) {
        self.clock.block_on(self.clock.sleep(duration));
    }
}

fn replica(window: &str, tiles: u8) -> Replica {
    Replica {
        window: window.parse().unwrap(),
        page_size: NonZeroU32::new(200),
        tiles: NonZeroU8::new(tiles).unwrap(),
        ..Replica::new(Cloud::Global.into(), "users/samanthab@contoso.com".parse().unwrap())
    }
}

/// What a replica of so many tiles costs.
struct Cost {
    tiles: u8,
    first: u32,
    quiet: u32,
    roll: u32,
    /// How many events the roll reads again.
    read: u64,
    /// How many days lie between two rolls.
    apart: i64,
}

impl Cost {
    fn of(tiles: u8) -> Self {
        let quiet = Quiet::new(2_000, "2025-12-01T09:00:00Z", 9, Duration::ZERO);
        let (store, replica) = (MemoryStore::default(), replica("-30d..+365d", tiles));
        let first = quiet.sync(&replica, &store).run.requests;
        let begin = Timestamp::parse(BEGIN).unwrap();
        let policy = WindowPolicy::default();
        let windows = policy.windows(begin, tiles).unwrap();
        let needs_more = |day: &i64| policy.moved(&windows, begin.plus_days(*day), tiles).unwrap().is_some();
        let apart = (1..).find(needs_more).unwrap();
        quiet.pass(Duration::from_secs(86_400) * u32::try_from(apart - 1).unwrap());
        let day = || {
            let (mut requests, mut read) = (0, 0);
            for _ in 0..POLLS {
                let report = quiet.sync(&replica, &store);
                requests += report.run.requests;
                read += report
                    .tiles
                    .iter()
                    .filter(|tile| tile.round == RoundKind::Full)
                    .map(|tile| tile.items)
                    .sum::<u64>();
                quiet.pass(Duration::from_secs(900));
            }
            (requests, read)
        };
        let (calm, nothing) = day();
        assert_eq!(nothing, 0, "the day before has no roll");
        let (roll, read) = day();
        assert_eq!(day(), (calm, 0), "nor has the day after");
        Self { tiles, first, quiet: calm, roll, read, apart }
    }

    /// The requests of thirty days, with as many rolls as there are on average.
    fn month(&self) -> u32 {
        let rolls = f64::from(self.roll - self.quiet) * 30.0 / self.apart as f64;
        30 * self.quiet + rolls.round() as u32
    }
}

/// `CALDELTA_WRITE_DOCS=1` writes the table.
#[test]
fn the_page_about_windows_tells_what_tiles_cost() {
    let costs: Vec<Cost> = [1, 4, 12].into_iter().map(Cost::of).collect();
    let mut table =
        "| tiles | first sync | a day without a roll | a day with one | rolls | events read in a roll | a month |\n\
        |--:|--:|--:|--:|---|--:|--:|\n"
            .to_owned();
    for cost in &costs {
        let Cost { tiles, first, quiet, roll, read, apart } = cost;
        let month = cost.month();
        writeln!(table, "| {tiles} | {first} | {quiet} | {roll} | every {apart} days | {read} | {month} |").unwrap();
    }
    assert!(costs[1..].iter().all(|cost| cost.month() > costs[0].month()), "the default is the cheapest");
    let page = std::fs::read_to_string(PAGE).unwrap();
    let (before, rest) = page.split_once("| tiles | first sync").expect("a table");
    let (_, after) = rest.split_once("\n\n").unwrap();
    let written = format!("{before}{table}\n{after}");
    if std::env::var_os("CALDELTA_WRITE_DOCS").is_some() {
        std::fs::write(PAGE, &written).unwrap();
    } else {
        assert_eq!(page, written, "write the table again with CALDELTA_WRITE_DOCS=1");
    }
}

/// A second for each page, 4,000 events, pages of 200, and no more than three requests at a time.
#[test]
fn four_tiles_are_read_side_by_side() {
    let first_sync = |tiles: u8| {
        let quiet = Quiet::new(4_000, BEGIN, 2, Duration::from_secs(1));
        let store = MemoryStore::default();
        let began = quiet.clock.now();
        quiet.sync(&replica("2026-03-01..2027-02-01", tiles), &store);
        let most = quiet.simulator.lock().unwrap().most_in_flight();
        (quiet.clock.now().seconds() - began.seconds(), most, visible(&store))
    };
    let (alone, one, shown) = first_sync(1);
    let (side_by_side, three, same) = first_sync(4);
    assert_eq!((one, three, shown.len()), (1, 3, 4_000));
    assert!(shown == same, "the same comes of it");
    println!("one tile: {alone} s, four tiles: {side_by_side} s");
    assert!(2 * alone >= 5 * side_by_side, "{alone} s and {side_by_side} s");
}

/// What is too much for the server in one piece is read in parts, which are as good as the whole, and kept.
#[test]
fn a_window_that_gets_through_only_in_parts_is_read_in_parts() {
    for (name, fault) in [
        ("overload", json!({"status": {"status": 503}})),
        ("timeout", json!({"status": {"status": 504}})),
        ("livelock", json!("msgraph-sdk-dotnet-3082")),
        ("livelock", json!({"pageCycle": {"period": 2}})),
    ] {
        let quiet = Quiet::new(300, "2026-01-20T09:00:00Z", 36, Duration::ZERO);
        let (store, replica) = (MemoryStore::default(), replica("-30d..+365d", 1));
        // No listing stands in, either: it has no limit of the kind.
        quiet.set_faults(&json!({"schema": "faults/1", "rules": [
            {"on": {"kind": "initial", "windowDaysAbove": 200}, "fault": fault},
        ]}));
        let report = quiet.sync(&replica, &store);
        assert_eq!((report.tiles.len(), report.listing), (4, false), "{name}: {report:?}");
        let degraded = report.run.degradations.iter().any(|what| what.starts_with("the window in parts"));
        assert!(degraded && report.tiles.iter().all(|tile| tile.error.is_none()), "{name}: {report:?}");
        let parts = visible(&store);
        // They are gone on with as they are.
        quiet.pass(Duration::from_secs(900));
        let next = quiet.sync(&replica, &store);
        assert_eq!((next.tiles.len(), next.run.requests, next.round), (4, 4, RoundKind::Incremental), "{name}");
        // The window that is made anew is one again, if it gets through by then.
        quiet.simulator.lock().unwrap().clear_faults();
        quiet.pass(Duration::from_secs(86_400 * 32));
        let anew = quiet.sync(&replica, &store);
        assert_eq!((anew.tiles.len(), anew.changes.updated, anew.changes.deleted), (1, 0, 0), "{name}");
        let whole = MemoryStore::default();
        let other = Quiet::new(300, "2026-01-20T09:00:00Z", 36, Duration::ZERO);
        other.sync(&replica, &whole);
        assert!(parts == visible(&whole), "{name}: the parts are as good as the whole");
    }
}
