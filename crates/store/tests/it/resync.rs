//! A token that was forgotten, in a large calendar: reading everything again says nothing and writes next to nothing.

use std::fs;

use delta_core::RoundKind::Full;
use store::conformance::{Fixture, block_on, event, removed, tile};
use store::{FileStore, MemoryStore, Store, What};

const EVENTS: u32 = 100_000;
const PAGE: u32 = 1_000;

/// The pages of a full round; what is at `changed` has another version.
fn pages(changed: Option<u32>) -> Vec<Vec<String>> {
    let item = |number: u32| {
        let version = if changed == Some(number) { 2 } else { 1 };
        event(&format!("{number:06}"), version, i64::from(number % 10))
    };
    (0..EVENTS / PAGE).map(|page| (page * PAGE..(page + 1) * PAGE).map(item).collect()).collect()
}

fn a_resync_notes_nothing(store: &dyn Store, grown: impl Fn() -> u64) {
    let fixture = Fixture::new(store);
    let tile = tile(0, 0, 10);
    let round = block_on(fixture.stage(&tile, Full, &pages(None)));
    block_on(fixture.publish(&[round]));
    let before = block_on(store.view()).unwrap();
    assert_eq!((before.row_count(), before.last_seq()), (EVENTS.into(), EVENTS.into()));

    let round = block_on(fixture.stage(&tile, Full, &pages(None)));
    let (publish, summary) = block_on(fixture.plan(&[round], &[], &[]));
    assert_eq!((publish.rows.len(), publish.journal.len(), summary.unchanged), (0, 0, EVENTS.into()), "{summary:?}");
    let size = grown();
    block_on(store.write(store::Batch::Publish(publish))).unwrap();
    assert!(grown() - size < 10_000, "{} bytes for nothing", grown() - size);
    let after = block_on(store.view()).unwrap();
    assert_eq!((after.row_count(), after.last_seq()), (EVENTS.into(), EVENTS.into()));
    assert!(after.revision() > before.revision(), "it is a run for all that");

    // One that changed, and one that is gone without a word.
    let mut pages = pages(Some(77_777));
    pages[3].remove(33);
    pages[3].push(removed("nobody knows this one"));
    let round = block_on(fixture.stage(&tile, Full, &pages));
    block_on(fixture.publish(&[round]));
    let view = block_on(store.view()).unwrap();
    let notes = block_on(view.journal(EVENTS.into(), 10)).unwrap();
    let notes: Vec<_> = notes.iter().map(|entry| (&*entry.note.id, entry.note.what)).collect();
    assert_eq!(notes, [("003033", What::Deleted), ("077777", What::Updated)]);
}

#[test]
fn a_resync_of_100_000_unchanged_rows_makes_no_entry_in_memory() {
    a_resync_notes_nothing(&MemoryStore::new(), || 0);
}

#[test]
fn a_resync_of_100_000_unchanged_rows_makes_no_entry_in_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::open(dir.path()).unwrap();
    let size = || fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    a_resync_notes_nothing(&store, size);
}
