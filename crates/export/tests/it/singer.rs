//! Singer messages.

use std::collections::BTreeMap;

use export::singer::{Selection, State, Told, schema, tap};
use pollster::block_on;
use proptest::prelude::*;
use serde_json::{Value, json};
use store::View;

use crate::ics::config;
use crate::world::{World, event, steps};

/// What a target of Singer's holds: the last record by its keys.
#[derive(Default)]
struct Warehouse {
    rows: BTreeMap<String, Value>,
    state: Option<Value>,
}

impl Warehouse {
    /// Takes what a run of the tap says, which goes on from the last state that has arrived.
    fn load(&mut self, view: &dyn View) -> (Told, usize) {
        let mut state: State =
            self.state.clone().map(|state| serde_json::from_value(state).unwrap()).unwrap_or_default();
        let mut out = Vec::new();
        schema(&Selection::default(), &mut out).unwrap();
        let told = block_on(tap("me", view, &Selection::default(), &mut state, &mut out)).unwrap();
        let messages: Vec<Value> =
            String::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let (head, last) = (&messages[0], messages.last().unwrap());
        assert_eq!((&head["type"], &last["type"]), (&json!("SCHEMA"), &json!("STATE")), "in this order");
        for message in &messages[1..messages.len() - 1] {
            assert_eq!((&message["type"], &message["stream"]), (&json!("RECORD"), &json!("events")));
            let record = &message["record"];
            let columns = head["schema"]["properties"].as_object().unwrap();
            assert!(record.as_object().unwrap().keys().all(|column| columns.contains_key(column)), "{record}");
            self.rows.insert(record["id"].as_str().unwrap().to_owned(), record.clone());
        }
        self.state = Some(last["value"].clone());
        (told, messages.len() - 2)
    }

    /// What is there.
    fn shown(&self) -> Vec<(String, Value, Value)> {
        let there = self.rows.iter().filter(|(_, row)| row["_sdc_deleted_at"].is_null());
        there.map(|(id, row)| (id.clone(), row["subject"].clone(), row["start"].clone())).collect()
    }
}

fn listed(world: &mut World) -> Vec<(String, Value, Value)> {
    let row = |event: Value| {
        let start = event["start"]["dateTime"].as_str().unwrap();
        let start = delta_core::Timestamp::parse(start).unwrap();
        (event["id"].as_str().unwrap().to_owned(), event["subject"].clone(), json!(start))
    };
    let mut rows: Vec<_> = world.listing().into_iter().map(row).collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

proptest! {
    #![proptest_config(config())]

    /// Whoever applies the records of run after run holds what the server lists; and where nothing has changed, nothing is
    /// told.
    #[test]
    fn records_add_up_to_the_calendar(runs in prop::collection::vec(steps(), 1..4)) {
        let (mut world, mut warehouse) = (World::new(8), Warehouse::default());
        for (number, steps) in runs.iter().enumerate() {
            for step in steps {
                world.apply(step);
            }
            let view = world.sync();
            let (told, _) = warehouse.load(view.as_ref());
            prop_assert_eq!(told, if number == 0 { Told::Everything } else { Told::Changes });
            prop_assert_eq!(warehouse.shown(), listed(&mut world));
            prop_assert_eq!(warehouse.load(view.as_ref()), (Told::Changes, 0));
        }
    }
}

#[test]
fn a_state_of_another_copy_is_not_trusted_and_what_others_wrote_into_it_stays() {
    let mut world = World::new(9);
    world.create(&event("Lunch", "UTC", 41, 600, 60));
    let view = world.sync();
    let mut warehouse = Warehouse::default();
    assert_eq!(warehouse.load(view.as_ref()), (Told::Everything, 1));
    let state = warehouse.state.clone().unwrap();
    assert_eq!(state["bookmarks"]["events"]["me"]["seq"], 1);
    for (bookmark, told) in [
        (json!({"seq": 99, "at": "2026-01-01T00:00:00Z"}), Told::Again),
        (json!({"seq": 1, "at": "2020-01-01T00:00:00Z"}), Told::Again),
        (json!({"seq": 0, "at": null}), Told::Changes),
        (state["bookmarks"]["events"]["me"].clone(), Told::Changes),
    ] {
        let others = json!({"users": {"groups/x": {"seq": 3, "at": null}}});
        let bookmarks = json!({"events": {"me": bookmark, "groups/x": {"seq": 3, "at": null}}, "others": others});
        warehouse.state = Some(json!({"bookmarks": bookmarks, "currently_syncing": "others"}));
        assert_eq!(warehouse.load(view.as_ref()).0, told, "{bookmark}");
        let after = warehouse.state.clone().unwrap();
        assert_eq!(after["bookmarks"]["events"]["me"], state["bookmarks"]["events"]["me"]);
        assert_eq!(after["bookmarks"]["events"]["groups/x"]["seq"], 3);
        assert_eq!((&after["bookmarks"]["others"], &after["currently_syncing"]), (&others, &json!("others")));
    }
}
