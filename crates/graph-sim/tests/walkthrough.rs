//! The walk-through of Graph's documentation: five events on three pages, and a second round with one removal and one
//! new event.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, missing_docs)]
#![allow(dead_code, reason = "not every test uses all helpers")]

mod common;

use common::{Client, id};
use graph_sim::seeds;
use serde_json::json;

#[test]
fn the_documented_walk_through_comes_out_as_documented() {
    let mut client = Client::new();
    client.simulator.load(client.now(), &seeds::five_events()).unwrap();
    let initial =
        format!("/me/calendarView/delta?startdatetime={}&enddatetime={}", seeds::WINDOW_START, seeds::WINDOW_END);

    let (mut link, mut sizes, mut seen) = (initial, Vec::new(), Vec::new());
    let delta = loop {
        let page = client.get_preferring(&link, "odata.maxpagesize=2").ok();
        assert_eq!(page.body["@odata.context"], "https://graph.microsoft.com/v1.0/$metadata#Collection(event)");
        sizes.push(page.items().len());
        seen.extend(page.items().iter().cloned());
        match (page.next_link(), page.delta_link()) {
            (Some(next), None) => {
                assert!(
                    next.starts_with("https://graph.microsoft.com/v1.0/me/calendarView/delta?$skiptoken="),
                    "{next}"
                );
                link = next;
            }
            (None, Some(delta)) => break delta,
            other => panic!("{other:?}"),
        }
    };
    assert!(delta.starts_with("https://graph.microsoft.com/v1.0/me/calendarView/delta?$deltatoken="), "{delta}");
    assert_eq!(sizes, [2, 2, 1]);
    let subjects: Vec<_> = seen.iter().map(|item| item["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["Plan shopping list", "Pick up car", "Get food", "Prepare food", "Rest!"]);
    assert_eq!(seen.iter().map(id).collect::<Vec<_>>(), seeds::FIVE_IDS);
    assert_eq!(seen[0]["start"], json!({"dateTime": "2016-12-09T20:30:00.0000000", "timeZone": "UTC"}));
    assert_eq!(seen[4]["end"], json!({"dateTime": "2016-12-12T07:30:00.0000000", "timeZone": "UTC"}));
    assert_eq!(seen[4]["location"]["displayName"], "Home");
    assert_eq!(
        seen[0]["organizer"],
        json!({"emailAddress": {"name": "Samantha Booth", "address": "samanthab@contoso.com"}})
    );

    client.delete(&format!("/me/events/{}", seeds::FIVE_IDS[1]));
    client.simulator.load(client.now(), &seeds::sixth_event()).unwrap();
    let page = client.get_preferring(&delta, "odata.maxpagesize=2").ok();
    assert!(page.delta_link().is_some());
    let [removed, added] = page.items() else { panic!("two items: {}", page.body) };
    assert_eq!(
        *removed,
        json!({"@odata.type": "#microsoft.graph.event", "id": seeds::FIVE_IDS[1], "@removed": {"reason": "deleted"}})
    );
    assert_eq!((id(added), &added["subject"]), (seeds::SIXTH_ID, &json!("Attend service")));
    assert_eq!(added["location"]["address"]["street"], "900 Broadway");
    assert_eq!(added["location"]["coordinates"], json!({"latitude": 47.6105, "longitude": -122.321}));
}
