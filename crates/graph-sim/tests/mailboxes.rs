//! What a mailbox is to those who ask for all of it: its list of calendars, and how much it may be asked.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use common::{Client, ROOT, event, id};
use graph_sim::{MailboxLimits, Population, SimulatorOptions};
use http::Request;
use serde_json::json;

#[test]
fn calendars_that_others_share_are_listed_and_their_events_are_found_there_only() {
    let mut client = Client::new();
    let meeting = event("Meeting", "2026-03-02T09:00:00", "2026-03-02T10:00:00");
    let population = json!({"users": [{
        "displayName": "Samantha Booth",
        "userPrincipalName": "samanthab@contoso.com",
        "calendars": [{"name": "Room", "owner": {"name": "Alex", "address": "alexd@contoso.com"}, "events": [meeting]}],
    }]});
    let population = Population::from_json(population.to_string().as_bytes()).unwrap();
    client.simulator.load(SystemTime::UNIX_EPOCH, &population).unwrap();

    let list = client.get("/me/calendars").ok();
    let names: Vec<&str> = list.items().iter().map(|calendar| calendar["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Calendar", "Travel", "Room"]);
    let room = &list.items()[2];
    assert_eq!((&room["owner"]["address"], &room["canEdit"]), (&json!("alexd@contoso.com"), &json!(false)));
    assert_eq!(list.items()[0]["owner"]["address"], "samanthab@contoso.com");

    let events = format!("/me/calendars/{}/events", id(room));
    let found = client.get(&events).ok();
    let meeting = id(&found.items()[0]).to_owned();
    assert_eq!(client.get(&format!("{events}/{meeting}")).status, 200);
    assert_eq!(client.get(&format!("/me/events/{meeting}")).status, 404);
}

#[test]
fn a_list_of_calendars_has_pages() {
    let mut client = Client::new();
    for number in 0..5 {
        assert_eq!(client.post("/me/calendars", &json!({"name": format!("Project {number}")})).status, 201);
    }
    let mut url = "/me/calendars?$select=id,name&$top=3".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = client.get(&url).ok();
        pages.push(page.items().len());
        let Some(next) = page.next_link() else { break };
        url = next;
    }
    assert_eq!(pages, [3, 3, 1]);
}

#[test]
fn what_is_too_much_for_a_mailbox_is_throttled_with_a_time() {
    let limits = MailboxLimits { in_flight: 4, requests: 3, span: Duration::from_secs(60) };
    let mut client = Client::with(SimulatorOptions::new().limits(limits));
    for _ in 0..3 {
        client.get("/me").ok();
    }
    let answer = client.get("/me");
    assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (429, "57"));
    assert_eq!(client.get("/me").status, 429);
    assert_eq!(client.simulator.early_requests(), 1, "the second came early");
    client.seconds += 60;
    client.get("/me").ok();
}

#[test]
fn more_than_four_at_a_time_are_too_many_for_a_mailbox() {
    let mut client = Client::with(SimulatorOptions::new().limits(MailboxLimits::default()));
    let get = || Request::get(format!("{ROOT}/me")).body(Bytes::new()).unwrap();
    let now = client.now();
    let mut under_way: Vec<_> = (0..4).map(|_| client.simulator.arrive(now, &mut get())).collect();
    client.get("/me").ok();
    under_way.push(client.simulator.arrive(now, &mut get()));
    let answer = client.get("/me");
    assert_eq!((answer.status.as_u16(), &answer.body["error"]["code"]), (429, &json!("ApplicationThrottled")));
    assert!(!answer.header("retry-after").is_empty());
    under_way.into_iter().for_each(|request| client.simulator.leave(request));
    assert_eq!(client.simulator.most_in_flight(), 5);

    let part = |number: usize| json!({"id": number.to_string(), "method": "GET", "url": "/me"});
    let body = json!({"requests": (0..20).map(part).collect::<Vec<_>>()}).to_string();
    let mut batch = Request::post(format!("{ROOT}/$batch")).body(Bytes::from(body)).unwrap();
    let under_way = [client.simulator.arrive(now, &mut batch), client.simulator.arrive(now, &mut batch)];
    assert_eq!(client.simulator.most_in_flight(), 8, "a batch is four at a time");
    under_way.into_iter().for_each(|request| client.simulator.leave(request));
}
