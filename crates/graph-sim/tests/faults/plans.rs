//! When rules strike, and what a plan must look like.

use std::collections::BTreeSet;

use bytes::Bytes;
use graph_sim::{Fault, FaultPlan, Rule, StatusFault};
use http::Request;

use crate::{INITIAL, Raw, common, json, next};

#[test]
fn the_first_rule_that_finds_something_to_break_decides() {
    let status = |status: u16| Rule::new(Fault::Status(StatusFault::new(status)));
    let mut raw = Raw::new(5);
    let plan = FaultPlan::new(1).rule(Rule::new(Fault::NoLink)).rule(status(503).times(1)).rule(status(429));
    raw.client.simulator.set_faults(Some(plan));
    assert_eq!(raw.get("/me").status(), 503);
    assert_eq!(raw.get("/me").status(), 429);
    assert_eq!(next(&json(&raw.get(INITIAL))), None);
    let struck = raw.client.simulator.faults_struck();
    let struck: Vec<_> = struck.iter().map(|strike| (strike.rule, strike.request, strike.fault.as_str())).collect();
    assert_eq!(struck, [(1, 6, "status"), (2, 7, "status"), (0, 8, "noLink")]);
}

#[test]
fn a_rule_strikes_in_its_turn_and_no_more_often_than_it_may() {
    let strikes = |json: &str| {
        let rule: Rule = serde_json::from_str(json).unwrap();
        let mut raw = Raw::new(0).fault(rule);
        (0..10).map(|_| if raw.get("/me").status() == 200 { '.' } else { 'x' }).collect::<String>()
    };
    let rule = |when: &str| format!(r#"{{"when": {when}, "fault": {{"status": {{"status": 500}}}}}}"#);
    assert_eq!(strikes(&rule("{}")), "xxxxxxxxxx");
    assert_eq!(strikes(&rule(r#"{"skip": 2, "times": 3}"#)), "..xxx.....");
    assert_eq!(strikes(&rule(r#"{"skip": 1, "every": 3, "times": 2}"#)), ".x..x.....");
    assert_eq!(strikes(&rule(r#"{"probability": 0}"#)), "..........");
    let half = strikes(&rule(r#"{"probability": 0.5}"#));
    assert!(half.contains('x') && half.contains('.'), "{half}");
}

#[test]
fn only_requests_with_a_welcome_token_are_struck() {
    let mut raw = Raw::new(0).fault(Rule::new(Fault::Status(StatusFault::new(500))));
    let request = Request::get(format!("{}/me", common::ROOT)).body(Bytes::new()).unwrap();
    assert_eq!(raw.send(request).status(), 401);
    assert_eq!(raw.get("/me").status(), 500);
}

#[test]
fn a_link_of_a_fault_is_good_for_its_own_resource_only() {
    let mut raw = Raw::new(3).fault(Rule::new(Fault::Dotnet3082).times(1));
    let link = next(&json(&raw.get(INITIAL))).unwrap();
    assert_eq!(raw.get(&link.replace("/me/", "/groups/x/")).status(), 404);
    assert_eq!(raw.get(&link.replace("/me/calendarView", "/me/calendar/calendarView")).status(), 400);
    assert_eq!(raw.get(&link).status(), 200);
}

#[test]
fn a_plan_that_is_none_is_refused_with_the_name_of_the_field() {
    let rule = |rule: &str| format!(r#"{{"schema": "faults/1", "rules": [{rule}]}}"#);
    for (json, field, words) in [
        ("{".to_owned(), "?", "EOF"),
        (r#"{"rules": []}"#.to_owned(), ".", "schema"),
        (r#"{"schema": "faults/2", "rules": []}"#.to_owned(), "schema", "faults/2"),
        (r#"{"schema": "faults/1", "rules": [], "sede": 1}"#.to_owned(), "sede", "sede"),
        (r#"{"schema": "faults/1", "rules": []} {}"#.to_owned(), ".", "trailing"),
        (rule(r#"{"fault": "reordr"}"#), "rules[0].fault", "reordr"),
        (rule(r#"{"fault": "reorder", "when": {"every": 0}}"#), "rules[0].when.every", "nonzero"),
        (rule(r#"{"fault": "reorder", "when": {"probability": 1.5}}"#), "rules[0].when.probability", "1.5"),
        (rule(r#"{"fault": "reorder", "when": {"skip": "a"}}"#), "rules[0].when.skip", "invalid type"),
        (rule(r#"{"fault": "reorder", "on": {"method": "get"}}"#), "rules[0].on.method", "GET"),
        (rule(r#"{"fault": "reorder", "on": {"kind": "all"}}"#), "rules[0].on.kind", "all"),
        (rule(r#"{"fault": {"status": {"status": 200}}}"#), "rules[0].fault.status.status", "400 to 599"),
        (
            rule(r#"{"fault": {"status": {"status": 500, "retryAfter": [5]}}}"#),
            "rules[0].fault.status.retryAfter[0]",
            "httpDate",
        ),
        (rule(r#"{"fault": {"redirect": {"status": 200}}}"#), "rules[0].fault.redirect.status", "300 to 399"),
        (
            rule(r#"{"fault": {"pageCycle": {"period": 2, "periods": 3}}}"#),
            "rules[0].fault.pageCycle.periods",
            "periods",
        ),
    ] {
        let error = FaultPlan::from_json(json.as_bytes()).unwrap_err();
        let text = error.to_string();
        assert!(error.field() == field && text.contains(words) && text.contains(field), "{}: {text}", error.field());
    }
}

/// The names of all faults: those that the reader of plans says it expected.
pub(crate) fn names_in_the_code() -> BTreeSet<String> {
    let plan = br#"{"schema": "faults/1", "rules": [{"fault": "none of them"}]}"#;
    let error = FaultPlan::from_json(plan).unwrap_err().to_string();
    let (_, expected) = error.split_once("expected one of").unwrap();
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn random_plans_have_every_fault_sooner_or_later() {
    let drawn: BTreeSet<String> = (0..2000)
        .flat_map(|seed| FaultPlan::random(seed).rules().iter().map(|rule| rule.fault.name()).collect::<Vec<_>>())
        .collect();
    assert_eq!(drawn, names_in_the_code());
    assert!(drawn.contains("msgraph-sdk-dotnet-3070") && drawn.len() > 30);
}
