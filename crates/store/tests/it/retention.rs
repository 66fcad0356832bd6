//! How long the journal's notes are kept, and who is told.

use std::sync::Arc;
use std::time::Duration;

use delta_core::RoundKind::{Full, Incremental};
use store::conformance::{Fixture, block_on, event, instant, tile};
use store::disk::SimDisk;
use store::{Batch, Error, FileOptions, FileStore, MemoryStore, Retention, Run, Store, plan};

use crate::history::{PATH, look};

/// Publishes a run with this many notes, at a time in seconds.
fn run(stores: &[&dyn Store], number: u32, notes: usize, at: i64) {
    let fixture = Fixture::new(stores[0]);
    // Each fixture counts its rounds from one.
    (0..number).for_each(|_| drop(fixture.pages(&tile(0, 0, 10), Full, &[Vec::new()])));
    let kind = if number == 0 { Full } else { Incremental };
    let items = (0..notes).map(|id| event(&format!("{id:04}"), number, 1)).collect();
    let stages = fixture.pages(&tile(0, 0, 10), kind, &[items]);
    let rounds = vec![stages[0].round];
    for store in stores {
        for stage in &stages {
            block_on(store.write(Batch::Stage(stage.clone()))).unwrap();
        }
    }
    let view = block_on(stores[0].view()).unwrap();
    let identity = Fixture::<dyn Store>::identity();
    let run = Run::new(instant(at), identity, rounds, Vec::new());
    let (publish, _) = block_on(plan(view.as_ref(), run)).unwrap();
    for store in stores {
        block_on(store.write(Batch::Publish(publish.clone()))).unwrap();
    }
}

#[test]
fn old_notes_go_and_whoever_needs_them_is_told() {
    let retention = Retention { entries: 10, age: Duration::from_secs(1000) };
    let memory = MemoryStore::with_retention(retention);
    let disk = SimDisk::new(1);
    let options = FileOptions { segment_bytes: 3000, retention, ..FileOptions::default() };
    let open = |options| FileStore::open_with(Arc::new(disk.clone()), PATH, options).unwrap();
    let file = open(options);
    let stores: [&dyn Store; 2] = [&memory, &file];
    // Notes of each run, its time, and the oldest note afterwards.
    for (number, (notes, at, oldest)) in
        [(4, 0, 1), (4, 10, 1), (4, 20, 1), (4, 30, 5), (0, 1015, 9), (1, 1025, 13), (0, 5000, 18), (3, 5001, 18)]
            .into_iter()
            .enumerate()
    {
        run(&stores, number as u32, notes, at);
        for store in stores {
            let view = block_on(store.view()).unwrap();
            assert_eq!(view.first_seq(), oldest, "after run {number}");
            let kept = block_on(view.journal(oldest - 1, 100)).unwrap();
            assert_eq!(kept.first().map(|entry| entry.seq), (oldest <= view.last_seq()).then_some(oldest));
            assert_eq!(kept.len() as u64, view.last_seq() + 1 - oldest);
            if oldest > 1 {
                match block_on(view.journal(oldest - 2, 1)) {
                    Err(Error::JournalTruncated { after, oldest: named }) => {
                        assert_eq!((after, named), (oldest - 2, oldest));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    assert_eq!(look(&memory), look(&file));
    drop(file);
    // What is kept is a matter of who publishes, not of who reads.
    assert_eq!(look(&open(FileOptions::default())), look(&memory));
}

/// A first round with more notes than are kept leaves the last of them, in whole blocks.
#[test]
fn a_run_may_have_more_notes_than_are_kept() {
    let memory = MemoryStore::with_retention(Retention { entries: 100, ..Retention::default() });
    run(&[&memory], 0, 1000, 0);
    let view = block_on(memory.view()).unwrap();
    assert_eq!((view.first_seq(), view.last_seq()), (897, 1000));
    let entries = block_on(view.journal(896, 1000)).unwrap();
    assert_eq!((entries.len(), &*entries[0].note.id), (104, "0896"));
    assert!(matches!(block_on(view.journal(0, 1)), Err(Error::JournalTruncated { oldest: 897, .. })));
}

#[test]
fn by_default_100_000_notes_are_kept_for_90_days() {
    let Retention { entries, age } = Retention::default();
    assert_eq!((entries, age.as_secs()), (100_000, 90 * 86_400));
}
