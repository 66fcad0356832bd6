//! What Graph may do as well: each test turns one of the quirks.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::BTreeSet;

use common::series::{ALL, day, delta, moved, of_type, on, standup, tombstones, view, with_standup};
use common::{Client, calendar_ids, event, id, names};
use graph_sim::{MasterDelivery, Quirks, seeds};
use serde_json::{Value, json};

#[test]
fn occurrences_may_come_whole() {
    let (mut client, _) = with_standup(Quirks { whole_occurrences: true, ..Quirks::default() });
    let (items, _) = client.drain(&delta(), ALL);
    assert!(of_type(&items, "occurrence").iter().all(|item| item["subject"] == "Stand-up"));
}

#[test]
fn a_changed_series_may_come_as_its_master_alone() {
    let quirks = Quirks { master_only: true, master_delivery: MasterDelivery::Never, ..Quirks::default() };
    let (mut client, master) = with_standup(quirks);
    let (items, link) = client.drain(&delta(), ALL);
    assert_eq!((of_type(&items, "occurrence").len(), of_type(&items, "seriesMaster").len()), (7, 0));
    let tuesday = on(&mut client, "10");
    client.delete(&format!("/me/events/{tuesday}"));
    let second = client.create("/me", &standup());
    let (items, _) = client.drain(&link, ALL);
    let masters: Vec<&str> = of_type(&items, "seriesMaster").into_iter().map(id).collect();
    assert_eq!(masters, [master.as_str()], "a new series is told as it is in a first round");
    assert!(of_type(&items, "occurrence").iter().all(|item| item["seriesMasterId"] == second.as_str()));
    assert_eq!(items.len(), 1 + 7);
}

#[test]
fn masters_outside_of_the_window_may_be_removed_or_missing() {
    for (delivery, first, later) in
        [(MasterDelivery::Always, 8, 0), (MasterDelivery::InWindow, 7, 1), (MasterDelivery::Never, 7, 0)]
    {
        let (mut client, master) = with_standup(Quirks { master_delivery: delivery, ..Quirks::default() });
        let (items, link) = client.drain(&delta(), ALL);
        assert_eq!(items.len(), first);
        client.patch(&format!("/me/events/{master}"), &json!({"subject": "Daily"})).ok();
        let (items, _) = client.drain(&link, ALL);
        assert_eq!((tombstones(&items).len(), of_type(&items, "occurrence").len()), (later, 7), "{delivery:?}");
        let inside = "/me/calendarView/delta?startDateTime=2026-03-01&endDateTime=2026-03-04";
        let masters = of_type(&client.drain(inside, ALL).0, "seriesMaster").len();
        assert_eq!(masters, usize::from(delivery != MasterDelivery::Never));
    }
}

#[test]
fn instances_may_leave_tombstones() {
    let quirks = Quirks { occurrence_tombstones: true, instance_tombstones: true, ..Quirks::default() };
    let (mut client, master) = with_standup(quirks);
    let before: BTreeSet<String> = view(&mut client).iter().map(|item| id(item).to_owned()).collect();
    let (items, link) = client.drain(&delta(), ALL);
    assert!(tombstones(&items).is_empty());
    let tuesday = on(&mut client, "10");
    client.delete(&format!("/me/events/{tuesday}"));
    let (items, link) = client.drain(&link, ALL);
    assert_eq!(tombstones(&items), BTreeSet::from([tuesday.as_str()]));
    client.patch(&format!("/me/events/{master}"), &moved("2026-03-02T12:00:00", "2026-03-02T13:00:00")).ok();
    let (items, link) = client.drain(&link, ALL);
    let gone: BTreeSet<String> = tombstones(&items).into_iter().map(str::to_owned).collect();
    assert_eq!(gone, &before - &BTreeSet::from([tuesday]));
    assert_eq!(of_type(&items, "occurrence").len(), 7);
    client.delete(&format!("/me/events/{master}"));
    assert_eq!(tombstones(&client.drain(&link, ALL).0).len(), 1 + 7);
    let (items, _) = client.drain(&delta(), ALL);
    assert!(items.is_empty(), "a first round has no tombstones");
}

#[test]
fn events_delta_tells_of_masters_and_perhaps_of_exceptions() {
    for told in [false, true] {
        let (mut client, master) = with_standup(Quirks { exceptions_in_events_delta: told, ..Quirks::default() });
        let (items, link) = client.drain("/me/events/delta", ALL);
        assert_eq!((items.len(), id(&items[0])), (1, master.as_str()));
        assert_eq!(names(&items[0]), ["@odata.etag", "@odata.type", "end", "id", "start", "type"]);
        assert_eq!(items[0]["type"], "seriesMaster");
        let tuesday = on(&mut client, "10");
        client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
        let (items, _) = client.drain(&link, ALL);
        let exceptions = of_type(&items, "exception");
        assert_eq!((items.len(), exceptions.len()), (1 + usize::from(told), usize::from(told)));
        for exception in exceptions {
            assert_eq!(names(exception), ["@odata.etag", "@odata.type", "end", "id", "start", "type"]);
        }
    }
}

#[test]
fn a_series_that_was_never_told_comes_whole_though_it_is_old() {
    let (mut client, master) = with_standup(Quirks { master_only: true, ..Quirks::default() });
    client.create("/me", &event("before", "2026-03-10T08:00:00", "2026-03-10T09:00:00"));
    client.patch(&format!("/me/events/{master}"), &json!({"subject": "Daily"})).ok();
    let page = client.get_preferring(&delta(), "odata.maxpagesize=1").ok();
    assert_eq!((page.items().len(), &page.items()[0]["subject"]), (1, &json!("before")));
    client.patch(&format!("/me/events/{master}"), &json!({"subject": "Daily again"})).ok();
    let page = client.get_preferring(&page.next_link().unwrap(), ALL).ok();
    assert_eq!(of_type(page.items(), "occurrence").len(), 7);
}

#[test]
fn an_updated_event_may_come_with_what_was_updated_only() {
    let mut client = Client::with_quirks(Quirks { partial_updates: true, ..Quirks::default() });
    let meeting = client.create("/me", &event("meeting", "2026-03-10T08:00:00", "2026-03-10T09:00:00"));
    let (items, link) = client.drain(&delta(), ALL);
    assert_eq!(items[0]["subject"], "meeting");
    let url = format!("/me/events/{meeting}");
    let always = ["@odata.etag", "@odata.type", "changeKey", "id", "lastModifiedDateTime"];
    let with = |more: &[&'static str]| always.iter().chain(more).copied().collect::<BTreeSet<_>>();
    let told = |item: &Value| names(item).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    let expect = |more: &[&'static str]| with(more).into_iter().map(str::to_owned).collect::<BTreeSet<_>>();

    client.patch(&url, &json!({"subject": "retrospective"})).ok();
    let (items, later) = client.drain(&link, ALL);
    assert_eq!(told(&items[0]), expect(&["subject"]));
    client.patch(&url, &json!({"body": {"contentType": "text", "content": "hello"}, "subject": "retrospective"})).ok();
    client.patch(&url, &moved("2026-03-11T08:00:00", "2026-03-11T09:00:00")).ok();
    let (items, _) = client.drain(&later, ALL);
    assert_eq!(told(&items[0]), expect(&["body", "bodyPreview", "end", "start"]));
    let (items, _) = client.drain(&link, ALL);
    assert_eq!(told(&items[0]), expect(&["body", "bodyPreview", "end", "start", "subject"]));

    // Merged over what was there, it is what the listing says.
    let mut merged = client.get(&url).ok().body;
    merged.as_object_mut().unwrap().remove("@odata.context");
    for (name, value) in items[0].as_object().unwrap().iter().filter(|(name, _)| *name != "@odata.type") {
        assert_eq!(&merged[name], value);
    }
    // An id that comes back is new, whatever was known of it.
    client.simulator.load(client.now(), &seeds::five_events()).unwrap();
    let december = "/me/calendarView/delta?startDateTime=2016-12-01&endDateTime=2017-01-01";
    let (_, december) = client.drain(december, ALL);
    client.delete(&format!("/me/events/{}", seeds::FIVE_IDS[0]));
    client.simulator.load(client.now(), &seeds::five_events()).unwrap();
    let (items, _) = client.drain(&december, ALL);
    let again = items.iter().find(|item| id(item) == seeds::FIVE_IDS[0]).unwrap();
    assert_eq!(again["subject"], "Plan shopping list");

    let created = client.create("/me", &event("new", "2026-03-10T08:00:00", "2026-03-10T09:00:00"));
    let (items, _) = client.drain(&link, ALL);
    let new = items.iter().find(|item| id(item) == created).unwrap();
    assert_eq!(new["subject"], "new", "what is new comes whole");
    assert!(client.drain(&delta(), ALL).0.iter().all(|item| item.get("subject").is_some()));
}

#[test]
fn what_was_deleted_may_still_be_read() {
    let (mut client, master) = with_standup(Quirks { reads_after_deletion: true, ..Quirks::default() });
    let meeting = client.create("/me", &event("meeting", "2026-03-10T08:00:00", "2026-03-10T09:00:00"));
    let tuesday = view(&mut client)
        .iter()
        .find(|item| item["type"] == "occurrence" && day(item) == "10")
        .map(|item| id(item).to_owned())
        .unwrap();
    for deleted in [&meeting, &tuesday, &master] {
        let before = client.get(&format!("/me/events/{deleted}")).ok().body;
        assert_eq!(client.delete(&format!("/me/events/{deleted}")).status, 204);
        let after = client.get(&format!("/me/events/{deleted}")).ok().body;
        assert_eq!(
            (&after["id"], &after["start"], &after["subject"]),
            (&before["id"], &before["start"], &before["subject"])
        );
        assert!(view(&mut client).iter().all(|item| id(item) != deleted));
        assert_eq!(client.delete(&format!("/me/events/{deleted}")).status, 404);
        assert_eq!(client.patch(&format!("/me/events/{deleted}"), &json!({})).status, 404);
    }
    assert_eq!(client.get("/me/events/AAMkNone=").status, 404);
    let other = calendar_ids(&mut client)[1].clone();
    assert_eq!(client.get(&format!("/me/calendars/{other}/events/{meeting}")).status, 404);
}
