//! A log that was cut off or changed while nobody was looking.

use store::Error;
use store::conformance::block_on;
use store::disk::SimDisk;
use store::{Batch, Discard, Store};

use crate::history::{History, disk_with, is_thorough, look, open, open_uncompacted, read, segment};

/// Opening for reading must not change the disk, and what is refused must be left as it is.
fn assert_untouched(disk: &SimDisk, bytes: &[u8]) {
    assert_eq!(disk.contents(&segment(1)).as_deref(), Some(bytes), "the log was changed");
}

#[test]
fn a_log_cut_off_at_any_byte_recovers_to_its_last_whole_frame() {
    let history = History::new();
    let (disk, lengths) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    for cut in 0..=bytes.len() {
        let disk = disk_with(&bytes[..cut]);
        let whole = lengths.iter().filter(|len| **len <= cut).count().saturating_sub(1);
        assert_eq!(history.written(&read(&disk).unwrap()), history.shown(whole), "read at {cut}");
        assert_untouched(&disk, &bytes[..cut]);
        let store = open(&disk, u64::MAX).unwrap();
        assert_eq!(history.written(&store), history.shown(whole), "recovered at {cut}");
        assert_untouched(&disk, &bytes[..lengths[whole]]);
        if cut % 16 == 0 {
            history.replay(&store, whole).unwrap();
            assert_eq!(history.written(&store), history.batches.len());
            drop(store);
            assert_eq!(history.written(&read(&disk).unwrap()), history.batches.len());
        }
    }
}

#[test]
fn a_flipped_bit_in_the_last_frame_costs_that_frame_or_is_refused() {
    let history = History::new();
    let (disk, lengths) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    let before = history.batches.len() - 1;
    for bit in lengths[before] * 8..bytes.len() * 8 {
        let disk = disk_with(&flip(&bytes, bit));
        match open(&disk, u64::MAX) {
            Ok(store) => {
                assert_eq!(history.written(&store), history.shown(before), "bit {bit}");
                assert_untouched(&disk, &bytes[..lengths[before]]);
            }
            Err(Error::Damaged { .. }) => assert_untouched(&disk, &flip(&bytes, bit)),
            Err(error) => panic!("bit {bit}: {error}"),
        }
    }
}

#[test]
fn a_flipped_bit_before_the_last_frame_is_refused_and_left_alone() {
    let history = History::new();
    let (disk, lengths) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    let last = lengths[history.batches.len() - 1];
    // Every bit of each header, and of the rest one in five, which meets each position in a byte.
    let rest = |bit: &usize| {
        is_thorough() || bit.is_multiple_of(5) || lengths.iter().any(|at| (at * 8..at * 8 + 256).contains(bit))
    };
    for bit in (0..last * 8).filter(rest) {
        let flipped = flip(&bytes, bit);
        let disk = disk_with(&flipped);
        let reader = (bit % 8 == 0).then(|| read(&disk));
        for result in reader.into_iter().chain([open(&disk, u64::MAX)]) {
            match result {
                Err(Error::Damaged { offset, .. }) => assert!(offset <= bit as u64 / 8, "bit {bit}: found at {offset}"),
                Err(Error::Newer { .. }) => assert!((64..96).contains(&bit), "bit {bit} is not of the format"),
                other => panic!("bit {bit}: {other:?}"),
            }
        }
        assert_untouched(&disk, &flipped);
    }
}

fn flip(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[bit / 8] ^= 1 << (bit % 8);
    flipped
}

#[test]
fn a_whole_frame_in_the_wrong_place_is_refused() {
    let history = History::new();
    let (disk, lengths) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    let frame = |number: usize| &bytes[lengths[number]..lengths[number + 1]];
    let twice = [&bytes[..], frame(history.batches.len() - 1)].concat();
    let without_one = [&bytes[..lengths[2]], &bytes[lengths[3]..]].concat();
    let swapped = [&bytes[..lengths[2]], frame(3), frame(2), &bytes[lengths[4]..]].concat();
    for (spoilt, offset) in [(twice, bytes.len()), (without_one, lengths[2]), (swapped, lengths[2])] {
        let disk = disk_with(&spoilt);
        match open(&disk, u64::MAX) {
            Err(Error::Damaged { offset: found, .. }) => assert_eq!(found, offset as u64),
            other => panic!("{other:?}"),
        }
        assert_untouched(&disk, &spoilt);
    }
}

/// A payload is text, so it cannot hold the byte that a frame starts with, however much it looks like one.
#[test]
fn a_payload_is_never_taken_for_a_frame() {
    let history = History::new();
    let (disk, lengths) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    let frame = &bytes[lengths[0]..lengths[1]];
    let text = String::from_utf8_lossy(frame).replace('\u{fffd}', "\u{ff}");
    let item = serde_json::json!({"id": "fake", "subject": text}).to_string();
    let store = open(&disk, u64::MAX).unwrap();
    let fixture = store::conformance::Fixture::new(&store);
    let tile = store::conformance::tile(1, 2, 12);
    block_on(fixture.run(&tile, delta_core::RoundKind::Incremental, &[item]));
    let shown = look(&store);
    drop(store);
    let mut torn = disk.contents(&segment(1)).unwrap();
    assert_eq!(look(&open(&disk_with(&torn), u64::MAX).unwrap()), shown);
    torn.truncate(torn.len() - 1);
    let recovered = open(&disk_with(&torn), u64::MAX).unwrap();
    assert_ne!(look(&recovered), shown);
}

#[test]
fn a_sealed_segment_that_is_not_whole_is_refused() {
    let history = History::new();
    let disk = SimDisk::new(1);
    let store = open_uncompacted(&disk, 1).unwrap();
    history.replay(&store, 0).unwrap();
    drop(store);
    let frames = history.batches.len() as u32;
    assert!(disk.contents(&segment(frames)).is_some() && disk.contents(&segment(frames + 1)).is_none());
    for number in 1..frames {
        let bytes = disk.contents(&segment(number)).unwrap();
        for spoilt in [&bytes[..bytes.len() - 1], &bytes[..40], &bytes[..20], &[]] {
            let disk = disk.fork();
            disk.put(&segment(number), spoilt);
            for result in [read(&disk), open(&disk, 1)] {
                assert!(matches!(result, Err(Error::Damaged { .. })), "{number}: {result:?}");
            }
            assert_eq!(disk.contents(&segment(number)).as_deref(), Some(spoilt));
        }
        let disk = disk.fork();
        store::disk::Disk::remove(&disk, &segment(number)).unwrap();
        match open(&disk, 1) {
            Err(Error::Damaged { path, .. }) => assert_eq!(path, segment(number)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let history = History::new();
    let disk = SimDisk::new(1);
    history.replay(&open_uncompacted(&disk, 1).unwrap(), 0).unwrap();
    let foreign = disk.contents(&segment(2)).unwrap();
    let (ours, lengths) = history.on_disk();
    let bytes = ours.contents(&segment(1)).unwrap();
    for len in [40, foreign.len()] {
        let disk = disk_with(&bytes[..lengths[3]]);
        disk.put(&segment(2), &foreign[..len]);
        match open(&disk, 1) {
            Err(Error::Damaged { path, offset: 0, .. }) => assert_eq!(path, segment(2)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let history = History::new();
    let (disk, _) = history.on_disk();
    let mut bytes = disk.contents(&segment(1)).unwrap();
    bytes[8] = 2;
    let disk = disk_with(&bytes);
    for result in [read(&disk), open(&disk, u64::MAX)] {
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Newer { format: 2, .. }), "{error}");
        assert!(error.to_string().contains("format 2"));
    }
    assert_untouched(&disk, &bytes);
}

/// What goes bad after the store was opened is reported by the view that reads it.
#[test]
fn a_payload_that_was_cut_off_later_is_reported() {
    let history = History::new();
    let (disk, _) = history.on_disk();
    let store = open(&disk, u64::MAX).unwrap();
    let view = block_on(store.view()).unwrap();
    let file = store::disk::Disk::open(&disk, &segment(1), store::disk::Access::Write).unwrap();
    file.set_len(40).unwrap();
    let result = block_on(view.payload("o"));
    assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");
}

#[test]
fn a_batch_that_changes_nothing_is_not_written() {
    let history = History::new();
    let (disk, _) = history.on_disk();
    let bytes = disk.contents(&segment(1)).unwrap();
    let store = open(&disk, u64::MAX).unwrap();
    block_on(store.write(Batch::Discard(Discard { round: delta_core::RoundId::new(1) }))).unwrap();
    assert_untouched(&disk, &bytes);
}
