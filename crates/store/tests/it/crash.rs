//! Power failures and failing disks, at every single operation. How long a run is: see `history::seeds`.

use std::path::Path;

use store::Error;
use store::conformance::{Fixture, block_on};
use store::disk::{Disk, Fault, SimDisk, Survival};
use store::{Batch, FileStore, Store};

use crate::history::{History, PATH, is_thorough, look, open, read, seeds, segment};

/// One frame per segment, all of them kept; some frames per segment, and the oldest freed; all frames in one.
const SEGMENTS: [u64; 3] = [1, 2500, u64::MAX];

/// Opens the store and writes the history, as far as it goes: how many batches were acknowledged.
fn live(history: &History, disk: &SimDisk, segment_bytes: u64) -> usize {
    let Ok(store) = open(disk, segment_bytes) else { return 0 };
    let written = history.batches.iter().take_while(|batch| block_on(store.write((*batch).clone())).is_ok());
    written.count()
}

/// How many operations it takes to open the store and write everything.
fn operations(history: &History, segment_bytes: u64) -> u64 {
    let disk = SimDisk::new(0);
    assert_eq!(live(history, &disk, segment_bytes), history.batches.len());
    disk.operations()
}

/// Stops at every write, sync, cut, creation and removal of a history, whatever is left of what was not synced.
#[test]
fn crash_anywhere_converges() {
    let history = History::new();
    let mut crashes = 0;
    for segment_bytes in SEGMENTS {
        for operation in 0..operations(&history, segment_bytes) {
            for survival in Survival::ALL {
                for seed in 0..seeds() {
                    let disk = SimDisk::new(seed.wrapping_add(operation));
                    disk.fail_at(operation, Fault::PowerOff);
                    let acknowledged = live(&history, &disk, segment_bytes);
                    disk.crash(survival);
                    let case = format!("operation {operation}, {survival:?}, seed {seed}, segments of {segment_bytes}");
                    assert_old_or_new(&history, &disk, segment_bytes, acknowledged, &case);
                    crashes += 1;
                }
            }
        }
    }
    println!("crash_anywhere_converges: {crashes} crashes");
}

#[test]
fn the_history_frees_space_and_makes_hints() {
    let history = History::new();
    for segment_bytes in SEGMENTS {
        let disk = SimDisk::new(0);
        assert_eq!(live(&history, &disk, segment_bytes), history.batches.len());
        let freed = disk.contents(&segment(1)).is_none();
        let names = disk.list(Path::new(PATH)).unwrap();
        let hints = names.iter().any(|entry| entry.name.ends_with(".hint"));
        assert_eq!((freed, hints), (segment_bytes == 2500, segment_bytes < u64::MAX), "{segment_bytes} {names:?}");
    }
}

/// Recovering shows what was acknowledged, or that and the batch that was being written; and work goes on from there.
fn assert_old_or_new(history: &History, disk: &SimDisk, segment_bytes: u64, acknowledged: usize, case: &str) {
    let store = open(disk, segment_bytes).unwrap_or_else(|error| panic!("{case}: {error}"));
    let found = history.written(&store);
    let expected = [acknowledged, acknowledged + 1].map(|written| history.shown(written));
    assert!(expected.contains(&found), "{case}: {acknowledged} acknowledged, {found} found");
    history.replay(&store, found).unwrap_or_else(|error| panic!("{case}: {error}"));
    assert_eq!(history.written(&store), history.batches.len(), "{case}");
    drop(store);
    assert_eq!(history.written(&open(disk, segment_bytes).unwrap()), history.batches.len(), "{case}");
}

/// The power goes again during the recovery, at each of its operations. What the first recovery could have shown must
/// still be there after the second.
#[test]
fn a_crash_while_recovering_changes_nothing() {
    let history = History::new();
    let mut crashes = 0;
    for segment_bytes in SEGMENTS {
        for operation in 0..operations(&history, segment_bytes) {
            for (turn, first) in
                (operation..).zip(Survival::ALL).filter(|(turn, _)| is_thorough() || turn.is_multiple_of(6))
            {
                let disk = SimDisk::new(operation);
                disk.fail_at(operation, Fault::PowerOff);
                let acknowledged = live(&history, &disk, segment_bytes);
                disk.crash(first);
                let before = disk.operations();
                let recovering = disk.fork();
                let recovered = history.written(&open(&recovering, segment_bytes).unwrap());
                assert!(recovered >= history.shown(acknowledged));
                for again in before..recovering.operations() {
                    let one = (turn + again) as usize % Survival::ALL.len();
                    for (_, second) in (0..).zip(Survival::ALL).filter(|(at, _)| is_thorough() || *at == one) {
                        let disk = disk.fork();
                        disk.fail_at(again, Fault::PowerOff);
                        drop(open(&disk, segment_bytes));
                        disk.crash(second);
                        let store = open(&disk, segment_bytes).unwrap();
                        assert_eq!(history.written(&store), recovered, "{operation} {first:?} {again} {second:?}");
                        crashes += 1;
                    }
                }
            }
        }
    }
    println!("a_crash_while_recovering_changes_nothing: {crashes} crashes");
}

/// A process that dies does not lose what it wrote, but nobody has synced it: the next one must, before it shows it.
#[test]
fn a_killed_process_leaves_nothing_unsynced_behind() {
    let history = History::new();
    for segment_bytes in SEGMENTS {
        for operation in 0..operations(&history, segment_bytes) {
            let disk = SimDisk::new(operation);
            disk.fail_at(operation, Fault::Io);
            live(&history, &disk, segment_bytes);
            let Ok(store) = open(&disk, segment_bytes) else { panic!("a failed operation {operation} left no store") };
            let shown = history.written(&store);
            drop(store);
            disk.crash(Survival::None);
            let found = history.written(&open(&disk, segment_bytes).unwrap());
            assert_eq!(found, shown, "operation {operation}, segments of {segment_bytes}");
        }
    }
}

#[test]
fn a_failing_disk_loses_nothing_that_was_acknowledged() {
    let history = History::new();
    let mut failures = 0;
    for segment_bytes in SEGMENTS {
        for operation in 0..operations(&history, segment_bytes) {
            for fault in [Fault::Io, Fault::Full, Fault::Short] {
                let one = operation as usize % Survival::ALL.len();
                for (_, survival) in (0..).zip(Survival::ALL).filter(|(at, _)| is_thorough() || *at == one) {
                    let disk = SimDisk::new(operation);
                    disk.fail_at(operation, fault);
                    let acknowledged = keep_at_it(&history, &disk, segment_bytes, operation);
                    disk.crash(survival);
                    let case = format!("operation {operation}, {fault:?}, {survival:?}, segments of {segment_bytes}");
                    assert_old_or_new(&history, &disk, segment_bytes, acknowledged, &case);
                    failures += 1;
                }
            }
        }
    }
    println!("a_failing_disk_loses_nothing_that_was_acknowledged: {failures} failures");
}

/// Writes all but the last batch, and does not give up: what fails is tried again, a poisoned store is opened again.
fn keep_at_it(history: &History, disk: &SimDisk, segment_bytes: u64, operation: u64) -> usize {
    let mut store: Option<FileStore> = None;
    let (mut acknowledged, mut attempts) = (0, 0);
    while acknowledged + 1 < history.batches.len() {
        attempts += 1;
        assert!(attempts < 100, "operation {operation}: the store can't be brought back");
        let Some(current) = &store else {
            store = open(disk, segment_bytes).ok();
            if let Some(store) = &store {
                let found = history.written(store);
                assert!(found >= history.shown(acknowledged), "operation {operation}: {found} of {acknowledged}");
                acknowledged = found;
            }
            continue;
        };
        match block_on(current.write(history.batches[acknowledged].clone())) {
            Ok(_) => {
                acknowledged += 1;
                assert_eq!(
                    history.written(current),
                    history.shown(acknowledged),
                    "operation {operation}: a batch does not show"
                );
            }
            Err(Error::Poisoned { .. }) => store = None,
            Err(Error::Io { .. }) => {
                assert_eq!(
                    history.written(current),
                    history.shown(acknowledged),
                    "operation {operation}: a failed write shows"
                );
            }
            Err(error) => panic!("operation {operation}: {error}"),
        }
    }
    acknowledged
}

#[test]
fn a_failed_sync_poisons_the_store_but_not_its_readers() {
    let history = History::new();
    let disk = SimDisk::new(1);
    let store = open(&disk, u64::MAX).unwrap();
    block_on(store.write(history.batches[0].clone())).unwrap();
    disk.fail_at(disk.operations() + 1, Fault::Io);
    let failed = block_on(store.write(history.batches[1].clone()));
    assert!(matches!(failed, Err(Error::Io { doing: "sync", .. })), "{failed:?}");
    let operations = disk.operations();
    for _ in 0..2 {
        let refused = block_on(store.write(history.batches[1].clone()));
        assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
    }
    assert_eq!(disk.operations(), operations, "nothing is tried again");
    assert_eq!(history.written(&store), 1);
    assert!(history.written(&read(&disk).unwrap()) >= 1);
}

/// What is left of a failed write must not come back at the end of a segment that was sealed since.
#[test]
fn a_cut_off_end_does_not_come_back() {
    let history = History::new();
    let (_, lengths) = history.on_disk();
    let segment_bytes = lengths[2] as u64;
    for survival in Survival::ALL {
        for seed in 0..64 {
            let disk = SimDisk::new(seed);
            let store = open(&disk, segment_bytes).unwrap();
            block_on(store.write(history.batches[0].clone())).unwrap();
            disk.fail_at(disk.operations(), Fault::Short);
            block_on(store.write(history.batches[1].clone())).unwrap_err();
            let tile = store::conformance::tile(1, 0, 10);
            let items = vec![store::conformance::event("large", 1, 1); 20];
            let fixture = Fixture::new(&store);
            fixture.pages(&tile, delta_core::RoundKind::Full, &[Vec::new()]); // That round is taken.
            let pages = fixture.pages(&tile, delta_core::RoundKind::Full, &[items]);
            block_on(store.write(Batch::Stage(pages[0].clone()))).unwrap();
            assert!(disk.contents(&segment(2)).is_some(), "the large page should have started a segment");
            let shown = look(&store);
            disk.crash(survival);
            assert_eq!(look(&open(&disk, segment_bytes).unwrap()), shown, "{survival:?} {seed}");
        }
    }
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_it_later() {
    let history = History::new();
    let disk = SimDisk::new(1);
    let store = open(&disk, u64::MAX).unwrap();
    for (at, batch) in history.batches.iter().enumerate() {
        disk.fail_at(disk.operations(), Fault::Short);
        let failed = block_on(store.write(batch.clone()));
        assert!(matches!(failed, Err(Error::Io { .. })), "{failed:?}");
        assert_eq!(history.written(&store), history.shown(at));
        assert_eq!(history.written(&read(&disk).unwrap()), history.shown(at));
        block_on(store.write(batch.clone())).unwrap();
    }
    drop(store);
    assert_eq!(history.written(&open(&disk, u64::MAX).unwrap()), history.batches.len());
}
