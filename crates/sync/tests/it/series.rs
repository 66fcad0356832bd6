//! Series through random histories under random quirks, on both stores. The oracle is the simulator's own listing, which
//! is not made of what its delta tells.

use std::collections::BTreeMap;
use std::sync::Arc;

use delta_core::Timestamp;
use graph_sim::Quirks;
use http::Method;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use serde_json::{Value, json};
use store::disk::SimDisk;
use store::{FileOptions, FileStore, MemoryStore, Store};
use sync::Settling;

use crate::world::{World, comparable, replica, visible};

/// Summer time begins in New York on the first day, and in Berlin an hour before the end.
const WINDOW: (&str, &str) = ("2026-03-08T00:00:00Z", "2026-03-29T02:00:00Z");
const WIDE: &str = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-06-01T00:00:00Z";

/// When something takes place.
#[derive(Clone, Debug)]
struct When {
    day: i64,
    hour: i64,
    hours: i64,
    all_day: bool,
    zone: &'static str,
    rule: Option<Value>,
}

#[derive(Clone, Debug)]
enum Step {
    Create(When),
    /// Other times, another rule, or none.
    Reschedule(Index, When),
    /// Times alone.
    Move(Index, When),
    Rename(Index),
    Delete(Index),
    RenameInstance(Index, Index),
    MoveInstance(Index, Index, i64),
    DeleteInstance(Index, Index),
    /// A run with pages of this size, and one of these steps before its second request.
    Sync(u32, Option<Box<Self>>),
    /// A run whose line goes dead after so many requests.
    Cut(usize),
}

fn rule() -> impl Strategy<Value = Value> {
    let days = || prop::sample::subsequence(vec!["monday", "wednesday", "sunday"], 1..=3);
    let index = || select(vec!["first", "third", "last"]);
    let pattern = prop_oneof![
        (1..5_i32).prop_map(|n| json!({"type": "daily", "interval": n})),
        (1..3_i32, days()).prop_map(|(n, days)| json!({"type": "weekly", "interval": n, "daysOfWeek": days})),
        (1..=31_i32).prop_map(|day| json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": day})),
        (index(), days()).prop_map(
            |(index, days)| json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": days, "index": index})
        ),
        (1..=28_i32).prop_map(|day| json!({"type": "absoluteYearly", "interval": 1, "dayOfMonth": day, "month": 3})),
        (index(), days()).prop_map(|(index, days)| {
            json!({"type": "relativeYearly", "interval": 1, "daysOfWeek": days, "index": index, "month": 3})
        }),
    ];
    let range = prop_oneof![
        Just(json!({"type": "noEnd"})),
        (1..12_u32).prop_map(|count| json!({"type": "numbered", "numberOfOccurrences": count})),
        (1..28_u32).prop_map(|day| json!({"type": "endDate", "endDate": format!("2026-04-{day:02}")})),
    ];
    (pattern, range).prop_map(|(pattern, range)| json!({"pattern": pattern, "range": range}))
}

fn when() -> impl Strategy<Value = When> {
    let zone = select(vec!["UTC", "Eastern Standard Time", "Europe/Berlin", "Asia/Tokyo"]);
    (0..80_i64, 0..24_i64, 0..30_i64, prop::bool::weighted(0.2), zone, prop::option::weighted(0.7, rule()))
        .prop_map(|(day, hour, hours, all_day, zone, rule)| When { day, hour, hours, all_day, zone, rule })
}

fn change() -> impl Strategy<Value = Step> {
    let which = any::<Index>;
    prop_oneof![
        3 => when().prop_map(Step::Create),
        1 => (which(), when()).prop_map(|(event, when)| Step::Reschedule(event, when)),
        1 => (which(), when()).prop_map(|(event, when)| Step::Move(event, when)),
        2 => which().prop_map(Step::Rename),
        1 => which().prop_map(Step::Delete),
        3 => (which(), which()).prop_map(|(event, instance)| Step::RenameInstance(event, instance)),
        3 => (which(), which(), -60..60_i64).prop_map(|(event, instance, by)| Step::MoveInstance(event, instance, by)),
        3 => (which(), which()).prop_map(|(event, instance)| Step::DeleteInstance(event, instance)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let meanwhile = prop::option::weighted(0.3, change().prop_map(Box::new));
    let step = prop_oneof![
        6 => change(),
        2 => (1..30_u32, meanwhile).prop_map(|(size, change)| Step::Sync(size, change)),
        1 => (0..4_usize).prop_map(Step::Cut),
    ];
    prop::collection::vec(step, 0..30)
}

impl When {
    fn start(&self) -> Timestamp {
        Timestamp::parse("2026-01-15").unwrap().plus_days(self.day)
    }

    fn times(&self) -> Value {
        let (start, end) = if self.all_day {
            (self.start(), self.start().plus_days(1 + self.hours / 24))
        } else {
            let start = self.start().plus_seconds(self.hour * 3600);
            (start, start.plus_seconds(self.hours * 3600))
        };
        let at = |time: Timestamp| json!({"dateTime": time.to_string().trim_end_matches('Z'), "timeZone": self.zone});
        json!({"isAllDay": self.all_day, "start": at(start), "end": at(end)})
    }

    fn event(&self) -> Value {
        let mut event = self.times();
        let mut rule = self.rule.clone();
        if let Some(rule) = &mut rule {
            rule["range"]["startDate"] = json!(self.start().to_string()[..10]);
        }
        event["recurrence"] = json!(rule);
        event
    }
}

/// A mailbox that changes, and its events as they were created.
struct Calendar {
    world: World,
    events: Vec<String>,
    changes: u32,
    settling: Settling,
}

impl Calendar {
    fn new(seed: u64, quirks: Quirks, settling: Settling) -> Self {
        let world = World::with_quirks(seed, "2026-03-05T00:00:00Z", quirks);
        Self { world, events: Vec::new(), changes: 0, settling }
    }

    /// The request that a change is, if there is something to change.
    fn call(&self, step: &Step) -> Option<(Method, String, Option<Value>)> {
        let url = |id: &str| format!("/me/events/{id}");
        let event = |which: &Index| (!self.events.is_empty()).then(|| url(which.get::<String>(&self.events)));
        let renamed = json!({"subject": format!("change {}", self.changes)});
        let instance = |which: &Index, instance: &Index| {
            let page = self.world.call(Method::GET, &format!("{}/instances?{WIDE}&$top=60", event(which)?), None);
            let instances = page["value"].as_array().unwrap().clone();
            (!instances.is_empty()).then(|| instance.get(&instances).clone())
        };
        let id = |instance: &Value| url(instance["id"].as_str().unwrap());
        Some(match step {
            Step::Create(when) => (Method::POST, "/me/events".to_owned(), Some(when.event())),
            Step::Reschedule(which, when) => (Method::PATCH, event(which)?, Some(when.event())),
            Step::Move(which, when) => (Method::PATCH, event(which)?, Some(when.times())),
            Step::Rename(which) => (Method::PATCH, event(which)?, Some(renamed)),
            Step::Delete(which) => (Method::DELETE, event(which)?, None),
            Step::RenameInstance(which, which_one) => (Method::PATCH, id(&instance(which, which_one)?), Some(renamed)),
            Step::MoveInstance(which, which_one, by) => {
                let instance = instance(which, which_one)?;
                let at = |name: &str| {
                    let time = instance[name]["dateTime"].as_str().unwrap();
                    let time = Timestamp::parse(&format!("{}Z", &time[..19])).unwrap().plus_seconds(by * 3600);
                    json!({"dateTime": time.to_string().trim_end_matches('Z'), "timeZone": "UTC"})
                };
                // Too far is refused, and a part of a day for all-day events.
                (Method::PATCH, id(&instance), Some(json!({"start": at("start"), "end": at("end")})))
            }
            Step::DeleteInstance(which, which_one) => (Method::DELETE, id(&instance(which, which_one)?), None),
            Step::Sync(..) | Step::Cut(_) => return None,
        })
    }

    fn change(&mut self, step: &Step) {
        self.changes += 1;
        self.world.with(|state| state.now = state.now.plus_seconds(1));
        let Some((method, url, body)) = self.call(step) else { return };
        self.forget(step);
        let created = self.world.with(|state| state.attempt(method, &url, body));
        self.events.extend(created.filter(|_| matches!(step, Step::Create(_))));
    }

    /// What is deleted is changed no more.
    fn forget(&mut self, step: &Step) {
        if let Step::Delete(which) = step {
            self.events.swap_remove(which.index(self.events.len()));
        }
    }

    fn play(&mut self, steps: &[Step], store: &Arc<dyn Store>) {
        for step in steps {
            match step {
                Step::Sync(size, meanwhile) => {
                    if let Some((step, call)) = meanwhile.as_ref().and_then(|step| Some((step, self.call(step)?))) {
                        self.forget(step);
                        let nothing = (Method::GET, "/me/calendars".to_owned(), None);
                        self.world.with(|state| state.meanwhile = vec![call, nothing]);
                    }
                    self.run(store, *size, None);
                    self.world.with(|state| state.meanwhile.clear());
                }
                Step::Cut(patience) => self.run(store, 2, Some(*patience)),
                change => self.change(change),
            }
        }
    }

    fn run(&self, store: &Arc<dyn Store>, size: u32, patience: Option<usize>) {
        self.world.with(|state| state.patience = patience);
        let synchronizer = self.world.synchronizer().with_settling(self.settling);
        let replica = replica(&format!("{}..{}", WINDOW.0, WINDOW.1), size);
        let outcome = pollster::block_on(synchronizer.run(&replica, store));
        assert!(outcome.is_ok() || patience.is_some(), "{outcome:?}");
        self.world.with(|state| state.patience = None);
    }

    /// What was asked for in vain, when the line was cut, is not asked for again at once.
    fn wait_for_what_is_owed(&self) {
        self.world.with(|state| state.now = state.now.plus_days(1));
    }

    fn listing(&self) -> BTreeMap<String, Value> {
        comparable(self.world.listing(WINDOW.0, WINDOW.1))
    }
}

fn shown(store: &dyn Store) -> BTreeMap<String, Value> {
    comparable(visible(store))
}

/// Where what is shown differs from what is listed.
fn difference(shown: &BTreeMap<String, Value>, listed: &BTreeMap<String, Value>) -> Option<String> {
    let ids = shown.keys().chain(listed.keys());
    let id = ids.into_iter().find(|id| shown.get(*id) != listed.get(*id))?;
    let (Some(shown), Some(listed)) = (shown.get(id), listed.get(id)) else {
        return Some(format!("{id}: shown {:?}, listed {:?}", shown.get(id), listed.get(id)));
    };
    let mut names = listed.as_object()?.keys().chain(shown.as_object()?.keys());
    let name = names.find(|name| shown.get(name.as_str()) != listed.get(name.as_str()))?;
    Some(format!("{id} {name}: shown {:?}, listed {:?}", shown.get(name), listed.get(name)))
}

fn stores(seed: u64) -> [Arc<dyn Store>; 2] {
    let file = FileStore::open_with(Arc::new(SimDisk::new(seed)), "/replica", FileOptions::default());
    [Arc::new(MemoryStore::default()), Arc::new(file.unwrap())]
}

/// `CALDELTA_SERIES_HISTORIES` says how many.
fn config() -> ProptestConfig {
    let cases = std::env::var("CALDELTA_SERIES_HISTORIES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000);
    let regressions = FileFailurePersistence::WithSource("regressions");
    ProptestConfig { cases, failure_persistence: Some(Box::new(regressions)), ..ProptestConfig::default() }
}

/// Four generations that everybody in the mailbox shares are forgotten at once; that is another property's matter.
fn quirks() -> impl Strategy<Value = Quirks> {
    prop_oneof![
        1 => Just(Quirks::default()),
        4 => any::<u64>().prop_map(|seed| Quirks { kept_generations: 3, ..Quirks::random(seed) }),
    ]
}

proptest! {
    #![proptest_config(config())]

    /// Each occurrence, exception and single event of the replica equals the server's own, property for property, and
    /// there are no others: whatever changed, and however the changes were told.
    #[test]
    fn replica_equals_server_with_series(
        steps in steps(),
        quirks in quirks(),
        seed in 0..1000_u64,
        size in 1..30_u32,
        removals: bool,
        file: bool,
    ) {
        let store = &stores(seed)[usize::from(file)];
        let mut calendar = Calendar::new(seed, quirks, Settling { removals, ..Settling::default() });
        calendar.play(&steps, store);
        calendar.wait_for_what_is_owed();
        calendar.run(store, size, None);
        prop_assert_eq!(difference(&shown(store), &calendar.listing()), None);
        let requests = calendar.world.with(|state| state.requests.len());
        calendar.run(store, size, None);
        let made = calendar.world.with(|state| state.requests.len()) - requests;
        prop_assert_eq!(made, 1, "an unchanged calendar");
        prop_assert_eq!(difference(&shown(store), &calendar.listing()), None);
    }

    /// Under the behaviour that was observed most, what came can be trusted as it is.
    #[test]
    fn what_came_can_be_trusted(steps in steps(), seed in 0..1000_u64) {
        let store = &stores(seed)[0];
        let settling = Settling { series: false, ..Settling::default() };
        let mut calendar = Calendar::new(seed, Quirks { instance_tombstones: true, ..Quirks::default() }, settling);
        calendar.play(&steps, store);
        calendar.wait_for_what_is_owed();
        calendar.run(store, 20, None);
        prop_assert_eq!(difference(&shown(store), &calendar.listing()), None);
    }
}
