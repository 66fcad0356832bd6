//! The guarantee that makes the simulator worth testing against: whoever applies what delta queries say ends up with
//! what the plain listings say, whatever happens between requests and under every quirk.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{BETA, Client, ROOT, calendar_ids, cases, event, id};
use graph_sim::{GenerationScope, Membership, Quirks, SimulatorOptions};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

/// What can happen in a mailbox.
#[derive(Debug, Clone)]
enum Change {
    Create { calendar: Index, start: u8, hours: u8 },
    CreateAllDay { start: u8, days: u8 },
    Rename { event: Index },
    Move { event: Index, start: u8, hours: u8 },
    Delete { event: Index },
}

/// What a client can do.
#[derive(Debug, Clone)]
enum Step {
    Change(Change),
    /// Gets the next page.
    Page {
        size: usize,
    },
    /// Gets a page and forgets to advance: the same link is used again.
    PageTwice {
        size: usize,
    },
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (any::<Index>(), 0..30u8, 0..60u8).prop_map(|(calendar, start, hours)| Change::Create { calendar, start, hours }),
        1 => (0..30u8, 1..4u8).prop_map(|(start, days)| Change::CreateAllDay { start, days }),
        2 => any::<Index>().prop_map(|event| Change::Rename { event }),
        3 => (any::<Index>(), 0..30u8, 0..60u8).prop_map(|(event, start, hours)| Change::Move { event, start, hours }),
        2 => any::<Index>().prop_map(|event| Change::Delete { event }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => change().prop_map(Step::Change),
        2 => (1..6usize).prop_map(|size| Step::Page { size }),
        1 => (1..6usize).prop_map(|size| Step::PageTwice { size }),
    ];
    prop::collection::vec(step, 0..60)
}

/// The query of a window in March 2026, which may have no length.
fn window() -> impl Strategy<Value = String> {
    (0..20u8, 0..12u8, 0..24u8).prop_map(|(day, days, hour)| {
        let (first, last) = (day + 1, day + days + 1);
        format!("startDateTime=2026-03-{first:02}T00:00:00Z&endDateTime=2026-03-{last:02}T{hour:02}:00:00%2B00:00")
    })
}

prop_compose! {
    fn quirks()(
        membership in prop_oneof![Just(Membership::Overlap), Just(Membership::StartInWindow)],
        generation_scope in prop_oneof![
            Just(GenerationScope::Stream), Just(GenerationScope::Calendar), Just(GenerationScope::Mailbox)
        ],
        kept_generations in 0..5usize,
        switches in any::<[bool; 6]>(),
    ) -> Quirks {
        let [distinct_immutable_ids, empty_first_page, short_lived_tombstones, bare_tombstones, encoded_links, pascal] =
            switches;
        Quirks {
            membership,
            generation_scope,
            kept_generations,
            distinct_immutable_ids,
            empty_first_page,
            short_lived_tombstones,
            bare_tombstones,
            encoded_links,
            pascal_case_times: pascal,
            ..Quirks::default()
        }
    }
}

/// A mailbox that changes.
struct World {
    client: Client,
    calendars: Vec<String>,
    events: Vec<String>,
}

impl World {
    fn new(options: SimulatorOptions) -> Self {
        let mut client = Client::with(options);
        let calendars = calendar_ids(&mut client);
        Self { client, calendars, events: Vec::new() }
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create { calendar, start, hours } => {
                let place = format!("/me/calendars/{}", calendar.get(&self.calendars));
                let (start, end) = times(*start, *hours);
                let id = self.client.create(&place, &event("an event", &start, &end));
                self.events.push(id);
            }
            Change::CreateAllDay { start, days } => {
                let day = |day: u8| json!({"dateTime": format!("2026-03-{:02}", day + 1), "timeZone": "Asia/Tokyo"});
                let all_day = json!({"isAllDay": true, "start": day(*start), "end": day((*start + days).min(30))});
                if *start < 30 {
                    let created = self.client.post("/me/events", &all_day);
                    self.events.extend(created.body["id"].as_str().map(str::to_owned));
                }
            }
            Change::Rename { event } => {
                let seconds = self.client.seconds;
                self.patch(event, &json!({"subject": format!("renamed at {seconds}")}));
            }
            Change::Move { event: which, start, hours } => {
                let (start, end) = times(*start, *hours);
                self.patch(which, &event("moved", &start, &end));
            }
            Change::Delete { event } => {
                if !self.events.is_empty() {
                    let at = event.index(self.events.len());
                    let id = self.events.swap_remove(at);
                    assert_eq!(self.client.delete(&format!("/me/events/{id}")).status, 204);
                }
            }
        }
    }

    /// Changes one event; an all-day event may not take every time, which then is refused.
    fn patch(&mut self, event: &Index, patch: &Value) {
        if !self.events.is_empty() {
            let id = event.get(&self.events).clone();
            self.client.patch(&format!("/me/events/{id}"), patch);
        }
    }

    /// The whole listing, without OData's annotations.
    fn listing(&mut self, url: &str, prefer: &str) -> BTreeMap<String, Value> {
        let mut rows = BTreeMap::new();
        let mut link = Some(url.to_owned());
        while let Some(url) = link {
            let page = self.client.get_preferring(&url, prefer).ok();
            rows.extend(page.items().iter().map(|item| (id(item).to_owned(), without_annotations(item))));
            link = page.next_link();
        }
        rows
    }
}

/// A day of March 2026 and some hours from it.
fn times(day: u8, hours: u8) -> (String, String) {
    let at = |hours: u32| format!("2026-03-{:02}T{:02}:30:00", hours / 24 + 1, hours % 24);
    let start = u32::from(day) * 24;
    (at(start.min(700)), at((start + u32::from(hours)).min(730)))
}

fn without_annotations(item: &Value) -> Value {
    let kept = item.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("@odata."));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A client as naive as can be: applies every page at once, starts anew on 410.
struct Naive {
    initial: String,
    link: String,
    prefer: String,
    rows: BTreeMap<String, Value>,
}

impl Naive {
    fn new(initial: &str, prefer: &str) -> Self {
        let (initial, prefer) = (initial.to_owned(), prefer.to_owned());
        Self { link: initial.clone(), initial, prefer, rows: BTreeMap::new() }
    }

    /// Gets one page and says whether it was the last of its round.
    fn page(&mut self, client: &mut Client, size: usize, advance: bool) -> bool {
        let prefer = format!("odata.maxpagesize={size}, {}", self.prefer);
        let page = client.get_preferring(&self.link, &prefer);
        if page.status == 410 {
            self.link = self.initial.clone();
            return false;
        }
        let page = page.ok();
        if self.link == self.initial {
            // Every initial request begins a stream of its own, which knows nothing of what another one told.
            self.rows.clear();
        }
        assert!(page.items().len() <= size);
        for item in page.items() {
            if item["@removed"].is_null() {
                self.rows.insert(id(item).to_owned(), without_annotations(item));
            } else {
                assert_eq!(item["@removed"], json!({"reason": "deleted"}));
                self.rows.remove(id(item));
            }
        }
        assert!(page.next_link().is_some() != page.delta_link().is_some());
        let last = page.delta_link().is_some();
        if advance {
            self.link = page.next_link().or(page.delta_link()).unwrap();
        }
        last
    }

    /// Finishes the running round, and then one more, on a server at rest.
    fn settle(&mut self, client: &mut Client) {
        for _ in 0..2 {
            let mut pages = 0;
            while !self.page(client, 7, true) {
                pages += 1;
                assert!(pages < 1000, "the round does not end");
            }
        }
    }
}

fn run(world: &mut World, clients: &mut [Naive], steps: &[Step]) {
    for step in steps {
        match step {
            Step::Change(change) => world.apply(change),
            Step::Page { size } => clients.iter_mut().for_each(|client| {
                client.page(&mut world.client, *size, true);
            }),
            Step::PageTwice { size } => clients.iter_mut().for_each(|client| {
                client.page(&mut world.client, *size, false);
            }),
        }
    }
}

const WINDOW: &str = "startDateTime=2026-03-08T00:00:00Z&endDateTime=2026-03-20T12:00:00Z";

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_naive_client_ends_up_with_the_listing(
        steps in steps(),
        quirks in quirks(),
        seed: u64,
        immutable: bool,
        window in window(),
        zone in prop_oneof![Just("UTC"), Just("Pacific Standard Time"), Just("Asia/Kolkata")],
    ) {
        let mut world = World::new(SimulatorOptions::new().seed(seed).quirks(quirks));
        let ids = if immutable { ", IdType=\"ImmutableId\"" } else { "" };
        let prefer = format!("outlook.timezone=\"{zone}\"{ids}");
        let other = world.calendars[1].clone();
        let views = [format!("{ROOT}/me/calendarView"), format!("{BETA}/me/calendars/{other}/calendarView")];
        let mut clients: Vec<Naive> =
            views.iter().map(|view| Naive::new(&format!("{view}/delta?{window}"), &prefer)).collect();
        run(&mut world, &mut clients, &steps);
        for (client, view) in clients.iter_mut().zip(&views) {
            client.settle(&mut world.client);
            let listing = world.listing(&format!("{view}?{window}&$top=5"), &prefer);
            prop_assert_eq!(&client.rows, &listing);
        }
    }

    #[test]
    fn events_delta_ends_up_with_the_start_and_end_of_every_event(steps in steps(), quirks in quirks(), from_start: bool) {
        let quirks = Quirks { pascal_case_times: false, ..quirks };
        let mut world = World::new(SimulatorOptions::new().quirks(quirks));
        let from = "2026-03-12T12:00:00.0000000";
        let query = if from_start { format!("?startDateTime={from}") } else { String::new() };
        let mut clients = [Naive::new(&format!("{BETA}/me/events/delta{query}"), "")];
        run(&mut world, &mut clients, &steps);
        clients[0].settle(&mut world.client);
        let mut expected = BTreeMap::new();
        for calendar in world.calendars.clone() {
            for (id, row) in world.listing(&format!("/me/calendars/{calendar}/events"), "") {
                if !from_start || row["start"]["dateTime"].as_str().unwrap() >= from {
                    let kept = ["id", "type", "start", "end"].map(|name| (name.to_owned(), row[name].clone()));
                    expected.insert(id, Value::Object(kept.into_iter().collect()));
                }
            }
        }
        prop_assert_eq!(&clients[0].rows, &expected);
    }

    #[test]
    fn a_first_round_tells_what_is_there_and_nothing_else(changes in prop::collection::vec(change(), 0..40), size in 1..9usize) {
        let mut world = World::new(SimulatorOptions::new());
        changes.iter().for_each(|change| world.apply(change));
        let (items, _) = world.client.drain(&format!("/me/calendarView/delta?{WINDOW}"), &format!("odata.maxpagesize={size}"));
        let told: Vec<String> = items.iter().map(|item| id(item).to_owned()).collect();
        let listed = world.listing(&format!("/me/calendarView?{WINDOW}"), "");
        prop_assert!(items.iter().all(|item| item["@removed"].is_null() && item["@odata.type"] == "#microsoft.graph.event"));
        prop_assert_eq!(told.len(), listed.len());
        prop_assert_eq!(told.into_iter().collect::<BTreeSet<_>>(), listed.into_keys().collect::<BTreeSet<_>>());
    }

    #[test]
    fn a_token_used_again_tells_the_same_or_more(
        before in prop::collection::vec(change(), 0..15),
        first in prop::collection::vec(change(), 0..15),
        second in prop::collection::vec(change(), 0..15),
    ) {
        let mut world = World::new(SimulatorOptions::new());
        before.iter().for_each(|change| world.apply(change));
        let all = "odata.maxpagesize=1000";
        let (_, link) = world.client.drain(&format!("/me/calendarView/delta?{WINDOW}"), all);
        first.iter().for_each(|change| world.apply(change));
        let (once, _) = world.client.drain(&link, all);
        let (again, _) = world.client.drain(&link, all);
        second.iter().for_each(|change| world.apply(change));
        let (later, _) = world.client.drain(&link, all);
        let ids = |items: &[Value]| items.iter().map(|item| id(item).to_owned()).collect::<BTreeSet<_>>();
        // More: the second time, what came and went since the link has left a trace in the stream.
        prop_assert!(once.iter().all(|item| again.contains(item)));
        prop_assert!(again.iter().all(|item| once.contains(item) || !item["@removed"].is_null()));
        prop_assert!(ids(&again).is_subset(&ids(&later)));
    }

    #[test]
    fn the_same_seed_and_calls_give_the_same_bytes(steps in steps(), quirks in quirks(), seed: u64) {
        let transcript = |seed| {
            let mut world = World::new(SimulatorOptions::new().seed(seed).quirks(quirks));
            let mut clients = [Naive::new(&format!("/me/calendarView/delta?{WINDOW}"), "")];
            run(&mut world, &mut clients, &steps);
            let [client] = clients;
            let page = world.client.get(&format!("/me/calendarView/delta?{WINDOW}"));
            (client.link, client.rows, page)
        };
        prop_assert_eq!(transcript(seed), transcript(seed));
        prop_assert_ne!(transcript(seed).2, transcript(seed.wrapping_add(1)).2);
    }
}
