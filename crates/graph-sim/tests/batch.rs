//! `$batch`: many requests in one.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{Answer, BETA, Client, event};
use graph_sim::{Quirks, SimulatorOptions};
use proptest::prelude::*;
use serde_json::{Value, json};

fn get(id: impl ToString, url: &str) -> Value {
    json!({"id": id.to_string(), "method": "GET", "url": url})
}

fn batch(client: &mut Client, parts: &[Value]) -> Answer {
    client.post("/$batch", &json!({"requests": parts}))
}

/// The answers of a batch by their ids.
fn answers(client: &mut Client, parts: &[Value]) -> BTreeMap<String, Value> {
    let answer = batch(client, parts).ok();
    let responses = answer.body["responses"].as_array().unwrap();
    responses.iter().map(|part| (part["id"].as_str().unwrap().to_owned(), part.clone())).collect()
}

/// The value of a part's header, however its name is written.
fn header<'a>(part: &'a Value, name: &str) -> Option<&'a str> {
    let mut headers = part["headers"].as_object().unwrap().iter();
    headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).and_then(|(_, value)| value.as_str())
}

fn march(day: u8) -> Value {
    event("march", &format!("2026-03-{day:02}T10:00:00"), &format!("2026-03-{day:02}T11:00:00"))
}

#[test]
fn every_part_has_a_status_headers_and_a_body_of_its_own() {
    let mut client = Client::new();
    let id = client.create("/me", &march(2));
    let parts = [
        get("found", &format!("/me/events/{id}")),
        get("without-a-slash", &format!("me/events/{id}?$select=subject")),
        get("lost", "/me/events/AAMkNone="),
        get("nonsense", "/me/mail"),
        get("versioned", "/v1.0/me"),
        json!({"id": "made", "method": "POST", "url": "/me/events", "body": march(3),
            "headers": {"Content-Type": "application/json"}}),
        json!({"id": "gone", "method": "DELETE", "url": format!("/me/events/{id}")}),
    ];
    let answers = answers(&mut client, &parts);
    assert_eq!(answers.len(), parts.len());
    let status = |id: &str| answers[id]["status"].as_u64().unwrap();
    let code = |id: &str| answers[id]["body"]["error"]["code"].as_str().unwrap();
    assert_eq!((status("found"), &answers["found"]["body"]["subject"]), (200, &json!("march")));
    assert!(answers["without-a-slash"]["body"].get("body").is_none());
    assert_eq!((status("lost"), code("lost")), (404, "ErrorItemNotFound"));
    assert_eq!(status("nonsense"), 400);
    assert_eq!(status("versioned"), 400);
    assert_eq!(status("made"), 201);
    assert!(header(&answers["made"], "location").unwrap().starts_with("https://graph.microsoft.com/v1.0/me/events/"));
    assert_eq!(status("gone"), 204);
    assert!(answers["gone"].get("body").is_none());
    assert_eq!(client.get(&format!("/me/events/{id}")).status, 404);
    let request_ids: BTreeSet<&str> = answers.values().map(|part| header(part, "request-id").unwrap()).collect();
    assert_eq!(request_ids.len(), parts.len());
}

#[test]
fn a_part_is_answered_as_if_it_had_come_alone() {
    let mut client = Client::new();
    client.create("/me", &march(2));
    client.create("/me", &march(3));
    let prefer = "odata.maxpagesize=1, outlook.timezone=\"Tokyo Standard Time\"";
    let url = "/me/calendarView?startDateTime=2026-03-01T00:00:00Z&endDateTime=2026-04-01T00:00:00Z";
    let alone = client.get_preferring(url, prefer).ok();
    let mut part = get(1, url);
    part["headers"] = json!({"Prefer": prefer});
    let answers = answers(&mut client, &[part, get(2, url)]);
    assert_eq!(answers["1"]["body"], alone.body);
    assert_eq!(header(&answers["1"], "preference-applied").unwrap(), alone.header("preference-applied"));
    assert!(header(&answers["2"], "preference-applied").is_none());
    let next = alone.next_link().unwrap();
    assert_eq!(client.get(&next).ok().items().len(), 1, "a link out of a batch leads back");
}

#[test]
fn the_version_of_a_batch_is_that_of_its_parts() {
    let mut client = Client::new();
    let id = client.create("/me", &march(2));
    let body = json!({"requests": [get(1, &format!("/me/events/{id}"))]});
    let answer = client.post(&format!("{BETA}/%24batch"), &body).ok();
    assert!(answer.body["responses"][0]["body"].get("uid").is_some());
}

#[test]
fn the_token_of_a_batch_is_that_of_its_parts() {
    let mut client = Client::with(SimulatorOptions::new().accept_only(["secret"]));
    let mut part = get(1, "/me");
    part["headers"] = json!({"Authorization": "Bearer other"});
    assert_eq!(answers(&mut client, &[part])["1"]["status"], 200);
    let mut client = Client::with(SimulatorOptions::new().accept_only(["other"]));
    assert_eq!(batch(&mut client, &[get(1, "/me")]).status, 401);
}

#[test]
fn a_batch_that_makes_no_sense_is_refused_whole() {
    let mut client = Client::new();
    let many: Vec<Value> = (0..21).map(|id| get(id, "/me")).collect();
    let refused = batch(&mut client, &many);
    let message = "Number of batch request steps exceeds the maximum value of 20.";
    assert_eq!(refused.error(), (400, "MaximumValueExceeded", message));
    assert_eq!(answers(&mut client, &many[..20]).len(), 20);

    let write = |id: &str| json!({"id": id, "method": "POST", "url": "/me/events", "body": march(2)});
    let unfit = |name: &str, value: Value| {
        let mut part = get("x", "/me");
        part[name] = value;
        part
    };
    for parts in [
        vec![get("a", "/me"), get("A", "/me")],
        vec![write("no content type")],
        vec![unfit("id", json!(1))],
        vec![unfit("method", json!("TWO WORDS"))],
        vec![unfit("url", json!("https://graph.microsoft.com/v1.0/me"))],
        vec![unfit("url", json!("//example.com/me"))],
        vec![unfit("url", json!("/%24Batch"))],
        vec![unfit("headers", json!(["Prefer"]))],
        vec![unfit("headers", json!({"Prefer": 1}))],
        vec![unfit("dependsOn", json!(["later"])), get("later", "/me")],
    ] {
        let refused = batch(&mut client, &parts);
        assert_eq!(refused.error().0, 400, "{parts:?}");
    }
    assert!(client.get("/me/events").ok().items().is_empty());
    assert_eq!(client.post("/$batch", &json!({"parts": []})).status, 400);
    assert_eq!(client.send("POST", "/$batch", &[], "{").status, 400);
    assert_eq!(client.get("/$batch").status, 405);
}

#[test]
fn a_part_whose_dependency_failed_is_not_tried() {
    let mut client = Client::new();
    let id = client.create("/me", &march(2));
    let url = format!("/me/events/{id}");
    let delete = |name: &str, on: &str| json!({"id": name, "method": "DELETE", "url": url, "dependsOn": [on]});
    let parts = [get("good", "/me"), get("bad", "/me/mail"), delete("not", "bad"), delete("done", "good")];
    let answers = answers(&mut client, &parts);
    assert_eq!(answers["not"]["status"], 424);
    assert_eq!(answers["done"]["status"], 204);
}

#[test]
fn answers_come_in_an_order_that_only_the_seed_decides() {
    let order = |seed: u64| -> Vec<String> {
        let mut client = Client::with(SimulatorOptions::new().seed(seed));
        let parts: Vec<Value> = (0..12).map(|id| get(id, "/me")).collect();
        let answer = batch(&mut client, &parts).ok();
        let responses = answer.body["responses"].as_array().unwrap();
        responses.iter().map(|part| part["id"].as_str().unwrap().to_owned()).collect()
    };
    let asked: Vec<String> = (0..12).map(|id| id.to_string()).collect();
    assert_eq!(order(7), order(7));
    assert_ne!(order(7), order(8));
    assert_ne!(order(7), asked);
}

proptest! {
    #![proptest_config(common::cases())]

    #[test]
    fn a_mailbox_answers_so_many_parts_at_once_and_the_rest_later(
        samantha in 0..10usize, planning in 0..10usize, most in 0..6usize, seed: u64,
    ) {
        let quirks = Quirks { batch_concurrency: Some(most), ..Quirks::default() };
        let mut client = Client::with(SimulatorOptions::new().quirks(quirks).seed(seed));
        let population = json!({"users": [], "groups": [{"id": "g", "displayName": "G", "mail": "g@contoso.com"}]});
        let population = graph_sim::Population::from_json(population.to_string().as_bytes()).unwrap();
        client.simulator.load(client.now(), &population).unwrap();
        let samanthas = (0..samantha).map(|n| get(format!("s{n}"), ["/me", "/users/samanthab@contoso.com"][n % 2]));
        let plannings = (0..planning).map(|n| get(format!("p{n}"), "/groups/g"));
        let parts: Vec<Value> = samanthas.chain(plannings).collect();
        let answers = answers(&mut client, &parts);
        for (owner, asked) in [("s", samantha), ("p", planning)] {
            let mine = || answers.iter().filter(|(id, _)| id.starts_with(owner)).map(|(_, part)| part);
            prop_assert_eq!(mine().filter(|part| part["status"] == 200).count(), asked.min(most));
            let throttled: Vec<&Value> = mine().filter(|part| part["status"] == 429).collect();
            prop_assert_eq!(throttled.len(), asked.saturating_sub(most));
            for part in throttled {
                prop_assert!(header(part, "retry-after").unwrap().parse::<u64>().unwrap() > 0);
                prop_assert_eq!(&part["body"]["error"]["code"], "ApplicationThrottled");
            }
        }
    }
}

#[test]
fn the_names_of_headers_are_written_in_more_than_one_way() {
    let quirks = Quirks { batch_concurrency: Some(0), ..Quirks::default() };
    let mut client = Client::with_quirks(quirks);
    let parts: Vec<Value> = (0..20).map(|id| get(id, "/me")).collect();
    let names: BTreeSet<String> = answers(&mut client, &parts)
        .values()
        .flat_map(|part| part["headers"].as_object().unwrap().keys().cloned().collect::<Vec<_>>())
        .collect();
    assert!(names.contains("Retry-After") && names.contains("retry-after"));
}
