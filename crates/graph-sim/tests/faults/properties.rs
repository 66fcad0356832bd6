//! What holds for every plan.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use graph_sim::{FaultPlan, Quirks, SimulatorOptions};
use http::Request;
use proptest::prelude::*;
use serde_json::Value;

use crate::common::{cases, event, id};
use crate::{INITIAL, OWN, Raw, common, delta, json, listing, next, without_annotations};

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
            (Some(next), None) if next.starts_with(OWN) => link = next,
            (None, Some(_)) => return Some(rows),
            _ => return None,
        }
    }
    None
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
