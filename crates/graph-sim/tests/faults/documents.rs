//! What `docs/faults.md`, its examples and the schema say is what the code does.

use std::collections::BTreeSet;
use std::path::Path;

use graph_sim::{Fault, FaultPlan};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::cases;
use crate::plans::names_in_the_code;
use crate::schema::check;
use crate::{INITIAL, Raw, delta, next};

const PAGE: &str = include_str!("../../../../docs/faults.md");
const SCHEMA: &str = include_str!("../../../../docs/schemas/faults-1.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The example files, by name.
fn examples() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files.map(|file| (file.file_name().into_string().unwrap(), std::fs::read_to_string(file.path()).unwrap())).collect()
}

/// Reads a plan, which the schema must like too.
#[track_caller]
fn read(json: &str) -> FaultPlan {
    check(&schema(), &serde_json::from_str(json).unwrap()).unwrap();
    FaultPlan::from_json(json.as_bytes()).unwrap()
}

#[test]
fn every_example_is_a_plan() {
    let blocks = PAGE.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let rules: usize = blocks.map(|block| read(block).rules().len()).sum();
    assert!(rules > 10);
}

#[test]
fn every_livelock_has_an_example_that_does_not_end_while_it_lasts() {
    let mut kinds = BTreeSet::new();
    for (name, json) in examples() {
        assert!(PAGE.contains(&format!("(faults/{name})")), "{name}");
        let plan = read(&json);
        let mut raw = Raw::new(9);
        kinds.insert(plan.rules()[0].fault.name());
        raw.client.simulator.set_faults(Some(plan));
        let mut link = INITIAL.to_owned();
        for _ in 0..50 {
            let page = crate::json(&raw.get(&link));
            assert_eq!(delta(&page), None, "{name}");
            link = next(&page).unwrap();
        }
        assert!(raw.struck() >= 49, "{name}");
        raw.client.simulator.clear_faults();
        raw.drain(&link);
    }
    let documented = ["emptyPages", "msgraph-sdk-dotnet-3070", "msgraph-sdk-dotnet-3082", "pageCycle", "sameLink"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [&documented[..], &["shiftingPages"]].concat());
}

#[test]
fn schema_page_and_code_know_the_same_faults() {
    let schema = schema();
    let kinds = schema["$defs"]["fault"]["oneOf"].as_array().unwrap().iter();
    let names = kinds.flat_map(|kind| match kind["enum"].as_array() {
        Some(names) => names.iter().map(|name| name.as_str().unwrap().to_owned()).collect(),
        None => kind["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>(),
    });
    let (names, in_the_code) = (names.collect::<BTreeSet<_>>(), names_in_the_code());
    assert_eq!(names, in_the_code);
    let rows =
        PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name.to_owned());
    let others = [
        "method",
        "path",
        "pathContains",
        "kind",
        "pageSizeBelow",
        "windowDaysAbove",
        "mailbox",
        "skip",
        "every",
        "probability",
        "times",
    ];
    let rows: BTreeSet<String> = rows.filter(|name| !others.contains(&name.as_str())).collect();
    assert_eq!(rows, in_the_code);
}

#[test]
fn every_member_and_word_of_the_schema_is_on_the_page() {
    fn words(schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            found.extend(properties.keys().cloned());
        }
        found.extend(schema["enum"].as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()));
        match schema {
            Value::Object(members) => members.values().for_each(|member| words(member, found)),
            Value::Array(items) => items.iter().for_each(|item| words(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    words(&schema(), &mut found);
    for word in found {
        let quoted = PAGE.contains(&format!("`{word}`")) || PAGE.contains(&format!("\"{word}\""));
        assert!(quoted, "{word}");
    }
}

#[test]
fn what_the_schema_refuses_the_code_refuses_too() {
    let rule = |rule: Value| json!({"schema": "faults/1", "rules": [rule]});
    for plan in [
        json!({"rules": []}),
        json!({"schema": "faults/2", "rules": []}),
        json!({"schema": "faults/1"}),
        json!({"schema": "faults/1", "rules": [], "more": 1}),
        json!({"schema": "faults/1", "rules": [], "seed": -1}),
        rule(json!({})),
        rule(json!({"fault": "none of them"})),
        rule(json!({"fault": "reorder", "on": {"kind": "none of them"}})),
        rule(json!({"fault": "reorder", "on": {"pageSizeBelow": 0}})),
        rule(json!({"fault": "reorder", "on": {"method": "HEAD"}})),
        rule(json!({"fault": "reorder", "when": {"every": 0}})),
        rule(json!({"fault": "reorder", "when": {"times": -1}})),
        rule(json!({"fault": "reorder", "when": {"probability": 1.1}})),
        rule(json!({"fault": {"reorder": {}}})),
        rule(json!({"fault": {"status": {}}})),
        rule(json!({"fault": {"status": {"status": 399}}})),
        rule(json!({"fault": {"status": {"status": 600}}})),
        rule(json!({"fault": {"status": {"status": 503, "retryAfter": ["1", 2]}}})),
        rule(json!({"fault": {"status": {"status": 503, "retryAfter": [{"httpDate": 1, "more": 1}]}}})),
        rule(json!({"fault": {"pageCycle": {"period": 0}}})),
        rule(json!({"fault": {"badLink": {}}})),
        rule(json!({"fault": {"badLink": {"form": "good"}}})),
        rule(json!({"fault": {"stall": {"milliseconds": 0.5}}})),
    ] {
        assert!(check(&schema(), &plan).is_err(), "{plan}");
        assert!(FaultPlan::from_json(plan.to_string().as_bytes()).is_err(), "{plan}");
    }
    assert_eq!(Fault::Reorder.name(), "reorder");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_schema_likes_every_random_plan(seed: u64) {
        let plan = FaultPlan::random(seed).to_json();
        prop_assert_eq!(check(&schema(), &serde_json::from_str(&plan).unwrap()), Ok(()));
    }
}
