//! Guarantees over random calendars, random changes between and during rounds, random page sizes, cut lines and crashes.
//! The oracle is the simulator's own listing.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;
use std::sync::{Arc, Mutex};

use crate::world::{World, event, replica, visible};
use delta_core::Timestamp;
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use store::disk::{Fault, SimDisk, Survival};
use store::{FileOptions, FileStore, MemoryStore, Store};
use sync::Notice;

const WINDOW: (&str, &str) = ("2026-03-01", "2026-04-01");

/// What can happen. Days count from a week before the window to a week after it.
#[derive(Clone, Debug)]
enum Step {
    Create {
        day: i64,
        minutes: i64,
    },
    CreateAllDay {
        day: i64,
        days: i64,
    },
    Rename(usize),
    Move {
        event: usize,
        day: i64,
    },
    Delete(usize),
    /// The same kinds of change, in the middle of the next round.
    Meanwhile(Vec<Meanwhile>),
    /// A run whose line goes dead after so many requests.
    Cut(usize),
    /// A run with pages of this size.
    Sync(u32),
}

#[derive(Clone, Debug)]
enum Meanwhile {
    Create { day: i64 },
    Rename(usize),
    Move { event: usize, day: i64 },
    Delete(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let day = 0..45_i64;
    let meanwhile = prop_oneof![
        day.clone().prop_map(|day| Meanwhile::Create { day }),
        any::<usize>().prop_map(Meanwhile::Rename),
        (any::<usize>(), day.clone()).prop_map(|(event, day)| Meanwhile::Move { event, day }),
        any::<usize>().prop_map(Meanwhile::Delete),
    ];
    let step = prop_oneof![
        4 => (day.clone(), 0..3000_i64).prop_map(|(day, minutes)| Step::Create { day, minutes }),
        1 => (day.clone(), 1..4_i64).prop_map(|(day, days)| Step::CreateAllDay { day, days }),
        2 => any::<usize>().prop_map(Step::Rename),
        2 => (any::<usize>(), day).prop_map(|(event, day)| Step::Move { event, day }),
        2 => any::<usize>().prop_map(Step::Delete),
        1 => prop::collection::vec(meanwhile, 1..4).prop_map(Step::Meanwhile),
        1 => (0..4_usize).prop_map(Step::Cut),
        2 => (1..6_u32).prop_map(Step::Sync),
    ];
    prop::collection::vec(step, 1..40)
}

/// A calendar, and the ids of its events.
struct Calendar {
    world: World,
    ids: Vec<String>,
    /// How many tiles its copies are made of.
    tiles: NonZeroU8,
}

impl Calendar {
    /// The copies of every other one are made of four tiles.
    fn new(seed: u64) -> Self {
        let tiles = if seed.is_multiple_of(2) { 1 } else { 4 };
        let tiles = NonZeroU8::new(tiles).unwrap();
        Self { world: World::new(seed, "2026-03-05T00:00:00Z"), ids: Vec::new(), tiles }
    }

    fn day(day: i64) -> Timestamp {
        Timestamp::parse(WINDOW.0).unwrap().plus_days(day - 7)
    }

    fn pick(&self, event: usize) -> Option<usize> {
        (!self.ids.is_empty()).then(|| event % self.ids.len())
    }

    fn change(&mut self, step: &Step) {
        self.world.with(|state| state.now = state.now.plus_seconds(1));
        match step {
            Step::Create { day, minutes } => {
                let start = Self::day(*day).plus_seconds(minutes * 7 % 86_400);
                self.ids.push(self.world.create(&format!("event {}", self.ids.len()), start, *minutes));
            }
            Step::CreateAllDay { day, days } => {
                let mut all_day = event("all day", Self::day(*day), days * 1440);
                all_day["isAllDay"] = json!(true);
                let created = self.world.call(Method::POST, "/me/events", Some(all_day));
                self.ids.push(created["id"].as_str().unwrap().to_owned());
            }
            Step::Rename(event) => self.patch(*event, Self::renamed(*event)),
            Step::Move { event, day } => self.patch(*event, Self::moved(*day)),
            Step::Delete(event) => {
                if let Some(at) = self.pick(*event) {
                    let id = self.ids.swap_remove(at);
                    self.world.attempt(Method::DELETE, &format!("/me/events/{id}"), None);
                }
            }
            Step::Meanwhile(changes) => {
                let calls = changes.iter().filter_map(|change| self.meanwhile(change)).collect();
                self.world.with(|state| state.meanwhile = calls);
            }
            Step::Cut(_) | Step::Sync(_) => {}
        }
    }

    fn renamed(n: usize) -> Value {
        json!({ "subject": format!("renamed {}", n % 1000) })
    }

    fn moved(day: i64) -> Value {
        let times = event("", Self::day(day), 1440);
        json!({ "start": times["start"], "end": times["end"] })
    }

    fn patch(&self, event: usize, body: Value) {
        if let Some(at) = self.pick(event) {
            let id = &self.ids[at];
            self.world.attempt(Method::PATCH, &format!("/me/events/{id}"), Some(body));
        }
    }

    fn meanwhile(&self, change: &Meanwhile) -> Option<(Method, String, Option<Value>)> {
        let url = |event: &usize| self.pick(*event).map(|at| format!("/me/events/{}", self.ids[at]));
        Some(match change {
            Meanwhile::Create { day } => {
                (Method::POST, "/me/events".into(), Some(event("meanwhile", Self::day(*day), 60)))
            }
            Meanwhile::Rename(event) => (Method::PATCH, url(event)?, Some(Self::renamed(*event))),
            Meanwhile::Move { event, day } => (Method::PATCH, url(event)?, Some(Self::moved(*day))),
            Meanwhile::Delete(event) => (Method::DELETE, url(event)?, None),
        })
    }

    /// A run that stops after so many requests, or at its end. Readers see nothing of it before it is published.
    fn run(&self, store: &Arc<dyn Store>, page_size: u32, patience: Option<usize>) {
        self.world.with(|state| state.patience = patience);
        let (reader, before) = (store.clone(), Mutex::new(BTreeMap::new()));
        let watch = move |notice: &Notice<'_>| match notice {
            Notice::Round { .. } => *before.lock().unwrap() = visible(&reader),
            Notice::Page { .. } => assert!(visible(&reader) == *before.lock().unwrap(), "readers see half a run"),
            _ => {}
        };
        let synchronizer = self.world.synchronizer().with_observer(watch);
        let outcome = pollster::block_on(synchronizer.run(&self.replica(page_size), store));
        assert!(outcome.is_ok() || patience.is_some(), "{outcome:?}");
        self.world.with(|state| state.patience = None);
    }

    /// A run at which the server is at rest. What was asked for in vain, when the line was cut, is due by then.
    fn settle(&self, store: &Arc<dyn Store>, page_size: u32) {
        self.world.with(|state| {
            state.meanwhile.clear();
            state.now = state.now.plus_days(1);
        });
        self.run(store, page_size, None);
    }

    fn replica(&self, page_size: u32) -> sync::Replica {
        sync::Replica { tiles: self.tiles, ..replica(&format!("{}..{}", WINDOW.0, WINDOW.1), page_size) }
    }

    fn listing(&self) -> BTreeMap<String, Value> {
        self.world.listing(WINDOW.0, WINDOW.1)
    }

    /// Plays a history, with runs where it says so.
    fn play(&mut self, steps: &[Step], store: &Arc<dyn Store>) {
        for step in steps {
            self.change(step);
            match step {
                Step::Sync(page_size) => self.run(store, *page_size, None),
                Step::Cut(patience) => self.run(store, 2, Some(*patience)),
                _ => {}
            }
        }
    }
}

fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::default())
}

fn file(seed: u64) -> Arc<dyn Store> {
    Arc::new(open(&SimDisk::new(seed)).unwrap())
}

/// What the journal says happened: id, what, etags before and after.
fn journal(store: &dyn Store) -> BTreeSet<String> {
    let view = pollster::block_on(store.view()).unwrap();
    let entries = pollster::block_on(view.journal(0, 10_000)).unwrap();
    let told = entries.iter().map(|entry| &entry.note);
    told.map(|note| format!("{} {:?} {:?} {:?}", note.id, note.what, note.etag_before, note.etag_after)).collect()
}

fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// After a run against a server at rest, ids and every property equal the server's own listing of the window,
    /// whatever was changed, cut off and resumed before; also with every item said twice.
    #[test]
    fn replica_equals_server(steps in steps(), seed in 0..1000_u64, page_size in 1..9_u32, stutter: bool) {
        for store in [memory(), file(seed)] {
            let mut calendar = Calendar::new(seed);
            calendar.world.with(|state| state.stutter = stutter);
            calendar.play(&steps, &store);
            calendar.settle(&store, page_size);
            prop_assert_eq!(visible(&store), calendar.listing());
        }
    }

    /// A replica that was fed by deltas equals one made from scratch.
    #[test]
    fn full_and_incremental_agree(steps in steps(), seed in 0..1000_u64) {
        let (mut calendar, store) = (Calendar::new(seed), memory());
        calendar.play(&steps, &store);
        calendar.settle(&store, 3);
        let scratch = memory();
        calendar.run(&scratch, 1000, None);
        prop_assert_eq!(visible(&scratch), visible(&store));
    }

    /// However the same history is cut into pages, the same rows and the same journal come of it.
    #[test]
    fn repaging_changes_nothing(steps in steps(), seed in 0..1000_u64, one in 1..4_u32, other in 4..50_u32) {
        let (small, large) = (memory(), memory());
        let mut calendar = Calendar::new(seed);
        for step in steps.iter().filter(|step| !matches!(step, Step::Meanwhile(_))) {
            calendar.change(step);
            if matches!(step, Step::Sync(_) | Step::Cut(_)) {
                calendar.run(&small, one, None);
                calendar.run(&large, other, None);
                prop_assert_eq!(visible(&small), visible(&large));
                prop_assert_eq!(journal(&small), journal(&large));
            }
        }
    }

    /// A run against a server where nothing happened changes nothing and notes nothing.
    #[test]
    fn replays_change_nothing(steps in steps(), seed in 0..1000_u64, page_size in 1..9_u32, stutter: bool) {
        let (mut calendar, store) = (Calendar::new(seed), memory());
        calendar.play(&steps, &store);
        calendar.settle(&store, page_size);
        let (rows, told) = (visible(&store), journal(&store));
        calendar.world.with(|state| state.stutter = stutter);
        calendar.run(&store, page_size, None);
        prop_assert_eq!((visible(&store), journal(&store)), (rows, told));
    }

    /// A run that is cut off deletes nothing, and neither does a round that a restart has made void.
    #[test]
    fn nothing_is_deleted_by_silence(steps in steps(), seed in 0..1000_u64, patience in 0..5_usize, resync: bool) {
        let (mut calendar, store) = (Calendar::new(seed), memory());
        calendar.play(&steps, &store);
        calendar.settle(&store, 2);
        let before = visible(&store);
        if resync {
            calendar.world.with(|state| state.script = vec![gone()]);
        }
        calendar.run(&store, 1, Some(patience));
        prop_assert_eq!(visible(&store), before);
        prop_assert_eq!(visible(&store), calendar.listing());
    }

    /// A forgotten token and the full round after it note the same changes as if the token had lived.
    #[test]
    fn resync_emits_only_true_changes(steps in steps(), seed in 0..1000_u64, page_size in 1..9_u32) {
        let (lived, forgot) = (memory(), memory());
        let mut calendar = Calendar::new(seed);
        for step in steps.iter().filter(|step| !matches!(step, Step::Meanwhile(_))) {
            calendar.change(step);
            if matches!(step, Step::Sync(_) | Step::Cut(_)) {
                calendar.run(&lived, page_size, None);
                calendar.world.with(|state| state.script = vec![gone()]);
                calendar.run(&forgot, page_size, None);
                prop_assert_eq!(visible(&lived), visible(&forgot));
                prop_assert_eq!(journal(&lived), journal(&forgot));
            }
        }
    }

    /// Several targets of one mailbox, synced in any order, don't get in each other's way.
    #[test]
    fn interleaved_targets_do_not_meet(
        steps in steps(),
        seed in 0..1000_u64,
        turns in prop::collection::vec((0..3_usize, 1..5_u32), 1..12),
    ) {
        let mut calendar = Calendar::new(seed);
        let calendars = calendar.world.call(Method::GET, "/me/calendars", None);
        let calendars = calendars["value"].as_array().unwrap();
        let travel = calendars.iter().find(|calendar| calendar["name"] == "Travel").unwrap();
        let travel = format!("me/calendars/{}", travel["id"].as_str().unwrap());
        let late = ("2026-03-20", "2026-04-10");
        let targets = [("me", WINDOW), ("me", late), (travel.as_str(), WINDOW)];
        let stores = [memory(), memory(), memory()];
        let sync = |world: &World, (which, page_size): (usize, u32)| {
            let (resource, window) = targets[which];
            let mut replica = replica(&format!("{}..{}", window.0, window.1), page_size);
            replica.resource = resource.parse().unwrap();
            world.sync(&replica, &stores[which]).unwrap();
        };
        let mut turns = turns.into_iter().cycle();
        for step in &steps {
            calendar.change(step);
            match step {
                Step::Create { day, .. } if day % 3 == 0 => {
                    let body = event("elsewhere", Calendar::day(*day), 30);
                    calendar.world.call(Method::POST, &format!("/{travel}/events"), Some(body));
                }
                Step::Sync(_) | Step::Cut(_) => sync(&calendar.world, turns.next().unwrap()),
                _ => {}
            }
        }
        calendar.world.with(|state| state.meanwhile.clear());
        for which in [2, 0, 1, 0, 1, 2] {
            sync(&calendar.world, (which, 3));
        }
        for (which, (resource, window)) in targets.into_iter().enumerate() {
            prop_assert_eq!(visible(&stores[which]), calendar.world.listing_of(resource, window.0, window.1));
        }
    }

    /// Cut the power at any operation on the disk, with any of the unsynced bytes surviving: what is found is the old
    /// or the new published state, and the next run makes it right.
    #[test]
    fn crash_anywhere_converges(
        steps in steps(),
        seed in 0..1000_u64,
        crash in 0..40_u64,
        survival in prop::sample::select(Survival::ALL.to_vec()),
    ) {
        let mut calendar = Calendar::new(seed);
        let disk = SimDisk::new(seed);
        // What was last found to be published: its revision, and the rows.
        let mut published = (0, BTreeMap::new());
        // Whether pages of an earlier attempt may be staged: a run that publishes them publishes what was true then.
        let mut staged = false;
        for step in steps.iter().filter(|step| !matches!(step, Step::Meanwhile(_))) {
            calendar.change(step);
            let Step::Sync(page_size) = step else { continue };
            disk.fail_at(disk.operations() + crash, Fault::PowerOff);
            let replica = calendar.replica(*page_size);
            let outcome = open(&disk).map_err(Into::into).and_then(|store| calendar.world.sync(&replica, &store));
            if outcome.is_err() {
                disk.crash(survival);
            }
            disk.fail_at(u64::MAX, Fault::PowerOff);
            let store = open(&disk).unwrap();
            let found = (revision(&store), visible(&store));
            let new = found.1 == calendar.listing();
            match (outcome.is_ok(), found.0 - published.0) {
                (true, runs) => prop_assert!(new && runs > 0, "a run was acknowledged and is gone"),
                (false, 0) => prop_assert_eq!(&found.1, &published.1, "the old state has changed"),
                (false, runs) => prop_assert!(runs <= 2 && (new || staged), "neither the old nor the new state"),
            }
            staged = outcome.is_err();
            published = found;
        }
        disk.crash(survival);
        let store = open(&disk).unwrap();
        prop_assert_eq!((revision(&store), visible(&store)), published);
        let store: Arc<dyn Store> = Arc::new(store);
        calendar.settle(&store, 3);
        prop_assert_eq!(visible(&store), calendar.listing());
    }
}

/// What Graph answers to a token that it has forgotten.
fn gone() -> Option<crate::world::Answer> {
    let body = r#"{"error":{"code":"SyncStateNotFound","message":"The sync state generation is not found"}}"#;
    Some(Ok(http::Response::builder().status(410).body(body.into()).unwrap()))
}

fn revision(store: &dyn Store) -> u64 {
    pollster::block_on(store.view()).unwrap().revision().0
}

fn open(disk: &SimDisk) -> Result<FileStore, store::Error> {
    FileStore::open_with(Arc::new(disk.clone()), "/replica", FileOptions::default())
}
