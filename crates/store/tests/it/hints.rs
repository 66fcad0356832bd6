//! Hints are a cache: nothing depends on them but time.

use std::path::{Path, PathBuf};

use store::conformance::block_on;
use store::disk::{Disk, SimDisk};
use store::{Error, FileStore, Store};

use crate::history::{History, PATH, look, open_uncompacted, read, segment};

fn hint(number: u32) -> PathBuf {
    Path::new(PATH).join(format!("{number:06}.hint"))
}

/// The history in segments of some frames each.
fn sealed() -> (History, SimDisk, u32) {
    let history = History::new();
    let disk = SimDisk::new(1);
    let store = open_uncompacted(&disk, 2500).unwrap();
    history.replay(&store, 0).unwrap();
    let tail = (1..).find(|number| disk.contents(&segment(number + 1)).is_none()).unwrap();
    assert!(tail > 2);
    (history, disk, tail)
}

#[test]
fn each_sealed_segment_has_a_hint_without_payloads() {
    let (_, disk, tail) = sealed();
    for number in 1..tail {
        let hint = disk.contents(&hint(number)).unwrap();
        assert!(hint.len() < disk.contents(&segment(number)).unwrap().len());
        assert!(!hint.windows(9).any(|bytes| bytes == b"\"subject\""), "a payload is in the hint");
    }
    assert!(disk.contents(&hint(tail)).is_none());
}

/// With its hint, a sealed segment's payloads are not looked at before somebody wants one; then they are checked.
#[test]
fn opening_reads_hints_and_the_tail() {
    let (_, disk, tail) = sealed();
    let master = br#""webLink":"https://outlook.office365.com/m""#;
    let place = |number: &u32| {
        let bytes = disk.contents(&segment(*number)).unwrap();
        bytes.windows(master.len()).position(|window| window == master)
    };
    let number = (1..tail).find(|number| place(number).is_some()).unwrap();
    let mut bytes = disk.contents(&segment(number)).unwrap();
    bytes[place(&number).unwrap() + 3] ^= 1;
    disk.put(&segment(number), &bytes);
    let view = block_on(read(&disk).unwrap().view()).unwrap();
    let rows = block_on(view.rows(None, 100)).unwrap();
    let results: Vec<_> = rows.iter().map(|row| block_on(view.payload(&row.meta.id))).collect();
    let damaged = results.iter().filter(|result| matches!(result, Err(Error::Damaged { .. }))).count();
    assert_eq!(damaged, 1, "{results:?}");
    assert!(rows.len() > 1);
    disk.remove(&hint(number)).unwrap();
    for result in [read(&disk), open_uncompacted(&disk, 2500)] {
        assert!(matches!(result, Err(Error::Damaged { .. })), "{result:?}");
    }
}

#[test]
fn a_bad_hint_is_ignored_and_made_anew() {
    let (history, disk, tail) = sealed();
    let good = disk.contents(&hint(1)).unwrap();
    let other = disk.contents(&hint(2)).unwrap();
    let flips = (0..good.len()).map(|at| {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        bad
    });
    let cuts = (0..good.len()).step_by(5).map(|len| good[..len].to_vec());
    for bad in flips.chain(cuts).chain([other, vec![0; good.len()], [&good[..], b"x"].concat()]) {
        let disk = disk.fork();
        disk.put(&hint(1), &bad);
        assert_eq!(history.written(&read(&disk).unwrap()), history.batches.len());
        assert_eq!(disk.contents(&hint(1)).unwrap(), bad, "a reader writes nothing");
        drop(open_uncompacted(&disk, 2500).unwrap());
        assert_eq!(disk.contents(&hint(1)).unwrap(), good);
    }
    for number in 1..tail {
        disk.remove(&hint(number)).unwrap();
    }
    let shown = look(&open_uncompacted(&disk, 2500).unwrap());
    assert_eq!(shown, history.pictures[history.batches.len()]);
    assert_eq!(disk.contents(&hint(1)).unwrap(), good);
}

/// A hint that is whole is believed. Whether it should be is found out by looking at its segment.
#[test]
fn a_hint_that_lies_is_found_by_verifying() {
    let (_, disk, _) = sealed();
    let good = disk.contents(&hint(1)).unwrap();
    let shown = look(&read(&disk).unwrap());
    FileStore::verify_with(&disk, PATH).unwrap();
    let mut lies = 0;
    for at in 0..good.len() - 4 {
        let disk = disk.fork();
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        let crc = crc32c::crc32c(&bad[..bad.len() - 4]);
        bad.splice(good.len() - 4.., crc.to_le_bytes());
        disk.put(&hint(1), &bad);
        match FileStore::verify_with(&disk, PATH) {
            Err(Error::Damaged { path, .. }) => {
                assert_eq!(path, hint(1), "at {at}");
                lies += 1;
                disk.remove(&path).unwrap();
            }
            // Nobody believes it.
            other => drop(other.unwrap()),
        }
        assert_eq!(look(&read(&disk).unwrap()), shown, "at {at}");
    }
    assert!(lies > 100, "{lies}");
}

/// A crash while a segment is begun leaves the one before at the end. If its last frame went bad meanwhile, that is damage,
/// and nothing that is cut off.
#[test]
fn what_a_hint_covers_up_is_not_taken_for_a_torn_end() {
    let (_, disk, tail) = sealed();
    disk.put(&segment(tail), b"torn");
    let sealed = disk.contents(&segment(tail - 1)).unwrap();
    let mut bytes = sealed.clone();
    let at = bytes.len() - 2;
    bytes[at] ^= 1;
    disk.put(&segment(tail - 1), &bytes);
    for _ in 0..2 {
        let refused = open_uncompacted(&disk, 2500);
        assert!(matches!(refused, Err(Error::Damaged { .. })), "{refused:?}");
        assert_eq!(disk.contents(&segment(tail - 1)).unwrap(), bytes);
    }
    disk.put(&segment(tail - 1), &sealed);
    open_uncompacted(&disk, 2500).unwrap();
}

/// A hint of a segment that is the tail again, or gone, must not be believed later.
#[test]
fn hints_without_a_sealed_segment_are_removed() {
    let (history, disk, tail) = sealed();
    disk.put(&hint(tail), &disk.contents(&hint(1)).unwrap());
    disk.put(&hint(tail + 5), b"");
    let store = open_uncompacted(&disk, 2500).unwrap();
    assert_eq!(history.written(&store), history.batches.len());
    assert!(disk.contents(&hint(tail)).is_none() && disk.contents(&hint(tail + 5)).is_none());
}

/// The pages of a round that is still open are read when somebody wants them, and checked.
#[test]
fn an_open_round_is_read_from_its_segment() {
    let history = History::new();
    let disk = SimDisk::new(1);
    let store = open_uncompacted(&disk, 1).unwrap();
    // The open round's pages come after ten batches.
    history.replay(&store, 0).unwrap();
    let bytes = disk.contents(&segment(11)).unwrap();
    let begins = bytes.windows(9).position(|window| window == b"\"items\":[").unwrap();
    for at in begins + 9..bytes.len() - 2 {
        let spoilt = disk.fork();
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        spoilt.put(&segment(11), &bytes);
        let view = block_on(read(&spoilt).unwrap().view()).unwrap();
        let round = view.rounds()[0].round;
        let page = block_on(view.staged_page(round, 0));
        assert!(matches!(page, Err(Error::Damaged { .. })), "{at}: {page:?}");
    }
    block_on(block_on(read(&disk).unwrap().view()).unwrap().staged_page(view_round(&disk), 0)).unwrap().unwrap();
}

fn view_round(disk: &SimDisk) -> delta_core::RoundId {
    block_on(read(disk).unwrap().view()).unwrap().rounds()[0].round
}

/// What is taken from a hint is checked when it is read: a row has a checksum of its own.
#[test]
fn a_row_that_has_changed_is_noticed() {
    let (_, disk, tail) = sealed();
    let mut noticed = 0;
    for number in 1..tail {
        let bytes = disk.contents(&segment(number)).unwrap();
        for at in (40..bytes.len()).step_by(3) {
            let spoilt = disk.fork();
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            spoilt.put(&segment(number), &bytes);
            let view = block_on(read(&spoilt).unwrap().view()).unwrap();
            let sound = block_on(block_on(read(&disk).unwrap().view()).unwrap().rows(None, 100)).unwrap();
            for row in sound {
                match block_on(view.row(&row.meta.id)) {
                    Ok(found) => assert_eq!(found, Some(row), "{number} {at}"),
                    Err(Error::Damaged { .. }) => noticed += 1,
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    assert!(noticed > 100, "{noticed}");
}
