//! A log that loses its beginning, and nobody who notices.

use std::path::Path;
use std::sync::Arc;

use delta_core::RoundKind::{Full, Incremental};
use store::conformance::{Fixture, block_on, event, master, picture, removed, stub, tile};
use store::disk::{Disk, RealDisk, SimDisk, Survival};
use store::{Batch, EngineState, Error, FileOptions, FileStore, MemoryStore, Store};

use crate::history::{PATH, look, open, open_uncompacted, read, segment};

const SEGMENT: u64 = 4000;

/// The numbers of the segments, and how long they are together.
fn segments(disk: &SimDisk) -> (Vec<u32>, usize) {
    let entries = disk.list(Path::new(PATH)).unwrap();
    let mut numbers: Vec<u32> =
        entries.iter().filter_map(|entry| entry.name.strip_suffix(".log")?.parse().ok()).collect();
    numbers.sort_unstable();
    let bytes = numbers.iter().map(|number| disk.contents(&segment(*number)).unwrap().len()).sum();
    (numbers, bytes)
}

/// Stages and publishes the same in several stores.
struct Both<'s>(Vec<&'s dyn Store>);

impl Both<'_> {
    fn write(&self, batch: &Batch) {
        for store in &self.0 {
            block_on(store.write(batch.clone())).unwrap();
        }
    }
}

/// A replica in which little lives on: some events stay as they are, others change all the time.
fn churn(both: &Both<'_>, runs: u32, after_each: impl FnMut(u32)) {
    churn_with(&Fixture::new(both.0[0]), both, runs, after_each);
}

fn churn_with<S: Store + ?Sized>(
    fixture: &Fixture<'_, S>,
    both: &Both<'_>,
    runs: u32,
    mut after_each: impl FnMut(u32),
) {
    let tile = tile(0, 0, 10);
    let first = [event("old", 1, 1), stub("o", "m", 1, 2), master("m", 1), event("patched", 1, 3)];
    for number in 0..runs {
        let (kind, items) = match number {
            0 => (Full, first.to_vec()),
            1 => (Incremental, vec![r#"{"id":"patched","subject":"newer"}"#.to_owned()]),
            _ => (
                Incremental,
                vec![event("hot", number, 4), event(&format!("warm-{}", number % 8), number, 5), removed("x")],
            ),
        };
        for page in fixture.pages(&tile, kind, &[items, Vec::new()]) {
            both.write(&Batch::Stage(page.clone()));
            both.write(&Batch::EngineState(EngineState::new(format!("{number}/{}", page.page))));
        }
        let rounds = block_on(both.0[0].view()).unwrap().rounds();
        let round = rounds.iter().find(|round| round.link().is_some()).unwrap().round;
        both.write(&Batch::Publish(block_on(fixture.plan(&[round], &[], &[])).0));
        after_each(number);
    }
}

#[test]
fn a_compacted_log_says_what_the_whole_one_said() {
    let (memory, disk) = (MemoryStore::new(), SimDisk::new(1));
    let file = open(&disk, SEGMENT).unwrap();
    let hoard = SimDisk::new(1);
    let everything = open_uncompacted(&hoard, SEGMENT).unwrap();
    // A round that stays open all the time, over several segments.
    let fixture = Fixture::new(&memory);
    let pages: Vec<Vec<String>> =
        (0..12).map(|page| vec![event("staged", page, 1), removed("a"), "7".into()]).collect();
    let both = Both(vec![&memory, &file, &everything]);
    for page in fixture.pages(&tile(7, 0, 3), Full, &pages).into_iter().take(11) {
        both.write(&Batch::Stage(page));
    }
    churn_with(&fixture, &both, 120, |number| {
        if number % 7 == 0 {
            assert_eq!(look(&file), look(&memory), "after run {number}");
            assert_eq!(look(&read(&disk).unwrap()), look(&memory), "read after run {number}");
        }
    });
    let (numbers, bytes) = segments(&disk);
    assert!(numbers[0] > 10, "nothing was freed: {numbers:?}");
    let all = segments(&hoard).1;
    assert!(bytes * 3 < all * 2, "{bytes} of {all} bytes are left");
    drop(file);
    disk.crash(Survival::None);
    let file = open(&disk, SEGMENT).unwrap();
    assert_eq!(look(&file), look(&memory));
    for page in fixture.pages(&tile(8, 0, 3), Full, &[vec![event("n", 1, 1)]]) {
        let both = Both(vec![&memory, &file]);
        both.write(&Batch::Stage(page));
    }
    assert_eq!(look(&file), look(&memory));
}

/// A log in which everything lives is not copied around.
#[test]
fn what_is_needed_is_left_where_it_is() {
    let disk = SimDisk::new(1);
    let store = open(&disk, SEGMENT).unwrap();
    let fixture = Fixture::new(&store);
    let items: Vec<String> = (0..200).map(|id| event(&format!("{id:03}"), 1, 1)).collect();
    let pages: Vec<Vec<String>> = items.chunks(5).map(<[String]>::to_vec).collect();
    let round = block_on(fixture.stage(&tile(0, 0, 10), Full, &pages));
    block_on(fixture.publish(&[round]));
    let before = segments(&disk);
    assert_eq!(before.0[0], 1);
    for _ in 0..3 {
        assert_eq!(look(&read(&disk).unwrap()), look(&store));
        assert_eq!(segments(&disk), before);
    }
    // The names of the staged items are garbage by now, so some copying is due some time; but it must come to an end.
    for version in 2..40 {
        block_on(fixture.run(&tile(0, 0, 10), Incremental, &[event("hot", version, 1)]));
    }
    let operations = disk.operations();
    for version in 40..50 {
        block_on(fixture.run(&tile(0, 0, 10), Incremental, &[event("hot", version, 1)]));
    }
    assert!(disk.operations() - operations < 200, "{} operations for ten runs", disk.operations() - operations);
}

fn in_dir(dir: &Path) -> FileStore {
    let options = FileOptions { segment_bytes: SEGMENT, ..FileOptions::default() };
    FileStore::open_with(Arc::new(RealDisk), dir, options).unwrap()
}

#[test]
fn a_view_keeps_reading_what_was_freed() {
    let dir = tempfile::tempdir().unwrap();
    let store = in_dir(dir.path());
    let reader = FileStore::read_only(dir.path()).unwrap();
    let mut pinned = Vec::new();
    churn(&Both(vec![&store]), 40, |_| {
        for store in [&store, &reader] {
            let view = block_on(store.view()).unwrap();
            pinned.push((block_on(picture(view.as_ref())), view));
        }
    });
    assert!(!dir.path().join("000001.log").exists(), "nothing was freed");
    for (before, view) in pinned {
        assert_eq!(block_on(picture(view.as_ref())), before);
    }
}

#[test]
fn a_reader_who_was_away_finds_the_way_back() {
    let (memory, disk) = (MemoryStore::new(), SimDisk::new(1));
    let file = open(&disk, SEGMENT).unwrap();
    let mut readers = Vec::new();
    churn(&Both(vec![&memory, &file]), 40, |_| readers.push(read(&disk).unwrap()));
    assert!(disk.contents(&segment(1)).is_none(), "nothing was freed");
    for reader in readers {
        assert_eq!(look(&reader), look(&memory));
        assert_eq!(look(&reader), look(&memory), "the second time there is nothing new");
    }
}

/// What should be gone, and came back in a crash, is removed; what is missing and needed is not passed over.
#[test]
fn leftovers_are_removed_and_holes_are_refused() {
    let (memory, disk) = (MemoryStore::new(), SimDisk::new(1));
    let file = open(&disk, SEGMENT).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    churn(&Both(vec![&memory, &file]), 40, |_| {
        for number in segments(&disk).0 {
            seen.insert(number, disk.contents(&segment(number)).unwrap());
        }
    });
    drop(file);
    let (numbers, _) = segments(&disk);
    let first = numbers[0];
    assert!(first > 3 && numbers.len() > 2);
    for back in [vec![first - 1], vec![first - 3], vec![first - 1, first - 2], vec![1, first - 1], vec![1, 2]] {
        let disk = disk.fork();
        back.iter().for_each(|number| disk.put(&segment(*number), &seen[number]));
        assert_eq!(look(&read(&disk).unwrap()), look(&memory), "read with {back:?}");
        assert_eq!(look(&open(&disk, SEGMENT).unwrap()), look(&memory), "with {back:?}");
        assert_eq!(segments(&disk).0, numbers, "with {back:?}");
    }
    for number in numbers.iter().rev().skip(1) {
        let disk = disk.fork();
        disk.remove(&segment(*number)).unwrap();
        for result in [read(&disk), open(&disk, SEGMENT)] {
            match result {
                Err(Error::Damaged { path, .. }) => assert_eq!(path, segment(*number)),
                other => panic!("{number}: {other:?}"),
            }
        }
    }
}

/// Freeing space needs space. Without, what was published is published, and the space is freed later.
#[test]
fn a_full_disk_does_not_fail_a_run_that_is_published() {
    let failures = std::cell::Cell::new(0);
    for operation in (0..200).step_by(3) {
        let (memory, disk) = (MemoryStore::new(), SimDisk::new(operation));
        let file = open(&disk, SEGMENT).unwrap();
        churn(&Both(vec![&memory, &file]), 12, |_| {});
        let before = block_on(file.view()).unwrap().revision();
        disk.fail_at(disk.operations() + operation, store::disk::Fault::Full);
        let fixture = Fixture::new(&memory);
        let mut refused = false;
        'runs: for version in 100..120 {
            let pages = fixture.pages(&tile(0, 0, 10), Incremental, &[vec![event("hot", version, 1)]]);
            for page in pages {
                block_on(memory.write(Batch::Stage(page.clone()))).unwrap();
                if block_on(file.write(Batch::Stage(page))).is_err() {
                    refused = true;
                    break 'runs;
                }
            }
            let rounds = block_on(memory.view()).unwrap().rounds();
            let (publish, _) = block_on(fixture.plan(&[rounds[0].round], &[], &[]));
            block_on(memory.write(Batch::Publish(publish.clone()))).unwrap();
            if block_on(file.write(Batch::Publish(publish))).is_err() {
                refused = true;
                break 'runs;
            }
        }
        if !refused {
            assert_eq!(look(&file), look(&memory), "operation {operation}");
        }
        assert!(block_on(file.view()).unwrap().revision() >= before);
        failures.set(failures.get() + u32::from(!refused));
        if !refused {
            drop(file);
            assert_eq!(look(&open(&disk, SEGMENT).unwrap()), look(&memory), "operation {operation}");
        }
    }
    assert!(failures.get() > 3, "no fault hit the compaction, or each failed the run: {}", failures.get());
}

/// Readers in threads of their own, new ones and old ones, while segments come and go under them.
#[test]
fn readers_never_see_half_a_run_while_space_is_freed() {
    let dir = tempfile::tempdir().unwrap();
    let store = in_dir(dir.path());
    churn(&Both(vec![&store]), 2, |_| {});
    let done = std::sync::atomic::AtomicBool::new(false);
    let is_done = || done.load(std::sync::atomic::Ordering::Relaxed);
    std::thread::scope(|scope| {
        let old = scope.spawn(|| follow(&FileStore::read_only(dir.path()).unwrap(), is_done));
        let new = scope.spawn(|| {
            let mut reads = 0;
            while !is_done() {
                reads += follow(&FileStore::read_only(dir.path()).unwrap(), || true);
            }
            reads
        });
        let fixture = Fixture::new(&store);
        let tile = tile(0, 0, 10);
        for version in 10..160 {
            // Two events that always have the same version, in two pages, and some that come and go.
            let pair = ["left", "right"].map(|id| vec![event(id, version, 1), event(&version.to_string(), version, 2)]);
            // The first rounds' numbers are taken.
            (version == 10).then(|| (0..10).for_each(|_| drop(fixture.pages(&tile, Full, &[Vec::new()]))));
            let round = block_on(fixture.stage(&tile, Full, &pair));
            block_on(fixture.publish(&[round]));
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        let (old, new) = (old.join().unwrap(), new.join().unwrap());
        assert!(old > 0 && new > 0, "nobody has read anything");
    });
    assert!(!dir.path().join("000001.log").exists(), "nothing was freed");
}

/// Reads until it is enough, and at least once; how often.
fn follow(reader: &FileStore, enough: impl Fn() -> bool) -> u32 {
    let mut last = store::Revision(0);
    for reads in 1.. {
        let view = block_on(reader.view()).unwrap();
        assert!(view.revision() >= last, "the replica went back");
        last = view.revision();
        let version = |id| block_on(view.payload(id)).unwrap().map(|layers| format!("{layers:?}").replace(id, ""));
        assert_eq!(version("left"), version("right"), "half a run is seen");
        block_on(picture(view.as_ref()));
        if enough() {
            return reads;
        }
    }
    0
}
