//! What becomes of a series and its instances: by REST, and by delta.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::BTreeSet;

use common::{BETA, Client, calendar_ids, event, id, names};
use graph_sim::{MasterDelivery, Membership, Population, Quirks, SimulatorOptions};
use serde_json::{Value, json};

const WINDOW: &str = "startDateTime=2026-03-09T00:00:00Z&endDateTime=2026-03-16T00:00:00Z";
const ALL: &str = "odata.maxpagesize=1000";

/// Every day from 2 March 2026 on, ten to eleven.
fn standup() -> Value {
    let mut series = event("Stand-up", "2026-03-02T10:00:00", "2026-03-02T11:00:00");
    series["recurrence"] = json!({
        "pattern": {"type": "daily", "interval": 1},
        "range": {"type": "noEnd", "startDate": "2026-03-02"},
    });
    series
}

fn at(time: &str) -> Value {
    json!({"dateTime": time, "timeZone": "UTC"})
}

fn moved(start: &str, end: &str) -> Value {
    json!({"start": at(start), "end": at(end)})
}

fn delta() -> String {
    format!("/me/calendarView/delta?{WINDOW}")
}

/// A simulator with one series, and the id of its master.
fn with_standup(quirks: Quirks) -> (Client, String) {
    let mut client = Client::with_quirks(quirks);
    let master = client.create("/me", &standup());
    (client, master)
}

fn view(client: &mut Client) -> Vec<Value> {
    client.get_preferring(&format!("/me/calendarView?{WINDOW}"), ALL).ok().items().to_vec()
}

/// The day in March on which an item starts.
fn day(item: &Value) -> &str {
    &item["start"]["dateTime"].as_str().unwrap()[8..10]
}

fn days(items: &[Value]) -> Vec<&str> {
    items.iter().map(day).collect()
}

/// The id of the instance on a day of March.
fn on(client: &mut Client, wanted: &str) -> String {
    view(client).iter().find(|item| day(item) == wanted).map(|item| id(item).to_owned()).unwrap()
}

fn of_type<'a>(items: &'a [Value], kind: &str) -> Vec<&'a Value> {
    items.iter().filter(|item| item["type"] == kind).collect()
}

fn tombstones(items: &[Value]) -> BTreeSet<&str> {
    items.iter().filter(|item| !item["@removed"].is_null()).map(id).collect()
}

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
fn immutable_ids_are_used_throughout_a_series() {
    let (mut client, _) = with_standup(Quirks { distinct_immutable_ids: true, ..Quirks::default() });
    let prefer = "IdType=\"ImmutableId\", odata.maxpagesize=100";
    let (items, _) = client.drain(&delta(), prefer);
    let master = of_type(&items, "seriesMaster")[0].clone();
    let stub = of_type(&items, "occurrence")[0];
    assert_eq!(stub["seriesMasterId"], master["id"]);
    for wanted in [id(&master), id(stub)] {
        let got = client.get_preferring(&format!("/me/events/{wanted}"), prefer).ok();
        assert_eq!(got.body["id"], wanted);
        assert_ne!(client.get(&format!("/me/events/{wanted}")).ok().body["id"], wanted);
    }
}

// What delta tells.

#[test]
fn a_first_round_has_stubs_whole_exceptions_and_the_master() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
    let (items, _) = client.drain(&delta(), ALL);
    assert_eq!(items.len(), 8);
    let masters = of_type(&items, "seriesMaster");
    assert_eq!((masters.len(), id(masters[0])), (1, master.as_str()));
    assert_eq!(masters[0]["start"]["dateTime"], "2026-03-02T10:00:00.0000000");
    assert_eq!(masters[0]["subject"], "Stand-up");
    for stub in of_type(&items, "occurrence") {
        let expected = ["@odata.etag", "@odata.type", "end", "id", "seriesMasterId", "start", "type"];
        assert_eq!(names(stub), expected);
        assert_eq!(stub["@odata.etag"], masters[0]["@odata.etag"]);
    }
    let exceptions = of_type(&items, "exception");
    let viewed = view(&mut client);
    let whole = of_type(&viewed, "exception")[0];
    for name in names(whole) {
        assert_eq!(exceptions[0][name], whole[name], "{name}");
    }
    let told: BTreeSet<&str> = items.iter().map(id).filter(|told| *told != master).collect();
    assert_eq!(told, viewed.iter().map(id).collect());
}

#[test]
fn a_series_is_never_split_over_pages() {
    let mut client = Client::new();
    client.create("/me", &event("before", "2026-03-10T08:00:00", "2026-03-10T09:00:00"));
    client.create("/me", &standup());
    client.create("/me", &event("after", "2026-03-10T12:00:00", "2026-03-10T13:00:00"));
    for (size, expected) in [(1, vec![1, 8, 1]), (2, vec![9, 1]), (9, vec![9, 1]), (10, vec![10]), (3, vec![9, 1])] {
        let (mut sizes, mut link) = (Vec::new(), Some(delta()));
        while let Some(url) = link {
            let page = client.get_preferring(&url, &format!("odata.maxpagesize={size}")).ok();
            sizes.push(page.items().len());
            link = page.next_link();
        }
        assert_eq!(sizes, expected, "{size}");
    }
}

#[test]
fn any_change_sends_the_whole_series_again_and_a_deleted_occurrence_is_only_missing() {
    let (mut client, master) = with_standup(Quirks::default());
    let (_, mut link) = client.drain(&delta(), ALL);
    let tuesday = on(&mut client, "10");
    let friday = on(&mut client, "13");
    let changes: [(&str, String, Value, usize); 4] = [
        ("PATCH", master.clone(), json!({"subject": "Daily"}), 8),
        ("PATCH", tuesday.clone(), json!({"subject": "other"}), 8),
        ("DELETE", friday, json!({}), 7),
        ("DELETE", tuesday, json!({}), 6),
    ];
    for (method, id, body, told) in changes {
        client.send(method, &format!("/me/events/{id}"), &[], &body.to_string());
        let (items, next) = client.drain(&link, ALL);
        assert_eq!(items.len(), told, "{method}");
        assert_eq!(of_type(&items, "seriesMaster").len(), 1);
        assert!(tombstones(&items).is_empty());
        link = next;
    }
    assert!(client.drain(&link, ALL).0.is_empty());
}

#[test]
fn a_deleted_series_is_one_tombstone() {
    let (mut client, master) = with_standup(Quirks::default());
    let (_, link) = client.drain(&delta(), ALL);
    client.delete(&format!("/me/events/{master}"));
    let (items, _) = client.drain(&link, ALL);
    assert_eq!((items.len(), tombstones(&items)), (1, BTreeSet::from([master.as_str()])));
}

#[test]
fn a_series_outside_of_the_window_comes_as_other_events_outside_do() {
    let mut client = Client::new();
    let mut early = standup();
    early["recurrence"]["range"] = json!({"type": "numbered", "startDate": "2026-03-02", "numberOfOccurrences": 3});
    let master = client.create("/me", &early);
    let (items, link) = client.drain(&delta(), ALL);
    assert!(items.is_empty());
    client.patch(&format!("/me/events/{master}"), &json!({"subject": "early"})).ok();
    let (items, _) = client.drain(&link, ALL);
    assert_eq!(tombstones(&items), BTreeSet::from([master.as_str()]));

    let mut client = Client::with_quirks(Quirks { lone_masters: true, ..Quirks::default() });
    let master = client.create("/me", &early);
    let (items, link) = client.drain(&delta(), ALL);
    assert!(items.is_empty());
    client.patch(&format!("/me/events/{master}"), &json!({"subject": "early"})).ok();
    let (items, _) = client.drain(&link, ALL);
    assert_eq!((items.len(), &items[0]["type"], id(&items[0])), (1, &json!("seriesMaster"), master.as_str()));
}

#[test]
fn membership_by_start_holds_for_instances_too() {
    let mut night = standup();
    night["start"] = at("2026-03-02T23:00:00");
    night["end"] = at("2026-03-03T01:00:00");
    for (membership, first) in [(Membership::Overlap, "08"), (Membership::StartInWindow, "09")] {
        let mut client = Client::with_quirks(Quirks { membership, ..Quirks::default() });
        client.create("/me", &night);
        assert_eq!(day(&view(&mut client)[0]), first);
        assert_eq!(
            of_type(&client.drain(&delta(), ALL).0, "occurrence").iter().map(|stub| day(stub)).next(),
            Some(first)
        );
    }
}

// Quirks.

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
fn the_same_calls_give_the_same_ids() {
    let ids = |seed: u64| {
        let mut client = Client::with(SimulatorOptions::new().seed(seed));
        client.create("/me", &standup());
        view(&mut client).iter().map(|item| id(item).to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(3), ids(3));
    assert_ne!(ids(3), ids(4));
}
