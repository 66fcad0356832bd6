//! What a fault plan promises: every fault does what it says, costs nothing for good, and comes out the same each time.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

#[path = "../common/mod.rs"]
mod common;

mod answers;
mod documents;
mod livelocks;
mod pages;
mod plans;
mod properties;
mod schema;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use bytes::Bytes;
use graph_sim::{Fault, FaultPlan, Rule, SimulatorOptions};
use http::{Request, Response};
use serde_json::Value;

use common::{Client, event, id};

const WINDOW: &str = "startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-03-31T00:00:00Z";
const INITIAL: &str = "https://graph.microsoft.com/v1.0/me/calendarView/delta?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-03-31T00:00:00Z";

/// What a link must begin with for a client to follow it.
const OWN: &str = "https://graph.microsoft.com/v1.0/me/calendarView/";

/// A client that looks at what it is sent as bytes.
struct Raw {
    client: Client,
}

type Answer = Response<Bytes>;

impl Raw {
    /// A default calendar with that many events in the window.
    fn new(events: usize) -> Self {
        Self::with(SimulatorOptions::new(), events)
    }

    fn with(options: SimulatorOptions, events: usize) -> Self {
        let mut client = Client::with(options);
        for day in 0..events {
            let at = |hour: u8| format!("2026-03-{:02}T{hour:02}:00:00", day % 28 + 1);
            client.create("/me", &event(&format!("event {day}"), &at(10), &at(11)));
        }
        Self { client }
    }

    /// This fault, and no other.
    fn fault(mut self, rule: Rule) -> Self {
        self.client.simulator.set_faults(Some(FaultPlan::new(7).rule(rule)));
        self
    }

    fn get(&mut self, url: &str) -> Answer {
        self.get_sized(url, 2)
    }

    fn get_sized(&mut self, url: &str, size: usize) -> Answer {
        let url = if url.starts_with('/') { format!("{}{url}", common::ROOT) } else { url.to_owned() };
        let request = Request::get(url)
            .header("authorization", "Bearer secret")
            .header("prefer", format!("odata.maxpagesize={size}, IdType=\"ImmutableId\""));
        self.send(request.body(Bytes::new()).unwrap())
    }

    fn send(&mut self, request: Request<Bytes>) -> Answer {
        self.client.seconds += 1;
        self.client.simulator.handle(self.client.now(), request)
    }

    /// Follows links until there is a delta link, and returns the pages' subjects and that link.
    fn drain(&mut self, url: &str) -> (Vec<Vec<String>>, String) {
        let (mut pages, mut link) = (Vec::new(), url.to_owned());
        for _ in 0..100 {
            let page = json(&self.get(&link));
            pages.push(subjects(&page));
            match (next(&page), delta(&page)) {
                (Some(next), _) => link = next,
                (None, Some(delta)) => return (pages, delta),
                _ => panic!("no link: {page}"),
            }
        }
        panic!("the round does not end");
    }

    fn struck(&self) -> usize {
        self.client.simulator.faults_struck().len()
    }
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.status(), 200, "{answer:?}");
    serde_json::from_slice(answer.body()).unwrap()
}

fn text(page: &Value, key: &str) -> Option<String> {
    page[key].as_str().map(str::to_owned)
}

fn next(page: &Value) -> Option<String> {
    text(page, "@odata.nextLink")
}

fn delta(page: &Value) -> Option<String> {
    text(page, "@odata.deltaLink")
}

fn subjects(page: &Value) -> Vec<String> {
    let items = page["value"].as_array().unwrap();
    items.iter().map(|item| item["subject"].as_str().unwrap_or("-").trim_start_matches("event ").to_owned()).collect()
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn size(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// That a round over five events has these pages, each written as `0 1`.
#[track_caller]
fn assert_pages(pages: &[Vec<String>], expected: &[&str]) {
    let pages: Vec<String> = pages.iter().map(|page| page.join(" ")).collect();
    assert_eq!(pages, expected);
}

/// The distinct links that a livelocked client follows, and what it gets for each of them.
fn follow(raw: &mut Raw, size: usize, pages: usize) -> (Vec<Vec<String>>, Vec<String>) {
    let (mut seen, mut links) = (Vec::new(), vec![INITIAL.to_owned()]);
    for _ in 0..pages {
        let page = json(&raw.get_sized(links.last().unwrap(), size));
        assert_eq!(delta(&page), None);
        seen.push(subjects(&page));
        links.push(next(&page).unwrap());
    }
    (seen, links)
}

fn all_different(links: &[String]) -> bool {
    links.iter().collect::<BTreeSet<_>>().len() == links.len()
}

/// That what is struck once is right when it is asked for again, and that the whole round is too.
#[track_caller]
fn assert_comes_right(raw: &mut Raw) {
    assert_eq!(raw.struck(), 1);
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "2 3", "4"]);
    assert_eq!(raw.struck(), 1);
}

/// The first answer of a round over five events that this fault strikes once.
fn struck(fault: Fault) -> (Raw, Answer) {
    let mut raw = Raw::new(5).fault(Rule::new(fault).times(1));
    let answer = raw.get(INITIAL);
    (raw, answer)
}

/// The same for a fault that leaves JSON behind.
fn struck_page(fault: Fault) -> (Raw, Value) {
    let (raw, answer) = struck(fault);
    (raw, json(&answer))
}

fn without_annotations(item: &Value) -> Value {
    let kept = item.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("@odata."));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn listing(raw: &mut Raw) -> BTreeMap<String, Value> {
    let page = json(&raw.get_sized(&format!("/me/calendarView?{WINDOW}"), 500));
    page["value"].as_array().unwrap().iter().map(|item| (id(item).to_owned(), without_annotations(item))).collect()
}
