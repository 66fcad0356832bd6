//! Guarantees over random calendars, random changes between and during rounds, random page sizes, and crashes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs, unreachable_pub)]

mod common;

use std::collections::BTreeMap;
use std::sync::Arc;

use common::{World, event, replica, visible};
use delta_core::Timestamp;
use http::Method;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use serde_json::json;
use store::disk::{Fault, SimDisk, Survival};
use store::{FileOptions, FileStore, MemoryStore, Store};

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
    /// A run whose line goes dead after so many requests.
    Cut(usize),
    Sync(u32),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let day = 0..45_i64;
    let step = prop_oneof![
        4 => (day.clone(), 0..3000_i64).prop_map(|(day, minutes)| Step::Create { day, minutes }),
        1 => (day.clone(), 1..4_i64).prop_map(|(day, days)| Step::CreateAllDay { day, days }),
        2 => any::<usize>().prop_map(Step::Rename),
        2 => (any::<usize>(), day).prop_map(|(event, day)| Step::Move { event, day }),
        2 => any::<usize>().prop_map(Step::Delete),
        1 => (0..4_usize).prop_map(Step::Cut),
        2 => (1..6_u32).prop_map(Step::Sync),
    ];
    prop::collection::vec(step, 1..40)
}

/// A calendar, and the ids of its events.
struct Calendar {
    world: World,
    ids: Vec<String>,
}

impl Calendar {
    fn new(seed: u64) -> Self {
        Self { world: World::new(seed, "2026-03-05T00:00:00Z"), ids: Vec::new() }
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
            Step::Rename(event) => self.patch(*event, |n| json!({ "subject": format!("renamed {n}") })),
            Step::Move { event: moved, day } => {
                self.patch(*moved, |_| {
                    let times = event("", Self::day(*day), 1440);
                    json!({ "start": times["start"], "end": times["end"] })
                });
            }
            Step::Delete(event) => {
                if let Some(at) = self.pick(*event) {
                    let id = self.ids.swap_remove(at);
                    self.world.call(Method::DELETE, &format!("/me/events/{id}"), None);
                }
            }
            Step::Cut(_) | Step::Sync(_) => {}
        }
    }

    fn patch(&self, event: usize, body: impl FnOnce(usize) -> serde_json::Value) {
        if let Some(at) = self.pick(event) {
            let id = &self.ids[at];
            self.world.call(Method::PATCH, &format!("/me/events/{id}"), Some(body(event % 1000)));
        }
    }

    /// A run that stops after so many requests, or at its end.
    fn run(&self, store: &dyn Store, page_size: u32, patience: Option<usize>) {
        self.world.with(|state| state.patience = patience);
        let outcome = self.world.sync(&self.replica(page_size), store);
        assert!(outcome.is_ok() || patience.is_some(), "{outcome:?}");
        self.world.with(|state| state.patience = None);
    }

    fn replica(&self, page_size: u32) -> sync::Replica {
        replica(&format!("{}..{}", WINDOW.0, WINDOW.1), page_size)
    }

    fn check(&self, store: &dyn Store) {
        assert_eq!(visible(store), self.world.listing(WINDOW.0, WINDOW.1));
    }
}

fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// After a run against a server at rest, ids and every property equal the server's own listing of the window. And
    /// a replica that was fed by deltas, cut off and resumed equals one made from scratch.
    #[test]
    fn replica_equals_server_and_full_and_incremental_agree(steps in steps(), seed in 0..1000_u64, page_size in 1..9_u32) {
        let mut calendar = Calendar::new(seed);
        let store = MemoryStore::default();
        for step in &steps {
            calendar.change(step);
            match step {
                Step::Sync(page_size) => {
                    calendar.run(&store, *page_size, None);
                    calendar.check(&store);
                }
                Step::Cut(patience) => calendar.run(&store, 2, Some(*patience)),
                _ => {}
            }
        }
        calendar.run(&store, page_size, None);
        // A round that was cut off before the last changes may have been finished now: the next one brings the rest.
        calendar.run(&store, page_size, None);
        calendar.check(&store);
        let scratch = MemoryStore::default();
        calendar.run(&scratch, 1000, None);
        prop_assert_eq!(visible(&scratch), visible(&store));
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
        for step in &steps {
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
            if found.0 == published.0 {
                prop_assert!(outcome.is_err(), "a run was acknowledged and is gone");
                prop_assert_eq!(&found.1, &published.1, "the old state has changed");
                staged = true;
            } else {
                prop_assert_eq!(found.0, published.0 + 1);
                prop_assert!(staged || found.1 == calendar.world.listing(WINDOW.0, WINDOW.1), "not the new state");
                staged = false;
            }
            published = found;
        }
        disk.crash(survival);
        let store = open(&disk).unwrap();
        prop_assert_eq!((revision(&store), visible(&store)), published);
        calendar.run(&store, 3, None);
        calendar.run(&store, 3, None);
        calendar.check(&store);
    }
}

fn revision(store: &dyn Store) -> u64 {
    pollster::block_on(store.view()).unwrap().revision().0
}

fn open(disk: &SimDisk) -> Result<FileStore, store::Error> {
    FileStore::open_with(Arc::new(disk.clone()), "/replica", FileOptions::default())
}
