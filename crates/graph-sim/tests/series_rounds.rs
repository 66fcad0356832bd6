//! Series that change while a client follows them: whatever the quirks, a client that keeps to a few rules ends up with
//! what the server lists.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::follower::{Follower, listing};
use common::{Client, cases, id};
use graph_sim::{MasterDelivery, Membership, Quirks, SimulatorOptions};
use jiff::ToSpan;
use jiff::civil::{DateTime, date};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Summer time begins in New York on the first day, and an hour into the last one for a series in Berlin's zone.
const WINDOW: &str = "startDateTime=2026-03-08T00:00:00Z&endDateTime=2026-03-29T02:00:00Z";
const WIDE: &str = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-06-01T00:00:00Z";

/// When something takes place.
#[derive(Debug, Clone)]
struct When {
    day: i32,
    hour: i32,
    hours: i32,
    all_day: bool,
    zone: &'static str,
    rule: Option<Value>,
}

#[derive(Debug, Clone)]
enum Change {
    Create(When),
    /// Other times, another rule, or none.
    Reschedule(Index, When),
    /// Times alone.
    Move(Index, When),
    Rename(Index),
    Delete(Index),
    RenameInstance(Index, Index),
    MoveInstance(Index, Index, i32),
    DeleteInstance(Index, Index),
}

#[derive(Debug, Clone)]
enum Step {
    Change(Change),
    Page { size: usize },
    PageTwice { size: usize },
}

fn when() -> impl Strategy<Value = When> {
    let pattern = prop_oneof![
        (1..5i32).prop_map(|interval| json!({"type": "daily", "interval": interval})),
        (1..3i32, prop::sample::subsequence(vec!["monday", "wednesday", "sunday"], 1..=3))
            .prop_map(|(interval, days)| json!({"type": "weekly", "interval": interval, "daysOfWeek": days})),
        (1..=31i32).prop_map(|day| json!({"type": "absoluteMonthly", "interval": 1, "dayOfMonth": day})),
        select(vec!["first", "third", "last"]).prop_map(
            |index| json!({"type": "relativeMonthly", "interval": 1, "daysOfWeek": ["friday"], "index": index})
        ),
    ];
    let range = prop_oneof![
        Just(json!({"type": "noEnd"})),
        (1..12u32).prop_map(|count| json!({"type": "numbered", "numberOfOccurrences": count})),
        (1..28u32).prop_map(|day| json!({"type": "endDate", "endDate": format!("2026-04-{day:02}")})),
    ];
    let rule = (pattern, range).prop_map(|(pattern, range)| json!({"pattern": pattern, "range": range}));
    (
        0..80i32,
        0..24i32,
        0..30i32,
        prop::bool::weighted(0.2),
        select(vec!["UTC", "Eastern Standard Time", "Europe/Berlin", "Asia/Tokyo"]),
        prop::option::weighted(0.7, rule),
    )
        .prop_map(|(day, hour, hours, all_day, zone, rule)| When { day, hour, hours, all_day, zone, rule })
}

impl When {
    fn times(&self) -> Value {
        let start = date(2026, 1, 15) + self.day.days();
        let (start, end) = if self.all_day {
            (start.at(0, 0, 0, 0), start.at(0, 0, 0, 0) + (1 + self.hours / 24).days())
        } else {
            let start = start.at(0, 0, 0, 0) + self.hour.hours();
            (start, start + self.hours.hours())
        };
        let at = |time: DateTime| json!({"dateTime": time.to_string(), "timeZone": self.zone});
        json!({"isAllDay": self.all_day, "start": at(start), "end": at(end)})
    }

    fn event(&self) -> Value {
        let mut event = self.times();
        let mut rule = self.rule.clone();
        if let Some(rule) = &mut rule {
            rule["range"]["startDate"] = json!((date(2026, 1, 15) + self.day.days()).to_string());
        }
        event["recurrence"] = json!(rule);
        event
    }
}

fn change() -> impl Strategy<Value = Change> {
    let which = any::<Index>;
    prop_oneof![
        3 => when().prop_map(Change::Create),
        1 => (which(), when()).prop_map(|(event, when)| Change::Reschedule(event, when)),
        1 => (which(), when()).prop_map(|(event, when)| Change::Move(event, when)),
        2 => which().prop_map(Change::Rename),
        1 => which().prop_map(Change::Delete),
        3 => (which(), which()).prop_map(|(event, instance)| Change::RenameInstance(event, instance)),
        3 => (which(), which(), -60..60i32).prop_map(|(event, instance, by)| Change::MoveInstance(event, instance, by)),
        3 => (which(), which()).prop_map(|(event, instance)| Change::DeleteInstance(event, instance)),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => change().prop_map(Step::Change),
        2 => (1..30usize).prop_map(|size| Step::Page { size }),
        1 => (1..30usize).prop_map(|size| Step::PageTwice { size }),
    ];
    prop::collection::vec(step, 0..40)
}

prop_compose! {
    fn quirks()(
        membership in select(vec![Membership::Overlap, Membership::StartInWindow]),
        master_delivery in select(vec![MasterDelivery::Always, MasterDelivery::InWindow, MasterDelivery::Never]),
        switches in any::<[bool; 9]>(),
        kept_generations in 1..4usize,
    ) -> Quirks {
        let [
            distinct_immutable_ids, whole_occurrences, master_only, lone_masters, occurrence_tombstones,
            instance_tombstones, exceptions_in_events_delta, partial_updates, reads_after_deletion,
        ] = switches;
        Quirks {
            membership,
            master_delivery,
            kept_generations,
            distinct_immutable_ids,
            whole_occurrences,
            master_only,
            lone_masters,
            occurrence_tombstones,
            instance_tombstones,
            exceptions_in_events_delta,
            partial_updates,
            reads_after_deletion,
            ..Quirks::default()
        }
    }
}

/// A mailbox that changes, and its events as they were created.
struct World {
    client: Client,
    events: Vec<String>,
}

impl World {
    fn new(quirks: Quirks, seed: u64) -> Self {
        Self { client: Client::with(SimulatorOptions::new().seed(seed).quirks(quirks)), events: Vec::new() }
    }

    fn apply(&mut self, change: &Change) {
        let renamed = json!({"subject": format!("at {}", self.client.seconds)});
        match change {
            Change::Create(when) => {
                let created = self.client.post("/me/events", &when.event());
                self.events.extend(created.body["id"].as_str().map(str::to_owned));
            }
            Change::Reschedule(which, when) => self.patch(which, &when.event()),
            Change::Move(which, when) => self.patch(which, &when.times()),
            Change::Rename(which) => self.patch(which, &renamed),
            Change::Delete(which) => {
                if !self.events.is_empty() {
                    let id = self.events.swap_remove(which.index(self.events.len()));
                    assert_eq!(self.client.delete(&format!("/me/events/{id}")).status, 204);
                }
            }
            Change::RenameInstance(which, instance) => {
                if let Some(instance) = self.instance(which, instance) {
                    self.client.patch(&format!("/me/events/{}", id(&instance)), &renamed).ok();
                }
            }
            Change::MoveInstance(which, instance, by) => {
                if let Some(instance) = self.instance(which, instance) {
                    let at = |name: &str| {
                        let time: DateTime = instance[name]["dateTime"].as_str().unwrap().parse().unwrap();
                        json!({"dateTime": (time + by.hours()).to_string(), "timeZone": "UTC"})
                    };
                    // Too far is refused, and a part of a day for all-day events.
                    let patch = json!({"start": at("start"), "end": at("end")});
                    self.client.patch(&format!("/me/events/{}", id(&instance)), &patch);
                }
            }
            Change::DeleteInstance(which, instance) => {
                if let Some(instance) = self.instance(which, instance) {
                    assert_eq!(self.client.delete(&format!("/me/events/{}", id(&instance))).status, 204);
                }
            }
        }
    }

    fn patch(&mut self, which: &Index, patch: &Value) {
        if !self.events.is_empty() {
            let id = which.get(&self.events).clone();
            self.client.patch(&format!("/me/events/{id}"), patch);
        }
    }

    fn instance(&mut self, which: &Index, instance: &Index) -> Option<Value> {
        if self.events.is_empty() {
            return None;
        }
        let url = format!("/me/events/{}/instances?{WIDE}&$top=60", which.get(&self.events));
        let instances = self.client.get(&url).ok();
        let instances = instances.items();
        (!instances.is_empty()).then(|| instance.get(instances).clone())
    }
}

fn run(world: &mut World, follower: &mut Follower, steps: &[Step]) {
    for step in steps {
        match step {
            Step::Change(change) => world.apply(change),
            Step::Page { size } => {
                follower.page(&mut world.client, *size, true);
            }
            Step::PageTwice { size } => {
                follower.page(&mut world.client, *size, false);
            }
        }
    }
    follower.settle(&mut world.client);
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn who_follows_series_by_the_rules_ends_up_with_the_listing(
        steps in steps(),
        quirks in prop_oneof![Just(Quirks::default()), quirks()],
        seed: u64,
        prefer in select(vec!["respond-async", "outlook.timezone=\"Asia/Tokyo\", IdType=\"ImmutableId\""]),
    ) {
        let mut world = World::new(quirks, seed);
        let mut follower = Follower::new(&format!("/me/calendarView/delta?{WINDOW}"), WINDOW, prefer);
        run(&mut world, &mut follower, &steps);
        let listed = listing(&mut world.client, &format!("/me/calendarView?{WINDOW}&$top=100"), prefer);
        prop_assert_eq!(follower.shown(), listed);
    }

    /// By default the client needs to ask only of series that are nowhere in the window.
    #[test]
    fn a_series_in_the_window_is_told_whole(steps in steps(), seed: u64) {
        let mut world = World::new(Quirks::default(), seed);
        let url = format!("/me/calendarView/delta?{WINDOW}");
        let (_, mut link) = world.client.drain(&url, "odata.maxpagesize=9");
        for step in &steps {
            let Step::Change(change) = step else { continue };
            world.apply(change);
            let (items, next) = world.client.drain(&link, "odata.maxpagesize=9");
            link = next;
            for master in items.iter().filter(|item| item["type"] == "seriesMaster") {
                let told: BTreeSet<&str> =
                    items.iter().filter(|item| item["seriesMasterId"] == master["id"]).map(id).collect();
                let url = format!("/me/events/{}/instances?{WINDOW}&$top=100", id(master));
                let instances = world.client.get(&url).ok();
                prop_assert!(!told.is_empty());
                prop_assert_eq!(told, instances.items().iter().map(id).collect::<BTreeSet<_>>());
            }
        }
    }

    #[test]
    fn events_delta_ends_up_with_the_listed_events(steps in steps(), quirks in quirks(), seed: u64) {
        let mut world = World::new(quirks, seed);
        let mut follower = Follower::new("/me/events/delta", WINDOW, "respond-async");
        follower.wants_instances = false;
        run(&mut world, &mut follower, &steps);
        let sparse = |row: &Value| json!({"type": row["type"], "start": row["start"], "end": row["end"]});
        let rows = follower.rows.iter().filter(|(_, row)| row["type"] != "exception");
        let told: BTreeMap<String, Value> = rows.map(|(id, row)| (id.clone(), sparse(row))).collect();
        let listed = listing(&mut world.client, "/me/events?$top=100", "respond-async");
        let listed: BTreeMap<String, Value> = listed.into_iter().map(|(id, row)| (id, sparse(&row))).collect();
        prop_assert_eq!(told, listed);
    }
}
