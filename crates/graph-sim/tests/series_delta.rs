//! What delta tells of a series, as far as the field has seen it.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use std::collections::BTreeSet;

use common::series::{ALL, at, day, delta, of_type, on, standup, tombstones, view, with_standup};
use common::{Client, event, id, names};
use graph_sim::{Membership, Quirks};
use serde_json::{Value, json};

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

#[test]
fn an_exception_changes_with_itself_and_its_master_only() {
    let (mut client, master) = with_standup(Quirks::default());
    let tuesday = on(&mut client, "10");
    let friday = on(&mut client, "13");
    client.patch(&format!("/me/events/{tuesday}"), &json!({"subject": "other"})).ok();
    let mut etags = Vec::new();
    let changes =
        [(&tuesday, json!({"showAs": "free"})), (&friday, json!({"subject": "x"})), (&master, json!({"subject": "y"}))];
    for (changed, patch) in changes {
        client.patch(&format!("/me/events/{changed}"), &patch).ok();
        etags.push(client.get(&format!("/me/events/{tuesday}")).ok().body["@odata.etag"].clone());
    }
    assert_eq!(etags[0], etags[1], "a sibling's change is not its own");
    assert_ne!(etags[1], etags[2], "a master's change is");
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
