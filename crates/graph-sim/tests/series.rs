//! What becomes of a series and its instances by REST.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::BTreeSet;

use common::series::{WINDOW, at, days, moved, of_type, on, standup, view, with_standup};
use common::{BETA, Client, calendar_ids, event, id, names};
use graph_sim::{Population, Quirks, SimulatorOptions};
use serde_json::{Value, json};

#[test]
fn a_master_is_listed_and_its_occurrences_are_viewed() {
    let (mut client, master) = with_standup(Quirks::default());
    let events = client.get("/me/events").ok();
    let [listed] = events.items() else { panic!("one event") };
    assert_eq!((id(listed), &listed["type"]), (master.as_str(), &json!("seriesMaster")));
    assert_eq!(listed["start"]["dateTime"], "2026-03-02T10:00:00.0000000");
    assert_eq!(listed["recurrence"]["pattern"]["type"], "daily");

    let viewed = view(&mut client);
    assert_eq!(days(&viewed), ["09", "10", "11", "12", "13", "14", "15"]);
    for item in &viewed {
        assert_eq!(item["type"], "occurrence");
        assert_eq!(item["seriesMasterId"], master.as_str());
        assert_eq!(item["recurrence"], Value::Null);
        assert_eq!(item["subject"], "Stand-up");
        assert_eq!(names(item), names(listed));
        let alone = client.get(&format!("/me/events/{}", id(item))).ok();
        assert_eq!(names(item).len() + 1, names(&alone.body).len());
        assert_eq!(alone.body["start"], item["start"]);
        // What a client fills in from the master is what it would have been told.
        for name in names(item) {
            let own = ["id", "type", "start", "end", "seriesMasterId", "recurrence", "webLink"];
            assert!(own.contains(&name) || item[name] == listed[name], "{name}");
        }
    }
    let ids: BTreeSet<&str> = viewed.iter().map(id).collect();
    assert_eq!(ids.len(), 7);
}

#[test]
fn instances_are_paged_and_selected_within_their_window() {
    let (mut client, master) = with_standup(Quirks::default());
    let calendar = calendar_ids(&mut client)[0].clone();
    let url = format!(
        "/me/calendars/{calendar}/events/{master}/instances?{WINDOW}&$top=3&$select=id,seriesMasterId,type,start,end"
    );
    let mut link = Some(url);
    let mut found = Vec::new();
    while let Some(url) = link {
        let page = client.get(&url).ok();
        found.push(page.items().len());
        for item in page.items() {
            assert_eq!(names(item), ["@odata.etag", "end", "id", "seriesMasterId", "start", "type"]);
        }
        link = page.next_link();
    }
    assert_eq!(found, [3, 3, 1]);
    let preferred = client.get_preferring(&format!("/me/events/{master}/instances?{WINDOW}"), "odata.maxpagesize=2");
    assert_eq!(preferred.ok().items().len(), 2);

    let refused = client.get(&format!("/me/events/{master}/instances"));
    assert_eq!(refused.error().1, "ErrorInvalidParameter");
    let single = client.create("/me", &event("once", "2026-03-10T10:00:00", "2026-03-10T11:00:00"));
    let occurrence = on(&mut client, "11");
    for without in [single, occurrence] {
        assert!(client.get(&format!("/me/events/{without}/instances?{WINDOW}")).ok().items().is_empty());
    }
    assert_eq!(client.get(&format!("/me/events/AAMkNone=/instances?{WINDOW}")).status, 404);
    let other = calendar_ids(&mut client)[1].clone();
    assert_eq!(client.get(&format!("/me/calendars/{other}/events/{master}/instances?{WINDOW}")).status, 404);
}

#[test]
fn a_calendar_view_is_paged_by_top_and_skip_and_by_preference() {
    let (mut client, _) = with_standup(Quirks::default());
    client.create("/me", &event("between", "2026-03-11T08:00:00", "2026-03-11T09:00:00"));
    let calendar = calendar_ids(&mut client)[0].clone();
    let url = format!("/me/calendars/{calendar}/calendarView?{WINDOW}");
    let first = client.get(&format!("{url}&$top=3&$select=start")).ok();
    assert_eq!(days(first.items()), ["09", "10", "11"]);
    let second = client.get(&first.next_link().unwrap()).ok();
    assert_eq!(days(second.items()), ["11", "12", "13"]);
    let third = client.get(&second.next_link().unwrap()).ok();
    assert_eq!((days(third.items()), third.next_link()), (vec!["14", "15"], None));
    assert_eq!(days(client.get(&format!("{url}&$skip=6")).ok().items()), ["14", "15"]);
    let preferred = client.get_preferring(&url, "odata.maxpagesize=7").ok();
    assert_eq!(preferred.items().len(), 7);
    assert_eq!(days(client.get(&preferred.next_link().unwrap()).ok().items()), ["15"]);
}

#[test]
fn an_exception_keeps_its_id_and_inherits_what_it_does_not_say() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    let patched = client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "Retrospective"})).ok();
    assert_eq!((id(&patched.body), &patched.body["type"]), (tuesday.as_str(), &json!("exception")));
    client.patch(&format!("/me/events/{tuesday}"), &moved("2026-03-10T15:00:00", "2026-03-10T16:00:00")).ok();
    client.patch(&format!("/me/events/{master}"), &json!({"subject": "Daily", "showAs": "free"})).ok();

    let viewed = view(&mut client);
    let exception = &of_type(&viewed, "exception")[..];
    let [exception] = exception else { panic!("one exception") };
    assert_eq!(id(exception), tuesday);
    assert_eq!(exception["start"]["dateTime"], "2026-03-10T15:00:00.0000000");
    assert_eq!((&exception["subject"], &exception["showAs"]), (&json!("Retrospective"), &json!("free")));
    assert_eq!(exception["seriesMasterId"], master.as_str());
    let occurrences = of_type(&viewed, "occurrence");
    assert_eq!(occurrences.len(), 6);
    assert!(occurrences.iter().all(|occurrence| occurrence["subject"] == "Daily"));
}

#[test]
fn an_exception_can_leave_a_window_and_enter_another() {
    let mut client = Client::new();
    let mut weekly = standup();
    weekly["recurrence"]["pattern"] = json!({"type": "weekly", "interval": 2, "daysOfWeek": ["monday"]});
    client.create("/me", &weekly);
    let sixteenth = client.get("/me/calendarView?startDateTime=2026-03-16&endDateTime=2026-03-17").ok();
    let sixteenth = id(&sixteenth.items()[0]).to_owned();
    assert!(view(&mut client).is_empty());
    client.patch(&format!("/me/events/{sixteenth}"), &moved("2026-03-12T10:00:00", "2026-03-12T11:00:00")).ok();
    assert_eq!(view(&mut client).iter().map(id).collect::<Vec<_>>(), [sixteenth.as_str()]);
    let original = client.get("/me/calendarView?startDateTime=2026-03-16&endDateTime=2026-03-17").ok();
    assert!(original.items().is_empty());
    let beta = client.get(&format!("{BETA}/me/events/{sixteenth}")).ok();
    assert_eq!(beta.body["originalStart"], "2026-03-16T10:00:00Z");
}

#[test]
fn an_occurrence_may_not_reach_its_neighbours() {
    let (mut client, _) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    let url = format!("/me/events/{tuesday}");
    for day in ["08", "09", "11", "12"] {
        let refused =
            client.patch(&url, &moved(&format!("2026-03-{day}T15:00:00"), &format!("2026-03-{day}T16:00:00")));
        assert_eq!((refused.error().0, refused.error().1), (400, "ErrorOccurrenceCrossingBoundary"), "{day}");
    }
    assert_eq!(client.get(&url).ok().body["type"], "occurrence");
    let wednesday = on(&mut client, "11");
    client.delete(&format!("/me/events/{wednesday}"));
    client.patch(&url, &moved("2026-03-11T15:00:00", "2026-03-11T16:00:00")).ok();
    let refused = client.patch(&url, &json!({"recurrence": standup()["recurrence"]}));
    assert_eq!(refused.error().0, 400);
}

#[test]
fn a_deleted_occurrence_is_gone_and_only_beta_names_it() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    let wednesday = on(&mut client, "11");
    client.patch(&format!("/me/events/{wednesday}"), &json!({"subject": "later"})).ok();
    for gone in [&tuesday, &wednesday] {
        assert_eq!(client.delete(&format!("/me/events/{gone}")).status, 204);
        for method in ["GET", "DELETE", "PATCH"] {
            assert_eq!(client.send(method, &format!("/me/events/{gone}"), &[], "{}").status, 404);
        }
    }
    assert_eq!(days(&view(&mut client)), ["09", "12", "13", "14", "15"]);
    let url = format!("/me/events/{master}?$select=subject,cancelledOccurrences");
    let beta = client.get(&format!("{BETA}{url}")).ok();
    let cancelled: Vec<String> = ["10", "11"].iter().map(|day| format!("OID.{master}.2026-03-{day}")).collect();
    assert_eq!(beta.body["cancelledOccurrences"], json!(cancelled));
    assert!(client.get(&url).ok().body.get("cancelledOccurrences").is_none());
    assert!(client.get(&format!("{BETA}/me/events/{master}")).ok().body.get("cancelledOccurrences").is_none());
}

#[test]
fn beta_names_occurrences_by_their_day() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    client.patch(&format!("/me/events/{tuesday}"), &moved("2026-03-10T20:00:00", "2026-03-10T21:00:00")).ok();
    let beta = client.get(&format!("{BETA}/me/events/{tuesday}")).ok().body;
    assert_eq!(beta["occurrenceId"], format!("OID.{master}.2026-03-10"));
    assert_eq!(beta["originalStart"], "2026-03-10T10:00:00Z");
    assert!(beta.get("OccurrenceId").is_none());
    let v1 = client.get(&format!("/me/events/{tuesday}")).ok().body;
    assert!(v1.get("occurrenceId").is_none() && v1.get("originalStart").is_none());
}

#[test]
fn another_rule_or_another_time_begins_a_new_series() {
    let patches = [
        json!({"recurrence": {
            "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["tuesday", "thursday"]},
            "range": {"type": "noEnd", "startDate": "2026-03-02"},
        }}),
        moved("2026-03-02T12:00:00", "2026-03-02T13:00:00"),
        json!({"end": at("2026-03-02T12:00:00")}),
    ];
    for patch in patches {
        let (mut client, master) = with_standup(Quirks::default());
        let tuesday = on(&mut client, "10");
        let thursday = on(&mut client, "12");
        client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
        client.delete(&format!("/me/events/{thursday}"));
        let before: BTreeSet<String> = view(&mut client).iter().map(|item| id(item).to_owned()).collect();
        client.patch(&format!("/me/events/{master}"), &patch).ok();
        let after = view(&mut client);
        assert!(days(&after).contains(&"12"));
        assert!(after.iter().all(|item| item["type"] == "occurrence" && !before.contains(id(item))), "{patch}");
        assert_eq!(client.get(&format!("/me/events/{tuesday}")).status, 404);
        assert_eq!(client.get(&format!("/me/events/{master}")).ok().body["id"], master.as_str());
    }
}

#[test]
fn what_is_not_a_rule_or_a_time_keeps_ids_exceptions_and_cancellations() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    let thursday = on(&mut client, "12");
    client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
    client.delete(&format!("/me/events/{thursday}"));
    let before: Vec<String> = view(&mut client).iter().map(|item| id(item).to_owned()).collect();
    let same = client.get(&format!("/me/events/{master}")).ok().body;
    let again =
        json!({"subject": "Daily", "start": same["start"], "end": same["end"], "recurrence": same["recurrence"]});
    for patch in [json!({"subject": "Daily"}), again] {
        client.patch(&format!("/me/events/{master}"), &patch).ok();
        let after = view(&mut client);
        assert_eq!(after.iter().map(|item| id(item).to_owned()).collect::<Vec<_>>(), before);
        assert_eq!(of_type(&after, "exception").len(), 1);
    }
}

#[test]
fn a_series_moved_to_another_day_starts_there() {
    let (mut client, master) = with_standup(Quirks::default());
    client.patch(&format!("/me/events/{master}"), &moved("2026-03-12T10:00:00", "2026-03-12T11:00:00")).ok();
    assert_eq!(days(&view(&mut client)), ["12", "13", "14", "15"]);
}

#[test]
fn an_event_can_begin_and_cease_to_recur() {
    let mut client = Client::new();
    let single = client.create("/me", &event("once", "2026-03-10T10:00:00", "2026-03-10T11:00:00"));
    let rule = json!({"recurrence": {
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "numbered", "startDate": "2026-03-10", "numberOfOccurrences": 3},
    }});
    let master = client.patch(&format!("/me/events/{single}"), &rule).ok();
    assert_eq!((id(&master.body), &master.body["type"]), (single.as_str(), &json!("seriesMaster")));
    assert_eq!(days(&view(&mut client)), ["10", "11", "12"]);
    let once = client.patch(&format!("/me/events/{single}"), &json!({"recurrence": null})).ok();
    assert_eq!(once.body["type"], "singleInstance");
    assert_eq!(view(&mut client).iter().map(id).collect::<Vec<_>>(), [single.as_str()]);
}

#[test]
fn a_deleted_master_takes_everything_along() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
    client.delete(&format!("/me/events/{master}"));
    assert!(view(&mut client).is_empty());
    for gone in [master.as_str(), tuesday.as_str()] {
        assert_eq!(client.get(&format!("/me/events/{gone}")).status, 404);
    }
}

#[test]
fn a_series_can_be_loaded() {
    let mut client = Client::new();
    let mut written = standup();
    written["id"] = json!("AAMkWritten=");
    written["type"] = json!("seriesMaster");
    let document = |event: &Value| {
        json!({"users": [{"displayName": "Samantha Booth", "userPrincipalName": "samanthab@contoso.com",
            "calendars": [{"isDefaultCalendar": true, "events": [event]}]}]})
    };
    let population = Population::from_json(document(&written).to_string().as_bytes()).unwrap();
    client.simulator.load(client.now(), &population).unwrap();
    let viewed = view(&mut client);
    assert_eq!(viewed.len(), 7);
    assert_eq!(viewed[0]["seriesMasterId"], "AAMkWritten=");
    assert_eq!(client.get("/me/events/AAMkWritten=").ok().body["type"], "seriesMaster");

    written["type"] = json!("occurrence");
    assert!(Population::from_json(document(&written).to_string().as_bytes()).is_err());
}

#[test]
fn the_same_calls_give_the_same_ids() {
    let ids = |seed: u64| {
        let mut client = Client::with(SimulatorOptions::new().seed(seed));
        client.create("/me", &standup());
        view(&mut client).iter().map(|item| id(item).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(3), ids(3));
    assert_ne!(ids(3), ids(4));
}
