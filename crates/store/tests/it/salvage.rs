//! Damaged replicas: what is found, what can be saved, and what can be looked at.

use std::sync::Arc;

use delta_core::RoundKind::Full;
use serde_json::Value;
use store::conformance::{Fixture, block_on, event};
use store::disk::{Disk, SimDisk};
use store::{Error, FileOptions, FileStore, Salvaged, Store, View, dump};

use crate::history::{History, PATH, look, open, open_uncompacted, read, segment};

const COPY: &str = "/copy";

fn salvage(disk: &SimDisk) -> Result<Salvaged, Error> {
    FileStore::salvage_with(Arc::new(disk.clone()), PATH, COPY, FileOptions::default())
}

fn copy(disk: &SimDisk) -> FileStore {
    FileStore::open_with(Arc::new(disk.clone()), COPY, FileOptions::default()).unwrap()
}

fn written(segment_bytes: u64) -> (History, SimDisk) {
    let (history, disk) = (History::new(), SimDisk::new(1));
    history.replay(&open_uncompacted(&disk, segment_bytes).unwrap(), 0).unwrap();
    (history, disk)
}

#[test]
fn a_whole_log_is_verified_and_salvaged_whole() {
    for segment_bytes in [1, 2500, u64::MAX] {
        let (history, disk) = written(segment_bytes);
        let verified = FileStore::verify_with(&disk, PATH).unwrap();
        assert_eq!(verified.last_frame, history.batches.len() as u64);
        let view = block_on(read(&disk).unwrap().view()).unwrap();
        assert_eq!((verified.rows, verified.notes, verified.torn), (view.row_count(), view.last_seq(), false));
        let salvaged = salvage(&disk).unwrap();
        assert!(salvaged.is_complete(), "{salvaged:?}");
        assert_eq!((salvaged.rows, salvaged.notes), (verified.rows, verified.notes));
        assert_eq!(look(&copy(&disk)), look(&read(&disk).unwrap()));
        assert!(matches!(salvage(&disk), Err(Error::NotAStore { .. })), "there is something by now");
    }
}

/// Whatever byte is spoilt: the log is refused, all that is not in that frame is saved, and a full round mends the rest.
#[test]
fn around_any_bad_byte_the_rest_is_saved() {
    let (_, disk) = written(u64::MAX);
    let bytes = disk.contents(&segment(1)).unwrap();
    let frames = FileStore::verify_with(&disk, PATH).unwrap().last_frame;
    let shown = block_on(read(&disk).unwrap().view()).unwrap();
    for at in (0..bytes.len()).step_by(7) {
        let disk = disk.fork();
        let mut bad = bytes.clone();
        bad[at] ^= 0x20;
        disk.put(&segment(1), &bad);
        let Ok(salvaged) = salvage(&disk) else {
            assert!((8..12).contains(&at), "not the format at {at}");
            continue;
        };
        assert_eq!(disk.contents(&segment(1)).unwrap(), bad, "what is damaged is not changed");
        assert!(!salvaged.is_complete() && salvaged.frames + 1 >= frames, "at {at}: {salvaged:?}");
        let store = copy(&disk);
        let view = block_on(store.view()).unwrap();
        assert!(view.tiles().iter().all(|tile| tile.link.is_none()) && view.rounds().is_empty(), "at {at}");
        assert_eq!(view.row_count(), salvaged.rows);
        for row in block_on(view.rows(None, 100)).unwrap() {
            block_on(view.payload(&row.meta.id)).unwrap().unwrap();
        }
        let notes = block_on(view.journal(view.first_seq() - 1, 1000)).unwrap();
        assert_eq!(notes.len() as u64, salvaged.notes);
        if at % 49 == 0 && !view.tiles().is_empty() {
            mend(&store, view.as_ref(), shown.as_ref());
        }
    }
}

/// A full round with everything that there was.
fn mend(store: &FileStore, view: &dyn View, shown: &dyn View) {
    let fixture = Fixture::new(store);
    (0..20).for_each(|_| drop(fixture.pages(&view.tiles()[0], Full, &[Vec::new()])));
    let rows: Vec<_> = block_on(shown.rows(None, 100)).unwrap().into_iter().filter(|row| row.is_member()).collect();
    let items: Vec<String> = rows.iter().map(|row| event(&row.meta.id, 9, 4)).collect();
    block_on(fixture.run(&view.tiles()[0], Full, &items));
    let mended = block_on(store.view()).unwrap();
    for row in rows {
        assert!(block_on(mended.row(&row.meta.id)).unwrap().is_some_and(|row| row.is_member()), "{row:?}");
    }
}

#[test]
fn a_missing_segment_costs_only_what_was_in_it() {
    let (history, disk) = written(1);
    for number in 1..history.batches.len() as u32 {
        let disk = disk.fork();
        disk.remove(&segment(number)).unwrap();
        let verified = FileStore::verify_with(&disk, PATH);
        assert!(matches!(verified, Err(Error::Damaged { .. })), "{verified:?}");
        let salvaged = salvage(&disk).unwrap();
        assert_eq!(salvaged.frames + 1, history.batches.len() as u64);
        assert!(!salvaged.is_complete(), "{number}: {salvaged:?}");
        assert_eq!(FileStore::verify_with(&disk, COPY).unwrap().rows, salvaged.rows);
    }
}

#[test]
fn verifying_looks_behind_hints_and_changes_nothing() {
    let (_, disk) = written(2500);
    let operations = disk.operations();
    FileStore::verify_with(&disk, PATH).unwrap();
    let mut bytes = disk.contents(&segment(1)).unwrap();
    let at = bytes.len() - 2;
    bytes[at] ^= 1;
    disk.put(&segment(1), &bytes);
    read(&disk).unwrap();
    let damaged = FileStore::verify_with(&disk, PATH);
    assert!(matches!(damaged, Err(Error::Damaged { .. })), "{damaged:?}");
    let torn = SimDisk::new(1);
    History::new().replay(&open(&torn, u64::MAX).unwrap(), 0).unwrap();
    let bytes = torn.contents(&segment(1)).unwrap();
    torn.put(&segment(1), &bytes[..bytes.len() - 3]);
    assert!(FileStore::verify_with(&torn, PATH).unwrap().torn);
    assert_eq!(disk.operations(), operations);
}

#[test]
fn a_store_that_is_in_use_is_not_salvaged() {
    let (_, disk) = written(u64::MAX);
    let _writer = open(&disk, u64::MAX).unwrap();
    assert!(matches!(salvage(&disk), Err(Error::Locked { .. })));
    assert!(disk.list(std::path::Path::new(COPY)).is_err(), "nothing was created");
}

#[test]
fn a_dump_has_everything_but_cursors() {
    let (history, _) = written(u64::MAX);
    let disk = SimDisk::new(1);
    let store = open(&disk, u64::MAX).unwrap();
    let mut kinds = std::collections::BTreeSet::new();
    for batch in &history.batches {
        block_on(store.write(batch.clone())).unwrap();
        let view = block_on(store.view()).unwrap();
        let mut rows = 0;
        let done: Result<(), Error> = block_on(dump(view.as_ref(), |line| {
            assert!(!line.contains('\n'));
            for secret in ["deltatoken", "skiptoken", "until"] {
                assert!(!line.contains(secret), "{secret} was printed: {line}");
            }
            let value: Value = serde_json::from_str(line).unwrap();
            rows += u64::from(value["kind"] == "row");
            if value["kind"] == "tile" {
                assert_eq!(value["cursor"], "…");
            }
            kinds.insert(value["kind"].as_str().unwrap().to_owned());
            Ok(())
        }));
        done.unwrap();
        assert_eq!(rows, view.row_count());
    }
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["note", "replica", "round", "row", "staged_item", "tile"]);
}
