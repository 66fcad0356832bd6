//! A simulator, and a replica of its default calendar in memory.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use delta_core::RoundKind::Full;
use graph_sim::{Simulator, SimulatorOptions};
use http::{Method, Request};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::conformance::{Fixture, tile};
use store::{MemoryStore, Store, View};

const ROOT: &str = "https://graph.microsoft.com/v1.0";
/// The window that replicas are of: the first 120 days of 2026, in which Europe's and America's clocks change.
const WINDOW: &str = "startDateTime=2026-01-01T00:00:00Z&endDateTime=2026-05-01T00:00:00Z";

pub(crate) struct World {
    simulator: Simulator,
    store: MemoryStore,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self { simulator: Simulator::new(SimulatorOptions::new().seed(seed)), store: MemoryStore::new() }
    }

    /// A request that must succeed.
    pub(crate) fn call(&mut self, method: Method, path: &str, body: Option<&Value>) -> Value {
        let answer = self.attempt(method, path, body);
        answer.unwrap_or_else(|answer| panic!("{path}: {answer}"))
    }

    /// A request that may be refused.
    pub(crate) fn attempt(&mut self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = if path.starts_with("https:") { path.to_owned() } else { format!("{ROOT}{path}") };
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", "Bearer any")
            .header("content-type", "application/json")
            .header("prefer", "outlook.timezone=\"UTC\", IdType=\"ImmutableId\", odata.maxpagesize=50")
            .body(body.map(|body| Bytes::from(body.to_string())).unwrap_or_default())
            .unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let answer = self.simulator.handle_honestly(now, request);
        let shown: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.status().is_success() { Ok(shown) } else { Err(shown.to_string()) }
    }

    pub(crate) fn create(&mut self, event: &Value) -> String {
        self.call(Method::POST, "/me/events", Some(event))["id"].as_str().unwrap().to_owned()
    }

    /// Reads the calendar in full and gives the replica as it then is.
    pub(crate) fn sync(&mut self) -> Arc<dyn View> {
        let mut pages = Vec::new();
        let mut next = format!("/me/calendarView/delta?{WINDOW}");
        loop {
            let page = self.call(Method::GET, &next, None);
            pages.push(page["value"].as_array().unwrap().iter().map(Value::to_string).collect());
            match page["@odata.nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => break,
            }
        }
        let fixture = Fixture::new(&self.store);
        block_on(async {
            let round = fixture.stage(&tile(0, 0, 120), Full, &pages).await;
            fixture.publish(&[round]).await;
        });
        block_on(self.store.view()).unwrap()
    }

    /// The server's own listing of the window.
    pub(crate) fn listing(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        let mut next = format!("/me/calendarView?{WINDOW}&$top=1000");
        loop {
            let page = self.call(Method::GET, &next, None);
            events.extend(page["value"].as_array().unwrap().clone());
            match page["@odata.nextLink"].as_str() {
                Some(link) => next = link.to_owned(),
                None => return events,
            }
        }
    }
}

/// An event on some day of 2026, at some minute of it.
pub(crate) fn event(subject: &str, zone: &str, day: i64, minute: i64, minutes: i64) -> Value {
    let at = |minute: i64| json!({"dateTime": local(day * 1440 + minute), "timeZone": zone});
    json!({"subject": subject, "start": at(minute), "end": at(minute + minutes)})
}

/// A time so many minutes after the beginning of 2026, without a zone.
fn local(minutes: i64) -> String {
    let text = store::conformance::instant(minutes * 60).to_string();
    text.trim_end_matches('Z').to_owned()
}

/// Something that is done to a calendar.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Single { subject: String, zone: &'static str, day: i64, minute: i64, minutes: i64 },
    AllDay { day: i64, days: i64 },
    Series { zone: &'static str, day: i64, minute: i64, all_day: bool, every: i64 },
    Rename(usize, String),
    Move(usize, i64),
    Delete(usize),
}

const ZONES: [&str; 8] = [
    "UTC",
    "Pacific Standard Time",
    "W. Europe Standard Time",
    "Europe/Berlin",
    "India Standard Time",
    "Nepal Standard Time",
    "Tokyo Standard Time",
    "Newfoundland Standard Time",
];

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let zone = || prop::sample::select(ZONES.to_vec());
    let minute = || (0..96_i64).prop_map(|quarter| quarter * 15);
    let step = prop_oneof![
        4 => ("[ a-z,;:\\\\\"\n🗓é]{0,90}", zone(), 0..120_i64, minute(), 0..4_000_i64).prop_map(
            |(subject, zone, day, minute, minutes)| Step::Single { subject, zone, day, minute, minutes }
        ),
        2 => (0..118_i64, 1..4_i64).prop_map(|(day, days)| Step::AllDay { day, days }),
        3 => (zone(), 0..60_i64, minute(), any::<bool>(), 1..20_i64).prop_map(|(zone, day, minute, all_day, every)| {
            Step::Series { zone, day, minute, all_day, every }
        }),
        2 => (any::<usize>(), "[a-z]{1,9}").prop_map(|(event, subject)| Step::Rename(event, subject)),
        2 => (any::<usize>(), -4_000..4_000_i64).prop_map(|(event, minutes)| Step::Move(event, minutes)),
        2 => any::<usize>().prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 1..20)
}

impl World {
    /// Does it, if the server takes it.
    pub(crate) fn apply(&mut self, step: &Step) {
        match step {
            Step::Single { subject, zone, day, minute, minutes } => {
                let mut event = event(subject, zone, *day, *minute, *minutes);
                event["body"] = json!({"contentType": "html", "content": format!("<p>{}</p>", subject.trim())});
                event["attendees"] = json!([
                    {"type": "required", "emailAddress": {"name": "Samantha \"Sam\" Booth", "address": "samanthab@contoso.com"}},
                    {"type": "resource", "emailAddress": {"name": "Room 1"}},
                ]);
                self.create(&event);
            }
            Step::AllDay { day, days } => {
                let mut event = event("all day", "UTC", *day, 0, days * 1440);
                event["isAllDay"] = json!(true);
                self.create(&event);
            }
            Step::Series { zone, day, minute, all_day, every } => {
                let (minute, minutes) = if *all_day { (0, 1440) } else { (*minute, 45) };
                let mut event = event("series", zone, *day, minute, minutes);
                event["isAllDay"] = json!(all_day);
                let start = event["start"]["dateTime"].as_str().unwrap()[..10].to_owned();
                event["recurrence"] = json!({
                    "pattern": {"type": "daily", "interval": every},
                    "range": {"type": "noEnd", "startDate": start, "recurrenceTimeZone": zone},
                });
                self.create(&event);
            }
            Step::Rename(event, subject) => self.change(*event, |_| json!({"subject": subject})),
            Step::Move(event, minutes) => self.change(*event, |event| {
                let minutes = if event["isAllDay"] == true { minutes / 1440 * 1440 } else { *minutes };
                let moved = |time: &Value| {
                    let at = delta_core::Timestamp::parse(time["dateTime"].as_str().unwrap()).unwrap();
                    let at = at.plus_seconds(minutes * 60).to_string();
                    json!({"dateTime": at.trim_end_matches('Z'), "timeZone": "UTC"})
                };
                json!({"start": moved(&event["start"]), "end": moved(&event["end"])})
            }),
            Step::Delete(event) => {
                if let Some(event) = self.pick(*event) {
                    let id = event["id"].as_str().unwrap();
                    // Somebody may be in the way of it.
                    let _ = self.attempt(Method::DELETE, &format!("/me/events/{id}"), None);
                }
            }
        }
    }

    fn pick(&mut self, event: usize) -> Option<Value> {
        let mut all = self.listing();
        if all.is_empty() { None } else { Some(all.swap_remove(event % all.len())) }
    }

    fn change(&mut self, event: usize, body: impl FnOnce(&Value) -> Value) {
        if let Some(event) = self.pick(event) {
            let id = event["id"].as_str().unwrap();
            // Graph does not let an occurrence pass another.
            let _ = self.attempt(Method::PATCH, &format!("/me/events/{id}"), Some(&body(&event)));
        }
    }
}
