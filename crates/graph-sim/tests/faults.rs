//! What a fault plan promises: every fault does what it says, costs nothing for good, and comes out the same each time.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use bytes::Bytes;
use common::{Client, cases, event, id};
use graph_sim::{Fault, FaultPlan, Quirks, RequestKind, Rule, SimulatorOptions};
use http::{Request, Response};
use proptest::prelude::*;
use serde_json::Value;

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

#[test]
fn livelock_3082_repeats_one_page_under_ever_new_links() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::Dotnet3082));
    let (pages, links) = follow(&mut raw, 2, 40);
    assert!(pages.iter().all(|page| page == &["0", "1"]), "{pages:?}");
    assert!(all_different(&links));
    assert_eq!(raw.struck(), 40);
    assert_eq!(raw.client.simulator.faults_struck()[39].fault, "msgraph-sdk-dotnet-3082");

    raw.client.simulator.clear_faults();
    // Every one of its links leads on to what it withheld.
    for link in &links[1..] {
        let (pages, _) = raw.drain(link);
        assert_pages(&pages, &["2 3", "4"]);
    }
}

#[test]
fn livelock_3082_withholds_even_a_delta_link() {
    let mut raw = Raw::new(2).fault(Rule::new(Fault::Dotnet3082).times(3));
    let (pages, delta) = raw.drain(INITIAL);
    assert_pages(&pages, &["0 1", "0 1", "0 1", ""]);
    raw.client.create("/me", &event("new", "2026-03-05T10:00:00", "2026-03-05T11:00:00"));
    assert_pages(&raw.drain(&delta).0, &["new"]);
}

#[test]
fn livelock_3070_ends_when_a_page_can_hold_the_group() {
    let group = Fault::Dotnet3070 { group: size(4), repeated: Some(size(1)) };
    let mut raw = Raw::new(5).fault(Rule::new(group));
    let (pages, links) = follow(&mut raw, 3, 10);
    assert_eq!(pages[0], ["0", "1", "2"]);
    assert!(pages[1..].iter().all(|page| page == &["0"]), "{pages:?}");
    assert!(all_different(&links));
    let rest = json(&raw.get_sized(links.last().unwrap(), 4));
    assert_eq!(subjects(&rest), ["3", "4"]);
    assert!(delta(&rest).is_some());
    assert_eq!(subjects(&json(&raw.get_sized(INITIAL, 4))), ["0", "1", "2", "3"]);
}

#[test]
fn a_page_cycle_comes_round_after_its_period() {
    let options = SimulatorOptions::new().quirks(Quirks { kept_generations: 9, ..Quirks::default() });
    let mut raw = Raw::with(options, 9).fault(Rule::new(Fault::PageCycle { period: size(3) }).times(8));
    let (pages, links) = follow(&mut raw, 2, 8);
    assert_pages(&pages, &["0 1", "2 3", "4 5", "0 1", "2 3", "4 5", "0 1", "2 3"]);
    assert!(all_different(&links));
    assert_pages(&raw.drain(links.last().unwrap()).0, &["6 7", "8"]);
    // Who lost an answer of the first time round loses nothing by asking again.
    assert_pages(&raw.drain(&links[1]).0, &["2 3", "4 5", "6 7", "8"]);
}

#[test]
fn a_page_cycle_is_no_longer_than_the_round() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::PageCycle { period: size(5) }).times(5));
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "2", "0 1", "2", "0 1", ""]);
}

#[test]
fn what_a_cycle_repeats_is_the_last_word_on_each_id() {
    let mut raw = Raw::new(5).fault(Rule::new(Fault::PageCycle { period: size(4) }).times(8));
    let first = json(&raw.get(INITIAL));
    let url = format!("/me/events/{}", id(&first["value"][0]));
    raw.client.patch(&url, &serde_json::json!({"subject": "event 0b"}));
    assert_pages(&raw.drain(&next(&first).unwrap()).0, &["2 3", "4 0b", "0b 1", "2 3", "4 0b", "0b 1", "2 3", ""]);
}

#[test]
fn shifting_pages_divide_the_same_items_ever_anew() {
    let mut raw = Raw::new(7).fault(Rule::new(Fault::ShiftingPages { pages: size(2) }).times(5));
    let (pages, links) = follow(&mut raw, 2, 5);
    assert_pages(&pages, &["0 1", "2 3", "2 3", "1 2", "0 1"]);
    assert!(all_different(&links));
    assert_pages(&raw.drain(links.last().unwrap()).0, &["4 5", "6"]);
}

#[test]
fn empty_pages_come_before_the_page_and_not_in_its_place() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::EmptyPages).skip(1).times(4));
    assert_pages(&raw.drain(INITIAL).0, &["0 1", "", "", "", "", "2"]);
}

#[test]
fn a_same_link_leads_back_to_itself_until_it_ends() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::SameLink).on_kind(RequestKind::NextLink).times(3));
    let link = next(&json(&raw.get(INITIAL))).unwrap();
    for _ in 0..3 {
        let page = json(&raw.get(&link));
        assert_eq!((subjects(&page), next(&page)), (vec!["2".to_owned()], Some(link.clone())));
    }
    assert!(delta(&json(&raw.get(&link))).is_some());
}

#[test]
fn livelocks_leave_plain_listings_alone() {
    for fault in [Fault::Dotnet3082, Fault::EmptyPages, Fault::SameLink, Fault::PageCycle { period: size(1) }] {
        let mut raw = Raw::new(3).fault(Rule::new(fault));
        let page = json(&raw.get(&format!("/me/calendarView?{WINDOW}")));
        assert_eq!(subjects(&page), ["0", "1"]);
        assert!(next(&page).unwrap().contains("$skip=2"));
        assert_eq!(raw.struck(), 0);
    }
}

/// What a client without any doubts makes of a round: rows by id, or nothing if anything at all is strange.
fn plain_round(raw: &mut Raw) -> Option<BTreeMap<String, Value>> {
    let (mut rows, mut link) = (BTreeMap::new(), INITIAL.to_owned());
    for _ in 0..200 {
        let answer = raw.get(&link);
        if answer.status() != 200 {
            return None;
        }
        let page: Value = serde_json::from_slice(answer.body()).ok()?;
        for item in page["value"].as_array()? {
            if item["@removed"].is_null() {
                rows.insert(item["id"].as_str()?.to_owned(), without_annotations(item));
            } else {
                rows.remove(item["id"].as_str()?);
            }
        }
        match (next(&page), delta(&page)) {
            (Some(next), None) => link = next,
            (None, Some(_)) => return Some(rows),
            _ => return None,
        }
    }
    None
}

fn without_annotations(item: &Value) -> Value {
    let kept = item.as_object().unwrap().iter().filter(|(name, _)| !name.starts_with("@odata."));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn listing(raw: &mut Raw) -> BTreeMap<String, Value> {
    let page = json(&raw.get_sized(&format!("/me/calendarView?{WINDOW}"), 500));
    page["value"].as_array().unwrap().iter().map(|item| (id(item).to_owned(), without_annotations(item))).collect()
}

/// All that a client gets that follows what links there are, begins anew where there is none, and changes something
/// now and then.
fn transcript(seed: u64, quirks: Quirks) -> (Raw, Vec<String>) {
    let mut raw = Raw::with(SimulatorOptions::new().quirks(quirks), 9);
    raw.client.simulator.set_faults(Some(FaultPlan::random(seed)));
    let (mut link, mut seen) = (INITIAL.to_owned(), Vec::new());
    for turn in 0..60 {
        if turn % 10 == 5 {
            let body = event(&format!("event {turn}"), "2026-03-09T10:00:00", "2026-03-09T11:00:00").to_string();
            let post = Request::post(format!("{}/me/events", common::ROOT)).header("authorization", "Bearer secret");
            seen.push(format!("{:?}", raw.send(post.body(Bytes::from(body)).unwrap())));
        }
        let answer = raw.get(&link);
        seen.push(format!("{answer:?}"));
        let page: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let followed = next(&page).or(delta(&page));
        let own = followed.filter(|link| link.starts_with(OWN));
        link = own.filter(|link| link.parse::<http::Uri>().is_ok()).unwrap_or_else(|| INITIAL.to_owned());
    }
    (raw, seen)
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_same_plan_and_the_same_requests_give_the_same_bytes(seed: u64) {
        let quirks = Quirks::random(seed);
        let ((one, first), (other, second)) = (transcript(seed, quirks), transcript(seed, quirks));
        prop_assert_eq!(first, second);
        prop_assert_eq!(one.client.simulator.faults_struck(), other.client.simulator.faults_struck());
    }

    #[test]
    fn after_its_faults_a_full_round_gives_the_honest_listing(seed: u64) {
        let (mut raw, _) = transcript(seed, Quirks::random(seed));
        let budget: u64 = FaultPlan::random(seed).rules().iter().map(|rule| rule.when.times.unwrap()).sum();
        let mut rounds = 0;
        let rows = loop {
            let before = raw.struck();
            let rows = plain_round(&mut raw);
            if raw.struck() == before {
                break rows;
            }
            rounds += 1;
            prop_assert!(rounds <= budget, "the faults do not end");
        };
        prop_assert!(raw.struck() as u64 <= budget);
        raw.client.simulator.clear_faults();
        let listed = listing(&mut raw);
        prop_assert!(listed.len() >= 9);
        prop_assert_eq!(rows, Some(listed));
    }

    #[test]
    fn what_was_withheld_comes_when_the_plan_is_cleared(seed: u64, requests in 1..8usize) {
        let mut raw = Raw::new(9);
        raw.client.simulator.set_faults(Some(FaultPlan::random(seed)));
        let (mut link, mut seen) = (INITIAL.to_owned(), BTreeSet::new());
        for _ in 0..requests {
            let Ok(page) = serde_json::from_slice::<Value>(raw.get(&link).body()) else { break };
            let Some(items) = page["value"].as_array() else { break };
            let Some(next) = next(&page).filter(|link| link.starts_with(OWN)) else { break };
            seen.extend(items.iter().filter_map(|item| item["id"].as_str()).map(str::to_owned));
            link = next;
        }
        raw.client.simulator.clear_faults();
        loop {
            let page = json(&raw.get(&link));
            seen.extend(page["value"].as_array().unwrap().iter().map(|item| id(item).to_owned()));
            match next(&page) {
                Some(next) => link = next,
                None => break,
            }
        }
        // An item may have been malformed by an empty id.
        seen.remove("");
        prop_assert_eq!(seen, listing(&mut raw).into_keys().collect());
    }

    #[test]
    fn a_random_plan_survives_json(seed: u64) {
        let plan = FaultPlan::random(seed);
        prop_assert_eq!(plan.seed(), seed);
        prop_assert!((1..=6).contains(&plan.rules().len()));
        prop_assert!(plan.rules().iter().all(|rule| rule.when.times.is_some()));
        prop_assert_eq!(FaultPlan::from_json(plan.to_json().as_bytes()).unwrap(), plan);
    }
}
