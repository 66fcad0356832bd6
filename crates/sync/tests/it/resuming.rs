//! A full round that takes the place of a forgotten token, and is killed on its way: whatever was staged before, and
//! whatever happened to the calendar meanwhile, the replica is the calendar in the end, and says only what is true.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use delta_core::{RoundKind, Timestamp};
use http::{Method, Response};
use store::disk::SimDisk;
use store::{FileOptions, FileStore, MemoryStore, Store, What};

use crate::world::{World, replica, visible};

const WINDOW: &str = "2026-03-01..2026-04-01";
const EVENTS: i64 = 12;

/// A store that forgets all that it did not write down, whenever it is opened again.
enum Place {
    Memory(Arc<MemoryStore>),
    File(SimDisk),
}

impl Place {
    fn open(&self) -> Arc<dyn Store> {
        let options = FileOptions { segment_bytes: 20_000, ..FileOptions::default() };
        match self {
            Self::Memory(store) => store.clone(),
            Self::File(disk) => Arc::new(FileStore::open_with(Arc::new(disk.clone()), "/replica", options).unwrap()),
        }
    }
}

/// Kills the round after each of its pages, once and again, and deletes, changes and creates events meanwhile: one that was
/// staged already, one that was not, one that is new.
#[test]
fn a_resumed_full_round_neither_loses_nor_resurrects_rows() {
    let mut histories = 0;
    for first in 0..=6 {
        for second in 0..3 {
            for place in [Place::Memory(Arc::default()), Place::File(SimDisk::new(first))] {
                killed_and_resumed(&place, first as usize, second);
                histories += 1;
            }
        }
    }
    println!("a_resumed_full_round_neither_loses_nor_resurrects_rows: {histories} histories");
}

fn killed_and_resumed(place: &Place, first: usize, second: usize) {
    let case = format!("killed after {first} pages and {second} more");
    let world = World::new(first as u64, "2026-03-01T08:00:00Z");
    let start = Timestamp::parse("2026-03-02T09:00:00Z").unwrap();
    let ids: Vec<String> = (0..EVENTS).map(|day| world.create("x", start.plus_days(day), 30)).collect();
    world.sync(&replica(WINDOW, 2), &*place.open()).unwrap();
    let before = visible(&*place.open());
    let seq = pollster::block_on(place.open().view()).unwrap().last_seq();
    assert_eq!(before.len(), ids.len());

    let gone = Bytes::from_static(br#"{"error":{"code":"SyncStateNotFound"}}"#);
    world.with(|state| {
        state.script = vec![Some(Ok(Response::builder().status(410).body(gone).unwrap()))];
        state.patience = Some(1 + first);
    });
    let mut done = world.sync(&replica(WINDOW, 2), &*place.open()).is_ok();
    let (early, late, changed) = (&ids[0], &ids[11], &ids[1]);
    for id in [early, late] {
        world.call(Method::DELETE, &format!("/me/events/{id}"), None);
    }
    world.call(Method::PATCH, &format!("/me/events/{changed}"), Some(serde_json::json!({"subject": "y"})));
    let new = world.create("new", start, 30);
    if !done {
        assert_eq!(visible(&*place.open()), before, "{case}: nothing shows before the round is complete");
        world.with(|state| state.patience = Some(second));
        done = world.sync(&replica(WINDOW, 2), &*place.open()).is_ok();
        assert!(done || visible(&*place.open()) == before, "{case}");
    }
    world.with(|state| {
        state.patience = None;
        // What could not be asked about when the line went dead is in doubt, and asked about again by then.
        state.now = state.now.plus_days(1);
    });
    let report = world.sync(&replica(WINDOW, 2), &*place.open()).unwrap();
    let settled = world.sync(&replica(WINDOW, 2), &*place.open()).unwrap();
    assert_eq!(settled.round, RoundKind::Incremental, "{case}: {report:?}");

    let store = place.open();
    assert_eq!(visible(&*store), world.listing("2026-03-01", "2026-04-01"), "{case}");
    let view = pollster::block_on(store.view()).unwrap();
    let entries = pollster::block_on(view.journal(seq, 1000)).unwrap();
    let noted: BTreeSet<(String, What)> =
        entries.iter().map(|entry| (entry.note.id.to_string(), entry.note.what)).collect();
    let expected = [
        (early.clone(), What::Deleted),
        (late.clone(), What::Deleted),
        (changed.clone(), What::Updated),
        (new, What::Created),
    ];
    assert_eq!(noted, BTreeSet::from(expected), "{case}");
    assert_eq!(entries.len(), 4, "{case}: each is said once");
}
